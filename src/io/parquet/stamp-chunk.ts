/**
 * Column chunks of stamps, paged here rather than by hyparquet-writer: a list<float> column goes at 12-18 MB per CPU-second through its
 * general path and a BYTE_ARRAY is copied three times. With rows of one length the levels are runs that can be written down.
 */
import type { ColumnChunk } from 'hyparquet';
import { ByteWriter } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';

export interface StampChunkOptions {
  /** Column name. */
  readonly name: string;
  readonly storage: 'bytes' | 'list';
  /** Pixels per stamp. */
  readonly length: number;
  readonly codec: 'ZSTD' | 'SNAPPY' | 'UNCOMPRESSED';
  readonly compress?: (bytes: Uint8Array) => Uint8Array;
  /** Bytes of a page before compression, about. */
  readonly pageBytes: number;
  /** Called after every page; may empty the writer's buffer. */
  readonly flush: () => Promise<void>;
}

/** Repetition levels (0 at the start of a row, 1 within) and definition levels (all 1) as run-length runs of bit width 1. */
function listLevels(rows: number, length: number): { repetition: Uint8Array; definition: Uint8Array } {
  const repetition = new ByteWriter(8 * rows);
  for (let row = 0; row < rows; row++) {
    repetition.appendVarInt(1 << 1);
    repetition.appendUint8(0);
    if (length === 1) continue;
    repetition.appendVarInt((length - 1) << 1);
    repetition.appendUint8(1);
  }
  const definition = new ByteWriter(8);
  definition.appendVarInt((rows * length) << 1);
  definition.appendUint8(1);
  return { repetition: repetition.getBytes(), definition: definition.getBytes() };
}

/** PLAIN values of `rows` stamps into `page`: little-endian floats, with a length before each stamp where they are BYTE_ARRAYs. */
function plainStamps(
  stamps: Uint8Array,
  rows: number,
  stampBytes: number,
  storage: 'bytes' | 'list',
  page: Uint8Array,
): Uint8Array {
  if (storage === 'list') return stamps;
  const view = new DataView(page.buffer);
  for (let row = 0, at = 0; row < rows; row++, at += 4 + stampBytes) {
    view.setUint32(at, stampBytes, true);
    page.set(stamps.subarray(row * stampBytes, (row + 1) * stampBytes), at + 4);
  }
  return page.subarray(0, rows * (4 + stampBytes));
}

/** Writes the stamps (rows x length, C order) as one column chunk of version 2 data pages and gives its footer entry. */
export async function writeStampChunk(
  writer: ByteWriter,
  stamps: Float32Array,
  options: StampChunkOptions,
): Promise<ColumnChunk> {
  const { name, storage, length, codec, compress, pageBytes } = options;
  const stampBytes = 4 * length;
  const rows = stamps.length / length;
  const rowsPerPage = Math.max(1, Math.floor(pageBytes / (4 + stampBytes)));
  const bytes = new Uint8Array(stamps.buffer, stamps.byteOffset, stamps.byteLength);
  const scratch = new Uint8Array(storage === 'list' ? 0 : Math.min(rows, rowsPerPage) * (4 + stampBytes));
  const start = writer.offset;
  let uncompressed = 0;
  for (let row = 0; row < rows; row += rowsPerPage) {
    const count = Math.min(rowsPerPage, rows - row);
    const part = bytes.subarray(row * stampBytes, (row + count) * stampBytes);
    const page = plainStamps(part, count, stampBytes, storage, scratch);
    const empty = new Uint8Array(0);
    const levels = storage === 'list' ? listLevels(count, length) : { repetition: empty, definition: empty };
    const levelBytes = levels.repetition.byteLength + levels.definition.byteLength;
    const packed = compress?.(page) ?? page;
    const pageStart = writer.offset;
    writePageHeader(writer, {
      type: 'DATA_PAGE_V2',
      uncompressed_page_size: levelBytes + page.byteLength,
      compressed_page_size: levelBytes + packed.byteLength,
      data_page_header_v2: {
        num_values: storage === 'list' ? count * length : count,
        num_nulls: 0,
        num_rows: count,
        encoding: 'PLAIN',
        definition_levels_byte_length: levels.definition.byteLength,
        repetition_levels_byte_length: levels.repetition.byteLength,
        is_compressed: true,
      },
    });
    uncompressed += writer.offset - pageStart + levelBytes + page.byteLength;
    writer.appendBytes(levels.repetition);
    writer.appendBytes(levels.definition);
    writer.appendBytes(packed);
    await options.flush();
  }
  return {
    file_offset: BigInt(start),
    meta_data: {
      type: storage === 'list' ? 'FLOAT' : 'BYTE_ARRAY',
      encodings: storage === 'list' ? ['PLAIN', 'RLE'] : ['PLAIN'],
      path_in_schema: storage === 'list' ? [name, 'list', 'element'] : [name],
      codec,
      num_values: BigInt(storage === 'list' ? stamps.length : rows),
      total_uncompressed_size: BigInt(uncompressed),
      total_compressed_size: BigInt(writer.offset - start),
      data_page_offset: BigInt(start),
    },
  };
}
