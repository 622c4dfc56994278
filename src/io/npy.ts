/** The .npy format, version 1 to 3, little endian, C order (numpy.lib.format). */
import { ArcletError } from '../core/errors.ts';

export type NpyData = Float32Array | Float64Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Uint8Array;

export interface NpyArray {
  readonly data: NpyData;
  readonly shape: readonly number[];
}

const DTYPES = {
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i4': Int32Array,
  '<u4': Uint32Array,
  '<i2': Int16Array,
  '<u2': Uint16Array,
  '|u1': Uint8Array,
} as const;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** Header and data of an array; the data is a view, not a copy. Throws a RangeError when data and shape disagree. */
export function encodeNpy({ data, shape }: NpyArray): Uint8Array[] {
  const count = shape.reduce((a, b) => a * b, 1);
  if (count !== data.length) throw new RangeError(`an array of shape [${shape}] has ${count} values, got ${data.length}`);
  const descr = Object.entries(DTYPES).find(([, type]) => data instanceof type)?.[0];
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Data starts at a multiple of 64 so that numpy can map it.
  const padded = `${text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 10 - 1)}\n`;
  const header = new Uint8Array(10 + padded.length);
  header.set([...MAGIC, 1, 0, padded.length & 255, padded.length >> 8]);
  header.set(new TextEncoder().encode(padded), 10);
  return [header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/** Reads an array. Throws INPUT_INVALID naming `label` when the bytes are no such file, of another type, or cut off. */
export function decodeNpy(bytes: Uint8Array, label: string): NpyArray {
  const bad = (why: string) =>
    new ArcletError('INPUT_INVALID', `${label} is not a readable .npy array: ${why}.`, {
      subject: label,
      remedy:
        "Save it as little-endian float32, float64 or integers in C order: numpy.save(path, numpy.ascontiguousarray(a, '<f4')).",
    });
  if (bytes.length < 12 || MAGIC.some((value, index) => bytes[index] !== value))
    throw bad('its first bytes are not those of a .npy');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2;
  const start = wide ? 12 : 10;
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (end > bytes.length) throw bad(`its header ends at byte ${end} of ${bytes.length}`);
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, end));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1] ?? 'a structured type';
  const type = DTYPES[descr as keyof typeof DTYPES];
  if (type === undefined) throw bad(`its type is ${descr}, known are ${Object.keys(DTYPES).join(' ')}`);
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '').split(',').map((part) => part.trim()).filter(Boolean).map(Number); // biome-ignore format: one chain
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) throw bad('its shape is not a list of whole numbers');
  if (/'fortran_order':\s*True/.test(header) && shape.length > 1) throw bad('it is in Fortran order');
  const count = shape.reduce((a, b) => a * b, 1);
  const byteLength = count * type.BYTES_PER_ELEMENT;
  if (bytes.length - end < byteLength)
    throw bad(`its shape [${shape}] needs ${byteLength} bytes and ${bytes.length - end} are there`);
  // A copy, because the data of an archive member need not be aligned (and a slice of a Buffer is no copy).
  return { data: new type(new Uint8Array(bytes.subarray(end, end + byteLength)).buffer), shape };
}
