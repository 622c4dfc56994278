/** Columns of a binary table as its header declares them (FITS Standard 4.0, section 7.3). */
import { damaged } from './damage.ts';
import { type Dtype, type NumericDtype, sizeOf } from './elements.ts';
import type { FitsHdu } from './file.ts';
import type { FitsHeader } from './header.ts';

export type TypeCode = 'L' | 'X' | 'B' | 'I' | 'J' | 'K' | 'A' | 'E' | 'D' | 'C' | 'M' | 'P' | 'Q';

/** Bytes of one element and its type; X counts in bits, A is text, P and Q are descriptors. */
export const CODES: Readonly<Record<TypeCode, { bytes: number; dtype: Dtype }>> = {
  L: { bytes: 1, dtype: 'bool' },
  X: { bytes: 1 / 8, dtype: 'bool' },
  B: { bytes: 1, dtype: 'uint8' },
  I: { bytes: 2, dtype: 'int16' },
  J: { bytes: 4, dtype: 'int32' },
  K: { bytes: 8, dtype: 'int64' },
  A: { bytes: 1, dtype: 'string' },
  E: { bytes: 4, dtype: 'float32' },
  D: { bytes: 8, dtype: 'float64' },
  C: { bytes: 8, dtype: 'complex64' },
  M: { bytes: 16, dtype: 'complex128' },
  P: { bytes: 8, dtype: 'int32' },
  Q: { bytes: 16, dtype: 'int64' },
};

/** TZEROn by which unsigned integers (and signed bytes) are kept. */
export const COLUMN_SHIFTS: Readonly<Partial<Record<TypeCode, readonly [zero: number, dtype: NumericDtype]>>> = {
  B: [-128, 'int8'],
  I: [2 ** 15, 'uint16'],
  J: [2 ** 31, 'uint32'],
  K: [2 ** 63, 'uint64'],
};

/** A column of a table, before its values are read. */
export interface ColumnInfo {
  /** TTYPEn, or colN where it is missing, as numpy users know it. */
  readonly name: string;
  /** 1-based, as in the keywords. */
  readonly number: number;
  /** TFORMn as it stands. */
  readonly format: string;
  readonly unit: string | undefined;
  /** TDISPn. */
  readonly display: string | undefined;
  /** Type of the values after scaling. */
  readonly dtype: Dtype;
  /** Shape of one cell in numpy order, [] for a scalar; of a variable-length column always []. */
  readonly shape: readonly number[];
  /** Set for a variable-length column (P or Q): each cell is an array, or text, of its own length. */
  readonly variable: boolean;
  /** TNULLn of an integer column, as stored. */
  readonly nullValue: number | bigint | undefined;
}

/** What users see of a column: the rest is for the decoder. */
export function publicInfo(column: ColumnInfo): ColumnInfo {
  const { name, number, format, unit, display, dtype, shape, variable, nullValue } = column;
  return { name, number, format, unit, display, dtype, shape, variable, nullValue };
}

/** What it takes to decode a column of a binary table. */
export interface BinaryColumn extends ColumnInfo {
  /** Code of the elements; of those in the heap for a variable-length column. */
  readonly code: Exclude<TypeCode, 'P' | 'Q'>;
  /** 'P' or 'Q' of a variable-length column. */
  readonly descriptor: 'P' | 'Q' | undefined;
  /** Elements of a row that TFORM reserves; TDIM may use fewer. */
  readonly repeat: number;
  /** First byte in a row, and bytes. */
  readonly offset: number;
  readonly width: number;
  /** Characters of one string of a cell. */
  readonly stringLength: number;
  /** Add half the range: unsigned integers and signed bytes. */
  readonly shifted: boolean;
  readonly scale: number;
  readonly zero: number;
}

interface Format {
  code: TypeCode;
  repeat: number;
  /** P and Q: code of the elements. */
  element: Exclude<TypeCode, 'P' | 'Q'> | undefined;
}

/** Reads TFORMn: rT, rPT(max), and A20 for 20A, which some writers mean. Undefined when it is none. */
export function parseFormat(text: string): Format | undefined {
  const found = /^\s*(\d{0,15})([LXBIJKAEDCMPQ])(.*)$/.exec(text.toUpperCase());
  if (found === null) return undefined;
  const code = found[2] as TypeCode;
  const repeat = found[1] === '' ? 1 : Number(found[1]);
  if (code === 'P' || code === 'Q') {
    const element = /^\s*([LXBIJKAEDCM])/.exec(found[3])?.[1] as Format['element'];
    return element === undefined || repeat > 1 ? undefined : { code, repeat, element };
  }
  const width = /^\d{1,15}/.exec(found[3]);
  return { code, repeat: code === 'A' && found[1] === '' && width ? Number(width[0]) : repeat, element: undefined };
}

