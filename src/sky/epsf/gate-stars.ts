/** Stars under a given PSF: fitted, and looked at for what they say of its centre. */
import type { Epsf } from './epsf.ts';
import { clipStar, judgeCore, type Noise, noiseScale, weighStar } from './judge-stars.ts';
import { WINDOW } from './quality.ts';
import { StampSampler } from './spline.ts';
import { fitStar, placeModel } from './star-fit.ts';
import { apertureGuess, type FitStar, openStar, type StarCutout, windowCentroid } from './stars.ts';

/** Flux, centre and background of every cutout under a PSF; those without a fit or with most of their core on bad pixels are left out. */
export function fitCutouts(epsf: Epsf, cutouts: readonly StarCutout[], fwhm: number, background: boolean): FitStar[] {
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

/** Weighted mean of the first moments of the residuals in a Gaussian window, turned into px by the window's response to a shift. */
export function centroidOffset(stars: readonly FitStar[], fwhm: number): { x: number; y: number; error: number } {
  const width = WINDOW / (fwhm * fwhm);
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
