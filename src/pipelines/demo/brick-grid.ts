/**
 * The grid of Legacy Surveys bricks: rows of 0.25 deg in declination, each cut into an even number of columns that are at least 0.25 deg
 * wide in the middle of the sky. Names are RRRRsDDD, 10 x ra and 10 x |dec| of the centre, cut off.
 */
import type { NewCard } from '../../io/fits/index.ts';
import { type HeaderValue, type Wcs, wcsFromHeader } from '../../sky/wcs/index.ts';
import { PIXSCALE_ARCSEC } from './bands.ts';

const ROW_DEG = 0.25;
const DEG = Math.PI / 180;
/** Pixels of a survey brick, and how far its frame reaches beyond its own area on each side. */
const FULL_SIZE = 3600;
const MARGIN = 82;

export interface Brick {
  readonly name: string;
  /** Number in the survey's list of all bricks. */
  readonly id: number;
  readonly row: number;
  readonly column: number;
  /** Centre, deg. */
  readonly ra: number;
  readonly dec: number;
  /** The brick's own area: ra1 <= ra < ra2, dec1 <= dec < dec2, deg. */
  readonly ra1: number;
  readonly ra2: number;
  readonly dec1: number;
  readonly dec2: number;
}

const rowDec = (row: number): number => row * ROW_DEG - 90;

function columnsOf(row: number): number {
  const nearerEquator = Math.abs(rowDec(row)) - ROW_DEG / 2;
  return 2 * Math.ceil(((360 / ROW_DEG) * Math.cos(nearerEquator * DEG)) / 2);
}

/** A brick by row (0 is the south pole) and column (taken modulo the row's). */
export function brickOf(row: number, column: number): Brick {
  const columns = columnsOf(row);
  const index = ((column % columns) + columns) % columns;
  const width = 360 / columns;
  const ra = (index + 0.5) * width;
  const dec = rowDec(row);
  const digits = (value: number, count: number) => String(Math.trunc(10 * Math.abs(value) + 1e-9)).padStart(count, '0');
  // The rows below: a pole is one brick.
  let id = 1 + index;
  for (let below = 0; below < row; below++) id += below === 0 ? 1 : columnsOf(below);
  return {
    name: `${digits(ra, 4)}${dec < 0 ? 'm' : 'p'}${digits(dec, 3)}`,
    id,
    row,
    column: index,
    ra,
    dec,
    ra1: index * width,
    ra2: (index + 1) * width,
    dec1: dec - ROW_DEG / 2,
    dec2: dec + ROW_DEG / 2,
  };
}

/** The brick whose own area holds a point, deg. */
export function brickAt(ra: number, dec: number): Brick {
  const row = Math.floor((dec + 90) / ROW_DEG + 0.5);
  return brickOf(row, Math.floor((ra / 360) * columnsOf(row)));
}

/** Bricks in a row of the demo field, before the next row of the grid begins. */
const FIELD_COLUMNS = 5;

/** The first `count` bricks of the demo field: five to a row from the one at (36, -4.5) deg to the East, rows to the North. */
export function fieldBricks(count: number): Brick[] {
  return Array.from({ length: count }, (_, k) => {
    const start = brickAt(36, -4.5 + ROW_DEG * Math.floor(k / FIELD_COLUMNS));
    return brickOf(start.row, start.column + (k % FIELD_COLUMNS));
  });
}

/** Pixels along a side, and the part of them that is the brick's own. A smaller frame than the survey's has an own area to match. */
export function primaryBox(brick: Brick, size: number): Pick<Brick, 'ra1' | 'ra2' | 'dec1' | 'dec2'> {
  if (size >= FULL_SIZE) return brick;
  const half = (Math.max(1, size / 2 - MARGIN) * PIXSCALE_ARCSEC) / 3600;
  const halfRa = half / Math.cos(brick.dec * DEG);
  return { ra1: brick.ra - halfRa, ra2: brick.ra + halfRa, dec1: brick.dec - half, dec2: brick.dec + half };
}

/** The tangent plane of a brick's frame. */
export function brickWcs(brick: Brick, size: number): Wcs {
  return wcsFromHeader(new Map(wcsCards(brick, size).map(({ keyword, value }) => [keyword, value as HeaderValue])));
}

/** Its WCS cards, as the survey writes them. */
export function wcsCards(brick: Brick, size: number): NewCard[] {
  const scale = PIXSCALE_ARCSEC / 3600;
  const matrix = (keyword: string, value: number): NewCard => ({ keyword, value, comment: 'CD matrix', type: 'float' });
  return [
    { keyword: 'CTYPE1', value: 'RA---TAN', comment: 'TANgent plane' },
    { keyword: 'CTYPE2', value: 'DEC--TAN', comment: 'TANgent plane' },
    { keyword: 'CRVAL1', value: brick.ra, comment: 'Reference RA' },
    { keyword: 'CRVAL2', value: brick.dec, comment: 'Reference Dec' },
    { keyword: 'CRPIX1', value: size / 2 + 0.5, comment: 'Reference x' },
    { keyword: 'CRPIX2', value: size / 2 + 0.5, comment: 'Reference y' },
    matrix('CD1_1', -scale),
    matrix('CD1_2', 0),
    matrix('CD2_1', 0),
    matrix('CD2_2', scale),
  ];
}
