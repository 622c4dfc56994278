/** Light that a PSF misplaces: by distance from its stars, and at any one place around them. */
import type { Noise } from './judge-stars.ts';
import { median } from './quality.ts';
import type { FitStar } from './stars.ts';

export interface RingSums {
  /** Reduced chi-squared in rings of a pixel: [r, r + 1). */
  readonly chi2: Float64Array;
  /** Mean over the stars of summed residuals within r = 1, 2, ... px over the flux, and its error. */
  readonly difference: Float64Array;
  readonly error: Float64Array;
}

/** Radius beyond which a cutout is taken for sky, px: 4 FWHM, or four fifths of its half side. */
export const skyRadius = (size: number, fwhm: number): number => Math.min(4 * fwhm, 0.4 * (size - 1));

/**
 * Residuals by radius. The sky of each star is that beyond {@link skyRadius}, not the one that was fitted with the PSF: a fitted one takes on
 * the wings that the PSF lacks.
 */
export function ringSums(stars: readonly FitStar[], noise: Noise, fwhm: number): RingSums {
  const rings = stars.length === 0 ? 0 : Math.max(1, Math.floor(Math.min(...stars.map((star) => star.size)) / 2) - 1);
  const chi2 = new Float64Array(rings);
  const count = new Float64Array(rings);
  const curves: { weight: number; difference: Float64Array; variance: Float64Array }[] = [];
  for (const { size, x, y, data, weight, given, model, flux, background } of stars) {
    const sky = skyRadius(size, fwhm);
    const difference = new Float64Array(rings);
    const variance = new Float64Array(rings);
    const pixels = new Float64Array(rings);
    let level = 0;
    let levelCount = 0;
    let levelVariance = 0;
    for (let k = 0; k < data.length; k++) {
      if (weight[k] === 0) continue;
      const i = k % size;
      const radius = Math.hypot(i - x, (k - i) / size - y);
      const residual = data[k] - background - flux * model[k];
      if (radius > sky) {
        level += residual;
        levelCount++;
        levelVariance += noise.scale / given[k];
      }
      const ring = Math.floor(radius);
      if (ring >= rings) continue;
      chi2[ring] += residual * residual * weight[k];
      count[ring]++;
      difference[ring] += residual;
      variance[ring] += noise.scale / given[k];
      pixels[ring]++;
    }
    if (levelCount === 0) continue;
    level /= levelCount;
    for (let r = 0; r < rings; r++) {
      difference[r] -= level * pixels[r];
      if (r === 0) continue;
      difference[r] += difference[r - 1];
      variance[r] += variance[r - 1];
      pixels[r] += pixels[r - 1];
    }
    for (let r = 0; r < rings; r++) {
      difference[r] /= flux;
      variance[r] = (variance[r] + (pixels[r] / levelCount) ** 2 * levelVariance) / (flux * flux);
    }
    curves.push({ weight: flux * flux, difference, variance });
  }
  for (let r = 0; r < rings; r++) chi2[r] /= Math.max(1, count[r]);
  return { chi2, ...meanCurve(curves, rings) };
}

/** Mean weighted with flux squared; the error is the larger of the formal one and the scatter of stars. */
function meanCurve(
  curves: readonly { weight: number; difference: Float64Array; variance: Float64Array }[],
  rings: number,
): { difference: Float64Array; error: Float64Array } {
  const difference = new Float64Array(rings);
  const error = new Float64Array(rings);
  const total = curves.reduce((sum, { weight }) => sum + weight, 0);
  for (let r = 0; r < rings; r++) {
    let formal = 0;
    for (const curve of curves) {
      difference[r] += (curve.weight / total) * curve.difference[r];
      formal += (curve.weight / total) ** 2 * curve.variance[r];
    }
    let scatter = 0;
    for (const curve of curves) scatter += ((curve.weight / total) * (curve.difference[r] - difference[r])) ** 2;
    const grow = curves.length > 1 ? curves.length / (curves.length - 1) : 0;
    error[r] = Math.sqrt(Math.max(formal, grow * scatter));
  }
  return { difference, error };
}

