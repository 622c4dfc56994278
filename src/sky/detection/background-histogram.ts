/**
 * The histogram of a mesh, clipped until its width stands still, and the mode estimated from its median and mean (Bertin & Arnouts 1996, A&AS 117,
 * 393, section 4.1; Da Costa 1992, ASP Conf. 23, 90).
 */

/** Most bins of the histogram. */
export const MAX_BINS = 4096;
/** Cuts on the histogram, in its standard deviations. */
export const CUT = 3;
export const MAX_ROUNDS = 100;
export const SETTLED = 1e-4;
/** Below this width in bins the histogram says nothing more about the width. */
export const NARROWEST = 0.1;
/** A median further than this from the mean, in standard deviations, means a crowded mesh: its median is taken as it is. */
export const CROWDED = 0.3;

/** Where a histogram came to rest, in bins from the middle of bin 0. */
export interface SettledHistogram {
  readonly mode: number;
  readonly mean: number;
  readonly median: number;
  readonly sigma: number;
}

/** Holds the memory, so one instance serves one thread. */
export class MeshHistogram {
  readonly #bins = new Int32Array(MAX_BINS);
  /** Pixels in all bins before; one more entry than bins. */
  readonly #before = new Int32Array(MAX_BINS + 1);
  /** Of the bins that are in, and of their squares, by pixels. */
  #sum = 0;
  #squares = 0;

  /** Counts the first `gathered` values in `bins` bins; `zero` is the value at the middle of bin 0. */
  fill(values: Float64Array, gathered: number, bins: number, zero: number, binWidth: number): void {
    const histogram = this.#bins.fill(0, 0, bins);
    const scale = 1 / binWidth;
    const offset = 0.5 - zero * scale;
    for (let i = 0; i < gathered; i++) {
      const bin = values[i] * scale + offset;
      if (bin >= 0 && bin < bins) histogram[bin | 0]++;
    }
  }

  /**
   * Clips the histogram at CUT standard deviations about its median until the width stands still.
   *
   * The median is where the pixels below and above weigh the same. It lies between two bins, and is moved off their border by what one side has
   * more than the other, in pixels of the fuller of the two. Counts from the left are kept, so each round finds it by halving; sums follow the
   * cuts as they move.
   */
  settle(bins: number): SettledHistogram {
    const histogram = this.#bins;
    const before = this.#before;
    let count = 0;
    let sum = 0;
    let squares = 0;
    for (let bin = 0; bin < bins; bin++) {
      const pixels = histogram[bin];
      before[bin] = count;
      count += pixels;
      const weighed = pixels * bin;
      sum += weighed;
      squares += weighed * bin;
    }
    before[bins] = count;
    this.#sum = sum;
    this.#squares = squares;
    // Bins [low, high) are in.
    let low = 0;
    let high = bins;
    let sigma = 10 * bins;
    let last = 1;
    let mean = 0;
    let median = 0;
    for (let round = 0; round < MAX_ROUNDS && sigma >= NARROWEST && Math.abs(sigma / last - 1) > SETTLED; round++) {
      last = sigma;
      const inside = before[high] - before[low];
      if (inside === 0) return { mode: median, mean: median, median, sigma: 0 };
      mean = this.#sum / inside;
      sigma = Math.sqrt(Math.max(0, this.#squares / inside - mean * mean));
      median = this.#median(low, high);
      const nextLow = Math.min(bins - 1, Math.max(0, Math.round(median - CUT * sigma)));
      const nextHigh = Math.min(bins, Math.max(0, Math.round(median + CUT * sigma)) + 1);
      this.#move(low, nextLow, -1);
      this.#move(nextLow, low, 1);
      this.#move(nextHigh, high, -1);
      this.#move(high, nextHigh, 1);
      low = nextLow;
      high = nextHigh;
    }
    if (sigma === 0) return { mode: mean, mean, median, sigma };
    const mode = Math.abs(mean - median) / sigma < CROWDED ? 2.5 * median - 1.5 * mean : median;
    return { mode, mean, median, sigma };
  }

  /** Adds the bins [from, to) to the sums, or takes them away; none when `to` is not above `from`. */
  #move(from: number, to: number, sign: number): void {
    const histogram = this.#bins;
    let sum = 0;
    let squares = 0;
    for (let bin = from; bin < to; bin++) {
      const weighed = histogram[bin] * bin;
      sum += weighed;
      squares += weighed * bin;
    }
    this.#sum += sign * sum;
    this.#squares += sign * squares;
  }

  /** Median of the bins [low, high), which hold pixels, to a part of a bin. */
  #median(low: number, high: number): number {
    const before = this.#before;
    const histogram = this.#bins;
    // A bin is left of the border when fewer pixels lie before it than after it; that falls off once from left to right.
    const both = before[low] + before[high];
    let border = low;
    let end = high - 1;
    while (border < end) {
      const bin = (border + end) >> 1;
      if (before[bin] + before[bin + 1] < both) border = bin + 1;
      else end = bin;
    }
    const left = before[border] - before[low];
    const right = before[high] - before[border];
    const fuller = Math.max(histogram[border], border > 0 ? histogram[border - 1] : 0);
    return border - 0.5 + (right - left) / (2 * fuller);
  }
}
