/**
 * CSV for catalogues: numbers become numbers, what is missing stays missing, RA and DEC are found in any case.
 *
 * ```ts
 * const { ra, dec, batch } = await readCatalogue(await openSource('candidates.csv'), { types: { ID: 'string' } });
 * for await (const chunk of writeCsv(schema, [batch])) await sink.write(chunk);
 * ```
 */
import { ArcletError } from '../core/errors.ts';
import { type Field, recordsOf } from './csv/records.ts';
import { type CsvType, fieldText, inferType, isMissing, parseField } from './csv/values.ts';
import type { ByteSource } from './store/source.ts';
import {
  ARRAY_OF,
  type ColumnValues,
  checkBatch,
  isNumeric,
  type ScalarColumn,
  type TableBatch,
  type TableSchema,
} from './table.ts';

export type { CsvType } from './csv/values.ts';

export interface CsvReadOptions {
  /** Default a comma. */
  separator?: string;
  /**
   * Types of columns by name in any case; the others are inferred (bool, int32, int64, float64, text). Give `string` for identifiers
   * that look like numbers, `timestamp` for ISO 8601 in UTC.
   */
  types?: Readonly<Record<string, CsvType>>;
  /** For messages, where the input has no name. */
  name?: string;
}

export interface CsvTable {
  readonly schema: TableSchema;
  readonly batch: TableBatch;
}

const CHUNK_BYTES = 2 ** 20;

async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size; at += CHUNK_BYTES) yield await source.read(at, Math.min(CHUNK_BYTES, source.size - at));
}

/**
 * Reads a whole CSV file with a header line. Empty fields (and NA, N/A, null, None, -- outside of text) are null, `nan` is NaN.
 * The source stays the caller's to close. Throws INPUT_INVALID with the line: rows of another length, a quote not closed, two columns of
 * one name, a value that is not of the type asked for, no header.
 */
export async function readCsv(input: ByteSource | AsyncIterable<Uint8Array>, options: CsvReadOptions = {}): Promise<CsvTable> {
  const { separator = ',', types = {}, name: given = 'the CSV text' } = options;
  const name = Symbol.asyncIterator in input ? given : input.name;
  const fail = (why: string, remedy: string, data: object = {}) =>
    new ArcletError('INPUT_INVALID', `${name} cannot be read as CSV: ${why}.`, { subject: name, remedy, data: { ...data } });

  let header: readonly Field[] | undefined;
  const lines: number[] = [];
  const cells: Field[][] = [];
  const records = recordsOf(Symbol.asyncIterator in input ? input : chunksOf(input), separator);
  for (;;) {
    const next = await records.next().catch((error: Error) => {
      throw error instanceof ArcletError
        ? error
        : fail(error.message, 'Correct the line; if it is the last one, fetch the file again.');
    });
    if (next.done) break;
    const { fields, line } = next.value;
    if (header === undefined) {
      header = fields;
      cells.push(...fields.map(() => []));
    } else if (fields.length !== header.length) {
      const why = `line ${line} has ${fields.length} fields and the header ${header.length}`;
      throw fail(why, 'Correct the line; if it is the last one, the file is cut off.', { line });
    } else {
      for (let column = 0; column < fields.length; column++) cells[column].push(fields[column]);
      lines.push(line);
    }
  }
  if (header === undefined) throw fail('it has no header line', 'Write the column names in the first line.');

  const names = columnNames(header);
  const twice = names.find((found, index) => names.indexOf(found) !== index);
  if (twice !== undefined) throw fail(`the column '${twice}' stands twice`, 'Rename one of them.');
  const wanted = new Map(Object.entries(types).map(([key, type]) => [key.toLowerCase(), type]));
  const columns: ScalarColumn[] = [];
  const values: Record<string, ColumnValues> = {};
  for (const [index, column] of names.entries()) {
    const type = wanted.get(column.toLowerCase()) ?? inferType(cells[index]);
    const parsed = cells[index].map((field, row) => {
      if (isMissing(field, type)) return null;
      const value = parseField(field, type);
      if (value !== undefined) return value;
      const why = `'${field.text}' in column '${column}' on line ${lines[row]} is no ${type}`;
      throw fail(why, 'Correct the value, or read the column as string.', { line: lines[row], column });
    });
    const nullable = parsed.includes(null);
    columns.push({ name: column, type, nullable });
    values[column] = isNumeric(type) && !nullable ? (ARRAY_OF[type] as Float64ArrayConstructor).from(parsed as number[]) : parsed;
  }
  return { schema: { columns }, batch: { rows: lines.length, columns: values } };
}

