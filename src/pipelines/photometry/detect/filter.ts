/** The detection filter of a frame on an engine, through kernel filter-matched; and extraction on what it gives. */
import { type FilterMatchedOptions, MAX_KERNEL, windowShape } from '../../../../kernels/filter-matched/spec.ts';
import type { SourceBatch } from '../../../engine/batches.ts';
import { chainOf } from '../../../engine/compare.ts';
import type { Engine } from '../../../engine/face.ts';
import { type Extraction, type ExtractOptions, extract } from '../../../sky/detection/extract.ts';
import { readSettings } from '../../../sky/detection/extract-settings.ts';
import { type DetectionImage, type DetectionPlan, type FilteredMaps, isMatched } from '../../../sky/detection/filter.ts';
import { isSeparable, normalizeKernel } from '../../../sky/detection/filter-rows.ts';
import { isWorthDevice, type StepCost } from './worth.ts';

const TILE = 128;
/** What float32 holds with room for products. */
const MAX_VALUE = 1e16;
const MAX_SIGMA = 1e15;

/** `auto`: by the costs of this step. The others are for checks and measurements. */
export type Where = 'auto' | 'device' | 'cpu';

/**
 * On this thread 5 ns, and 1 ns for every weight that a pass goes through; cutting, uploading, reading back and looking through maps 15 ns (with Dawn's null
 * backend, which does nothing else). All of it twice with a noise map. So a device is worth it from 5 x 5 pixels that are no product of row and column.
 */
function costOf(kernel: { weights: Float64Array; width: number; height: number }, matched: boolean): StepCost {
  const { weights, width, height } = kernel;
  const taps = isSeparable(weights, width, height) ? width + height : width * height;
  const planes = matched ? 2 : 1;
  return { cpu: planes * (5 + taps), host: planes * 15, bytes: planes * 8.4 };
}

/**
 * The image filtered for extraction with the same options, on the device where that is worth it (see docs/detection.md); undefined where `extract` does better
 * by itself: no kernel, one wider than 25 pixels, an image or noise map of float64, values that float32 does not hold.
 *
 * @throws what `extract` throws for its options
 */
export async function filterWith(
  engine: Engine,
  image: DetectionImage,
  options: ExtractOptions,
  where: Where = 'auto',
): Promise<FilteredMaps | undefined> {
  const { plan } = readSettings(image, options);
  if (plan.kernel === null || where === 'cpu') return undefined;
  const kernel = normalizeKernel(plan.kernel);
  const matched = isMatched(plan);
  const fits =
    kernel.width <= MAX_KERNEL &&
    kernel.height <= MAX_KERNEL &&
    image.data instanceof Float32Array &&
    !(matched && plan.noise instanceof Float64Array);
  const isWorth = where === 'device' || isWorthDevice(engine, image.data.length, costOf(kernel, matched));
  if (!fits || !isWorth) return undefined;
  const tile: FilterMatchedOptions = {
    width: Math.min(TILE, image.width),
    height: Math.min(TILE, image.height),
    kernelWidth: kernel.width,
    kernelHeight: kernel.height,
    matched,
  };
  const cutter = new TileCutter(plan, tile, kernel.weights);
  const values = new Float32Array(image.data.length);
  const significance = matched ? new Float32Array(values.length) : undefined;
  const chain = {
    ...chainOf(engine.registry['filter-matched'], tile),
    keep: matched ? ['filtered', 'significance'] : ['filtered'],
  };
  let done = 0;
  for await (const { outputs, count } of engine.stream(chain, cutter.rows(), { batchItems: cutter.columns })) {
    cutter.paste(outputs['filtered'] as Float32Array, done, count, values);
    if (significance !== undefined) cutter.paste(outputs['significance'] as Float32Array, done, count, significance);
    done += count;
  }
  return cutter.isUnfit ? undefined : { values, significance };
}

