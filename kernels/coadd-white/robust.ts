/**
 * Median and clipped mean of one pixel's bands, weighted. The values in hand are kept in order, so that both start from the median.
 */
import type { CoaddWhiteOptions } from './spec.ts';

/** With fewer values nothing tells which of them is off. */
const LEAST_TO_CLIP = 3;

/** The combined pixel. */
export interface Combined {
  value: number;
  inverseVariance: number;
  count: number;
}

/** Good bands of a pixel: `n` values in rising order with their weights. Used again for every pixel. */
export class SortedBands {
  n = 0;
  readonly values: Float64Array;
  readonly weights: Float64Array;

  constructor(bands: number) {
    this.values = new Float64Array(bands);
    this.weights = new Float64Array(bands);
  }

  /** Puts a value in its place, behind its equals. */
  insert(value: number, weight: number): void {
    const { values, weights } = this;
    let at = this.n++;
    for (; at > 0 && values[at - 1] > value; at--) {
      values[at] = values[at - 1];
      weights[at] = weights[at - 1];
    }
    values[at] = value;
    weights[at] = weight;
  }
}

/**
 * Where half of the weight lies: value k stands at the weight below it plus half its own, and the half lies between values `low` and `low + 1` at
 * `fraction`. Continuous in values and weights; equal weights give the plain median.
 */
function halfWeight({ n, weights }: SortedBands): { low: number; fraction: number } {
  let total = 0;
  for (let k = 0; k < n; k++) total += weights[k];
  const half = total / 2;
  let place = weights[0] / 2;
  for (let k = 1; k < n; k++) {
    const next = place + (weights[k - 1] + weights[k]) / 2;
    if (next >= half) return { low: k - 1, fraction: (half - place) / (next - place) };
    place = next;
  }
  return { low: n - 1, fraction: 0 };
}

/**
 * Weighted median of at least one value. With I = (sum w^1.5)^2 / sum w^2 (the inverse variance of a weighted median of many Gaussian values is
 * 2 I / pi) and m = (sum w)^2 / sum w^2 values in effect, the inverse variance is I (2 m + pi - 2) / (pi m): exact for one value, within 3 % for
 * 3, 5, 7 ... of equal weight, up to 18 % too low for 2, 4 ... (whose median is a mean of two), and the asymptote for many.
 */
export function weightedMedian(bands: SortedBands, combined: Combined): void {
  const { n, values, weights } = bands;
  const { low, fraction } = halfWeight(bands);
  const high = Math.min(low + 1, n - 1);
  let largest = 0;
  for (let k = 0; k < n; k++) largest = Math.max(largest, weights[k]);
  let sum = 0;
  let sumOfRoots = 0;
  let sumOfSquares = 0;
  for (let k = 0; k < n; k++) {
    const weight = weights[k] / largest;
    sum += weight;
    sumOfRoots += weight * Math.sqrt(weight);
    sumOfSquares += weight * weight;
  }
  const effective = (sum * sum) / sumOfSquares;
  const information = (sumOfRoots * sumOfRoots) / sumOfSquares;
  combined.value = values[low] + fraction * (values[high] - values[low]);
  combined.inverseVariance = (largest * information * (2 * effective + Math.PI - 2)) / (Math.PI * effective);
  combined.count = n;
}

/**
 * Weighted mean of the values that agree with each other. Starts from the value nearest to the weighted median (the lower of two), keeps what lies
 * within the bound of the centre, and takes the mean of these as the next centre, until they stay the same. The inverse variance is the sum of the
 * weights kept. Two values or one are not clipped; a round that would keep nothing is not taken.
 */
export function clippedMean(bands: SortedBands, options: CoaddWhiteOptions, combined: Combined): void {
  const { n, values, weights } = bands;
  const { clipSigma, clipFraction, clipIterations } = options;
  const { low, fraction } = halfWeight(bands);
  let centre = values[fraction > 0.5 ? low + 1 : low];
  let kept = -1;
  const keep = (bound: number, spread: number): number => {
    let count = 0;
    let sum = 0;
    let weight = 0;
    for (let k = 0; k < n; k++) {
      if (Math.abs(values[k] - centre) > bound + spread / Math.sqrt(weights[k])) continue;
      count++;
      weight += weights[k];
      sum += weights[k] * values[k];
    }
    if (count > 0) {
      combined.value = sum / weight;
      combined.inverseVariance = weight;
      combined.count = count;
    }
    return count;
  };
  if (n < LEAST_TO_CLIP) {
    keep(Number.POSITIVE_INFINITY, 0);
    return;
  }
  for (let round = 0; round < clipIterations; round++) {
    const count = keep(clipFraction * Math.abs(centre), clipSigma);
    // The same number with another mean would be other values; a mean that no longer moves keeps the same ones.
    if (count === 0 || (count === kept && combined.value === centre)) return;
    kept = count;
    centre = combined.value;
  }
}
