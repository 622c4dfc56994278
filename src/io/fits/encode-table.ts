/** A binary table as header and bytes. */
import type { NewCard } from './card.ts';
import { damaged } from './damage.ts';
import { type ColumnInput, columnWriter } from './encode-column.ts';
import { type EncodedPart, withUserCards } from './encode-header.ts';
import type { FitsHeader } from './header.ts';

/** Rows are put together in pieces of about this size. */
const PIECE_BYTES = 2 ** 20;

export interface TableInput {
  readonly kind: 'table';
  readonly columns: readonly ColumnInput[];
  /** EXTNAME. */
  readonly name?: string;
  /** A header to take along, without what describes its own data. */
  readonly header?: FitsHeader;
  readonly cards?: readonly NewCard[];
}

/**
 * Header and data of a binary table.
 *
 * @throws INPUT_INVALID when columns differ in rows, or a column cannot be written (see {@link columnWriter})
 */
export function tablePart(input: TableInput): EncodedPart {
  const where = input.name ?? 'table';
  if (input.columns.length > 999) throw damaged(where, `it has ${input.columns.length} columns and FITS has room for 999`);
  let heapBytes = 0;
  const writers = input.columns.map((column) => {
    const writer = columnWriter(column, heapBytes);
    heapBytes += writer.heapBytes;
    return writer;
  });
  const rows = writers.find((writer) => writer.rows !== undefined)?.rows ?? 0;
  for (const [index, writer] of writers.entries())
    if (writer.rows !== undefined && writer.rows !== rows)
      throw damaged(`${where} column ${input.columns[index].name}`, `it has ${writer.rows} rows and others have ${rows}`);
  const rowLength = writers.reduce((sum, { width }) => sum + width, 0);
  const structure: NewCard[] = [
    { keyword: 'BITPIX', value: 8 },
    { keyword: 'NAXIS', value: 2 },
    { keyword: 'NAXIS1', value: rowLength, comment: 'bytes in a row' },
    { keyword: 'NAXIS2', value: rows, comment: 'rows' },
    { keyword: 'PCOUNT', value: heapBytes },
    { keyword: 'GCOUNT', value: 1 },
    { keyword: 'TFIELDS', value: writers.length },
    ...writers.flatMap(({ cards }, index) => cards(index + 1)),
  ];
  const header = withUserCards(structure, [], input);
  return {
    extension: 'BINTABLE',
    header,
    *data() {
      const step = Math.max(1, Math.floor(PIECE_BYTES / Math.max(1, rowLength)));
      for (let start = 0; start < rows && rowLength > 0; start += step) {
        const count = Math.min(step, rows - start);
        const piece = new Uint8Array(count * rowLength);
        let offset = 0;
        for (const { width, encode } of writers) {
          scatter(encode(start, count), piece, rowLength, count, offset, width);
          offset += width;
        }
        yield piece;
      }
      for (const { heap } of writers) yield* heap();
    },
  };
}

function scatter(column: Uint8Array, piece: Uint8Array, rowLength: number, rows: number, offset: number, width: number): void {
  for (let row = 0, to = offset, from = 0; row < rows; row++, to += rowLength)
    for (let byte = 0; byte < width; byte++) piece[to + byte] = column[from++];
}
