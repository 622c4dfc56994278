/** One column of a binary table to be written: its keywords and the bytes of its cells. */
import type { NewCard } from './card.ts';
import { damaged } from './damage.ts';
import { type Dtype, dtypeOf, isComplex, type NumberArray, sizeOf } from './elements.ts';
import { heapColumnWriter } from './encode-heap.ts';
import { bigEndianBytes } from './encode-image.ts';
import { nullOf, withNulls } from './encode-nulls.ts';
import { packBits, packLogicals, packText } from './encode-text.ts';

/** A column to be written. What {@link readTable} gives can be handed back as it is. */
export interface ColumnInput {
  readonly name: string;
  /** Cells one after another; of a variable-length column one array (or string) per row. */
  readonly values: NumberArray | readonly (string | NumberArray)[];
  /** Needed for 'bool' (0 and 1), 'complex64' and 'complex128' (interleaved); else it follows from the values. */
  readonly dtype?: Dtype;
  /** Logicals as bits (X) instead of bytes (L). */
  readonly bits?: boolean;
  /** Shape of a cell in numpy order, [] for a scalar. */
  readonly shape?: readonly number[];
  /** Each row has an array (or, of type 'string', a text) of its own length. */
  readonly variable?: boolean;
  readonly unit?: string;
  /** TDISP. */
  readonly display?: string;
  /** 0 marks an undefined value: TNULL for integers, NaN for floats, a zero byte for logicals. Not for variable-length columns. */
  readonly valid?: Uint8Array;
  /** TNULL, as stored; by default the end of the range that values seldom reach. */
  readonly nullValue?: number | bigint;
  /** TSCAL and TZERO. The values handed in are the stored ones: readers see value * scale + zero. */
  readonly scale?: number;
  readonly zero?: number;
}

export interface ColumnWriter {
  /** Undefined when the cells hold nothing: then any number of rows will do. */
  readonly rows: number | undefined;
  /** Bytes in a row. */
  readonly width: number;
  readonly heapBytes: number;
  cards(number: number): NewCard[];
  /** The bytes of some rows, side by side. */
  encode(start: number, count: number): Uint8Array;
  heap(): Iterable<Uint8Array>;
}

/** TFORM letter of a type, and TZERO of those that are kept as signed integers (or, int8, unsigned ones). */
export const WRITTEN: Readonly<Record<Exclude<Dtype, 'string'>, { code: string; bytes: number; zero?: number | bigint }>> = {
  bool: { code: 'L', bytes: 1 },
  uint8: { code: 'B', bytes: 1 },
  int8: { code: 'B', bytes: 1, zero: -128 },
  int16: { code: 'I', bytes: 2 },
  uint16: { code: 'I', bytes: 2, zero: 2 ** 15 },
  int32: { code: 'J', bytes: 4 },
  uint32: { code: 'J', bytes: 4, zero: 2 ** 31 },
  int64: { code: 'K', bytes: 8 },
  uint64: { code: 'K', bytes: 8, zero: 2n ** 63n },
  float32: { code: 'E', bytes: 4 },
  float64: { code: 'D', bytes: 8 },
  complex64: { code: 'C', bytes: 8 },
  complex128: { code: 'M', bytes: 16 },
};

/**
 * Prepares a column.
 *
 * @param heapStart where in the heap a variable-length column may put its arrays
 * @throws INPUT_INVALID when values and shape disagree, text is not ASCII, or a valid value equals the one that means undefined
 */
export function columnWriter(column: ColumnInput, heapStart: number): ColumnWriter {
  if (column.variable) return heapColumnWriter(column, heapStart);
  if (isText(column.values)) return textWriter(column, column.values);
  if (Array.isArray(column.values))
    throw damaged(
      `column ${column.name}`,
      'it has an array per row but is not said to be variable',
      undefined,
      'Set variable: true.',
    );
  return numberWriter(column, column.values as NumberArray);
}

const isText = (values: ColumnInput['values']): values is readonly string[] =>
  Array.isArray(values) && values.every((value) => typeof value === 'string');

