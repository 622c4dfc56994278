/** Writing compacted parts: streamed by row group, proven by reading back, and skipped where they are there already. */
import { ArcletError } from '../../../core/errors.ts';
import { openParquet, openParquetWriter, type ParquetTable } from '../../../io/parquet.ts';
import type { Store } from '../../../io/store/store.ts';
import type { TableSchema } from '../../../io/table.ts';
import { Dataset } from '../../dataset.ts';
import { regrouped } from '../../files/table-convert.ts';
import type { Inputs } from './inputs.ts';
import type { PlannedPart } from './plan.ts';
import { TaskChecksum } from './task-hash.ts';

/** Metadata keys of a compacted part. */
const KEYS = { fingerprint: 'compact_fingerprint', inputs: 'compact_inputs', checksum: 'compact_task_checksum' } as const;
/** Stands beside the parts when all of them are there and proven. */
export const COMPACT_MARKER = '_compact.json';

async function withTable<T>(store: Store, key: string, use: (table: ParquetTable) => Promise<T>): Promise<T> {
  const source = await store.source(key);
  try {
    return await use(await openParquet(source));
  } finally {
    await source.close();
  }
}

async function addTasks(checksum: TaskChecksum, table: ParquetTable): Promise<void> {
  for await (const { columns } of table.batches(['task_id'])) {
    for (const id of columns['task_id'] as readonly (string | null)[]) checksum.add(id ?? '');
  }
}

async function checksumOf(dataset: Dataset): Promise<TaskChecksum> {
  const checksum = new TaskChecksum();
  for (const part of dataset.parts) await dataset.withPart(part, (table) => addTasks(checksum, table));
  return checksum;
}

export interface CompactedPart {
  readonly rows: number;
  readonly checksum: string;
  /** True: it was there already. */
  readonly kept: boolean;
}

/** What a part of ours says of itself; undefined for a part that compact did not write. */
async function read(store: Store, key: string): Promise<{ fingerprint: string; rows: number; checksum: string } | undefined> {
  return withTable(store, key, async ({ schema, rows }) => {
    const { [KEYS.fingerprint]: fingerprint, [KEYS.checksum]: checksum } = schema.metadata ?? {};
    return fingerprint === undefined || checksum === undefined ? undefined : { fingerprint, rows, checksum };
  });
}

/**
 * The parts in a folder that is to be written to, all of them compact's own.
 *
 * @throws CONFIG_INVALID when there is another one: it would be deleted, or read as a part of the dataset
 */
export async function ownParts(store: Store): Promise<Map<string, { fingerprint: string; rows: number; checksum: string }>> {
  const own = new Map<string, { fingerprint: string; rows: number; checksum: string }>();
  for await (const { key } of store.list()) {
    if (!key.endsWith('.parquet')) continue;
    const found = await read(store, key);
    if (found === undefined) {
      throw new ArcletError('CONFIG_INVALID', `${store.location} holds ${key}, which compact did not write.`, {
        subject: store.location,
        remedy: 'Choose another folder as compact_output.',
      });
    }
    own.set(key, found);
  }
  return own;
}

/**
 * Writes one part from its inputs and reads its tasks back. What was at its key is replaced at once, and untouched after an error.
 *
 * @param source of the inputs
 * @throws OUTPUT_UNWRITABLE, also when other tasks are read back than were to be written; INPUT_INVALID
 */
export async function writePart(
  source: Store,
  { location, columns, metadata }: Inputs,
  planned: PlannedPart,
  store: Store,
): Promise<CompactedPart> {
  const parts = planned.inputs.map(({ part }) => part);
  const dataset = new Dataset(location, source, parts);
  const before = await checksumOf(dataset);
  const schema: TableSchema = {
    columns,
    metadata: {
      ...metadata,
      [KEYS.fingerprint]: planned.fingerprint,
      [KEYS.inputs]: String(parts.length),
      [KEYS.checksum]: before.digest,
    },
  };
  const writer = openParquetWriter(await store.sink(planned.key), schema);
  try {
    const batches = dataset.batches(columns.map(({ name }) => name));
    // Archives of bytes have no size in the schema; compressed in the file, they are about as large in memory.
    const rowBytes = columns.some(({ type }) => type === 'bytes') ? planned.bytes / Math.max(1, planned.rows) : undefined;
    for await (const batch of regrouped(schema, batches, rowBytes)) await writer.write(batch);
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  const after = await checksumOf(new Dataset(store.location, store, [{ key: planned.key, bytes: 0, partitions: {} }]));
  if (after.rows !== planned.rows || after.rows !== before.rows || after.digest !== before.digest) {
    await store.delete(planned.key);
    throw new ArcletError(
      'OUTPUT_UNWRITABLE',
      `${planned.key} was written with ${before.rows} tasks and read back with ${after.rows}, or others.`,
      {
        subject: planned.key,
        remedy: 'Check the disk, then run compact again.',
        data: { before: before.digest, after: after.digest },
      },
    );
  }
  return { rows: after.rows, checksum: after.digest, kept: false };
}
