import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { FitsHeader } from '../../../src/io/fits/index.ts';
import { epochYearOf, movedPlace } from '../../../src/pipelines/photometry/augment/epoch.ts';
import { saturatedPlaces } from '../../../src/pipelines/photometry/augment/saturation.ts';
import { gaiaBox, inBox, matchNearest, matchOneToOne } from '../../../src/pipelines/photometry/augment/select.ts';
import type { Frame } from '../../../src/pipelines/photometry/field.ts';
import { roundEven } from '../../../src/pipelines/photometry/load-sources.ts';

describe('the box of Gaia sources', () => {
  // Numbers of tract7dt 0.7.0 in an image of 100 x 80.
  it.each([
    [[10, 90.5], [20, 30.2], 50, [9, 91, 0, 80]],
    [[1, 5], [70, 79], 30, [0, 30, 50, 80]],
    [[50], [40], 3000, [0, 100, 0, 80]],
    [[], [], 40, [30, 70, 20, 60]],
    [[-20, 150], [10, 20], 10, [0, 100, 0, 80]],
    [[40.25, 60.5], [30, 31], 0, [39, 61, 20, 41]],
    [[Number.NaN, 3.3], [5, 7.7], 21, [0, 21, 0, 21]],
  ])('about x %j, y %j, at least %i px', (x, y, least, expected) => {
    const { x0, x1, y0, y1 } = gaiaBox({ x, y }, least, 100, 80);
    expect([x0, x1, y0, y1]).toEqual(expected);
  });

  it('is half open, and nothing without a place is in it', () => {
    const box = { x0: 1, x1: 3, y0: 0, y1: 2 };
    expect([inBox(box, 1, 0), inBox(box, 3, 0), inBox(box, 2, 2), inBox(box, Number.NaN, 1)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });
});

describe('matches', () => {
  const arcsec = 1 / 3600;
  const at = (...offsets: number[]) => ({ ra: offsets.map((offset) => 359.9999 + offset * arcsec), dec: offsets.map(() => 0) });

  it('takes the nearest source of each row, or each source once by increasing separation', () => {
    const rows = at(0, 1, 2.2, 10, Number.NaN);
    const gaia = at(0.9, 2, 30);
    expect([...matchNearest(rows, gaia, 3 * arcsec)]).toEqual([0, 0, 1, -1, -1]);
    expect([...matchOneToOne(rows, gaia, 3 * arcsec)]).toEqual([-1, 0, 1, -1, -1]);
    // With the nearest source taken, a row gets the next one.
    expect([...matchOneToOne(at(0, 0.1), at(0.1, 1), 3 * arcsec)]).toEqual([1, 0]);
    // 1.5 arcsec apart, across RA 0.
    expect([...matchOneToOne({ ra: [359.9999], dec: [0] }, { ra: [0.0003], dec: [0] }, 1.4 * arcsec)]).toEqual([-1]);
    expect([...matchOneToOne({ ra: [359.9999], dec: [0] }, { ra: [0.0003], dec: [0] }, 1.5 * arcsec)]).toEqual([0]);
  });

  it('gives equal pairs to the first row and the first source', () => {
    expect([...matchOneToOne(at(5, 5), at(5, 5, 5), arcsec)]).toEqual([0, 1]);
    expect([...matchNearest(at(5, 5), at(5, 5, 5), arcsec)]).toEqual([0, 0]);
  });
});

describe('epochs', () => {
  it.each([
    [{ 'DATE-OBS': '2024-03-05T04:30:15.5' }, 2024.1743673631709],
    [{ 'DATE-OBS': '1999-12-31' }, 1999.9958932238194],
    [{ 'DATE-OBS': '1999-12-31', 'MJD-OBS': 51544.5 + 365.25 }, 2001],
    [{ 'DATE-OBS': '31/12/99' }, undefined],
    [{ 'DATE-OBS': '2024-13-45' }, undefined],
    [{}, undefined],
  ])('of %j', (cards, expected) => {
    const found = epochYearOf(FitsHeader.of(Object.entries(cards).map(([keyword, value]) => ({ keyword, value }))));
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toBeCloseTo(expected, 9);
  });

  // Numbers of astropy's apply_space_motion, 2016.0 to 2024.25, at 1 Mpc; the last one passes RA 0. It moves stars along straight lines: 0.005 mas
  // less for the first one.
  it.each([
    [269.4520769586187, 4.693364966576667, -801.551, 10362.394, 269.45023382817556, 4.717112115335675],
    [150.25, 2.5, 100, -50, 150.25022938496676, 2.4998854166484343],
    [10, 89.99999, 2000, 3000, 156.2714294073419, 89.9917455971516],
    [0.00001, -60, -5000, 0, 359.9770933349107, -59.99999801550109],
  ])('moves (%f, %f) by (%f, %f) mas/yr', (ra, dec, pmra, pmdec, toRa, toDec) => {
    const [foundRa, foundDec] = movedPlace(ra, dec, pmra, pmdec, 8.25);
    expect((foundRa - toRa) * Math.cos((toDec * Math.PI) / 180) * 3.6e6).toBeCloseTo(0, 1);
    expect((foundDec - toDec) * 3.6e6).toBeCloseTo(0, 1);
  });

  it('leaves a star without motion exactly where it is', () => {
    expect(movedPlace(359.99, 89, 0, 0, 8)).toEqual([359.99, 89]);
  });
});

describe('saturation near places', () => {
  const [width, height] = [60, 50];
  const stream = new PhiloxStream(philoxKey(3), [0, 0, 0]);
  const bad = Uint8Array.from({ length: width * height }, () => +(stream.uniform() < 0.004));
  let read = 0;
  const frame = {
    band: 'm400',
    async section(x0: number, y0: number, w: number, h: number) {
      read += w * h;
      const index = Array.from({ length: w * h }, (_, k) => (y0 + Math.floor(k / w)) * width + x0 + (k % w));
      return { image: new Float32Array(w * h), bad: Uint8Array.from(index, (k) => bad[k]) };
    },
  } as unknown as Frame;
  const field = { frames: [frame], box: { x0: 500, y0: 500, width, height } };
  const { signal } = new AbortController();

  it.each([0, 1.5, 4])('is what looking at every pixel gives, radius %f', async (radiusPix) => {
    const places = {
      x: Array.from({ length: 200 }, () => stream.between(0, width - 0.5)),
      y: Array.from({ length: 200 }, () => stream.between(0, height - 0.5)),
    };
    const expected = places.x.map((x, k) => {
      const near = (pixel: number) =>
        ((pixel % width) - roundEven(x)) ** 2 + (Math.floor(pixel / width) - roundEven(places.y[k])) ** 2 <= radiusPix ** 2;
      return +bad.some((value, pixel) => value === 1 && near(pixel));
    });
    expect([...(await saturatedPlaces(field, places, { radiusPix, requireAllBands: false }, signal))]).toEqual(expected);
    expect(expected.includes(0)).toBe(true);
  });

  it('reads only what is about the places, and stops when told to', async () => {
    read = 0;
    await saturatedPlaces(field, { x: [10, 20], y: [8, 45] }, { radiusPix: 2, requireAllBands: false }, signal);
    expect(read).toBeLessThan(0.15 * width * height);
    const stopped = AbortSignal.abort();
    await expect(
      saturatedPlaces(field, { x: [10], y: [8] }, { radiusPix: 2, requireAllBands: false }, stopped),
    ).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
