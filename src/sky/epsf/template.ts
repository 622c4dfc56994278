/**
 * The smooth part of an effective PSF: an elliptical Moffat (1969, A&A 3, 455) integrated over the pixel, fitted to all stars at once. The grid of
 * epsf/grid.ts holds what the stars show beyond it, so where they show nothing (noise in the wings) the PSF stays positive and smooth.
 */
import { solveSymmetric } from './linear.ts';
import { StampSampler, splineCoefficients } from './spline.ts';
import { fitStar, placeModel } from './star-fit.ts';
import type { FitStar } from './stars.ts';

/** Shape of an elliptical Moffat: FWHM in px (of the circle of equal area), ellipticity components, 1/beta. */
export interface Template {
  readonly fwhm: number;
  readonly e1: number;
  readonly e2: number;
  /** 0 is a Gaussian; below 0 the profile goes on to (1 - r^2/R^2)^n, which ends at R. */
  readonly inverseBeta: number;
  /** Where its centre is from the middle of the PSF, px. */
  readonly x: number;
  readonly y: number;
}

/**
 * 1/beta is fitted, through 0: were a Gaussian the end of the range, noise could only err to one side of it, and Gaussian PSFs come out 0.2 % too wide.
 * Above 0.62 (beta 1.6) the wings hold most of the flux and no stamp can tell how much.
 */
const INVERSE_BETA = { least: -0.08, greatest: 0.62 };
/** 1/beta nearer to 0 than this is set to this: the profile differs by 1e-7, the formulas divide by it. */
const ZERO = 1e-6;
/** Gauss-Legendre nodes on [-1/2, 1/2] and weights: two and four points. */
const TWO = { nodes: [-0.28867513459481287, 0.28867513459481287], weights: [0.5, 0.5] };
const FOUR = {
  nodes: [-0.4305681557970263, -0.1699905217924281, 0.1699905217924281, 0.4305681557970263],
  weights: [0.1739274225687269, 0.3260725774312731, 0.3260725774312731, 0.1739274225687269],
};

/**
 * Samples of a template of unit total flux on a grid (side x side, `oversampling` nodes per pixel), each the integral over one pixel.
 * Gauss-Legendre of 4 x 4 points within two FWHM (2e-6 of the peak at a FWHM of 1.5 px), 2 x 2 outside.
 */
export function templateSamples(template: Template, side: number, oversampling: number): Float64Array {
  const { fwhm, e1, e2 } = template;
  const beta = 1 / (Math.abs(template.inverseBeta) < ZERO ? ZERO : template.inverseBeta);
  // alpha^2, and with it beta - 1, is below 0 where 1/beta is.
  const alpha2 = (fwhm * fwhm) / (4 * Math.expm1(Math.LN2 / beta));
  const scale = 1 / (alpha2 * Math.sqrt(1 - e1 * e1 - e2 * e2));
  const xx = scale * (1 - e1);
  const yy = scale * (1 + e1);
  const xy = -2 * scale * e2;
  const height = (beta - 1) / (Math.PI * alpha2);
  const middle = (side - 1) / 2;
  const out = new Float64Array(side * side);
  // A centred profile is even: the second half of the grid mirrors the first.
  const even = template.x === 0 && template.y === 0;
  for (let k = 0; k < (even ? (out.length + 1) / 2 : out.length); k++) {
    const x = ((k % side) - middle) / oversampling - template.x;
    const y = (Math.floor(k / side) - middle) / oversampling - template.y;
    const { nodes, weights } = x * x + y * y < 4 * fwhm * fwhm ? FOUR : TWO;
    let sum = 0;
    for (let b = 0; b < nodes.length; b++) {
      const v = y + nodes[b];
      for (let a = 0; a < nodes.length; a++) {
        const u = x + nodes[a];
        const base = 1 + xx * u * u + xy * u * v + yy * v * v;
        if (base > 0) sum += weights[a] * weights[b] * base ** -beta;
      }
    }
    out[k] = height * sum;
    if (even) out[out.length - 1 - k] = out[k];
  }
  return out;
}

type Parameters = readonly [logFwhm: number, e1: number, e2: number, inverseBeta: number];

function toTemplate(p: Parameters): Template {
  return { fwhm: Math.exp(p[0]), e1: p[1], e2: p[2], inverseBeta: p[3], x: 0, y: 0 };
}

function bounded(p: readonly number[]): Parameters {
  const length = Math.hypot(p[1], p[2]);
  const shrink = length > 0.6 ? 0.6 / length : 1;
  const inverse = Math.min(INVERSE_BETA.greatest, Math.max(INVERSE_BETA.least, p[3]));
  return [Math.min(Math.log(60), Math.max(Math.log(0.8), p[0])), p[1] * shrink, p[2] * shrink, inverse];
}

