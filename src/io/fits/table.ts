/** Tables, binary and ASCII: their columns, all rows, some rows, or row by row in pieces. */
import { checkRange } from '../store/source.ts';
import { asciiColumns, decodeAsciiColumn } from './ascii-table.ts';
import { decodeLogicals, decodeNumbers, gather, textOf, unpackBits } from './cells.ts';
import { type BinaryColumn, binaryColumns, CODES, type ColumnInfo, publicInfo } from './columns.ts';
import { damaged } from './damage.ts';
import { arrayOf, isComplex, type NumberArray, type NumericDtype, sizeOf } from './elements.ts';
import type { FitsHdu } from './file.ts';
import { readHeapColumn } from './heap.ts';
import { type ReadReport, readRanges } from './ranges.ts';

/** Rows that are decoded at once take about this many bytes. */
const CHUNK_BYTES = 2 ** 22;
/** Rows of a table whose rows have no bytes: the file's size does not bound their number. */
const MAX_EMPTY_ROWS = 1e6;

export interface FitsColumn extends ColumnInfo {
  /**
   * All cells one after another: numbers (complex interleaved, logicals and bits as 0 and 1), or strings. Of a variable-length column one
   * array (or string) per row; rows that point at the same bytes share it.
   */
  readonly values: NumberArray | readonly (string | NumberArray)[];
  /** 1 where a value is defined, 0 where it is not (TNULL, logical 0, blank ASCII field); not there when all are. */
  readonly valid?: Uint8Array<ArrayBuffer>;
}

export interface FitsTable {
  /** First row, 0-based, and number of rows. */
  readonly start: number;
  readonly rows: number;
  readonly columns: readonly FitsColumn[];
  /** The first column of this name, capitals or not. Throws INPUT_INVALID that lists what is there. */
  column(name: string): FitsColumn;
}

export interface TableSelection {
  /** Names, capitals or not; all by default. */
  readonly columns?: readonly string[];
  readonly start?: number;
  readonly count?: number;
  /** Text columns of a binary table as the bytes they are (uint8, one more axis): for writers that keep numbers in them. */
  readonly textAsBytes?: boolean;
}

/** What the columns of a table are, from its header alone. Throws INPUT_INVALID when the HDU is no table or its header is damaged. */
export function tableColumns(hdu: FitsHdu): readonly ColumnInfo[] {
  return columnsOf(hdu).map(publicInfo);
}

const columnsOf = (hdu: FitsHdu): readonly ColumnInfo[] => (hdu.type === 'TABLE' ? asciiColumns(hdu) : binaryColumns(hdu));

/** Number of rows. */
export const tableRows = (hdu: FitsHdu): number => hdu.axes[1];

function find<T extends { readonly name: string }>(where: string, columns: readonly T[], name: string): T {
  const found =
    columns.find((column) => column.name === name) ?? columns.find((c) => c.name.toUpperCase() === name.toUpperCase());
  if (found !== undefined) return found;
  const names = columns.map((column) => column.name).join(', ');
  throw damaged(where, `it has no column '${name}', there are ${names}`, undefined, 'Name one of these.');
}

/**
 * Rows of a table.
 *
 * @throws INPUT_INVALID when the HDU is no table, a column is not there, rows are outside, the file ends too early, a descriptor points
 * outside the heap, or an ASCII field is no number
 */
export async function readTable(hdu: FitsHdu, selection: TableSelection = {}, report?: ReadReport): Promise<FitsTable> {
  const { where } = hdu.header;
  const all = columnsOf(hdu);
  const [rowLength, tableLength] = hdu.axes;
  const { start = 0, count = tableLength - start } = selection;
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(count) && start >= 0 && count >= 0 && start + count <= tableLength))
    throw damaged(where, `rows ${start} to ${start + count} are asked for and it has ${tableLength}`, undefined, 'Ask for less.');
  if (rowLength === 0 && count > MAX_EMPTY_ROWS) throw damaged(where, `its ${count} rows have no bytes`);
  const named = selection.columns?.map((name) => find(where, all, name)) ?? all;
  const chosen = selection.textAsBytes && hdu.type === 'BINTABLE' ? named.map((info) => asBytes(info as BinaryColumn)) : named;
  const range = { offset: hdu.dataOffset + start * rowLength, length: count * rowLength };
  checkRange(hdu.source, range.offset, range.length);

  const builders = chosen.map((info) => new ColumnBuilder(hdu, info, count, start));
  await readRanges(
    hdu.source,
    [range],
    Math.max(1, rowLength),
    (bytes, _range, from) => {
      for (const builder of builders) builder.add(bytes, rowLength, rowLength === 0 ? 0 : from / rowLength);
    },
    report,
  );
  const columns: FitsColumn[] = [];
  for (const builder of builders) columns.push(await builder.finish(report));
  return { start, rows: count, columns, column: (name) => find(where, columns, name) };
}

function asBytes(column: BinaryColumn): BinaryColumn {
  if (column.code !== 'A') return column;
  return { ...column, code: 'B', dtype: 'uint8', shape: column.variable ? [] : [...column.shape, column.stringLength] };
}

