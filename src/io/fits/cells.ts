/** Bytes of table cells to values: one column at a time over many rows. */
import type { BinaryColumn } from './columns.ts';
import { arrayOf, bytesOf, isComplex, type NumberArray, type NumericDtype, swapBytes, viewAs } from './elements.ts';
import { flipSign } from './pixels.ts';

/** Values of cells and, where some are undefined, which are not (1 valid, 0 undefined). */
export interface Values {
  readonly values: NumberArray;
  readonly valid: Uint8Array<ArrayBuffer> | undefined;
}

const STORED: Readonly<Record<string, NumericDtype>> = {
  B: 'uint8',
  I: 'int16',
  J: 'int32',
  K: 'int64',
  E: 'float32',
  D: 'float64',
  C: 'complex64',
  M: 'complex128',
};

/** Text of bytes: it ends at the first NUL, and blanks at its end do not count. Bytes beyond ASCII are latin-1. */
export function textOf(bytes: Uint8Array, start: number, length: number): string {
  let end = start;
  const stop = start + length;
  while (end < stop && bytes[end] !== 0) end++;
  while (end > start && bytes[end - 1] === 0x20) end--;
  let text = '';
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]);
  return text;
}

/** `count` bits, the highest of each byte first, from byte `start` on: 1 or 0 each. */
export function unpackBits(bytes: Uint8Array, start: number, count: number, out: Uint8Array, at: number): void {
  for (let bit = 0; bit < count; bit++) out[at + bit] = (bytes[start + (bit >>> 3)] >>> (7 - (bit & 7))) & 1;
}

/**
 * Logical bytes: T is 1, all else 0; a zero byte is undefined. Some writers kept 0 and 1 instead of F and T: `zeroOne` reads those.
 */
export function decodeLogicals(bytes: Uint8Array, zeroOne = false): Values {
  const values = new Uint8Array(bytes.length);
  let valid: Uint8Array<ArrayBuffer> | undefined;
  for (let at = 0; at < bytes.length; at++) {
    values[at] = zeroOne ? bytes[at] : bytes[at] === 0x54 ? 1 : 0;
    if (bytes[at] === 0 && !zeroOne) {
      valid ??= new Uint8Array(bytes.length).fill(1);
      valid[at] = 0;
    }
  }
  return { values, valid };
}

/** Contiguous big-endian numbers of a column to values, scaled; undefined ones are marked, and NaN where the values are floats. */
export function decodeNumbers(bytes: Uint8Array, column: BinaryColumn): Values {
  const dtype = STORED[column.code];
  const elements = bytes.length / arrayOf(dtype, 1).byteLength;
  const stored = arrayOf(dtype, elements);
  const width = isComplex(dtype) ? stored.BYTES_PER_ELEMENT : stored.byteLength / Math.max(1, elements);
  swapBytes(bytes, bytesOf(stored), width);
  const valid = validOf(stored, column.nullValue);
  if (column.shifted) {
    const values = viewAs(column.dtype as NumericDtype, stored.buffer);
    flipSign(values, 0, values.length);
    return { values, valid };
  }
  if (column.scale === 1 && column.zero === 0) return { values: stored, valid };
  const values = new Float64Array(stored.length);
  for (let at = 0; at < stored.length; at++) values[at] = Number(stored[at]) * column.scale + column.zero;
  if (isComplex(dtype)) for (let at = 1; at < stored.length; at += 2) values[at] -= column.zero;
  if (valid) for (let at = 0; at < valid.length; at++) if (valid[at] === 0) values[at] = Number.NaN;
  return { values, valid };
}

function validOf(stored: NumberArray, nullValue: number | bigint | undefined): Uint8Array<ArrayBuffer> | undefined {
  if (nullValue === undefined) return undefined;
  const undefinedValue = stored instanceof BigInt64Array ? BigInt(nullValue) : Number(nullValue);
  let valid: Uint8Array<ArrayBuffer> | undefined;
  for (let at = 0; at < stored.length; at++) {
    if (stored[at] !== undefinedValue) continue;
    valid ??= new Uint8Array(stored.length).fill(1);
    valid[at] = 0;
  }
  return valid;
}

/** The bytes of one column of `rows` rows, side by side: `width` bytes from `offset` of each row. */
export function gather(
  rowBytes: Uint8Array,
  rowLength: number,
  rows: number,
  offset: number,
  width: number,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(rows * width);
  // Byte loops of fixed length are several times as fast as a subarray per row.
  for (let row = 0, from = offset, to = 0; row < rows; row++, from += rowLength)
    for (let byte = 0; byte < width; byte++) out[to++] = rowBytes[from + byte];
  return out;
}