/** Names without blanks around them; one that is empty (pandas writes its index so) is called by its place. */
function columnNames(header: readonly Field[]): string[] {
  return header.map(({ text }, index) => text.trim() || `column_${index + 1}`);
}

/**
 * The columns that hold right ascension and declination: RA and DEC in any case. Where several differ only in case, the upper-case one.
 * Throws INPUT_INVALID naming `subject` where there is none, or more than one and none in upper case.
 */
export function findSkyColumns(names: readonly string[], subject: string): { ra: string; dec: string } {
  const find = (wanted: string) => {
    const found = names.filter((name) => name.toUpperCase() === wanted);
    if (found.includes(wanted)) return wanted;
    if (found.length === 1) return found[0];
    const why = found.length === 0 ? `no column ${wanted}` : `${found.length} columns ${wanted} (${found.join(', ')})`;
    throw new ArcletError('INPUT_INVALID', `${subject} has ${why}.`, {
      subject,
      remedy: `Name one column ${wanted}; it has ${names.join(', ')}.`,
      data: { columns: [...names] },
    });
  };
  return { ra: find('RA'), dec: find('DEC') };
}

export interface Catalogue extends CsvTable {
  /** Degrees; NaN where a row has none. */
  readonly ra: Float64Array;
  readonly dec: Float64Array;
  readonly raName: string;
  readonly decName: string;
}

/**
 * Reads a catalogue with RA and DEC in degrees. A column called ID (any case) is text, so that leading zeros stay.
 * Rows without a position are kept. Throws as {@link readCsv} and {@link findSkyColumns}.
 */
export async function readCatalogue(
  input: ByteSource | AsyncIterable<Uint8Array>,
  options: CsvReadOptions = {},
): Promise<Catalogue> {
  const table = await readCsv(input, {
    ...options,
    types: { id: 'string', ra: 'float64', dec: 'float64', ...lowerKeys(options.types) },
  });
  const subject = Symbol.asyncIterator in input ? (options.name ?? 'the CSV text') : input.name;
  const { ra, dec } = findSkyColumns(
    table.schema.columns.map(({ name }) => name),
    subject,
  );
  const degrees = (name: string) =>
    Float64Array.from(table.batch.columns[name] as (number | null)[], (value: number | null) => value ?? Number.NaN);
  return { ...table, ra: degrees(ra), dec: degrees(dec), raName: ra, decName: dec };
}

function lowerKeys(types: Readonly<Record<string, CsvType>> = {}): Record<string, CsvType> {
  return Object.fromEntries(Object.entries(types).map(([key, type]) => [key.toLowerCase(), type]));
}

/**
 * A table as CSV with a header line: numbers in their shortest exact form, missing values empty, `nan`, `inf`, timestamps in ISO 8601.
 * Throws USAGE for columns that CSV cannot hold (stamps, lists, bytes), ROWS_INVALID where a batch does not fit the schema.
 */
export async function* writeCsv(
  schema: TableSchema,
  batches: Iterable<TableBatch> | AsyncIterable<TableBatch>,
  separator = ',',
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  const columns = schema.columns.map((column) => {
    if (column.type !== 'stamp' && column.type !== 'list' && column.type !== 'bytes') return column;
    throw new ArcletError('USAGE', `CSV has no place for the ${column.type} column '${column.name}'.`, {
      subject: column.name,
      remedy: 'Leave the column out, or write Parquet.',
    });
  });
  yield encoder.encode(`${columns.map(({ name }) => fieldText(name, 'string', separator)).join(separator)}\n`);
  for await (const batch of batches) {
    checkBatch(schema, batch);
    const rows: string[] = [];
    for (let row = 0; row < batch.rows; row++) {
      rows.push(columns.map(({ name, type }) => fieldText(batch.columns[name][row], type, separator)).join(separator));
      // A row of one missing value would be a blank line.
      if (rows[row] === '') rows[row] = '""';
    }
    if (rows.length > 0) yield encoder.encode(`${rows.join('\n')}\n`);
  }
}
