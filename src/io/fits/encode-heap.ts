/** A variable-length column to be written: descriptors in the rows, arrays in the heap. */
import { damaged } from './damage.ts';
import { type Dtype, isComplex, type NumberArray } from './elements.ts';
import { type ColumnInput, type ColumnWriter, commonCards, numericType, WRITTEN } from './encode-column.ts';
import { bigEndianBytes } from './encode-image.ts';
import { packBits, packLogicals, packText } from './encode-text.ts';

/** Offsets up to here fit a P descriptor. */
const NARROW = 2 ** 31 - 1;

/** As {@link columnWriter}, for one array or string per row. */
export function heapColumnWriter(column: ColumnInput, heapStart: number): ColumnWriter {
  const cells = column.values as readonly (string | NumberArray)[];
  if (!Array.isArray(cells)) throw damaged(`column ${column.name}`, 'a variable-length column has one array or string per row');
  if (column.shape !== undefined && column.shape.length > 0)
    throw damaged(`column ${column.name}`, `a variable-length column has no cell shape, [${column.shape}] is given`);
  const kind = kindOf(column, cells);
  const offsets = new Float64Array(cells.length + 1);
  offsets[0] = heapStart;
  let longest = 0;
  for (const [row, cell] of cells.entries()) {
    const count = kind.count(cell);
    longest = Math.max(longest, count);
    offsets[row + 1] = offsets[row] + Math.ceil(count * kind.bytes);
  }
  const heapBytes = offsets[cells.length] - heapStart;
  const wide = heapStart + heapBytes > NARROW;
  const width = wide ? 16 : 8;
  return {
    rows: cells.length,
    width,
    heapBytes,
    cards: (number) =>
      commonCards(column, number, `1${wide ? 'Q' : 'P'}${kind.code}(${longest})`, {
        TSCAL: column.scale ?? (kind.zero === undefined ? undefined : 1),
        TZERO: column.zero ?? kind.zero,
      }),
    encode(start, count) {
      const bytes = new Uint8Array(count * width);
      const view = new DataView(bytes.buffer);
      for (let row = 0; row < count; row++) {
        const length = kind.count(cells[start + row]);
        const offset = offsets[start + row];
        if (wide) {
          view.setBigInt64(16 * row, BigInt(length));
          view.setBigInt64(16 * row + 8, BigInt(offset));
        } else {
          view.setInt32(8 * row, length);
          view.setInt32(8 * row + 4, offset);
        }
      }
      return bytes;
    },
    *heap() {
      for (const cell of cells) yield kind.encode(cell);
    },
  };
}

interface Kind {
  readonly code: string;
  /** Bytes of an element. */
  readonly bytes: number;
  readonly zero?: number | bigint;
  count(cell: string | NumberArray): number;
  encode(cell: string | NumberArray): Uint8Array;
}

function kindOf(column: ColumnInput, cells: readonly (string | NumberArray)[]): Kind {
  const { name } = column;
  const text = cells.length > 0 ? typeof cells[0] === 'string' : column.dtype === 'string';
  if (cells.some((cell) => (typeof cell === 'string') !== text)) throw damaged(`column ${name}`, 'it mixes text and numbers');
  if (text) {
    const encode = (cell: string | NumberArray) => packText(name, [cell as string], cell.length);
    return { code: 'A', bytes: 1, count: (cell) => cell.length, encode };
  }
  const arrays = cells as readonly NumberArray[];
  const dtype: Exclude<Dtype, 'string'> =
    arrays.length > 0 ? numericType(column, arrays[0]) : ((column.dtype ?? 'float64') as 'float64');
  for (const array of arrays)
    if (array.constructor !== arrays[0].constructor) throw damaged(`column ${name}`, 'its arrays are of different types');
  if (dtype === 'bool' && column.bits) {
    const encode = (cell: string | NumberArray) => packBits(cell as Uint8Array, cell.length);
    return { code: 'X', bytes: 1 / 8, count: (cell) => cell.length, encode };
  }
  const written = WRITTEN[dtype];
  const per = isComplex(dtype) ? 2 : 1;
  return {
    ...written,
    count: (cell) => cell.length / per,
    encode: (cell) => (dtype === 'bool' ? packLogicals(cell as Uint8Array) : bigEndianBytes(cell as NumberArray)),
  };
}
