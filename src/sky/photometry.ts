/**
 * Fluxes, AB magnitudes and depths. Optical fluxes are in nanomaggies: magnitude 22.5 is 1 nMgy.
 */
import { ArcletError } from '../core/errors.ts';

/** AB magnitude of 1 nanomaggy. */
export const NANOMAGGY_ZERO_POINT = 22.5;

/** Flux of an AB magnitude, in units whose magnitude is `zeroPoint` (nanomaggies by default). */
export function fluxFromMagnitude(magnitude: number, zeroPoint = NANOMAGGY_ZERO_POINT): number {
  return 10 ** (0.4 * (zeroPoint - magnitude));
}

/** AB magnitude of a flux > 0. Throws INPUT_INVALID otherwise: a magnitude of a negative flux is no number. */
export function magnitudeFromFlux(flux: number, zeroPoint = NANOMAGGY_ZERO_POINT): number {
  if (!(flux > 0)) {
    throw new ArcletError('INPUT_INVALID', `A flux of ${flux} has no magnitude.`, {
      subject: 'flux',
      remedy: 'Give a flux above 0.',
    });
  }
  return zeroPoint - 2.5 * Math.log10(flux);
}

/** A flux from one zero point to another. */
export function convertFlux(flux: number, fromZeroPoint: number, toZeroPoint: number): number {
  return flux * 10 ** (0.4 * (toZeroPoint - fromZeroPoint));
}

/**
 * 5-sigma AB depth from a Tractor `psfdepth`, the inverse variance of a point-source flux, nMgy^-2 (> 0).
 * Brick-summary tables hold the magnitude itself: do not pass those.
 */
export function depthFromPsfdepth(psfdepth: number): number {
  return magnitudeFromFlux(5 / Math.sqrt(psfdepth));
}

/** `psfdepth`, nMgy^-2, of a 5-sigma AB depth. */
export function psfdepthFromDepth(m5: number): number {
  return (5 / fluxFromMagnitude(m5)) ** 2;
}

/** Noise of one pixel, nMgy, that gives this psfdepth with a Gaussian PSF of `sigmaPix` pixels: sigma_F / sqrt(4 pi sigma^2), uncorrelated. */
export function pixelNoiseFromPsfdepth(psfdepth: number, sigmaPix: number): number {
  return 1 / Math.sqrt(psfdepth * 4 * Math.PI * sigmaPix * sigmaPix);
}
