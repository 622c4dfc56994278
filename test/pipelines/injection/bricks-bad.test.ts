/** What is wrong with a brick fails the brick, what is wrong with a row the row, and a thread that dies neither. */
import { copyFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planeFile } from '../../../src/pipelines/injection/bricks/files.ts';
import { openBrickReader, overLines } from '../../../src/pipelines/injection/bricks/reader.ts';
import { WorkerLine } from '../../../src/pipelines/injection/bricks/worker-line.ts';
import { at, BRICK, cut, rowOf, withBrick } from './bricks-cut.ts';
import { BANDS, centreOf, damageTile, madePlanes, SIDE, withFolder, writeBrick, writePlane } from './bricks-made.ts';

let cache: string;

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'arclet-bricks-'));
  await writeBrick(cache, BRICK);
});
afterAll(() => rm(cache, { recursive: true, force: true }));

describe('bad input', () => {
  it('fails the brick and says why: missing, missing band or masks, no name', async () => {
    const target = [at(150, 150), at(20, 20)];
    const missing = await cut(target, 64, { cache, brick: '0124p045' });
    expect(missing).toMatchObject({ failed: { code: 'INPUT_UNREADABLE' }, count: 2, size: 64 });
    expect(missing.failed?.message).toContain('0124p045');
    expect(missing.reason).toEqual([missing.failed?.message, missing.failed?.message]);
    expect([...missing.inside, ...missing.finite]).toEqual([0, 0, 0, 0]);
    const band = await cut(target, 64, { cache, bands: ['g', 'i'] });
    expect(band.failed).toMatchObject({ code: 'INPUT_UNREADABLE', message: expect.stringContaining('image of band i') });
    expect((await cut(target, 64, { cache, brick: '../../x' })).failed?.code).toBe('INPUT_INVALID');
    await withBrick(async (folder, brickFolder) => {
      await rm(join(brickFolder, planeFile(BRICK, { kind: 'maskbits' })));
      expect((await cut(target, 64, { cache: folder })).failed?.message).toContain('no maskbits');
    });
  });

  it('fails the brick of a truncated file, in the heap and in the header, also of a PSF size map', () =>
    withBrick(async (folder, brickFolder) => {
      for (const [name, bytes] of [
        ['psfsize-z', 9000],
        ['invvar-r', 40_000],
        ['image-g', 4000],
        ['image-g', 0],
      ] as const) {
        await truncate(join(brickFolder, `legacysurvey-${BRICK}-${name}.fits.fz`), bytes);
        const { failed } = await cut([at(150, 150)], 64, { cache: folder });
        expect(failed).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining(name) });
      }
    }));

  it('fails the brick whose planes are not of one coadd', () =>
    withBrick(async (folder, brickFolder) => {
      await writePlane(join(folder, 'other'), '0124p045', 'image-z', madePlanes()['image-z']);
      await copyFile(
        join(folder, 'other', 'legacysurvey-0124p045-image-z.fits.fz'),
        join(brickFolder, planeFile(BRICK, { kind: 'image', band: 'z' })),
      );
      const { failed } = await cut([at(150, 150)], 64, { cache: folder });
      expect(failed).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('CRVAL1 = 12.4') });
    }));

  it('tells rows that have no place, and cuts the others', async () => {
    const [ra, dec] = centreOf(BRICK);
    const cutouts = await cut(
      [
        { raDeg: Number.NaN, decDeg: dec },
        { raDeg: ra + 180, decDeg: -dec },
        { raDeg: ra + 1, decDeg: dec },
        { raDeg: ra, decDeg: Number.POSITIVE_INFINITY },
        { raDeg: ra, decDeg: dec },
      ],
      64,
      { cache },
    );
    expect(cutouts.failed).toBeUndefined();
    expect([...cutouts.inside]).toEqual([0, 0, 0, 0, 1]);
    expect([...cutouts.finite]).toEqual([0, 0, 1, 0, 1]);
    expect(cutouts.reason[0]).toMatch(/no place on the sky/);
    expect(cutouts.reason[1]).toMatch(/far from brick/);
    expect(cutouts.reason[2]).toMatch(/not inside brick/);
    expect(cutouts.reason[4]).toBeUndefined();
    expect(cutouts.image.subarray(0, 4 * 3 * 64 * 64).every((value) => value === 0)).toBe(true);
    expect(cutouts.image.subarray(4 * 3 * 64 * 64).some((value) => value !== 0)).toBe(true);
  });

  it('keeps NaN of images and tells it, and makes inverse variances that are none 0', () =>
    withFolder(async (folder) => {
      const planes = madePlanes();
      planes['image-r'][150 * SIDE + 150] = Number.NaN;
      planes['invvar-z'][40 * SIDE + 40] = Number.NaN;
      planes['invvar-z'][220 * SIDE + 220] = -3;
      await writeBrick(folder, BRICK, planes);
      // A quantised plane keeps -3 only about; a plain one exactly.
      await rm(join(folder, '012', BRICK, planeFile(BRICK, { kind: 'invvar', band: 'z' })));
      await writePlane(join(folder, '012', BRICK), BRICK, 'invvar-z', planes['invvar-z'], true);
      const cutouts = await cut([at(150, 150), at(183, 150), at(40, 40), at(220, 220)], 64, { cache: folder });
      expect([...cutouts.finite]).toEqual([0, 1, 0, 1]);
      expect(cutouts.reason[0]).toBe('Image of band r has pixels that are not finite.');
      expect(cutouts.reason[2]).toBe('Inverse variance of band z has pixels that are not finite.');
      const pixel = (row: number, band: number, x: number, y: number) =>
        ((row * 3 + band) * 64 + y - cutouts.y0[row]) * 64 + x - cutouts.x0[row];
      expect(cutouts.image[pixel(0, 1, 150, 150)]).toBeNaN();
      expect(cutouts.image.filter(Number.isNaN).length).toBe(1);
      expect(cutouts.invvar[pixel(2, 2, 40, 40)]).toBe(0);
      expect(cutouts.invvar[pixel(3, 2, 220, 220)]).toBe(0);
      expect(cutouts.invvar[pixel(3, 2, 221, 220)]).toBeGreaterThan(8999);
    }));

  it('gives a stamp without coverage as it is: whole, finite, all masked', () =>
    withFolder(async (folder) => {
      const planes = madePlanes();
      for (const band of BANDS) {
        planes[`image-${band}`].fill(0);
        planes[`invvar-${band}`].fill(0);
        planes[`psfsize-${band}`].fill(0);
      }
      planes['maskbits'].fill(0x80e2);
      await writeBrick(folder, BRICK, planes);
      const { inside, finite, image, invvar, mask, psfsize } = await cut([at(150, 150)], 64, { cache: folder });
      expect([inside[0], finite[0]]).toEqual([1, 1]);
      expect([image, invvar].every((plane) => plane.every((value) => value === 0))).toBe(true);
      expect(mask.every((bits) => bits === 0x80e2)).toBe(true);
      expect([...psfsize]).toEqual([0, 0, 0]);
    }));

  it('fails only the rows over a damaged tile, whatever rows they come with', () =>
    withBrick(async (folder, brickFolder) => {
      for (const name of ['image-g', 'psfsize-r'])
        await damageTile(join(brickFolder, `legacysurvey-${BRICK}-${name}.fits.fz`), 4);
      const targets = [at(150, 150), at(40, 40), at(95, 95)];
      const cutouts = await cut(targets, 64, { cache: folder });
      expect([...cutouts.finite]).toEqual([0, 1, 0]);
      expect(cutouts.reason[0]).toMatch(/tile 4: .* are not in a heap/);
      expect(cutouts.psfsize[1]).toBeNaN();
      expect(cutouts.psfsize[7]).toBeCloseTo(1.3, 6);
      for (const [row, target] of targets.entries())
        expect(rowOf(await cut([target], 64, { cache: folder }), 0)).toEqual(rowOf(cutouts, row));
      const sound = await cut(targets, 64, { cache });
      expect(rowOf(cutouts, 1)).toEqual(rowOf(sound, 1));
    }));

  it('refuses a size that is none and requests after the end', async () => {
    await expect(cut([at(1, 1)], 0, { cache })).rejects.toMatchObject({ code: 'USAGE' });
    for (const workers of [0, 1]) {
      const reader = openBrickReader({ cache, bands: BANDS, usePsfsizeMaps: true, workers });
      await reader.close();
      await expect(reader.cutouts(BRICK, [at(1, 1)], 8)).rejects.toMatchObject({ code: 'ABORTED' });
    }
  });
});

