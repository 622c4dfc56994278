/**
 * The detection filter: which pixels of a row stand out, and their filtered values.
 *
 * Rows come one after another and only as many as the kernel is high are kept. Beyond the border and under the mask there is nothing:
 * value 0 and no weight.
 */
import { ArcletError } from '../../core/errors.ts';
import { grown } from './extract-buffers.ts';

/** Rows of weights, first row lowest y. */
export type FilterKernel = readonly (readonly number[])[];

/** The default kernel of SExtractor: 3 x 3 pixels, FWHM about 2 pixels. */
export const DEFAULT_FILTER_KERNEL: FilterKernel = [
  [1, 2, 1],
  [2, 4, 2],
  [1, 2, 1],
];

/** Values of pixels; object pixels are kept as float32 either way. */
export type PixelValues = Float32Array | Float64Array;

/** Pixels in rows, index y * width + x. */
export interface DetectionImage {
  readonly data: PixelValues;
  readonly width: number;
  readonly height: number;
}

/** What a pixel is held against. */
export interface DetectionPlan {
  readonly image: DetectionImage;
  /** Non-zero where a pixel must not be used. */
  readonly mask?: Uint8Array;
  /** Map of standard deviations or variances. */
  readonly noise?: PixelValues;
  readonly noiseIsVariance: boolean;
  /** In sigma where there is a noise map, else in units of the image. */
  readonly thresh: number;
  readonly kernel: FilterKernel | null;
  /** With a noise map: weigh pixels by their variance within the kernel. */
  readonly matched: boolean;
}

/** Runs of detected pixels of one row: x from `first[i]` to `last[i]`, filtered values one run after another. */
export interface RowRuns {
  count: number;
  first: Int32Array;
  last: Int32Array;
  /** Filtered values of the runs, in order. */
  filtered: Float32Array;
  pixels: number;
}

/** Weights as one array, divided by the sum of their absolutes. Throws CONFIG_INVALID for a kernel that is not a rectangle of numbers or sums to 0. */
export function normalizeKernel(kernel: FilterKernel): {
  readonly weights: Float64Array;
  readonly width: number;
  readonly height: number;
} {
  const height = kernel.length;
  const width = kernel[0]?.length ?? 0;
  const flat = kernel.flat();
  const sum = flat.reduce((total, weight) => total + Math.abs(weight), 0);
  if (width === 0 || kernel.some((row) => row.length !== width) || !(sum > 0 && Number.isFinite(sum))) {
    throw new ArcletError(
      'CONFIG_INVALID',
      `A filter kernel of ${height} rows with ${flat.length} weights is not a rectangle of finite weights.`,
      {
        subject: 'filterKernel',
        remedy: 'Give rows of one length with at least one weight that is not 0, or null for no filter.',
      },
    );
  }
  return { weights: Float64Array.from(flat, (weight) => weight / sum), width, height };
}

/** A kernel as the outer product of a column and a row, when it is one: two short passes in place of a long one. */
function factors(weights: Float64Array, width: number, height: number): { column: Float64Array; row: Float64Array } | null {
  let pivot = 0;
  for (let i = 1; i < weights.length; i++) if (Math.abs(weights[i]) > Math.abs(weights[pivot])) pivot = i;
  const py = Math.floor(pivot / width);
  const px = pivot % width;
  const row = weights.slice(py * width, (py + 1) * width);
  const column = Float64Array.from({ length: height }, (_, j) => weights[j * width + px] / weights[pivot]);
  const tolerance = 1e-14 * Math.abs(weights[pivot]);
  for (let j = 0; j < height; j++)
    for (let i = 0; i < width; i++) if (Math.abs(column[j] * row[i] - weights[j * width + i]) > tolerance) return null;
  return { column, row };
}

