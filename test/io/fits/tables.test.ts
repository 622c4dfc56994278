import { describe, expect, it } from 'vitest';
import {
  type ColumnInput,
  type FitsHdu,
  readTable,
  tableChunks,
  tableColumns,
  tableRows,
  verifyChecksums,
} from '../../../src/io/fits/index.ts';
import { headerBytes, join, open, rewritten } from './support.ts';

async function written(...columns: ColumnInput[]): Promise<FitsHdu> {
  return (await rewritten({ kind: 'table', name: 'CAT', columns })).hdu('cat');
}

const COLUMNS: readonly (ColumnInput & { format: string })[] = [
  { name: 'l', format: '1L', values: Uint8Array.of(1, 0, 1), dtype: 'bool' },
  {
    name: 'x',
    format: '10X',
    values: Uint8Array.from({ length: 30 }, (_, bit) => Number(bit % 3 === 0)),
    dtype: 'bool',
    bits: true,
    shape: [10],
  },
  { name: 'u1', format: '1B', values: Uint8Array.of(0, 127, 255) },
  { name: 'i1', format: '1B', values: Int8Array.of(-128, 0, 127) },
  { name: 'i2', format: '2I', values: Int16Array.of(1, -2, 3, -4, 32767, -32768), shape: [2] },
  { name: 'u2', format: '1I', values: Uint16Array.of(0, 40_000, 65_535) },
  { name: 'i4', format: '1J', values: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1), unit: 's', display: 'I12' },
  { name: 'u4', format: '1J', values: Uint32Array.of(0, 3e9, 2 ** 32 - 1) },
  { name: 'i8', format: '1K', values: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n) },
  { name: 'u8', format: '1K', values: BigUint64Array.of(0n, 2n ** 63n, 2n ** 64n - 1n) },
  { name: 'f4', format: '6E', values: Float32Array.from({ length: 18 }, (_, index) => index / 3), shape: [2, 3] },
  { name: 'f8', format: '1D', values: Float64Array.of(Number.NaN, Math.PI, Number.NEGATIVE_INFINITY) },
  { name: 'c4', format: '1C', values: Float32Array.of(1, 2, 3, 4, 5, 6), dtype: 'complex64' },
  { name: 'c8', format: '2M', values: Float64Array.from({ length: 12 }, (_, index) => index), dtype: 'complex128', shape: [2] },
  { name: 's', format: '5A', values: ['a', "it's", 'hello'] },
  { name: 'ss', format: '4A', values: ['a', 'bc', '', 'd', 'ef', 'g'], shape: [2] },
  { name: 'pf', format: '1PE(2)', values: [Float32Array.of(1, 2), new Float32Array(0), Float32Array.of(3)], variable: true },
  { name: 'pu', format: '1PI(2)', values: [Uint16Array.of(65_535), Uint16Array.of(1, 2), new Uint16Array(0)], variable: true },
  {
    name: 'pc',
    format: '1PC(1)',
    values: [Float32Array.of(1, 2), new Float32Array(0), Float32Array.of(3, 4)],
    variable: true,
    dtype: 'complex64',
  },
  { name: 'ps', format: '1PA(11)', values: ['variable', 'in', 'length text'], variable: true },
  {
    name: 'pl',
    format: '1PL(3)',
    values: [Uint8Array.of(1, 0, 1), Uint8Array.of(0), Uint8Array.of(1)],
    variable: true,
    dtype: 'bool',
  },
  {
    name: 'px',
    format: '1PX(9)',
    values: [Uint8Array.of(1, 0, 1, 1, 0, 0, 0, 0, 1), Uint8Array.of(1), new Uint8Array(0)],
    variable: true,
    dtype: 'bool',
    bits: true,
  },
];

