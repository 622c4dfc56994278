/**
 * FITS tables as batches of columns and back, so that they move to Parquet, Arrow and CSV.
 *
 * What FITS has and a batch has not: a vector of float32 is a stamp column, any other short vector (and one of strings) a column per
 * element, `name_0`, `name_1` ...; a complex number is `name_re` and `name_im`.
 */
import { ArcletError } from '../core/errors.ts';
import {
  type ColumnInfo,
  type ColumnInput,
  type FitsColumn,
  type FitsHdu,
  type NumberArray,
  sizeOf,
  type TableInput,
  tableChunks,
  tableColumns,
  tableRows,
} from './fits/index.ts';
import {
  ARRAY_OF,
  type ColumnSchema,
  type ColumnValues,
  isNumeric,
  type NumericType,
  type ScalarType,
  type TableBatch,
  type TableSchema,
} from './table.ts';

/** Longest vector that becomes a column per element. */
const MOST_ELEMENTS = 64;

export interface FitsTableReader {
  readonly schema: TableSchema;
  readonly rows: number;
  /** Columns that have no place in a batch: empty ones, long vectors other than float32, arrays of complex numbers. */
  readonly unread: readonly string[];
  /** The rows in pieces. Throws INPUT_INVALID where the file is damaged. */
  batches(): AsyncGenerator<TableBatch>;
}

/** One column of ours and how its values come out of one of the file's. */
interface Taken {
  readonly number: number;
  readonly schema: ColumnSchema;
  readonly values: (column: FitsColumn, rows: number) => ColumnValues;
}

/** The table of an HDU. Throws INPUT_INVALID when it holds none or its header is damaged. */
export function readFitsTable(hdu: FitsHdu): FitsTableReader {
  const infos = tableColumns(hdu);
  const names = new Set<string>();
  const unread: string[] = [];
  const taken: Taken[] = [];
  for (const info of infos) {
    const own = takenOf(info, hdu.type === 'TABLE');
    if (own.length === 0) unread.push(info.name);
    for (const { schema, ...rest } of own) taken.push({ ...rest, schema: { ...schema, name: unique(schema.name, names) } });
  }
  return {
    schema: { columns: taken.map(({ schema }) => schema), metadata: hdu.name === '' ? {} : { EXTNAME: hdu.name } },
    rows: tableRows(hdu),
    unread,
    async *batches() {
      for await (const { rows, columns } of tableChunks(hdu)) {
        const filled = taken.map(({ number, schema, values }) => [schema.name, values(columns[number - 1], rows)] as const);
        yield { rows, columns: Object.fromEntries(filled) };
      }
    },
  };
}

/** FITS allows a name twice; the second one is called name_2. */
function unique(name: string, names: Set<string>): string {
  let free = name;
  for (let count = 2; names.has(free); count++) free = `${name}_${count}`;
  names.add(free);
  return free;
}

function takenOf(info: ColumnInfo, ascii: boolean): Taken[] {
  const { name, number, unit, dtype, shape, variable } = info;
  const named = { name, ...(unit !== undefined && { unit }) };
  const complex = dtype === 'complex64' || dtype === 'complex128';
  if (variable) {
    if (complex) return [];
    if (dtype === 'string') return [{ number, schema: { ...named, type: 'string' }, values: ({ values }) => values as string[] }];
    return [{ number, schema: { ...named, type: 'list', item: dtype }, values: ({ values }) => values as NumberArray[] }];
  }
  const elements = sizeOf(shape);
  if (dtype === 'float32' && shape.length > 0 && elements > 0)
    return [{ number, schema: { ...named, type: 'stamp', shape }, values: ({ values }) => values as Float32Array }];
  if (elements === 0 || elements > MOST_ELEMENTS) return [];
  const type: ScalarType = complex ? (dtype === 'complex64' ? 'float32' : 'float64') : dtype;
  const nullable = info.nullValue !== undefined || dtype === 'bool' || ascii;
  const parts = complex ? ['_re', '_im'] : [''];
  const width = elements * parts.length;
  return Array.from({ length: width }, (_, at) => {
    const element = shape.length === 0 ? '' : `_${Math.floor(at / parts.length)}`;
    return {
      number,
      schema: { ...named, name: `${name}${element}${parts[at % parts.length]}`, type, nullable },
      values: (column, rows) => pick(column, rows, width, at, parts.length, type),
    };
  });
}

