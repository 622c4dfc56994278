/** Headers that are wrong, and headers that only look so. */
import { describe, expect, it } from 'vitest';
import { parseHeaderText, wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { type Header, separationArcsec, tanHeader, thrown } from './support.ts';

const cdelt: Header = { CD1_1: undefined, CD1_2: undefined, CD2_1: undefined, CD2_2: undefined };

describe('wrong headers are refused by keyword', () => {
  const cases: [keyword: string, header: Header][] = [
    ['CDELT1', tanHeader({ ...cdelt, CDELT1: 0, CDELT2: 1e-4 })],
    ['CD2_2', tanHeader({ CD1_1: 1e-4, CD1_2: 2e-4, CD2_1: 2e-4, CD2_2: 4e-4 })],
    ['CD1_1', tanHeader({ CD1_1: 0, CD1_2: 0 })],
    ['CD1_2', tanHeader({ CD1_2: Number.NaN })],
    ['CRVAL1', tanHeader({ CRVAL1: Number.POSITIVE_INFINITY })],
    ['CRPIX2', tanHeader({ CRPIX2: 'middle' })],
    ['CRVAL1', tanHeader({ CRVAL1: true })],
    ['CRVAL2', tanHeader({ CRVAL2: 91 })],
    ['CTYPE1', tanHeader({ CTYPE1: 7 })],
    ['CTYPE1', tanHeader({ CTYPE2: 'LINEAR' })],
    ['CTYPE2', tanHeader({ CTYPE2: 'RA---TAN' })],
    ['CTYPE2', tanHeader({ CTYPE2: 'DEC--SIN' })],
    ['CTYPE2', tanHeader({ CTYPE2: 'GLAT-TAN' })],
    ['CTYPE2', tanHeader({ CTYPE1: 'RA---TNX', CTYPE2: 'DEC--TNX' })],
    ['CUNIT1', tanHeader({ CUNIT1: 'm' })],
    ['NAXIS', { NAXIS: 0 }],
    ['NAXIS', tanHeader({ NAXIS: 1e9 })],
    ['WCSAXES', tanHeader({ WCSAXES: -1 })],
    ['CRPIX4000000000', tanHeader({ CRPIX4000000000: 1 })],
    ['A_ORDER', tanHeader({ A_ORDER: 1e6, B_ORDER: 2 })],
    ['B_ORDER', tanHeader({ A_ORDER: 2 })],
    ['PV1_40', tanHeader({ CTYPE1: 'RA---TPV', CTYPE2: 'DEC--TPV', PV1_40: 1 })],
    ['PV2_1', tanHeader({ CTYPE1: 'RA---CEA', CTYPE2: 'DEC--CEA', PV2_1: 0 })],
    ['PV2_1', tanHeader({ CTYPE1: 'RA---ZPN', CTYPE2: 'DEC--ZPN' })],
    ['PV2_1', tanHeader({ CTYPE1: 'RA---COE', CTYPE2: 'DEC--COE' })],
    ['PV2_1', tanHeader({ CTYPE1: 'RA---HPX', CTYPE2: 'DEC--HPX', PV2_1: 0.5 })],
    ['CRVAL2', tanHeader({ CTYPE1: 'RA---NCP', CTYPE2: 'DEC--NCP', CRVAL2: 0 })],
    ['RESTFRQ', tanHeader({ CTYPE3: 'VOPT-F2W', CRVAL3: 1e6, CD3_3: 1e3 })],
    ['CRVAL3', tanHeader({ CTYPE3: 'WAVE-LOG', CRVAL3: 0, CD3_3: 1e3 })],
    ['CTYPE3', tanHeader({ CTYPE3: 'WAVE-X2Y', CRVAL3: 1, CD3_3: 1e3 })],
    ['CUNIT3', tanHeader({ CTYPE3: 'WAVE', CUNIT3: 'furlong', CRVAL3: 1, CD3_3: 1e3 })],
  ];
  it.each(cases)('%s', (keyword, header) => {
    expect(thrown(() => wcsFromHeader(header))).toMatchObject({ code: 'INPUT_INVALID', subject: keyword });
  });

  it('names the alternate', () => {
    expect(thrown(() => wcsFromHeader(tanHeader(), { key: 'B' })).subject).toBe('CTYPE1B');
    expect(thrown(() => wcsFromHeader(tanHeader(), { key: 'bb' })).subject).toBe('key');
    expect(
      thrown(() => wcsFromHeader(tanHeader({ CTYPE1B: 'RA---TAN', CTYPE2B: 'DEC--TAN', CDELT1B: 0 }), { key: 'B' })).subject,
    ).toBe('CDELT1B');
  });

  it('a header without sky says so when sky is asked for', () => {
    const wcs = wcsFromHeader({ NAXIS: 2, CTYPE1: 'LINEAR', CTYPE2: 'LINEAR', CRVAL1: 3, CDELT1: 2, CRPIX1: 1 });
    expect(wcs.pixelToWorldAll([Float64Array.of(4), Float64Array.of(0)]).columns[0][0]).toBe(11);
    expect(thrown(() => wcs.pixelToWorld(0, 0)).subject).toBe('CTYPE1');
  });
});

describe('odd but right', () => {
  it('NaN and poles in, NaN and no crash out', () => {
    const wcs = wcsFromHeader(tanHeader());
    expect(wcs.pixelToWorld(Number.NaN, 3)).toEqual([Number.NaN, Number.NaN]);
    expect(wcs.worldToPixel(150, 95)).toEqual([Number.NaN, Number.NaN]);
    expect(wcs.worldToPixel(330.1, -2.2)).toEqual([Number.NaN, Number.NaN]);
    expect(wcs.pixelToWorld(1e300, 1e300)).toEqual([Number.NaN, Number.NaN]);
    expect(thrown(() => wcs.pixelsToWorld(new Float64Array(2), new Float64Array(3))).code).toBe('INPUT_INVALID');
  });

  it('LATPOLE alone places the pole when the fiducial point and LONPOLE leave it free (Paper II, section 2.4)', () => {
    const header = {
      CTYPE1: 'RA---CAR',
      CTYPE2: 'DEC--CAR',
      CRVAL1: 40,
      CRVAL2: 0,
      LONPOLE: 90,
      LATPOLE: 30,
      CDELT1: -1,
      CDELT2: 1,
      CRPIX1: 1,
      CRPIX2: 1,
    };
    const wcs = wcsFromHeader(header);
    expect(separationArcsec(...wcs.pixelToWorld(0, 0), 40, 0)).toBeLessThan(1e-8);
    // The celestial pole stands at native longitude LONPOLE and native latitude LATPOLE: plane (90, 30).
    expect(wcs.pixelToWorld(-90, 30)[1]).toBeCloseTo(90, 6);
  });

  it('a cylindrical image beyond native longitude 180 stays on the sky', () => {
    const header = {
      NAXIS: 2,
      NAXIS1: 300,
      NAXIS2: 100,
      CTYPE1: 'RA---CAR',
      CTYPE2: 'DEC--CAR',
      CRVAL1: 40,
      CRVAL2: 0,
      CRPIX1: -130,
      CRPIX2: 60,
      CDELT1: -1,
      CDELT2: 1,
    };
    const wcs = wcsFromHeader(header);
    expect(wcs.notes.join()).toContain('beyond native longitude 180');
    for (const x of [0, 120, 299]) {
      const [lon, lat] = wcs.pixelToWorld(x, 70);
      expect(separationArcsec(lon, lat, 40 - (x + 131), 11)).toBeLessThan(1e-8);
      expect(wcs.worldToPixel(lon, lat)[0]).toBeCloseTo(x, 8);
    }
  });

  it('a slit: the sky along one pixel axis, wavelength along the other', () => {
    const header = {
      NAXIS: 2,
      CTYPE1: 'WAVE',
      CUNIT1: 'nm',
      CTYPE2: 'RA---TAN',
      CTYPE3: 'DEC--TAN',
      CRVAL1: 500,
      CRVAL2: 10,
      CRVAL3: 20,
      CD1_1: 0.1,
      CD2_2: -1e-4,
      CD3_2: 1e-4,
      CD2_3: 1,
      CD3_3: 1,
    };
    const wcs = wcsFromHeader(header);
    const out = wcs.pixelToWorldAll([Float64Array.of(9), Float64Array.of(99), Float64Array.of(-1)]).columns.map((c) => c[0]);
    expect(out[0]).toBeCloseTo(501e-9, 18);
    expect(out[1]).toBeCloseTo(10 - 0.01 / Math.cos((20 * Math.PI) / 180), 5);
    expect(out[2]).toBeCloseTo(20.01, 5);
  });

  it('an axis of one pixel without width, EQUINOX with a letter, a record-valued card', () => {
    const wcs = wcsFromHeader(
      tanHeader({ ...cdelt, CDELT1: -1, CDELT2: 1, NAXIS: 3, NAXIS3: 1, CTYPE3: 'STOKES', CDELT3: 0, EQUINOX: 'J2000' }),
    );
    expect(wcs.celestial!.frame).toEqual({ system: 'equatorial', radesys: 'FK5', equinox: 2000 });
    expect(wcs.notes.join()).toContain('CDELT3 is 0');
    expect(wcsFromHeader(tanHeader({ EPOCH: 1950 })).celestial!.frame).toMatchObject({ radesys: 'FK4', equinox: 1950 });
    expect(wcsFromHeader(tanHeader()).celestial!.frame).toMatchObject({ radesys: 'ICRS', equinox: undefined });
  });
});

describe('parseHeaderText', () => {
  it('reads cards in 80 columns and one a line alike', () => {
    const cards = [
      "CTYPE1  = 'RA---TAN'           / it''s a comment",
      'CRVAL1  =  1.5D+01 / deg',
      'SIMPLE  =                    T',
      "NOTE    = 'O''Brien '",
      'COMMENT = none',
      'BLANKED =',
      'CRPIX1=-4',
    ];
    const lines = parseHeaderText(`${cards.join('\n')}\nEND\nCRVAL1 = 3`);
    const columns = parseHeaderText(`${[...cards, 'END', 'CRVAL1  = 3'].map((card) => card.padEnd(80)).join('')}`);
    for (const header of [lines, columns]) {
      expect(header.get('CTYPE1')).toBe('RA---TAN');
      expect(header.get('CRVAL1')).toBe(15);
      expect(header.get('SIMPLE')).toBe(true);
      expect(header.get('NOTE')).toBe("O'Brien");
      expect(header.get('BLANKED')).toBeUndefined();
      expect(header.get('CRPIX1')).toBe(-4);
    }
  });

  it('joins CONTINUE, opens record-valued cards, takes the last of two', () => {
    const header = parseHeaderText(
      [
        "LONG    = 'abc&'",
        "CONTINUE  'def&'",
        "CONTINUE  'ghi'",
        "DP1     = 'EXTVER: 2.0'",
        "DP1     = 'AXIS.1: 1'",
        'A = 1',
        'A = 2',
      ].join('\n'),
    );
    expect(header.get('LONG')).toBe('abcdefghi');
    expect(header.get('DP1.EXTVER')).toBe(2);
    expect(header.get('DP1.AXIS.1')).toBe(1);
    expect(header.get('A')).toBe(2);
  });

  it('refuses text that is no header', () => {
    expect(thrown(() => parseHeaderText('<html>not found</html>')).code).toBe('INPUT_INVALID');
    expect(thrown(() => parseHeaderText('')).code).toBe('INPUT_INVALID');
  });
});