/** As `extract`, with the filter on the device of `engine` where that is worth it. A pixel within 2e-6 of the threshold may fall on its other side. */
export async function extractWith(
  engine: Engine,
  image: DetectionImage,
  options: ExtractOptions,
  where: Where = 'auto',
): Promise<Extraction> {
  return extract(image, { ...options, filtered: await filterWith(engine, image, options, where) });
}

/** Cuts windows of tiles out of an image and puts tiles back, row of tiles by row of tiles. */
class TileCutter {
  readonly columns: number;
  /** A value or a noise was met that float32 does not hold. */
  isUnfit = false;
  readonly #plan: DetectionPlan;
  readonly #tile: FilterMatchedOptions;
  readonly #kernel: Float64Array;

  constructor(plan: DetectionPlan, tile: FilterMatchedOptions, kernel: Float64Array) {
    this.#plan = plan;
    this.#tile = tile;
    this.#kernel = kernel;
    this.columns = Math.ceil(plan.image.width / tile.width);
  }

  *rows(): Generator<SourceBatch> {
    const { image } = this.#plan;
    for (let y = 0; y < image.height && !this.isUnfit; y += this.#tile.height) yield this.#cutRow(y);
  }

  #cutRow(y0: number): SourceBatch {
    const [rows, columns] = windowShape(this.#tile);
    const count = this.columns;
    const pixels = rows * columns;
    const { matched } = this.#tile;
    const data = new Float32Array(count * pixels);
    const weights = new Float32Array(matched ? data.length : count);
    for (let item = 0; item < count; item++) {
      const left = item * this.#tile.width - (this.#tile.kernelWidth >> 1);
      const low = y0 - (this.#tile.kernelHeight >> 1);
      const values = data.subarray(item * pixels, (item + 1) * pixels);
      this.#cut(left, low, values, matched ? weights.subarray(item * pixels, (item + 1) * pixels) : undefined);
    }
    return { inputs: { 'in:kernel': this.#kernel, 'in:data': data, 'in:weights': weights }, count };
  }

  #cut(left: number, low: number, values: Float32Array, weights: Float32Array | undefined): void {
    const { image, mask, noise, noiseIsVariance } = this.#plan;
    const { data, width, height } = image;
    const [rows, columns] = windowShape(this.#tile);
    let largest = 0;
    let isNoiseUnfit = false;
    const first = Math.max(0, left);
    const end = Math.min(width, left + columns);
    for (let row = Math.max(0, -low); row < rows && low + row < height; row++) {
      const start = (low + row) * width;
      let to = row * columns + first - left;
      for (let at = start + first; at < start + end; at++, to++) {
        const value = data[at];
        if (!(value - value === 0) || (mask !== undefined && mask[at] !== 0)) continue;
        values[to] = value;
        const size = Math.abs(value);
        if (size > largest) largest = size;
        if (weights === undefined || noise === undefined) continue;
        const sigma = noise[at];
        if (!(sigma > 0)) continue;
        const variance = noiseIsVariance ? sigma : sigma * sigma;
        weights[to] = 1 / variance;
        if (!(variance >= 1 / MAX_SIGMA ** 2 && variance <= MAX_SIGMA ** 2) && variance !== Infinity) isNoiseUnfit = true;
      }
    }
    if (largest > MAX_VALUE || isNoiseUnfit) {
      this.isUnfit = true;
      values.fill(0);
      weights?.fill(0);
    }
  }

  /** Puts tiles `from` .. `from + count` (counted along the rows of tiles) where they belong. */
  paste(tiles: Float32Array, from: number, count: number, map: Float32Array): void {
    const { width: tileWidth, height: tileHeight } = this.#tile;
    const { width, height } = this.#plan.image;
    for (let item = 0; item < count; item++) {
      const x = ((from + item) % this.columns) * tileWidth;
      const y = Math.floor((from + item) / this.columns) * tileHeight;
      const wide = Math.min(tileWidth, width - x);
      for (let row = 0; row < tileHeight && y + row < height; row++) {
        const start = (item * tileHeight + row) * tileWidth;
        map.set(tiles.subarray(start, start + wide), (y + row) * width + x);
      }
    }
  }
}
