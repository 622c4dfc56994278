/** Rows of pixels correlated with a small kernel, one row after another; separable kernels in two passes. */
import { ArcletError } from '../../core/errors.ts';

/** Rows of weights, first row lowest y. */
export type FilterKernel = readonly (readonly number[])[];

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

/** True when two short passes do in place of a long one. */
export function isSeparable(weights: Float64Array, width: number, height: number): boolean {
  return factors(weights, width, height) !== null;
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
export class RowCorrelation {
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
