/** Bins of histograms and of two-dimensional counts. */

export interface BinOptions {
  /** Equal bins of the logarithm. */
  readonly log?: boolean;
  readonly domain?: readonly [number, number];
  /** Number of bins; without it Freedman and Diaconis (1981) decide: 2 IQR / n^(1/3) wide, 8 to 60 bins. */
  readonly bins?: number;
}

/** Edges, ascending, of bins that hold all finite `values` (positive ones with `log`) or cover the domain; one more than bins. */
export function binEdges(values: readonly Float64Array[], { log = false, domain, bins }: BinOptions): Float64Array {
  const scaled = values.map((one) => (log ? one.map(Math.log) : one));
  let [low, high] = domain === undefined ? [Infinity, -Infinity] : domain.map((value) => (log ? Math.log(value) : value));
  if (domain === undefined) {
    for (const one of scaled) for (const value of one) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  if (low > high) [low, high] = [0, 1];
  // One value only: a bin around it that numbers of its size can resolve.
  if (low === high) [low, high] = [low - Math.max(0.5, 1e-6 * Math.abs(low)), high + Math.max(0.5, 1e-6 * Math.abs(high))];
  const count = bins ?? Math.max(...scaled.map((one) => suitableBins(one, high - low)), 8);
  return Float64Array.from({ length: count + 1 }, (_, index) => {
    const at = low + ((high - low) * index) / count;
    return log ? Math.exp(at) : at;
  });
}

function suitableBins(values: Float64Array, range: number): number {
  const sorted = values.toSorted();
  const spread = (sorted[Math.floor(0.75 * sorted.length)] ?? 0) - (sorted[Math.floor(0.25 * sorted.length)] ?? 0);
  const width = (2 * spread) / Math.cbrt(values.length);
  return width > 0 ? Math.min(60, Math.max(8, Math.ceil(range / width))) : 8;
}

/** The bin that holds `value`, or -1; the last bin includes its upper edge, as numpy's do. */
export function binOf(value: number, edges: Float64Array): number {
  const last = edges.length - 1;
  // The ends pass through a logarithm and back: a value equal to one of them must not fall out by a rounding.
  const slack = 1e-12 * Math.max(Math.abs(edges[0]), Math.abs(edges[last]));
  if (!(value >= edges[0] - slack && value <= edges[last] + slack)) return -1;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (value >= edges[middle]) low = middle;
    else high = middle;
  }
  return low;
}

/** How many values each bin holds, and how many lie in none. */
export function countInto(values: Float64Array, edges: Float64Array): { counts: Uint32Array; outside: number } {
  const counts = new Uint32Array(edges.length - 1);
  let outside = 0;
  for (const value of values) {
    const bin = binOf(value, edges);
    if (bin < 0) outside++;
    else counts[bin]++;
  }
  return { counts, outside };
}
