/** Tables of any format behind one face: `arclet table` and whatever reads catalogues. */
import { ArcletError } from '../../core/errors.ts';
import { readArrow } from '../../io/arrow.ts';
import { readCsv } from '../../io/csv.ts';
import { gunzipSource, openFits } from '../../io/fits/index.ts';
import { readFitsTable } from '../../io/fits-table.ts';
import { openParquet } from '../../io/parquet.ts';
import type { ByteSource } from '../../io/store/source.ts';
import { openSource } from '../../io/store/store.ts';
import type { TableBatch, TableSchema } from '../../io/table.ts';
import { chooseHdu, endingOf, isTable } from './open.ts';

export type TableFormat = 'parquet' | 'arrow' | 'arrow-stream' | 'csv' | 'tsv' | 'fits';

export interface OpenTable {
  readonly format: TableFormat;
  readonly schema: TableSchema;
  /** Undefined where only reading all of it would tell. */
  readonly rows: number | undefined;
  /** Columns of the file that are not read. */
  readonly unread: readonly string[];
  /** All rows, once, in order; only the columns asked for where the format allows. */
  batches(columns?: readonly string[]): AsyncGenerator<TableBatch>;
}

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** The format by the first bytes; text is CSV, or TSV by its ending. Throws INPUT_INVALID when it is neither. */
async function formatOf(source: ByteSource): Promise<TableFormat> {
  const start = await source.read(0, Math.min(source.size, 512));
  const text = ascii(start.subarray(0, 8));
  if (text.startsWith('PAR1')) return 'parquet';
  if (text.startsWith('ARROW1')) return 'arrow';
  if (text.startsWith('\xff\xff\xff\xff')) return 'arrow-stream';
  if (text.startsWith('SIMPLE')) return 'fits';
  const binary = start.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
  if (!binary && source.size > 0) return isTsv(source.name) ? 'tsv' : 'csv';
  throw new ArcletError('INPUT_INVALID', `${source.name} is ${source.size === 0 ? 'empty' : 'no table of a known format'}.`, {
    subject: source.name,
    remedy: 'Give Parquet, Arrow, CSV or FITS.',
  });
}

/** Whether text under this name is split at tabs. */
export const isTsv = (name: string): boolean => endingOf(name.replace(/\.gz$/i, '')) === '.tsv';

/** Opens the file of a table, inflated if it was gzipped. Throws INPUT_UNREADABLE, INPUT_INVALID for a damaged stream. */
export async function openTableSource(location: string): Promise<ByteSource> {
  const source = await openSource(location);
  try {
    const [first, second] = await source.read(0, Math.min(2, source.size));
    return first === 0x1f && second === 0x8b ? await gunzipSource(source) : source;
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Opens a table, hands it to `use`, and closes it whatever happens.
 *
 * @param location path, `file://` or `s3://`
 * @param hdu of a FITS file, by number or name; default the first table
 * @throws INPUT_UNREADABLE, INPUT_INVALID, and what `use` throws
 */
export async function withTable<T>(location: string, hdu: string | undefined, use: (table: OpenTable) => Promise<T>): Promise<T> {
  const source = await openTableSource(location);
  try {
    return await use(await openTable(source, hdu));
  } finally {
    await source.close();
  }
}

async function openTable(source: ByteSource, hdu: string | undefined): Promise<OpenTable> {
  const format = await formatOf(source);
  switch (format) {
    case 'parquet': {
      const { schema, rows, unread, batches } = await openParquet(source);
      return { format, schema, rows, unread, batches };
    }
    case 'arrow':
    case 'arrow-stream': {
      const { schema, unread, batches } = await readArrow(source);
      return { format, schema, rows: undefined, unread, batches: () => batches() };
    }
    case 'fits': {
      const { schema, rows, unread, batches } = readFitsTable(chooseHdu(await openFits(source), hdu, isTable, 'table'));
      return { format, schema, rows, unread, batches };
    }
    default: {
      const { schema, batch } = await readCsv(source, { separator: format === 'tsv' ? '\t' : ',' });
      const once = async function* () {
        yield batch;
      };
      return { format, schema, rows: batch.rows, unread: [], batches: once };
    }
  }
}

/** The schema with only these columns, in this order; capitals count only where names differ in nothing else. Throws INPUT_INVALID that lists what is there. */
export function chooseColumns(location: string, schema: TableSchema, names: readonly string[] | undefined): TableSchema {
  if (names === undefined) return schema;
  const columns = names.map((name) => {
    const found = columnNamed(schema, name);
    if (found !== undefined) return found;
    throw new ArcletError('INPUT_INVALID', `${location} has no column '${name}'.`, {
      subject: location,
      remedy: `Choose among ${schema.columns.map((column) => column.name).join(', ')}.`,
    });
  });
  return { ...schema, columns };
}

/** The column of this name, else the only one that differs from it in capitals alone. */
export function columnNamed({ columns }: TableSchema, name: string): TableSchema['columns'][number] | undefined {
  const exact = columns.find((column) => column.name === name);
  const alike = columns.filter((column) => column.name.toLowerCase() === name.toLowerCase());
  return exact ?? (alike.length === 1 ? alike[0] : undefined);
}
