/** Header cards of the demo survey's files: those of the survey's own, with what made them and that they are synthetic. */
import type { NewCard } from '../../io/fits/index.ts';
import { type Band, PIXSCALE_ARCSEC } from './bands.ts';
import { type Brick, primaryBox, wcsCards } from './brick-grid.ts';

export type Product = 'image' | 'invvar' | 'psfsize' | 'maskbits';

/** Names of the bits of maskbits, their short names in header cards, and what they mean: DR10. */
const MASK_BITS: readonly (readonly [name: string, short: string, meaning: string])[] = [
  ['NPRIMARY', 'NPRIM', 'not primary brick area'],
  ['BRIGHT', 'BRIGH', 'bright star nearby'],
  ['SATUR_G', 'SAT_G', 'g band saturated'],
  ['SATUR_R', 'SAT_R', 'r band saturated'],
  ['SATUR_Z', 'SAT_Z', 'z band saturated'],
  ['ALLMASK_G', 'ALL_G', 'any ALLMASK_G bit set'],
  ['ALLMASK_R', 'ALL_R', 'any ALLMASK_R bit set'],
  ['ALLMASK_Z', 'ALL_Z', 'any ALLMASK_Z bit set'],
  ['WISEM1', 'WISE1', 'WISE W1 (all masks)'],
  ['WISEM2', 'WISE2', 'WISE W2 (all masks)'],
  ['BAILOUT', 'BAIL', 'Bailed out processing'],
  ['MEDIUM', 'MED', 'medium-bright star'],
  ['GALAXY', 'GAL', 'SGA large galaxy'],
  ['CLUSTER', 'CLUST', 'Globular cluster'],
  ['SATUR_I', 'SAT_I', 'i band saturated'],
  ['ALLMASK_I', 'ALL_I', 'any ALLMASK_I bit set'],
];

/** Value of a bit of maskbits by its name. */
export const MASK: Readonly<Record<string, number>> = Object.fromEntries(MASK_BITS.map(([name], bit) => [name, 2 ** bit]));

const UNITS: Readonly<Partial<Record<Product, NewCard>>> = {
  image: { keyword: 'BUNIT', value: 'nanomaggy', comment: 'AB mag = 22.5 - 2.5*log10(nanomaggy)' },
  invvar: { keyword: 'BUNIT', value: '1/nanomaggy^2', comment: 'Ivar of ABmag=22.5-2.5*log10(nmgy)' },
  psfsize: { keyword: 'BUNIT', value: 'arcsec', comment: 'Effective PSF size' },
};
const PRODUCT_TYPES: Readonly<Record<Product, string>> = {
  image: 'image',
  invvar: 'wtmap',
  psfsize: 'psfsize',
  maskbits: 'maskbits',
};

export interface CardFacts {
  readonly brick: Brick;
  readonly size: number;
  readonly product: Product;
  readonly band?: Band;
  readonly seed: number;
  readonly version: string;
}

/** Cards of one file, behind those of the compression. */
export function productCards({ brick, size, product, band, seed, version }: CardFacts): NewCard[] {
  const text = (keyword: string, value: string, comment: string): NewCard => ({ keyword, value, comment });
  const number = (keyword: string, value: number, comment: string): NewCard => ({ keyword, value, comment, type: 'float' });
  const box = primaryBox(brick, size);
  const half = (size * PIXSCALE_ARCSEC) / 2;
  const cards: NewCard[] = [
    { keyword: 'COMMENT', value: 'SYNTHETIC: made by arclet demo survey, in the format of the DESI Legacy' },
    { keyword: 'COMMENT', value: 'Imaging Surveys. No photon in it has been observed.' },
    text('ORIGIN', 'arclet', 'what made this file'),
    text('ARCLETV', version, 'version of arclet'),
    { keyword: 'SYNTH', value: true, comment: 'the sky of this file is synthetic' },
    { keyword: 'DEMOSEED', value: seed, comment: 'seed of the demo survey' },
    text('SURVEY', 'arclet demo', 'Survey name'),
    { keyword: 'DRVERSIO', value: 10000, comment: 'Survey data release whose format this is' },
    text('OBSTYPE', 'object', 'Observation type'),
    text('PROCTYPE', 'tile', 'Processing type'),
    text('BRICKNAM', brick.name, 'LegacySurvey brick RRRr[pm]DDd'),
    { keyword: 'BRICKID', value: brick.id, comment: 'LegacySurvey brick id' },
    number('RAMIN', box.ra1, 'Brick RA min'),
    number('RAMAX', box.ra2, 'Brick RA max'),
    number('DECMIN', box.dec1, 'Brick Dec min'),
    number('DECMAX', box.dec2, 'Brick Dec max'),
    number('BRICKRA', brick.ra, 'Brick center'),
    number('BRICKDEC', brick.dec, 'Brick center'),
    number('CENTRA', brick.ra, '[deg] Brick center RA'),
    number('CENTDEC', brick.dec, '[deg] Brick center Dec'),
    text('BRICKBND', 'grz', 'Bands touching this brick'),
    text('BANDS', 'grz', 'Bands in this catalog'),
    text('TELESCOP', 'arclet', 'a simulation of CTIO 4.0-m'),
    text('INSTRUME', 'demo', 'a simulation of DECam'),
    ...(band === undefined ? [] : [text('FILTER', band, 'band'), text('FILTERX', band, 'band')]),
    ...wcsCards(brick, size),
    number('EQUINOX', 2000, ''),
    number('IMAGEW', size, `Image width, ${(2 * half).toFixed(1)} arcsec`),
    number('IMAGEH', size, 'Image height'),
    text('IMTYPE', product, 'LegacySurvey image type'),
    text('PRODTYPE', PRODUCT_TYPES[product], 'NOAO image type'),
  ];
  if (product === 'image') cards.push(number('MAGZERO', 22.5, 'Magnitude zeropoint'));
  const unit = UNITS[product];
  if (unit !== undefined) cards.push(unit);
  return cards;
}

/** Name and bits of the first image of maskbits. */
export function maskCards(): NewCard[] {
  const values = MASK_BITS.map(([name, short, meaning]): NewCard => {
    return { keyword: `MB_${short}`, value: MASK[name], comment: `maskbits: ${meaning}` };
  });
  const names = MASK_BITS.map(([name, , meaning], bit): NewCard => {
    return { keyword: `MBIT_${bit}`, value: name, comment: `maskbits bit ${bit} (0x${(2 ** bit).toString(16)}): ${meaning}` };
  });
  return [{ keyword: 'EXTNAME', value: 'MASKBITS' }, { keyword: 'COMMENT', value: 'maskbits bits:' }, ...values, ...names];
}
