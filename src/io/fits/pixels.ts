/**
 * Stored pixels to values: BSCALE, BZERO, BLANK and the unsigned convention (FITS Standard 4.0, sections 4.4.2.5, 5.2.5), with the types
 * and the arithmetic of astropy: 8 and 16 bit integers scale in float32, wider ones in float64, floats in their own type.
 */
import { arrayOf, bytesOf, type NumberArray, type NumericDtype, swapBytes } from './elements.ts';
import type { FitsHeader } from './header.ts';
import { type Bitpix, bitpixOf } from './layout.ts';

export interface PixelCoding {
  readonly bitpix: Bitpix;
  /** Bytes of a stored pixel. */
  readonly width: number;
  /** Type of the values. */
  readonly dtype: NumericDtype;
  /** Values of big-endian stored pixels go into `out` from element `at` on. */
  decode(bytes: Uint8Array, out: NumberArray, at: number): void;
}

const STORED: Readonly<Record<Bitpix, NumericDtype>> = {
  8: 'uint8',
  16: 'int16',
  32: 'int32',
  64: 'int64',
  [-32]: 'float32',
  [-64]: 'float64',
};

/** BZERO by which unsigned integers (and signed bytes) are kept, and the type they then have. */
const SHIFTED: Readonly<Partial<Record<Bitpix, readonly [zero: number, dtype: NumericDtype]>>> = {
  8: [-128, 'int8'],
  16: [2 ** 15, 'uint16'],
  32: [2 ** 31, 'uint32'],
  64: [2 ** 63, 'uint64'],
};

/** Pixels decoded at once: small enough to stay in cache between the passes over them. */
const BATCH = 2 ** 15;

/** How the pixels of an image are kept. Throws INPUT_INVALID for a BITPIX, BSCALE or BZERO that is none. */
export function pixelCoding(header: FitsHeader): PixelCoding {
  const bitpix = bitpixOf(header);
  const scale = header.number('BSCALE', 1);
  const zero = header.number('BZERO', 0);
  const blank = bitpix > 0 ? blankOf(header) : undefined;
  const width = Math.abs(bitpix) / 8;
  const shifted = SHIFTED[bitpix];
  if (scale === 1 && shifted?.[0] === zero) {
    return {
      bitpix,
      width,
      dtype: shifted[1],
      decode(bytes, out, at) {
        copySwapped(bytes, out, at, width);
        flipSign(out, at, at + bytes.length / width);
      },
    };
  }
  if (scale === 1 && zero === 0 && blank === undefined)
    return { bitpix, width, dtype: STORED[bitpix], decode: (bytes, out, at) => copySwapped(bytes, out, at, width) };
  const dtype = valueDtype(bitpix, scale, zero, blank !== undefined) as 'float32' | 'float64';
  const linear = linearMap(scale, zero, blank, dtype);
  return {
    bitpix,
    width,
    dtype,
    decode(bytes, out, at) {
      const stored = arrayOf(STORED[bitpix], Math.min(BATCH, bytes.length / width));
      for (let from = 0; from < bytes.length; from += BATCH * width) {
        const piece = bytes.subarray(from, from + BATCH * width);
        swapBytes(piece, bytesOf(stored), width);
        linear(stored, piece.length / width, out as Float32Array | Float64Array, at + from / width);
      }
    },
  };
}

/** Type of the values of an image: stored as BITPIX says, scaled, with undefined pixels or without. */
export function valueDtype(bitpix: Bitpix, scale: number, zero: number, hasBlank: boolean): NumericDtype {
  const shifted = SHIFTED[bitpix];
  if (scale === 1 && shifted?.[0] === zero) return shifted[1];
  if (bitpix < 0 || (scale === 1 && zero === 0 && !hasBlank)) return STORED[bitpix];
  return bitpix <= 16 ? 'float32' : 'float64';
}

/**
 * What an undefined pixel becomes among integers that stay integers when BZERO is added: unsigned ones and signed bytes. Undefined where such pixels
 * are NaN already, or there are none.
 */
export function undefinedInteger(
  bitpix: Bitpix,
  scale: number,
  zero: number,
  blank: number | bigint | undefined,
): number | bigint | undefined {
  if (blank === undefined || scale !== 1 || SHIFTED[bitpix]?.[0] !== zero) return undefined;
  return bitpix === 64 ? BigInt(blank) + BigInt(zero) : Number(blank) + zero;
}

/** BLANK if it is an integer; a file with another one means nothing by it. */
export function blankOf(header: FitsHeader): number | bigint | undefined {
  const value = header.value('BLANK');
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) ? value : undefined;
}

function copySwapped(bytes: Uint8Array, out: NumberArray, at: number, width: number): void {
  swapBytes(bytes, bytesOf(out).subarray(at * width), width);
}

/** Adds half the range of an integer type to `values[from .. to]`, which only turns the highest bit. */
export function flipSign(values: NumberArray, from: number, to: number): void {
  if (values instanceof BigUint64Array) {
    const high = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
    for (let at = from; at < to; at++) high[2 * at + 1] ^= 0x80000000;
    return;
  }
  const bit = 2 ** (8 * values.BYTES_PER_ELEMENT - 1);
  const integers = values as Int8Array | Uint16Array | Uint32Array;
  for (let at = from; at < to; at++) integers[at] ^= bit;
}

type LinearMap = (stored: NumberArray, count: number, out: Float32Array | Float64Array, at: number) => void;

/** stored -> stored * scale + zero, NaN where stored is blank; each step is rounded to the type of the values, as numpy does. */
function linearMap(scale: number, zero: number, blank: number | bigint | undefined, dtype: 'float32' | 'float64'): LinearMap {
  const blankNumber = blank === undefined ? undefined : Number(blank);
  if (dtype === 'float32') {
    const scale32 = Math.fround(scale);
    const zero32 = Math.fround(zero);
    return (stored, count, out, at) => {
      const values = stored as Uint8Array | Int16Array | Float32Array;
      for (let k = 0; k < count; k++) {
        const value = values[k];
        out[at + k] = value === blankNumber ? Number.NaN : Math.fround(Math.fround(value) * scale32) + zero32;
      }
    };
  }
  return (stored, count, out, at) => {
    if (stored instanceof BigInt64Array) {
      const blankBig = blank === undefined ? undefined : BigInt(blank);
      for (let k = 0; k < count; k++) out[at + k] = stored[k] === blankBig ? Number.NaN : Number(stored[k]) * scale + zero;
      return;
    }
    const values = stored as Int32Array | Float64Array;
    for (let k = 0; k < count; k++) out[at + k] = values[k] === blankNumber ? Number.NaN : values[k] * scale + zero;
  };
}