/** TDIMn in numpy order, or undefined when it is missing or no list of sizes. */
export function parseDimensions(text: string | undefined): number[] | undefined {
  const found = text === undefined ? null : /^\(([\d\s,]+)\)$/.exec(text);
  if (found === null) return undefined;
  const sizes = found[1].split(',').map((size) => Number(size));
  return sizes.every((size) => Number.isSafeInteger(size)) ? sizes.reverse() : undefined;
}

/**
 * The columns of a binary table.
 *
 * @throws INPUT_INVALID when a TFORM is none, or the columns take more bytes than NAXIS1
 */
export function binaryColumns(hdu: FitsHdu): BinaryColumn[] {
  const { header } = hdu;
  if (hdu.type !== 'BINTABLE' && hdu.type !== 'COMPRESSED_IMAGE')
    throw damaged(header.where, `it is a ${hdu.type} HDU, not a binary table`, undefined, 'Name a table HDU.');
  if (hdu.axes.length !== 2 || hdu.bitpix !== 8 || hdu.gcount !== 1)
    throw damaged(
      header.where,
      `a table has BITPIX 8, two axes and GCOUNT 1, this has ${hdu.bitpix}, ${hdu.axes.length}, ${hdu.gcount}`,
    );
  const fields = header.integer('TFIELDS', { min: 0, max: 999 });
  const columns: BinaryColumn[] = [];
  let offset = 0;
  for (let number = 1; number <= fields; number++) {
    const column = binaryColumn(header, number, offset);
    offset += column.width;
    columns.push(column);
  }
  if (offset > hdu.axes[0])
    throw damaged(`${header.where} NAXIS1`, `its columns take ${offset} bytes of a row and NAXIS1 is ${hdu.axes[0]}`);
  return columns;
}

function binaryColumn(header: FitsHeader, number: number, offset: number): BinaryColumn {
  const format = header.text(`TFORM${number}`) ?? '';
  const parsed = parseFormat(format);
  if (parsed === undefined) throw damaged(`${header.where} TFORM${number}`, `'${format}' is no column format`);
  const code = (parsed.element ?? parsed.code) as BinaryColumn['code'];
  const variable = parsed.element !== undefined;
  const { bytes, dtype } = CODES[code];
  const dimensions = variable ? undefined : parseDimensions(header.text(`TDIM${number}`));
  const fitting = dimensions !== undefined && sizeOf(dimensions) <= parsed.repeat ? dimensions : undefined;
  const isNumber = dtype !== 'string' && dtype !== 'bool';
  const scale = isNumber ? header.number(`TSCAL${number}`, 1) : 1;
  const zero = isNumber ? header.number(`TZERO${number}`, 0) : 0;
  const shift = COLUMN_SHIFTS[code];
  const shifted = scale === 1 && shift?.[0] === zero;
  const scaled = !shifted && (scale !== 1 || zero !== 0);
  const scaledType = dtype === 'complex64' || dtype === 'complex128' ? 'complex128' : 'float64';
  return {
    name: header.text(`TTYPE${number}`) ?? `col${number}`,
    number,
    format,
    unit: header.text(`TUNIT${number}`),
    display: header.text(`TDISP${number}`),
    dtype: shifted ? shift[1] : scaled ? scaledType : dtype,
    shape: cellShape(code, variable, parsed.repeat, fitting),
    variable,
    code,
    descriptor: variable ? (parsed.code as 'P' | 'Q') : undefined,
    repeat: parsed.repeat,
    offset,
    width: Math.ceil(parsed.repeat * (variable ? CODES[parsed.code].bytes : bytes)),
    stringLength: fitting?.at(-1) ?? parsed.repeat,
    shifted,
    scale,
    zero,
    nullValue: nullOf(header, number, code),
  };
}

function cellShape(code: TypeCode, variable: boolean, repeat: number, dimensions: number[] | undefined): number[] {
  if (variable) return [];
  if (code === 'A') return dimensions?.slice(0, -1) ?? [];
  return dimensions ?? (repeat === 1 && code !== 'X' ? [] : [repeat]);
}

/** TNULLn, which only integers have. */
function nullOf(header: FitsHeader, number: number, code: TypeCode): number | bigint | undefined {
  if (!'BIJK'.includes(code)) return undefined;
  const value = header.value(`TNULL${number}`);
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)) ? value : undefined;
}
