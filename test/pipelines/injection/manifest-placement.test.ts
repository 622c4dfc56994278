import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import {
  imagesAt,
  isothermalCriticalArea,
  type PlacementName,
  placeSource,
} from '../../../src/pipelines/injection/manifest/placement.ts';
import { causticAreas, causticCurves } from '../../../src/sky/lensing/caustics.ts';
import { pointImages } from '../../../src/sky/lensing/images.ts';
import { lensParameters } from '../../../src/sky/lensing/parameters.ts';

const sie = (q: number, shear = 0, shearPhi = 0, thetaE = 1.2, phi = 0.6) =>
  lensParameters({
    model: q === 1 ? 'sis' : 'sie',
    thetaEArcsec: thetaE,
    q,
    phiRad: phi,
    gamma1: shear * Math.cos(2 * shearPhi),
    gamma2: shear * Math.sin(2 * shearPhi),
  });
const LENSES = [sie(0.9), sie(0.7, 0.03, 1.1), sie(0.5, 0.08, 2.5), sie(0.34, 0.05, 0.6), sie(1, 0.05, 0.4)];
const draw = (lens: (typeof LENSES)[number], placement: PlacementName, seed: number) => {
  const placed = placeSource(lens, placement, [0, 0.8 * 1.2], new PhiloxStream(philoxKey(seed)));
  if (placed === undefined) throw new Error('not placed');
  return placed;
};

describe('placement', () => {
  it('the closed form of the critical area is the polygon of the caustics module, and pi theta_E^2 without shear', () => {
    for (const lens of LENSES) {
      const { critical } = causticAreas(causticCurves(lens, 2880));
      expect(Math.abs(isothermalCriticalArea(lens) / critical - 1)).toBeLessThan(1e-8);
    }
    expect(isothermalCriticalArea(sie(0.4))).toBeCloseTo(Math.PI * 1.44, 12);
  });

  it.each(['quad', 'double', 'cut'] as const)(
    '%s: the weight is the area of the fine curves to 1e-3, and the images are what was asked for',
    (placement) => {
      for (const lens of LENSES) {
        const areas = causticAreas(causticCurves(lens, 2880));
        const wanted = placement === 'cut' ? areas.inner : areas[placement];
        for (let seed = 0; seed < 60; seed++) {
          const { area, images } = draw(lens, placement, seed);
          expect(Math.abs(area / wanted - 1)).toBeLessThan(1e-3);
          if (placement === 'quad') expect(images).toBe(4);
          else if (placement === 'double') expect(images).toBe(2);
          else expect([2, 4]).toContain(images);
        }
      }
    },
  );

  it('quads and doubles share out the cut: of sources uniform in it, area(quad)/area(cut) have four images', () => {
    const lens = LENSES[2];
    const areas = causticAreas(causticCurves(lens, 2880));
    const share = areas.quad / areas.inner;
    const count = 3000;
    let quads = 0;
    for (let seed = 0; seed < count; seed++) if (draw(lens, 'cut', seed).images === 4) quads++;
    expect(Math.abs(quads / count - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / count));
  });

  it('points are uniform in the caustic: as many on either side of both axes of the lens', () => {
    const lens = LENSES[2];
    const count = 2000;
    let right = 0;
    let above = 0;
    for (let seed = 0; seed < count; seed++) {
      const { x, y } = draw(lens, 'quad', seed);
      if (x * lens.cosPhi + y * lens.sinPhi > 0) right++;
      if (y * lens.cosPhi - x * lens.sinPhi > 0) above++;
    }
    for (const half of [right, above]) expect(Math.abs(half / count - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / count));
  });

  it('the disc: r = 0.8 theta_E sqrt(u), so half of the sources are inside sqrt(1/2) of it, and n_images is what a solver finds', () => {
    const lens = LENSES[1];
    const count = 2000;
    let inner = 0;
    let agree = 0;
    for (let seed = 0; seed < count; seed++) {
      const { x, y, images, area } = draw(lens, 'disc', seed);
      expect(area).toBeCloseTo(Math.PI * 0.96 ** 2, 12);
      if (Math.hypot(x, y) < 0.96 * Math.SQRT1_2) inner++;
      if (seed < 200 && pointImages(lens, x, y, { resolution: 160 }).length === images) agree++;
    }
    expect(Math.abs(inner / count - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / count));
    expect(agree).toBe(200);
  });

  it('counts beside the curves as the fine ones do: points 1 % inside and outside of cut and caustic', () => {
    for (const lens of LENSES) {
      const { caustic, inner } = causticCurves(lens, 720);
      if (caustic === null || inner === null) throw new Error('no curves');
      // Away from the crossings of both curves; the cut is star-shaped about the centre.
      for (let k = 5; k < 720; k += 35) {
        const count = (scale: number) => imagesAt(lens, inner.x[k] * scale, inner.y[k] * scale);
        expect(count(0.99) - count(1.01)).toBe(1);
      }
    }
  });

  it('a round lens without shear has no quad area, but doubles', () => {
    const lens = sie(1);
    expect(placeSource(lens, 'quad', [0, 1], new PhiloxStream(philoxKey(1)))).toBeUndefined();
    expect(placeSource(lens, 'double', [0, 1], new PhiloxStream(philoxKey(1)))?.area).toBeCloseTo(Math.PI * 1.44, 3);
  });
});
