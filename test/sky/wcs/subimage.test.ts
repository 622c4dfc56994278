/** A cut or binned header puts every pixel where it was on the sky. */
import { describe, expect, it } from 'vitest';
import { applyEdits, binHeader, cutHeader, wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { type Header, separationArcsec, tanHeader, thrown } from './support.ts';

const sip: Header = {
  CTYPE1: 'RA---TAN-SIP',
  CTYPE2: 'DEC--TAN-SIP',
  A_ORDER: 3,
  B_ORDER: 2,
  A_2_0: 2e-5,
  A_1_1: -1e-5,
  A_0_3: 3e-8,
  B_0_2: -2e-5,
  B_1_1: 1e-5,
  AP_ORDER: 2,
  BP_ORDER: 2,
  AP_2_0: -2e-5,
  BP_0_2: 2e-5,
};
const cdelt: Header = { CD1_1: undefined, CD1_2: undefined, CD2_1: undefined, CD2_2: undefined, CDELT1: -1e-4, CDELT2: 1.2e-4 };
const plate: Header = {
  CNPIX1: 8860,
  CNPIX2: 1708,
  XPIXELSZ: 25.28445,
  YPIXELSZ: 25.28445,
  PPO3: 176616.9833815,
  PPO6: 177193.56115606,
  PLTRAH: 14,
  PLTRAM: 37,
  PLTRAS: 48.1,
  PLTDECSN: '-',
  PLTDECD: 60,
  PLTDECM: 12,
  PLTDECS: 59,
  AMDX1: 67.226,
  AMDX2: -0.23,
  AMDX3: 1.09,
  AMDX8: 2.3e-6,
  AMDY1: 67.233,
  AMDY2: 0.226,
  AMDY3: -0.527,
  AMDY8: 2.2e-6,
};
const HEADERS: Record<string, Header> = {
  'CD matrix': tanHeader(),
  'PC and CDELT': tanHeader({ ...cdelt, PC1_2: 0.1, PC2_1: -0.08 }),
  CROTA2: tanHeader({ ...cdelt, CROTA2: 25 }),
  'SIP with AP': tanHeader(sip),
  TPV: tanHeader({ CTYPE1: 'RA---TPV', CTYPE2: 'DEC--TPV', PV1_1: 1.01, PV1_4: 0.3, PV2_1: 0.99, PV2_7: -2 }),
  'DEC first': tanHeader({ CTYPE1: 'DEC--TAN', CTYPE2: 'RA---TAN', CRVAL1: 2.2, CRVAL2: 150.1 }),
  'no CRPIX': tanHeader({ CRPIX1: undefined, CRPIX2: undefined }),
  'DSS plate': tanHeader(plate),
};
const POINTS = [
  [0, 0],
  [37.25, 11.5],
  [120, 80],
] as const;

describe('cutHeader', () => {
  for (const [name, header] of Object.entries(HEADERS)) {
    it(name, () => {
      const whole = wcsFromHeader(header);
      const edits = cutHeader(header, 31, -7, 128, 96);
      const part = wcsFromHeader(applyEdits(header, edits));
      for (const [x, y] of POINTS) {
        expect(separationArcsec(...part.pixelToWorld(x, y), ...whole.pixelToWorld(x + 31, y - 7))).toBeLessThan(1e-8);
      }
      expect(part.shape).toEqual([128, 96]);
    });
  }

  it('moves alternates and the physical system, and leaves SIP and the matrix alone', () => {
    const header = tanHeader({ ...sip, CTYPE1A: 'X', CRVAL1A: 5, CTYPE2A: 'Y', CRPIX1A: 3, CRPIX2A: 4, LTV1: -10, LTM1_1: 1 });
    const { set } = cutHeader(header, 31, 17, 10, 20);
    expect(Object.fromEntries(set)).toEqual({
      NAXIS1: 10,
      NAXIS2: 20,
      CRPIX1: 169.5,
      CRPIX2: 133.5,
      CRPIX1A: -28,
      CRPIX2A: -13,
      LTV1: -41,
    });
  });

  it('drops distortion tables, saying so', () => {
    const edits = cutHeader(tanHeader({ CPDIS1: 'LOOKUP', 'DP1.EXTVER': 1, 'DP1.AXIS.1': 1 }), 0, 0, 5, 5);
    expect(edits.remove.sort()).toEqual(['CPDIS1', 'DP1.AXIS.1', 'DP1.EXTVER']);
    expect(edits.notes[0]).toContain('CPDIS1');
  });

  it('refuses parts that are empty or not of whole pixels', () => {
    expect(thrown(() => cutHeader(tanHeader(), 0, 0, 0, 5)).code).toBe('INPUT_INVALID');
    expect(thrown(() => cutHeader(tanHeader(), 0.5, 0, 5, 5)).code).toBe('INPUT_INVALID');
  });
});

describe('binHeader', () => {
  const cube = tanHeader({
    ...cdelt,
    NAXIS: 3,
    NAXIS3: 9,
    CTYPE3: 'FREQ',
    CRVAL3: 1e9,
    CDELT3: 1e6,
    CRPIX3: 2,
    PC3_1: 0.3,
    PC1_3: 0.2,
    PC2_3: -0.1,
  });
  for (const [name, header] of Object.entries({ ...HEADERS, 'cube with coupled axes': cube })) {
    it(name, () => {
      const whole = wcsFromHeader(header);
      const binned = wcsFromHeader(applyEdits(header, binHeader(header, 3)));
      const column = (value: number): Float64Array => Float64Array.of(value);
      const all = (wcs: typeof whole, x: number, y: number) =>
        wcs.pixelToWorldAll([x, y, 4].slice(0, wcs.naxis).map(column)).columns;
      for (const [x, y] of POINTS) {
        const before = all(whole, 3 * x + 1, 3 * y + 1);
        const after = all(binned, x, y);
        const { lonAxis, latAxis } = whole.celestial!;
        expect(separationArcsec(after[lonAxis][0], after[latAxis][0], before[lonAxis][0], before[latAxis][0])).toBeLessThan(1e-8);
        if (whole.naxis === 3) expect(after[2][0] / before[2][0]).toBeCloseTo(1, 14);
      }
      expect(binned.shape.slice(0, 2)).toEqual([133, 100]);
    });
  }

  it('keeps alternates and the IRAF physical system', () => {
    const header = tanHeader({ CTYPE1A: 'X', CRVAL1A: 5, CDELT1A: 2, CRPIX1A: 3, LTV1: -10, LTM1_1: 0.5 });
    const { set } = binHeader(header, 2);
    const a = (pixel: number, get: (key: string) => number): number =>
      get('CRVAL1A') + get('CDELT1A') * (pixel + 1 - get('CRPIX1A'));
    const before = (key: string): number => header[key] as number;
    const after = (key: string): number => set.get(key) ?? before(key);
    expect(a(7, after)).toBeCloseTo(a(14.5, before), 12);
    const physical = (pixel: number, get: (key: string) => number): number => (pixel + 1 - get('LTV1')) / get('LTM1_1');
    expect(physical(7, after)).toBeCloseTo(physical(14.5, before), 12);
  });

  it('refuses a bin larger than the image or no integer', () => {
    expect(thrown(() => binHeader(tanHeader(), 301))).toMatchObject({ code: 'INPUT_INVALID', subject: 'NAXIS2' });
    expect(thrown(() => binHeader(tanHeader(), 1.5)).code).toBe('INPUT_INVALID');
  });
});