/**
 * A table in pieces of about `maxBytes` of rows each, for tables larger than memory.
 *
 * @throws as {@link readTable}
 */
export async function* tableChunks(
  hdu: FitsHdu,
  options: { readonly columns?: readonly string[]; readonly maxBytes?: number } = {},
): AsyncGenerator<FitsTable> {
  tableColumns(hdu);
  const [rowLength, rows] = hdu.axes;
  const step = Math.max(1, Math.floor((options.maxBytes ?? CHUNK_BYTES) / Math.max(1, rowLength)));
  for (let start = 0; start < rows; start += step)
    yield await readTable(hdu, { columns: options.columns, start, count: Math.min(step, rows - start) });
}

/** Collects one column over the pieces of a read. */
class ColumnBuilder {
  readonly #hdu: FitsHdu;
  readonly #info: ColumnInfo;
  readonly #rows: number;
  readonly #firstRow: number;
  /** Values of a cell, or strings; complex values count once. */
  readonly #cell: number;
  readonly #numbers: NumberArray | undefined;
  readonly #strings: string[] = [];
  /** Descriptors of a variable-length column. */
  readonly #descriptors: Uint8Array<ArrayBuffer>;
  #valid: Uint8Array<ArrayBuffer> | undefined;

  constructor(hdu: FitsHdu, info: ColumnInfo, rows: number, firstRow: number) {
    this.#hdu = hdu;
    this.#info = info;
    this.#rows = rows;
    this.#firstRow = firstRow;
    this.#cell = sizeOf(info.shape);
    this.#descriptors = new Uint8Array(info.variable ? rows * (info as BinaryColumn).width : 0);
    if (!info.variable && info.dtype !== 'string') this.#numbers = arrayOf(info.dtype as NumericDtype, rows * this.#cell);
  }

  /** Takes whole rows; the first of them is `row` rows after the start of the read. */
  add(bytes: Uint8Array, rowLength: number, row: number): void {
    const rows = rowLength === 0 ? this.#rows : bytes.length / rowLength;
    if (this.#hdu.type === 'TABLE') {
      const decoded = decodeAsciiColumn(this.#hdu, this.#info.number, bytes, rowLength, rows, this.#firstRow + row);
      if (Array.isArray(decoded.values)) this.#pushStrings(decoded.values);
      else this.#place(decoded.values as NumberArray, decoded.valid, row);
      return;
    }
    const column = this.#info as BinaryColumn;
    if (column.variable) this.#descriptors.set(gather(bytes, rowLength, rows, column.offset, column.width), row * column.width);
    else if (column.code === 'A') this.#addText(column, bytes, rowLength, rows);
    else if (column.code === 'X') this.#addBits(column, bytes, rowLength, rows, row);
    else {
      const width = this.#cell * CODES[column.code].bytes;
      const packed = gather(bytes, rowLength, rows, column.offset, width);
      const { values, valid } = column.code === 'L' ? decodeLogicals(packed) : decodeNumbers(packed, column);
      this.#place(values, valid, row);
    }
  }

  #pushStrings(strings: readonly string[]): void {
    for (const text of strings) this.#strings.push(text);
  }

  #addText(column: BinaryColumn, bytes: Uint8Array, rowLength: number, rows: number): void {
    for (let row = 0; row < rows; row++)
      for (let item = 0; item < this.#cell; item++)
        this.#strings.push(textOf(bytes, row * rowLength + column.offset + item * column.stringLength, column.stringLength));
  }

  #addBits(column: BinaryColumn, bytes: Uint8Array, rowLength: number, rows: number, first: number): void {
    for (let row = 0; row < rows; row++)
      unpackBits(bytes, row * rowLength + column.offset, this.#cell, this.#numbers as Uint8Array, (first + row) * this.#cell);
  }

  #place(values: NumberArray, valid: Uint8Array<ArrayBuffer> | undefined, row: number): void {
    const perCell = this.#cell * (isComplex(this.#info.dtype) ? 2 : 1);
    (this.#numbers as Float64Array).set(values as Float64Array, row * perCell);
    if (valid === undefined) return;
    this.#valid ??= new Uint8Array(this.#rows * this.#cell).fill(1);
    this.#valid.set(valid, row * this.#cell);
  }

  async finish(report?: ReadReport): Promise<FitsColumn> {
    if (!this.#info.variable) {
      const values = this.#numbers ?? this.#strings;
      return { ...publicInfo(this.#info), values, ...(this.#valid && { valid: this.#valid }) };
    }
    const values = await readHeapColumn(this.#hdu, this.#info as BinaryColumn, this.#descriptors, this.#firstRow, report);
    // Empty arrays have no descriptors in a column of 0P.
    const empty = this.#info.dtype === 'string' ? '' : arrayOf(this.#info.dtype as NumericDtype, 0);
    return {
      ...publicInfo(this.#info),
      values: values.length === this.#rows ? values : Array.from({ length: this.#rows }, () => empty),
    };
  }
}
