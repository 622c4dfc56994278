import { describe, expect, it } from 'vitest';
import {
  CONVENTION_PRESETS,
  conventions,
  convertEinsteinRadius,
  convertHalfLight,
  convertPositionAngle,
  EINSTEIN_RADIUS_CONVENTIONS,
  HALF_LIGHT_CONVENTIONS,
  isothermalScale,
  POSITION_ANGLE_CONVENTIONS,
} from '../../src/sky/conventions.ts';
import {
  convertFlux,
  depthFromPsfdepth,
  fluxFromMagnitude,
  magnitudeFromFlux,
  pixelNoiseFromPsfdepth,
  psfdepthFromDepth,
} from '../../src/sky/photometry.ts';

describe('Einstein radius', () => {
  it('every pair round-trips and leaves b alone', () => {
    for (const from of EINSTEIN_RADIUS_CONVENTIONS) {
      for (const to of EINSTEIN_RADIUS_CONVENTIONS) {
        const there = convertEinsteinRadius(1.3, 0.45, from, to);
        expect(convertEinsteinRadius(there, 0.45, to, from)).toBeCloseTo(1.3, 14);
        expect(isothermalScale(there, 0.45, to)).toBeCloseTo(isothermalScale(1.3, 0.45, from), 14);
        expect(convertEinsteinRadius(1.3, 1, from, to)).toBeCloseTo(1.3, 14);
      }
    }
  });

  it('names axes of the contour kappa = 1/2, and the DHS value is theta_E sqrt(q)', () => {
    const q = 0.5;
    const minor = convertEinsteinRadius(1, q, 'product', 'minor');
    const major = convertEinsteinRadius(1, q, 'product', 'major');
    expect(minor / major).toBeCloseTo(q, 14);
    expect(minor * major).toBeCloseTo(1, 14);
    // theta_E_if_dhs_formula of the reference vectors at theta_E 1, q 0.7.
    expect(convertEinsteinRadius(1, 0.7, 'product', 'minor')).toBeCloseTo(0.8366600265340756, 14);
    // lenstronomy's doc: (theta'/theta)^2 = 2q/(1+q^2).
    expect(convertEinsteinRadius(1, q, 'product', 'square_mean') ** 2).toBeCloseTo((2 * q) / (1 + q * q), 14);
  });
});

describe('half-light radius and position angle', () => {
  it('round-trip between all pairs', () => {
    for (const from of HALF_LIGHT_CONVENTIONS) {
      for (const to of HALF_LIGHT_CONVENTIONS) {
        expect(convertHalfLight(convertHalfLight(0.4, 0.3, from, to), 0.3, to, from)).toBeCloseTo(0.4, 14);
      }
    }
    for (const from of POSITION_ANGLE_CONVENTIONS) {
      for (const to of POSITION_ANGLE_CONVENTIONS) {
        for (const angle of [0, 0.3, 1.9, 3.1]) {
          const back = convertPositionAngle(convertPositionAngle(angle, from, to), to, from);
          expect(Math.abs(Math.sin(back - angle))).toBeLessThan(1e-14);
          expect(back).toBeGreaterThanOrEqual(0);
          expect(back).toBeLessThan(Math.PI);
        }
      }
    }
  });

  it('have their known values', () => {
    expect(convertHalfLight(1, 0.25, 'major', 'circularised')).toBe(0.5);
    // North is +y: an axis along +y has position angle 0, one along x (East-West) 90 degrees.
    expect(convertPositionAngle(Math.PI / 2, 'ccw_from_x', 'east_of_north')).toBeCloseTo(0, 14);
    expect(convertPositionAngle(0, 'ccw_from_x', 'east_of_north')).toBeCloseTo(Math.PI / 2, 14);
    // North-East is up and to the left.
    expect(convertPositionAngle((3 * Math.PI) / 4, 'ccw_from_x', 'east_of_north')).toBeCloseTo(Math.PI / 4, 14);
    expect(convertPositionAngle(-1e-17, 'ccw_from_x', 'ccw_from_x')).toBe(0);
  });
});

describe('presets', () => {
  it('replace single choices and say what the packages mean', () => {
    expect(conventions('dhs', { thetaE: 'product' })).toEqual({ ...CONVENTION_PRESETS.dhs, thetaE: 'product' });
    expect(CONVENTION_PRESETS.arclet).toMatchObject({ thetaE: 'product', halfLight: 'major', bn: 'exact', psfSize: 'nea' });
    expect(CONVENTION_PRESETS.dhs).toMatchObject({ thetaE: 'minor', bn: 'ciotti_short', psfSize: 'fwhm' });
    expect(CONVENTION_PRESETS.lenstronomy).toMatchObject({ thetaE: 'product', halfLight: 'circularised', bn: 'lenstronomy' });
    expect(CONVENTION_PRESETS.galsim).toMatchObject({ halfLight: 'circularised', bn: 'exact' });
  });
});

describe('photometry', () => {
  it('nanomaggies, zero points and depths', () => {
    expect(magnitudeFromFlux(1)).toBe(22.5);
    expect(fluxFromMagnitude(20)).toBeCloseTo(10, 12);
    expect(magnitudeFromFlux(fluxFromMagnitude(23.7, 25), 25)).toBeCloseTo(23.7, 12);
    expect(convertFlux(1, 22.5, 25)).toBeCloseTo(10, 12);
    // 5 sigma at psfdepth 100: sigma 0.1, flux 0.5.
    expect(depthFromPsfdepth(100)).toBeCloseTo(22.5 - 2.5 * Math.log10(0.5), 13);
    expect(psfdepthFromDepth(depthFromPsfdepth(417))).toBeCloseTo(417, 10);
    expect(pixelNoiseFromPsfdepth(100, 2)).toBeCloseTo(0.1 / Math.sqrt(16 * Math.PI), 14);
    expect(() => magnitudeFromFlux(0)).toThrow(/no magnitude/);
  });
});
