/**
 * Arrays of FITS elements: their numpy names, and big-endian bytes to typed arrays and back. Typed arrays are taken to be little-endian,
 * as they are on every machine that runs WebGPU.
 */

/** Types of elements as numpy names them; 'string' for text. Complex arrays are interleaved re, im. */
export type Dtype =
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64'
  | 'complex64'
  | 'complex128'
  | 'string';

export type NumberArray =
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** What kind of array holds a type (complex types twice as long). */
const ARRAYS = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
  complex64: Float32Array,
  complex128: Float64Array,
} as const;

export type NumericDtype = keyof typeof ARRAYS;

export const isComplex = (dtype: Dtype): boolean => dtype === 'complex64' || dtype === 'complex128';

/** A zeroed array for `count` elements. */
export function arrayOf(dtype: NumericDtype, count: number): NumberArray {
  return new ARRAYS[dtype](isComplex(dtype) ? 2 * count : count);
}

/** The same memory read as another type. */
export const viewAs = (dtype: NumericDtype, buffer: ArrayBuffer): NumberArray => new ARRAYS[dtype](buffer);

/** The type that a typed array holds when nothing else is said. */
export function dtypeOf(array: NumberArray): NumericDtype {
  const found = (Object.keys(ARRAYS) as NumericDtype[]).find((dtype) => dtype !== 'bool' && array instanceof ARRAYS[dtype]);
  return found as NumericDtype;
}

/** Product of a shape: 1 for no axes. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** The bytes behind a typed array. */
export const bytesOf = (array: NumberArray): Uint8Array<ArrayBuffer> =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/**
 * Copies elements of `width` bytes from `from` into `to`, turning the order of their bytes. Both hold whole elements; `to` is aligned to
 * its width (it is the memory of a typed array), `from` may lie anywhere.
 */
export function swapBytes(from: Uint8Array, to: Uint8Array<ArrayBuffer>, width: number): void {
  if (width === 1) {
    to.set(from);
    return;
  }
  if (width === 4) {
    swap32(from, to);
    return;
  }
  const aligned = from.byteOffset % 4 === 0 ? from : from.slice();
  if (width === 2) swap16(aligned, to);
  else swap64(aligned, to);
}

/** Two elements at a time where memory allows. */
function swap16(from: Uint8Array, to: Uint8Array<ArrayBuffer>): void {
  const pairs = from.byteOffset % 4 === 0 && to.byteOffset % 4 === 0 ? from.length >>> 2 : 0;
  const source = new Uint32Array(from.buffer, pairs > 0 ? from.byteOffset : 0, pairs);
  const target = new Uint32Array(to.buffer, pairs > 0 ? to.byteOffset : 0, pairs);
  for (let at = 0; at < pairs; at++) {
    const two = source[at];
    target[at] = ((two & 0x00ff00ff) << 8) | ((two >>> 8) & 0x00ff00ff);
  }
  for (let at = 4 * pairs; at < from.length; at += 2) {
    to[at] = from[at + 1];
    to[at + 1] = from[at];
  }
}

/** Read through a DataView, which turns a word in one instruction, and four at a time: 0.6 ns a word where shifts take 1.4. */
function swap32(from: Uint8Array, to: Uint8Array<ArrayBuffer>): void {
  const words = from.length >>> 2;
  const source = new DataView(from.buffer, from.byteOffset, 4 * words);
  const target = new Int32Array(to.buffer, to.byteOffset, words);
  const inFours = words - (words % 4);
  for (let at = 0; at < inFours; at += 4) {
    target[at] = source.getInt32(4 * at);
    target[at + 1] = source.getInt32(4 * at + 4);
    target[at + 2] = source.getInt32(4 * at + 8);
    target[at + 3] = source.getInt32(4 * at + 12);
  }
  for (let at = inFours; at < words; at++) target[at] = source.getInt32(4 * at);
}

function swap64(from: Uint8Array, to: Uint8Array<ArrayBuffer>): void {
  const source = new Uint32Array(from.buffer, from.byteOffset, from.length / 4);
  const target = new Uint32Array(to.buffer, to.byteOffset, source.length);
  for (let at = 0; at < source.length; at += 2) {
    target[at] = swapped(source[at + 1]);
    target[at + 1] = swapped(source[at]);
  }
}

function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
