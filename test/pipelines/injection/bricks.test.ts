/** Stamps cut by tile are the pixels of the whole image, for any place, order, batch and number of threads. */
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImage } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { openStore } from '../../../src/io/store/store.ts';
import { checkBrickName, locateBrick, planeFile } from '../../../src/pipelines/injection/bricks/files.ts';
import { openBrickReader } from '../../../src/pipelines/injection/bricks/reader.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { at, BRICK, compareWithWhole, cut, rowOf, stampOf, whole, withBrick } from './bricks-cut.ts';
import { BANDS, madePlanes, SIDE, withFolder, writeBrick, writePlane } from './bricks-made.ts';

let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'arclet-bricks-'));
  await writeBrick(cache, BRICK);
});
afterAll(() => rm(cache, { recursive: true, force: true }));

const PLACES = [-20, 0, 31.6, 68, 99.5, 132.2, 167.9, 231, 268, 299, 312].flatMap((y, j) =>
  [-20, 0, 32.4, 67, 100, 150.5, 232.7, 268.2, 299.9, 330].map((x, i) => at(x + 0.01 * j, y + 0.003 * i)),
);

describe('names and places', () => {
  it('takes the names of bricks and nothing that could climb out of the cache', () => {
    for (const name of ['0123p045', '3599m900', '0000p000']) expect(() => checkBrickName(name)).not.toThrow();
    for (const name of ['../etc', '3600p000', '0123p901', '123p045', '0123x045', '0123p045/..', ''])
      expect(() => checkBrickName(name)).toThrow(/no brick name/);
    expect(planeFile(BRICK, { kind: 'invvar', band: 'z' })).toBe('legacysurvey-0123p045-invvar-z.fits.fz');
    expect(planeFile(BRICK, { kind: 'maskbits' })).toBe('legacysurvey-0123p045-maskbits.fits.fz');
  });

  it('finds a brick flat or in folders of three digits, and prefers the fuller one', () =>
    withFolder(async (folder) => {
      const store = await openStore(folder);
      expect(await locateBrick(store, BRICK, BANDS)).toBeUndefined();
      await mkdir(join(folder, '012', BRICK), { recursive: true });
      const nested = join(folder, '012', BRICK, planeFile(BRICK, { kind: 'maskbits' }));
      await writeFile(nested, 'x');
      expect(await locateBrick(store, BRICK, BANDS)).toMatchObject({ folder: `012/${BRICK}` });
      await mkdir(join(folder, BRICK));
      await copyFile(nested, join(folder, BRICK, planeFile(BRICK, { kind: 'maskbits' })));
      expect(await locateBrick(store, BRICK, BANDS)).toMatchObject({ folder: BRICK });
      await writeFile(join(folder, '012', BRICK, planeFile(BRICK, { kind: 'image', band: 'g' }, '.fits')), 'x');
      expect(await locateBrick(store, BRICK, BANDS)).toMatchObject({ folder: `012/${BRICK}` });
    }));
});

describe('stamps', () => {
  it('are the pixels of the whole image bit for bit, zero outside, for every place and size', async () => {
    for (const size of [64, 33, 230]) {
      const cutouts = await cut(PLACES, size, { cache });
      expect(cutouts.failed).toBeUndefined();
      expect(await compareWithWhole(cutouts, join(cache, '012', BRICK), BRICK, SIDE)).toBe(7 * PLACES.length);
      for (let row = 0; row < PLACES.length; row++) {
        const [x0, y0] = [cutouts.x0[row], cutouts.y0[row]];
        const inside = x0 >= 0 && y0 >= 0 && x0 + size <= SIDE && y0 + size <= SIDE;
        expect(cutouts.inside[row]).toBe(inside ? 1 : 0);
        expect(cutouts.reason[row] === undefined).toBe(inside);
        expect(cutouts.finite[row]).toBe(1);
      }
    }
  });

  it('lie where the header says, with the first pixel at round(x) - floor(size / 2)', async () => {
    const { x, y, x0, y0 } = await cut([at(100.25, 140.75), at(77, 12.4)], 65, { cache });
    expect([...x, ...y].map((value) => Number(value.toFixed(9)))).toEqual([100.25, 77, 140.75, 12.4]);
    expect([...x0, ...y0]).toEqual([68, 45, 109, -20]);
  });

  it('do not depend on order, batch, what the cache forgets, or threads', async () => {
    const all = await cut(PLACES, 64, { cache });
    const backwards = await cut(PLACES.toReversed(), 64, { cache, cacheBytes: 0 });
    const threads = openBrickReader({ cache, bands: BANDS, usePsfsizeMaps: true, workers: 2, cacheBytes: 1e6 });
    const halves = await Promise.all([
      threads.cutouts(BRICK, PLACES.slice(0, 41), 64),
      threads.cutouts(BRICK, PLACES.slice(41), 64),
    ]);
    await threads.close();
    for (let row = 0; row < PLACES.length; row++) {
      const want = rowOf(all, row);
      expect(rowOf(backwards, PLACES.length - 1 - row)).toEqual(want);
      expect(row < 41 ? rowOf(halves[0], row) : rowOf(halves[1], row - 41)).toEqual(want);
    }
  });

  it('decode only the tiles that they touch, and each once', async () => {
    const one = await cut([at(50, 50)], 64, { cache });
    // Seven planes of one tile, three PSF size maps of one.
    expect(one.report.tiles).toBe(10);
    const corner = await cut([at(100, 100)], 64, { cache, maps: false });
    expect(corner.report.tiles).toBe(7 * 4);
    const reader = openBrickReader({ cache, bands: BANDS, usePsfsizeMaps: true, workers: 0 });
    const first = await reader.cutouts(BRICK, PLACES.slice(0, 60), 64);
    const again = await reader.cutouts(BRICK, PLACES, 64);
    await reader.close();
    expect(first.report.tiles + again.report.tiles).toBe(10 * 9);
    expect(again.report.bytes).toBeLessThan((await cut(PLACES, 64, { cache })).report.bytes);
  });

  it('come from plain and gzipped files as from compressed ones', () =>
    withFolder(async (folder) => {
      const packed = join(cache, '012', BRICK);
      const plain = join(folder, BRICK);
      await mkdir(plain, { recursive: true });
      for (const plane of Object.keys(madePlanes())) {
        const data = (await whole(packed, BRICK, plane)) as Float32Array;
        const path = await writePlane(plain, BRICK, plane, data, true);
        if (!plane.endsWith('-r')) continue;
        await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
        await rm(path);
      }
      const got = await cut(PLACES, 64, { cache: folder });
      const want = await cut(PLACES, 64, { cache });
      for (let row = 0; row < PLACES.length; row++) expect(rowOf(got, row)).toEqual(rowOf(want, row));
    }));
});

