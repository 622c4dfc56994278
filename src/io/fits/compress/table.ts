/** The binary table around the tiles: where a row keeps its descriptors and its scale, and where the heap lies. */
import { whole } from './info.ts';
import { damaged, type HeaderView } from './types.ts';

/** Bytes of one element of a column type (FITS Standard 4.0, table 18). */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  L: 1,
  B: 1,
  I: 2,
  J: 4,
  K: 8,
  A: 1,
  E: 4,
  D: 8,
  C: 8,
  M: 16,
};

/** One column: its first byte in a row and its type; `array` is P or Q where the row keeps a descriptor into the heap. */
export interface TableColumn {
  readonly offset: number;
  readonly type: string;
  readonly array: 'P' | 'Q' | undefined;
  readonly elementBytes: number;
}

export interface TableLayout {
  readonly rows: number;
  readonly rowBytes: number;
  /** Start of the heap, from the start of the data unit. */
  readonly heapOffset: number;
  readonly heapBytes: number;
  readonly columns: Readonly<Record<string, TableColumn | undefined>>;
}

/** Length in elements and offset in the heap of one variable-length array. */
export interface Descriptor {
  readonly count: number;
  readonly offset: number;
}

/** Layout of the table from NAXISn, TTYPEn, TFORMn, PCOUNT and THEAP; INPUT_INVALID where they contradict one another. */
export function tableLayout(header: HeaderView, name: string): TableLayout {
  const rowBytes = whole(header, name, 'NAXIS1');
  const rows = whole(header, name, 'NAXIS2');
  const extra = whole(header, name, 'PCOUNT', 0);
  const fields = whole(header, name, 'TFIELDS');
  if (rowBytes < 0 || rows < 0 || extra < 0 || !Number.isSafeInteger(rowBytes * rows + extra)) {
    throw damaged(name, `a table of ${rows} rows of ${rowBytes} bytes and ${extra} more is absurd`);
  }
  if (fields < 0 || fields > 999) throw damaged(name, `TFIELDS = ${fields} is not in 0 .. 999`);
  const heapOffset = whole(header, name, 'THEAP', rowBytes * rows);
  const heapBytes = rowBytes * rows + extra - heapOffset;
  if (heapOffset < rowBytes * rows || heapBytes < 0) {
    throw damaged(name, `THEAP = ${heapOffset} is not between the end of the table, ${rowBytes * rows}, and the end of the data`);
  }
  const columns: Record<string, TableColumn> = {};
  let offset = 0;
  for (let field = 1; field <= fields; field++) {
    const format = String(header.get(`TFORM${field}`) ?? '').trim();
    const found = /^(\d{0,9})(?:([LXBIJKAEDCM])|([PQ])([LXBIJKAEDCM]))/.exec(format);
    if (found === null) throw damaged(name, `TFORM${field} = '${format}' is no column format`);
    const repeat = found[1] === '' ? 1 : Number(found[1]);
    const array = found[3] as 'P' | 'Q' | undefined;
    const type = found[2] ?? found[4];
    const elementBytes = ELEMENT_BYTES[type] ?? 1;
    const key = String(header.get(`TTYPE${field}`) ?? `column ${field}`).trim();
    if (repeat > 0) columns[key.toUpperCase()] ??= { offset, type, array, elementBytes };
    if (array !== undefined) offset += repeat * (array === 'P' ? 8 : 16);
    else offset += type === 'X' ? Math.ceil(repeat / 8) : repeat * elementBytes;
  }
  if (offset > rowBytes) throw damaged(name, `the columns take ${offset} bytes of a row, and NAXIS1 is ${rowBytes}`);
  return { rows, rowBytes, heapOffset, heapBytes, columns };
}

/** The descriptor of `column` in the row that starts at `row` of `view`; undefined when the table has no such column. */
export function descriptorAt(view: DataView, row: number, column: TableColumn | undefined): Descriptor | undefined {
  if (column?.array === undefined) return undefined;
  const at = row + column.offset;
  if (column.array === 'P') return { count: view.getUint32(at), offset: view.getUint32(at + 4) };
  return { count: Number(view.getBigUint64(at)), offset: Number(view.getBigUint64(at + 8)) };
}

/** The number in `column` of a row; undefined when the table has no such column or it is not numeric. */
export function numberAt(view: DataView, row: number, column: TableColumn | undefined): number | undefined {
  if (column === undefined || column.array !== undefined) return undefined;
  const at = row + column.offset;
  switch (column.type) {
    case 'D':
      return view.getFloat64(at);
    case 'E':
      return view.getFloat32(at);
    case 'J':
      return view.getInt32(at);
    case 'K':
      return Number(view.getBigInt64(at));
    case 'I':
      return view.getInt16(at);
    case 'B':
      return view.getUint8(at);
    default:
      return undefined;
  }
}
