/** What the WCS tests share: distance on the sky, a plain header, an error's code and subject. */
import { isArcletError } from '../../../src/core/errors.ts';
import type { HeaderValue } from '../../../src/sky/wcs/index.ts';

export type Header = Record<string, HeaderValue>;

/** Distance of two positions (degrees) in arcsec, by the chord: exact for small ones. */
export function separationArcsec(lonA: number, latA: number, lonB: number, latB: number): number {
  const rad = Math.PI / 180;
  const unit = (lon: number, lat: number): number[] => [
    Math.cos(lat * rad) * Math.cos(lon * rad),
    Math.cos(lat * rad) * Math.sin(lon * rad),
    Math.sin(lat * rad),
  ];
  const [a, b] = [unit(lonA, latA), unit(lonB, latB)];
  return 2 * Math.asin(Math.min(1, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / 2)) * (3600 / rad);
}

/** A small TAN image with square pixels of 0.36 arcsec. */
export function tanHeader(extra: Header = {}): Header {
  return {
    NAXIS: 2,
    NAXIS1: 400,
    NAXIS2: 300,
    CTYPE1: 'RA---TAN',
    CTYPE2: 'DEC--TAN',
    CRVAL1: 150.1,
    CRVAL2: 2.2,
    CRPIX1: 200.5,
    CRPIX2: 150.5,
    CD1_1: -1e-4,
    CD1_2: 2e-6,
    CD2_1: 1e-6,
    CD2_2: 1e-4,
    ...extra,
  };
}

/** The code, subject and message of what `run` throws. */
export function thrown(run: () => unknown): { code: string; subject: string | undefined; message: string } {
  try {
    run();
  } catch (error) {
    if (isArcletError(error)) return { code: error.code, subject: error.subject, message: error.message };
    throw error;
  }
  return { code: 'nothing thrown', subject: undefined, message: '' };
}
