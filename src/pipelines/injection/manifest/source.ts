/** Input tables of the manifest: one file of any format, or a folder of Parquet parts; columns found in any case, and a checksum of what was read. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { ArcletError } from '../../../core/errors.ts';
import type { ByteSource } from '../../../io/store/source.ts';
import { openSource, openStore } from '../../../io/store/store.ts';
import type { ColumnSchema, ColumnValues, TableBatch } from '../../../io/table.ts';
import { openDataset } from '../../dataset.ts';
import { withTable } from '../../files/tables.ts';

export interface InputTable {
  readonly location: string;
  readonly columns: readonly ColumnSchema[];
  /** Name in the file of a column that is called so in any case; undefined when there is none. */
  find(...names: readonly string[]): string | undefined;
  /** Unit of a column as the file spells it. */
  unit(name: string): string | undefined;
  /** All rows in order; a column that a part lacks is missing in its batches. */
  batches(columns: readonly string[]): AsyncGenerator<TableBatch>;
}

const FILE_ENDING = /\.(parquet|pq|csv|tsv|txt|ecsv|fits?|fts|fz|gz|arrow|feather|ipc)$/i;

/** A folder of parts: what the disk says, or, in a bucket, a name without the ending of a table. */
async function isFolder(location: string): Promise<boolean> {
  if (/^s3a?:\/\//i.test(location)) return !FILE_ENDING.test(location);
  const found = await stat(location.replace(/^file:\/\//, '')).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

function inputTable(
  location: string,
  columns: readonly ColumnSchema[],
  batches: (columns: readonly string[]) => AsyncGenerator<TableBatch>,
): InputTable {
  const byName = new Map<string, ColumnSchema>();
  for (const column of columns) {
    const key = column.name.toLowerCase();
    if (!byName.has(key)) byName.set(key, column);
  }
  return {
    location,
    columns,
    find: (...names) => {
      const found = names.find((name) => byName.has(name.toLowerCase()));
      return found === undefined ? undefined : byName.get(found.toLowerCase())?.name;
    },
    unit: (name) => byName.get(name.toLowerCase())?.unit,
    batches,
  };
}

/**
 * Opens a table, hands it to `use`, and closes it. Throws INPUT_UNREADABLE, INPUT_INVALID, and what `use` throws.
 *
 * @param location path or s3:// of a CSV, Parquet, Arrow or FITS table, or of a folder of Parquet parts
 */
export async function withInput<T>(location: string, use: (table: InputTable) => Promise<T>): Promise<T> {
  if (!(await isFolder(location))) {
    return withTable(location, undefined, (table) =>
      use(inputTable(location, table.schema.columns, (columns) => table.batches(columns))),
    );
  }
  const dataset = await openDataset(location);
  try {
    const schema = await dataset.schema();
    const inFile = new Set(schema.columns.map(({ name }) => name));
    const fromFolders = Object.keys(dataset.parts[0].partitions).filter((name) => !inFile.has(name));
    const added = fromFolders.map((name): ColumnSchema => ({ name, type: 'string' }));
    const batches = (columns: readonly string[]) => dataset.batches(columns, { lenient: true });
    return await use(inputTable(location, [...schema.columns, ...added], batches));
  } finally {
    await dataset.close();
  }
}

const CHUNK_BYTES = 4 * 2 ** 20;

/** SHA-256 of a file, hex; of a folder, of the names and bytes of its Parquet parts. Throws INPUT_UNREADABLE. */
export async function inputChecksum(location: string): Promise<string> {
  const digest = createHash('sha256');
  const add = async (source: ByteSource) => {
    try {
      for (let at = 0; at < source.size; at += CHUNK_BYTES) {
        digest.update(await source.read(at, Math.min(CHUNK_BYTES, source.size - at)));
      }
    } finally {
      await source.close();
    }
  };
  if (!(await isFolder(location))) {
    await add(await openSource(location));
    return digest.digest('hex');
  }
  const store = await openStore(location);
  try {
    for await (const { key } of store.list('')) {
      if (!key.endsWith('.parquet')) continue;
      digest.update(key);
      await add(await store.source(key));
    }
  } finally {
    await store.close();
  }
  return digest.digest('hex');
}

/** A number of a column; NaN for what is missing or is none. */
export function numberAt(values: ColumnValues | undefined, row: number): number {
  const value = values?.[row];
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
}

/** A text of a column without spaces around; empty for what is missing. */
export function textAt(values: ColumnValues | undefined, row: number): string {
  const value = values?.[row];
  return value === null || value === undefined ? '' : String(value).trim();
}

/** Name in the file of a column that must be there. Throws INPUT_INVALID that lists the columns. */
export function requireColumn(table: InputTable, what: string, ...names: readonly string[]): string {
  const found = table.find(...names);
  if (found !== undefined) return found;
  const present = table.columns.map(({ name }) => name);
  const listed = present.length > 40 ? `${present.slice(0, 40).join(', ')} and ${present.length - 40} more` : present.join(', ');
  throw new ArcletError('INPUT_INVALID', `${table.location} has no ${what}: none of the columns ${names.join(', ')}.`, {
    subject: table.location,
    remedy: `Add it; there are ${listed}.`,
    data: { columns: present },
  });
}