describe('threads that die', () => {
  /** A thread that ends at a brick called 0000p000 while there are deaths left. */
  const dying = (state: { deaths: number }) => () =>
    new Worker(
      `const { parentPort, workerData } = require('node:worker_threads');
       parentPort.on('message', (message) => {
         if (message === 'close') return parentPort.close();
         if (message.brick === '0000p000' && workerData > 0) process.exit(7);
         parentPort.postMessage({ id: message.id, cutouts: { brick: message.brick } });
       });`,
      { eval: true, workerData: state.deaths-- },
    );

  it('are replaced, and their brick is tried once more', async () => {
    const reader = overLines([new WorkerLine(dying({ deaths: 1 }), BANDS)]);
    const bricks = ['0001p000', '0000p000', '0002p000'];
    const all = await Promise.all(bricks.map((brick) => reader.cutouts(brick, [at(1, 1)], 8)));
    expect(all).toEqual(bricks.map((brick) => ({ brick })));
    await reader.close();
  });

  it('fail the brick that ended them twice, and no other', async () => {
    const reader = overLines([new WorkerLine(dying({ deaths: 9 }), BANDS)]);
    const [bad, good] = await Promise.all(['0000p000', '0002p000'].map((brick) => reader.cutouts(brick, [at(1, 1)], 8)));
    expect(bad.failed).toMatchObject({ code: 'WORKER_DIED', message: expect.stringContaining('0000p000') });
    expect(good).toEqual({ brick: '0002p000' });
    await reader.close();
  });
});