describe('binary tables', async () => {
  const hdu = await written(...COLUMNS);

  it.each(COLUMNS.map((column) => [column.name, column] as const))('column %s reads back as written', async (name, column) => {
    const found = (await readTable(hdu)).column(name);
    expect(found.format).toBe(column.format);
    expect(found.values).toEqual(column.values);
    expect(found.shape).toEqual(column.shape ?? []);
    expect(found.unit).toBe(column.unit);
    expect(found.display).toBe(column.display);
    expect(found.valid).toBeUndefined();
  });

  it('say what they hold without being read, and have checksums that hold', async () => {
    expect(tableRows(hdu)).toBe(3);
    expect(tableColumns(hdu).map(({ name }) => name)).toEqual(COLUMNS.map(({ name }) => name));
    expect(await verifyChecksums(hdu)).toMatchObject({ data: 'ok', hdu: 'ok' });
  });

  it('are read by rows, by columns, and handed back to the writer', async () => {
    const some = await readTable(hdu, { columns: ['PF', 'i4'], start: 1, count: 2 });
    expect(some.columns.map(({ name }) => name)).toEqual(['pf', 'i4']);
    expect(some.column('pf').values).toEqual([new Float32Array(0), Float32Array.of(3)]);
    expect([...(some.column('i4').values as Int32Array)]).toEqual([0, 2 ** 31 - 1]);
    const whole = await readTable(hdu);
    const again = await readTable(await written(...whole.columns));
    for (const { name, values } of whole.columns) expect([name, again.column(name).values]).toEqual([name, values]);
    await expect(readTable(hdu, { columns: ['none'] })).rejects.toThrow("no column 'none', there are l, x");
    await expect(readTable(hdu, { start: 2, count: 2 })).rejects.toThrow('rows 2 to 4');
  });

  it('stream in pieces', async () => {
    const id = Int32Array.from({ length: 1000 }, (_, index) => index);
    const names = Array.from(id, (value) => `row ${value}`);
    const big = await written({ name: 'id', values: id }, { name: 'name', values: names });
    let at = 0;
    for await (const chunk of tableChunks(big, { maxBytes: 1000 })) {
      expect(chunk.start).toBe(at);
      expect(chunk.rows).toBeLessThanOrEqual(1000 / 11);
      expect([...(chunk.column('id').values as Int32Array)]).toEqual([...id.subarray(at, at + chunk.rows)]);
      expect(chunk.column('name').values).toEqual(names.slice(at, at + chunk.rows));
      at += chunk.rows;
    }
    expect(at).toBe(1000);
  });

  it('mark undefined values', async () => {
    const valid = Uint8Array.of(1, 0, 1);
    const marked = await readTable(
      await written(
        { name: 'i', values: Int16Array.of(1, 2, 3), valid },
        { name: 'u', values: Uint16Array.of(1, 2, 3), valid },
        { name: 'b', values: Uint8Array.of(1, 2, 3), valid, nullValue: 99 },
        { name: 'k', values: BigUint64Array.of(1n, 2n, 3n), valid },
        { name: 'f', values: Float32Array.of(1, 2, 3), valid },
        { name: 'l', values: Uint8Array.of(1, 1, 1), dtype: 'bool', valid },
        { name: 'scaled', values: Int16Array.of(1, 2, 3), valid, scale: 0.5, zero: 10 },
      ),
    );
    for (const name of ['i', 'u', 'b', 'k', 'l', 'scaled']) expect([name, marked.column(name).valid]).toEqual([name, valid]);
    expect([...(marked.column('u').values as Uint16Array)]).toEqual([1, 65_535, 3]);
    expect(marked.column('b').nullValue).toBe(99);
    expect([...(marked.column('f').values as Float32Array)]).toEqual([1, Number.NaN, 3]);
    expect([...(marked.column('l').values as Uint8Array)]).toEqual([1, 0, 1]);
    expect([...(marked.column('scaled').values as Float64Array)]).toEqual([10.5, Number.NaN, 11.5]);
    await expect(written({ name: 'i', values: Int16Array.of(1, 2), valid: Uint8Array.of(1, 0), nullValue: 1 })).rejects.toThrow(
      'means undefined and occurs',
    );
  });

  it('give text as bytes when asked', async () => {
    const table = await readTable(hdu, { columns: ['ss', 'i4'], textAsBytes: true });
    expect(table.columns[0]).toMatchObject({ dtype: 'uint8', shape: [2, 2] });
    expect([...(table.columns[0].values as Uint8Array)]).toEqual([97, 0, 98, 99, 0, 0, 100, 0, 101, 102, 103, 0]);
  });

  it.each<[string, ColumnInput[], string]>([
    [
      'rows differ',
      [
        { name: 'a', values: Int32Array.of(1) },
        { name: 'b', values: Int32Array.of(1, 2) },
      ],
      'has 2 rows and others have 1',
    ],
    ['a cell is not full', [{ name: 'a', values: Int32Array.of(1, 2, 3), shape: [2] }], 'do not fill cells'],
    ['text is not ASCII', [{ name: 'a', values: ['é'] }], 'not printable ASCII'],
    ['a type is not that of the values', [{ name: 'a', values: Int32Array.of(1), dtype: 'bool' }], 'cannot be bool'],
    ['unsigned and scaled', [{ name: 'a', values: Uint16Array.of(1), scale: 2 }], 'cannot be scaled'],
    ['arrays of several types', [{ name: 'a', values: [Int8Array.of(1), Int16Array.of(1)], variable: true }], 'different types'],
  ])('are not written when %s', async (_, columns, message) => {
    await expect(written(...columns)).rejects.toThrow(message);
  });
});

