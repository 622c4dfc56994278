/** First look at the stars of a PSF: their width, and which of them cannot be stars. */
import { ArcletError } from '../../core/errors.ts';
import { median } from './quality.ts';
import { narrowestMode } from './star-widths.ts';
import { apertureGuess, type FitStar, halfPeakWidth, windowCentroid } from './stars.ts';

/** Narrowest window and aperture for first guesses, px: below it they hold too few pixels. */
const NARROWEST = 1.5;
/** Step of the first widths, px, and their other scatter as a part of them. */
const WIDTH_STEP = 0.4;
const FIRST_SCATTER = 0.1;
/** Least part of the most stars of one width that share the narrowest: some are cosmic rays and hot pixels. */
const LEAST_SHARE = 0.5;

/** The stars that count. */
export const usable = (stars: readonly FitStar[]): FitStar[] => stars.filter((star) => star.rejected === undefined);

/** INPUT_INVALID that says what became of every star. */
export function noStars(stars: readonly FitStar[]): ArcletError {
  const reasons = [...new Set(stars.map((star) => star.rejected ?? 'unknown'))];
  const why = reasons.length > 0 ? ` (${reasons.join(', ')})` : '';
  return new ArcletError('INPUT_INVALID', `No PSF can be built: none of ${stars.length} stars is usable${why}.`, {
    subject: 'stars',
    remedy: 'Lower the selection thresholds, enlarge the cell, or let the cell fall back to its neighbours.',
    data: { stars: stars.length, reasons: stars.map((star) => star.rejected) },
  });
}

/**
 * Median of the widths around their narrowest mode. The half-pixel steps of these widths, and noise, are taken for errors; with galaxies of several
 * times the PSF's width among them, in any number, the median of all could have no star near it.
 */
function commonWidth(widths: readonly number[]): number {
  const estimates = widths.map((width) => ({ value: Math.log(width), error: WIDTH_STEP / width }));
  const mode = Math.exp(narrowestMode(estimates, FIRST_SCATTER, LEAST_SHARE));
  return median(widths.filter((width) => !isFar(width, mode)));
}

/** Half a pixel more: the area above half of the peak is a few pixels when the PSF is narrow, and jumps with the phase. */
const isFar = (width: number, fwhm: number) => width > 1.6 * fwhm + 0.5 || width < 0.55 * fwhm - 0.3;

/**
 * First centre and flux of every star, and the common FWHM of all, px. Stars whose width is far from the others' (galaxies, blends, cosmic rays) are
 * rejected before they can spoil the template. Throws INPUT_INVALID when none is left.
 */
export function firstLook(stars: readonly FitStar[], given?: number): number {
  const widths = new Map<FitStar, number>();
  for (const star of usable(stars)) {
    const width = halfPeakWidth(star);
    if (width > 0) widths.set(star, width);
    else star.rejected = 'no light at the centre';
  }
  if (widths.size === 0) throw noStars(stars);
  const fwhm = Math.max(1, given ?? commonWidth([...widths.values()]));
  for (const [star, width] of widths) {
    if (widths.size > 3 && isFar(width, fwhm)) star.rejected = `width ${width.toFixed(1)} px`;
  }
  for (const star of usable(stars)) {
    windowCentroid(star, Math.max(NARROWEST, fwhm));
    apertureGuess(star, Math.max(NARROWEST, fwhm));
    if (!(star.flux > 0)) star.rejected = 'no flux';
  }
  if (usable(stars).length === 0) throw noStars(stars);
  return fwhm;
}