describe('PSF sizes', () => {
  it('are the map at the rounded target, 0 without coverage, NaN without a map', async () => {
    const targets = [at(150.4, 150.4), at(39.4, 150), at(39.6, 150), at(-3, 150)];
    expect([...(await cut(targets, 64, { cache })).psfsize].map((value) => Number(value.toFixed(6)))).toEqual([
      ...[1.2, 1.3, 1.4],
      ...[0, 0, 0],
      ...[1.2, 1.3, 1.4],
      ...[Number.NaN, Number.NaN, Number.NaN],
    ]);
    expect([...(await cut(targets, 64, { cache, maps: false })).psfsize].every(Number.isNaN)).toBe(true);
  });

  it('of a band without a map are NaN, and the brick is good', () =>
    withBrick(async (folder, brickFolder) => {
      await rm(join(brickFolder, planeFile(BRICK, { kind: 'psfsize', band: 'r' })));
      const { failed, psfsize } = await cut([at(150, 150)], 64, { cache: folder });
      expect(failed).toBeUndefined();
      expect([...psfsize].map((value) => Number(value.toFixed(6)))).toEqual([1.2, Number.NaN, 1.4]);
    }));
});

describe.skipIf(!hasShared)('real pixels of the survey (reference data beside the repository)', () => {
  const real = '0591m305';
  const place = { cache: shared('data/bricks'), brick: real };

  it('come out as the whole images, HCOMPRESS masks and all', async () => {
    const lines = (await readFile(shared('data/bricks/targets.csv'), 'utf8')).trim().split('\n').slice(1);
    const rows = lines.map((line) => line.split(',').map(Number));
    const targets = rows.map(([, raDeg, decDeg]) => ({ raDeg, decDeg }));
    const cutouts = await cut(targets, 64, place);
    expect(cutouts.failed).toBeUndefined();
    expect(await compareWithWhole(cutouts, shared(`data/bricks/059/${real}`), real, 256)).toBe(7 * rows.length);
    for (const [row, [, , , x, y]] of rows.entries()) {
      expect(Math.abs(cutouts.x[row] - x)).toBeLessThan(0.002);
      expect(Math.abs(cutouts.y[row] - y)).toBeLessThan(0.002);
    }
    expect(cutouts.psfsize.every((arcsec) => arcsec > 0.5 && arcsec < 3)).toBe(true);
  });

  it("are the survey's own to half a quantisation step", async () => {
    const { image, invvar } = await cut([{ raDeg: 59.1067, decDeg: -30.4848 }], 128, place);
    const file = await openFitsFile(shared('data/a_legacy/cutout_59.1067_-30.4848.fits'));
    const { x0, y0 } = await cut([{ raDeg: 59.1067, decDeg: -30.4848 }], 128, place);
    for (const band of BANDS.keys()) {
      const unpacked = (await readImage(file.hdu(1 + 2 * band))).data as Float32Array;
      const want = stampOf(unpacked, 256, x0[0], y0[0], 128, new Float32Array(128 * 128));
      const got = image.subarray(band * 128 * 128, (band + 1) * 128 * 128);
      // The step of the packed images is 1e-4 nanomaggies.
      expect(want.reduce((most, value, pixel) => Math.max(most, Math.abs(got[pixel] - value)), 0)).toBeLessThan(5.001e-5);
      const weights = (await readImage(file.hdu(2 + 2 * band))).data as Float32Array;
      const weight = stampOf(weights, 256, x0[0], y0[0], 128, new Float32Array(128 * 128));
      const most = weight.reduce((m, v, pixel) => Math.max(m, Math.abs(invvar[band * 128 * 128 + pixel] / v - 1)), 0);
      expect(most).toBeLessThan(2e-3);
    }
    await file.close();
  });
});
