/**
 * Arrow IPC: files, and streams between processes.
 *
 * ```ts
 * for await (const chunk of writeArrow(schema, batches, 'stream')) process.stdout.write(chunk);
 * const table = await readArrow(process.stdin);
 * for await (const batch of table.batches()) use(batch);
 * ```
 */
// Not by name: Node 20 has no zstd.
import zlib from 'node:zlib';
import {
  AsyncByteQueue,
  CompressionType,
  compressionRegistry,
  RecordBatchFileWriter,
  RecordBatchReader,
  RecordBatchStreamWriter,
} from 'apache-arrow';
import { ArcletError, isArcletError } from '../core/errors.ts';
import { fromRecordBatch } from './arrow/decode.ts';
import { toRecordBatch } from './arrow/encode.ts';
import { framesOf } from './arrow/frames.ts';
import { fromArrowSchema, toArrowSchema } from './arrow/schema.ts';
import type { ByteSource } from './store/source.ts';
import { checkBatch, checkSchema, type TableBatch, type TableSchema } from './table.ts';

/** A body that unpacks to more than this is a bomb. */
const LARGEST_BUFFER = 2 ** 30;

compressionRegistry.set(CompressionType.ZSTD, {
  encode: (bytes) => zlib.zstdCompressSync(bytes),
  decode: (bytes) => zlib.zstdDecompressSync(bytes, { maxOutputLength: LARGEST_BUFFER }),
});

/** Gathers what the writer writes, so that it can be handed on batch by batch. */
class Gathered extends AsyncByteQueue {
  #chunks: Uint8Array[] = [];

  override write(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
  }

  override close(): void {}

  take(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }
}

/**
 * The bytes of an Arrow file or stream, batch by batch, uncompressed; numbers and stamps are views of the batch, so use each chunk
 * before the batch is changed. Throws ROWS_INVALID where a batch does not fit the schema.
 */
export async function* writeArrow(
  schema: TableSchema,
  batches: Iterable<TableBatch> | AsyncIterable<TableBatch>,
  format: 'file' | 'stream',
): AsyncGenerator<Uint8Array> {
  checkSchema(schema);
  const arrow = toArrowSchema(schema);
  const gathered = new Gathered();
  const writer = format === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter();
  writer.reset(gathered, arrow);
  for await (const batch of batches) {
    checkBatch(schema, batch);
    writer.write(toRecordBatch(schema, arrow, batch));
    yield* gathered.take();
  }
  writer.finish();
  yield* gathered.take();
}

/** An open Arrow file or stream. */
export interface ArrowTable {
  readonly schema: TableSchema;
  /** Columns of types that are not read (structs, maps, unions, decimals ...). */
  readonly unread: readonly string[];
  /** The record batches, once, in order. Throws INPUT_INVALID where the bytes are damaged or cut off. */
  batches(): AsyncGenerator<TableBatch>;
}

/**
 * Reads an Arrow file or stream from a source, or a stream from chunks. zstd bodies are read, LZ4 is not.
 * The source stays the caller's to close. Throws INPUT_INVALID naming the input.
 */
export async function readArrow(input: ByteSource | AsyncIterable<Uint8Array>, name = 'the Arrow stream'): Promise<ArrowTable> {
  const label = Symbol.asyncIterator in input ? name : input.name;
  const damaged = (cause: unknown) => {
    if (isArcletError(cause)) return cause;
    const message = (cause as Error).message;
    const isLz4 = message.includes('codec not found');
    return new ArcletError(
      'INPUT_INVALID',
      `${label} cannot be read as Arrow: ${isLz4 ? 'it is compressed with LZ4' : message}.`,
      {
        subject: label,
        remedy: isLz4 ? 'Write it uncompressed or with zstd.' : 'Fetch or make it again.',
        cause,
      },
    );
  };
  try {
    const reader = await RecordBatchReader.from(framesOf(input));
    await reader.open({ autoDestroy: false });
    if (reader.schema === undefined) throw new Error('it has no schema');
    const { schema, positions, unread } = fromArrowSchema(reader.schema);
    return {
      schema,
      unread,
      async *batches() {
        try {
          for await (const batch of reader) yield fromRecordBatch(schema, positions, batch);
        } catch (cause) {
          throw damaged(cause);
        }
      },
    };
  } catch (cause) {
    throw damaged(cause);
  }
}
