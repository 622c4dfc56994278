/** Numbers that more than one module needs. */

/** FWHM of a Gaussian over its sigma: 2 sqrt(2 ln 2). */
export const FWHM_PER_SIGMA = 2 * Math.sqrt(2 * Math.LN2);

export const RADIANS_PER_DEGREE = Math.PI / 180;
export const ARCSEC_PER_DEGREE = 3600;
export const RADIANS_PER_ARCSEC = Math.PI / 648_000;

/** Speed of light, km/s (exact). */
export const LIGHT_SPEED_KM_S = 299_792.458;