/** out[x] (+)= sum of taps[i] source[x + i], `source` being padded by the width of the kernel. */
function correlate(source: Float64Array, taps: Float64Array, out: Float64Array, width: number, add: boolean): void {
  if (taps.length === 3 && !add) {
    const [t0, t1, t2] = taps;
    let s0 = source[0];
    let s1 = source[1];
    for (let x = 0; x < width; x++) {
      const s2 = source[x + 2];
      out[x] = t0 * s0 + t1 * s1 + t2 * s2;
      s0 = s1;
      s1 = s2;
    }
    return;
  }
  if (!add) out.fill(0, 0, width);
  for (let i = 0; i < taps.length; i++) {
    const tap = taps[i];
    if (tap !== 0) for (let x = 0; x < width; x++) out[x] += tap * source[x + i];
  }
}

/** One quantity correlated with one kernel, row by row. Rows are fed in order; row y of the result is ready once y + reach has been fed. */
class RowCorrelation {
  readonly #kernel: Float64Array;
  readonly #width: number;
  readonly #kw: number;
  readonly #kh: number;
  readonly #separated: { column: Float64Array; row: Float64Array } | null;
  /** Separable: rows already correlated along x. Otherwise: padded rows. */
  readonly #ring: Float64Array[];
  readonly out: Float64Array;

  constructor(kernel: Float64Array, kw: number, kh: number, width: number) {
    this.#kernel = kernel;
    this.#kw = kw;
    this.#kh = kh;
    this.#width = width;
    this.#separated = factors(kernel, kw, kh);
    this.#ring = Array.from({ length: kh }, () => new Float64Array(width + kw));
    this.out = new Float64Array(width);
  }