describe('columns as others write them', () => {
  async function table(rowBytes: number, data: Uint8Array, pcount: number, ...cards: string[]): Promise<FitsHdu> {
    const rows = (data.length - pcount) / rowBytes;
    const fields = cards.filter((card) => card.startsWith('TFORM')).length;
    const header = headerBytes(
      "XTENSION= 'BINTABLE'",
      'BITPIX  = 8',
      'NAXIS   = 2',
      `NAXIS1  = ${rowBytes}`,
      `NAXIS2  = ${rows}`,
      `PCOUNT  = ${pcount}`,
      'GCOUNT  = 1',
      `TFIELDS = ${fields}`,
      ...cards,
    );
    return (await open(join([headerBytes('SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 0'), header, data]))).hdu(1);
  }

  it('Q descriptors, a gap before the heap, shared and empty arrays, TZERO in the heap', async () => {
    const data = new Uint8Array(48 + 5 + 4);
    const view = new DataView(data.buffer);
    for (const [row, [count, offset]] of [
      [2, 0],
      [2, 0],
      [0, 1e9],
    ].entries()) {
      view.setBigInt64(16 * row, BigInt(count));
      view.setBigInt64(16 * row + 8, BigInt(offset));
    }
    view.setInt16(53, -32768);
    view.setInt16(55, 7);
    const hdu = await table(16, data, 9, "TFORM1  = '1QI(2)'", 'THEAP   = 53', 'TZERO1  = 32768');
    const { values } = (await readTable(hdu)).columns[0];
    expect(values).toEqual([Uint16Array.of(0, 32775), Uint16Array.of(0, 32775), new Uint16Array(0)]);
    expect(values[0]).toBe(values[1]);
  });

  it('A20 for 20A, TDIM that does not fit, names that are missing, columns of no width, bytes after the last column', async () => {
    const bytes = new TextEncoder().encode('abc  \0zz12345abcdefgh67890');
    const hdu = await table(
      13,
      bytes,
      0,
      "TFORM1  = 'A8'",
      "TFORM2  = '2B'",
      "TDIM2   = '(2,2)'",
      "TFORM3  = '0E'",
      "TFORM4  = '0A'",
    );
    const found = await readTable(hdu);
    expect(found.columns.map(({ name }) => name)).toEqual(['col1', 'col2', 'col3', 'col4']);
    expect(found.columns[0].values).toEqual(['abc', 'abcdefgh']);
    expect(found.columns[1]).toMatchObject({ shape: [2], values: Uint8Array.of(49, 50, 54, 55) });
    expect(found.columns[2]).toMatchObject({ shape: [0], values: new Float32Array(0) });
    expect(found.columns[3].values).toEqual(['', '']);
  });

  it('logicals: T, F, undefined; and arrays kept as 0 and 1', async () => {
    const plain = (await readTable(await table(1, Uint8Array.of(0x54, 0x46, 0, 0x78), 0, "TFORM1  = 'L'"))).columns[0];
    expect([...(plain.values as Uint8Array)]).toEqual([1, 0, 0, 0]);
    expect(plain.valid).toEqual(Uint8Array.of(1, 1, 0, 1));
    const heap = await table(8, Uint8Array.of(0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 1), 3, "TFORM1  = 'PL(3)'");
    expect((await readTable(heap)).columns[0].values).toEqual([Uint8Array.of(1, 0, 1)]);
  });

  it('complex numbers scale their real part by TZERO and both by TSCAL', async () => {
    const data = new Uint8Array(8);
    new DataView(data.buffer).setFloat32(0, 2);
    new DataView(data.buffer).setFloat32(4, 3);
    const column = (await readTable(await table(8, data, 0, "TFORM1  = 'C'", 'TSCAL1  = 2.0', 'TZERO1  = 1.0'))).columns[0];
    expect(column).toMatchObject({ dtype: 'complex128', values: Float64Array.of(5, 6) });
  });
});

