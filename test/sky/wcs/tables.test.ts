/** What is handed in from other extensions: -TAB coordinates and distortion tables; and distortions that cannot be inverted. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { POINT_NOT_CONVERGED, POINT_OK, POINT_OUTSIDE, parseHeaderText, wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { type Header, separationArcsec, tanHeader, thrown } from './support.ts';

const cube: Header = tanHeader({
  NAXIS: 3,
  NAXIS3: 5,
  CTYPE3: 'WAVE-TAB',
  CUNIT3: 'um',
  CRPIX3: 1,
  CRVAL3: 1,
  CD3_3: 1,
  PS3_0: 'WCS-TABLE',
  PS3_1: 'wave',
  PV3_1: 2,
});

function third(header: Header, z: number[], coordinates: number[], index?: number[]) {
  const wcs = wcsFromHeader(header, {
    coordinateTables: () => ({ coordinates: Float64Array.from(coordinates), index: index && Float64Array.from(index) }),
  });
  const columns = [z.map(() => 10), z.map(() => 20), z].map((column) => Float64Array.from(column));
  const forward = wcs.pixelToWorldAll(columns);
  return { wcs, forward, back: wcs.worldToPixelAll(forward.columns) };
}

describe('-TAB axes', () => {
  it('interpolate the table, half a step beyond its ends', () => {
    const { forward, back } = third(cube, [0, 0.5, 3, 4, 4.5, -0.5, 4.6], [1, 1.1, 1.3, 1.6, 2]);
    expect(Array.from(forward.columns[2])).toEqual(
      [1, 1.05, 1.6, 2, 2.2, 0.95, Number.NaN].map((v) => (Number.isNaN(v) ? v : expect.closeTo(v, 12))),
    );
    expect(Array.from(forward.status)).toEqual([0, 0, 0, 0, 0, 0, POINT_OUTSIDE]);
    expect(Array.from(back.columns[2].subarray(0, 6))).toEqual([0, 0.5, 3, 4, 4.5, -0.5].map((v) => expect.closeTo(v, 12)));
    expect(forward.columns[0][6]).not.toBeNaN();
  });

  it('go through an index vector, rising or falling', () => {
    for (const sign of [1, -1]) {
      const { forward, back } = third(
        { ...cube, CRVAL3: 10 * sign, CD3_3: 5 * sign },
        [0, 1, 2],
        [1, 2, 4],
        [10 * sign, 20 * sign, 30 * sign],
      );
      expect(Array.from(forward.columns[2])).toEqual([1, 1.5, 2]);
      expect(Array.from(back.columns[2])).toEqual([0, 1, 2]);
    }
  });

  it('are asked for by extension, version and column, and are NaN with a note when not given', () => {
    let asked: unknown;
    const wcs = wcsFromHeader(cube, {
      coordinateTables: (address) => {
        asked = address;
        return undefined;
      },
    });
    expect(asked).toEqual({
      extname: 'WCS-TABLE',
      extver: 2,
      extlevel: 1,
      coordinateColumn: 'wave',
      indexColumn: undefined,
      coordinate: 1,
    });
    expect(wcs.notes.join()).toContain('CTYPE3');
    expect(wcs.pixelToWorldAll([Float64Array.of(1), Float64Array.of(1), Float64Array.of(1)]).columns[2][0]).toBeNaN();
    expect(wcs.pixelToWorld(1, 1)[0]).not.toBeNaN();
  });

  it('refuse tables that are empty, unequal or not monotonic', () => {
    for (const [coordinates, index] of [
      [[]],
      [[1, 2, 1.5]],
      [[1, Number.NaN]],
      [[1, 2], [1]],
      [
        [1, 2, 3],
        [1, 3, 2],
      ],
    ] as number[][][]) {
      expect(thrown(() => third(cube, [0], coordinates, index))).toMatchObject({ code: 'INPUT_INVALID', subject: 'CTYPE3' });
    }
    expect(thrown(() => wcsFromHeader({ ...cube, PS3_0: undefined })).subject).toBe('PS3_0');
  });
});

describe('distortion tables', () => {
  const header = tanHeader({ CPDIS1: 'LOOKUP', 'DP1.EXTVER': 3, 'DP1.AXIS.1': 1, D2IMDIS2: 'LOOKUP', D2IMERR2: 0.04 });

  it('are added between pixel and matrix, and inverted', () => {
    const table = {
      data: Float32Array.of(0, 0.5, 1, 1.5),
      nx: 2,
      ny: 2,
      crpix: [1, 1] as const,
      crval: [1, 1] as const,
      cdelt: [399, 299] as const,
    };
    const wcs = wcsFromHeader(header, {
      distortionTables: (name, version) => (name === 'WCSDVARR' && version === 3 ? table : undefined),
    });
    const plain = wcsFromHeader(tanHeader());
    // FITS pixel (200.5, 150.5) is a hair from the middle of the table: 0.5 * 199.5/399 + 149.5/299 = 0.75.
    expect(separationArcsec(...wcs.pixelToWorld(199.5, 149.5), ...plain.pixelToWorld(200.25, 149.5))).toBeLessThan(1e-7);
    const [x, y] = wcs.worldToPixel(...wcs.pixelToWorld(30, 280));
    expect(Math.hypot(x - 30, y - 280)).toBeLessThan(1e-8);
    expect(wcs.notes).toHaveLength(1);
    expect(wcs.notes[0]).toContain('D2IMDIS2 is not applied');
    expect(wcs.notes[0]).toContain('0.04 px');
  });

  it('must have the size that they say', () => {
    const table = {
      data: new Float32Array(3),
      nx: 2,
      ny: 2,
      crpix: [1, 1] as const,
      crval: [1, 1] as const,
      cdelt: [1, 1] as const,
    };
    expect(thrown(() => wcsFromHeader(header, { distortionTables: () => table }))).toMatchObject({
      code: 'INPUT_INVALID',
      subject: 'D2IMDIS2',
    });
  });
});

describe('inverse of a distortion', () => {
  const folding = { CTYPE1: 'RA---TAN-SIP', CTYPE2: 'DEC--TAN-SIP', A_ORDER: 2, B_ORDER: 2, A_2_0: 0.01 };

  it('says when there is none: u + 0.01 u^2 is never below -25', () => {
    const wcs = wcsFromHeader(tanHeader(folding));
    const plain = wcsFromHeader(tanHeader());
    const sky = [plain.pixelToWorld(199.5 - 30, 149.5), plain.pixelToWorld(199.5 - 24, 149.5)];
    const { x, status, failed } = wcs.worldToPixels(
      Float64Array.from(sky, (p) => p[0]),
      Float64Array.from(sky, (p) => p[1]),
    );
    expect(Array.from(status)).toEqual([POINT_NOT_CONVERGED, POINT_OK]);
    expect(failed).toBe(1);
    expect(x[0]).toBeNaN();
    // The root on the side of the reference pixel: u = -50 + sqrt(2500 - 2400) = -40.
    expect(x[1]).toBeCloseTo(199.5 - 40, 6);
  });

  it('does not trust AP and BP', () => {
    const good = wcsFromHeader(tanHeader({ ...folding, A_2_0: 1e-4 }));
    const misled = wcsFromHeader(tanHeader({ ...folding, A_2_0: 1e-4, AP_ORDER: 2, BP_ORDER: 2, AP_2_0: 0.3, BP_1_1: -0.2 }));
    const sky = good.pixelToWorld(390, 10);
    expect(misled.worldToPixel(...sky)[0]).toBeCloseTo(390, 7);
  });

  it('gives way to the plate solution of a DSS image', { skip: !hasShared }, () => {
    const text = gunzipSync(readFileSync(shared('data/g_fits_wcs/astropy-wcs/dss.14.29.56-62.41.05.fits.gz'))).toString('latin1');
    const wcs = wcsFromHeader(parseHeaderText(text));
    // WCS(header).all_pix2world([[0, 0], [99, 10], [50.5, 99]], 0) of astropy 8.0.2
    const expected = [
      [217.53322326596683, -62.70913991133057],
      [217.4316344074836, -62.703172854667734],
      [217.48401335991716, -62.661788735686514],
    ];
    [
      [0, 0],
      [99, 10],
      [50.5, 99],
    ].forEach(([x, y], k) => {
      const sky = wcs.pixelToWorld(x, y);
      expect(separationArcsec(...sky, expected[k][0], expected[k][1])).toBeLessThan(1e-6);
      expect(wcs.worldToPixel(...sky)[0]).toBeCloseTo(x, 8);
    });
  });
});