  /** Takes row y, padded by kw >> 1 zeros in front and as many behind. */
  feed(y: number, padded: Float64Array): void {
    const slot = this.#ring[y % this.#kh];
    if (this.#separated === null) slot.set(padded);
    else correlate(padded, this.#separated.row, slot, this.#width, false);
  }

  /** Row y of the result into `out`; the image has rows 0 to height - 1. */
  take(y: number, height: number): void {
    const reach = this.#kh >> 1;
    const out = this.out;
    const width = this.#width;
    if (this.#separated !== null && this.#kh === 3 && y > 0 && y + 1 < height) {
      const [c0, c1, c2] = this.#separated.column;
      const r0 = this.#ring[(y - 1) % 3];
      const r1 = this.#ring[y % 3];
      const r2 = this.#ring[(y + 1) % 3];
      for (let x = 0; x < width; x++) out[x] = c0 * r0[x] + c1 * r1[x] + c2 * r2[x];
      return;
    }
    let started = false;
    for (let j = 0; j < this.#kh; j++) {
      const from = y + j - reach;
      if (from < 0 || from >= height) continue;
      const slot = this.#ring[from % this.#kh];
      if (this.#separated === null) {
        correlate(slot, this.#kernel.subarray(j * this.#kw, (j + 1) * this.#kw), out, width, started);
      } else {
        const weight = this.#separated.column[j];
        if (started) for (let x = 0; x < width; x++) out[x] += weight * slot[x];
        else for (let x = 0; x < width; x++) out[x] = weight * slot[x];
      }
      started = true;
    }
    if (!started) out.fill(0);
  }
}

/**
 * Runs of detected pixels of every row, from the lowest row up. The result is reused from row to row.
 *
 * Without a noise map, and with `matched` false, a pixel is detected when its filtered value is above the threshold. The matched filter
 * with a noise map detects T = sum(k d / var) / sqrt(sum(k^2 / var)) > thresh, the signal-to-noise of a source of the shape of the kernel;
 * filtered values are those of the plain filter there too.
 */
export function* detectRuns(plan: DetectionPlan): Generator<RowRuns> {
  const { image, mask, noise, noiseIsVariance, thresh } = plan;
  const { data, width, height } = image;
  const kernel = normalizeKernel(plan.kernel ?? [[1]]);
  const { weights, width: kw, height: kh } = kernel;
  const matched = plan.matched && noise !== undefined && plan.kernel !== null;
  const left = kw >> 1;
  const reach = kh >> 1;
  // Values of the rows under the kernel: the matched filter computes the plainly filtered value at detected pixels only.
  const values = Array.from({ length: kh }, () => new Float64Array(width + kw));
  const plain = matched ? null : new RowCorrelation(weights, kw, kh, width);
  const signal = matched ? new RowCorrelation(weights, kw, kh, width) : null;
  const squares = weights.map((weight) => weight * weight);
  const power = matched ? new RowCorrelation(squares, kw, kh, width) : null;
  const weighted = new Float64Array(width + kw);
  const inverse = new Float64Array(width + kw);
  const perPixel = noise !== undefined && !matched ? new Float64Array(width) : null;
  const runs: RowRuns = {
    count: 0,
    first: new Int32Array(256),
    last: new Int32Array(256),
    filtered: new Float32Array(1024),
    pixels: 0,
  };

  const feed = (y: number) => {
    const row = values[y % kh];
    const start = y * width;
    if (signal === null || power === null || noise === undefined) {
      for (let x = 0; x < width; x++) {
        const value = data[start + x];
        // value - value is 0 for finite numbers only.
        row[left + x] = value - value === 0 && (mask === undefined || mask[start + x] === 0) ? value : 0;
      }
      plain?.feed(y, row);
      return;
    }
    for (let x = 0; x < width; x++) {
      const raw = data[start + x];
      const sigma = noise[start + x];
      const good = raw - raw === 0 && (mask === undefined || mask[start + x] === 0);
      const value = good ? raw : 0;
      const weight = good && sigma > 0 ? 1 / (noiseIsVariance ? sigma : sigma * sigma) : 0;
      row[left + x] = value;
      inverse[left + x] = weight;
      weighted[left + x] = weight * value;
    }
    signal.feed(y, weighted);
    power.feed(y, inverse);
  };

  const filteredAt = (y: number, x: number): number => {
    let sum = 0;
    for (let j = 0; j < kh; j++) {
      const from = y + j - reach;
      if (from < 0 || from >= height) continue;
      const row = values[from % kh];
      for (let i = 0; i < kw; i++) sum += weights[j * kw + i] * row[x + i];
    }
    return sum;
  };

  let fed = 0;
  for (let y = 0; y < height; y++) {
    for (const need = Math.min(height - 1, y + kh - 1 - reach); fed <= need; fed++) feed(fed);
    runs.count = 0;
    runs.pixels = 0;
    runs.first = grown(runs.first, (width >> 1) + 1);
    runs.last = grown(runs.last, (width >> 1) + 1);
    runs.filtered = grown(runs.filtered, width);
    let open = false;
    if (signal !== null && power !== null) {
      signal.take(y, height);
      power.take(y, height);
      const numerator = signal.out;
      const denominator = power.out;
      const square = thresh * thresh;
      for (let x = 0; x < width; x++) {
        const n = numerator[x];
        if (n > 0 && n * n > square * denominator[x]) {
          if (!open) runs.first[runs.count] = x;
          open = true;
          runs.filtered[runs.pixels++] = filteredAt(y, x);
        } else if (open) {
          runs.last[runs.count++] = x - 1;
          open = false;
        }
      }
    } else if (plain !== null) {
      plain.take(y, height);
      const filtered = plain.out;
      if (perPixel !== null && noise !== undefined) fillThresholds(plan, noise, y, perPixel);
      for (let x = 0; x < width; x++) {
        const value = filtered[x];
        if (value > (perPixel === null ? thresh : perPixel[x])) {
          if (!open) runs.first[runs.count] = x;
          open = true;
          runs.filtered[runs.pixels++] = value;
        } else if (open) {
          runs.last[runs.count++] = x - 1;
          open = false;
        }
      }
    }
    if (open) runs.last[runs.count++] = width - 1;
    yield runs;
  }
}

/** Threshold of every pixel of a row in units of the image; Infinity where there is no noise to compare with. */
function fillThresholds(plan: DetectionPlan, noise: PixelValues, y: number, out: Float64Array): void {
  const start = y * plan.image.width;
  for (let x = 0; x < out.length; x++) {
    const sigma = plan.noiseIsVariance ? Math.sqrt(noise[start + x]) : noise[start + x];
    out[x] = sigma > 0 && (plan.mask === undefined || plan.mask[start + x] === 0) ? plan.thresh * sigma : Infinity;
  }
}
