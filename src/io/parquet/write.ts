/** Writing Parquet by row group, with memory that does not grow with the file. */
import type { ColumnChunk, DecodedArray } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { ArcletError } from '../../core/errors.ts';
import type { ByteSink } from '../store/store.ts';
import type { ScalarColumn, StampColumn, TableBatch, TableSchema } from '../table.ts';
import { type ColumnValues, checkBatch, checkSchema, daysOf, sliceBatch, stampLength } from '../table.ts';
import { type WriteCodec, zstdCompressor } from './codecs.ts';
import { toKeyValues, toParquetSchema } from './schema.ts';
import { writeStampChunk } from './stamp-chunk.ts';

export interface ParquetWriteOptions {
  /** Default `zstd`. */
  codec?: WriteCodec;
  /** zstd level, default 1. */
  zstdLevel?: number;
  /** Largest row group; a batch with more rows becomes several. Default 2^17. */
  rowGroupRows?: number;
  /** Bytes of a page before compression, about. Default 1 MiB. */
  pageBytes?: number;
}

const CODECS = { zstd: 'ZSTD', snappy: 'SNAPPY', none: 'UNCOMPRESSED' } as const;

/** Bytes that are gathered before they go to the sink. */
const BUFFER_BYTES = 4 * 2 ** 20;

/**
 * Writes a table batch by batch; each batch is a row group.
 *
 * ```ts
 * const writer = openParquetWriter(await store.sink('part-0001.parquet'), schema);
 * try {
 *   for await (const batch of batches) await writer.write(batch);
 *   await writer.finish(); // now the file is there
 * } catch (error) {
 *   await writer.abort();
 *   throw error;
 * }
 * ```
 */
