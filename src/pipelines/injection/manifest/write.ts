/** Writing a manifest: parts first, the marker that makes them count last. */

import { openParquetWriter, type ParquetTableWriter } from '../../../io/parquet.ts';
import type { Store } from '../../../io/store/store.ts';
import type { ColumnValues, TableBatch, TableSchema } from '../../../io/table.ts';
import { MANIFEST_COLUMNS } from '../columns.ts';
import { MANIFEST_MARKER, type ManifestMarker } from './read.ts';

/** Row groups of one file: enough rows for a good compression, few enough for a footer that is read at once. */
const GROUPS_PER_FILE = 50;

const BRICKS_SCHEMA: TableSchema = {
  columns: [
    { name: 'experiment_id', type: 'string' },
    { name: 'brickname', type: 'string' },
    { name: 'n_rows', type: 'int64' },
  ],
};

/** What goes into the metadata of every file. */
export interface ManifestFacts {
  readonly configHash: string;
  readonly version: string;
}

export type WrittenExperiment = ManifestMarker['experiments'][number];

/** Takes away a marker, if there is one, then the Parquet files of a manifest. */
export async function clearManifest(store: Store): Promise<void> {
  await store.delete(MANIFEST_MARKER);
  const keys: string[] = [];
  for await (const { key } of store.list('')) if (key.endsWith('.parquet')) keys.push(key);
  for (const key of keys) await store.delete(key);
}

/** Writes batches as one Parquet file. */
export async function writeTable(store: Store, key: string, schema: TableSchema, batches: Iterable<TableBatch>): Promise<void> {
  const writer = openParquetWriter(await store.sink(key), schema);
  try {
    for (const batch of batches) await writer.write(batch);
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Counts that a manifest keeps of the rows that go by. */
class Tally {
  rows = 0;
  readonly bySplit: Record<string, number> = {};
  readonly byBrick = new Map<string, number>();

  add(batch: TableBatch): void {
    this.rows += batch.rows;
    const split = batch.columns.region_split as readonly string[];
    const brick = batch.columns.brickname as readonly string[];
    for (let row = 0; row < batch.rows; row++) {
      this.bySplit[split[row]] = (this.bySplit[split[row]] ?? 0) + 1;
      this.byBrick.set(brick[row], (this.byBrick.get(brick[row]) ?? 0) + 1);
    }
  }
}

/**
 * Writes one experiment: each batch is one row group of `<experiment_id>/part-*.parquet`. Throws OUTPUT_UNWRITABLE, ROWS_INVALID.
 *
 * @param plannedRows what the file's metadata says before the rows are drawn; exact counts are in the footer and in the marker
 * @returns what the marker says of it, and rows per brick
 */
export async function writeExperiment(
  store: Store,
  experimentId: string,
  batches: AsyncIterable<TableBatch> | Iterable<TableBatch>,
  plannedRows: number,
  facts: ManifestFacts,
): Promise<{ experiment: WrittenExperiment; byBrick: ReadonlyMap<string, number> }> {
  const schema: TableSchema = {
    columns: MANIFEST_COLUMNS,
    metadata: {
      config_hash: facts.configHash,
      arclet_version: facts.version,
      experiment_id: experimentId,
      experiment_rows_planned: String(plannedRows),
    },
  };
  const tally = new Tally();
  const parts: WrittenExperiment['parts'] = [];
  let writer: ParquetTableWriter | undefined;
  let groups = 0;
  const finish = async () => {
    if (writer === undefined) return;
    const { rows } = await writer.finish();
    parts.push({ key: partKey(parts.length), rows, row_groups: groups });
    writer = undefined;
    groups = 0;
  };
  try {
    for await (const batch of batches) {
      if (batch.rows === 0) continue;
      // A batch larger than a row group may be would be cut by the writer, and a part of the results with it.
      writer ??= openParquetWriter(await store.sink(`${experimentId}/${partKey(parts.length)}`), schema, {
        rowGroupRows: Number.MAX_SAFE_INTEGER,
      });
      await writer.write(batch);
      tally.add(batch);
      if (++groups === GROUPS_PER_FILE) await finish();
    }
    await finish();
  } catch (error) {
    await writer?.abort();
    throw error;
  }
  const experiment = { experiment_id: experimentId, rows: tally.rows, rows_by_split: tally.bySplit, parts };
  return { experiment, byBrick: tally.byBrick };
}

const partKey = (number: number): string => `part-${String(number).padStart(5, '0')}.parquet`;

/** `bricks_manifest.parquet`: rows per experiment and brick. */
export async function writeBricks(
  store: Store,
  perExperiment: ReadonlyMap<string, ReadonlyMap<string, number>>,
): Promise<number> {
  const all = [...perExperiment].flatMap(([id, bricks]) =>
    [...bricks].sort(([a], [b]) => (a < b ? -1 : 1)).map(([brick, rows]) => ({ id, brick, rows })),
  );
  const columns: Record<string, ColumnValues> = {
    experiment_id: all.map(({ id }) => id),
    brickname: all.map(({ brick }) => brick),
    n_rows: BigInt64Array.from(all, ({ rows }) => BigInt(rows)),
  };
  await writeTable(store, 'bricks_manifest.parquet', BRICKS_SCHEMA, [{ rows: all.length, columns }]);
  return new Set(all.map(({ brick }) => brick)).size;
}

/** Makes the parts count. */
export async function writeMarker(store: Store, marker: ManifestMarker): Promise<void> {
  await store.put(MANIFEST_MARKER, new TextEncoder().encode(`${JSON.stringify(marker, null, 1)}\n`));
}
