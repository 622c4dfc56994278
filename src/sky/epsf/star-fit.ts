/** Flux, centre and background of one star under a given PSF, by Gauss-Newton. */
import { solveSymmetric } from './linear.ts';
import type { StampSampler } from './spline.ts';
import type { FitStar } from './stars.ts';

/** Longest step of the centre in one iteration, px: the PSF's derivative says little further off. */
const LONGEST_STEP = 0.4;

export interface StarFitOptions {
  readonly background: boolean;
  readonly iterations: number;
}

/** Values and derivatives of the unit-flux PSF at the star's place. */
export function placeModel(star: FitStar, coefficients: Float64Array, sampler: StampSampler): void {
  sampler.sample(coefficients, star.x, star.y, star.size, star.size, star.model, star.byX, star.byY);
}

/** Adds one star's normal equations for (flux, x, y, background): matrix 4 x 4 and right-hand side. */
function normalEquations(star: FitStar, background: boolean, matrix: Float64Array, right: Float64Array): void {
  const { data, weight, model, byX, byY, flux } = star;
  let ee = 0;
  let ex = 0;
  let ey = 0;
  let e1 = 0;
  let xx = 0;
  let xy = 0;
  let x1 = 0;
  let yy = 0;
  let y1 = 0;
  let one = 0;
  let re = 0;
  let rx = 0;
  let ry = 0;
  let r1 = 0;
  for (let k = 0; k < data.length; k++) {
    const w = weight[k];
    if (w === 0) continue;
    const m = model[k];
    const dx = flux * byX[k];
    const dy = flux * byY[k];
    const r = w * (data[k] - flux * m - star.background);
    ee += w * m * m;
    ex += w * m * dx;
    ey += w * m * dy;
    e1 += w * m;
    xx += w * dx * dx;
    xy += w * dx * dy;
    x1 += w * dx;
    yy += w * dy * dy;
    y1 += w * dy;
    one += w;
    re += r * m;
    rx += r * dx;
    ry += r * dy;
    r1 += r;
  }
  if (background) {
    matrix.set([ee, ex, ey, e1, ex, xx, xy, x1, ey, xy, yy, y1, e1, x1, y1, one]);
    right.set([re, rx, ry, r1]);
  } else {
    // A background that is not fitted is an unknown of its own that never moves.
    matrix.set([ee, ex, ey, 0, ex, xx, xy, 0, ey, xy, yy, 0, 0, 0, 0, 1]);
    right.set([re, rx, ry, 0]);
  }
}

/**
 * Refits one star in place; `model` is left at its new place. Returns the distance that the centre moved in pixels, NaN if there was nothing to
 * fit (no weight, no flux, or a centre that left the stamp), in which case the star is as it was.
 */
export function fitStar(star: FitStar, coefficients: Float64Array, sampler: StampSampler, options: StarFitOptions): number {
  const before = { x: star.x, y: star.y, flux: star.flux, background: star.background };
  const matrix = new Float64Array(16);
  const right = new Float64Array(4);
  for (let round = 0; round < options.iterations; round++) {
    placeModel(star, coefficients, sampler);
    normalEquations(star, options.background, matrix, right);
    if (!solveSymmetric(matrix, right, 4)) return undo(star, before, coefficients, sampler);
    const length = Math.hypot(right[1], right[2]);
    const part = Math.min(1, LONGEST_STEP / length);
    star.flux += right[0];
    star.x += part * right[1];
    star.y += part * right[2];
    star.background += right[3];
    if (!(star.x > 0 && star.x < star.size - 1 && star.y > 0 && star.y < star.size - 1) || !Number.isFinite(star.flux)) {
      return undo(star, before, coefficients, sampler);
    }
    // The factor's first column is untouched by a fit's later unknowns, but the error must know all four: back-substitute e_0.
    star.fluxError = Math.sqrt(firstOfInverse(matrix));
    if (length < 1e-4 && round > 0) break;
  }
  placeModel(star, coefficients, sampler);
  return Math.hypot(star.x - before.x, star.y - before.y);
}

function undo(
  star: FitStar,
  before: { x: number; y: number; flux: number; background: number },
  coefficients: Float64Array,
  sampler: StampSampler,
): number {
  Object.assign(star, before);
  placeModel(star, coefficients, sampler);
  return Number.NaN;
}

/** Element (0, 0) of the inverse from the 4 x 4 Cholesky factor: the squared length of L^-1 e_0. */
function firstOfInverse(factor: Float64Array): number {
  const solved = [0, 0, 0, 0];
  let sum = 0;
  for (let i = 0; i < 4; i++) {
    let value = i === 0 ? 1 : 0;
    for (let k = 0; k < i; k++) value -= factor[i * 4 + k] * solved[k];
    solved[i] = value / factor[i * 4 + i];
    sum += solved[i] * solved[i];
  }
  return sum;
}