export interface ParquetTableWriter {
  /** Throws ROWS_INVALID naming the column and the row. After an error, abort. */
  write(batch: TableBatch): Promise<void>;
  /** Writes the footer and lets the file appear; gives its rows and bytes. */
  finish(): Promise<{ rows: number; bytes: number }>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

/** Opens a writer over a sink. Throws ROWS_INVALID for a bad schema, CONFIG_INVALID where this Node has no zstd. */
export function openParquetWriter(sink: ByteSink, schema: TableSchema, options: ParquetWriteOptions = {}): ParquetTableWriter {
  checkSchema(schema);
  const { codec = 'zstd', zstdLevel = 1, rowGroupRows = 2 ** 17, pageBytes = 2 ** 20 } = options;
  const buffer = new ByteWriter(BUFFER_BYTES);
  const compressors = codec === 'zstd' ? { ZSTD: zstdCompressor(zstdLevel) } : undefined;
  const parquet = new ParquetWriter({
    writer: buffer,
    schema: toParquetSchema(schema),
    codec: CODECS[codec],
    compressors,
    kvMetadata: toKeyValues(schema),
    createdBy: 'arclet (hyparquet-writer)',
  });
  const compress = parquet.compressors[CODECS[codec] as 'ZSTD'];
  const scalars = schema.columns.filter((column): column is ScalarColumn => column.type !== 'stamp');
  const stamps = schema.columns.filter((column): column is StampColumn => column.type === 'stamp');

  const flush = async (least: number) => {
    if (buffer.index < least) return;
    await sink.write(buffer.getBytes());
    buffer.index = 0;
  };

  async function writeGroup(group: TableBatch): Promise<void> {
    const start = buffer.offset;
    const chunks = new Map<string, ColumnChunk>();
    const columnData = scalars.map((column) => ({
      name: column.name,
      data: toPhysical(column, group.columns[column.name]),
      statistics: column.type !== 'bytes',
    }));
    if (scalars.length > 0) {
      await parquet.write({ columnData, rowGroupSize: group.rows, pageSize: pageBytes });
      // The group is put together again below, with the stamps, in the order of the schema.
      const written = parquet.row_groups.pop();
      parquet.num_rows -= BigInt(group.rows);
      written?.columns.forEach((chunk, index) => void chunks.set(scalars[index].name, chunk));
      await flush(BUFFER_BYTES);
    }
    for (const column of stamps) {
      const { name, storage = 'bytes' } = column;
      const length = stampLength(column);
      const values = group.columns[name] as Float32Array;
      const chunk = await writeStampChunk(buffer, values, {
        name,
        storage,
        length,
        codec: CODECS[codec],
        compress,
        pageBytes,
        flush: () => flush(BUFFER_BYTES),
      });
      chunks.set(name, chunk);
    }
    const columns = schema.columns.map(({ name }) => chunks.get(name) as ColumnChunk);
    parquet.row_groups.push({
      columns,
      num_rows: BigInt(group.rows),
      total_byte_size: columns.reduce((sum, chunk) => sum + (chunk.meta_data?.total_uncompressed_size ?? 0n), 0n),
      total_compressed_size: BigInt(buffer.offset - start),
    });
    parquet.num_rows += BigInt(group.rows);
  }

  return {
    async write(batch) {
      checkBatch(schema, batch);
      for (let row = 0; row < batch.rows; row += rowGroupRows) {
        await writeGroup(sliceBatch(schema, batch, row, Math.min(batch.rows, row + rowGroupRows)));
      }
    },
    async finish() {
      parquet.finish();
      await flush(0);
      await sink.finish();
      return { rows: Number(parquet.num_rows), bytes: buffer.offset };
    },
    abort: () => sink.abort(),
  };
}

/** Values as hyparquet-writer takes them. Throws ROWS_INVALID where a value is not of the column's type. */
function toPhysical(column: ScalarColumn, values: ColumnValues): DecodedArray {
  const { type } = column;
  if (type === 'int32' && values instanceof Int32Array) return values;
  if (type === 'float32' && values instanceof Float32Array) return values;
  if (type === 'float64' && values instanceof Float64Array) return values;
  if ((type === 'int64' || type === 'timestamp') && values instanceof BigInt64Array) return values;
  const convert = CONVERT[type];
  return Array.from(values as ArrayLike<unknown>, (value, row) => {
    if (value === null || value === undefined) return undefined;
    const converted = convert(value);
    if (converted !== undefined) return converted;
    const shown = typeof value === 'object' ? 'an object' : `${typeof value} ${String(value)}`;
    throw new ArcletError('ROWS_INVALID', `Column '${column.name}' is ${type} and has ${shown} in row ${row}.`, {
      subject: column.name,
      remedy: 'Convert the value, or change the type of the column.',
      data: { row },
    });
  });
}

const whole = (least: number, most: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most ? value : undefined;
const wide = (least: bigint, most: bigint) => (value: unknown) => {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return undefined;
  const wanted = BigInt(value as number);
  return wanted >= least && wanted <= most ? wanted : undefined;
};
const real = (value: unknown) => (typeof value === 'number' ? value : undefined);

/** A value of each type, or undefined where it is none. */
const CONVERT: Record<ScalarColumn['type'], (value: unknown) => unknown> = {
  bool: (value) => (typeof value === 'boolean' ? value : value === 0 || value === 1 ? value === 1 : undefined),
  int8: whole(-128, 127),
  uint8: whole(0, 255),
  int16: whole(-(2 ** 15), 2 ** 15 - 1),
  uint16: whole(0, 2 ** 16 - 1),
  int32: whole(-(2 ** 31), 2 ** 31 - 1),
  uint32: whole(0, 2 ** 32 - 1),
  int64: wide(-(2n ** 63n), 2n ** 63n - 1n),
  uint64: wide(0n, 2n ** 64n - 1n),
  timestamp: wide(-(2n ** 63n), 2n ** 63n - 1n),
  float32: real,
  float64: real,
  string: (value) => (typeof value === 'string' ? value : undefined),
  bytes: (value) => (value instanceof Uint8Array ? value : undefined),
  date: daysOf,
};
