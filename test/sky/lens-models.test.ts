import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../src/core/errors.ts';
import {
  deflect,
  hessian,
  inverseMagnification,
  LENS_KINDS,
  type LensDescription,
  lensParameters,
  makeDeflector,
} from '../../src/sky/lensing/models.ts';
import { nfwConvergence, nfwMeanConvergence } from '../../src/sky/lensing/nfw.ts';
import { readNpz } from '../support/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

type Case = Record<string, number> & { alpha: [number, number][]; inv_mu: number[] };

const golden = (): Record<string, Case[]> & { points_xy_arcsec: [number, number][] } =>
  JSON.parse(readFileSync(shared('vectors/inject/golden.json'), 'utf8'));

function worstDeflection(lens: LensDescription, points: [number, number][], expected: [number, number][]): number {
  const parameters = lensParameters(lens);
  const out = new Float64Array(2);
  return points.reduce((worst, [x, y], i) => {
    deflect(parameters, x, y, out);
    return Math.max(worst, Math.abs(out[0] - expected[i][0]), Math.abs(out[1] - expected[i][1]));
  }, 0);
}

describe.skipIf(!hasShared)('lens models against lenstronomy (needs ../shared)', () => {
  const { points_xy_arcsec: points, ...cases } = hasShared ? golden() : ({} as ReturnType<typeof golden>);

  it('SIE deflections to 5e-9 arcsec (lenstronomy has a core of 1e-10), at q from 1/3 to 0.999', () => {
    for (const c of cases.sie) {
      const lens = { model: 'sie', thetaEArcsec: c.theta_E, q: c.q, phiRad: c.phi } as const;
      expect(worstDeflection(lens, points, c.alpha)).toBeLessThan(5e-9);
    }
  });

  it('NIE, EPL and NFW deflections to 1e-11 arcsec', () => {
    for (const c of cases.nie) {
      const lens = { model: 'nie', thetaEArcsec: c.theta_E, q: c.q, phiRad: c.phi, coreArcsec: c.s } as const;
      expect(worstDeflection(lens, points, c.alpha)).toBeLessThan(1e-14);
    }
    for (const c of cases.epl) {
      const lens = { model: 'epl', thetaEArcsec: c.theta_E, q: c.q, phiRad: c.phi, gamma: c.t + 1 } as const;
      expect(worstDeflection(lens, points, c.alpha)).toBeLessThan(1e-11);
    }
    for (const c of cases.nfw) {
      expect(worstDeflection({ model: 'nfw', kappaS: c.kappa_s, rsArcsec: c.r_s }, points, c.alpha)).toBeLessThan(1e-12);
    }
  });

  it('inverse magnification of SIE + shear to 1e-8 relative', () => {
    const h = new Float64Array(3);
    for (const c of cases.inv_mu_sie_shear) {
      const lens = lensParameters({ model: 'sie', thetaEArcsec: c.theta_E, q: c.q, phiRad: c.phi, gamma1: c.g1, gamma2: c.g2 });
      points.forEach(([x, y], i) => {
        hessian(lens, x, y, h);
        expect(Math.abs(inverseMagnification(h) / c.inv_mu[i] - 1)).toBeLessThan(1e-8);
      });
    }
  });

  it('six SIE + shear fields of 1600 rays: deflection 1e-9 arcsec, kappa 1e-14, shear and inverse magnification 1e-7 relative', () => {
    const { cases: fields } = JSON.parse(readFileSync(shared('vectors/lens/cases.json'), 'utf8')) as {
      cases: (Record<string, number> & { file: string })[];
    };
    const h = new Float64Array(3);
    const alpha = new Float64Array(2);
    for (const c of fields) {
      const arrays = readNpz(shared(`vectors/lens/${c.file}`));
      const column = (name: string): ArrayLike<number> => arrays[name].data;
      const { gamma1, gamma2, cx, cy } = c;
      const lens = lensParameters({
        model: 'sie',
        thetaEArcsec: c.theta_E,
        q: c.q,
        phiRad: c.phi,
        xArcsec: cx,
        yArcsec: cy,
        gamma1,
        gamma2,
      });
      // Their shear acts about the origin, ours about the lens: a constant deflection.
      const constantX = gamma1 * cx + gamma2 * cy;
      const constantY = gamma2 * cx - gamma1 * cy;
      const worst = { alpha: 0, kappa: 0, shear: 0, inverse: 0 };
      for (let i = 0; i < column('x').length; i++) {
        const x = column('x')[i];
        const y = column('y')[i];
        deflect(lens, x, y, alpha);
        const dx = alpha[0] + constantX - column('analytic_alpha_x')[i];
        const dy = alpha[1] + constantY - column('analytic_alpha_y')[i];
        worst.alpha = Math.max(worst.alpha, Math.hypot(dx, dy));
        hessian(lens, x, y, h);
        const kappa = column('analytic_kappa')[i];
        worst.kappa = Math.max(worst.kappa, Math.abs((0.5 * (h[0] + h[2])) / kappa - 1));
        const d1 = 0.5 * (h[0] - h[2]) - column('analytic_gamma1')[i];
        const d2 = h[1] - column('analytic_gamma2')[i];
        worst.shear = Math.max(worst.shear, Math.hypot(d1, d2) / kappa);
        worst.inverse = Math.max(worst.inverse, Math.abs(inverseMagnification(h) * column('analytic_mu')[i] - 1));
      }
      expect(worst.alpha).toBeLessThan(1e-9);
      expect(worst.kappa).toBeLessThan(1e-14);
      expect(worst.shear).toBeLessThan(1e-8);
      expect(worst.inverse).toBeLessThan(1e-7);
    }
  });
});

