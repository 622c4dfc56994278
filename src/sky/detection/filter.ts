/**
 * The detection filter: which pixels of a row stand out, and their filtered values.
 *
 * Rows come one after another and only as many as the kernel is high are kept. Beyond the border and under the mask there is nothing:
 * value 0 and no weight.
 */
import { type FilterKernel, normalizeKernel, RowCorrelation } from './filter-rows.ts';

export type { FilterKernel } from './filter-rows.ts';

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
  /** What the filter gives, where it has run elsewhere. */
  readonly filtered?: FilteredMaps;
}

/** A filtered image, as kernel filter-matched makes it. */
export interface FilteredMaps {
  /** Filtered values of the shape of the image. */
  readonly values: PixelValues;
  /** Matched filter with a noise map only: T of {@link detectRuns}. */
  readonly significance?: PixelValues;
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

/** No runs yet, and room for those of a row. */
function rowRuns(width: number): RowRuns {
  const most = (width >> 1) + 1;
  return { count: 0, first: new Int32Array(most), last: new Int32Array(most), filtered: new Float32Array(width), pixels: 0 };
}

/** Whether detection weighs pixels by a noise map. */
export function isMatched(plan: DetectionPlan): boolean {
  return plan.matched && plan.noise !== undefined && plan.kernel !== null;
}

/**
 * Runs of detected pixels of every row, from the lowest row up. The result is reused from row to row.
 *
 * Without a noise map, and with `matched` false, a pixel is detected when its filtered value is above the threshold. The matched filter
 * with a noise map detects T = sum(k d / var) / sqrt(sum(k^2 / var)) > thresh, the signal-to-noise of a source of the shape of the kernel;
 * filtered values are those of the plain filter there too.
 */
export function* detectRuns(plan: DetectionPlan): Generator<RowRuns> {
  if (plan.filtered !== undefined) {
    yield* runsOfMaps(plan, plan.filtered);
    return;
  }
  const { image, mask, noise, noiseIsVariance, thresh } = plan;
  const { data, width, height } = image;
  const kernel = normalizeKernel(plan.kernel ?? [[1]]);
  const { weights, width: kw, height: kh } = kernel;
  const matched = isMatched(plan);
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
  const runs = rowRuns(width);

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

/** As {@link detectRuns}, of an image that is filtered already. */
function* runsOfMaps(plan: DetectionPlan, { values, significance }: FilteredMaps): Generator<RowRuns> {
  const { image, noise, thresh } = plan;
  const { width, height } = image;
  const tested = isMatched(plan) && significance !== undefined ? significance : values;
  const thresholds = noise !== undefined && tested === values ? new Float64Array(width) : null;
  const runs = rowRuns(width);
  for (let y = 0; y < height; y++) {
    const start = y * width;
    runs.count = 0;
    runs.pixels = 0;
    let open = false;
    if (thresholds !== null && noise !== undefined) fillThresholds(plan, noise, y, thresholds);
    for (let x = 0; x < width; x++) {
      if (tested[start + x] > (thresholds === null ? thresh : thresholds[x])) {
        if (!open) runs.first[runs.count] = x;
        open = true;
        runs.filtered[runs.pixels++] = values[start + x];
      } else if (open) {
        runs.last[runs.count++] = x - 1;
        open = false;
      }
    }
    if (open) runs.last[runs.count++] = width - 1;
    yield runs;
  }
}
