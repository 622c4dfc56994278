/** The camera of the demo scene: medium bands of 25 nm as the 7-Dimensional Telescope has them, and what a stack of each is like. */

export const PIXSCALE_ARCSEC = 0.505;
export const MOST_BANDS = 20;
/** Magnitudes of sources are given at this wavelength. */
export const REFERENCE_NM = 600;

const FIRST_NM = 400;
const STEP_NM = 25;

export interface SceneBand {
  /** Place among the bands; also part of the random counters. */
  readonly index: number;
  /** FILTER: m400, m425, ... */
  readonly name: string;
  readonly wavelengthNm: number;
  /** FWHM of the Moffat at the middle of the field, before the pixel, px. */
  readonly fwhmPx: number;
  /** AB magnitude of 1 ADU. */
  readonly zeroPoint: number;
  /** Standard deviation of an empty pixel, ADU. */
  readonly skySigmaAdu: number;
  readonly electronsPerAdu: number;
  readonly saturateAdu: number;
}

/** The first `count` bands. Seeing jumps from band to band, as that of different nights does. */
export function sceneBands(count: number): SceneBand[] {
  return Array.from({ length: count }, (_, index): SceneBand => {
    const wavelengthNm = FIRST_NM + STEP_NM * index;
    const name = `m${wavelengthNm}`;
    // Fractions of multiples of the golden ratio are spread evenly, however many there are.
    const spread = (0.62 + 0.618034 * index) % 1;
    const off = (wavelengthNm - 575) / 300;
    return {
      index,
      name,
      wavelengthNm,
      fwhmPx: 2.3 + 2.1 * spread,
      zeroPoint: Number((25.4 - 0.8 * off * off - 0.05 * spread).toFixed(4)),
      skySigmaAdu: Number((3 + 0.6 * off).toFixed(4)),
      electronsPerAdu: 2.34,
      saturateAdu: 52_000 + 500 * (index % 5),
    };
  });
}