const EVERY_MODEL: LensDescription[] = [
  { model: 'none' },
  { model: 'point', thetaEArcsec: 1 },
  { model: 'sis', thetaEArcsec: 1.2 },
  { model: 'sie', thetaEArcsec: 1, q: 0.3, phiRad: 1 },
  { model: 'nie', thetaEArcsec: 1, q: 0.6, phiRad: 2, coreArcsec: 0.3 },
  { model: 'epl', thetaEArcsec: 1, q: 0.5, phiRad: -0.7, gamma: 2.3 },
  { model: 'epl', thetaEArcsec: 1, q: 0.5, phiRad: -0.7, gamma: 1.6 },
  { model: 'nfw', kappaS: 0.3, rsArcsec: 0.8 },
].map((lens) => ({ ...lens, xArcsec: 0.1, yArcsec: -0.2, gamma1: 0.04, gamma2: -0.03, kappaExt: 0.02 }) as LensDescription);

describe('every model', () => {
  it('has the Hessian of its deflection (central differences, 1e-7)', () => {
    const step = 1e-5;
    const h = new Float64Array(3);
    const plus = new Float64Array(2);
    const minus = new Float64Array(2);
    for (const description of EVERY_MODEL) {
      const lens = lensParameters(description);
      for (let k = 0; k < 60; k++) {
        const radius = 0.25 + 0.05 * k;
        const x = 0.1 + radius * Math.cos(2.4 * k);
        const y = -0.2 + radius * Math.sin(2.4 * k);
        hessian(lens, x, y, h);
        deflect(lens, x + step, y, plus);
        deflect(lens, x - step, y, minus);
        expect(Math.abs((plus[0] - minus[0]) / (2 * step) - h[0])).toBeLessThan(1e-7);
        expect(Math.abs((plus[1] - minus[1]) / (2 * step) - h[1])).toBeLessThan(1e-7);
        deflect(lens, x, y + step, plus);
        deflect(lens, x, y - step, minus);
        expect(Math.abs((plus[0] - minus[0]) / (2 * step) - h[1])).toBeLessThan(1e-7);
        expect(Math.abs((plus[1] - minus[1]) / (2 * step) - h[2])).toBeLessThan(1e-7);
      }
    }
  });

  it('is finite at its centre and deflects nothing there', () => {
    const out = new Float64Array(3);
    for (const description of EVERY_MODEL) {
      const lens = lensParameters(description);
      deflect(lens, lens.x, lens.y, out);
      expect(Math.hypot(out[0], out[1])).toBe(0);
      hessian(lens, lens.x, lens.y, out);
      expect([...out].every(Number.isFinite)).toBe(true);
      expect(Number.isFinite(inverseMagnification(out))).toBe(true);
    }
  });

  it('gives the same from deflect and makeDeflector', () => {
    const one = new Float64Array(2);
    const other = new Float64Array(2);
    for (const description of EVERY_MODEL) {
      const lens = lensParameters(description);
      deflect(lens, 0.7, 0.4, one);
      makeDeflector(lens)(0.7, 0.4, other);
      expect([...other]).toEqual([...one]);
    }
    expect(new Set(EVERY_MODEL.map(({ model }) => model))).toEqual(new Set(LENS_KINDS));
  });
});

