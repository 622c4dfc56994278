/**
 * Puts an image on another pixel grid, band by band: images that are not aligned become a stack's layers.
 *
 * ```ts
 * const resampled = resampleFrame(engine, fitsResampleSource(file.hdu(0)), { wcs, width: 4096, height: 4096 });
 * for await (const { y0, rows, image, invvar, mask } of resampled.bands) stack(y0, rows, image, invvar);
 * console.log(resampled.plan.noiseUnderestimate, resampled.counts);
 * ```
 *
 * Memory is bounded by `memoryBudgetBytes`, however large the two images are; of the source only what output pixels look at is read.
 */
import { NO_DATA, PARTIAL, type ResampleLanczosOptions, tapsOf } from '../../../kernels/resample-lanczos/options.ts';
import { throwIfAborted } from '../../engine/batches.ts';
import type { Chain } from '../../engine/executor.ts';
import type { Engine } from '../../engine/face.ts';
import { latticePositions, mapTile, type Positions } from './resample/mapping.ts';
import { type Grid, planResampling, type ResampleOptions, type ResamplePlan } from './resample/plan.ts';
import { type PlacedTile, placeTile, type ResampleSource, readWindows, type TileInputs } from './resample/windows.ts';

export type { Conserve, Interpolation } from '../../../kernels/resample-lanczos/options.ts';
export { type FitsSourceOptions, fitsResampleSource } from './resample/fits-source.ts';
export { type Grid, planResampling, type ResampleOptions, type ResamplePlan } from './resample/plan.ts';
export type { ResampleSource, SourcePixels } from './resample/windows.ts';

/** Rows y0 .. y0 + rows of the target, each `width` pixels. */
export interface ResampledBand {
  readonly y0: number;
  readonly rows: number;
  /** 0 where there is no data. */
  readonly image: Float32Array;
  /** Inverse variance of each pixel on its own; 0 where there is no data. */
  readonly invvar: Float32Array;
  /** 1: no data. 2: some source pixels under the kernel are bad or outside. */
  readonly mask: Uint8Array;
}

/** What came of the pixels so far. */
export interface ResampleCounts {
  /** Of the target, of the bands given. */
  pixels: number;
  noData: number;
  partial: number;
  /** Tiles computed, and left out because they do not meet the source, or because their sky has no place in it (a seam, the far side). */
  tiles: number;
  tilesOutside: number;
  tilesUnmapped: number;
  /** Source pixels read; boxes overlap. */
  sourcePixelsRead: number;
  /** Largest error of a position between control points, where it was measured, source px. */
  maxPositionErrorPx: number;
}

export interface Resampling {
  readonly plan: ResamplePlan;
  readonly counts: Readonly<ResampleCounts>;
  /** From the bottom up; can be walked once. Throws what the source throws on reading, and ABORTED. */
  readonly bands: AsyncGenerator<ResampledBand, void, undefined>;
}

/**
 * Resamples `source` to the grid `target`. Positions are exact (float64, both distortions and projections) to `maxPositionErrorPx`.
 *
 * Throws INPUT_INVALID, USAGE as {@link planResampling}.
 */
export function resampleFrame(engine: Engine, source: ResampleSource, target: Grid, options: ResampleOptions = {}): Resampling {
  const plan = planResampling(source, target, options);
  const counts: ResampleCounts = {
    pixels: 0,
    noData: 0,
    partial: 0,
    tiles: 0,
    tilesOutside: 0,
    tilesUnmapped: 0,
    sourcePixelsRead: 0,
    maxPositionErrorPx: 0,
  };
  return { plan, counts, bands: makeBands({ engine, source, target, plan, counts, signal: options.signal }) };
}

interface Work {
  readonly engine: Engine;
  readonly source: ResampleSource;
  readonly target: Grid;
  readonly plan: ResamplePlan;
  readonly counts: ResampleCounts;
  readonly signal: AbortSignal | undefined;
}

/** The next band is read while this one is computed. */
async function* makeBands(work: Work): AsyncGenerator<ResampledBand, void, undefined> {
  const { target, plan } = work;
  const chains = new Map<string, Chain>();
  const read = (y0: number): Promise<TileInputs[]> => {
    const inputs = readBand(work, y0);
    // Whoever waits for it hears of a failure; nobody may wait when the caller leaves early.
    inputs.catch(() => {});
    return inputs;
  };
  let next = read(0);
  try {
    for (let y0 = 0; y0 < target.height; y0 += plan.bandRows) {
      const inputs = await next;
      throwIfAborted(work.signal, work.counts.tiles);
      if (y0 + plan.bandRows < target.height) next = read(y0 + plan.bandRows);
      yield await computeBand(work, y0, inputs, chains);
    }
  } finally {
    await next.catch(() => {});
  }
}

