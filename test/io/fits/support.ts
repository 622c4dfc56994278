/** Helpers of the FITS tests: files in memory, and values as JSON keeps them. */
import { encodeFits, type FitsFile, type FitsHdu, type HduInput, memorySource, openFits } from '../../../src/io/fits/index.ts';

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

/** Big-endian bytes of numbers, by DataView: an encoder of its own. */
export function stored(values: readonly (number | bigint)[], bitpix: number): Uint8Array {
  const width = Math.abs(bitpix) / 8;
  const view = new DataView(new ArrayBuffer(Math.ceil((values.length * width) / 2880) * 2880));
  for (const [index, value] of values.entries()) {
    if (bitpix === 8) view.setUint8(index, Number(value));
    else if (bitpix === 16) view.setInt16(2 * index, Number(value));
    else if (bitpix === 32) view.setInt32(4 * index, Number(value));
    else if (bitpix === 64) view.setBigInt64(8 * index, BigInt(value));
    else if (bitpix === -32) view.setFloat32(4 * index, Number(value));
    else view.setFloat64(8 * index, Number(value));
  }
  return new Uint8Array(view.buffer);
}

/** A row of pixels as they are stored, and further cards. */
export async function image(bitpix: number, values: readonly (number | bigint)[], ...cards: string[]): Promise<FitsHdu> {
  const header = headerBytes('SIMPLE  = T', `BITPIX  = ${bitpix}`, 'NAXIS   = 1', `NAXIS1  = ${values.length}`, ...cards);
  return (await open(join([header, stored(values, bitpix)]))).hdu(0);
}
