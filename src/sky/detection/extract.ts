/**
 * Source extraction after SExtractor (Bertin & Arnouts, A&AS 117, 393, 1996) with the settings, columns and flags of SEP
 * (Barbary, JOSS 1, 58, 2016): filter, threshold, label, deblend, measure, clean. Pure and deterministic.
 *
 * ```ts
 * const { objects } = extract({ data, width, height }, { thresh: 10, err: sigmaMap, mask, minarea: 25, deblendCont: 0.001 });
 * for (let i = 0; i < objects.count; i++) console.log(objects.x[i], objects.y[i], objects.flux[i]);
 * ```
 */
import { cleanObjects } from './clean.ts';
import { Deblender } from './deblend.ts';
import { PixelSharer } from './deblend-share.ts';
import { ObjectPixels, ObjectRows, type ObjectShape, type ObjectTable, tooManyObjects } from './extract-buffers.ts';
import { type ExtractOptions, type ExtractSettings, readSettings } from './extract-settings.ts';
import { type DetectionImage, detectRuns } from './filter.ts';
import { ComponentLabels, type Components } from './label.ts';
import { FLAG_MERGED, FLAG_TRUNCATED, HeightOfLargest, measureShape } from './shape.ts';

export type { IntegerColumn, ObjectTable, RealColumn } from './extract-buffers.ts';
export type { ExtractOptions } from './extract-settings.ts';
export { DEFAULT_FILTER_KERNEL, type DetectionImage, type FilterKernel } from './filter.ts';
export { FLAG_MERGED, FLAG_SINGULAR, FLAG_TRUNCATED } from './shape.ts';

/** What {@link extract} found. */
export interface Extraction {
  readonly objects: ObjectTable;
  /** Number of the object (1-based) at every pixel, 0 where there is none; only when asked for. */
  readonly segmentation?: Int32Array;
  readonly counts: {
    /** Pixels above the threshold. */
    readonly detectedPixels: number;
    /** Connected groups of pixels of at least `minarea`. */
    readonly components: number;
    /** Groups that were smaller. */
    readonly tooSmall: number;
    /** Groups of masked pixels alone: no objects. */
    readonly masked: number;
    /** Groups that were split. */
    readonly blends: number;
    /** Objects that cleaning took out. */
    readonly cleaned: number;
  };
}

/**
 * Objects of a background-subtracted image, in the order in which a scan from the lowest row up completes them.
 *
 * Pixels that are masked, not finite, or (with a noise map) without a positive noise carry no signal and no weight. Noise maps switch to
 * the matched filter unless `filterType` says otherwise. Throws CONFIG_INVALID for settings out of range and INPUT_INVALID for arrays of
 * another shape or more than `maxObjects` objects. Time and memory are linear in the pixels; an image without objects gives no rows.
 */
export function extract(image: DetectionImage, options: ExtractOptions): Extraction {
  const settings = readSettings(image, options);
  const labels = new ComponentLabels();
  let y = 0;
  for (const runs of detectRuns(settings.plan)) labels.add(y++, runs);
  const components = labels.components(settings.minarea);
  if (components.count > settings.maxObjects) throw tooManyObjects(settings.maxObjects);

  const rows = new ObjectRows(settings.maxObjects);
  const measurer = new ComponentMeasurer(settings);
  // Before cleaning: numbers are settled when it is known who stays.
  const segmentation = options.segmentation === true ? new Int32Array(image.width * image.height) : undefined;
  let blends = 0;
  let masked = 0;
  for (let c = 0; c < components.count; c++) {
    const found = measurer.measure(components, c);
    if (found.length > 1) blends++;
    else if (found.length === 0) masked++;
    for (const { shape, members } of found) {
      rows.push(shape);
      if (segmentation !== undefined) measurer.paint(segmentation, members, rows.count);
    }
  }
  const stays = settings.clean ? cleanObjects(rows, settings.cleanParam) : new Uint8Array(rows.count).fill(1);
  const objects = rows.table(stays);
  if (segmentation !== undefined && objects.count < rows.count) renumber(segmentation, stays);
  const counts = {
    detectedPixels: components.detectedPixels,
    components: components.count,
    tooSmall: components.tooSmall,
    masked,
    blends,
    cleaned: rows.count - objects.count,
  };
  return segmentation === undefined ? { objects, counts } : { objects, segmentation, counts };
}

/** An object and its pixels; without `members` it has all of the component. */
interface Found {
  readonly shape: ObjectShape;
  readonly members?: Int32Array;
}

