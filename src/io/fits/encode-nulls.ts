/** Undefined values of a column to be written. */

import { damaged } from './damage.ts';
import type { Dtype, NumberArray } from './elements.ts';
import type { ColumnInput } from './encode-column.ts';

/** What TNULL is by default, as stored: the end of the range that values seldom reach. */
const NULLS: Readonly<Partial<Record<Dtype, number | bigint>>> = {
  uint8: 255,
  int8: 0,
  int16: -(2 ** 15),
  uint16: 2 ** 15 - 1,
  int32: -(2 ** 31),
  uint32: 2 ** 31 - 1,
  int64: -(2n ** 63n),
  uint64: 2n ** 63n - 1n,
};

/** TNULL of an integer column that has undefined values or names one; undefined for others. */
export function nullOf(column: ColumnInput, dtype: Dtype): number | bigint | undefined {
  const fallback = NULLS[dtype];
  if (fallback === undefined) return undefined;
  return column.nullValue ?? (column.valid?.includes(0) ? fallback : undefined);
}

/**
 * A copy with undefined values replaced: by the value that stands for them (as stored, hence `zero` is taken off), or NaN for floats.
 *
 * @throws INPUT_INVALID when a valid value equals it
 */
export function withNulls(
  name: string,
  values: NumberArray,
  valid: Uint8Array,
  undefinedValue: number | bigint | undefined,
  zero: number | bigint = 0,
): NumberArray {
  const copy = values.slice() as NumberArray;
  const perValue = values.length / Math.max(1, valid.length);
  if (values instanceof Float32Array || values instanceof Float64Array) {
    for (let at = 0; at < copy.length; at++) if (valid[Math.floor(at / perValue)] === 0) copy[at] = Number.NaN;
    return copy;
  }
  if (undefinedValue === undefined) return copy;
  const big = values instanceof BigInt64Array || values instanceof BigUint64Array;
  const stands = big ? BigInt(undefinedValue) + BigInt(zero) : Number(undefinedValue) + Number(zero);
  for (let at = 0; at < copy.length; at++) {
    if (valid[at] === 0) copy[at] = stands;
    else if (values[at] === stands)
      throw damaged(`column ${name}`, `the value ${stands} means undefined and occurs`, { at }, 'Choose another nullValue.');
  }
  return copy;
}
