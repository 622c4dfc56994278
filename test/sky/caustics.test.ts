import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { causticAreas, causticCurves, effectiveEinsteinRadius, imageCount } from '../../src/sky/lensing/caustics.ts';
import { pointImages } from '../../src/sky/lensing/images.ts';
import { deflect, hessian, inverseMagnification, type LensDescription, lensParameters } from '../../src/sky/lensing/models.ts';
import { hasShared, shared } from '../support/shared.ts';

/** Deterministic spread over the unit square. */
function spread(count: number): [number, number][] {
  return Array.from({ length: count }, (_, k) => [(0.5 + 0.7548776662466927 * k) % 1, (0.5 + 0.5698402909980532 * k) % 1]);
}

describe('SIE and shear', () => {
  it.skipIf(!hasShared)('areas agree with golden.json to 1e-7 (q 0.3..0.9, shear on both axes)', () => {
    const { caustic_areas } = JSON.parse(readFileSync(shared('vectors/inject/golden.json'), 'utf8')) as {
      caustic_areas: Record<string, number>[];
    };
    expect(caustic_areas.length).toBe(21);
    for (const c of caustic_areas) {
      const gamma = { gamma1: c.gamma1_lensframe, gamma2: c.gamma2_lensframe };
      const curves = causticCurves(lensParameters({ model: 'sie', thetaEArcsec: c.theta_E, q: c.q, ...gamma }));
      const areas = causticAreas(curves);
      expect(Math.abs(areas.critical - c.critical)).toBeLessThan(1e-7);
      expect(Math.abs(areas.caustic - c.tangential_caustic)).toBeLessThan(1e-7);
      expect(Math.abs(areas.inner - c.cut)).toBeLessThan(1e-8);
      if (c.gamma2_lensframe === 0) {
        expect(curves.caustic?.x[0]).toBeCloseTo(c.cusp_x, 9);
        expect(-(curves.inner?.x[0] ?? 0)).toBeCloseTo(c.cut_x, 9);
      }
    }
  });

  it('without shear, caustic and cut share out the critical area pi theta_E^2; rotation and offset change no area', () => {
    for (const q of [0.3, 0.6, 0.9]) {
      const areas = causticAreas(causticCurves(lensParameters({ model: 'sie', thetaEArcsec: 1, q })));
      expect(Math.abs(areas.critical - Math.PI)).toBeLessThan(1e-7);
      expect(Math.abs(areas.caustic + areas.inner - Math.PI)).toBeLessThan(1e-7);
      expect(areas.double + areas.quad).toBeCloseTo(areas.inner, 12);
      const turned = { model: 'sie', thetaEArcsec: 1, q, phiRad: 0.7, xArcsec: 3, yArcsec: -2 } as const;
      expect(Math.abs(causticAreas(causticCurves(lensParameters(turned))).caustic - areas.caustic)).toBeLessThan(1e-12);
    }
  });

  it('cusps are naked between q = 0.4 and q = 0.3, and the naked area is what the caustic has beyond the cut', () => {
    const areasAt = (q: number, samples?: number) =>
      causticAreas(causticCurves(lensParameters({ model: 'sie', thetaEArcsec: 1, q }), samples));
    expect(areasAt(0.4).naked).toBe(0);
    const naked = areasAt(0.3).naked;
    expect(naked).toBeGreaterThan(0.03);
    expect(Math.abs(naked - areasAt(0.3, 2880).naked)).toBeLessThan(1e-5);
  });

  it('det A vanishes on the critical curve, with shear and sheet, and the caustic is its image', () => {
    const lens = lensParameters({
      model: 'sie',
      thetaEArcsec: 1.4,
      q: 0.6,
      phiRad: 0.9,
      xArcsec: 0.3,
      gamma1: 0.06,
      gamma2: -0.04,
      kappaExt: 0.1,
    });
    const curves = causticCurves(lens, 90);
    const h = new Float64Array(3);
    const alpha = new Float64Array(2);
    for (let k = 0; k < 90; k++) {
      const x = curves.critical?.x[k] ?? Number.NaN;
      const y = curves.critical?.y[k] ?? Number.NaN;
      hessian(lens, x, y, h);
      expect(Math.abs(inverseMagnification(h))).toBeLessThan(1e-9);
      deflect(lens, x, y, alpha);
      expect(Math.abs(x - alpha[0] - (curves.caustic?.x[k] ?? 0))).toBeLessThan(1e-9);
      expect(Math.abs(y - alpha[1] - (curves.caustic?.y[k] ?? 0))).toBeLessThan(1e-9);
    }
  });

  it('the effective Einstein radius is theta_E (product) and theta_E/sqrt(q) (minor)', () => {
    const lens = { model: 'sie', thetaEArcsec: 1.3, q: 0.5 } as const;
    expect(effectiveEinsteinRadius(lensParameters(lens))).toBeCloseTo(1.3, 7);
    expect(effectiveEinsteinRadius(lensParameters({ ...lens, thetaEConvention: 'minor' }))).toBeCloseTo(1.3 / Math.sqrt(0.5), 7);
  });

  it('a shear that is critical by itself is refused', () => {
    expect(() => causticCurves(lensParameters({ model: 'sis', thetaEArcsec: 1, gamma1: 1.1 }))).toThrow(/itself critical/);
  });
});

