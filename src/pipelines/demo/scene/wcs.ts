/** Where and when the demo scene is: a tangent plane of 0.505 arcsec per pixel, North up, East to the left. */
import type { NewCard } from '../../../io/fits/index.ts';
import { type HeaderValue, type Wcs, wcsFromHeader } from '../../../sky/wcs/index.ts';
import { PIXSCALE_ARCSEC } from './bands.ts';

/** Centre of the field, deg ICRS. */
export interface FieldCentre {
  readonly ra: number;
  readonly dec: number;
}

export function sceneWcsCards({ ra, dec }: FieldCentre, size: number): NewCard[] {
  const scale = PIXSCALE_ARCSEC / 3600;
  const number = (keyword: string, value: number, comment: string): NewCard => ({ keyword, value, comment, type: 'float' });
  return [
    { keyword: 'CTYPE1', value: 'RA---TAN', comment: 'tangent plane' },
    { keyword: 'CTYPE2', value: 'DEC--TAN', comment: 'tangent plane' },
    { keyword: 'CUNIT1', value: 'deg' },
    { keyword: 'CUNIT2', value: 'deg' },
    number('CRVAL1', ra, '[deg] RA of the reference pixel'),
    number('CRVAL2', dec, '[deg] Dec of the reference pixel'),
    number('CRPIX1', size / 2 + 0.5, 'reference x'),
    number('CRPIX2', size / 2 + 0.5, 'reference y'),
    number('CD1_1', -scale, '[deg/pix]'),
    number('CD1_2', 0, '[deg/pix]'),
    number('CD2_1', 0, '[deg/pix]'),
    number('CD2_2', scale, '[deg/pix]'),
    { keyword: 'RADESYS', value: 'ICRS' },
  ];
}

export function sceneWcs(centre: FieldCentre, size: number): Wcs {
  return wcsFromHeader(new Map(sceneWcsCards(centre, size).map(({ keyword, value }) => [keyword, value as HeaderValue])));
}

/** First night, and the year of it; bands follow night by night. */
const FIRST_NIGHT = Date.UTC(2025, 4, 1, 2);
const DAY_MS = 86_400_000;

/** DATE-OBS of a band. */
export function sceneEpoch(bandIndex: number): string {
  return new Date(FIRST_NIGHT + bandIndex * DAY_MS).toISOString().slice(0, 19);
}

/** Julian years between Gaia's epoch, 2016.0, and the first night. */
export const YEARS_SINCE_GAIA = (FIRST_NIGHT - Date.UTC(2016, 0, 1)) / (365.25 * DAY_MS);