/** Every `width`-th value from `at` on; null where it is undefined. */
function pick(column: FitsColumn, rows: number, width: number, at: number, parts: number, type: ScalarType): ColumnValues {
  const { values, valid } = column;
  const isValid = (row: number) => valid === undefined || valid[Math.floor((row * width + at) / parts)] !== 0;
  if (isNumeric(type) && valid === undefined) {
    if (width === 1) return values as NumberArray;
    const some = new ARRAY_OF[type](rows);
    for (let row = 0; row < rows; row++) some[row] = values[row * width + at] as never;
    return some;
  }
  return Array.from({ length: rows }, (_, row) => {
    if (!isValid(row)) return null;
    const value = values[row * width + at] as number | bigint | string;
    return type === 'bool' ? value !== 0 : value;
  });
}

/**
 * Batches as a FITS table. The whole table stands in memory, because FITS wants the number of rows first.
 *
 * Missing numbers are TNULL or NaN, missing text is empty, timestamps are ISO 8601 text in UTC, lists and bytes variable-length arrays.
 *
 * @throws INPUT_INVALID for text that is not ASCII, or more than 999 columns; ROWS_INVALID for a list of text
 */
export async function toFitsTable(schema: TableSchema, batches: AsyncIterable<TableBatch>): Promise<TableInput> {
  const pieces = schema.columns.map((): ColumnValues[] => []);
  for await (const batch of batches)
    for (const [index, { name }] of schema.columns.entries()) pieces[index].push(batch.columns[name]);
  const columns = schema.columns.map((column, index) => fitsColumn(column, pieces[index]));
  return { kind: 'table', name: schema.metadata?.['EXTNAME'], columns };
}

function fitsColumn(column: ColumnSchema, pieces: readonly ColumnValues[]): ColumnInput {
  const { name, unit, type } = column;
  if (type === 'stamp') return { name, unit, shape: column.shape, values: joined('float32', pieces) };
  if (type === 'list') {
    if (!isNumeric(column.item))
      throw new ArcletError('ROWS_INVALID', `Column '${name}' is a list of ${column.item}, which FITS tables do not hold.`, {
        subject: name,
        remedy: 'Leave the column out.',
      });
    const item = column.item;
    const cells = pieces.flatMap((piece) => Array.from(piece as (NumberArray | null)[], (cell) => cell ?? new ARRAY_OF[item](0)));
    return { name, unit, variable: true, values: cells as NumberArray[] };
  }
  if (type === 'bytes') {
    const cells = pieces.flatMap((piece) => Array.from(piece as (Uint8Array | null)[], (cell) => new Uint8Array(cell ?? [])));
    return { name, unit, variable: true, values: cells };
  }
  if (type === 'timestamp' || !isNumeric(type)) {
    const all = pieces.flatMap((piece) => Array.from(piece as ArrayLike<unknown>));
    if (type !== 'bool')
      return { name, unit, values: all.map((value) => (type === 'timestamp' ? isoTime(value) : String(value ?? ''))) };
    const valid = Uint8Array.from(all, (value) => (value === null ? 0 : 1));
    return {
      name,
      unit,
      dtype: 'bool',
      values: Uint8Array.from(all, (value) => (value ? 1 : 0)),
      ...(valid.includes(0) && { valid }),
    };
  }
  if (pieces.every((piece) => ArrayBuffer.isView(piece))) return { name, unit, values: joined(type, pieces) };
  const all = pieces.flatMap((piece) => Array.from(piece as ArrayLike<number | bigint | null>));
  const wide = type === 'int64' || type === 'uint64';
  const values = new ARRAY_OF[type](all.length);
  for (const [row, value] of all.entries()) values[row] = (value ?? (wide ? 0n : 0)) as never;
  return { name, unit, values, valid: Uint8Array.from(all, (value) => (value === null ? 0 : 1)) };
}

function joined(type: NumericType, pieces: readonly ColumnValues[]): NumberArray {
  if (pieces.length === 1) return pieces[0] as NumberArray;
  const whole = new ARRAY_OF[type](pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    (whole as Float64Array).set(piece as Float64Array, at);
    at += piece.length;
  }
  return whole;
}

/** Microseconds since 1970 as FITS writes times (section 9.1.1): no zone, UTC by convention. */
function isoTime(microseconds: unknown): string {
  if (microseconds === null || microseconds === undefined) return '';
  const time = BigInt(microseconds as bigint);
  const fraction = ((time % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return `${new Date(Number((time - fraction) / 1000n)).toISOString().slice(0, 19)}.${String(fraction).padStart(6, '0')}`;
}
