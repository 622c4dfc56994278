/** Outline, areas and scales against closed forms. */
import { describe, expect, it } from 'vitest';
import {
  footprint,
  footprintAreaDeg2,
  pixelAreaArcsec2,
  pixelScale,
  planePixelAreaDeg2,
  wcsFromHeader,
} from '../../../src/sky/wcs/index.ts';
import { tanHeader, thrown } from './support.ts';

describe('footprint', () => {
  it('of an equal-area map has the area of its pixels', () => {
    const header = {
      CTYPE1: 'RA---ZEA',
      CTYPE2: 'DEC--ZEA',
      CRVAL1: 359.9,
      CRVAL2: 89,
      CRPIX1: 50.5,
      CRPIX2: 40.5,
      CDELT1: -0.1,
      CDELT2: 0.1,
      NAXIS: 2,
      NAXIS1: 100,
      NAXIS2: 80,
    };
    const wcs = wcsFromHeader(header);
    // The side of 400 chords falls short of the curve by less than 1e-7 of the area.
    expect(footprintAreaDeg2(footprint(wcs, { pointsPerSide: 400 }))).toBeCloseTo(80, 4);
    expect(footprint(wcs).lonDeg).toHaveLength(4);
    expect(footprint(wcs, { width: 10, height: 10 }).latDeg[0]).toBe(footprint(wcs).latDeg[0]);
  });

  it('of a small tangent image keeps its digits', () => {
    const wcs = wcsFromHeader(tanHeader({ CD1_1: -1e-7, CD1_2: 0, CD2_1: 0, CD2_2: 1e-7 }));
    expect(footprintAreaDeg2(footprint(wcs)) / (400 * 300 * 1e-14)).toBeCloseTo(1, 8);
  });

  it('refuses what is not on the sky or has no size', () => {
    const allSky = {
      CTYPE1: 'RA---AIT',
      CTYPE2: 'DEC--AIT',
      CRPIX1: 180.5,
      CRPIX2: 90.5,
      CDELT1: -1,
      CDELT2: 1,
      NAXIS: 2,
      NAXIS1: 360,
      NAXIS2: 180,
    };
    expect(thrown(() => footprint(wcsFromHeader(allSky))).message).toContain('4 of 4 points');
    expect(thrown(() => footprint(wcsFromHeader(tanHeader({ NAXIS1: undefined }))))).toMatchObject({
      code: 'INPUT_INVALID',
      subject: 'NAXIS1',
    });
  });
});

describe('pixel scale and area', () => {
  it('at the reference pixel are those of the matrix', () => {
    const wcs = wcsFromHeader(tanHeader());
    expect(pixelAreaArcsec2(wcs) / (3600 ** 2 * planePixelAreaDeg2(wcs))).toBeCloseTo(1, 9);
    const { xArcsec, yArcsec, yPositionAngleDeg } = pixelScale(wcs);
    expect(xArcsec).toBeCloseTo(3600 * Math.hypot(1e-4, 1e-6), 9);
    expect(yArcsec).toBeCloseTo(3600 * Math.hypot(1e-4, 2e-6), 9);
    expect(yPositionAngleDeg).toBeCloseTo((Math.atan2(2e-6, 1e-4) * 180) / Math.PI, 7);
  });

  it('fall with cos^3 of the distance from the tangent point', () => {
    const wcs = wcsFromHeader(tanHeader({ CD1_1: -0.1, CD1_2: 0, CD2_1: 0, CD2_2: 0.1 }));
    const distance = Math.atan((100 * 0.1 * Math.PI) / 180);
    // Central differences over a pixel of 0.1 degrees are good to 1e-6 here.
    expect(pixelAreaArcsec2(wcs, 299.5, 149.5) / 360 ** 2).toBeCloseTo(Math.cos(distance) ** 3, 5);
  });

  it('are NaN off the sky', () => {
    const wcs = wcsFromHeader({ CTYPE1: 'RA---SIN', CTYPE2: 'DEC--SIN', CDELT1: -1, CDELT2: 1 });
    expect(pixelAreaArcsec2(wcs, 200, 0)).toBeNaN();
  });
});
