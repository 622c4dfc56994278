import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ArcletError } from '../../../src/core/errors.ts';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { openEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/face.ts';
import { nodeEnvironment } from '../../../src/index.ts';
import { encodeFits, memorySource, openFits } from '../../../src/io/fits/index.ts';
import { fitsResampleSource, resampleFrame } from '../../../src/pipelines/photometry/resample.ts';
import { type Wcs, wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { ARCSEC, arraySource, measure, starField, tan, whole } from '../../support/resample.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await openEngine({ backend: 'cpu', workers: 0 }, nodeEnvironment);
});
afterAll(() => engine.close());

describe('bands', () => {
  const stream = new PhiloxStream(philoxKey(4));
  const image = Float32Array.from({ length: 300 * 280 }, () => stream.uniform());
  const wcs = tan({ crpix: [150, 140] });

  it('are the same bits however little memory there is, and the same reading in small pieces', async () => {
    const target = { wcs: tan({ degrees: 37, crpix: [160, 170] }), width: 330, height: 350 };
    const large = arraySource(wcs, 300, 280, image);
    const small = arraySource(wcs, 300, 280, image);
    const wanted = await whole(engine, large.source, target);
    const found = await whole(engine, small.source, target, { memoryBudgetBytes: 2 ** 21 });
    expect(wanted.plan.bandRows).toBe(512);
    expect(found.plan.bandRows).toBe(64);
    for (const name of ['image', 'invvar', 'mask'] as const) expect(found[name]).toEqual(wanted[name]);
    const largest = Math.max(...small.boxes.map(([, , w, h]) => w * h));
    expect(largest).toBeLessThanOrEqual(found.plan.boxPixels);
    expect(small.boxes.length).toBeGreaterThan(large.boxes.length);
    expect(small.boxes.reduce((sum, [, , w, h]) => sum + w * h, 0)).toBe(found.counts.sourcePixelsRead);
    for (const [x0, y0, w, h] of small.boxes)
      expect(x0 >= 0 && y0 >= 0 && x0 + w <= 300 && y0 + h <= 280 && w > 0 && h > 0).toBe(true);
  });

  it('read only what they look at: a corner of the source for a small target, nothing twice over when aligned', async () => {
    const corner = arraySource(wcs, 300, 280, image);
    const [ra, dec] = wcs.pixelToWorld(260, 240);
    const target = { wcs: tan({ crval: [ra, dec], crpix: [16, 16] }), width: 32, height: 32 };
    await whole(engine, corner.source, target);
    for (const [x0, y0] of corner.boxes) expect(x0 > 230 && y0 > 210).toBe(true);
    const all = arraySource(wcs, 300, 280, image);
    const { counts } = await whole(engine, all.source, { wcs: tan({ crpix: [150.3, 140.2] }), width: 300, height: 280 });
    expect(counts.sourcePixelsRead).toBeLessThan(1.1 * 300 * 280);
  });

  it('without a common pixel are empty, and read nothing', async () => {
    const { source, boxes } = arraySource(wcs, 300, 280, image);
    const {
      mask,
      image: found,
      counts,
    } = await whole(engine, source, { wcs: tan({ crval: [150.5, 2] }), width: 100, height: 70 });
    expect(boxes).toEqual([]);
    expect(mask.every((bits) => bits === 1) && found.every((value) => value === 0)).toBe(true);
    expect(counts).toMatchObject({ pixels: 7000, noData: 7000, tiles: 0, tilesOutside: 4, tilesUnmapped: 0 });
  });

  it('stop at a signal and at a source that cannot be read, and let go of what was begun', async () => {
    const target = { wcs, width: 300, height: 280 };
    const options = { memoryBudgetBytes: 2 ** 21 };
    const stop = new AbortController();
    const stopped = resampleFrame(engine, arraySource(wcs, 300, 280, image).source, target, { ...options, signal: stop.signal });
    await stopped.bands.next();
    stop.abort();
    await expect(stopped.bands.next()).rejects.toMatchObject({ code: 'ABORTED' });
    let reads = 0;
    const section = async (_x: number, _y: number, w: number, h: number) => {
      if (reads++ > 1) throw new Error('the disk is gone');
      return { image: new Float32Array(w * h) };
    };
    const broken = resampleFrame(engine, arraySource(wcs, 300, 280, image, { section }).source, target, options);
    const walk = async () => {
      for await (const { y0 } of broken.bands) expect(y0).toBeLessThan(128);
    };
    await expect(walk()).rejects.toThrow('the disk is gone');
    reads = 0;
    // The second band, begun while the first is computed, fails after the caller has left.
    const left = resampleFrame(engine, arraySource(wcs, 300, 280, image, { section }).source, target, options);
    for await (const { y0 } of left.bands) {
      expect(y0).toBe(0);
      break;
    }
  });
});

