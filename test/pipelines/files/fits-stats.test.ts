import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { FitsHeader } from '../../../src/io/fits/index.ts';
import { fitsCompress } from '../../../src/pipelines/files/fits-compress.ts';
import { fitsStats } from '../../../src/pipelines/files/fits-stats.ts';
import { Summary } from '../../../src/pipelines/files/summary.ts';
import { at, fitsAt } from './support.ts';

const NOTHING = { n: null, finite: null, nan: null, min: null, max: null, mean: null };

describe('statistics of a file', () => {
  it('tell finite, infinite and undefined pixels apart, in the types that numpy gives', async () => {
    const path = await fitsAt('images.fits', [
      { kind: 'empty' },
      {
        kind: 'image',
        name: 'SCI',
        unit: 'nanomaggy',
        shape: [2, 3],
        data: Float32Array.of(1, Number.NaN, -2, Infinity, 4.5, 0.5),
      },
      { kind: 'image', shape: [4], data: Uint16Array.of(0, 65535, 7, 8) },
      { kind: 'image', shape: [3], data: BigInt64Array.of(-(2n ** 63n), 5n, 2n ** 62n + 1n) },
      {
        kind: 'image',
        shape: [4],
        data: Int16Array.of(-1, 10, 20, 30),
        cards: [
          { keyword: 'BSCALE', value: 0.5 },
          { keyword: 'BLANK', value: -1 },
        ],
      },
    ]);
    const { hdus, problems, failure } = await fitsStats(path);
    expect({ problems, failure }).toEqual({ problems: [], failure: undefined });
    expect(hdus[0]).toMatchObject({ index: 0, name: 'PRIMARY', type: 'PRIMARY', shape: [], dtype: null, n: 0, min: null });
    expect(hdus[1]).toMatchObject({ name: 'SCI', type: 'IMAGE', shape: [2, 3], dtype: 'float32', unit: 'nanomaggy' });
    expect(hdus[1]).toMatchObject({ n: 6, finite: 4, nan: 1, min: -2, max: 4.5, mean: 1 });
    expect(hdus[2]).toMatchObject({ dtype: 'uint16', unit: null, n: 4, finite: 4, nan: 0, min: 0, max: 65535, mean: 16387.5 });
    expect(hdus[3]).toMatchObject({ dtype: 'int64', min: -(2n ** 63n), max: 2n ** 62n + 1n });
    expect(hdus[4]).toMatchObject({ dtype: 'float32', n: 4, finite: 3, nan: 1, min: 5, max: 15, mean: 10 });
    expect((await fitsStats(path, 'sci')).hdus).toEqual([hdus[1]]);
    await expect(fitsStats(path, '9')).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('no HDU 9'),
    });
  });

  it('show a compressed image as the image it holds', async () => {
    const data = Int16Array.from({ length: 600 }, (_, index) => (index * 7919) % 1000);
    const plain = await fitsAt('plain.fits', [{ kind: 'image', shape: [20, 30], data }]);
    await fitsCompress(plain, at('packed.fits.fz'), {});
    const [, packed] = (await fitsStats(at('packed.fits.fz'))).hdus;
    const [own] = (await fitsStats(plain)).hdus;
    expect(packed).toEqual({ ...own, index: 1, name: 'COMPRESSED_IMAGE', type: 'IMAGE', compression: 'RICE_1' });
  });

  it('give extremes of columns over what is defined, arrays of any length included', async () => {
    const path = await fitsAt('table.fits', [
      {
        kind: 'table',
        name: 'CAT',
        columns: [
          { name: 'ra', unit: 'deg', values: Float64Array.of(10, Number.NaN, 350) },
          { name: 'id', values: Int32Array.of(5, 6, 7), valid: Uint8Array.of(0, 1, 1) },
          { name: 'type', values: ['PSF', 'REX', 'DEV'] },
          { name: 'flux', shape: [2], values: Float32Array.of(1, 2, 3, 4, 5, -6) },
          { name: 'lc', variable: true, values: [Float32Array.of(9), new Float32Array(0), Float32Array.of(-9, 1)] },
        ],
      },
    ]);
    const [, table] = (await fitsStats(path)).hdus;
    expect(table).toMatchObject({ name: 'CAT', type: 'BINTABLE', shape: [3], dtype: null, ...NOTHING, rows: 3 });
    expect(table.columns).toEqual([
      { name: 'ra', format: '1D', unit: 'deg', min: 10, max: 350 },
      { name: 'id', format: '1J', unit: null, min: 6, max: 7 },
      { name: 'type', format: '3A', unit: null, min: null, max: null },
      { name: 'flux', format: '2E', unit: null, min: -6, max: 5 },
      { name: 'lc', format: '1PE(2)', unit: null, min: -9, max: 9 },
    ]);
  });

  it('keep the good HDUs of a file that is cut off, with the reason for the bad one', async () => {
    const path = await fitsAt('whole.fits', [
      { kind: 'image', shape: [10], data: Float32Array.from({ length: 10 }, (_, index) => index) },
      { kind: 'image', shape: [5000], data: new Float32Array(5000) },
    ]);
    writeFileSync(at('cut.fits'), readFileSync(path).subarray(0, 12000));
    const { hdus, problems, failure } = await fitsStats(at('cut.fits'));
    expect(hdus[0]).toMatchObject({ n: 10, mean: 4.5 });
    expect(hdus[1]).toMatchObject({ ...NOTHING, error: expect.stringContaining('truncated') });
    expect(problems.length).toBe(1);
    expect(failure).toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('take less memory than the image', () => {
    const header = FitsHeader.of([
      { keyword: 'SIMPLE', value: true },
      { keyword: 'BITPIX', value: -32 },
      { keyword: 'NAXIS', value: 2 },
      { keyword: 'NAXIS1', value: 10000 },
      { keyword: 'NAXIS2', value: 12000 },
    ]).toBytes();
    const file = openSync(at('sparse.fits'), 'w');
    writeSync(file, header);
    ftruncateSync(file, header.length + Math.ceil(4.8e8 / 2880) * 2880);
    closeSync(file);
    const module = pathToFileURL(fileURLToPath(new URL('../../../src/pipelines/files/fits-stats.ts', import.meta.url))).href;
    const program = `const { hdus } = await (await import(${JSON.stringify(module)})).fitsStats(${JSON.stringify(at('sparse.fits'))});
      console.log(JSON.stringify([hdus[0].n, hdus[0].max, process.resourceUsage().maxRSS]));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    expect(stderr).not.toContain('Error');
    const [n, max, kilobytes] = JSON.parse(stdout) as number[];
    expect([n, max]).toEqual([1.2e8, 0]);
    expect(kilobytes).toBeLessThan(300_000);
  });
});

describe('a summary', () => {
  it('keeps the digits of the mean where plain sums lose them', () => {
    const summary = new Summary();
    // 1e16 + 1 is not a double: summed one by one, the ones vanish.
    for (let piece = 0; piece < 1000; piece++) summary.add(Float64Array.of(piece === 0 ? 1e16 : 1));
    summary.add(Float64Array.of(-1e16));
    expect((summary.mean ?? 0) * summary.finite).toBeCloseTo(999, 9);
  });

  it('has no extremes and no mean of nothing', () => {
    const summary = new Summary();
    summary.add(Float32Array.of(Number.NaN, Infinity));
    expect([summary.n, summary.finite, summary.nan, summary.min, summary.mean]).toEqual([2, 0, 1, undefined, undefined]);
  });
});
