/** Helpers of the FITS tests: files in memory, and values as JSON keeps them. */
import { encodeFits, type FitsFile, type HduInput, memorySource, openFits } from '../../../src/io/fits/index.ts';

export function join(pieces: Iterable<Uint8Array>): Uint8Array {
  const all = [...pieces];
  const bytes = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of all) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

export const open = (bytes: Uint8Array): Promise<FitsFile> => openFits(memorySource(bytes, 'test.fits'));

/** Written and opened again. */
export const rewritten = (...hdus: HduInput[]): Promise<FitsFile> => open(join(encodeFits(hdus)));

/** Header lines (any length) as a header of whole blocks. */
export function headerBytes(...lines: string[]): Uint8Array {
  const text = [...lines, 'END'].map((line) => line.padEnd(80)).join('');
  return new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 2880) * 2880));
}

/** 64 bit integers as text, what is not finite as text, all else as it is: how the fixtures were written. */
export function asJson(values: Iterable<number | bigint | string>): (number | string)[] {
  return Array.from(values, (value) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value === 'string' || Number.isFinite(value)) return value;
    return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  });
}
