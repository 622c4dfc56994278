import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tableConvert, tableHead, tableSchema } from '../../../src/pipelines/files/table-convert.ts';
import { at, fitsAt, textAt } from './support.ts';

const BIG = 2n ** 60n + 1n;
const source = await fitsAt('catalogue.fits', [
  { kind: 'empty' },
  {
    kind: 'table',
    name: 'CAT',
    columns: [
      { name: 'RA', unit: 'deg', values: Float64Array.of(10.5, 0.1, 350) },
      { name: 'id', values: BigInt64Array.of(BIG, -1n, 0n) },
      { name: 'nobs', values: Int16Array.of(1, 2, 3), valid: Uint8Array.of(1, 0, 1) },
      { name: 'type', values: ['PSF', 'REX', ''] },
      { name: 'good', dtype: 'bool', values: Uint8Array.of(1, 0, 1), valid: Uint8Array.of(1, 1, 0) },
      { name: 'stamp', unit: 'nanomaggy', shape: [2, 2], values: Float32Array.from({ length: 12 }, (_, index) => index / 2) },
      { name: 'shape', shape: [2], values: Float64Array.of(1, 2, 3, 4, 5, 6) },
      { name: 'vis', dtype: 'complex64', values: Float32Array.of(1, -1, 2, -2, 3, -3) },
      { name: 'lc', variable: true, values: [Int32Array.of(7), new Int32Array(0), Int32Array.of(8, 9)] },
    ],
  },
]);

const FLAT = [
  ['RA', [10.5, 0.1, 350]],
  ['id', [BIG, -1n, 0n]],
  ['nobs', [1, null, 3]],
  ['good', [true, false, null]],
  ['shape_0', [1, 3, 5]],
  ['shape_1', [2, 4, 6]],
  ['vis_re', [1, 2, 3]],
  ['vis_im', [-1, -2, -3]],
] as const;

async function columnsOf(path: string): Promise<Record<string, unknown[]>> {
  const { columns, rows } = await tableHead(path, 100, {});
  return Object.fromEntries(columns.map(({ name }, index) => [name, rows.map((row) => row[index])]));
}

describe('a FITS table', () => {
  it('is columns with units, vectors as stamps or by element', async () => {
    const { format, rows, columns, metadata, unread } = await tableSchema(source, {});
    expect({ format, rows, metadata, unread }).toEqual({ format: 'fits', rows: 3, metadata: { EXTNAME: 'CAT' }, unread: [] });
    expect(columns.map(({ name, type, unit }) => [name, type, unit])).toEqual([
      ['RA', 'float64', 'deg'],
      ['id', 'int64', undefined],
      ['nobs', 'int16', undefined],
      ['type', 'string', undefined],
      ['good', 'bool', undefined],
      ['stamp', 'stamp', 'nanomaggy'],
      ['shape_0', 'float64', undefined],
      ['shape_1', 'float64', undefined],
      ['vis_re', 'float32', undefined],
      ['vis_im', 'float32', undefined],
      ['lc', 'list', undefined],
    ]);
    const { rows: cells } = await tableHead(source, 1, { columns: ['stamp', 'lc', 'ra'] });
    expect(cells).toEqual([[[0, 0.5, 1, 1.5], [7], 10.5]]);
  });

  it('goes through every format and comes back', async () => {
    const chain = ['a.parquet', 'b.arrow', 'c.arrows', 'd.fits', 'e.parquet'].map(at);
    let from = source;
    for (const out of chain) {
      const { leftOut, rows } = await tableConvert(from, { out, stamps: out.endsWith('a.parquet') ? 'list' : 'bytes' });
      expect(rows).toBe(3);
      expect(leftOut.map(({ column }) => column)).toEqual(from === source ? ['lc'] : []);
      const columns = await columnsOf(out);
      for (const [name, values] of FLAT) expect(columns[name], `${out} ${name}`).toEqual(values);
      expect(columns['type']).toEqual(['PSF', 'REX', '']);
      expect(columns['stamp'][2]).toEqual([4, 4.5, 5, 5.5]);
      from = out;
    }
    const { columns, metadata } = await tableSchema(from, {});
    expect(columns.find(({ name }) => name === 'stamp')).toMatchObject({ shape: [2, 2], unit: 'nanomaggy' });
    expect(metadata['EXTNAME']).toBe('CAT');
  });

  it('is CSV without what CSV cannot hold, and says so', async () => {
    const { leftOut } = await tableConvert(source, { out: at('cat.csv') });
    expect(leftOut.map(({ column }) => column)).toEqual(['stamp', 'lc']);
    expect(readFileSync(at('cat.csv'), 'utf8').split('\n').slice(0, 3)).toEqual([
      'RA,id,nobs,type,good,shape_0,shape_1,vis_re,vis_im',
      `10.5,${BIG},1,PSF,true,1,2,1,-1`,
      '0.1,-1,,REX,false,3,4,2,-2',
    ]);
    await expect(tableConvert(source, { out: at('x.csv'), columns: ['stamp'] })).rejects.toMatchObject({ code: 'USAGE' });
    await tableConvert(at('cat.csv'), { out: at('back.fits'), columns: ['nobs', 'ra'] });
    expect(await columnsOf(at('back.fits'))).toEqual({ nobs: [1, null, 3], RA: [10.5, 0.1, 350] });
  });
});

describe('row groups', () => {
  it('gather small batches, each row once and in order', async () => {
    const stamps = new Float32Array(40 * 250_000).map((_, index) => Math.floor(index / 250_000));
    const path = await fitsAt('stamps.fits', [
      { kind: 'table', columns: [{ name: 'stamp', shape: [500, 500], values: stamps }, { name: 'n', values: new Int32Array(40).map((_, n) => n) }] }, // biome-ignore format: one table
    ]);
    await tableConvert(path, { out: at('groups.parquet'), codec: 'none', columns: ['n', 'stamp'] });
    const { rows } = await tableHead(at('groups.parquet'), 40, { columns: ['n'] });
    expect(rows.flat()).toEqual(Array.from({ length: 40 }, (_, n) => n));
  });
});

describe('what is no table', () => {
  it('is refused with the reason', async () => {
    const image = await fitsAt('image.fits', [{ kind: 'image', shape: [2], data: new Uint8Array(2) }]);
    await expect(tableSchema(image, {})).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('no table'),
    });
    await expect(tableSchema(textAt('x.bin', '\0\x01\x02'), {})).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(tableSchema(textAt('empty.csv', ''), {})).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(tableSchema(textAt('cut.parquet', 'PAR1 and no more'), {})).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(tableConvert(source, { out: at('x.xlsx') })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(tableHead(source, 1, { columns: ['dec'] })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
