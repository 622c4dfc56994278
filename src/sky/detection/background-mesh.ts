/**
 * Level and noise of one mesh of a background grid: clipped moments, then a histogram around them that is clipped until it settles (Bertin &
 * Arnouts 1996, A&AS 117, 393, section 4.1).
 */
import { MAX_BINS, MeshHistogram } from './background-histogram.ts';

/** The part of a mesh's pixels that must be good for it to count. */
export const GOOD_PART = 0.5;
/** Half the range of the histogram in standard deviations. */
export const HALF_RANGE = 5;
/** Bins per good pixel: one pixel in each bin at half a standard deviation from the middle of a Gaussian. */
export const BINS_PER_PIXEL = Math.sqrt(2 / Math.PI) * HALF_RANGE * 0.25;
/** First cut, in standard deviations, before there is a histogram. */
export const FIRST_CUT = 2;
/** Squares about a pivot this many variances away leave half of the digits of a float64 to the variance. */
const FAR = 1e8;

/** Measures meshes one after the other. It holds the scratch memory, so one instance serves one thread. */
export class MeshStatistics {
  /** Level of the mesh measured last, in units of the image; NaN when too few of its pixels are good. */
  level = Number.NaN;
  /** Standard deviation of its sky in the same units; NaN with the level. */
  rms = Number.NaN;
  /** Mean and median of what the cuts left, in units of the image; NaN with the level. */
  mean = Number.NaN;
  median = Number.NaN;
  /** Its pixels that are finite and not masked, also when they are too few. */
  good = 0;
  /** The good pixels less #pivot: nothing cancels in their squares, however high the sky. */
  readonly #values: Float64Array;
  #pivot = 0;
  #count = 0;
  #sum = 0;
  #squares = 0;
  readonly #histogram = new MeshHistogram();

  /** @param capacity pixels of the largest mesh */
  constructor(capacity: number) {
    this.#values = new Float64Array(capacity);
  }