describe('limits between models', () => {
  const at = (lens: LensDescription, x = 0.8, y = -0.5): number[] => {
    const out = new Float64Array(2);
    deflect(lensParameters(lens), x, y, out);
    return [...out];
  };
  const distance = (a: number[], b: number[]): number => Math.hypot(a[0] - b[0], a[1] - b[1]);

  it('SIE at q = 1 is the SIS, and nears it smoothly', () => {
    const sis = at({ model: 'sis', thetaEArcsec: 1.3 });
    expect(distance(at({ model: 'sie', thetaEArcsec: 1.3, q: 1 }), sis)).toBeLessThan(1e-11);
    expect(distance(at({ model: 'sie', thetaEArcsec: 1.3, q: 1 - 1e-9 }), sis)).toBeLessThan(3e-9);
    expect(distance(at({ model: 'sie', thetaEArcsec: 1.3, q: 1 - 1e-4 }), sis)).toBeLessThan(3e-4);
  });

  it('EPL of slope 2 is the SIE, down to q = 0.05', () => {
    for (const q of [1, 0.7, 0.2, 0.05]) {
      const lens = { thetaEArcsec: 1.1, q, phiRad: 0.5 };
      expect(distance(at({ model: 'epl', gamma: 2, ...lens }), at({ model: 'sie', ...lens }))).toBeLessThan(1e-9);
    }
  });

  it('EPL of slope near 3 outside its ring is the point mass', () => {
    const epl = at({ model: 'epl', thetaEArcsec: 1, gamma: 2.9 });
    const point = at({ model: 'point', thetaEArcsec: 1 });
    expect(distance(epl, point)).toBeLessThan(0.1 * Math.hypot(point[0], point[1]));
  });

  it('NFW convergences are continuous where series take over and 2/3 at the scale radius', () => {
    expect(nfwConvergence(1)).toBeCloseTo(2 / 3, 14);
    for (const edge of [0.2, 0.97 / 1.03, 1.03 / 0.97]) {
      expect(Math.abs(nfwConvergence(edge * (1 - 1e-12)) / nfwConvergence(edge * (1 + 1e-12)) - 1)).toBeLessThan(1e-11);
      expect(Math.abs(nfwMeanConvergence(edge * (1 - 1e-12)) / nfwMeanConvergence(edge * (1 + 1e-12)) - 1)).toBeLessThan(1e-11);
    }
  });
});

describe('parameters', () => {
  it('are refused by name when out of range or missing', () => {
    const wrong: [LensDescription, string][] = [
      [{ model: 'sie', thetaEArcsec: 1, q: 0 }, 'sie.q'],
      [{ model: 'sie', thetaEArcsec: 1, q: 1.2 }, 'sie.q'],
      [{ model: 'epl', thetaEArcsec: 1, q: 0.04 }, 'epl.q'],
      [{ model: 'epl', thetaEArcsec: 1, gamma: 3 }, 'epl.gamma'],
      [{ model: 'sie' }, 'sie.thetaEArcsec'],
      [{ model: 'nfw', kappaS: 0.1 }, 'nfw.rsArcsec'],
      [{ model: 'sis', thetaEArcsec: Number.NaN }, 'sis.thetaEArcsec'],
      [{ model: 'pancake' } as unknown as LensDescription, 'model'],
    ];
    for (const [lens, subject] of wrong) {
      let thrown: unknown;
      try {
        lensParameters(lens);
      } catch (error) {
        thrown = error;
      }
      expect(isArcletError(thrown, 'INPUT_INVALID') && thrown.subject).toBe(subject);
    }
  });
});
