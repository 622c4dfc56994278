/** Numbers that more than one module needs. */

/** FWHM of a Gaussian over its sigma: 2 sqrt(2 ln 2). */
export const FWHM_PER_SIGMA = 2 * Math.sqrt(2 * Math.LN2);
