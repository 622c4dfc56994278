/** The gate: is an effective PSF good enough for photometry? Asked of stars that it was not made from. */
import type { Epsf } from './epsf.ts';
import { clipStar, judgeCore, type Noise, noiseScale, weighStar } from './judge-stars.ts';
import { epsfFwhm, median } from './quality.ts';
import { StampSampler } from './spline.ts';
import { fitStar, placeModel } from './star-fit.ts';
import { apertureGuess, type FitStar, openStar, type StarCutout, windowCentroid } from './stars.ts';

/** What is asked. A number fails when it is beyond its limit by more than twice its own error (the growth curve: three
 * times): noise alone does not reject a PSF. */
export interface AcceptLimits {
  /** |fitted / aperture flux - 1| (default 0.005): it goes into the magnitudes of a cell as it is, and the survey's zero points are good to 0.5 %. */
  readonly fluxBias: number;
  /** Reduced chi-squared of the median star within a FWHM, with 1 % of the PSF as its own error (default 2): more is a wrong shape. */
  readonly chi2: number;
  /** Light within any radius that the PSF misplaces, as a part of the flux (default 0.01): neighbours and galaxies see the wings. */
  readonly growth: number;
  /** Centroid of the stars against the PSF's, px (default 0.02): 1 % of a FWHM of 2 px, as astrometry of faint sources needs. */
  readonly centroid: number;
  /** Fewest stars to judge by (default 2), and largest error of the flux bias (default 0.02): with less the PSF is `untested`. */
  readonly stars: number;
  readonly fluxBiasError: number;
}

export const ACCEPT_LIMITS: AcceptLimits = {
  fluxBias: 0.005,
  chi2: 2,
  growth: 0.01,
  centroid: 0.02,
  stars: 2,
  fluxBiasError: 0.02,
};

export interface Acceptance {
  readonly verdict: 'accepted' | 'rejected' | 'untested';
  /** One sentence for every number that failed, or why nothing could be tested. */
  readonly reasons: readonly string[];
  readonly starsUsed: number;
  readonly fluxBias: number;
  readonly fluxBiasError: number;
  /** Of the median star within a FWHM. */
  readonly coreChi2: number;
  /** Reduced chi-squared of all stars in rings of a pixel: [r, r + 1). */
  readonly chi2Profile: Float64Array;
  /** Summed residuals within r = 1, 2, ... px over the summed flux, and its error: the stars' growth curve less the PSF's. */
  readonly growthDifference: Float64Array;
  readonly growthError: Float64Array;
  /** Mean offset of the stars' windowed centroids from the model's, px. */
  readonly centroidX: number;
  readonly centroidY: number;
  readonly centroidError: number;
}

/**
 * Fits held-out stars with a PSF and judges it by matched-flux bias, chi-squared, growth curve and centroid. Held-out cutouts that are not stars
 * (core chi-squared over three times the median's and over 3) do not count.
 */
export function acceptEpsf(
  epsf: Epsf,
  heldOut: readonly StarCutout[],
  options: { background?: boolean; limits?: Partial<AcceptLimits> } = {},
): Acceptance {
  const { background = true } = options;
  const limits = { ...ACCEPT_LIMITS, ...options.limits };
  const fwhm = Math.max(1, epsfFwhm(epsf));
  const stars = fitHeldOut(epsf, heldOut, fwhm, background);
  const noise: Noise = { scale: stars.length > 0 ? noiseScale(stars) : 1, modelError: 0.01 };
  const radius = Math.max(1.5, fwhm);
  const chi2s = stars.map((star) => judgeCore(star, noise, radius).chi2);
  const coreChi2 = median(chi2s);
  const used = stars.filter((_, k) => chi2s[k] <= 3 * Math.max(1, coreChi2));
  for (const star of used) weighStar(star, noise);
  const flux = fluxBias(used, noise, 2 * fwhm);
  const rings = ringSums(used, noise);
  const centroid = centroidOffset(used, fwhm);
  const numbers = {
    starsUsed: used.length,
    fluxBias: flux.value,
    fluxBiasError: flux.error,
    coreChi2,
    chi2Profile: rings.chi2,
    growthDifference: rings.difference,
    growthError: rings.error,
    centroidX: centroid.x,
    centroidY: centroid.y,
    centroidError: centroid.error,
  };
  if (used.length < limits.stars) {
    return { verdict: 'untested', reasons: [`${used.length} held-out stars, ${limits.stars} are needed.`], ...numbers };
  }
  const reasons: string[] = [];
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  if (Math.abs(flux.value) > limits.fluxBias + 2 * flux.error) {
    reasons.push(
      `Matched flux is off by ${percent(flux.value)} +- ${percent(flux.error)}; the limit is ${percent(limits.fluxBias)}.`,
    );
  }
  if (coreChi2 > limits.chi2)
    reasons.push(`Reduced chi-squared in the core is ${coreChi2.toPrecision(3)}; the limit is ${limits.chi2}.`);
  let worst = -1;
  let excess = 0;
  rings.difference.forEach((value, r) => {
    // Thirty radii are looked at, so one more sigma.
    const over = Math.abs(value) - limits.growth - 3 * rings.error[r];
    if (over > excess) [worst, excess] = [r, over];
  });
  if (worst >= 0) {
    reasons.push(
      `${percent(rings.difference[worst])} of the flux is missing within ${worst + 1} px; the limit is ${percent(limits.growth)}.`,
    );
  }
  const off = Math.hypot(centroid.x, centroid.y);
  if (off > limits.centroid + 2 * centroid.error) {
    reasons.push(`The centroid is off by ${off.toFixed(3)} px; the limit is ${limits.centroid} px.`);
  }
  if (reasons.length > 0) return { verdict: 'rejected', reasons, ...numbers };
  if (!(flux.error <= limits.fluxBiasError)) {
    const reason = `The held-out stars are too faint: the flux bias is known to ${percent(flux.error)} only.`;
    return { verdict: 'untested', reasons: [reason], ...numbers };
  }
  return { verdict: 'accepted', reasons, ...numbers };
}

