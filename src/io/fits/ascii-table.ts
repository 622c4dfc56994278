/** ASCII tables (FITS Standard 4.0, section 7.2): text fields of fixed width. */
import { textOf } from './cells.ts';
import type { ColumnInfo } from './columns.ts';
import { damaged } from './damage.ts';
import { arrayOf, type Dtype, type NumberArray, type NumericDtype } from './elements.ts';
import type { FitsHdu } from './file.ts';
import type { FitsHeader } from './header.ts';

export interface AsciiColumn extends ColumnInfo {
  readonly code: 'A' | 'I' | 'F' | 'E' | 'D';
  readonly offset: number;
  readonly width: number;
  /** Digits behind the point when the field has no point. */
  readonly decimals: number;
  readonly scale: number;
  readonly zero: number;
  /** TNULLn without outer blanks. */
  readonly nullText: string | undefined;
}

/** Columns of an ASCII table. Throws INPUT_INVALID when a TFORM or TBCOL is none, or a field lies outside the row. */
export function asciiColumns(hdu: FitsHdu): AsciiColumn[] {
  const { header } = hdu;
  if (hdu.axes.length !== 2 || hdu.bitpix !== 8)
    throw damaged(header.where, `an ASCII table has BITPIX 8 and two axes, this has ${hdu.bitpix} and ${hdu.axes.length}`);
  const fields = header.integer('TFIELDS', { min: 0, max: 999 });
  return Array.from({ length: fields }, (_, index) => asciiColumn(header, index + 1, hdu.axes[0]));
}

function asciiColumn(header: FitsHeader, number: number, rowLength: number): AsciiColumn {
  const format = header.text(`TFORM${number}`) ?? '';
  const found = /^([AIFED])(\d{1,9})(?:\.(\d{1,9}))?$/.exec(format.toUpperCase());
  if (found === null) throw damaged(`${header.where} TFORM${number}`, `'${format}' is no format of an ASCII column`);
  const code = found[1] as AsciiColumn['code'];
  const width = Number(found[2]);
  const offset = header.integer(`TBCOL${number}`, { min: 1 }) - 1;
  if (offset + width > rowLength)
    throw damaged(`${header.where} TBCOL${number}`, `its field of ${width} at ${offset + 1} is not inside a row of ${rowLength}`);
  const scale = code === 'A' ? 1 : header.number(`TSCAL${number}`, 1);
  const zero = code === 'A' ? 0 : header.number(`TZERO${number}`, 0);
  const nullValue = header.value(`TNULL${number}`);
  return {
    name: header.text(`TTYPE${number}`) ?? `col${number}`,
    number,
    format,
    unit: header.text(`TUNIT${number}`),
    display: header.text(`TDISP${number}`),
    dtype: dtypeOf(code, width, scale !== 1 || zero !== 0),
    shape: [],
    variable: false,
    nullValue: undefined,
    code,
    offset,
    width,
    decimals: Number(found[3] ?? 0),
    scale,
    zero,
    nullText: nullValue === undefined ? undefined : String(nullValue).trim().slice(0, width),
  };
}

/** As astropy and cfitsio: the width of an integer field says how many bits its values may need. */
function dtypeOf(code: AsciiColumn['code'], width: number, scaled: boolean): Dtype {
  if (code === 'A') return 'string';
  if (code !== 'I' || scaled) return 'float64';
  return width <= 4 ? 'int16' : width <= 9 ? 'int32' : 'int64';
}

/**
 * One column of `rows` rows. A field that is blank or equals TNULL is undefined: 0 for integers, NaN for floats, marked in `valid`.
 *
 * @throws INPUT_INVALID for a field that is no number, naming its row
 */
export function decodeAsciiColumn(
  hdu: FitsHdu,
  number: number,
  bytes: Uint8Array,
  rowLength: number,
  rows: number,
  firstRow: number,
): { values: NumberArray | string[]; valid: Uint8Array<ArrayBuffer> | undefined } {
  const column = asciiColumn(hdu.header, number, rowLength);
  const field = (row: number): string => textOf(bytes, row * rowLength + column.offset, column.width);
  if (column.code === 'A') return { values: Array.from({ length: rows }, (_, row) => field(row)), valid: undefined };
  const values = arrayOf(column.dtype as NumericDtype, rows);
  let valid: Uint8Array<ArrayBuffer> | undefined;
  for (let row = 0; row < rows; row++) {
    const text = field(row).trim();
    if (text === '' || text === column.nullText) {
      valid ??= new Uint8Array(rows).fill(1);
      valid[row] = 0;
      if (column.dtype === 'float64') values[row] = Number.NaN;
      continue;
    }
    const value = parseField(text, column);
    if (value === undefined)
      throw damaged(
        `${hdu.header.where} column ${column.name} row ${firstRow + row}`,
        `'${text}' is no number of ${column.format}`,
      );
    values[row] = value;
  }
  return { values, valid };
}

function parseField(text: string, column: AsciiColumn): number | bigint | undefined {
  if (column.code === 'I') {
    if (!/^[+-]?\d+$/.test(text)) return undefined;
    if (column.dtype === 'int64') return inInt64(BigInt(text.replace(/^\+/, '')));
    return Number(text) * column.scale + column.zero;
  }
  const found = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eEdD]?([+-]?\d+))?$/.exec(text.replaceAll(' ', ''));
  if (found === null) return undefined;
  const value = Number(`${found[1]}e${found[2] ?? 0}`);
  // A field without a point has an implied one.
  const scaled = found[1].includes('.') || column.decimals === 0 ? value : value / 10 ** column.decimals;
  return scaled * column.scale + column.zero;
}

function inInt64(value: bigint): bigint | undefined {
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
