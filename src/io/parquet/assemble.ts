/** From pages to columns: physical values to ours, missing values to null, lists to rows. */
import type { DecodedArray, SchemaElement } from 'hyparquet';
import { parseDecimal, parseFloat16 } from 'hyparquet/src/convert.js';
import {
  ARRAY_OF,
  type ColumnValues,
  dateOf,
  isNumeric,
  type NumericArray,
  type ScalarType,
  type StampColumn,
  stampLength,
} from '../table.ts';
import type { DecodedPage } from './pages.ts';

const text = new TextDecoder();

/** Julian day number of 1970-01-01, from which INT96 counts. */
const UNIX_JULIAN_DAY = 2_440_588n;

/** How a physical value becomes ours; undefined where it already is. */
function converterOf(element: SchemaElement, type: ScalarType): ((value: never) => unknown) | undefined {
  const { type: physical, converted_type: converted, logical_type: logical, scale = 0 } = element;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') {
    const factor = 10 ** -(logical?.type === 'DECIMAL' ? logical.scale : scale);
    if (physical === 'INT32' || physical === 'INT64') return (value: number | bigint) => Number(value) * factor;
    return (value: Uint8Array) => parseDecimal(value) * factor;
  }
  if (physical === 'INT96') {
    return (value: bigint) => ((value >> 64n) - UNIX_JULIAN_DAY) * 86_400_000_000n + (value & 0xffff_ffff_ffff_ffffn) / 1000n;
  }
  if (type === 'timestamp') {
    const unit = logical?.type === 'TIMESTAMP' ? logical.unit : converted === 'TIMESTAMP_MILLIS' ? 'MILLIS' : 'MICROS';
    if (unit === 'MILLIS') return (value: bigint) => value * 1000n;
    return unit === 'NANOS' ? (value: bigint) => value / 1000n : undefined;
  }
  if (type === 'date') return dateOf;
  if (type === 'string') return (value: Uint8Array) => text.decode(value);
  if (logical?.type === 'FLOAT16') return parseFloat16 as (value: Uint8Array) => unknown;
  // A view would keep the whole page alive.
  if (type === 'bytes') return (value: Uint8Array) => value.slice();
  // Unsigned integers are stored in signed ones of the same width.
  if (type === 'uint32') return (value: number) => value >>> 0;
  if (type === 'uint64') return (value: bigint) => BigInt.asUintN(64, value);
  return undefined;
}

/** Dense values of all pages, converted; a typed array where the type is numeric. */
function denseValues(pages: readonly DecodedPage[], element: SchemaElement, type: ScalarType): ColumnValues {
  const count = pages.reduce((sum, page) => sum + page.values.length, 0);
  const convert = converterOf(element, type) as ((value: unknown) => unknown) | undefined;
  const out = isNumeric(type) ? new ARRAY_OF[type](count) : new Array<unknown>(count);
  let at = 0;
  for (const { values } of pages) {
    if (convert === undefined && ArrayBuffer.isView(out)) out.set(values as never, at);
    else
      for (let index = 0; index < values.length; index++)
        out[at + index] = (convert ? convert(values[index]) : values[index]) as never;
    at += values.length;
  }
  return out as ColumnValues;
}

/** A plain column: nulls where the definition level says so. */
export function assembleScalars(pages: readonly DecodedPage[], element: SchemaElement, type: ScalarType): ColumnValues {
  const dense = denseValues(pages, element, type);
  if (pages.every((page) => page.definition === undefined)) return dense;
  const out: unknown[] = [];
  let at = 0;
  for (const { definition, slots } of pages) {
    for (let slot = 0; slot < slots; slot++) out.push(definition === undefined || definition[slot] === 1 ? dense[at++] : null);
  }
  return out as ColumnValues;
}

/** Definition levels of a list column, from the outside in. */
export interface ListLevels {
  /** Below this the row is null. */
  readonly present: number;
  /** Below this the row is empty. */
  readonly filled: number;
  /** At this the item is there. */
  readonly item: number;
}

/** A list column: one typed array (or array) per row, null for a missing row; missing items become NaN, or null where there is no NaN. */
export function assembleLists(
  pages: readonly DecodedPage[],
  element: SchemaElement,
  type: ScalarType,
  levels: ListLevels,
  rows: number,
): ColumnValues {
  const dense = denseValues(pages, element, type);
  const out: unknown[] = [];
  let current: unknown[] = [];
  let at = 0;
  const missing = type === 'float32' || type === 'float64' ? Number.NaN : null;
  const close = () => {
    const last = out.length - 1;
    if (last < 0 || out[last] === null) return;
    out[last] =
      isNumeric(type) && !current.includes(null)
        ? (ARRAY_OF[type] as Float64ArrayConstructor).from(current as number[])
        : current;
  };
  for (const { repetition, definition, slots } of pages) {
    for (let slot = 0; slot < slots; slot++) {
      const level = definition?.[slot] ?? levels.item;
      if (repetition?.[slot] === 0) {
        close();
        current = [];
        out.push(level < levels.present ? null : current);
      } else if (out.length === 0) throw new Error('a list column does not start with a row');
      if (level >= levels.filled) current.push(level === levels.item ? dense[at++] : missing);
    }
  }
  close();
  if (out.length !== rows) throw new Error(`a list column has ${out.length} rows of ${rows}`);
  return out as ColumnValues;
}

/**
 * Stamps as one Float32Array of rows x pixels; a missing stamp is NaN throughout.
 * Throws an Error when a stamp has another size than the metadata say.
 */
export function assembleStamps(pages: readonly DecodedPage[], column: StampColumn, rows: number, item: number): Float32Array {
  const length = stampLength(column);
  const wanted = column.storage === 'list' ? pages.reduce((sum, page) => sum + page.slots, 0) : rows * length;
  if (wanted !== rows * length) throw new Error(`${wanted} pixels are no ${rows} stamps of [${column.shape}]`);
  const held = pages.reduce((sum, page) => sum + heldBytes(page.values), 0);
  const missing = pages.some((page) => page.definition !== undefined);
  // Before rows x pixels are allocated: the shape is only what the metadata say.
  if (!missing && held !== 4 * rows * length) throw new Error(`${held} bytes are no ${rows} stamps of [${column.shape}]`);
  const out = new Float32Array(rows * length);
  const bytes = new Uint8Array(out.buffer);
  let at = 0;
  for (const { values, repetition, definition, slots } of pages) {
    if (column.storage === 'list') {
      if (definition !== undefined) throw new Error('a stamp has missing pixels');
      repetition?.forEach((level, slot) => {
        if ((level === 0) !== ((at + slot) % length === 0)) throw new Error(`a stamp is not of shape [${column.shape}]`);
      });
      out.set(values as Float32Array, at);
      at += slots;
      continue;
    }
    let next = 0;
    for (let slot = 0; slot < slots; slot++, at++) {
      if (definition !== undefined && definition[slot] !== item) {
        out.fill(Number.NaN, at * length, (at + 1) * length);
        continue;
      }
      const stamp = values[next++] as Uint8Array;
      if (stamp.byteLength !== 4 * length)
        throw new Error(`a stamp of ${stamp.byteLength} bytes is not of shape [${column.shape}]`);
      bytes.set(stamp, 4 * at * length);
    }
  }
  return out;
}

function heldBytes(values: DecodedArray): number {
  if (ArrayBuffer.isView(values)) return (values as NumericArray).byteLength;
  return values.reduce((sum: number, value: Uint8Array) => sum + (value?.byteLength ?? 0), 0);
}
