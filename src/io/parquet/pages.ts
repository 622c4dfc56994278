/** The pages of one column chunk: dense values, and the levels that say where they stand. */
import type { ColumnMetaData, DecodedArray, Encoding, PageHeader, SchemaElement } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import { decompress } from './codecs.ts';
import { readHybrid, readPlainValues, readValues } from './encodings.ts';

/** Values of one page without the missing ones. */
export interface DecodedPage {
  readonly values: DecodedArray;
  /** One per slot; undefined where every slot has a value. */
  readonly definition: Uint8Array | undefined;
  /** One per slot, 0 where a row starts; undefined in columns without lists. */
  readonly repetition: Uint8Array | undefined;
  readonly slots: number;
}

export interface ChunkShape {
  readonly element: SchemaElement;
  readonly maxDefinition: number;
  readonly maxRepetition: number;
  /** Slots of the whole chunk: values and missing values. */
  readonly slots: number;
}

/** Largest chunk, and largest page, that are decoded, in values. Writers make pages of 1 MB and chunks of a million rows. */
const MOST_SLOTS = 2 ** 31;
const MOST_PAGE_SLOTS = 2 ** 26;

const bitsFor = (level: number) => 32 - Math.clz32(level);

/** Decodes all pages of a chunk. Throws an Error that says what is wrong with the bytes. */
export function readPages(bytes: Uint8Array, metadata: ColumnMetaData, shape: ChunkShape): DecodedPage[] {
  if (!(shape.slots >= 0 && shape.slots <= MOST_SLOTS)) throw new Error(`a row group of ${shape.slots} values is not read`);
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  const pages: DecodedPage[] = [];
  let dictionary: DecodedArray | undefined;
  for (let slots = 0; slots < shape.slots; ) {
    if (reader.offset >= bytes.byteLength) throw new Error(`a column ends after ${slots} of ${shape.slots} values`);
    const header = parquetHeader(reader);
    const { compressed_page_size: size, uncompressed_page_size: full } = header;
    const left = bytes.byteLength - reader.offset;
    if (!(size >= 0 && size <= left)) throw new Error(`a page of ${size} bytes does not fit in the ${left} that are left`);
    if (!(full >= 0 && full <= Number(metadata.total_uncompressed_size))) {
      throw new Error(`a page of ${full} bytes does not fit in its column of ${metadata.total_uncompressed_size}`);
    }
    const body = bytes.subarray(reader.offset, reader.offset + size);
    reader.offset += size;
    if (header.type === 'DICTIONARY_PAGE') {
      const count = checkedCount(header.dictionary_page_header?.num_values, MOST_PAGE_SLOTS);
      dictionary = readPlainValues(readerOf(decompress(metadata.codec, body, full)), shape.element, count);
    } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
      const page = readPage(body, header, metadata, shape, dictionary, shape.slots - slots);
      slots += page.slots;
      pages.push(page);
    }
  }
  return pages;
}

const readerOf = (bytes: Uint8Array) => ({ view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 });

function checkedCount(count: number | undefined, most: number): number {
  if (count === undefined || !(count >= 0 && count <= most))
    throw new Error(`a page declares ${count} values where ${most} are left`);
  return count;
}

function readPage(
  body: Uint8Array,
  header: PageHeader,
  metadata: ColumnMetaData,
  shape: ChunkShape,
  dictionary: DecodedArray | undefined,
  left: number,
): DecodedPage {
  const { data_page_header_v2: v2, data_page_header: v1 } = header;
  const { maxDefinition, maxRepetition, element } = shape;
  const slots = checkedCount((v2 ?? v1)?.num_values, Math.min(left, MOST_PAGE_SLOTS));
  const encoding = (v2 ?? v1)?.encoding as Encoding;
  let repetition: Uint8Array | undefined;
  let definition: Uint8Array | undefined;
  let rest: Uint8Array;
  if (v2 !== undefined) {
    const [first, second] = [v2.repetition_levels_byte_length, v2.definition_levels_byte_length];
    if (!(first >= 0 && second >= 0 && first + second <= body.byteLength))
      throw new Error('a page has levels longer than itself');
    if (maxRepetition > 0) repetition = readHybrid(body.subarray(0, first), bitsFor(maxRepetition), new Uint8Array(slots));
    if (maxDefinition > 0)
      definition = readHybrid(body.subarray(first, first + second), bitsFor(maxDefinition), new Uint8Array(slots));
    const values = body.subarray(first + second);
    const size = header.uncompressed_page_size - first - second;
    rest = v2.is_compressed === false ? values : decompress(metadata.codec, values, size);
  } else {
    rest = decompress(metadata.codec, body, header.uncompressed_page_size);
    const levels = (most: number) => {
      const length = rest.byteLength < 4 ? Number.NaN : readerOf(rest).view.getUint32(0, true);
      if (!(length <= rest.byteLength - 4)) throw new Error('a page has levels longer than itself');
      const values = readHybrid(rest.subarray(4, 4 + length), bitsFor(most), new Uint8Array(slots));
      rest = rest.subarray(4 + length);
      return values;
    };
    if (maxRepetition > 0) repetition = levels(maxRepetition);
    if (maxDefinition > 0) definition = levels(maxDefinition);
  }
  const count = definition === undefined ? slots : countOf(definition, maxDefinition);
  const values = encoding.endsWith('_DICTIONARY')
    ? fromDictionary(rest, count, dictionary)
    : readValues(readerOf(rest), encoding, element, count);
  return { values, definition: count === slots ? undefined : definition, repetition, slots };
}

function countOf(levels: Uint8Array, level: number): number {
  let count = 0;
  for (const found of levels) if (found === level) count++;
  return count;
}

function fromDictionary(bytes: Uint8Array, count: number, dictionary: DecodedArray | undefined): DecodedArray {
  if (count === 0) return [];
  if (dictionary === undefined || bytes.byteLength === 0) throw new Error('a page refers to a dictionary that is not there');
  const indices = readHybrid(bytes.subarray(1), bytes[0], new Int32Array(count));
  const values: DecodedArray = Array.isArray(dictionary)
    ? new Array(count)
    : new (dictionary.constructor as new (length: number) => Float64Array)(count);
  for (let index = 0; index < count; index++) {
    const at = indices[index];
    if (!(at >= 0 && at < dictionary.length))
      throw new Error(`a page refers to entry ${at} of a dictionary of ${dictionary.length}`);
    values[index] = dictionary[at];
  }
  return values;
}
