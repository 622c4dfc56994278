/** Summaries of many numbers in one pass and bounded memory: moments, quantiles, and samples that do not depend on the order of the rows. */

/** Mean and variance in one pass (Welford 1962, Technometrics 4, 419): no cancellation, whatever the mean. */
export class Moments {
  count = 0;
  mean = 0;
  #squares = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  add(value: number): void {
    this.count++;
    const step = value - this.mean;
    this.mean += step / this.count;
    this.#squares += step * (value - this.mean);
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
  }

  /** With n - 1 in the denominator; NaN below two values. */
  get variance(): number {
    return this.count < 2 ? Number.NaN : this.#squares / (this.count - 1);
  }

  /** Standard error of the mean; NaN below two values. */
  get standardError(): number {
    return Math.sqrt(this.variance / this.count);
  }
}

/**
 * Quantile of sorted values, linear between them (type 7 of Hyndman & Fan 1996, numpy's default). NaN of no values.
 *
 * @param sorted ascending, finite
 * @param part in [0, 1]
 */
export function quantileOfSorted(sorted: ArrayLike<number>, part: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = part * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

/** Quantiles of values in any order; what is not finite is left out. */
export function quantiles(values: ArrayLike<number>, parts: readonly number[]): number[] {
  const sorted = Float64Array.from(values).filter(Number.isFinite).sort();
  return parts.map((part) => quantileOfSorted(sorted, part));
}

/** Values nearer to zero than this are counted as zero by {@link QuantileSketch}. */
const SMALLEST = 1e-12;

/**
 * Quantiles of a stream with a bounded relative error: counts in bins of equal ratio (Masson, Rim & Lee 2019, "DDSketch", PVLDB 12, 2195, section 2).
 * A quantile is within `relativeError` of a value of that rank; the smallest and largest are exact. Memory grows with the logarithm of the
 * range: about 700 bins per factor 10^6 at 1 %.
 */
export class QuantileSketch {
  readonly #logRatio: number;
  readonly #positive = new Map<number, number>();
  readonly #negative = new Map<number, number>();
  #zeros = 0;
  readonly moments = new Moments();

  constructor(relativeError = 0.005) {
    this.#logRatio = Math.log((1 + relativeError) / (1 - relativeError));
  }

  get count(): number {
    return this.moments.count;
  }

  /** Takes a finite value. */
  add(value: number): void {
    this.moments.add(value);
    const size = Math.abs(value);
    if (size < SMALLEST) {
      this.#zeros++;
      return;
    }
    const bins = value > 0 ? this.#positive : this.#negative;
    const bin = Math.ceil(Math.log(size) / this.#logRatio);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }

  /** The value of rank `part` x (count - 1), part in [0, 1]; NaN of no values. */
  quantile(part: number): number {
    const { count, min, max } = this.moments;
    if (count === 0) return Number.NaN;
    const rank = part * (count - 1);
    if (rank <= 0) return min;
    if (rank >= count - 1) return max;
    let before = 0;
    const value = (bin: number) => (2 * Math.exp(bin * this.#logRatio)) / (1 + Math.exp(this.#logRatio));
    for (const [bin, held] of [...this.#negative].sort(([a], [b]) => b - a)) {
      before += held;
      if (before > rank) return clamp(-value(bin), min, max);
    }
    before += this.#zeros;
    if (before > rank) return 0;
    for (const [bin, held] of [...this.#positive].sort(([a], [b]) => a - b)) {
      before += held;
      if (before > rank) return clamp(value(bin), min, max);
    }
    return max;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/**
 * The `size` rows with the smallest keys of a stream: with hashes as keys a uniform sample, the same for any order and any cut of the stream into
 * parts. Rows of one key are kept once.
 */
export class SmallestKeys<T> {
  readonly #size: number;
  #rows = new Map<number, T>();
  /** Keys above this one cannot be among the smallest any more. */
  #bound = Number.POSITIVE_INFINITY;

  constructor(size: number) {
    this.#size = size;
  }

  /** True for a key that would be kept now: ask before making the row. */
  wants(key: number): boolean {
    return key < this.#bound && !this.#rows.has(key);
  }

  add(key: number, row: T): void {
    if (!this.wants(key)) return;
    this.#rows.set(key, row);
    if (this.#rows.size >= 2 * this.#size) this.#shrink();
  }

  #shrink(): void {
    const kept = [...this.#rows].sort(([a], [b]) => a - b).slice(0, this.#size);
    if (kept.length === this.#size) this.#bound = kept[kept.length - 1][0];
    this.#rows = new Map(kept);
  }

  /** Keys and rows by ascending key. */
  entries(): [key: number, row: T][] {
    this.#shrink();
    return [...this.#rows];
  }
}
