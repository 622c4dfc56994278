/** Numbers that describe an effective PSF and what it leaves of its stars. */
import { type Epsf, sampleEpsf } from './epsf.ts';
import { splineSamples } from './spline.ts';
import type { StarCutout } from './stars.ts';

/** 4 ln 2: a Gaussian of this FWHM is exp(-W r^2 / FWHM^2). */
export const WINDOW = 4 * Math.LN2;

/**
 * Offset of the Gaussian-windowed centroid (window of the PSF's own FWHM) from the middle of the grid, px: where this project puts the centre of a PSF,
 * close to the point to which a star's fitted position refers.
 */
export function windowOffset(
  coefficients: Float64Array,
  side: number,
  oversampling: number,
  fwhm: number,
): { x: number; y: number } {
  const samples = splineSamples(coefficients, side);
  const width = WINDOW / (fwhm * oversampling) ** 2;
  const middle = (side - 1) / 2;
  const reach = Math.min(middle, Math.ceil(1.5 * fwhm * oversampling));
  let x = 0;
  let y = 0;
  for (let round = 0; round < 20; round++) {
    let sum = 0;
    let sumX = 0;
    let sumY = 0;
    for (let j = middle - reach; j <= middle + reach; j++) {
      for (let i = middle - reach; i <= middle + reach; i++) {
        const dx = i - middle - x;
        const dy = j - middle - y;
        const value = samples[j * side + i] * Math.exp(-width * (dx * dx + dy * dy));
        sum += value;
        sumX += value * dx;
        sumY += value * dy;
      }
    }
    const moveX = (2 * sumX) / sum;
    const moveY = (2 * sumY) / sum;
    if (!(sum > 0) || !(Math.hypot(x + moveX, y + moveY) < reach)) return { x: 0, y: 0 };
    x += moveX;
    y += moveY;
    if (Math.hypot(moveX, moveY) < 1e-7) break;
  }
  return { x: x / oversampling, y: y / oversampling };
}

/** FWHM in px: of the circle that has the area above half of the central value, seen on a grid of eight points per pixel. */
export function epsfFwhm(epsf: Epsf): number {
  const fine = 8;
  const half = Math.min(30, Math.floor(epsf.side / epsf.oversampling / 2));
  const size = 2 * half + 1;
  const peak = sampleEpsf(epsf, 0, 0, 1)[0];
  let above = 0;
  for (let b = 0; b < fine; b++) {
    for (let a = 0; a < fine; a++) {
      for (const value of sampleEpsf(epsf, half + a / fine, half + b / fine, size)) if (value > peak / 2) above++;
    }
  }
  return 2 * Math.sqrt(above / (fine * fine) / Math.PI);
}

/** The growth curve of a stamp and the numbers of `epsf_qa`. */
export interface GrowthQuality {
  /** Part of the stamp's sum within r = 0, 1, 2 ... px of its middle (pixel centres, edge included), up to its corner. */
  readonly growth: Float64Array;
  /** First whole radius at which the growth reaches 0.5, 0.8, 0.9, px; NaN if none. */
  readonly ee_r50_pix: number;
  readonly ee_r80_pix: number;
  readonly ee_r90_pix: number;
  /** Growth at the corner. */
  readonly ee_edge: number;
  /** Over the four edge rows and columns (a corner counts twice). */
  readonly epsf_edge_median: number;
  readonly epsf_edge_mean: number;
  readonly epsf_min: number;
  readonly epsf_max: number;
}

/** Growth curve and edge of a square stamp, by tract7dt's definitions (its epsf.py, MIT). All growth is 0 for a stamp that sums to 0. */
export function growthQuality(stamp: ArrayLike<number>, size: number): GrowthQuality {
  const middle = (size - 1) / 2;
  const last = Math.ceil(Math.SQRT2 * middle);
  const growth = new Float64Array(last + 1);
  const edge: number[] = [];
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  let total = 0;
  for (let k = 0; k < size * size; k++) {
    const i = k % size;
    const j = (k - i) / size;
    const value = stamp[k];
    growth[Math.ceil(Math.hypot(i - middle, j - middle))] += value;
    total += value;
    least = Math.min(least, value);
    most = Math.max(most, value);
    if (i === 0 || i === size - 1) edge.push(value);
    if (j === 0 || j === size - 1) edge.push(value);
  }
  let sum = 0;
  for (let r = 0; r <= last; r++) {
    sum += growth[r];
    growth[r] = total === 0 ? 0 : sum / total;
  }
  const radius = (part: number) => {
    const at = growth.findIndex((value) => value >= part);
    return at < 0 ? Number.NaN : at;
  };
  return {
    growth,
    ee_r50_pix: radius(0.5),
    ee_r80_pix: radius(0.8),
    ee_r90_pix: radius(0.9),
    ee_edge: growth[last],
    epsf_edge_median: median(edge),
    epsf_edge_mean: edge.reduce((all, value) => all + value, 0) / edge.length,
    epsf_min: least,
    epsf_max: most,
  };
}

/** A cutout with what was fitted to it. */
export interface FittedStar {
  readonly cutout: StarCutout;
  readonly x: number;
  readonly y: number;
  readonly flux: number;
  readonly background: number;
}

/** The numbers of `residual_qa`, and the median images they come from (size x size; data and residual without background). */
export interface ResidualQuality {
  readonly resid_nstars: number;
  readonly resid_bias: number;
  readonly resid_rms: number;
  readonly resid_norm_bias: number;
  readonly resid_norm_rms: number;
  readonly data: Float64Array;
  readonly model: Float64Array;
  readonly residual: Float64Array;
}

/**
 * Residuals of fitted stars of one cutout size: median and rms of the pixel-wise median residual (data units), and median and rms over all good
 * pixels of residual x sqrt(weight), by tract7dt's definitions. Bad pixels do not count (there they do). NaN without stars.
 */
export function residualQuality(epsf: Epsf, stars: readonly FittedStar[]): ResidualQuality {
  const size = stars[0]?.cutout.size ?? 0;
  const same = stars.filter((star) => star.cutout.size === size);
  const models = same.map((star) => sampleEpsf(epsf, star.x, star.y, size));
  const data = new Float64Array(size * size);
  const model = new Float64Array(size * size);
  const residual = new Float64Array(size * size);
  const normed: number[] = [];
  for (let k = 0; k < size * size; k++) {
    const values: number[] = [];
    const fits: number[] = [];
    const rests: number[] = [];
    same.forEach(({ cutout, flux, background }, n) => {
      const weight = cutout.weight[k];
      if (!(weight > 0) || !Number.isFinite(cutout.data[k])) return;
      const value = cutout.data[k] - background;
      const fit = flux * models[n][k];
      values.push(value);
      fits.push(fit);
      rests.push(value - fit);
      normed.push((value - fit) * Math.sqrt(weight));
    });
    data[k] = median(values);
    model[k] = median(fits);
    residual[k] = median(rests);
  }
  const finite = Array.from(residual).filter(Number.isFinite);
  return {
    resid_nstars: same.length,
    resid_bias: median(finite),
    resid_rms: rms(finite),
    resid_norm_bias: median(normed),
    resid_norm_rms: rms(normed),
    data,
    model,
    residual,
  };
}

/** NaN of none. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  return sorted.length === 0 ? Number.NaN : (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

function rms(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