  /**
   * Sets the results from the rectangle of `width` x `height` pixels that begins at `start`.
   *
   * @param data rows of `stride` pixels; what is not finite counts as masked
   * @param mask the same shape, non-zero where a pixel is not to be used
   * @param area pixels of which half must be good: fewer than the rectangle has where it reaches beyond the image (and is masked there)
   */
  measure(
    data: Float32Array | Float64Array,
    mask: Uint8Array | undefined,
    start: number,
    stride: number,
    width: number,
    height: number,
    area = width * height,
  ): void {
    this.level = this.rms = this.mean = this.median = Number.NaN;
    const isWhole = mask === undefined && this.#gatherAll(data, start, stride, width, height);
    if (!isWhole) this.#gatherGood(data, mask, start, stride, width, height);
    this.good = this.#count;
    if (this.#count === 0 || this.#count < area * GOOD_PART) return;
    const gathered = this.#count;
    this.#firstCut(gathered);
    if (this.#count === 0) return;
    // A first pixel far off the sky (a hot one) is a pivot about which squares have lost the noise: once more about the sky.
    const offset = this.#sum / this.#count;
    if (offset * offset > FAR * Math.abs(this.#squares / this.#count - offset * offset)) {
      this.#gatherGood(data, mask, start, stride, width, height, this.#pivot + offset);
      this.#firstCut(gathered);
    }
    const cutMean = this.#sum / this.#count;
    const cutDeviation = Math.sqrt(Math.max(0, this.#squares / this.#count - cutMean * cutMean));
    if (cutDeviation === 0) {
      this.level = this.mean = this.median = this.#pivot + cutMean;
      this.rms = 0;
      return;
    }
    const bins = Math.min(MAX_BINS, Math.floor(BINS_PER_PIXEL * this.#count + 1));
    const binWidth = (2 * HALF_RANGE * cutDeviation) / bins;
    // The value at the middle of bin 0.
    const zero = cutMean - HALF_RANGE * cutDeviation;
    this.#histogram.fill(this.#values, gathered, bins, zero, binWidth);
    const settled = this.#histogram.settle(bins);
    const inUnits = (bin: number) => this.#pivot + zero + bin * binWidth;
    this.level = inUnits(settled.mode);
    this.mean = inUnits(settled.mean);
    this.median = inUnits(settled.median);
    this.rms = settled.sigma * binWidth;
  }

  /** Takes every pixel; false when one of them is not finite. */
  #gatherAll(data: Float32Array | Float64Array, start: number, stride: number, width: number, height: number): boolean {
    const values = this.#values;
    const pivot = data[start];
    // Two chains of additions: a single one would wait for its own result at every pixel.
    let sum0 = 0;
    let sum1 = 0;
    let squares0 = 0;
    let squares1 = 0;
    let to = 0;
    for (let row = 0; row < height; row++) {
      let from = start + row * stride;
      const end = from + width;
      for (const lastPair = end - 1; from < lastPair; from += 2, to += 2) {
        const a = data[from] - pivot;
        const b = data[from + 1] - pivot;
        values[to] = a;
        values[to + 1] = b;
        sum0 += a;
        sum1 += b;
        squares0 += a * a;
        squares1 += b * b;
      }
      if (from < end) {
        const a = data[from] - pivot;
        values[to++] = a;
        sum0 += a;
        squares0 += a * a;
      }
    }
    this.#pivot = pivot;
    this.#count = to;
    this.#sum = sum0 + sum1;
    this.#squares = squares0 + squares1;
    return Number.isFinite(this.#squares);
  }

  /** Leaves count, sum and squares of what lies within FIRST_CUT of all that was gathered; none without finite squares. */
  #firstCut(gathered: number): void {
    const mean = this.#sum / gathered;
    const deviation = Math.sqrt(Math.max(0, this.#squares / gathered - mean * mean));
    if (Number.isFinite(deviation)) this.#cut(gathered, mean - FIRST_CUT * deviation, mean + FIRST_CUT * deviation);
    else this.#count = 0;
  }

  /** Takes the pixels that are finite and not masked, less the first of them or `given`. */
  #gatherGood(
    data: Float32Array | Float64Array,
    mask: Uint8Array | undefined,
    start: number,
    stride: number,
    width: number,
    height: number,
    given?: number,
  ): void {
    const values = this.#values;
    let pivot = given ?? 0;
    let count = 0;
    let sum = 0;
    let squares = 0;
    for (let row = 0; row < height; row++) {
      const first = start + row * stride;
      for (let at = first; at < first + width; at++) {
        if (mask !== undefined && mask[at] !== 0) continue;
        const pixel = data[at];
        if (!(pixel - pixel === 0)) continue;
        if (count === 0 && given === undefined) pivot = pixel;
        const value = pixel - pivot;
        values[count++] = value;
        sum += value;
        squares += value * value;
      }
    }
    this.#pivot = pivot;
    this.#count = count;
    this.#sum = sum;
    this.#squares = squares;
  }

  /** Count, sum and squares of the values in [low, high]; the values themselves stay. */
  #cut(gathered: number, low: number, high: number): void {
    const values = this.#values;
    let count = 0;
    let sum0 = 0;
    let sum1 = 0;
    let squares0 = 0;
    let squares1 = 0;
    const odd = gathered & 1;
    for (let i = odd; i < gathered; i += 2) {
      const a = values[i];
      const b = values[i + 1];
      if (a >= low && a <= high) {
        sum0 += a;
        squares0 += a * a;
        count++;
      }
      if (b >= low && b <= high) {
        sum1 += b;
        squares1 += b * b;
        count++;
      }
    }
    if (odd === 1 && values[0] >= low && values[0] <= high) {
      sum0 += values[0];
      squares0 += values[0] * values[0];
      count++;
    }
    this.#count = count;
    this.#sum = sum0 + sum1;
    this.#squares = squares0 + squares1;
  }
}
