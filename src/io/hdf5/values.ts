/** HDF5 types and their bytes as plain arrays. */
import type { Metadata } from 'h5wasm/node';

/** complex64 and complex128 are compounds of two floats, as h5py writes them; their values are interleaved real, imaginary. */
export type Hdf5Type =
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
  | 'bool'
  | 'string';

/** Numbers as typed arrays (complex: two per value; bool: 0 or 1), text as strings. C order. */
export type Hdf5Values =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
  | string[];

const ARRAYS = {
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
  bool: Uint8Array,
} as const;

/** H5T_class_t. */
const INTEGER = 0;
const FLOAT = 1;
const STRING = 3;
const COMPOUND = 6;
const ENUM = 8;

/** The type of a dataset; undefined for what is not read (half floats, other compounds, references, opaque ...). */
export function typeOf(metadata: Metadata): Hdf5Type | undefined {
  const { type, size, signed, compound_type: compound, enum_type: enumeration } = metadata;
  if (type === INTEGER && [1, 2, 4, 8].includes(size)) return `${signed ? '' : 'u'}int${8 * size}` as Hdf5Type;
  if (type === FLOAT && (size === 4 || size === 8)) return size === 4 ? 'float32' : 'float64';
  if (type === STRING) return 'string';
  if (type === ENUM && size === 1 && enumeration !== undefined) {
    const names = Object.keys(enumeration.members).sort().join();
    return names === 'FALSE,TRUE' ? 'bool' : 'int8';
  }
  const members = compound?.members ?? [];
  const isPair =
    type === COMPOUND && members.length === 2 && members.every((member) => member.type === FLOAT && member.size === size / 2);
  if (!isPair || members[0].offset !== 0 || (size !== 8 && size !== 16)) return undefined;
  return size === 8 ? 'complex64' : 'complex128';
}

/** Bytes of one number within a value: half of a complex value. */
export function wordBytes(type: Exclude<Hdf5Type, 'string'>): number {
  return ARRAYS[type].BYTES_PER_ELEMENT;
}

/** True where the parts of a value are stored with the most significant byte first. */
export function isBigEndian(metadata: Metadata): boolean {
  const first = metadata.compound_type?.members[0];
  return first === undefined ? !metadata.littleEndian : !first.littleEndian;
}

/** Turns every word of `bytes` round, in place. */
export function swapWords(bytes: Uint8Array, word: number): void {
  if (word === 1) return;
  for (let at = 0; at + word <= bytes.byteLength; at += word) bytes.subarray(at, at + word).reverse();
}

/** The numbers in little-endian bytes that nothing else uses, without a copy. */
export function toNumbers(bytes: Uint8Array<ArrayBuffer>, type: Exclude<Hdf5Type, 'string'>): Exclude<Hdf5Values, string[]> {
  const make = ARRAYS[type] as Float64ArrayConstructor;
  return new make(bytes.buffer, bytes.byteOffset, bytes.byteLength / make.BYTES_PER_ELEMENT) as Exclude<Hdf5Values, string[]>;
}
