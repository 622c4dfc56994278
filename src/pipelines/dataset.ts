/** Datasets: folders of Parquet parts, with `key=value` folders whose keys are columns (Hive partitions). */
import { ArcletError } from '../core/errors.ts';
import { openParquet, type ParquetTable } from '../io/parquet.ts';
import { openStore, type Store } from '../io/store/store.ts';
import type { TableBatch, TableSchema } from '../io/table.ts';

/** One part and what its folders say. */
export interface DatasetPart {
  /** Relative to the dataset, with forward slashes. */
  readonly key: string;
  readonly bytes: number;
  readonly partitions: Readonly<Record<string, string>>;
}

export interface DatasetBatch extends TableBatch {
  readonly part: DatasetPart;
}

/** Partitions named by the folders of a key: `region_split=train/part-00000.parquet`. */
export function partitionsOf(key: string): Record<string, string> {
  const pairs = key
    .split('/')
    .slice(0, -1)
    .filter((folder) => folder.includes('='));
  return Object.fromEntries(
    pairs.map((folder) => {
      const at = folder.indexOf('=');
      return [folder.slice(0, at), decodeURIComponent(folder.slice(at + 1))];
    }),
  );
}

/** A dataset that is read: metadata of parts when asked, row groups one at a time. */
export class Dataset {
  readonly location: string;
  readonly parts: readonly DatasetPart[];
  readonly #store: Store;

  constructor(location: string, store: Store, parts: readonly DatasetPart[]) {
    this.location = location;
    this.#store = store;
    this.parts = parts;
  }

  /** Opens a part, hands it to `use`, closes it. Throws INPUT_UNREADABLE, INPUT_INVALID. */
  async withPart<T>(part: DatasetPart, use: (table: ParquetTable) => Promise<T>): Promise<T> {
    const source = await this.#store.source(part.key);
    try {
      return await use(await openParquet(source));
    } finally {
      await source.close();
    }
  }

  /** Schema of the first part. Throws INPUT_INVALID when the dataset is empty. */
  async schema(): Promise<TableSchema> {
    if (this.parts.length === 0) throw empty(this.location);
    return this.withPart(this.parts[0], async ({ schema }) => schema);
  }

  /**
   * Row groups of all parts in order of their keys. Columns that a part lacks are left out of its batches when `lenient`, else USAGE is thrown;
   * a partition key that is no column of the file is added as one.
   */
  async *batches(columns?: readonly string[], { lenient = false } = {}): AsyncGenerator<DatasetBatch> {
    for (const part of this.parts) {
      const source = await this.#store.source(part.key);
      try {
        const table = await openParquet(source);
        const inFile = new Set(table.schema.columns.map(({ name }) => name));
        const wanted = columns?.filter((name) => inFile.has(name) || (!lenient && part.partitions[name] === undefined));
        for await (const batch of table.batches(wanted)) {
          const added = Object.entries(part.partitions).filter(
            ([name]) => !inFile.has(name) && (columns === undefined || columns.includes(name)),
          );
          const filled = added.map(([name, value]) => [name, new Array<string>(batch.rows).fill(value)] as const);
          yield { part, rows: batch.rows, columns: { ...batch.columns, ...Object.fromEntries(filled) } };
        }
      } finally {
        await source.close();
      }
    }
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function empty(location: string): ArcletError {
  return new ArcletError('INPUT_INVALID', `${location} holds no Parquet part.`, {
    subject: location,
    remedy: 'Run the stage that makes it first, or correct the path.',
  });
}

/** Opens a folder of parts (path or s3://), or one .parquet file. Throws INPUT_INVALID when there is none. Close it. */
export async function openDataset(location: string): Promise<Dataset> {
  const single = /^(.*)\/([^/]+\.parquet)$/.exec(location);
  const store = await openStore(single?.[1] ?? location);
  const parts: DatasetPart[] = [];
  for await (const { key, size } of store.list(single?.[2] ?? '')) {
    if (key.endsWith('.parquet')) parts.push({ key, bytes: size, partitions: partitionsOf(key) });
  }
  if (parts.length === 0) {
    await store.close();
    throw empty(location);
  }
  return new Dataset(location, store, parts);
}
