/** Recentring of the classic builder. */
import { notAKnotCoefficients, StampSampler } from './spline.ts';

/** Moves smaller than this end it, px. */
const ACCURACY = 1e-4;

/**
 * Shifts a grid so that the centre of mass of a box about its origin lies on the origin; 0 comes in from outside. Stops when a move is longer than
 * the one before it.
 *
 * @param origin of the model in px from node (0, 0), the same in x and y
 * @param box odd, nodes
 */
export function recentre(
  values: Float64Array,
  side: number,
  oversampling: number,
  origin: number,
  box: number,
  rounds: number,
): Float64Array {
  const coefficients = notAKnotCoefficients(values, side);
  const sampler = new StampSampler(side + 2, 1);
  const first = Math.max(0, Math.ceil(origin * oversampling - box / 2));
  const last = Math.min(side, Math.ceil(origin * oversampling - box / 2) + box);
  let current = values;
  let totalX = 0;
  let totalY = 0;
  let before = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    let sum = 0;
    let sumX = 0;
    let sumY = 0;
    for (let y = first; y < last; y++) {
      for (let x = first; x < last; x++) {
        const value = current[y * side + x];
        sum += value;
        sumX += value * x;
        sumY += value * y;
      }
    }
    if (sum === 0) break;
    const moveX = sumX / sum / oversampling - origin;
    const moveY = sumY / sum / oversampling - origin;
    const length = Math.hypot(moveX, moveY);
    if (!(length < before)) break;
    before = length;
    totalX += moveX;
    totalY += moveY;
    current = shifted(coefficients, side, sampler, totalX * oversampling, totalY * oversampling);
    if (length < ACCURACY) break;
  }
  return current;
}

/** The spline at the nodes moved by (x, y) nodes, 0 off the grid. */
function shifted(coefficients: Float64Array, side: number, sampler: StampSampler, x: number, y: number): Float64Array {
  const out = new Float64Array(side * side);
  const middle = (side - 1) / 2;
  sampler.sample(coefficients, middle - x, middle - y, side, side, out);
  for (let k = 0; k < out.length; k++) {
    const column = (k % side) + x;
    const row = Math.floor(k / side) + y;
    if (column < 0 || column > side - 1 || row < 0 || row > side - 1) out[k] = 0;
  }
  return out;
}
