import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readTable } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { fitsCompress, fitsDecompress } from '../../../src/pipelines/files/fits-compress.ts';
import { fitsHeaders, fitsInfo, fitsVerify } from '../../../src/pipelines/files/fits-describe.ts';
import { at, fitsAt, imageOf, tangent, textAt } from './support.ts';

const SIZE = 64 * 48;
const noise = Float32Array.from({ length: SIZE }, (_, index) => Math.fround(Math.sin(index * 12.9898) * 3 + index / 100));
noise[100] = Number.NaN;

const mixed = await fitsAt('mixed.fits', [
  {
    kind: 'image',
    shape: [48, 64],
    data: Int16Array.from({ length: SIZE }, (_, index) => (index % 300) - 7),
    cards: [
      { keyword: 'BSCALE', value: 0.5 },
      { keyword: 'BZERO', value: 3 },
      { keyword: 'BLANK', value: -7 },
      { keyword: 'OBSERVER', value: 'Leavitt' },
      ...tangent(30, 20),
    ],
  },
  { kind: 'image', name: 'SKY', shape: [48, 64], data: noise },
  { kind: 'table', name: 'CAT', columns: [{ name: 'ra', values: Float64Array.of(1, 2, 3) }] },
  { kind: 'image', name: 'WIDE', shape: [2], data: BigInt64Array.of(2n ** 60n, -1n) },
]);

describe('compression of a file', () => {
  it('gives back every pixel, keyword and table', async () => {
    const report = await fitsCompress(mixed, at('mixed.fits.fz'), {});
    expect(report).toMatchObject({ images: 3 });
    expect(report.bytesOut).toBeLessThan(report.bytesIn);
    const { hdus } = await fitsInfo(at('mixed.fits.fz'));
    expect(hdus.map(({ type, detail }) => [type, detail])).toEqual([
      ['PRIMARY', ''],
      ['COMPRESSED_IMAGE', 'RICE_1, tiles 1x64'],
      ['COMPRESSED_IMAGE', 'GZIP_2, tiles 1x64'],
      ['BINTABLE', '1 columns'],
      ['COMPRESSED_IMAGE', 'GZIP_2, tiles 2'],
    ]);
    expect(await fitsDecompress(at('mixed.fits.fz'), at('again.fits'))).toMatchObject({ images: 3 });
    for (const hdu of [0, 1, 3]) {
      const [own, again] = [await imageOf(mixed, hdu), await imageOf(at('again.fits'), hdu)];
      expect(again).toMatchObject({ data: own.data, dtype: own.dtype, shape: own.shape, type: own.type, count: own.count });
    }
    const { header } = await imageOf(at('again.fits'), 0);
    const kept = ['BITPIX', 'BSCALE', 'BZERO', 'BLANK', 'OBSERVER', 'CRPIX1'].map((key) => header.get(key));
    expect(kept).toEqual([16, 0.5, 3, -7, 'Leavitt', 30]);
    const file = await openFitsFile(at('again.fits'));
    expect([...(await readTable(file.hdu('CAT'))).column('ra').values]).toEqual([1, 2, 3]);
    await file.close();
    expect(await fitsVerify(at('again.fits'))).toMatchObject({ ok: true });
    expect(await fitsVerify(at('mixed.fits.fz'))).toMatchObject({ ok: true });
  });

  it('loses floats no more than the step that was asked for', async () => {
    const quantize = { level: -0.01, method: 'SUBTRACTIVE_DITHER_1' } as const;
    await fitsCompress(mixed, at('lossy.fits.fz'), { quantize, tileShape: [16, 16] });
    const { data } = await imageOf(at('lossy.fits.fz'), 2);
    const errors = Array.from(data as Float32Array, (value, index) => Math.abs(value - noise[index])).filter(Number.isFinite);
    expect(errors.length).toBe(SIZE - 1);
    expect(Math.max(...errors)).toBeLessThan(0.0051);
    expect(Math.max(...errors)).toBeGreaterThan(0.001);
    expect(data[100]).toBeNaN();
  });

  it('replaces no file that was not named', async () => {
    const path = await fitsAt('one.fits', [{ kind: 'image', shape: [2, 2], data: new Uint8Array(4) }]);
    expect(await fitsCompress(path, undefined, {})).toMatchObject({ out: `${path}.fz` });
    await expect(fitsCompress(path, undefined, {})).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    await expect(fitsDecompress(`${path}.fz`, undefined)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    await expect(fitsDecompress(path, undefined)).rejects.toMatchObject({ code: 'USAGE' });
    await expect(fitsCompress(textAt('no.fits', 'nothing'), at('none.fz'), {})).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(existsSync(at('none.fz'))).toBe(false);
  });
});

describe('headers', () => {
  it('are shown as they stand and as values', async () => {
    const [sky] = await fitsHeaders(mixed, 'SKY');
    expect(sky.lines[0]).toBe("XTENSION= 'IMAGE   '           / image extension");
    expect(sky.cards.find(({ keyword }) => keyword === 'NAXIS1')).toMatchObject({ value: 64 });
    expect((await fitsHeaders(mixed)).length).toBe(4);
  });
});
