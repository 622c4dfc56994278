/** BSCALE, BZERO and BLANK: stored pixels to what they mean, in the types and with the roundings of astropy. */
import type { CompressedImageInfo } from './info.ts';
import type { Pixels, RawPixels } from './types.ts';

/**
 * Stored pixels to values. Unsigned integers kept through BZERO (and signed bytes) come as such; other scaled integers, and those with
 * BLANK, as float32 (8 and 16 bits) or float64; undefined ones are NaN. Without scaling the array itself comes back.
 */
export function scalePixels(raw: RawPixels, info: Pick<CompressedImageInfo, 'bscale' | 'bzero' | 'blank' | 'bitpix'>): Pixels {
  const { bscale, bzero, blank } = info;
  if (bscale === 1 && bzero === 0 && blank === undefined) return raw;
  if (bscale === 1) {
    const unsigned = withOffset(raw, bzero);
    if (unsigned !== undefined) return unsigned;
  }
  if (raw instanceof Float32Array || raw instanceof Float64Array) return scaleFloats(raw, bscale, bzero);
  const size = raw.length;
  const values = raw instanceof Uint8Array || raw instanceof Int16Array ? new Float32Array(size) : new Float64Array(size);
  for (let index = 0; index < size; index++) values[index] = Number(raw[index]);
  scaleFloats(values, bscale, bzero);
  if (blank !== undefined)
    for (let index = 0; index < size; index++) if (Number(raw[index]) === blank) values[index] = Number.NaN;
  return values;
}

/** In place, rounded to the array's type after each step, as numpy does it. */
function scaleFloats<T extends Float32Array | Float64Array>(values: T, bscale: number, bzero: number): T {
  const [factor, offset] = values instanceof Float32Array ? [Math.fround(bscale), Math.fround(bzero)] : [bscale, bzero];
  if (factor !== 1) for (let index = 0; index < values.length; index++) values[index] *= factor;
  if (offset !== 0) for (let index = 0; index < values.length; index++) values[index] += offset;
  return values;
}

/** Integers whose BZERO only moves their sign: the same bits with the highest one turned. */
function withOffset(raw: RawPixels, bzero: number): Pixels | undefined {
  const size = raw.length;
  if (raw instanceof Uint8Array && bzero === -128) {
    const signed = new Int8Array(size);
    for (let index = 0; index < size; index++) signed[index] = raw[index] - 128;
    return signed;
  }
  if (raw instanceof Int16Array && bzero === 2 ** 15) {
    const unsigned = new Uint16Array(size);
    for (let index = 0; index < size; index++) unsigned[index] = raw[index] + bzero;
    return unsigned;
  }
  if (raw instanceof Int32Array && bzero === 2 ** 31) {
    const unsigned = new Uint32Array(size);
    for (let index = 0; index < size; index++) unsigned[index] = raw[index] + bzero;
    return unsigned;
  }
  if (raw instanceof BigInt64Array && bzero === 2 ** 63) {
    const unsigned = new BigUint64Array(size);
    for (let index = 0; index < size; index++) unsigned[index] = BigInt.asUintN(64, raw[index] + 2n ** 63n);
    return unsigned;
  }
  return undefined;
}