function fitHeldOut(epsf: Epsf, cutouts: readonly StarCutout[], fwhm: number, background: boolean): FitStar[] {
  const sampler = new StampSampler(epsf.side, epsf.oversampling);
  const fitted: FitStar[] = [];
  cutouts.forEach((cutout, index) => {
    const star = openStar(cutout, index, background);
    if (star.rejected !== undefined) return;
    windowCentroid(star, Math.max(1.5, fwhm));
    apertureGuess(star, Math.max(1.5, fwhm));
    if (!(star.flux > 0)) return;
    const noise: Noise = { scale: 1, modelError: 0.05 };
    for (let round = 0; round < 3; round++) {
      if (Number.isNaN(fitStar(star, epsf.coefficients, sampler, { background, iterations: 4 }))) return;
      if (round === 0) noise.scale = noiseScale([star]);
      // A wide tolerance: what the PSF gets wrong must stay to be seen, what is not the star's must go.
      clipStar(star, { ...noise, modelError: 0.2 }, 5);
      weighStar(star, { ...noise, modelError: 0.01 });
    }
    placeModel(star, epsf.coefficients, sampler);
    const { seen } = judgeCore(star, noise, Math.max(1.5, fwhm));
    if (star.flux > 0 && seen > 0.5) fitted.push(star);
  });
  return fitted;
}

/** Mean of fitted over aperture flux less 1, weighted by its errors, of the stars' light within `radius`. */
function fluxBias(stars: readonly FitStar[], noise: Noise, radius: number): { value: number; error: number } {
  let sum = 0;
  let weights = 0;
  for (const star of stars) {
    const { size, data, weight, given, model, flux, background } = star;
    let light = 0;
    let fitted = 0;
    let variance = 0;
    for (let k = 0; k < data.length; k++) {
      const i = k % size;
      if (weight[k] === 0 || Math.hypot(i - star.x, (k - i) / size - star.y) > radius) continue;
      light += data[k] - background;
      fitted += flux * model[k];
      variance += noise.scale / given[k];
    }
    if (!(light > 0)) continue;
    const inverse = (light * light) / variance;
    sum += inverse * (fitted / light - 1);
    weights += inverse;
  }
  return {
    value: weights > 0 ? sum / weights : Number.NaN,
    error: weights > 0 ? 1 / Math.sqrt(weights) : Number.POSITIVE_INFINITY,
  };
}

/** Residuals by radius, all stars together. */
function ringSums(
  stars: readonly FitStar[],
  noise: Noise,
): { chi2: Float64Array; difference: Float64Array; error: Float64Array } {
  const rings = stars.length === 0 ? 0 : Math.max(1, Math.floor(Math.min(...stars.map((star) => star.size)) / 2) - 1);
  const chi2 = new Float64Array(rings);
  const count = new Float64Array(rings);
  const difference = new Float64Array(rings);
  const error = new Float64Array(rings);
  let total = 0;
  for (const { size, x, y, data, weight, given, model, flux, background } of stars) {
    total += flux;
    for (let k = 0; k < data.length; k++) {
      const i = k % size;
      const ring = Math.floor(Math.hypot(i - x, (k - i) / size - y));
      if (weight[k] === 0 || ring >= rings) continue;
      const residual = data[k] - background - flux * model[k];
      chi2[ring] += residual * residual * weight[k];
      count[ring]++;
      difference[ring] += residual;
      error[ring] += noise.scale / given[k];
    }
  }
  for (let r = 0; r < rings; r++) {
    chi2[r] /= Math.max(1, count[r]);
    if (r > 0) {
      difference[r] += difference[r - 1];
      error[r] += error[r - 1];
    }
  }
  return { chi2, difference: difference.map((value) => value / total), error: error.map((value) => Math.sqrt(value) / total) };
}

/** Weighted mean of the first moments of the residuals in a Gaussian window, turned into px by the window's response to a shift. */
function centroidOffset(stars: readonly FitStar[], fwhm: number): { x: number; y: number; error: number } {
  const width = (4 * Math.LN2) / (fwhm * fwhm);
  let sumX = 0;
  let sumY = 0;
  let weights = 0;
  for (const { size, x, y, data, weight, given, model, flux, background } of stars) {
    let momentX = 0;
    let momentY = 0;
    let response = 0;
    let variance = 0;
    for (let k = 0; k < data.length; k++) {
      if (weight[k] === 0) continue;
      const dx = (k % size) - x;
      const dy = Math.floor(k / size) - y;
      const window = Math.exp(-width * (dx * dx + dy * dy));
      const residual = data[k] - background - flux * model[k];
      momentX += window * dx * residual;
      momentY += window * dy * residual;
      // A shift s of the light moves the windowed moment by s sum P (1 - width r^2) window.
      response += window * (1 - width * (dx * dx + dy * dy)) * flux * model[k];
      variance += (window * dx) ** 2 / given[k];
    }
    if (!(response > 0) || !(variance > 0)) continue;
    const inverse = (response * response) / variance;
    sumX += (inverse * momentX) / response;
    sumY += (inverse * momentY) / response;
    weights += inverse;
  }
  return { x: sumX / weights, y: sumY / weights, error: 1 / Math.sqrt(weights) };
}
