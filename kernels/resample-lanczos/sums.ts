/** Sums over the pixels under the kernel, `corner` its first one. `rowX`, `rowY` are where the rows of the two phases start in the table. */

/** sum w_y sum w_x data. */
export function weightedSum(
  data: Float64Array,
  corner: number,
  side: number,
  table: Float64Array,
  rowX: number,
  rowY: number,
  taps: number,
): number {
  if (taps === 6) return sixTaps(data, corner, side, table, rowX, rowY);
  let sum = 0;
  for (let j = 0; j < taps; j++) {
    let line = 0;
    for (let i = 0; i < taps; i++) line += table[rowX + i] * data[corner + i];
    sum += table[rowY + j] * line;
    corner += side;
  }
  return sum;
}

/** Lanczos-3 without a stretch: with its lines written out it takes half as long. */
function sixTaps(data: Float64Array, corner: number, side: number, table: Float64Array, rowX: number, rowY: number): number {
  const a = table[rowX];
  const b = table[rowX + 1];
  const c = table[rowX + 2];
  const d = table[rowX + 3];
  const e = table[rowX + 4];
  const f = table[rowX + 5];
  let sum = 0;
  for (let j = 0; j < 6; j++) {
    const left = a * data[corner] + b * data[corner + 1] + c * data[corner + 2];
    const right = d * data[corner + 3] + e * data[corner + 4] + f * data[corner + 5];
    sum += table[rowY + j] * (left + right);
    corner += side;
  }
  return sum;
}

/** A window that may hold bad pixels: there values and variances are 0, as is `isGood`, elsewhere 1. */
export interface Window {
  readonly side: number;
  readonly values: Float64Array;
  readonly variances: Float64Array;
  readonly isGood: Float64Array;
}

export interface Tables {
  readonly taps: number;
  /** Per phase and tap: weights, their squares, and their absolute values in whole 2^-11. */
  readonly weights: Float64Array;
  readonly squares: Float64Array;
  readonly counts: Float64Array;
  /** Per phase: the sum of the squared weights, and 1 where some weight is 0. */
  readonly squareSums: Float64Array;
  readonly hasZero: Uint8Array;
}

/** What the good pixels under the kernel come to. */
export interface GoodSums {
  value: number;
  weight: number;
  variance: number;
  /** Absolute weights of bad pixels and of those outside, in whole 2^-22. */
  missing: number;
  /** Some pixel with a weight is bad or outside. */
  isPartial: boolean;
}

function sumOfRow(table: Float64Array, row: number, taps: number): number {
  let sum = 0;
  for (let tap = 0; tap < taps; tap++) sum += table[row + tap];
  return sum;
}

/** Sums over the good pixels under a kernel that lies inside the window and has no weight of 0. */
export function sumsInside(window: Window, corner: number, tables: Tables, rowX: number, rowY: number, sums: GoodSums): void {
  const { side, values, variances, isGood } = window;
  const { taps, weights, squares, counts } = tables;
  sums.value = weightedSum(values, corner, side, weights, rowX, rowY, taps);
  sums.weight = weightedSum(isGood, corner, side, weights, rowX, rowY, taps);
  sums.variance = weightedSum(variances, corner, side, squares, rowX, rowY, taps);
  const good = weightedSum(isGood, corner, side, counts, rowX, rowY, taps);
  sums.missing = sumOfRow(counts, rowX, taps) * sumOfRow(counts, rowY, taps) - good;
  sums.isPartial = true;
}

/** Sums over the good pixels under any kernel; its first pixel is (column, row), which may lie outside. */
export function sumsAnywhere(
  window: Window,
  column: number,
  row: number,
  tables: Tables,
  rowX: number,
  rowY: number,
  sums: GoodSums,
): void {
  const { side, values, variances, isGood } = window;
  const { taps, weights, counts } = tables;
  sums.value = 0;
  sums.weight = 0;
  sums.variance = 0;
  sums.missing = 0;
  sums.isPartial = false;
  for (let j = 0; j < taps; j++) {
    const y = row + j;
    for (let i = 0; i < taps; i++) {
      const x = column + i;
      const weight = weights[rowX + i] * weights[rowY + j];
      if (y < 0 || y >= side || x < 0 || x >= side || isGood[y * side + x] === 0) {
        if (weight !== 0) sums.isPartial = true;
        sums.missing += counts[rowX + i] * counts[rowY + j];
        continue;
      }
      sums.value += weight * values[y * side + x];
      sums.weight += weight;
      sums.variance += weight * weight * variances[y * side + x];
    }
  }
}
