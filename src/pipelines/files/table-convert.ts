/** `arclet table head`, `schema` and `convert`. */
import { ArcletError } from '../../core/errors.ts';
import { writeArrow } from '../../io/arrow.ts';
import { writeCsv } from '../../io/csv.ts';
import { encodeFits } from '../../io/fits/index.ts';
import { toFitsTable } from '../../io/fits-table.ts';
import { openParquetWriter, type ParquetWriteOptions } from '../../io/parquet.ts';
import { openStoreOf } from '../../io/store/store.ts';
import { type ColumnSchema, sliceBatch, stampLength, type TableBatch, type TableSchema } from '../../io/table.ts';
import { endingOf, writeTo } from './open.ts';
import { chooseColumns, type TableFormat, withTable } from './tables.ts';

const ENDINGS: Readonly<Record<string, TableFormat>> = {
  '.parquet': 'parquet',
  '.pq': 'parquet',
  '.arrow': 'arrow',
  '.feather': 'arrow',
  '.ipc': 'arrow',
  '.arrows': 'arrow-stream',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.fits': 'fits',
  '.fit': 'fits',
};

/** The format that an output's ending names. Throws USAGE that lists the endings. */
export function outputFormat(out: string): TableFormat {
  const format = ENDINGS[endingOf(out)];
  if (format !== undefined) return format;
  throw new ArcletError('USAGE', `${out} has the ending '${endingOf(out)}', there are ${Object.keys(ENDINGS).join(', ')}.`, {
    subject: out,
    remedy: 'Name the output with one of these endings.',
  });
}

export interface TableQuery {
  /** HDU of a FITS file; default the first table. */
  readonly hdu?: string;
  /** Default all. */
  readonly columns?: readonly string[];
}

export interface TableDescription {
  readonly file: string;
  readonly format: TableFormat;
  /** null where only reading all of it would tell. */
  readonly rows: number | null;
  readonly columns: readonly ColumnSchema[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly unread: readonly string[];
}

/** What a table is. Throws INPUT_UNREADABLE, INPUT_INVALID. */
export function tableSchema(location: string, { hdu, columns }: TableQuery): Promise<TableDescription> {
  return withTable(location, hdu, async ({ format, schema, rows, unread }) => ({
    file: location,
    format,
    rows: rows ?? null,
    columns: chooseColumns(location, schema, columns).columns,
    metadata: schema.metadata ?? {},
    unread,
  }));
}

export type Cell = null | boolean | number | bigint | string | readonly (number | bigint | boolean | string)[];

/** The first rows, cell by cell: stamps and lists as arrays, bytes as hexadecimal text. Throws as {@link tableSchema}. */
export function tableHead(
  location: string,
  count: number,
  { hdu, columns }: TableQuery,
): Promise<{ columns: readonly ColumnSchema[]; rows: Cell[][]; unread: readonly string[] }> {
  return withTable(location, hdu, async (table) => {
    const schema = chooseColumns(location, table.schema, columns);
    const rows: Cell[][] = [];
    for await (const batch of table.batches(schema.columns.map(({ name }) => name))) {
      const cells = schema.columns.map((column) => cellsOf(column, batch, Math.min(batch.rows, count - rows.length)));
      for (let row = 0; row < (cells[0]?.length ?? 0); row++) rows.push(cells.map((column) => column[row]));
      if (rows.length >= count) break;
    }
    return { columns: schema.columns, rows, unread: table.unread };
  });
}

function cellsOf(column: ColumnSchema, batch: TableBatch, count: number): Cell[] {
  const values = batch.columns[column.name];
  return Array.from({ length: count }, (_, row) => {
    if (column.type === 'stamp') {
      const length = stampLength(column);
      return Array.from((values as Float32Array).subarray(row * length, (row + 1) * length));
    }
    const value = values[row];
    if (value instanceof Uint8Array && column.type === 'bytes') return Buffer.from(value).toString('hex');
    return ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<number>) : (value as Cell);
  });
}

export interface ConvertRequest extends TableQuery {
  /** Format by its ending. */
  readonly out: string;
  /** Of Parquet. */
  readonly codec?: ParquetWriteOptions['codec'];
  /** How Parquet keeps stamps: `bytes` (default), or `list`, which pandas reads without help. */
  readonly stamps?: 'bytes' | 'list';
}

export interface ConvertReport {
  readonly file: string;
  readonly out: string;
  readonly rows: number;
  readonly columns: number;
  /** Columns that are not in the output, and why. */
  readonly leftOut: readonly { readonly column: string; readonly why: string }[];
}

/**
 * Reads a table and writes it in another format, by batches (CSV in and FITS out stand in memory as a whole).
 *
 * A column that the output cannot hold is left out and named in the answer; asked for by name, it is an error.
 *
 * @throws INPUT_UNREADABLE, INPUT_INVALID, ROWS_INVALID, USAGE, OUTPUT_UNWRITABLE
 */
