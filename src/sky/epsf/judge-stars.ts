/** Which pixels and which stars count: noise, clipping and rejection. */
import type { FitStar } from './stars.ts';

export interface Noise {
  /** Factor on the given variances: 1 where the weights are true inverse variances. */
  scale: number;
  /** The PSF's own error as a part of its value, so that a bright star's core does not outweigh everything else. */
  modelError: number;
}

/** A pixel beside a clipped one is clipped too above this many sigma: the skirt of what was clipped. */
const SKIRT = 2.5;

/** Sets the weights in use, 1 / (scale variance + (modelError F P)^2), 0 where bad or clipped. */
export function weighStar(star: FitStar, noise: Noise): void {
  const { given, weight, clipped, model, flux } = star;
  for (let k = 0; k < weight.length; k++) {
    if (given[k] === 0 || clipped[k] === 1) {
      weight[k] = 0;
      continue;
    }
    const own = noise.modelError * flux * model[k];
    weight[k] = 1 / (noise.scale / given[k] + own * own);
  }
}

/**
 * Marks the pixels further than `sigmas` from the model, and those of neighbours; forgets earlier marks. `modelError` may be wider than the weights'
 * while the PSF is poor.
 */
export function clipStar(star: FitStar, noise: Noise, sigmas: number): void {
  const { size, data, given, clipped, masked, model, flux, background } = star;
  const deviation = (k: number) => {
    const own = noise.modelError * flux * model[k];
    return Math.abs(data[k] - background - flux * model[k]) / Math.sqrt(noise.scale / given[k] + own * own);
  };
  clipped.set(masked);
  const far: number[] = [];
  for (let k = 0; k < data.length; k++) {
    if (given[k] > 0 && deviation(k) > sigmas) {
      clipped[k] = 1;
      far.push(k);
    }
  }
  for (const k of far) {
    const i = k % size;
    for (const next of [i > 0 ? k - 1 : -1, i < size - 1 ? k + 1 : -1, k - size, k + size]) {
      if (next >= 0 && next < data.length && given[next] > 0 && deviation(next) > SKIRT) clipped[next] = 1;
    }
  }
}

/** What a star's core says: reduced chi-squared, the part of the PSF's energy on good pixels, and the summed flux there over the fitted one. */
export function judgeCore(
  star: FitStar,
  noise: Noise,
  radius: number,
): { chi2: number; seen: number; ratio: number; ratioError: number } {
  const { size, data, given, model, flux, background } = star;
  let count = 0;
  let sum = 0;
  let seen = 0;
  let all = 0;
  let light = 0;
  let lightVariance = 0;
  let inCore = 0;
  for (let k = 0; k < data.length; k++) {
    const i = k % size;
    const m = model[k];
    if (Math.hypot(i - star.x, (k - i) / size - star.y) > radius) continue;
    all += m * m;
    if (given[k] === 0) continue;
    seen += m * m;
    inCore += m;
    const own = noise.modelError * flux * m;
    const variance = noise.scale / given[k] + own * own;
    const residual = data[k] - background - flux * m;
    sum += (residual * residual) / variance;
    light += residual;
    lightVariance += variance;
    count++;
  }
  const fitted = flux * inCore;
  return {
    chi2: sum / Math.max(1, count - 3),
    seen: all > 0 ? seen / all : 0,
    ratio: 1 + light / fitted,
    ratioError: Math.sqrt(lightVariance) / Math.abs(fitted),
  };
}

/** Factor by which the given variances are too small: the median squared deviation over that of a Gaussian (0.4549). */
export function noiseScale(stars: readonly FitStar[]): number {
  const squares = new Float64Array(stars.reduce((sum, star) => sum + star.data.length, 0));
  let count = 0;
  for (const star of stars) {
    const { data, given, model, flux, background } = star;
    for (let k = 0; k < data.length; k++) {
      if (given[k] > 0) squares[count++] = (data[k] - background - flux * model[k]) ** 2 * given[k];
    }
  }
  const sorted = squares.subarray(0, count).sort();
  return sorted.length === 0 ? 1 : sorted[sorted.length >> 1] / 0.4549364;
}
