/** Variable-length arrays: descriptors in the rows, elements in the heap (FITS Standard 4.0, section 7.3.5). */
import { decodeLogicals, decodeNumbers, textOf, unpackBits } from './cells.ts';
import type { BinaryColumn } from './columns.ts';
import { CODES } from './columns.ts';
import { damaged } from './damage.ts';
import type { NumberArray } from './elements.ts';
import type { FitsHdu } from './file.ts';
import { type ReadReport, readRanges } from './ranges.ts';

export interface Heap {
  /** In the source. */
  readonly offset: number;
  readonly bytes: number;
}

/** Arrays may share bytes of the heap, but not more than this many times over: a small file cannot ask for a large memory. */
const SHARING = 4;

/** Where the heap lies. Throws INPUT_INVALID when THEAP points into the rows or behind the data. */
export function heapOf(hdu: FitsHdu): Heap {
  const table = hdu.axes[0] * hdu.axes[1];
  const start = hdu.header.integer('THEAP', { min: table, max: table + hdu.pcount, fallback: table });
  return { offset: hdu.dataOffset + start, bytes: table + hdu.pcount - start };
}

/** The cells of a variable-length column. Rows with the same descriptor share one array. */
export async function readHeapColumn(
  hdu: FitsHdu,
  column: BinaryColumn,
  descriptors: Uint8Array,
  firstRow: number,
  report?: ReadReport,
): Promise<(NumberArray | string)[]> {
  const heap = heapOf(hdu);
  const wanted = descriptorsOf(hdu, column, descriptors, firstRow, heap);
  const distinct = [...new Map(wanted.map((range) => [range.key, range])).values()].sort((a, b) => a.offset - b.offset);
  const total = distinct.reduce((sum, { length }) => sum + length, 0);
  if (total > SHARING * heap.bytes)
    throw damaged(
      `${hdu.header.where} column ${column.name}`,
      `its arrays take ${total} bytes of a heap of ${heap.bytes}, so they overlap`,
    );
  const parts = new Map<string, Uint8Array>();
  const ranges = distinct.map(({ offset, length }) => ({ offset: heap.offset + offset, length }));
  await readRanges(
    hdu.source,
    ranges,
    16,
    (bytes, index, from) => {
      const { key, length } = distinct[index];
      const whole = parts.get(key) ?? new Uint8Array(length);
      whole.set(bytes, from);
      parts.set(key, whole);
    },
    report,
  );
  const zeroOne = column.code === 'L' && keptAsZeroOne(parts.values());
  const cells = new Map(
    distinct.map(({ key, count }) => [key, decodeCell(column, parts.get(key) ?? new Uint8Array(0), count, zeroOne)]),
  );
  return wanted.map(({ key }) => cells.get(key) as NumberArray | string);
}

interface Wanted {
  readonly key: string;
  readonly count: number;
  readonly offset: number;
  readonly length: number;
}

function descriptorsOf(hdu: FitsHdu, column: BinaryColumn, bytes: Uint8Array, firstRow: number, heap: Heap): Wanted[] {
  // A column of 0P has no descriptors: every cell is empty.
  if (column.width === 0) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = column.descriptor === 'Q';
  return Array.from({ length: bytes.length / column.width }, (_, row) => {
    const at = row * column.width;
    const count = wide ? Number(view.getBigInt64(at)) : view.getInt32(at);
    // An empty array may point anywhere.
    const offset = count === 0 ? 0 : wide ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
    const length = Math.ceil(count * CODES[column.code].bytes);
    if (count >= 0 && offset >= 0 && offset + length <= heap.bytes) return { key: `${count}:${offset}`, count, offset, length };
    throw damaged(
      `${hdu.header.where} column ${column.name} row ${firstRow + row}`,
      `its array of ${count} at ${offset} is not inside the heap of ${heap.bytes} bytes`,
      { row: firstRow + row, count, offset },
    );
  });
}

/** Writers of the past kept logical arrays as bytes 0 and 1: no T or F, but a 1, gives them away. */
function keptAsZeroOne(parts: Iterable<Uint8Array>): boolean {
  let one = false;
  for (const bytes of parts) {
    for (const byte of bytes) {
      if (byte > 1) return false;
      one ||= byte === 1;
    }
  }
  return one;
}

function decodeCell(column: BinaryColumn, bytes: Uint8Array, count: number, zeroOne: boolean): NumberArray | string {
  if (column.code === 'A') return textOf(bytes, 0, bytes.length);
  if (column.code === 'L') return decodeLogicals(bytes, zeroOne).values;
  if (column.code !== 'X') return decodeNumbers(bytes, column).values;
  const bits = new Uint8Array(count);
  unpackBits(bytes, 0, count, bits, 0);
  return bits;
}
