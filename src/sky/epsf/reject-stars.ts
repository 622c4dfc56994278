/** Rejection of stars by their cores. */
import { judgeCore, type Noise } from './judge-stars.ts';
import type { FitStar } from './stars.ts';

export interface RejectLimits {
  /** Core reduced chi-squared over the median star's, or itself. */
  readonly chi2: number;
  /** Summed core flux over the fitted one, less 1. */
  readonly flux: number;
  /** Centre from the guess, px. */
  readonly shift: number;
}

/** Least flux over its error: fainter stars say nothing about a PSF. */
const LEAST_SNR = 5;
/** When more than this part of the stars disagrees, the PSF is a compromise that fits none: only the worse half goes, and the rest is asked again. */
const MOST_AT_ONCE = 0.3;

/**
 * Rejects stars, each with its reason; true if any was rejected.
 *
 * @param noise its `modelError` says how wrong the present PSF may be
 * @param fwhm of the PSF, px
 */
export function rejectStars(stars: readonly FitStar[], limits: RejectLimits, noise: Noise, fwhm: number): boolean {
  const cores = stars.map((star) => judgeCore(star, noise, Math.max(1.5, fwhm)));
  const sorted = cores.map((core) => core.chi2).sort((a, b) => a - b);
  const limit = limits.chi2 * Math.max(1, sorted[sorted.length >> 1]);
  const misfits: { star: FitStar; reason: string; badness: number }[] = [];
  let changed = false;
  stars.forEach((star, k) => {
    const { chi2, seen, ratio, ratioError } = cores[k];
    star.coreChi2 = chi2;
    const shift = Math.hypot(star.x - star.startX, star.y - star.startY);
    const fluxLimit = Math.max(limits.flux, 5 * ratioError);
    if (!(star.flux > LEAST_SNR * star.fluxError)) star.rejected = `signal-to-noise below ${LEAST_SNR}`;
    else if (seen < 0.5) star.rejected = `${Math.round(100 * (1 - seen))} % of the core is bad`;
    else if (!(shift <= limits.shift)) star.rejected = `centre ${shift.toFixed(2)} px from the guess`;
    else {
      const off = Math.abs(ratio - 1) / fluxLimit;
      const badness = Math.max(Math.sqrt(chi2 / limit), off);
      if (!(chi2 <= limit)) misfits.push({ star, reason: `core chi-squared ${chi2.toPrecision(3)}`, badness });
      else if (!(off <= 1)) misfits.push({ star, reason: `core flux ${ratio.toFixed(3)} of the fit`, badness });
    }
    if (star.rejected !== undefined) changed = true;
  });
  misfits.sort((a, b) => b.badness - a.badness);
  const many = misfits.length > 1 && misfits.length > MOST_AT_ONCE * stars.length;
  for (const { star, reason } of misfits.slice(0, many ? Math.ceil(misfits.length / 2) : misfits.length)) star.rejected = reason;
  return changed || misfits.length > 0;
}