/** A place around the stars where most of them have light that the PSF lacks (or the PSF light that they lack). */
export interface StrayLight {
  /** Part of the flux, and its error. */
  readonly value: number;
  readonly error: number;
  /** Place relative to the star, px. */
  readonly dx: number;
  readonly dy: number;
}

/**
 * The most significant place between 1.5 and 4 FWHM: residuals are summed under the PSF's own core there, star by star, and the median star counts, so that
 * the neighbours of one star do not; of two or three stars the one that shows least. Clipped pixels count: a ghost of a bright star is clipped in
 * each of them. The error is at least the scatter from place to place, which knows of uneven sky.
 */
export function strayLight(stars: readonly FitStar[], noise: Noise, fwhm: number): StrayLight {
  const none = { value: Number.NaN, error: Number.POSITIVE_INFINITY, dx: 0, dy: 0 };
  if (stars.length < 2) return none;
  const reach = Math.floor(Math.min(4 * fwhm, Math.min(...stars.map((star) => star.size)) / 2 - fwhm));
  const levels = stars.map(({ given }) => median(given.filter((value) => value > 0)) / noise.scale);
  const places: StrayLight[] = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) {
      const radius = Math.hypot(dx, dy);
      if (radius < 1.5 * fwhm || radius > reach) continue;
      const values: number[] = [];
      let inverse = 0;
      stars.forEach((star, k) => {
        const here = lightAt(star, noise, levels[k], dx, dy, fwhm);
        if (here === undefined) return;
        values.push(here.value);
        inverse += 1 / here.variance;
      });
      if (values.length < 2) continue;
      values.sort((one, other) => one - other);
      const [low, high] = values.length < 4 ? [values[0], values[values.length - 1]] : middleOf(values);
      const value = low * high < 0 ? 0 : Math.abs(low) < Math.abs(high) ? low : high;
      places.push({ value, error: Math.sqrt(Math.PI / 2 / inverse), dx, dy });
    }
  }
  const scatter = 1.4826 * median(places.map(({ value }) => Math.abs(value)));
  let most = none;
  for (const { value, error, dx, dy } of places) {
    const place = { value, error: Math.max(error, scatter), dx, dy };
    if (most === none || Math.abs(value) / place.error > Math.abs(most.value) / most.error) most = place;
  }
  return most;
}

/** The two values in the middle of sorted ones, or one twice. */
const middleOf = (sorted: readonly number[]) => [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];

/** Least squares amplitude of the star's own core, moved by whole pixels, in its residuals; in units of its flux. `level`: weight of a usual pixel. */
function lightAt(
  { size, x, y, data, given, model, flux, background }: FitStar,
  noise: Noise,
  level: number,
  dx: number,
  dy: number,
  fwhm: number,
): { value: number; variance: number } | undefined {
  const [middleX, middleY] = [Math.round(x), Math.round(y)];
  const half = Math.ceil(fwhm);
  let sum = 0;
  let square = 0;
  let all = 0;
  for (let j = middleY - half; j <= middleY + half; j++) {
    for (let i = middleX - half; i <= middleX + half; i++) {
      if (i < 0 || j < 0 || i >= size || j >= size) continue;
      const shape = model[j * size + i];
      all += shape * shape;
      const [toX, toY] = [i + dx, j + dy];
      if (toX < 0 || toY < 0 || toX >= size || toY >= size) continue;
      const to = toY * size + toX;
      if (given[to] === 0) continue;
      const weight = given[to] / noise.scale;
      sum += weight * shape * (data[to] - background - flux * model[to]);
      square += weight * shape * shape;
    }
  }
  return square < 0.5 * all * level ? undefined : { value: sum / square / flux, variance: 1 / (square * flux * flux) };
}
