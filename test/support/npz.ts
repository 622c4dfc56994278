/**
 * Reads reference arrays: .npz (zip, stored or deflated) of .npy files, little endian, C order. Test side only.
 */
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

export interface NpyArray {
  readonly shape: number[];
  /** Complex arrays come as interleaved re, im. int64 comes as float64. */
  readonly data: Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array | Int16Array | Uint16Array;
}

function parseNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] > 1;
  const headerLength = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + headerLength;
  const header = new TextDecoder().decode(bytes.subarray(wide ? 12 : 10, start));
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? '';
  if (!/'fortran_order':\s*False/.test(header)) throw new Error(`Fortran order is not read: ${header}`);
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  // A copy: typed arrays need an aligned start, and Buffer.slice would share memory.
  const body = new Uint8Array(bytes.subarray(start)).buffer;
  switch (type) {
    case '<f8':
    case '<c16':
      return { shape, data: new Float64Array(body) };
    case '<f4':
    case '<c8':
      return { shape, data: new Float32Array(body) };
    case '<i8':
      return { shape, data: Float64Array.from(new BigInt64Array(body), Number) };
    case '<i4':
      return { shape, data: new Int32Array(body) };
    case '<u4':
      return { shape, data: new Uint32Array(body) };
    case '<i2':
      return { shape, data: new Int16Array(body) };
    case '<u2':
      return { shape, data: new Uint16Array(body) };
    case '|u1':
    case '|b1':
      return { shape, data: new Uint8Array(body) };
    default:
      throw new Error(`npy type '${type}' is not read`);
  }
}

/** Every array of a .npz by name (without `.npy`). */
export function readNpz(path: string): Record<string, NpyArray> {
  const file = readFileSync(path);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let end = file.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error(`${path} is not a zip file`);
  const count = view.getUint16(end + 10, true);
  let entry = view.getUint32(end + 16, true);
  const arrays: Record<string, NpyArray> = {};
  for (let k = 0; k < count; k++) {
    const method = view.getUint16(entry + 10, true);
    const packed = view.getUint32(entry + 20, true);
    const nameLength = view.getUint16(entry + 28, true);
    const tail = view.getUint16(entry + 30, true) + view.getUint16(entry + 32, true);
    const local = view.getUint32(entry + 42, true);
    const name = file.toString('utf8', entry + 46, entry + 46 + nameLength);
    const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
    const raw = file.subarray(start, start + packed);
    arrays[name.replace(/\.npy$/, '')] = parseNpy(method === 0 ? raw : inflateRawSync(raw));
    entry += 46 + nameLength + tail;
  }
  return arrays;
}
