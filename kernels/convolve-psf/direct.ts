/**
 * Convolution by summing over the PSF's samples, at the cells' spacing: any PSF, cost with the square of its radius; and as a sum of separable
 * terms, cost with the radius. Float64.
 *
 * Output pixel o stands at cell coordinate k o + (k - 1)/2, so cell c meets PSF sample i = radius k + k o + floor(k / 2) - c (for even k the stamp
 * is made half a cell off centre, options.ts).
 */
import { type ConvolvePsfOptions, psfStampSide } from './options.ts';

/**
 * The PSF with the cells' response taken out, side^2 values from `offset` of `psf` into `out`: a box whose moments go to its neighbours has the
 * response 1 + (pi f/k)^2/6 + O(f^4) per axis, so the inverse is 1 + (second difference)/24. Beyond the stamp the PSF is zero.
 */
export function sharpenedPsf(psf: Float64Array, offset: number, side: number, out: Float64Array): void {
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = offset + y * side + x;
      const left = x > 0 ? psf[at - 1] : 0;
      const right = x < side - 1 ? psf[at + 1] : 0;
      const below = y > 0 ? psf[at - side] : 0;
      const above = y < side - 1 ? psf[at + side] : 0;
      out[y * side + x] = psf[at] + (left + right + below + above - 4 * psf[at]) / 24;
    }
  }
}

/** size^2 values into `out` at `offset`; `cells` has (k grid)^2. */
export function convolveDirect(
  options: ConvolvePsfOptions,
  cells: Float64Array,
  psf: Float64Array,
  out: Float64Array,
  offset: number,
): void {
  const { size, pad, grid, oversample: k, radius } = options;
  const side = psfStampSide(options);
  const stride = k * grid;
  for (let y = 0; y < size; y++) {
    const top = radius * k + k * (y + pad) + Math.floor(k / 2); // the cell row that meets sample row 0
    for (let x = 0; x < size; x++) {
      const first = radius * k + k * (x + pad) + Math.floor(k / 2);
      let sum = 0;
      for (let j = 0; j < side; j++) {
        const row = top - j;
        if (row < 0 || row >= stride) continue;
        const from = Math.max(0, first - stride + 1);
        const to = Math.min(side - 1, first);
        for (let i = from; i <= to; i++) sum += psf[j * side + i] * cells[row * stride + first - i];
      }
      out[offset + y * size + x] = sum;
    }
  }
}

/**
 * A pivot may fall short of the largest element by this fraction, and the first such element is taken. Symmetric PSFs have up to eight equal
 * candidates, between which rounding would choose: with a plain maximum 13 of 1500 random PSFs took another pivot in float32 (up to 4.5e-3 of the
 * peak off), with this none did (2.6e-7).
 */
export const PIVOT_MARGIN = 1 / 256;

/** A residual below this is none: its reciprocal has no place in float32. */
const DARKEST = 1e-30;

/**
 * Separable terms by adaptive cross approximation with full pivoting (Bebendorf 2000): psf ~ sum_r column_r row_r. `columns` and `rows` get
 * rank * side values; returns sum |residual| / sum |psf|. Pivots within {@link PIVOT_MARGIN} of the largest count as equal.
 * `rest` is left with the residual; it may be `psf` itself.
 */
export function separate(
  psf: Float64Array,
  side: number,
  rank: number,
  columns: Float64Array,
  rows: Float64Array,
  rest: Float64Array = psf.slice(0, side * side),
): number {
  if (rest !== psf) rest.set(psf.subarray(0, side * side));
  let total = 0;
  for (const value of rest) total += Math.abs(value);
  columns.fill(0);
  rows.fill(0);
  for (let term = 0; term < rank; term++) {
    const largest = rest.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    if (largest < DARKEST) break;
    const pivot = rest.findIndex((value) => Math.abs(value) >= (1 - PIVOT_MARGIN) * largest);
    const value = rest[pivot];
    const pivotRow = Math.floor(pivot / side);
    const pivotColumn = pivot % side;
    for (let i = 0; i < side; i++) {
      columns[term * side + i] = rest[i * side + pivotColumn] / value;
      rows[term * side + i] = rest[pivotRow * side + i];
    }
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) rest[y * side + x] -= columns[term * side + y] * rows[term * side + x];
    }
  }
  let left = 0;
  for (const value of rest) left += Math.abs(value);
  return total > 0 ? left / total : 0;
}

/** As {@link convolveDirect}, with the PSF as `rank` separable terms: along rows to pixel columns, then along columns to pixel rows. `partial`: scratch. */
export function convolveSeparable(
  options: ConvolvePsfOptions,
  cells: Float64Array,
  columns: Float64Array,
  rows: Float64Array,
  partial: Float64Array,
  out: Float64Array,
  offset: number,
): void {
  const { size, pad, grid, oversample: k, radius, rank } = options;
  const side = psfStampSide(options);
  const stride = k * grid;
  out.fill(0, offset, offset + size * size);
  for (let term = 0; term < rank; term++) {
    for (let y = 0; y < stride; y++) {
      for (let x = 0; x < size; x++) {
        const first = radius * k + k * (x + pad) + Math.floor(k / 2);
        let sum = 0;
        for (let i = Math.max(0, first - stride + 1); i <= Math.min(side - 1, first); i++) {
          sum += rows[term * side + i] * cells[y * stride + first - i];
        }
        partial[y * size + x] = sum;
      }
    }
    for (let y = 0; y < size; y++) {
      const first = radius * k + k * (y + pad) + Math.floor(k / 2);
      for (let j = Math.max(0, first - stride + 1); j <= Math.min(side - 1, first); j++) {
        const weight = columns[term * side + j];
        const from = (first - j) * size;
        for (let x = 0; x < size; x++) out[offset + y * size + x] += weight * partial[from + x];
      }
    }
  }
}