/** Maps the tiles of a band and reads their windows, one set of inputs per step of control points. */
async function readBand({ source, target, plan, counts }: Work, y0: number): Promise<TileInputs[]> {
  const rows = Math.min(plan.bandRows, target.height - y0);
  const tiles: PlacedTile[] = [];
  for (let y = y0; y < y0 + rows; y += plan.tile) tiles.push(...placeRow(source, target, plan, y, counts));
  // Column by column, so that neighbours in the list are neighbours on the sky, whatever the angle between the two grids.
  tiles.sort((a, b) => a.x - b.x || a.y - b.y);
  const sets: TileInputs[] = [];
  for (const step of new Set(tiles.map((tile) => tile.step))) {
    const ofStep = tiles.filter((tile) => tile.step === step);
    const onRead = (pixels: number): void => {
      counts.sourcePixelsRead += pixels;
    };
    sets.push(await readWindows(source, ofStep, plan.tile, plan.boxPixels, onRead));
  }
  return sets;
}

/** The tiles of one row that look at the source. */
function placeRow(source: Grid, target: Grid, plan: ResamplePlan, y: number, counts: ResampleCounts): PlacedTile[] {
  const { tile } = plan;
  const across = Math.ceil(target.width / tile);
  const width = 2 * across + 1;
  const row = latticePositions(source.wcs, target.wcs, 0, y, tile / 2, width, 3);
  const taps = tapsOf(plan);
  const placed: PlacedTile[] = [];
  for (let index = 0; index < across; index++) {
    const found = placeOne(source, target, plan, index * tile, y, threeByThree(row, width, 2 * index), taps);
    if (found === 'outside') counts.tilesOutside++;
    else if (found === 'unmapped') counts.tilesUnmapped++;
    else {
      placed.push(found);
      counts.maxPositionErrorPx = Math.max(counts.maxPositionErrorPx, found.error);
    }
  }
  return placed;
}

function placeOne(
  source: Grid,
  target: Grid,
  { tile, maxPositionErrorPx }: ResamplePlan,
  x: number,
  y: number,
  coarse: Positions,
  taps: number,
): ReturnType<typeof placeTile> {
  const missing = coarse.x.reduce((count, value) => count + (Number.isNaN(value) ? 1 : 0), 0);
  if (missing === coarse.x.length) return 'unmapped';
  // Most of a large target may lie elsewhere; its tiles are not worth a finer look.
  if (missing === 0 && placeTile({ step: tile / 2, points: coarse, error: 0 }, x, y, taps, source) === 'outside')
    return 'outside';
  return placeTile(mapTile(source.wcs, target.wcs, x, y, tile, coarse, maxPositionErrorPx), x, y, taps, source);
}

function threeByThree({ x, y }: Positions, width: number, first: number): Positions {
  const pick = (from: Float64Array): Float64Array =>
    Float64Array.from({ length: 9 }, (_, k) => from[Math.floor(k / 3) * width + first + (k % 3)]);
  return { x: pick(x), y: pick(y) };
}

async function computeBand(
  work: Work,
  y0: number,
  sets: readonly TileInputs[],
  chains: Map<string, Chain>,
): Promise<ResampledBand> {
  const { engine, target, plan, counts, signal } = work;
  const rows = Math.min(plan.bandRows, target.height - y0);
  const length = rows * target.width;
  const image = new Float32Array(length);
  const invvar = new Float32Array(length);
  const mask = new Uint8Array(length).fill(NO_DATA);
  for (const { tiles, step, window, pixels, weights, control } of sets) {
    const chain = chainFor(chains, { ...kernelOptions(plan), step, window });
    const { outputs } = await engine.run(chain, { pixels, weights, control }, tiles.length, { signal });
    tiles.forEach((tile, index) => {
      const across = Math.min(plan.tile, target.width - tile.x);
      for (let v = 0; v < Math.min(plan.tile, y0 + rows - tile.y); v++) {
        const from = (index * plan.tile + v) * plan.tile;
        const to = (tile.y - y0 + v) * target.width + tile.x;
        image.set(outputs['image'].subarray(from, from + across), to);
        invvar.set(outputs['invvar'].subarray(from, from + across), to);
        mask.set(outputs['mask'].subarray(from, from + across), to);
      }
    });
    counts.tiles += tiles.length;
  }
  counts.pixels += length;
  for (let at = 0; at < length; at++) {
    if (mask[at] === NO_DATA) counts.noData++;
    else if (mask[at] === PARTIAL) counts.partial++;
  }
  return { y0, rows, image, invvar, mask };
}

function kernelOptions({ interpolation, conserve, tile, stretch, minGoodWeight }: ResamplePlan) {
  return { interpolation, conserve, tile, stretch, minGoodWeight };
}

function chainFor(chains: Map<string, Chain>, options: ResampleLanczosOptions): Chain {
  const key = `${options.step} ${options.window}`;
  let chain = chains.get(key);
  if (chain === undefined) {
    const inputs = { pixels: 'pixels', weights: 'weights', control: 'control' };
    const outputs = { image: 'image', invvar: 'invvar', mask: 'mask' };
    chain = { steps: [{ kernel: 'resample-lanczos', options, inputs, outputs }], keep: ['image', 'invvar', 'mask'] };
    chains.set(key, chain);
  }
  return chain;
}
