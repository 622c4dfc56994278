/** Small FITS files in a temporary folder. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HduInput, type NewCard, readImage } from '../../../src/io/fits/index.ts';
import { openFitsFile, writeFits } from '../../../src/io/fits/node.ts';

export const folder = mkdtempSync(join(tmpdir(), 'arclet-files-'));
export const at = (name: string): string => join(folder, name);

export async function fitsAt(name: string, hdus: readonly HduInput[]): Promise<string> {
  await writeFits(at(name), hdus);
  return at(name);
}

export function textAt(name: string, text: string): string {
  writeFileSync(at(name), text);
  return at(name);
}

/** A tangent plane of 1 arcsec pixels around (150, 2) degrees at the 1-based pixel (crpix1, crpix2). */
export const tangent = (crpix1: number, crpix2: number): NewCard[] => [
  { keyword: 'CTYPE1', value: 'RA---TAN' },
  { keyword: 'CTYPE2', value: 'DEC--TAN' },
  { keyword: 'CRPIX1', value: crpix1, type: 'float' },
  { keyword: 'CRPIX2', value: crpix2, type: 'float' },
  { keyword: 'CRVAL1', value: 150, type: 'float' },
  { keyword: 'CRVAL2', value: 2, type: 'float' },
  { keyword: 'CD1_1', value: -1 / 3600 },
  { keyword: 'CD1_2', value: 0, type: 'float' },
  { keyword: 'CD2_1', value: 0, type: 'float' },
  { keyword: 'CD2_2', value: 1 / 3600 },
];

/** Whole numbers that no two pixels share. */
export const ramp = (size: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: size }, (_, index) => index);

/** The image of one HDU of a file, and the header as it stands. */
export async function imageOf(path: string, hdu = 0) {
  const file = await openFitsFile(path);
  try {
    const { header } = file.hdu(hdu);
    return { ...(await readImage(file.hdu(hdu))), header, type: file.hdu(hdu).type, count: file.hdus.length };
  } finally {
    await file.close();
  }
}