describe('ASCII tables', () => {
  const rows = ['   1   12.5  1.5D3abc ', '  -2      *     77d   ', '      12345-2.E-2    e'];
  async function ascii(lines: string[], ...cards: string[]): Promise<FitsHdu> {
    const header = headerBytes(
      "XTENSION= 'TABLE'",
      'BITPIX  = 8',
      'NAXIS   = 2',
      `NAXIS1  = ${lines[0].length}`,
      `NAXIS2  = ${lines.length}`,
      'PCOUNT  = 0',
      'GCOUNT  = 1',
      'TFIELDS = 4',
      ...['1', '5', '12', '19'].map((column, index) => `TBCOL${index + 1}  = ${column}`),
      "TFORM1  = 'I4'",
      "TFORM2  = 'F7.2'",
      "TFORM3  = 'D7.1'",
      "TFORM4  = 'A4'",
      "TNULL2  = '*'",
      ...cards,
    );
    return (
      await open(
        join([headerBytes('SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 0'), header, new TextEncoder().encode(lines.join(''))]),
      )
    ).hdu(1);
  }

  it('have fields of fixed width: implied points, blank and undefined fields', async () => {
    const table = await readTable(await ascii(rows));
    expect(table.columns.map(({ dtype }) => dtype)).toEqual(['int16', 'float64', 'float64', 'string']);
    expect(table.columns[0]).toMatchObject({ values: Int16Array.of(1, -2, 0), valid: Uint8Array.of(1, 1, 0) });
    expect([...(table.columns[1].values as Float64Array)]).toEqual([12.5, Number.NaN, 123.45]);
    expect(table.columns[1].valid).toEqual(Uint8Array.of(1, 0, 1));
    expect([...(table.columns[2].values as Float64Array)]).toEqual([1500, 7.7, -0.02]);
    expect(table.columns[3].values).toEqual(['abc', 'd', '   e']);
  });

  it('scale', async () => {
    const table = await readTable(await ascii(rows, 'TSCAL1  = 0.5', 'TZERO1  = 10'));
    expect([...(table.columns[0].values as Float64Array)]).toEqual([10.5, 9, Number.NaN]);
  });

  it('name the row and column of a field that is no number', async () => {
    await expect(readTable(await ascii([rows[0], ` x2${rows[1].slice(3)}`]))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      subject: 'test.fits[1] column col1 row 1',
    });
  });
});
