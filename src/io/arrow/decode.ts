/**
 * Arrow record batches as batches of ours. Arrow's own reader clamps a buffer that is shorter than its column, and what is missing
 * reads as undefined; so lengths are checked first.
 */
import { type Data, DataType, type RecordBatch, TimeUnit, Vector } from 'apache-arrow';
import {
  ARRAY_OF,
  type ColumnSchema,
  type ColumnValues,
  isNumeric,
  type ScalarType,
  type TableBatch,
  type TableSchema,
} from '../table.ts';

/** Throws an Error that says which column does not hold together. Numeric columns without missing values are views. */
export function fromRecordBatch(schema: TableSchema, positions: readonly number[], batch: RecordBatch): TableBatch {
  const rows = batch.numRows;
  const columns = schema.columns.map((column, index) => {
    const data = batch.data.children[positions[index]];
    if (data.length !== rows) throw new Error(`column '${column.name}' has ${data.length} rows of ${rows}`);
    checkData(data, column.name);
    return [column.name, decodeColumn(column, data)] as const;
  });
  return { rows, columns: Object.fromEntries(columns) };
}

/** Throws unless every buffer is long enough for the declared length, and offsets go up within their values. */
function checkData(data: Data, name: string): void {
  const { type, length, values, valueOffsets, nullBitmap } = data;
  const need = (has: number, wants: number, what: string) => {
    if (!(has >= wants)) throw new Error(`column '${name}' has ${has} ${what} where ${wants} are declared`);
  };
  if (!(length >= 0)) throw new Error(`column '${name}' has ${length} rows`);
  if (data.nullCount > 0) need(nullBitmap.byteLength * 8, data.offset + length, 'validity bits');
  if (DataType.isBool(type)) need(values.byteLength * 8, length, 'bits');
  else if (valueOffsets !== undefined && length > 0) {
    need(valueOffsets.length, length + 1, 'offsets');
    const end = Number(valueOffsets[length]);
    for (let row = 0; row < length; row++) need(Number(valueOffsets[row + 1]), Number(valueOffsets[row]), 'as an offset');
    need(Number(valueOffsets[0]), 0, 'as an offset');
    need(DataType.isList(type) ? (data.children[0]?.length ?? 0) : values.byteLength, end, 'values');
  } else if (DataType.isFixedSizeList(type)) need(data.children[0].length, length * type.listSize, 'items');
  else if (DataType.isFixedSizeBinary(type)) {
    need(type.byteWidth, 1, 'bytes a value');
    need(values.byteLength, length * type.byteWidth, 'bytes');
  } else if (values !== undefined && length > 0) {
    const stride = DataType.isInt(type) && type.bitWidth === 64 ? values.length : values.length / strideOf(type);
    need(stride, length, 'values');
  }
  for (const child of data.children) checkData(child, name);
  if (DataType.isDictionary(type)) checkDictionary(data, name);
}

function checkDictionary(data: Data, name: string): void {
  const entries = data.dictionary?.length ?? 0;
  for (const part of data.dictionary?.data ?? []) checkData(part, name);
  for (let row = 0; row < data.length; row++) {
    const index = Number(data.values[row]);
    if (data.getValid(row) && !(index >= 0 && index < entries)) {
      throw new Error(`column '${name}' refers to entry ${index} of a dictionary of ${entries}`);
    }
  }
}

/** Elements of the values array per value: a 64-bit date is kept in pairs. */
function strideOf(type: DataType): number {
  return (type as { ArrayType?: unknown }).ArrayType === Int32Array && DataType.isDate(type) && type.unit === 1 ? 2 : 1;
}

function decodeColumn(column: ColumnSchema, data: Data): ColumnValues {
  if (column.type === 'stamp') return decodeStamps(data);
  if (column.type === 'list') {
    const vector = new Vector([data]);
    return Array.from({ length: data.length }, (_, row) => {
      const items = vector.get(row) as Vector | null;
      // The vector of a row has a data of its own, cut to the row.
      return items === null ? null : (decodeItems(column.item, items.data[0]) as never);
    });
  }
  return decodeScalars(column.type, data);
}

/** As in Parquet: a missing item of a float list is NaN. */
function decodeItems(type: ScalarType, data: Data): ColumnValues {
  const items = decodeScalars(type, data);
  if (ArrayBuffer.isView(items) || (type !== 'float32' && type !== 'float64')) return items;
  return (ARRAY_OF[type] as Float64ArrayConstructor).from(items as number[], (item: number | null) => item ?? Number.NaN);
}

function decodeStamps(data: Data): Float32Array {
  const size = (data.type as unknown as { listSize: number }).listSize;
  const [pixels] = data.children;
  const values = (pixels.values as Float32Array).subarray(0, data.length * size);
  if (data.nullCount === 0 && pixels.nullCount === 0) return values;
  const out = values.slice();
  const isMissing = new Vector([pixels]);
  for (let row = 0; row < data.length; row++) {
    if (!data.getValid(row)) out.fill(Number.NaN, row * size, (row + 1) * size);
  }
  if (pixels.nullCount > 0)
    for (let index = 0; index < out.length; index++) if (isMissing.get(index) === null) out[index] = Number.NaN;
  return out;
}

function decodeScalars(type: ScalarType, data: Data): ColumnValues {
  const { type: arrow, length } = data;
  const { values } = data;
  const isPlain = isNumeric(type) && !DataType.isTimestamp(arrow) && values instanceof ARRAY_OF[type as 'int8'];
  if (isPlain && data.nullCount === 0) return values.subarray(0, length);
  const vector = new Vector([data]);
  const convert = converterOf(type, arrow, data);
  const out = Array.from({ length }, (_, row) => (data.getValid(row) ? convert(vector, row) : null));
  const isComplete = isNumeric(type) && !out.includes(null);
  return isComplete ? (ARRAY_OF[type] as Float64ArrayConstructor).from(out as number[]) : (out as ColumnValues);
}

const TO_MICROSECONDS: Record<number, (value: bigint) => bigint> = {
  [TimeUnit.SECOND]: (value) => value * 1_000_000n,
  [TimeUnit.MILLISECOND]: (value) => value * 1000n,
  [TimeUnit.MICROSECOND]: (value) => value,
  [TimeUnit.NANOSECOND]: (value) => value / 1000n,
};

function converterOf(type: ScalarType, arrow: DataType, data: Data): (vector: Vector, row: number) => unknown {
  if (DataType.isTimestamp(arrow)) {
    const convert = TO_MICROSECONDS[arrow.unit];
    // The vector would give milliseconds as a number.
    return (_, row) => convert((data.values as BigInt64Array)[row]);
  }
  if (type === 'date') return (vector, row) => new Date(Number(vector.get(row))).toISOString().slice(0, 10);
  if (type === 'bytes') return (vector, row) => (vector.get(row) as Uint8Array).slice();
  return (vector, row) => vector.get(row);
}