export async function tableConvert(location: string, request: ConvertRequest): Promise<ConvertReport> {
  const format = outputFormat(request.out);
  return withTable(location, request.hdu, async (table) => {
    const asked = chooseColumns(location, table.schema, request.columns);
    const refused = asked.columns.flatMap((column) => {
      const why = refusal(format, column);
      return why === undefined ? [] : [{ column: column.name, why }];
    });
    if (refused.length > 0 && request.columns !== undefined)
      throw new ArcletError('USAGE', `Column '${refused[0].column}' cannot be written to ${request.out}: ${refused[0].why}.`, {
        subject: refused[0].column,
        remedy: 'Leave the column out, or choose another format.',
      });
    const kept = asked.columns.filter(({ name }) => !refused.some(({ column }) => column === name));
    const schema: TableSchema = {
      ...asked,
      columns: kept.map((column) => (column.type === 'stamp' ? { ...column, storage: request.stamps } : column)),
    };
    let rows = 0;
    const batches = async function* () {
      for await (const batch of table.batches(kept.map(({ name }) => name))) {
        rows += batch.rows;
        yield batch;
      }
    };
    await writeTable(request.out, schema, batches(), request.codec);
    const leftOut = [...refused, ...table.unread.map((column) => ({ column, why: `it is not read from ${table.format}` }))];
    return {
      file: location,
      out: request.out,
      rows,
      columns: kept.length,
      leftOut: request.columns === undefined ? leftOut : [],
    };
  });
}

/** Why a format cannot hold a column; undefined when it can. */
function refusal(format: TableFormat, column: ColumnSchema): string | undefined {
  const { type } = column;
  if (format === 'fits') return type === 'list' && column.item === 'string' ? 'FITS holds no lists of text' : undefined;
  if (type === 'list') return `lists of any length are not written to ${format}`;
  const isText = format === 'csv' || format === 'tsv';
  return isText && (type === 'stamp' || type === 'bytes') ? `CSV has no place for ${type}` : undefined;
}

/** Writes a table in the format of its ending, whole or not at all. Throws USAGE, ROWS_INVALID, OUTPUT_UNWRITABLE. */
export async function writeTable(
  out: string,
  schema: TableSchema,
  batches: AsyncGenerator<TableBatch>,
  codec?: ParquetWriteOptions['codec'],
): Promise<void> {
  const format = outputFormat(out);
  switch (format) {
    case 'parquet':
      return writeParquet(out, schema, batches, codec);
    case 'arrow':
      return writeTo(out, writeArrow(schema, batches, 'file'));
    case 'arrow-stream':
      return writeTo(out, writeArrow(schema, batches, 'stream'));
    case 'fits':
      return writeTo(out, encodeFits([await toFitsTable(schema, batches)]));
    default:
      return writeTo(out, writeCsv(schema, batches, format === 'tsv' ? '\t' : ','));
  }
}

/** Rows of a row group, so that a reader of some rows unpacks few, and stamps stay within memory. */
const GROUP_ROWS = 2 ** 17;
const GROUP_BYTES = 64e6;

/** Small batches are put together into row groups of a useful size. */
async function writeParquet(
  out: string,
  schema: TableSchema,
  batches: AsyncGenerator<TableBatch>,
  codec: ParquetWriteOptions['codec'],
): Promise<void> {
  const { store, key } = await openStoreOf(out);
  try {
    const writer = openParquetWriter(await store.sink(key), schema, { codec });
    try {
      for await (const batch of regrouped(schema, batches)) await writer.write(batch);
      await writer.finish();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    await store.close();
  }
}

/** The same rows in batches of at most 64 MB; `rowBytes` where the schema does not tell, as with archives of bytes. */
export async function* regrouped(
  schema: TableSchema,
  batches: AsyncIterable<TableBatch>,
  rowBytes: number = schema.columns.reduce((sum, column) => sum + (column.type === 'stamp' ? 4 * stampLength(column) : 8), 0),
): AsyncGenerator<TableBatch> {
  const most = Math.max(1, Math.min(GROUP_ROWS, Math.floor(GROUP_BYTES / Math.max(1, rowBytes))));
  let held: TableBatch[] = [];
  let rows = 0;
  for await (const batch of batches) {
    for (let start = 0; start < batch.rows; ) {
      const end = Math.min(batch.rows, start + most - rows);
      held.push(sliceBatch(schema, batch, start, end));
      rows += end - start;
      start = end;
      if (rows < most) continue;
      yield merged(schema, held, rows);
      held = [];
      rows = 0;
    }
  }
  if (rows > 0) yield merged(schema, held, rows);
}

function merged(schema: TableSchema, batches: readonly TableBatch[], rows: number): TableBatch {
  if (batches.length === 1) return batches[0];
  const columns = schema.columns.map(({ name }) => {
    const pieces = batches.map(({ columns }) => columns[name]);
    const [first] = pieces;
    const isTyped = pieces.every((piece) => ArrayBuffer.isView(piece) && piece.constructor === first.constructor);
    if (!isTyped) return [name, pieces.flatMap((piece) => Array.from(piece as ArrayLike<number>))] as const;
    const whole = new (first.constructor as Float64ArrayConstructor)(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece as Float64Array, at);
      at += piece.length;
    }
    return [name, whole] as const;
  });
  return { rows, columns: Object.fromEntries(columns) };
}
