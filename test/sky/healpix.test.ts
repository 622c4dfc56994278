import { describe, expect, it } from 'vitest';
import { ang2pixNest, checkNside, pix2angNest } from '../../src/sky/healpix.ts';

/** nside, ra, dec, nested cell, its centre: healpy 1.20.1, cells the same in astropy-healpix 2.0.1. */
const HEALPY: readonly (readonly [number, number, number, number, number, number])[] = [
  [1, 289.8010525, 20.9997003, 7, 270.0, 0.0],
  [64, 290.8586843, 47.7464958, 15128, 291.3157894736842, 47.35757623319898],
  [128, 185.517202, -33.0494698, 98575, 185.625, -33.152887928619876],
  [8192, 102.8884968, 52.2693679, 115618536, 102.89181692094314, 52.265172518478124],
  [1, 19.4150529, 48.1068116, 0, 45.0, 41.81031489577859],
  [64, 138.0127971, -74.3580818, 37063, 139.28571428571428, -74.60343607627445],
  [128, 147.050354, 24.5187582, 18280, 146.953125, 24.296477994805656],
  [8192, 16.2990698, -86.0301613, 537403347, 16.25179856115108, -86.03029044714307],
  [64, 359.7034014, -7.2769693, 17353, 359.296875, -7.180755781458288],
  [8192, 84.4236726, -20.4943315, 345228145, 84.4244384765625, -20.493288321819037],
  [64, 350.7070296, -21.5366204, 16949, 350.859375, -22.02431283704216],
  [64, 360, 0.6, 19456, 0, 0.5968418305070173],
  [128, 90, 90, 32767, 135, 89.63451650477154],
  [8192, 45, -90, 536870912, 45, -89.99428933006672],
  [1, 0, 41.8103149, 0, 45, 41.81031489577859],
  [64, 123.456, 89.99, 8191, 135, 89.2690292915739],
  [128, 359.999999, -41.8, 65536, 0, -41.41118863809925],
  [8192, 59.1128192, -30.4886648, 568914365, 59.1119384765625, -30.485761088199553],
];

describe('HEALPix, nested', () => {
  it.each(HEALPY)('nside %i: (%f, %f) is in cell %i, whose centre is (%f, %f)', (nside, ra, dec, cell, centreRa, centreDec) => {
    expect(ang2pixNest(nside, ra, dec)).toBe(cell);
    const centre = pix2angNest(nside, cell);
    expect(centre.raDeg).toBeCloseTo(centreRa, 9);
    expect(centre.decDeg).toBeCloseTo(centreDec, 9);
  });

  it('every cell of nside 8 is the cell of its own centre, and of RA a turn away', () => {
    for (let cell = 0; cell < 12 * 64; cell++) {
      const { raDeg, decDeg } = pix2angNest(8, cell);
      expect(ang2pixNest(8, raDeg, decDeg)).toBe(cell);
      expect(ang2pixNest(8, raDeg - 360, decDeg)).toBe(cell);
    }
  });

  it('refuses what is no power of two up to 2^13', () => {
    for (const nside of [0, 3, 100, 2 ** 14, 1.5]) expect(() => checkNside(nside)).toThrow(/no power of two/);
    expect(() => checkNside(8192)).not.toThrow();
  });
});
