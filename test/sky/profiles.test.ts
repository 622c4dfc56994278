import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../src/core/errors.ts';
import { gammaP } from '../../src/core/special.ts';
import * as gaussian from '../../src/sky/profiles/gaussian.ts';
import * as moffat from '../../src/sky/profiles/moffat.ts';
import { bn, sersicFluxWithin, sersicProfile, sersicRadiusOfFraction, sersicScale } from '../../src/sky/profiles/sersic.ts';
import { readNpz } from '../support/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

const json = (path: string) => JSON.parse(readFileSync(shared(path), 'utf8'));

describe('Sersic', () => {
  it('exact b_n halves the light to 1e-14 for n = 0.3 .. 8', () => {
    for (let step = 0; step <= 77; step++) {
      const n = 0.3 + 0.1 * step;
      expect(Math.abs(gammaP(2 * n, bn(n)) - 0.5)).toBeLessThan(1e-14);
    }
    expect(bn(0.5)).toBeCloseTo(Math.LN2, 14);
  });

  it('refuses indices and shapes without a profile', () => {
    for (const call of [() => bn(0.2), () => bn(8.5), () => sersicScale(1, 0, 1), () => sersicScale(1, 1, 1.5)]) {
      let thrown: unknown;
      try {
        call();
      } catch (error) {
        thrown = error;
      }
      expect(isArcletError(thrown, 'INPUT_INVALID')).toBe(true);
    }
  });

  it('holds half its light within R_e, and radius and fraction are inverse', () => {
    for (const n of [0.3, 1, 4, 8]) {
      expect(sersicFluxWithin(1, n)).toBeCloseTo(0.5, 13);
      expect(sersicFluxWithin(sersicRadiusOfFraction(0.9, n), n)).toBeCloseTo(0.9, 12);
    }
    // The approximations misplace light (measured for the conventions page).
    expect(sersicFluxWithin(1, 0.5, 'ciotti_short') - 0.5).toBeCloseTo(-3.4e-3, 4);
    expect(sersicFluxWithin(1, 1, 'lenstronomy') - 0.5).toBeCloseTo(-2e-3, 4);
  });

  it('a circularised radius is sqrt(q) times the semi-major one', () => {
    const major = sersicScale(2, 1, 0.36);
    const circular = sersicScale(2, 0.6, 0.36, 'circularised');
    expect(circular.majorRadius).toBeCloseTo(1, 14);
    expect(circular.centralBrightness).toBeCloseTo(major.centralBrightness, 12);
  });

  it('special-cased indices are the general formula', () => {
    for (const radius2 of [0, 1e-8, 0.3, 1, 50]) {
      const general = (n: number, b: number): number => Math.exp(-b * Math.sqrt(radius2) ** (1 / n));
      for (const n of [0.5, 1, 4]) expect(sersicProfile(radius2, 2, 1 / n)).toBeCloseTo(general(n, 2), 14);
    }
  });

  describe.skipIf(!hasShared)('against scipy (needs ../shared)', () => {
    it('b_n in three conventions and unit-flux brightness of golden.json', () => {
      for (const c of json('vectors/inject/golden.json').sersic_bn) {
        expect(Math.abs(bn(c.n) / c.exact - 1)).toBeLessThan(1e-12);
        expect(bn(c.n, 'ciotti_short')).toBeCloseTo(c.cb_short, 13);
        expect(bn(c.n, 'lenstronomy')).toBeCloseTo(c.lenstronomy, 13);
        expect(Math.abs(1 / (sersicScale(c.n, 1, 1).effectiveBrightness * c.flux_Re1_q1_Ie1) - 1)).toBeLessThan(1e-13);
      }
    });

    it('eight profiles: I_e, I_0 and every sampled pixel to 1e-12 relative', () => {
      for (const c of json('vectors/sersic/cases.json').cases) {
        const scale = sersicScale(c.n, c.re, c.q);
        expect(Math.abs(scale.effectiveBrightness / c.I_e_unit_flux - 1)).toBeLessThan(1e-12);
        expect(Math.abs(scale.centralBrightness / c.I_0 - 1)).toBeLessThan(1e-12);
        const arrays = readNpz(shared(`vectors/sersic/${c.file}`));
        let worst = 0;
        arrays.x.data.forEach((x, i) => {
          const dx = x - c.cx;
          const dy = arrays.y.data[i] - c.cy;
          const u = (Math.cos(c.phi) * dx + Math.sin(c.phi) * dy) / scale.majorRadius;
          const v = (Math.cos(c.phi) * dy - Math.sin(c.phi) * dx) / (scale.majorRadius * c.q);
          const value = scale.centralBrightness * sersicProfile(u * u + v * v, scale.bn, 1 / c.n);
          worst = Math.max(worst, Math.abs(value / arrays.point_sampled.data[i] - 1));
        });
        expect(worst).toBeLessThan(1e-12);
      }
    });
  });
});

