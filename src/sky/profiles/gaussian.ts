/**
 * Circular Gaussian profile. Lengths in any one unit.
 */
import { FWHM_PER_SIGMA } from '../../core/constants.ts';
import { erfc } from '../../core/special.ts';
import { halfSideOfLoss } from './truncation.ts';

export function gaussianSigma(fwhm: number): number {
  return fwhm / FWHM_PER_SIGMA;
}

export function gaussianFwhm(sigma: number): number {
  return FWHM_PER_SIGMA * sigma;
}

/** Noise-equivalent area 4 pi sigma^2, length^2. Its `nea` size is its FWHM, so both PSF size conventions agree. */
export function gaussianNea(sigma: number): number {
  return 4 * Math.PI * sigma * sigma;
}

/** Surface brightness at r^2 = `radius2` for unit total flux. */
export function gaussianProfile(radius2: number, sigma: number): number {
  return Math.exp(-0.5 * (radius2 / (sigma * sigma))) / (2 * Math.PI * sigma * sigma);
}

/** Fraction of the flux outside radius r. */
export function gaussianFluxOutside(radius: number, sigma: number): number {
  return Math.exp(-0.5 * ((radius * radius) / (sigma * sigma)));
}

/** Radius outside which `fraction` of the flux lies, 0 < fraction <= 1. */
export function gaussianRadiusOfLoss(fraction: number, sigma: number): number {
  return sigma * Math.sqrt(-2 * Math.log(fraction));
}

/** Half-light radius, sigma sqrt(2 ln 2). */
export function gaussianHalfLight(sigma: number): number {
  return gaussianRadiusOfLoss(0.5, sigma);
}

/** Fraction of the flux outside the square |x|, |y| <= halfSide: 1 - erf^2, written without cancellation. */
export function gaussianFluxOutsideSquare(halfSide: number, sigma: number): number {
  const tail = erfc(halfSide / (sigma * Math.SQRT2));
  return tail * (2 - tail);
}

/** Half side of the square outside which `fraction` of the flux lies. */
export function gaussianHalfSideOfLoss(fraction: number, sigma: number): number {
  return halfSideOfLoss((radius) => gaussianFluxOutside(radius, sigma), fraction, gaussianRadiusOfLoss(fraction, sigma));
}
