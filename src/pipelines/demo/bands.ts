/** What the demo survey's camera does in each band: numbers of one exposure, chosen so that two to four of them make DR10-like coadds. */

export const PIXSCALE_ARCSEC = 0.262;
export const BANDS = ['g', 'r', 'z'] as const;
export type Band = (typeof BANDS)[number];

export interface BandFacts {
  /** Place in {@link BANDS}; also part of the random counters. */
  readonly index: number;
  /** 5 sigma point-source depth of one exposure at the median PSF size, AB mag. */
  readonly depthMag: number;
  /** Median PSF size, arcsec: FWHM of the Gaussian with the PSF's noise-equivalent area, as psfsize maps have it. */
  readonly psfSizeArcsec: number;
  /** Electrons that one exposure collects per nanomaggy: 90 s of the DECam zero points. */
  readonly electronsPerNanomaggy: number;
  /** A pixel brighter than this is saturated, nanomaggy. */
  readonly saturationNanomaggy: number;
}

export const BAND_FACTS: Readonly<Record<Band, BandFacts>> = {
  g: { index: 0, depthMag: 24.1, psfSizeArcsec: 1.5, electronsPerNanomaggy: 3960, saturationNanomaggy: 18 },
  r: { index: 1, depthMag: 23.5, psfSizeArcsec: 1.3, electronsPerNanomaggy: 4770, saturationNanomaggy: 18 },
  z: { index: 2, depthMag: 22.6, psfSizeArcsec: 1.25, electronsPerNanomaggy: 3510, saturationNanomaggy: 30 },
};

/** Exponent of every PSF of the demo survey. */
export const MOFFAT_BETA = 3.5;
