/**
 * The smooth part of an effective PSF: an elliptical Moffat (1969, A&A 3, 455) integrated over the pixel, fitted to all stars at once, and a second one
 * where the stars show a wing. The grid of epsf/grid.ts holds what they show beyond it, so where they show nothing (noise in the wings) the PSF stays
 * positive and smooth.
 */
import { solveSymmetric } from './linear.ts';
import { StampSampler, splineCoefficients } from './spline.ts';
import { fitStar, placeModel } from './star-fit.ts';
import type { WidthEstimate } from './star-widths.ts';
import type { FitStar } from './stars.ts';

/** Shape of an elliptical Moffat: FWHM in px (of the circle of equal area), ellipticity components, 1/beta. */
export interface Template {
  readonly fwhm: number;
  readonly e1: number;
  readonly e2: number;
  /** 0 is a Gaussian; below 0 the profile goes on to (1 - r^2/R^2)^n, which ends at R. */
  readonly inverseBeta: number;
  /** Part of the flux that is in a second, wider Moffat ({@link WING}); none (0) unless the stars show it. */
  readonly wing?: number;
  /** Where its centre is from the middle of the PSF, px. */
  readonly x: number;
  readonly y: number;
}

/**
 * The second Moffat: three times as wide as the first, of the same ellipticity, beta 2 as the wings of seeing (Racine 1996, PASP 108, 699). One Moffat
 * follows either core or wings of such a PSF: with 8 % of the flux in a halo it misses 3.5 % of the flux.
 */
const WING = { width: 3, inverseBeta: 0.5 };
/** Wings fainter than this many times their error are left out: fitted for nothing, they would double the error of every PSF's flux. */
const WING_SIGMAS = 3.5;
const MOST_WING = 0.5;

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

/** Samples of a template of unit total flux on a grid (side x side, `oversampling` nodes per pixel), each the integral over one pixel. */
export function templateSamples(template: Template, side: number, oversampling: number): Float64Array {
  const { wing = 0 } = template;
  const out = moffatSamples(template, side, oversampling);
  if (wing === 0) return out;
  const wide = moffatSamples(
    { ...template, fwhm: WING.width * template.fwhm, inverseBeta: WING.inverseBeta },
    side,
    oversampling,
  );
  return out.map((value, k) => (1 - wing) * value + wing * wide[k]);
}

