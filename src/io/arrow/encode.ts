/** Batches of ours as Arrow record batches; numbers and stamps are not copied. */
import { type Data, makeData, RecordBatch, type Schema, Struct } from 'apache-arrow';
import { ArcletError } from '../../core/errors.ts';
import {
  ARRAY_OF,
  type ColumnSchema,
  type ColumnValues,
  daysOf,
  isNumeric,
  type TableBatch,
  type TableSchema,
} from '../table.ts';

const text = new TextEncoder();

/** Throws ROWS_INVALID where a value is not of its column's type. */
export function toRecordBatch(schema: TableSchema, arrow: Schema, batch: TableBatch): RecordBatch {
  const children = schema.columns.map((column, index) =>
    encodeColumn(column, arrow.fields[index].type, batch.columns[column.name], batch.rows),
  );
  return new RecordBatch(arrow, makeData({ type: new Struct(arrow.fields), length: batch.rows, nullCount: 0, children }));
}

// biome-ignore lint/suspicious/noExplicitAny: makeData's overloads are by type, which is known only at run time here
const make = makeData as (props: any) => Data;

function encodeColumn(column: ColumnSchema, type: unknown, values: ColumnValues, length: number): Data {
  if (column.type === 'stamp') {
    const pixels = (type as { children: { type: unknown }[] }).children[0].type;
    const child = make({ type: pixels, length: values.length, nullCount: 0, data: values });
    return make({ type, length, nullCount: 0, child });
  }
  const scalar = column.type === 'list' ? column.item : column.type;
  if (isNumeric(scalar) && values instanceof ARRAY_OF[scalar]) return make({ type, length, nullCount: 0, data: values });
  const { nullBitmap, nullCount } = validity(values, length);
  const fail = (row: number) => {
    throw new ArcletError('ROWS_INVALID', `Column '${column.name}' is ${scalar} and has ${String(values[row])} in row ${row}.`, {
      subject: column.name,
      remedy: 'Convert the value, or change the type of the column.',
      data: { row },
    });
  };
  const present = (row: number) => values[row] !== null && values[row] !== undefined;
  if (scalar === 'string' || scalar === 'bytes') {
    const pieces = Array.from({ length }, (_, row) => {
      const value = values[row];
      if (!present(row)) return new Uint8Array(0);
      if (scalar === 'string' && typeof value === 'string') return text.encode(value);
      return scalar === 'bytes' && value instanceof Uint8Array ? value : fail(row);
    });
    const valueOffsets = new Int32Array(length + 1);
    for (const [row, piece] of pieces.entries()) valueOffsets[row + 1] = valueOffsets[row] + piece.byteLength;
    const data = new Uint8Array(valueOffsets[length]);
    for (const [row, piece] of pieces.entries()) data.set(piece, valueOffsets[row]);
    return make({ type, length, nullCount, nullBitmap, valueOffsets, data });
  }
  if (scalar === 'bool') {
    const data = new Uint8Array(Math.ceil(length / 8));
    for (let row = 0; row < length; row++) {
      const value = values[row];
      if (present(row) && typeof value !== 'boolean' && value !== 0 && value !== 1) fail(row);
      if (value === true || value === 1) data[row >> 3] |= 1 << (row & 7);
    }
    return make({ type, length, nullCount, nullBitmap, data });
  }
  const data = scalar === 'date' ? new Int32Array(length) : new ARRAY_OF[scalar](length);
  const isWide = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let row = 0; row < length; row++) {
    if (!present(row)) continue;
    const value = values[row];
    const number = scalar === 'date' ? daysOf(value) : value;
    if (isWide ? typeof number !== 'bigint' && !Number.isSafeInteger(number) : typeof number !== 'number') fail(row);
    data[row] = (isWide ? BigInt(number as number) : number) as never;
    // An integer that does not fit comes back changed; a float only loses digits.
    const isWhole = scalar !== 'float32' && scalar !== 'float64';
    if (isWhole && data[row] !== (isWide ? BigInt(number as number) : number)) fail(row);
  }
  return make({ type, length, nullCount, nullBitmap, data });
}

function validity(values: ColumnValues, length: number): { nullBitmap?: Uint8Array; nullCount: number } {
  const nullBitmap = new Uint8Array(Math.ceil(length / 8));
  let nullCount = 0;
  for (let row = 0; row < length; row++) {
    if (values[row] === null || values[row] === undefined) nullCount++;
    else nullBitmap[row >> 3] |= 1 << (row & 7);
  }
  return nullCount === 0 ? { nullCount } : { nullBitmap, nullCount };
}
