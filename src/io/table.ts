/**
 * Tables as plain data: a schema and batches of columns. Parquet, Arrow and CSV read and write these, so a table moves between them
 * without knowing what it came from.
 */
import { ArcletError } from '../core/errors.ts';

/** `timestamp` is microseconds since 1970-01-01T00:00:00 UTC; `date` is an ISO date. */
export type ScalarType =
  | 'bool'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'timestamp'
  | 'date';

interface Named {
  readonly name: string;
  /** As the field writes it: `nanomaggy`, `deg`, `mag`. */
  readonly unit?: string;
  readonly description?: string;
}

export interface ScalarColumn extends Named {
  readonly type: ScalarType;
  /** True: values may be missing (null). */
  readonly nullable?: boolean;
}

/** A float32 array of the same shape in every row, C order: an image stamp, a spectrum. */
export interface StampColumn extends Named {
  readonly type: 'stamp';
  readonly shape: readonly number[];
  /** How Parquet keeps it: `bytes` (default) little-endian BYTE_ARRAY, `list` list<float>, which pandas reads without help. */
  readonly storage?: 'bytes' | 'list';
}

/** Rows of any length; read only. */
export interface ListColumn extends Named {
  readonly type: 'list';
  readonly item: ScalarType;
  readonly nullable?: boolean;
}

export type ColumnSchema = ScalarColumn | StampColumn | ListColumn;

export interface TableSchema {
  readonly columns: readonly ColumnSchema[];
  /** Free text about the table: config hash, code version ... */
  readonly metadata?: Readonly<Record<string, string>>;
}

export type NumericArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/**
 * Values of one column of a batch. Numbers are a typed array of their type when nothing is missing, else an array with nulls (64-bit
 * integers and timestamps as bigint). Strings, bytes and bools are arrays. A stamp column is one Float32Array of rows x pixels.
 * A list column is an array of typed arrays.
 */
export type ColumnValues = NumericArray | readonly (number | bigint | string | boolean | Uint8Array | NumericArray | null)[];

export interface TableBatch {
  readonly rows: number;
  readonly columns: Readonly<Record<string, ColumnValues>>;
}

/** Typed array of each numeric type. */
export const ARRAY_OF = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float32: Float32Array,
  float64: Float64Array,
  timestamp: BigInt64Array,
} as const;

export type NumericType = keyof typeof ARRAY_OF;

/** True for types whose values fill a typed array. */
export function isNumeric(type: ColumnSchema['type']): type is NumericType {
  return Object.hasOwn(ARRAY_OF, type);
}

/** Pixels of one stamp. */
export function stampLength(column: StampColumn): number {
  return column.shape.reduce((a, b) => a * b, 1);
}

/** Throws ROWS_INVALID when a name stands twice or a shape is not made of positive whole numbers. */
export function checkSchema(schema: TableSchema): void {
  const seen = new Set<string>();
  for (const column of schema.columns) {
    const fault = seen.has(column.name)
      ? 'stands twice in the schema'
      : column.type === 'stamp' && !column.shape.every((size) => Number.isSafeInteger(size) && size > 0)
        ? `has the shape [${column.shape}]`
        : column.type === 'list'
          ? 'is a list of any length, which is only read'
          : undefined;
    if (fault !== undefined) throw invalid(column.name, fault, 'Correct the schema.');
    seen.add(column.name);
  }
}

/** Throws ROWS_INVALID unless the batch has every column of the schema with the right length, and nulls only where they may be. */
export function checkBatch(schema: TableSchema, batch: TableBatch): void {
  for (const column of schema.columns) {
    const values = batch.columns[column.name];
    if (values === undefined) throw invalid(column.name, 'is missing in the batch', 'Give a value for every column.');
    const length = column.type === 'stamp' ? batch.rows * stampLength(column) : batch.rows;
    if (values.length !== length) {
      throw invalid(
        column.name,
        `has ${values.length} values where ${batch.rows} rows need ${length}`,
        'Give one value per row.',
      );
    }
    if (column.type === 'stamp' && !(values instanceof Float32Array)) {
      throw invalid(column.name, 'is no Float32Array', 'Give stamps as one Float32Array.');
    }
    if (column.type === 'stamp' || column.nullable || ArrayBuffer.isView(values)) continue;
    const row = (values as readonly unknown[]).findIndex((value) => value === null || value === undefined);
    if (row >= 0) throw invalid(column.name, `has no value in row ${row}`, 'Fill it, or declare the column nullable.');
  }
}

function invalid(column: string, fault: string, remedy: string): ArcletError {
  return new ArcletError('ROWS_INVALID', `Column '${column}' ${fault}.`, { subject: column, remedy });
}

/** Rows `start .. end` of a batch; typed arrays are views. */
export function sliceBatch(schema: TableSchema, batch: TableBatch, start: number, end: number): TableBatch {
  const columns = schema.columns.map((column) => {
    const size = column.type === 'stamp' ? stampLength(column) : 1;
    const values = batch.columns[column.name];
    const part = ArrayBuffer.isView(values) ? values.subarray(start * size, end * size) : values.slice(start, end);
    return [column.name, part] as const;
  });
  return { rows: end - start, columns: Object.fromEntries(columns) };
}

const DAY_MILLISECONDS = 86_400_000;

/** Days since 1970-01-01 of an ISO date; undefined for what is no day. */
export function daysOf(value: unknown): number | undefined {
  const milliseconds = typeof value === 'string' ? Date.parse(`${value}T00:00:00Z`) : Number.NaN;
  // Date.parse makes 1 March of 30 February.
  const isDay = !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString() === `${value}T00:00:00.000Z`;
  return isDay ? milliseconds / DAY_MILLISECONDS : undefined;
}

/** ISO date of a number of days since 1970-01-01. */
export function dateOf(days: number): string {
  return new Date(days * DAY_MILLISECONDS).toISOString().slice(0, 10);
}
