/**
 * Circular Moffat profile, I(r) = I_0 (1 + r^2/alpha^2)^(-beta), beta > 1. Lengths in any one unit.
 */
import { FWHM_PER_SIGMA } from '../../core/constants.ts';
import { ArcletError } from '../../core/errors.ts';
import type { PsfSizeConvention } from '../conventions.ts';
import { fluxOutsideSquare, halfSideOfLoss } from './truncation.ts';

function checkBeta(beta: number): void {
  if (!(beta > 1)) {
    throw new ArcletError('INPUT_INVALID', `A Moffat profile of beta ${beta} has infinite flux.`, {
      subject: 'beta',
      remedy: 'Give a Moffat beta above 1.',
    });
  }
}

/** alpha of the profile with this FWHM. */
export function moffatAlpha(fwhm: number, beta: number): number {
  checkBeta(beta);
  return fwhm / (2 * Math.sqrt(2 ** (1 / beta) - 1));
}

/** FWHM from alpha. */
export function moffatFwhm(alpha: number, beta: number): number {
  checkBeta(beta);
  return 2 * alpha * Math.sqrt(2 ** (1 / beta) - 1);
}

/** Noise-equivalent area 1/integral(I^2) for unit flux: pi alpha^2 (2 beta - 1)/(beta - 1)^2, length^2. */
export function moffatNea(alpha: number, beta: number): number {
  checkBeta(beta);
  return (Math.PI * alpha * alpha * (2 * beta - 1)) / ((beta - 1) * (beta - 1));
}

/** FWHM of the Gaussian with noise-equivalent area `nea`: what Legacy Surveys psfsize maps hold. For a Gaussian nea = 4 pi sigma^2. */
export function psfSizeFromNea(nea: number): number {
  return (FWHM_PER_SIGMA / (2 * Math.sqrt(Math.PI))) * Math.sqrt(nea);
}

/** FWHM of the Moffat that a PSF size stands for: 0.811 psfsize at beta 3.5 under `nea`, the size itself under `fwhm`. */
export function moffatFwhmFromSize(size: number, beta: number, convention: PsfSizeConvention): number {
  if (convention === 'fwhm') return size;
  return size / psfSizeFromNea(moffatNea(moffatAlpha(1, beta), beta));
}

/** The size that a Moffat of this FWHM has: inverse of {@link moffatFwhmFromSize}. */
export function moffatSizeFromFwhm(fwhm: number, beta: number, convention: PsfSizeConvention): number {
  return convention === 'fwhm' ? fwhm : psfSizeFromNea(moffatNea(moffatAlpha(fwhm, beta), beta));
}

/** Peak surface brightness for unit total flux: (beta - 1)/(pi alpha^2). */
export function moffatPeak(alpha: number, beta: number): number {
  checkBeta(beta);
  return (beta - 1) / (Math.PI * alpha * alpha);
}

/** Surface brightness at r^2 = `radius2` for unit total flux. */
export function moffatProfile(radius2: number, alpha: number, beta: number): number {
  return moffatPeak(alpha, beta) * (1 + radius2 / (alpha * alpha)) ** -beta;
}

/** Fraction of the flux outside radius r: (1 + r^2/alpha^2)^(1 - beta). */
export function moffatFluxOutside(radius: number, alpha: number, beta: number): number {
  checkBeta(beta);
  return (1 + (radius * radius) / (alpha * alpha)) ** (1 - beta);
}

/** Radius outside which `fraction` of the flux lies, 0 < fraction <= 1: where to cut for a given loss. */
export function moffatRadiusOfLoss(fraction: number, alpha: number, beta: number): number {
  checkBeta(beta);
  return alpha * Math.sqrt(fraction ** (1 / (1 - beta)) - 1);
}

/** Half-light radius. */
export function moffatHalfLight(alpha: number, beta: number): number {
  return moffatRadiusOfLoss(0.5, alpha, beta);
}

/** Fraction of the flux outside the square |x|, |y| <= halfSide. */
export function moffatFluxOutsideSquare(halfSide: number, alpha: number, beta: number): number {
  return fluxOutsideSquare((radius) => moffatFluxOutside(radius, alpha, beta), halfSide);
}

/** Half side of the square outside which `fraction` of the flux lies. */
export function moffatHalfSideOfLoss(fraction: number, alpha: number, beta: number): number {
  return halfSideOfLoss((radius) => moffatFluxOutside(radius, alpha, beta), fraction, moffatRadiusOfLoss(fraction, alpha, beta));
}
