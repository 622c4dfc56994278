/** Missing nodes of a grid from their neighbours. */
import { solveSymmetric } from './linear.ts';

/** Columns between the leftmost and rightmost present node of each row's hull: the convex hull of all present nodes, [first, last] per row. */
function hullRows(grid: Float64Array, side: number): [first: number, last: number][] {
  const spans: [number, number][] = [];
  const ends: { y: number; low: number; high: number }[] = [];
  for (let y = 0; y < side; y++) {
    let low = -1;
    let high = -1;
    for (let x = 0; x < side; x++) {
      if (Number.isNaN(grid[y * side + x])) continue;
      if (low < 0) low = x;
      high = x;
    }
    if (low >= 0) ends.push({ y, low, high });
    spans.push([side, -1]);
  }
  // Two monotone chains over the rows (Andrew 1979): the left one bends out to smaller x, the right one to larger.
  for (const [which, sign] of [
    [0, 1],
    [1, -1],
  ] as const) {
    const chain: { x: number; y: number }[] = [];
    for (const end of ends) {
      const point = { x: which === 0 ? end.low : end.high, y: end.y };
      while (chain.length > 1) {
        const [a, b] = chain.slice(-2);
        if (sign * ((b.x - a.x) * (point.y - a.y) - (point.x - a.x) * (b.y - a.y)) < 0) break;
        chain.pop();
      }
      chain.push(point);
    }
    for (let k = 0; k + 1 < chain.length; k++) {
      const [a, b] = [chain[k], chain[k + 1]];
      for (let y = a.y; y <= b.y; y++) spans[y][which] = a.x + ((y - a.y) / (b.y - a.y)) * (b.x - a.x);
    }
    if (chain.length === 1) spans[chain[0].y][which] = chain[0].x;
  }
  return spans;
}

/**
 * Fills NaN nodes in place: within the convex hull of the others by a quadratic fitted to the present nodes around (weights falling with distance),
 * outside by 0. photutils fills by Clough-Tocher patches; both are third order, and differ by what the second differences of neighbouring nodes do.
 */
export function fillMissing(grid: Float64Array, side: number): void {
  const known = grid.slice();
  const hull = hullRows(known, side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const at = y * side + x;
      if (!Number.isNaN(known[at])) continue;
      grid[at] = x < hull[y][0] || x > hull[y][1] ? 0 : localQuadratic(known, side, x, y);
    }
  }
}

function localQuadratic(known: Float64Array, side: number, x: number, y: number): number {
  for (let reach = 2; reach <= 12; reach++) {
    const matrix = new Float64Array(36);
    const right = new Float64Array(6);
    let count = 0;
    for (let j = Math.max(0, y - reach); j <= Math.min(side - 1, y + reach); j++) {
      for (let i = Math.max(0, x - reach); i <= Math.min(side - 1, x + reach); i++) {
        const value = known[j * side + i];
        if (Number.isNaN(value)) continue;
        const u = (i - x) / reach;
        const v = (j - y) / reach;
        const weight = 1 / (u * u + v * v) ** 2;
        const terms = [1, u, v, u * u, u * v, v * v];
        for (let a = 0; a < 6; a++) {
          right[a] += weight * terms[a] * value;
          for (let b = 0; b < 6; b++) matrix[a * 6 + b] += weight * terms[a] * terms[b];
        }
        count++;
      }
    }
    if (count >= 8 && solveSymmetric(matrix, right, 6)) return right[0];
  }
  return 0;
}
