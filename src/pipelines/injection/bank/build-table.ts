/** The table of what a bank was built from: one row per candidate, with what was measured and why it is no template. */
import { openParquetWriter, type ParquetTableWriter } from '../../../io/parquet.ts';
import { openStoreOf } from '../../../io/store/store.ts';
import type { ScalarColumn, TableBatch } from '../../../io/table.ts';
import type { Measured, Reason } from './rules.ts';

const measure = (name: string, unit: string | undefined, description: string): ScalarColumn => ({
  name,
  type: 'float64',
  nullable: true,
  unit,
  description,
});

/** Columns in order; those measured are null where the work ended before. */
const COLUMNS = [
  { name: 'candidate', type: 'int32', description: 'number of the candidate in the order of the inputs, from 0' },
  { name: 'source', type: 'string', description: 'file, HDU and plane, or table and row' },
  { name: 'accepted', type: 'int32', description: '1: it is in the bank' },
  { name: 'template', type: 'int32', nullable: true, description: 'its number in the bank' },
  { name: 'reason', type: 'string', nullable: true, description: 'why it is no template' },
  { name: 'detail', type: 'string', nullable: true, description: 'the reason with its numbers' },
  measure('sky', undefined, 'sky level of an input pixel, unit of the input'),
  measure('noise_sigma', undefined, 'standard deviation of an input pixel, unit of the input'),
  measure('noise_correlation', undefined, 'noise of sums over that of white noise'),
  measure('flux', undefined, 'light in the grown segment, unit of the input'),
  measure('snr', undefined, 'that light over its noise; infinite without noise'),
  measure('segment_area', 'pixel', 'area of the grown segment, pixels of the bank'),
  measure('hlr_arcsec', 'arcsec', 'half-light radius of the template'),
  measure('clumpiness', undefined, 'sum of |I - I smoothed by 1 pixel| over the sum of I'),
] as const satisfies readonly ScalarColumn[];

const MEASURED: Readonly<Record<string, keyof Measured>> = {
  sky: 'sky',
  noise_sigma: 'noiseSigma',
  noise_correlation: 'noiseCorrelation',
  flux: 'flux',
  snr: 'snr',
  segment_area: 'segmentAreaPx',
  hlr_arcsec: 'hlrArcsec',
  clumpiness: 'clumpiness',
};

export interface BuildRow {
  readonly candidate: number;
  readonly source: string;
  /** Number in the bank; undefined for what was refused. */
  readonly template?: number;
  readonly reason?: Reason;
  readonly detail?: string;
  readonly measured: Measured;
}

const GROUP_ROWS = 8192;

/** Takes rows as they come and writes them in groups. */
export class BuildTable {
  readonly #writer: ParquetTableWriter;
  readonly #close: () => Promise<void>;
  #rows: BuildRow[] = [];

  private constructor(writer: ParquetTableWriter, close: () => Promise<void>) {
    this.#writer = writer;
    this.#close = close;
  }

  /** Opens the table at a path or s3:// address. Throws OUTPUT_UNWRITABLE. */
  static async open(location: string, metadata: Readonly<Record<string, string>>): Promise<BuildTable> {
    const { store, key } = await openStoreOf(location);
    const writer = openParquetWriter(await store.sink(key), { columns: COLUMNS, metadata });
    return new BuildTable(writer, () => store.close());
  }

  async add(row: BuildRow): Promise<void> {
    this.#rows.push(row);
    if (this.#rows.length >= GROUP_ROWS) await this.#flush();
  }

  /** Lets the table appear. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#writer.finish();
    await this.#close();
  }

  /** Leaves nothing behind. */
  async abort(): Promise<void> {
    await this.#writer.abort();
    await this.#close();
  }

  async #flush(): Promise<void> {
    if (this.#rows.length === 0) return;
    await this.#writer.write(batchOf(this.#rows));
    this.#rows = [];
  }
}

function batchOf(rows: readonly BuildRow[]): TableBatch {
  const columns = COLUMNS.map(({ name }) => [name, rows.map((row) => cellOf(row, name))] as const);
  return { rows: rows.length, columns: Object.fromEntries(columns) };
}

function cellOf(row: BuildRow, name: string): number | string | null {
  const measured = MEASURED[name];
  if (measured !== undefined) return row.measured[measured] ?? null;
  if (name === 'accepted') return row.template === undefined ? 0 : 1;
  return (row[name as 'candidate' | 'source' | 'template' | 'reason' | 'detail'] as number | string | undefined) ?? null;
}