describe('FITS images', () => {
  it('with their maps of inverse variance and mask are read by boxes', async () => {
    const [width, height] = [120, 90];
    const image = starField(width, height, [{ x: 60.2, y: 44.7, flux: 500 }], 3);
    const invvar = new Float32Array(width * height).fill(2);
    const mask = new Int16Array(width * height);
    mask[44 * width + 20] = 6;
    mask[44 * width + 90] = 1;
    const cards = [
      { keyword: 'CTYPE1', value: 'RA---TAN' },
      { keyword: 'CTYPE2', value: 'DEC--TAN' },
      { keyword: 'CRVAL1', value: 150 },
      { keyword: 'CRVAL2', value: 2 },
      { keyword: 'CRPIX1', value: 60 },
      { keyword: 'CRPIX2', value: 45 },
      { keyword: 'CDELT1', value: -0.5 * ARCSEC },
      { keyword: 'CDELT2', value: 0.5 * ARCSEC },
    ];
    const shape = [height, width];
    const bytes = Buffer.concat([
      ...encodeFits([
        { kind: 'image', shape, data: image, cards },
        { kind: 'image', shape, data: invvar },
        { kind: 'image', shape, data: mask },
        { kind: 'image', shape: [2, 3], data: new Float32Array(6) },
      ]),
    ]);
    const file = await openFits(memorySource(bytes, 'frame.fits'));
    const source = fitsResampleSource(file.hdu(0), { invvar: file.hdu(1), mask: file.hdu(2), badBits: 2 });
    const target = { wcs: tan({ crpix: [60, 45] }), width, height };
    const found = await whole(engine, source, target);
    expect(found.mask[44 * width + 20]).toBe(1);
    expect(found.mask[44 * width + 90]).toBe(0);
    expect(found.invvar[44 * width + 90]).toBeCloseTo(2, 5);
    expect(measure(found.image, width, 60.2, 44.7, 12).flux).toBeCloseTo(500, 2);
    expect(() => fitsResampleSource(file.hdu(0), { invvar: file.hdu(3) })).toThrow(/2 x 3 px.*90 x 120 px/);
  });
});

describe('what cannot be resampled', () => {
  const { source } = arraySource(tan(), 128, 128, new Float32Array(128 * 128));
  const target = { wcs: tan(), width: 64, height: 64 };
  const failure = (make: () => unknown): ArcletError => {
    try {
      make();
    } catch (error) {
      return error as ArcletError;
    }
    throw new Error('nothing was thrown');
  };

  it.each([
    ['other coordinates', () => ({ ...target, wcs: galactic() }), {}, 'INPUT_INVALID', /coordinates, the target in/],
    [
      'pixels far larger',
      () => ({ ...target, wcs: tan({ scale: 10 }) }),
      {},
      'INPUT_INVALID',
      /20\.0 source pixels wide, more than 8/,
    ],
    ['the other side of the sky', () => ({ ...target, wcs: tan({ crval: [330, -2] }) }), {}, 'INPUT_INVALID', /No part/],
    ['a share above 1', () => target, { minGoodWeight: 1.5 }, 'USAGE', /1\.5/],
    ['no rows', () => ({ ...target, height: 0 }), {}, 'USAGE', /64 x 0/],
    ['a stretch below 1', () => target, { stretch: 0.5 }, 'USAGE', /0\.5/],
  ] as const)('%s', (_, grid, options, code, message) => {
    const error = failure(() => resampleFrame(engine, source, grid(), options));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('FK5 of J2000 is taken for ICRS, and said so', async () => {
    const wcs = tan({ more: { RADESYS: 'FK5', EQUINOX: 2000 } });
    const { plan } = await whole(engine, { ...source, wcs }, target);
    expect(plan.notes).toEqual([expect.stringMatching(/FK5/)]);
    const old = tan({ more: { RADESYS: 'FK4', EQUINOX: 1950 } });
    expect(failure(() => resampleFrame(engine, { ...source, wcs: old }, target)).code).toBe('INPUT_INVALID');
  });

  it('a tile that a seam of the sky runs through loses the cells on it, no more', async () => {
    // A plate carree of the whole sky, 1 deg per px; its seam is at RA 180, and the target straddles it.
    const sky = wcsFromHeader({
      CTYPE1: 'RA---CAR',
      CTYPE2: 'DEC--CAR',
      CRVAL1: 0,
      CRVAL2: 0,
      CRPIX1: 180.5,
      CRPIX2: 90.5,
      CDELT1: -1,
      CDELT2: 1,
      RADESYS: 'ICRS',
    });
    const image = new Float32Array(360 * 180).fill(1);
    const across = { wcs: tan({ scale: 1800, crval: [180, 0], crpix: [32.5, 32.5] }), width: 64, height: 64 };
    const { mask, counts } = await whole(engine, arraySource(sky, 360, 180, image).source, across, {
      conserve: 'surface-brightness',
    });
    expect(counts.tilesUnmapped + counts.tiles).toBe(1);
    const columns = new Set([...mask.entries()].filter(([, bits]) => bits === 1).map(([k]) => k % 64));
    expect(columns.size).toBeGreaterThan(0);
    // The source ends there too, which costs a column more.
    expect(columns.size).toBeLessThanOrEqual(9);
    expect([...columns].every((x) => x > 23 && x < 40)).toBe(true);
  });
});

function galactic(): Wcs {
  return wcsFromHeader({
    CTYPE1: 'GLON-TAN',
    CTYPE2: 'GLAT-TAN',
    CRVAL1: 10,
    CRVAL2: 5,
    CRPIX1: 1,
    CRPIX2: 1,
    CDELT1: -ARCSEC,
    CDELT2: ARCSEC,
  });
}
