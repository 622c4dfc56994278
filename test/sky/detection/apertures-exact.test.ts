import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { sumAnnulus, sumCircle, sumEllipse, sumEllipticalAnnulus } from '../../../src/sky/detection/apertures.ts';
import { blend, flat } from '../../support/aperture-images.ts';
import { worst } from '../../support/sep-vectors.ts';

describe('exact overlap', () => {
  it('is the area of circles and ellipses of any size, on pixel borders too', () => {
    const random = new PhiloxStream(philoxKey(3));
    const rows = 500;
    const column = (low: number, high: number) => Float64Array.from({ length: rows }, () => random.between(low, high));
    const a = column(-3, 3).map(Math.exp);
    const b = a.map((major) => major * random.between(0.02, 1));
    const theta = column(-7, 7);
    const x = column(31, 33).map((at, i) => (i % 5 === 0 ? 32.5 : at));
    const y = column(31, 33).map((at, i) => (i % 5 === 0 ? 32 : at));
    const circles = sumCircle(flat(64, 64), x, y, a, { subpix: 0 });
    const ellipses = sumEllipse(flat(64, 64), x, y, { a, b, theta }, 1, { subpix: 0 });
    expect(
      worst(
        circles.flux,
        a.map((r) => Math.PI * r * r),
      ),
    ).toBeLessThan(1e-11);
    expect(
      worst(
        ellipses.flux,
        a.map((major, i) => Math.PI * major * b[i]),
      ),
    ).toBeLessThan(1e-11);
    expect([...circles.flag, ...ellipses.flag].every((flag) => flag === 0)).toBe(true);
  });

  it('of each pixel agrees with 100 x 100 points in it', () => {
    // One bright pixel at a time: the sum is its overlap.
    const shape = { a: 3.7, b: 1.2, theta: 0.7 };
    for (const aperture of ['circle', 'ellipse']) {
      for (let pixel = 0; pixel < 121; pixel++) {
        const image = flat(11, 11, 0);
        image.data[pixel] = 1;
        const sum = (subpix: number) =>
          aperture === 'circle'
            ? sumCircle(image, 5.2, 4.9, 2.6, { subpix }).flux[0]
            : sumEllipse(image, 5.2, 4.9, shape, 1, { subpix }).flux[0];
        expect(Math.abs(sum(0) - sum(100))).toBeLessThan(2e-3);
      }
    }
  });

  it('of a circle is that of an ellipse that is nearly one, from 0.05 to 1000 pixels and beyond, over every border', () => {
    const random = new PhiloxStream(philoxKey(31));
    const image = { data: Float64Array.from({ length: 90 * 70 }, () => random.between(1, 3)), width: 90, height: 70 };
    for (const r of [0.05, 0.5, 0.7, 3, 11.3, 40, 400, 999, 1001, 1e5]) {
      for (let k = 0; k < 20; k++) {
        const angle = random.between(0, 2 * Math.PI);
        // The border passes the image also where the circle is larger than it.
        const x = (k < 2 ? 45.5 - k : 45 + random.between(-20, 20)) + (r > 40 ? r * Math.cos(angle) : 0);
        const y = (k < 2 ? 35 : 35 + random.between(-20, 20)) + (r > 40 ? r * Math.sin(angle) : 0);
        const circle = sumCircle(image, x, y, r, { subpix: 0 });
        const ellipse = sumEllipse(image, x, y, { a: 1, b: 1 + 1e-14, theta: 0.3 }, r, { subpix: 0 });
        expect(Math.abs(circle.flux[0] - ellipse.flux[0])).toBeLessThan(1e-10 * r + 1e-8);
        expect(Math.abs(circle.area[0] - ellipse.area[0])).toBeLessThan(1e-10 * r + 1e-8);
      }
    }
    expect(sumCircle(image, [45, 45.5], 35, 0, { subpix: 0 }).flux).toEqual(Float64Array.of(0, 0));
  });

  it('annuli are the difference of their borders', () => {
    const image = blend();
    const shape = { a: 3, b: 2, theta: -0.4 };
    for (const subpix of [0, 1, 5]) {
      const options = { subpix, err: 2 };
      const difference = sumCircle(image, 30, 30.2, 9, options).flux[0] - sumCircle(image, 30, 30.2, 4, options).flux[0];
      expect(sumAnnulus(image, 30, 30.2, 4, 9, options).flux[0]).toBeCloseTo(difference, 9);
      const oval =
        sumEllipse(image, 30, 30.2, shape, 3, options).flux[0] - sumEllipse(image, 30, 30.2, shape, 1, options).flux[0];
      expect(sumEllipticalAnnulus(image, 30, 30.2, shape, 1, 3, options).flux[0]).toBeCloseTo(oval, 9);
    }
    // What lies in the hole is not read: neither its value nor that it is none.
    image.data[30 * 64 + 30] = Number.NaN;
    const ring = sumAnnulus(image, 30, 30.2, 4, 9);
    expect(ring.flag[0]).toBe(0);
    expect(ring.flux[0]).toBeCloseTo(sumAnnulus(blend(), 30, 30.2, 4, 9).flux[0], 9);
  });
});