/** Deblends and measures one component after another in the same scratch. */
class ComponentMeasurer {
  readonly #settings: ExtractSettings;
  readonly #pixels: ObjectPixels;
  readonly #deblender: Deblender;
  readonly #sharer = new PixelSharer();
  readonly #heights = new HeightOfLargest();

  constructor(settings: ExtractSettings) {
    this.#settings = settings;
    const { noise } = settings.plan;
    this.#pixels = new ObjectPixels(noise !== undefined || settings.variance !== undefined, noise !== undefined);
    this.#deblender = new Deblender(settings);
  }

  /** The objects of component `c`; none when all of its pixels are masked. Their pixels stay until the next call. */
  measure(components: Components, c: number): Found[] {
    const { gain } = this.#settings;
    const thresh = this.#gather(components, c);
    if (thresh === null) return [];
    const pixels = this.#pixels;
    const whole = measureShape(pixels, { thresh, gain });
    const cores = this.#deblender.cores(pixels, thresh, whole.cpeak, whole.cflux);
    if (cores.length === 0) return [this.#finish(whole)];
    const coreShapes = cores.map((core) => measureShape(pixels, { members: core.pixels, thresh: core.thresh, gain }));
    return this.#sharer.share(pixels, cores, coreShapes, thresh).map((members, i) => {
      const shape = measureShape(pixels, { members, thresh, gain, centre: coreShapes[i] });
      shape.flag |= FLAG_MERGED;
      return this.#finish(shape, members);
    });
  }

  #finish(shape: ObjectShape, members?: Int32Array): Found {
    const { width, height } = this.#settings.plan.image;
    if (shape.xmin === 0 || shape.ymin === 0 || shape.xmax === width - 1 || shape.ymax === height - 1)
      shape.flag |= FLAG_TRUNCATED;
    if (this.#settings.clean) shape.mthresh = this.#heights.of(this.#pixels, this.#settings.minarea, shape.thresh, members);
    return { shape, members };
  }

  /** Numbers the pixels of an object of the last component. */
  paint(segmentation: Int32Array, members: Int32Array | undefined, number: number): void {
    const { x, y, count } = this.#pixels;
    const width = this.#settings.plan.image.width;
    if (members === undefined) for (let p = 0; p < count; p++) segmentation[y[p] * width + x[p]] = number;
    else for (const p of members) segmentation[y[p] * width + x[p]] = number;
  }

  /**
   * Pixels of component `c` into the scratch. Gives its threshold in units of the image: with a noise map the mean over its usable pixels,
   * null when it has none (masked pixels are detected for the light of their neighbours).
   */
  #gather(components: Components, c: number): number | null {
    const { image, mask, noise, noiseIsVariance, thresh } = this.#settings.plan;
    const { data, width } = image;
    const constant = this.#settings.variance ?? 0;
    const pixels = this.#pixels;
    pixels.reset(components.pixels[c]);
    let p = 0;
    let usable = 0;
    let thresholds = 0;
    for (let i = components.start[c]; i < components.start[c + 1]; i++) {
      const run = components.order[i];
      const y = components.row[run];
      const last = components.last[run];
      let from = components.offset[run];
      for (let x = components.first[run]; x <= last; x++, p++) {
        const at = y * width + x;
        const value = data[at];
        let good = value - value === 0 && (mask === undefined || mask[at] === 0);
        pixels.x[p] = x;
        pixels.y[p] = y;
        pixels.value[p] = good ? value : 0;
        pixels.filtered[p] = components.filtered[from++];
        if (noise !== undefined) {
          const sigma = noiseIsVariance ? Math.sqrt(noise[at]) : noise[at];
          good &&= sigma > 0;
          pixels.variance[p] = good ? sigma * sigma : 0;
          pixels.threshold[p] = good ? thresh * sigma : Infinity;
          if (good) thresholds += thresh * sigma;
        } else if (pixels.hasVariance) pixels.variance[p] = good ? constant : 0;
        if (good) usable++;
      }
    }
    pixels.count = p;
    if (usable === 0) return null;
    return noise === undefined ? this.#settings.thresh : thresholds / usable;
  }
}

/** Numbers without gaps, 0 for objects that did not stay. */
function renumber(segmentation: Int32Array, stays: Uint8Array): void {
  const numbers = new Int32Array(stays.length + 1);
  let number = 0;
  for (let i = 0; i < stays.length; i++) if (stays[i] === 1) numbers[i + 1] = ++number;
  for (let p = 0; p < segmentation.length; p++) if (segmentation[p] !== 0) segmentation[p] = numbers[segmentation[p]];
}
