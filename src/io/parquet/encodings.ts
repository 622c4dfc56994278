/**
 * Value encodings of Parquet pages with every length checked. hyparquet's decoders trust run lengths and prefix lengths, so that a
 * damaged file can make them fill memory or never end; what is used of them here cannot.
 */
import type { DecodedArray, Encoding, SchemaElement } from 'hyparquet';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { byteStreamSplit } from 'hyparquet/src/encoding.js';
import { readPlain } from 'hyparquet/src/plain.js';

interface Reader {
  view: DataView;
  offset: number;
}

/** Bytes per value; undefined where it differs from value to value. */
function widthOf({ type, type_length: length }: SchemaElement): number | undefined {
  if (type === 'FIXED_LEN_BYTE_ARRAY') return length;
  return ({ INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 } as Record<string, number>)[type ?? ''];
}

function need(reader: Reader, bytes: number): void {
  const left = reader.view.byteLength - reader.offset;
  if (!(bytes >= 0 && bytes <= left)) throw new Error(`a page has ${left} bytes left where ${bytes} are declared`);
}

function varInt(reader: Reader): number {
  let result = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    need(reader, 1);
    const byte = reader.view.getUint8(reader.offset++);
    result += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return result;
  }
  throw new Error('a page has a run length of more than 35 bits');
}

/** Runs and bit-packed groups (Parquet "RLE / bit-packing hybrid") of values of `width` bits; fills `values`. */
export function readHybrid<T extends Uint8Array | Int32Array>(bytes: Uint8Array, width: number, values: T): T {
  if (!(width >= 0 && width <= 8 * values.BYTES_PER_ELEMENT)) throw new Error(`a page has values of ${width} bits`);
  const count = values.length;
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  for (let at = 0; at < count; ) {
    const header = varInt(reader);
    const run = header % 2 === 0 ? header / 2 : ((header - 1) / 2) * 8;
    if (run === 0) throw new Error('a page has an empty run');
    const end = Math.min(count, at + run);
    if (header % 2 === 0) {
      const size = Math.ceil(width / 8);
      need(reader, size);
      let value = 0;
      for (let byte = 0; byte < size; byte++) value |= reader.view.getUint8(reader.offset++) << (8 * byte);
      values.fill(value, at, end);
    } else {
      // The last group may be cut where its values end.
      need(reader, Math.ceil(((end - at) * width) / 8));
      unpackBits(bytes.subarray(reader.offset), width, values.subarray(at, end));
      reader.offset = Math.min(bytes.byteLength, reader.offset + (run * width) / 8);
    }
    at = end;
  }
  return values;
}

function unpackBits(bytes: Uint8Array, width: number, out: Uint8Array | Int32Array): void {
  for (let index = 0, bit = 0; index < out.length; index++, bit += width) {
    let value = 0;
    for (let got = 0; got < width; ) {
      const from = (bit + got) & 7;
      const take = Math.min(8 - from, width - got);
      value |= ((bytes[(bit + got) >>> 3] >>> from) & ((1 << take) - 1)) << got;
      got += take;
    }
    out[index] = value;
  }
}

/** Values of a PLAIN page. BYTE_ARRAYs are views of the page. */
export function readPlainValues(reader: Reader, element: SchemaElement, count: number): DecodedArray {
  const { type } = element;
  if (type === 'BYTE_ARRAY') {
    return Array.from({ length: checkCount(reader, count, 4) }, () => {
      need(reader, 4);
      const length = reader.view.getUint32(reader.offset, true);
      reader.offset += 4;
      return take(reader, length);
    });
  }
  if (type === undefined) throw new Error('a column has no type');
  need(reader, type === 'BOOLEAN' ? Math.ceil(count / 8) : count * (widthOf(element) ?? Number.NaN));
  return readPlain(reader, type, count, element.type_length);
}

/** Values of a page in any encoding but a dictionary's. */
export function readValues(reader: Reader, encoding: Encoding, element: SchemaElement, count: number): DecodedArray {
  const { type } = element;
  if (count === 0) return [];
  if (encoding === 'PLAIN') return readPlainValues(reader, element, count);
  if (encoding === 'BYTE_STREAM_SPLIT' && type !== undefined) {
    need(reader, count * (widthOf(element) ?? Number.NaN));
    return byteStreamSplit(reader, count, type, element.type_length);
  }
  if (encoding === 'RLE' && type === 'BOOLEAN') {
    need(reader, 4);
    const length = reader.view.getUint32(reader.offset, true);
    reader.offset += 4;
    return Array.from(readHybrid(take(reader, length), 1, new Uint8Array(count)), Boolean);
  }
  if (encoding === 'DELTA_BINARY_PACKED' && type === 'INT32') return readDelta(reader, new Int32Array(count));
  if (encoding === 'DELTA_BINARY_PACKED' && type === 'INT64') return readDelta(reader, new BigInt64Array(count));
  if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') {
    return Array.from(readDelta(reader, new Int32Array(count)), (length) => take(reader, length));
  }
  if (encoding === 'DELTA_BYTE_ARRAY') return readDeltaByteArray(reader, count);
  throw new Error(`the encoding ${encoding} of ${type} is not known here`);
}

/** Checks the header of a delta block, on which the decoder's steps depend, before decoding. */
function readDelta<T extends Int32Array | BigInt64Array>(reader: Reader, out: T): T {
  const start = reader.offset;
  const block = varInt(reader);
  const miniblocks = varInt(reader);
  const total = varInt(reader);
  if (block === 0 || block % 128 !== 0 || miniblocks === 0 || block % (32 * miniblocks) !== 0 || block > 2 ** 20) {
    throw new Error(`a page has delta blocks of ${block} values in ${miniblocks} parts`);
  }
  if (total < out.length) throw new Error(`a page has ${total} deltas where ${out.length} are declared`);
  reader.offset = start;
  deltaBinaryUnpack(reader, out.length, out);
  need(reader, 0);
  return out;
}

/** Each value is the start of the one before and a suffix. */
function readDeltaByteArray(reader: Reader, count: number): Uint8Array[] {
  const prefixes = readDelta(reader, new Int32Array(count));
  const suffixes = readDelta(reader, new Int32Array(count));
  const values: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const before = values[index - 1] ?? new Uint8Array(0);
    const suffix = take(reader, suffixes[index]);
    if (prefixes[index] < 0 || prefixes[index] > before.byteLength) throw new Error('a page has a prefix longer than its value');
    const value = new Uint8Array(prefixes[index] + suffix.byteLength);
    value.set(before.subarray(0, prefixes[index]));
    value.set(suffix, prefixes[index]);
    values.push(value);
  }
  return values;
}

function checkCount(reader: Reader, count: number, least: number): number {
  need(reader, count * least);
  return count;
}

function take(reader: Reader, length: number): Uint8Array {
  need(reader, length);
  const bytes = new Uint8Array(reader.view.buffer, reader.view.byteOffset + reader.offset, length);
  reader.offset += length;
  return bytes;
}
