/**
 * Against astropy. fixtures/astropy.fits.gz was written by astropy 8.0.2: a table with every TFORM code, scaling, TNULL, TDIM, P and Q
 * arrays, an ASCII table, a uint32 cube, and an image with BSCALE, BZERO and BLANK; astropy.json holds what astropy reads from it
 * (64 bit integers and what is not finite as text, complex interleaved). The other values are those of the shared vectors.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { memorySource, type NumberArray, openFits, readImage, readTable, verifyChecksums } from '../../../src/io/fits/index.ts';
import { readNpz } from '../../support/npz.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { asJson } from './support.ts';

const fixture = (name: string) => new URL(`fixtures/${name}`, import.meta.url);

describe('a file by astropy', async () => {
  const expected = JSON.parse(readFileSync(fixture('astropy.json'), 'utf8'));
  const file = await openFits(memorySource(readFileSync(fixture('astropy.fits.gz')), 'astropy.fits.gz'));

  it('is inflated and has these HDUs', () => {
    expect(file.problems).toEqual([]);
    expect(file.hdus.map(({ name, type }) => [name, type])).toEqual([
      ['PRIMARY', 'PRIMARY'],
      ['ALL', 'BINTABLE'],
      ['TEXT', 'TABLE'],
      ['SCALED', 'IMAGE'],
    ]);
  });

  it.each(['ALL', 'TEXT'])('table %s: every column as astropy reads it', async (name) => {
    const table = await readTable(file.hdu(name));
    expect(table.columns.map((column) => column.name)).toEqual(Object.keys(expected[name]));
    for (const column of table.columns) {
      const wanted = expected[name][column.name];
      if (wanted.rows !== undefined) {
        expect(
          (column.values as NumberArray[]).map((cell) => asJson(cell)),
          column.name,
        ).toEqual(wanted.rows);
        continue;
      }
      // Astropy turns a column of signed bytes (TZERO = -128) into floats; the values are the same.
      expect([column.name, column.dtype]).toEqual([column.name, column.name === 'SB' ? 'int8' : wanted.dtype]);
      expect([column.name, ...column.shape]).toEqual([column.name, ...wanted.shape]);
      expect(asJson(column.values as NumberArray), column.name).toEqual(wanted.values);
    }
    if (name === 'ALL') {
      expect([...(table.column('j').valid ?? [])]).toEqual([1, 0, 1, 1]);
      expect(table.column('E').unit).toBe('Jy');
    }
  });

  it('images: uint32, and scaled with blanks', async () => {
    for (const [key, index] of [
      [0, 0],
      ['SCALED', 1],
    ] as const) {
      const { data, shape, dtype } = await readImage(file.hdu(key));
      expect({ dtype, shape, values: asJson(data) }).toEqual(expected.images[index]);
    }
  });

  it('header: CONTINUE, HIERARCH, complex, undefined, big integers, HISTORY', () => {
    const { header } = file.hdu(0);
    expect(header.get('LONGTEXT')).toBe('word '.repeat(30).trimEnd());
    expect(header.get('ESO DET CHIP')).toBe(3);
    expect(header.comment('eso det chip')).toBe('a chip');
    expect(header.value('CPLX')).toEqual({ re: 1.5, im: -2 });
    expect(header.has('UNDEF')).toBe(true);
    expect(header.value('UNDEF')).toBeUndefined();
    expect(header.value('BIGINT')).toBe(123456789012345678901234n);
    expect(header.all('HISTORY').join('')).toBe('x'.repeat(100));
  });

  it('checksums: verdicts as those of astropy (which wrote a wrong one for the ASCII table)', async () => {
    expect(await verifyChecksums(file.hdu(0))).toMatchObject({ data: 'ok', hdu: 'ok' });
    expect(await verifyChecksums(file.hdu('TEXT'))).toMatchObject({ data: 'wrong', hdu: 'wrong' });
    expect(await verifyChecksums(file.hdu('ALL'))).toMatchObject({ data: 'absent', hdu: 'absent' });
  });
});

describe.skipIf(!hasShared)('shared vectors (skipped without ../shared)', async () => {
  interface Case {
    file: string;
    hdus: {
      index: number;
      header: Record<string, string | number | boolean>;
      array?: string;
      dtype?: string;
      columns?: Record<string, { format: string; values: unknown[] }>;
    }[];
  }
  const cases: Case[] = hasShared ? JSON.parse(readFileSync(shared('vectors/fits/cases.json'), 'utf8')).cases : [];
  const arrays = hasShared ? readNpz(shared('vectors/fits/expected.npz')) : {};

  it.each(cases.map((one) => [one.file, one] as const))('%s', async (name, { hdus }) => {
    const file = await openFits(memorySource(readFileSync(shared(`vectors/fits/${name}`)), name));
    expect(file.problems).toEqual([]);
    for (const { index, header, array, dtype, columns } of hdus) {
      const hdu = file.hdu(index);
      // The vectors show the header of the image that a compressed one holds.
      if (hdu.type !== 'COMPRESSED_IMAGE')
        for (const [keyword, value] of Object.entries(header))
          expect([keyword, hdu.header.get(keyword)]).toEqual([keyword, value]);
      if (array !== undefined) {
        const image = await readImage(hdu);
        expect(image.shape).toEqual(arrays[array].shape);
        expect(image.dtype).toBe(dtype);
        expect(image.data).toEqual(arrays[array].data);
      }
      for (const [column, { format, values }] of Object.entries(columns ?? {})) {
        const found = (await readTable(hdu, { columns: [column] })).columns[0];
        expect(found.format).toBe(format);
        const flat = (found.dtype === 'bool' ? values.map(Number) : values).flat();
        expect(
          Array.from(found.values as Iterable<unknown>, (value) => (typeof value === 'bigint' ? Number(value) : value)),
        ).toEqual(flat);
      }
    }
  });
});