/** TTYPE, TFORM and what describes the values. */
export function commonCards(
  column: ColumnInput,
  number: number,
  format: string,
  more: Record<string, NewCard['value']>,
): NewCard[] {
  const { name, unit, display } = column;
  const values = { TTYPE: name, TFORM: format, TUNIT: unit, TDISP: display, ...more };
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([keyword, value]) => ({ keyword: `${keyword}${number}`, value }));
}

/** TDIM of a cell shape, for cells of more than one axis. */
const dimensions = (sizes: readonly number[]): string | undefined =>
  sizes.length > 1 ? `(${sizes.toReversed().join(',')})` : undefined;

function rowsOf(column: ColumnInput, values: number, cell: number): number | undefined {
  if (cell === 0 && values === 0) return undefined;
  if (cell > 0 && values % cell === 0) return values / cell;
  throw damaged(`column ${column.name}`, `${values} values do not fill cells of shape [${column.shape ?? []}]`);
}

function textWriter(column: ColumnInput, values: readonly string[]): ColumnWriter {
  const shape = column.shape ?? [];
  const cell = sizeOf(shape);
  const length = values.reduce((longest, { length }) => Math.max(longest, length), 1);
  return {
    rows: rowsOf(column, values.length, cell),
    width: cell * length,
    heapBytes: 0,
    cards: (number) => commonCards(column, number, `${cell * length}A`, { TDIM: dimensions([...shape, length]) }),
    encode: (start, count) => packText(column.name, values.slice(start * cell, (start + count) * cell), length),
    heap: () => [],
  };
}

function numberWriter(column: ColumnInput, values: NumberArray): ColumnWriter {
  const shape = column.shape ?? [];
  const cell = sizeOf(shape);
  const dtype = numericType(column, values);
  const perCell = cell * (isComplex(dtype) ? 2 : 1);
  const { code, bytes, zero } = WRITTEN[dtype];
  const bits = column.bits === true && dtype === 'bool';
  const undefinedValue = nullOf(column, dtype);
  const encode = (start: number, count: number): Uint8Array => {
    const piece = values.subarray(start * perCell, (start + count) * perCell) as NumberArray;
    const valid = column.valid?.subarray(start * cell, (start + count) * cell);
    if (bits) return packBits(piece as Uint8Array, cell);
    if (dtype === 'bool') return packLogicals(piece as Uint8Array, valid);
    return bigEndianBytes(valid === undefined ? piece : withNulls(column.name, piece, valid, undefinedValue, zero));
  };
  return {
    rows: rowsOf(column, values.length, perCell),
    width: bits ? Math.ceil(cell / 8) : cell * bytes,
    heapBytes: 0,
    cards: (number) =>
      commonCards(column, number, `${cell}${bits ? 'X' : code}`, {
        TDIM: dimensions(shape),
        TNULL: undefinedValue,
        TSCAL: column.scale ?? (zero === undefined ? undefined : 1),
        TZERO: column.zero ?? zero,
      }),
    encode,
    heap: () => [],
  };
}

/** The type of a column's numbers. Throws INPUT_INVALID when it cannot be what the array holds, or is scaled and kept by TZERO too. */
export function numericType(column: ColumnInput, values: NumberArray): Exclude<Dtype, 'string'> {
  const held = dtypeOf(values);
  const dtype = column.dtype ?? held;
  const asked = dtype === 'bool' ? 'uint8' : dtype === 'complex64' ? 'float32' : dtype === 'complex128' ? 'float64' : dtype;
  if (asked !== held || dtype === 'string')
    throw damaged(`column ${column.name}`, `its values are ${held}, which cannot be ${dtype}`);
  const scaled = column.scale !== undefined || column.zero !== undefined;
  if (scaled && WRITTEN[dtype].zero !== undefined)
    throw damaged(`column ${column.name}`, `${dtype} needs TZERO for itself and cannot be scaled`);
  return dtype;
}