describe('Moffat and Gaussian', () => {
  it.skipIf(!hasShared)('alpha, noise-equivalent area, psfsize and half-light radius of golden.json to 1e-13', () => {
    for (const c of json('vectors/inject/golden.json').moffat) {
      const alpha = moffat.moffatAlpha(1, c.beta);
      expect(alpha).toBeCloseTo(c.alpha_over_fwhm, 13);
      expect(moffat.moffatNea(alpha, c.beta)).toBeCloseTo(c.nea_over_fwhm2, 13);
      expect(moffat.moffatSizeFromFwhm(1, c.beta, 'nea')).toBeCloseTo(c.psfsize_over_fwhm, 13);
      expect(moffat.moffatFwhmFromSize(1, c.beta, 'nea')).toBeCloseTo(c.fwhm_over_psfsize, 13);
      expect(moffat.moffatHalfLight(alpha, c.beta)).toBeCloseTo(c.hlr_over_fwhm, 13);
    }
  });

  it.skipIf(!hasShared)('every point-sampled pixel of six stamps to 1e-12 relative', () => {
    for (const c of json('vectors/psf/cases.json').cases) {
      const arrays = readNpz(shared(`vectors/psf/${c.file}`));
      let worst = 0;
      arrays.x.data.forEach((x, i) => {
        const radius2 = (x - c.cx) ** 2 + (arrays.y.data[i] - c.cy) ** 2;
        const value =
          c.kind === 'moffat'
            ? moffat.moffatProfile(radius2, moffat.moffatAlpha(c.fwhm_pix, c.beta), c.beta)
            : gaussian.gaussianProfile(radius2, gaussian.gaussianSigma(c.fwhm_pix));
        const expected = arrays.point_sampled_infnorm.data[i];
        if (expected > 1e-100) worst = Math.max(worst, Math.abs(value / expected - 1));
      });
      expect(worst).toBeLessThan(1e-12);
    }
  });

  it('the four psfsize ratios of the published table, and both meanings invert', () => {
    const table = { 2.5: 0.7201, 3: 0.7746, 3.5: 0.8113, 4.5: 0.8578 };
    for (const [beta, ratio] of Object.entries(table))
      expect(moffat.moffatFwhmFromSize(1, Number(beta), 'nea')).toBeCloseTo(ratio, 4);
    for (const meaning of ['nea', 'fwhm'] as const) {
      const fwhm = moffat.moffatFwhmFromSize(1.3, 3.5, meaning);
      expect(moffat.moffatSizeFromFwhm(fwhm, 3.5, meaning)).toBeCloseTo(1.3, 14);
    }
    expect(moffat.psfSizeFromNea(gaussian.gaussianNea(gaussian.gaussianSigma(1.1)))).toBeCloseTo(1.1, 14);
  });

  it('flux beyond 4 FWHM and outside boxes of 25, 33, 47 px', () => {
    const outside = [2.5, 3, 3.5, 4.5].map((beta) => moffat.moffatFluxOutside(4, moffat.moffatAlpha(1, beta), beta));
    expect(outside.map((loss) => Number(loss.toPrecision(2)))).toEqual([0.01, 0.0032, 0.0011, 0.00018]);
    const alpha = moffat.moffatAlpha(1.2, 3.5);
    const boxes = [25, 33, 47].map((side) => moffat.moffatFluxOutsideSquare((side / 2) * 0.262, alpha, 3.5));
    expect(boxes.map((loss) => Number(loss.toPrecision(2)))).toEqual([0.0043, 0.0012, 0.00023]);
  });

  it('cuts for a given loss lose just that, round and square', () => {
    for (const loss of [0.2, 1e-3, 1e-6]) {
      expect(moffat.moffatFluxOutside(moffat.moffatRadiusOfLoss(loss, 2, 3.5), 2, 3.5) / loss).toBeCloseTo(1, 10);
      expect(moffat.moffatFluxOutsideSquare(moffat.moffatHalfSideOfLoss(loss, 2, 3.5), 2, 3.5) / loss).toBeCloseTo(1, 9);
      expect(gaussian.gaussianFluxOutside(gaussian.gaussianRadiusOfLoss(loss, 2), 2) / loss).toBeCloseTo(1, 12);
      // The square's loss from the circle's (Simpson) against erf^2.
      expect(gaussian.gaussianFluxOutsideSquare(gaussian.gaussianHalfSideOfLoss(loss, 2), 2) / loss).toBeCloseTo(1, 6);
    }
    expect(() => moffat.moffatHalfSideOfLoss(0, 1, 3)).toThrow(/has no box/);
    expect(() => moffat.moffatAlpha(1, 1)).toThrow(/infinite flux/);
  });

  it('half-light radii hold half the light', () => {
    expect(moffat.moffatFluxOutside(moffat.moffatHalfLight(1.7, 2.5), 1.7, 2.5)).toBeCloseTo(0.5, 14);
    expect(gaussian.gaussianHalfLight(1) / gaussian.gaussianFwhm(1)).toBeCloseTo(0.5, 14);
    expect(moffat.moffatFwhm(moffat.moffatAlpha(0.9, 4), 4)).toBeCloseTo(0.9, 14);
  });
});