/** Steps of the finite differences by which the shape's derivatives are taken. */
const DIFFERENCES: Parameters = [0.01, 0.01, 0.01, 0.005];

/**
 * Fits shape and stars together (the stars' own unknowns are eliminated star by star: Schur complement), in boxes of 4 FWHM around the stars.
 * The stars' flux, x, y and background are updated in place.
 *
 * @param first FWHM to start from, px
 */
export function fitTemplate(
  stars: readonly FitStar[],
  first: number,
  oversampling: number,
  background: boolean,
  weigh: (star: FitStar) => void,
  start?: Template,
): Template {
  let p: Parameters = start ? [Math.log(start.fwhm), start.e1, start.e2, start.inverseBeta] : [Math.log(first), 0, 0, 0.3];
  const largest = Math.max(...stars.map((star) => star.size));
  const half = Math.min(Math.ceil(largest / 2), Math.max(6, Math.ceil(4 * first)));
  const side = 2 * oversampling * half + 1;
  const sampler = new StampSampler(side, oversampling);
  for (let round = 0; round < 12; round++) {
    const template = toTemplate(p);
    const samples = templateSamples(template, side, oversampling);
    const slopes = DIFFERENCES.map((step, which) => {
      const moved = p.map((value, k) => (k === which ? value + step : value)) as unknown as Parameters;
      const other = templateSamples(toTemplate(moved), side, oversampling);
      for (let k = 0; k < other.length; k++) other[k] = (other[k] - samples[k]) / step;
      return splineCoefficients(other, side);
    });
    const coefficients = splineCoefficients(samples, side);
    const matrix = new Float64Array(16);
    const right = new Float64Array(4);
    for (const star of stars) {
      fitStar(star, coefficients, sampler, { background, iterations: round === 0 ? 4 : 2 });
      placeModel(star, coefficients, sampler);
      weigh(star);
      addShape(star, slopes, sampler, background, half, matrix, right);
    }
    if (!solveSymmetric(matrix, right, 4)) break;
    const part = Math.min(1, 0.2 / Math.abs(right[0]), 0.15 / Math.abs(right[3]), 0.2 / Math.hypot(right[1], right[2]));
    p = bounded(p.map((value, k) => value + part * right[k]));
    if (Math.max(...right.map(Math.abs)) < 1e-3) break;
  }
  return toTemplate(p);
}

/** One star's share of the normal equations of the shape, its own four unknowns eliminated. */
function addShape(
  star: FitStar,
  slopes: readonly Float64Array[],
  sampler: StampSampler,
  background: boolean,
  half: number,
  matrix: Float64Array,
  right: Float64Array,
): void {
  const { size, data, weight, model, byX, byY, flux } = star;
  const shape = slopes.map((slope) => {
    const out = new Float64Array(size * size);
    sampler.sample(slope, star.x, star.y, size, size, out);
    return out;
  });
  const own = background ? 4 : 3;
  const width = own + 4;
  const full = new Float64Array(width * width);
  const target = new Float64Array(width);
  const column = new Float64Array(width);
  for (let j = 0; j < size; j++) {
    if (Math.abs(j - star.y) > half - 1) continue;
    for (let i = 0; i < size; i++) {
      const k = j * size + i;
      if (weight[k] === 0 || Math.abs(i - star.x) > half - 1) continue;
      column[0] = model[k];
      column[1] = flux * byX[k];
      column[2] = flux * byY[k];
      if (background) column[3] = 1;
      for (let q = 0; q < 4; q++) column[own + q] = flux * shape[q][k];
      const residual = data[k] - flux * model[k] - star.background;
      for (let a = 0; a < width; a++) {
        const scaled = weight[k] * column[a];
        target[a] += scaled * residual;
        for (let b = 0; b <= a; b++) full[a * width + b] += scaled * column[b];
      }
    }
  }
  for (let a = 0; a < width; a++) for (let b = a + 1; b < width; b++) full[a * width + b] = full[b * width + a];
  const block = new Float64Array(own * own);
  for (let q = 0; q < 5; q++) {
    // Own block against each shape column, then against the right-hand side.
    for (let a = 0; a < own; a++) for (let b = 0; b < own; b++) block[a * own + b] = full[a * width + b];
    const solved = new Float64Array(own);
    for (let a = 0; a < own; a++) solved[a] = q < 4 ? full[a * width + own + q] : target[a];
    if (!solveSymmetric(block, solved, own)) return;
    for (let r = 0; r < 4; r++) {
      let value = q < 4 ? full[(own + r) * width + own + q] : target[own + r];
      for (let a = 0; a < own; a++) value -= full[(own + r) * width + a] * solved[a];
      if (q < 4) matrix[r * 4 + q] += value;
      else right[r] += value;
    }
  }
}