/** Gauss-Legendre of 4 x 4 points within two FWHM (2e-6 of the peak at a FWHM of 1.5 px), 2 x 2 outside. */
function moffatSamples(template: Template, side: number, oversampling: number): Float64Array {
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

/** log FWHM, e1, e2, 1/beta, and the part of the wing where it is fitted. */
type Parameters = readonly number[];

function toTemplate(p: Parameters): Template {
  return { fwhm: Math.exp(p[0]), e1: p[1], e2: p[2], inverseBeta: p[3], wing: p[4] ?? 0, x: 0, y: 0 };
}

function bounded(p: Parameters): Parameters {
  const length = Math.hypot(p[1], p[2]);
  const shrink = length > 0.6 ? 0.6 / length : 1;
  const inverse = Math.min(INVERSE_BETA.greatest, Math.max(INVERSE_BETA.least, p[3]));
  const core = [Math.min(Math.log(60), Math.max(Math.log(0.8), p[0])), p[1] * shrink, p[2] * shrink, inverse];
  return p.length > 4 ? [...core, Math.min(MOST_WING, Math.max(0, p[4]))] : core;
}

/** Steps of the finite differences by which the shape's derivatives are taken. */
const DIFFERENCES: Parameters = [0.01, 0.01, 0.01, 0.005, 0.01];
/** Longest steps of one iteration: in log FWHM, ellipticity, 1/beta and wing. */
const LONGEST = { logFwhm: 0.2, ellipticity: 0.2, inverseBeta: 0.15, wing: 0.1 };

export interface TemplateFit {
  readonly stars: readonly FitStar[];
  readonly oversampling: number;
  readonly background: boolean;
  /** Clips a star and sets its weights. */
  readonly weigh: (star: FitStar) => void;
}

/**
 * Fits shape and stars together (the stars' own unknowns are eliminated star by star: Schur complement), in boxes of 4 FWHM around the stars.
 * The stars' flux, x, y and background are updated in place. `widths` are the stars' own log FWHM less the template's, from one step along the
 * tangent, of the same shape otherwise.
 *
 * @param first FWHM to start from, px
 */
export function fitTemplate(
  fit: TemplateFit,
  first: number,
  start?: Template,
): { template: Template; widths: readonly WidthEstimate[] } {
  let p: Parameters = start ? [Math.log(start.fwhm), start.e1, start.e2, start.inverseBeta] : [Math.log(first), 0, 0, 0.3];
  let widths: readonly WidthEstimate[] = [];
  for (let round = 0; round < 12; round++) {
    const { step, widths: seen } = iterate(fit, p, 4 * first, round === 0 ? 4 : 2);
    widths = seen;
    if (step === undefined) break;
    p = moved(p, step);
    if (Math.max(...step.map(Math.abs)) < 1e-3) break;
  }
  return { template: toTemplate(p), widths };
}

/**
 * The same with a wing, in boxes of 8 FWHM, if the stars show one: its amplitude, free to take either sign, must be above {@link WING_SIGMAS} times
 * its error whichever star is left out (a galaxy among the stars has wings too). Otherwise the template as it was. The stars' weights must be true
 * to scale.
 */
export function fitWing(fit: TemplateFit, start: Template): Template {
  let p: Parameters = [Math.log(start.fwhm), start.e1, start.e2, start.inverseBeta, 0];
  for (let round = 0; round < 12; round++) {
    const { step, leastSigmas } = iterate(fit, p, 8 * start.fwhm, 1);
    // The amplitude enters linearly: the first step tells already what it will be.
    if (step === undefined || !(leastSigmas(4) > WING_SIGMAS)) return start;
    p = moved(p, step);
    if (Math.max(...step.map(Math.abs)) < 1e-3) break;
  }
  return toTemplate(p);
}

function moved(p: Parameters, step: Float64Array): Parameters {
  const part = Math.min(
    1,
    LONGEST.logFwhm / Math.abs(step[0]),
    LONGEST.inverseBeta / Math.abs(step[3]),
    LONGEST.ellipticity / Math.hypot(step[1], step[2]),
    LONGEST.wing / Math.abs(step[4] ?? 0),
  );
  return bounded(p.map((value, k) => value + part * step[k]));
}

interface Iteration {
  /** Gauss-Newton step of the shape; none where the shape is undetermined. */
  readonly step: Float64Array | undefined;
  /** The value of a parameter after the step over its error, without the star that speaks for it most. */
  readonly leastSigmas: (which: number) => number;
  /** Each star's own step in log FWHM. */
  readonly widths: readonly WidthEstimate[];
}

/** Fits the stars under a shape, and takes one step of the shape. */
function iterate(
  { stars, oversampling, background, weigh }: TemplateFit,
  p: Parameters,
  reach: number,
  iterations: number,
): Iteration {
  const largest = Math.max(...stars.map((star) => star.size));
  const half = Math.min(Math.ceil(largest / 2), Math.max(6, Math.ceil(reach)));
  const side = 2 * oversampling * half + 1;
  const sampler = new StampSampler(side, oversampling);
  const samples = templateSamples(toTemplate(p), side, oversampling);
  const slopes = p.map((_, which) => {
    const step = DIFFERENCES[which];
    const other = templateSamples(toTemplate(p.map((value, k) => (k === which ? value + step : value))), side, oversampling);
    for (let k = 0; k < other.length; k++) other[k] = (other[k] - samples[k]) / step;
    return splineCoefficients(other, side);
  });
  const coefficients = splineCoefficients(samples, side);
  const n = p.length;
  const shares = stars.map((star) => {
    fitStar(star, coefficients, sampler, { background, iterations });
    placeModel(star, coefficients, sampler);
    weigh(star);
    const share = { matrix: new Float64Array(n * n), right: new Float64Array(n) };
    addShape(star, slopes, sampler, background, half, share.matrix, share.right);
    return share;
  });
  const matrix = new Float64Array(n * n);
  const right = new Float64Array(n);
  for (const share of shares) {
    share.matrix.forEach((value, k) => {
      matrix[k] += value;
    });
    share.right.forEach((value, k) => {
      right[k] += value;
    });
  }
  const step = right.slice();
  const leastSigmas = (which: number) =>
    Math.min(
      ...shares.map((share) => {
        const rest = matrix.map((value, k) => value - share.matrix[k]);
        const move = right.map((value, k) => value - share.right[k]);
        const variances = new Float64Array(n);
        variances[which] = 1;
        if (!solveSymmetric(rest.slice(), move, n) || !solveSymmetric(rest, variances, n)) return 0;
        return (p[which] + move[which]) / Math.sqrt(variances[which]);
      }),
    );
  const widths = shares.map((share) => ({
    value: share.matrix[0] > 0 ? share.right[0] / share.matrix[0] : 0,
    error: share.matrix[0] > 0 ? 1 / Math.sqrt(share.matrix[0]) : Number.POSITIVE_INFINITY,
  }));
  return { step: solveSymmetric(matrix.slice(), step, n) ? step : undefined, leastSigmas, widths };
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
  const n = slopes.length;
  const width = own + n;
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
      for (let q = 0; q < n; q++) column[own + q] = flux * shape[q][k];
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
  for (let q = 0; q <= n; q++) {
    // Own block against each shape column, then against the right-hand side.
    for (let a = 0; a < own; a++) for (let b = 0; b < own; b++) block[a * own + b] = full[a * width + b];
    const solved = new Float64Array(own);
    for (let a = 0; a < own; a++) solved[a] = q < n ? full[a * width + own + q] : target[a];
    if (!solveSymmetric(block, solved, own)) return;
    for (let r = 0; r < n; r++) {
      let value = q < n ? full[(own + r) * width + own + q] : target[own + r];
      for (let a = 0; a < own; a++) value -= full[(own + r) * width + a] * solved[a];
      if (q < n) matrix[r * n + q] += value;
      else right[r] += value;
    }
  }
}