describe('image counts', () => {
  const models: LensDescription[] = [
    { model: 'sie', thetaEArcsec: 1.1, q: 0.3 },
    { model: 'sie', thetaEArcsec: 1.1, q: 0.6 },
    { model: 'sis', thetaEArcsec: 1 },
    { model: 'epl', thetaEArcsec: 1.1, q: 0.6, gamma: 2 },
    { model: 'epl', thetaEArcsec: 1.1, q: 0.6, gamma: 2.2 },
    { model: 'nie', thetaEArcsec: 1.1, q: 0.5, coreArcsec: 0.1 },
    { model: 'nfw', kappaS: 0.5, rsArcsec: 3 },
    { model: 'point', thetaEArcsec: 1.1 },
  ].map((lens) => ({ ...lens, xArcsec: 0.2, gamma1: 0.06, gamma2: 0.03, phiRad: 0.4 }) as LensDescription);

  it.each(models)('of $model agree with the solver for 60 sources', (description) => {
    const lens = lensParameters(description);
    const curves = causticCurves(lens);
    const seen = new Set<number>();
    for (const [u, v] of spread(60)) {
      const x = 0.2 + 1.8 * (u - 0.5);
      const y = 1.8 * (v - 0.5);
      const counted = imageCount(curves, x, y);
      expect([x, y, pointImages(lens, x, y).length]).toEqual([x, y, counted]);
      seen.add(counted);
    }
    expect(seen.size).toBeGreaterThanOrEqual(description.model === 'point' ? 1 : 2);
  });

  it('a lens that is nowhere critical has one image and no curves', () => {
    const weak = causticCurves(lensParameters({ model: 'nfw', kappaS: 0.01, rsArcsec: 1 }));
    expect(weak.critical).toBeNull();
    expect(imageCount(weak, 0.1, 0)).toBe(1);
    expect(imageCount(causticCurves(lensParameters({ model: 'none' })), 0, 0)).toBe(1);
    expect(causticAreas(weak)).toEqual({ critical: 0, caustic: 0, inner: 0, quad: 0, double: 0, naked: 0 });
  });
});

describe.skipIf(!hasShared)("images of lenstronomy's solver (needs ../shared)", () => {
  it('positions to 2e-9 arcsec, magnifications to 1e-8, counts exactly, for 30 sources of six lenses', () => {
    type Image = { beta: [number, number]; x: number[]; y: number[]; mu: number[]; mu_total: number };
    const { cases } = JSON.parse(readFileSync(shared('vectors/lens/cases.json'), 'utf8')) as {
      cases: (Record<string, number> & { point_images: Image[] })[];
    };
    let sources = 0;
    for (const c of cases as (Record<string, number> & { point_images: Image[] })[]) {
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
      const curves = causticCurves(lens);
      for (const image of c.point_images) {
        // Shear about the lens instead of the origin shifts the source.
        const betaX = image.beta[0] + gamma1 * cx + gamma2 * cy;
        const betaY = image.beta[1] + gamma2 * cx - gamma1 * cy;
        const found = pointImages(lens, betaX, betaY);
        expect(found.length).toBe(image.x.length);
        expect(imageCount(curves, betaX, betaY)).toBe(image.x.length);
        image.x.forEach((x, k) => {
          const nearest = found.reduce((a, b) =>
            Math.hypot(b.x - x, b.y - image.y[k]) < Math.hypot(a.x - x, a.y - image.y[k]) ? b : a,
          );
          expect(Math.hypot(nearest.x - x, nearest.y - image.y[k])).toBeLessThan(2e-9);
          expect(Math.abs(nearest.magnification / image.mu[k] - 1)).toBeLessThan(1e-8);
        });
        sources++;
      }
    }
    expect(sources).toBe(30);
  });
});
