/** What the tile compression layer takes and gives. */
import { ArcletError } from '../../../core/errors.ts';
import type { ByteSource } from '../../store/source.ts';

/** The least a header must do: the value of a keyword, or undefined. */
export interface HeaderView {
  get(key: string): string | number | boolean | undefined;
}

/** A binary table extension that holds a compressed image (ZIMAGE = T), as it lies in its file. */
export interface CompressedHdu {
  readonly header: HeaderView;
  readonly source: ByteSource;
  /** First byte of the data unit (the table), from the start of the source. */
  readonly dataOffset: number;
  /** Bytes of the data unit: table, gap and heap; padding may be counted or not. */
  readonly dataBytes: number;
}

export type Codec = 'RICE_1' | 'GZIP_1' | 'GZIP_2' | 'HCOMPRESS_1' | 'PLIO_1' | 'NOCOMPRESS';
export type Quantization = 'NO_DITHER' | 'SUBTRACTIVE_DITHER_1' | 'SUBTRACTIVE_DITHER_2';
export type Bitpix = 8 | 16 | 32 | 64 | -32 | -64;

/** Pixels as they are stored, before BSCALE and BZERO. */
export type RawPixels = Uint8Array | Int16Array | Int32Array | BigInt64Array | Float32Array | Float64Array;
/** Pixels after scaling: also the unsigned types that FITS keeps through BZERO. */
export type Pixels = RawPixels | Int8Array | Uint16Array | Uint32Array | BigUint64Array;

/** Quantised value of an undefined pixel (White, Pence: "reserved values"; FITS Standard 4.0, 10.2.1). */
export const NULL_VALUE = -2147483647;
/** Quantised value of a pixel that is exactly zero under SUBTRACTIVE_DITHER_2. */
export const ZERO_VALUE = -2147483646;

/** An INPUT_INVALID about a compressed image; `subject` is the file, with what of it. */
export function damaged(subject: string, why: string, data?: Record<string, unknown>, cause?: unknown): ArcletError {
  return new ArcletError('INPUT_INVALID', `${subject}: ${why}.`, {
    subject,
    remedy: 'Fetch the file again, or make it again with fpack.',
    data,
    cause,
  });
}

/** Number of elements of an array of this shape (1 for no axes). */
export function product(shape: readonly number[]): number {
  return shape.reduce((size, axis) => size * axis, 1);
}

/** An array of the stored type of a BITPIX. */
export function allocate(bitpix: Bitpix, length: number): RawPixels {
  switch (bitpix) {
    case 8:
      return new Uint8Array(length);
    case 16:
      return new Int16Array(length);
    case 32:
      return new Int32Array(length);
    case 64:
      return new BigInt64Array(length);
    case -32:
      return new Float32Array(length);
    case -64:
      return new Float64Array(length);
  }
}
