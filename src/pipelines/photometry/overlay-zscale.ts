/** Display limits of IRAF's zscale (D. Tody; described in the help of IRAF's display task). */

export interface ZScaleOptions {
  /** Pixels that are looked at, default 1000. */
  readonly samples?: number;
  /** Default 0.25. */
  readonly contrast?: number;
}

const MAX_REJECT = 0.5;
const MIN_PIXELS = 5;
const REJECT_SIGMA = 2.5;
const ITERATIONS = 5;

/**
 * Limits that show the background and faint light: a line is fitted to the sorted sample by least squares, values off the line rejected, and its slope
 * divided by the contrast spans the limits about the median, within the range of the sample.
 *
 * @param values pixels; those not finite are left out
 * @returns [black, white]; undefined without a finite value
 */
export function zscale(values: ArrayLike<number>, options: ZScaleOptions = {}): [number, number] | undefined {
  const { samples = 1000, contrast = 0.25 } = options;
  let finite = 0;
  // A finite number times 0 is 0, others give NaN.
  for (let at = 0; at < values.length; at++) if (values[at] * 0 === 0) finite++;
  if (finite === 0) return undefined;
  const stride = Math.max(1, Math.floor(finite / samples));
  const sample: number[] = [];
  for (let at = 0, seen = 0; at < values.length && sample.length < samples; at++) {
    if (values[at] * 0 === 0 && seen++ % stride === 0) sample.push(values[at]);
  }
  const sorted = Float64Array.from(sample).sort();
  const n = sorted.length;
  const low = sorted[0];
  const high = sorted[n - 1];
  const middle = n % 2 === 1 ? sorted[(n - 1) / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
  const { slope, kept } = fitLine(sorted);
  if (kept < Math.max(MIN_PIXELS, Math.floor(n * MAX_REJECT))) return [low, high];
  const step = contrast > 0 ? slope / contrast : slope;
  const centre = Math.floor((n - 1) / 2);
  return [Math.max(low, middle - (centre - 1) * step), Math.min(high, middle + (n - centre) * step)];
}

/** Slope of sorted values against their place after rejection, and how many were kept. Neighbours of a rejected value are rejected with it. */
function fitLine(sorted: Float64Array): { slope: number; kept: number } {
  const n = sorted.length;
  const grow = Math.max(1, Math.floor(n * 0.01));
  const least = Math.max(MIN_PIXELS, Math.floor(n * MAX_REJECT));
  let rejected = new Uint8Array(n);
  let kept = n;
  let before = n + 1;
  let slope = 0;
  for (let round = 0; round < ITERATIONS && kept < before && kept >= least; round++) {
    const line = leastSquares(sorted, rejected);
    slope = line.slope;
    const residual = sorted.map((value, at) => value - (line.intercept + slope * at));
    const bound = REJECT_SIGMA * deviation(residual, rejected);
    // Below the line as above it; a value rejected in an earlier round stays so.
    const off = Uint8Array.from(residual, (value, at) => (rejected[at] === 1 || Math.abs(value) > bound ? 1 : 0));
    rejected = spread(off, grow);
    before = kept;
    kept = rejected.reduce((sum, flag) => sum + 1 - flag, 0);
  }
  return { slope, kept };
}

function leastSquares(values: Float64Array, rejected: Uint8Array): { slope: number; intercept: number } {
  let [n, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (let at = 0; at < values.length; at++) {
    if (rejected[at] === 1) continue;
    n++;
    x += at;
    y += values[at];
    xx += at * at;
    xy += at * values[at];
  }
  const slope = (n * xy - x * y) / (n * xx - x * x || 1);
  return { slope, intercept: n === 0 ? 0 : (y - slope * x) / n };
}

function deviation(values: Float64Array, rejected: Uint8Array): number {
  let [n, sum] = [0, 0];
  for (let at = 0; at < values.length; at++) {
    if (rejected[at] === 1) continue;
    n++;
    sum += values[at];
  }
  const mean = sum / n;
  let squares = 0;
  for (let at = 0; at < values.length; at++) if (rejected[at] === 0) squares += (values[at] - mean) ** 2;
  return Math.sqrt(squares / n);
}

/** Flags that reach `grow` places in all: half of them before, half behind. */
function spread(flags: Uint8Array, grow: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(flags.length);
  const before = Math.floor((grow - 1) / 2);
  for (let at = 0; at < flags.length; at++) {
    if (flags[at] === 0) continue;
    result.fill(1, Math.max(0, at - before), Math.min(flags.length, at - before + grow));
  }
  return result;
}
