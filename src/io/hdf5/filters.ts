/** Filters of chunks: which ones the library has, and those that are undone here. */
import { inflateSync } from 'node:zlib';

/** As h5wasm gives it. */
export interface Filter {
  readonly id: number;
  readonly name: string;
  readonly cd_values: readonly number[];
}

const DEFLATE = 1;
const SHUFFLE = 2;
const FLETCHER32 = 3;
const SZIP = 4;
const NBIT = 5;
const SCALEOFFSET = 6;
const LZF = 32000;

const NAMES: Record<number, string> = {
  [LZF]: 'LZF',
  32001: 'Blosc',
  32004: 'LZ4',
  32008: 'bitshuffle',
  32013: 'ZFP',
  32015: 'Zstandard',
  32026: 'Blosc2',
};

/** Filters compiled into h5wasm 0.10.3 (each read back equal to h5py). */
const IN_LIBRARY = new Set([DEFLATE, SHUFFLE, FLETCHER32, SZIP, NBIT, SCALEOFFSET]);
const UNDONE_HERE = new Set([DEFLATE, SHUFFLE, FLETCHER32, LZF]);

export const inLibrary = (filters: readonly Filter[]): boolean => filters.every(({ id }) => IN_LIBRARY.has(id));
export const undoneHere = (filters: readonly Filter[]): boolean => filters.every(({ id }) => UNDONE_HERE.has(id));

/** `LZF (filter 32000)`, for messages. */
export function filterName({ id, name }: Filter): string {
  return `${NAMES[id] ?? (name || 'an unnamed filter')} (filter ${id})`;
}

export const isUnknown = ({ id }: Filter): boolean => !IN_LIBRARY.has(id);

/**
 * Undoes the filters of a chunk, last first. Bit i of `mask` says that filter i was left out for this chunk.
 * Throws an Error that says why the bytes are damaged.
 */
export function unfilter(chunk: Uint8Array, filters: readonly Filter[], mask: number, chunkBytes: number): Uint8Array {
  let bytes = chunk;
  for (let index = filters.length - 1; index >= 0; index--) {
    if ((mask >>> index) & 1) continue;
    const { id, cd_values: values } = filters[index];
    if (id === FLETCHER32) bytes = checkFletcher32(bytes);
    // A checksum that follows in the pipeline is not part of what is compressed, one that comes before it adds four bytes.
    else if (id === LZF) bytes = lzfDecompress(bytes, chunkBytes + 4);
    else if (id === DEFLATE) bytes = inflateSync(bytes, { maxOutputLength: chunkBytes + 4 });
    else if (id === SHUFFLE) bytes = unshuffle(bytes, values[0]);
  }
  if (bytes.byteLength !== chunkBytes) throw new Error(`a chunk has ${bytes.byteLength} bytes of ${chunkBytes}`);
  return bytes;
}

/** LZF (liblzf 3.6, lzf_d.c): runs of literals, and copies from at most 8192 bytes back. */
export function lzfDecompress(input: Uint8Array, most: number): Uint8Array {
  const out = new Uint8Array(most);
  let at = 0;
  let to = 0;
  while (at < input.byteLength) {
    const control = input[at++];
    if (control < 32) {
      const length = control + 1;
      if (at + length > input.byteLength || to + length > most) throw new Error('a chunk of LZF ends within a run');
      out.set(input.subarray(at, at + length), to);
      at += length;
      to += length;
      continue;
    }
    let length = control >> 5;
    if (length === 7) length += input[at++] ?? 0;
    length += 2;
    const from = to - ((control & 31) << 8) - (input[at++] ?? Number.NaN) - 1;
    if (!(from >= 0 && to + length <= most)) throw new Error('a chunk of LZF refers to what is not there');
    // Byte by byte: a copy may overlap itself.
    for (let byte = 0; byte < length; byte++) out[to + byte] = out[from + byte];
    to += length;
  }
  return out.subarray(0, to);
}

/** Puts the bytes of each value together again; what is left over stands at the end as it is. */
function unshuffle(bytes: Uint8Array, size: number): Uint8Array {
  const count = Math.floor(bytes.byteLength / size);
  if (size <= 1 || count === 0) return bytes;
  const out = bytes.slice();
  for (let byte = 0; byte < size; byte++) {
    for (let value = 0; value < count; value++) out[value * size + byte] = bytes[byte * count + value];
  }
  return out;
}

/** H5_checksum_fletcher32: sums of big-endian 16-bit words modulo 65535. */
function checkFletcher32(bytes: Uint8Array): Uint8Array {
  const data = bytes.subarray(0, -4);
  let [first, second] = [0, 0];
  for (let at = 0; at < data.byteLength; at += 2) {
    first = (first + data[at] * 256 + (data[at + 1] ?? 0)) % 65535;
    second = (second + first) % 65535;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stored = bytes.byteLength < 4 ? Number.NaN : view.getUint32(bytes.byteLength - 4, true);
  const [high, low] = [Math.floor(stored / 65536), stored % 65536];
  // 65535 and 0 are one number here.
  if (high % 65535 !== second || low % 65535 !== first) throw new Error('a chunk does not have its checksum');
  return data;
}
