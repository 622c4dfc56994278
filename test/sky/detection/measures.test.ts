import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import {
  APERTURE_ALL_MASKED,
  APERTURE_HAS_MASKED,
  APERTURE_INVALID,
  APERTURE_NON_POSITIVE,
  APERTURE_TRUNCATED,
  type ImagePixels,
} from '../../../src/sky/detection/apertures.ts';
import { fluxRadius } from '../../../src/sky/detection/flux-radius.ts';
import { kronRadius } from '../../../src/sky/detection/kron.ts';
import { windowedShape } from '../../../src/sky/detection/windowed.ts';
import { sepFields, worst } from '../../support/sep-vectors.ts';
import { hasShared } from '../../support/shared.ts';

/** A Gaussian of variances `major` and `minor` turned by `theta`, of the given peak. */
function gaussian(
  size: number,
  at: { x: number; y: number; peak?: number },
  major: number,
  minor = major,
  theta = 0,
): ImagePixels {
  const data = new Float64Array(size * size);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const u = (x - at.x) * Math.cos(theta) + (y - at.y) * Math.sin(theta);
      const v = -(x - at.x) * Math.sin(theta) + (y - at.y) * Math.cos(theta);
      data[y * size + x] = (at.peak ?? 100) * Math.exp(-0.5 * ((u * u) / major + (v * v) / minor));
    }
  }
  return { data, width: size, height: size };
}

const half = (size: number) => new Uint8Array(size * size).map((_, i) => (i % size > size / 2 ? 1 : 0));
const negative = (image: ImagePixels): ImagePixels => ({ ...image, data: image.data.map((value) => -value) });

describe.skipIf(!hasShared)('measures of 220 objects against SEP (needs ../shared)', () => {
  it('Kron radius, radii of half and nine tenths of the flux, windowed positions', () => {
    for (const field of sepFields()) {
      for (const run of field.runs) {
        const { x, y, a, b, theta } = run.objects;
        const { mask } = field;
        const kron = kronRadius(field.subtracted, x, y, { a, b, theta }, 6, { mask });
        expect(worst(kron.radius, run.kron_radius)).toBeLessThan(1e-12);
        const reach = a.map((axis) => 6 * axis);
        const radii = fluxRadius(field.subtracted, x, y, reach, [0.5, 0.9], { mask, normFlux: run.sum_circle_r5.flux });
        expect(worst(radii.radius, run.flux_radius_50_90.flat())).toBeLessThan(1e-12);
        const sigma = run.flux_radius_50_90.map(([median]) => (2 / 2.35) * Math.max(median, 0.5));
        const window = windowedShape(field.subtracted, x, y, sigma, { mask });
        expect(worst(window.x, run.winpos.x, 1)).toBeLessThan(1e-10);
        expect(worst(window.y, run.winpos.y, 1)).toBeLessThan(1e-10);
        expect([...window.flag]).toEqual(run.winpos.flag);
      }
    }
  });
});

describe('Kron radius', () => {
  it('of a Gaussian is sqrt(pi / 2) times its standard deviation, whatever its shape', () => {
    for (const [major, minor, theta] of [
      [9, 9, 0],
      [25, 6, 0.6],
    ]) {
      const image = gaussian(81, { x: 40.3, y: 39.6 }, major, minor, theta);
      const { radius, flag } = kronRadius(image, 40.3, 39.6, { a: Math.sqrt(major), b: Math.sqrt(minor), theta });
      expect(radius[0] / Math.sqrt(Math.PI / 2)).toBeCloseTo(1, 3);
      expect(flag[0]).toBe(0);
    }
  });

  it('flags what is cut, masked, dark or no ellipse', () => {
    const image = gaussian(41, { x: 20, y: 20 }, 4);
    const measure = (of: ImagePixels, x: number, b = 2, mask?: Uint8Array) => {
      const { radius, flag } = kronRadius(of, x, 20, { a: 2, b, theta: 0 }, 6, { mask });
      return [radius[0], flag[0]];
    };
    expect(measure(image, 2)[1]).toBe(APERTURE_TRUNCATED);
    expect(measure(image, 20, 2, half(41))[1]).toBe(APERTURE_HAS_MASKED);
    expect(measure(image, 20, 2, new Uint8Array(1681).fill(1))).toEqual([0, APERTURE_HAS_MASKED | APERTURE_ALL_MASKED]);
    expect(measure(negative(image), 20)).toEqual([0, APERTURE_NON_POSITIVE]);
    expect(measure(image, 20, 0)).toEqual([Number.NaN, APERTURE_INVALID]);
    expect(measure(image, Number.NaN)).toEqual([Number.NaN, APERTURE_INVALID]);
    expect(measure(image, 500)).toEqual([0, APERTURE_TRUNCATED | APERTURE_ALL_MASKED]);
  });
});

describe('Kron radius, rows with and without bad pixels', () => {
  it('is the same whichever way a row is summed, and leaves out what is masked or not finite', () => {
    const image = gaussian(61, { x: 30.2, y: 29.7 }, 16, 4, 0.5);
    const measure = (of: ImagePixels, mask?: Uint8Array) =>
      kronRadius(of, [30.2, 3, 30], [29.7, 58, 30], { a: 4, b: 2, theta: 0.5 }, 6, { mask });
    const plain = measure(image);
    const looked = measure(image, new Uint8Array(61 * 61));
    expect(looked.flag).toEqual(plain.flag);
    plain.radius.forEach((radius, row) => {
      expect(looked.radius[row] / radius).toBeCloseTo(1, 12);
    });
    const mask = Uint8Array.from(image.data, (_, at) => (at % 17 === 3 ? 1 : 0));
    const broken = { ...image, data: image.data.map((value, at) => (mask[at] === 0 ? value : Number.NaN)) };
    const masked = measure(image, mask);
    const found = measure(broken);
    expect(found.flag).toEqual(masked.flag);
    masked.radius.forEach((radius, row) => {
      expect(found.radius[row] / radius).toBeCloseTo(1, 12);
    });
    expect(masked.flag[0]).toBe(APERTURE_HAS_MASKED);
    expect(masked.radius[0]).not.toBe(plain.radius[0]);
  });
});

describe('flux radius', () => {
  it('of a Gaussian follows its growth curve', () => {
    const variance = 16;
    const image = gaussian(101, { x: 50.2, y: 49.7 }, variance);
    const parts = [0.1, 0.5, 0.9];
    const { radius } = fluxRadius(image, 50.2, 49.7, 30, parts, { subpix: 11 });
    const expected = parts.map((part) => Math.sqrt(-2 * variance * Math.log(1 - part)));
    expect(worst(radius, expected)).toBeLessThan(5e-3);
  });

  it('is of the flux that it is told, and ends at the largest radius', () => {
    const image = gaussian(61, { x: 30, y: 30 }, 9);
    const total = 2 * Math.PI * 9 * 100;
    const { radius } = fluxRadius(image, [30, 30, 30], 30, 15, [0.5, 1.01], { normFlux: [total, 2 * total, -1] });
    expect(radius[0]).toBeCloseTo(Math.sqrt(2 * 9 * Math.LN2), 1);
    expect(radius[1]).toBe(15);
    expect(radius[2]).toBeGreaterThan(3 * radius[0]);
    expect([radius[4], radius[5]]).toEqual([0, 0]);
  });

  it('a mask that cuts the object in half does not change it, unless masked pixels are to count as nothing', () => {
    const image = gaussian(61, { x: 30, y: 30 }, 9);
    const mask = half(61);
    const whole = fluxRadius(image, 30, 30, 15, [0.5]);
    const cut = fluxRadius(image, 30, 30, 15, [0.5], { mask });
    expect(cut.flag[0]).toBe(APERTURE_HAS_MASKED);
    expect(cut.radius[0] / whole.radius[0]).toBeCloseTo(1, 2);
    const normFlux = 2 * Math.PI * 9 * 100;
    const own = fluxRadius(image, 30, 30, 15, [0.5, 0.9], { mask, normFlux, correctMasked: false });
    expect(own.radius[1]).toBe(15);
    const all = fluxRadius(image, 30, 30, 15, [0.5], { mask: new Uint8Array(61 * 61).fill(1) });
    expect([all.radius[0], all.flag[0]]).toEqual([0, APERTURE_HAS_MASKED | APERTURE_ALL_MASKED]);
  });

  it('flags edges and what is no circle; refuses an impossible sampling', () => {
    const image = gaussian(31, { x: 2, y: 15 }, 4);
    const { flag, radius } = fluxRadius(image, [2, Number.NaN, 15], 15, [8, 8, 0], [0.5]);
    expect([...flag]).toEqual([APERTURE_TRUNCATED, APERTURE_INVALID, APERTURE_INVALID]);
    expect([...radius.subarray(1)]).toEqual([Number.NaN, Number.NaN]);
    let code: unknown;
    try {
      fluxRadius(image, 2, 2, 3, [0.5], { subpix: 0 });
    } catch (error) {
      code = isArcletError(error) && error.code;
    }
    expect(code).toBe('INPUT_INVALID');
  });
});

describe('windowed shapes', () => {
  it('finds the centre of a Gaussian to 1e-4 px from a start 1 px away, and its moments under the window', () => {
    const [major, minor, theta, window] = [9, 4, 0.5, 2.5];
    const image = gaussian(81, { x: 40.37, y: 39.81 }, major, minor, theta);
    const found = windowedShape(image, 41.1, 40.4, window, { subpix: 0 });
    expect(Math.hypot(found.x[0] - 40.37, found.y[0] - 39.81)).toBeLessThan(2e-4);
    expect(found.rounds[0]).toBeLessThan(16);
    expect(found.flag[0]).toBe(0);
    // Along each principal axis the inverse variances add.
    const [p, q] = [major, minor].map((variance) => (variance * window ** 2) / (variance + window ** 2));
    const [cos, sin] = [Math.cos(theta), Math.sin(theta)];
    const expected = [p * cos * cos + q * sin * sin, p * sin * sin + q * cos * cos, (p - q) * cos * sin];
    expect(worst([found.x2[0], found.y2[0], found.xy[0]], expected)).toBeLessThan(0.01);
  });

  it('widens a window that is too narrow', () => {
    const image = gaussian(41, { x: 20.2, y: 20.1 }, 4);
    expect(windowedShape(image, 20, 20, 0.01).x[0]).toBe(windowedShape(image, 20, 20, 1 / 2.35).x[0]);
    expect(windowedShape(image, 20, 20, 0.01, { minSigma: 2 }).x[0]).toBe(windowedShape(image, 20, 20, 2).x[0]);
  });

  it('says why a position is only its start', () => {
    const image = gaussian(41, { x: 20, y: 20 }, 4);
    const start = (of: ImagePixels, x: number, mask?: Uint8Array) => {
      const found = windowedShape(of, x, 20.5, 2, { mask });
      return [found.x[0], found.y[0], found.x2[0], found.flag[0]];
    };
    expect(start(negative(image), 20)).toEqual([20, 20.5, Number.NaN, APERTURE_NON_POSITIVE]);
    expect(start(image, 20, new Uint8Array(1681).fill(1))).toEqual([
      20,
      20.5,
      Number.NaN,
      APERTURE_HAS_MASKED | APERTURE_ALL_MASKED,
    ]);
    expect(start(image, Number.NaN)).toEqual([Number.NaN, 20.5, Number.NaN, APERTURE_INVALID]);
    expect(start(image, -300)).toEqual([-300, 20.5, Number.NaN, APERTURE_TRUNCATED | APERTURE_NON_POSITIVE]);
  });

  it('a pixel that is not finite counts as one that is masked', () => {
    const image = gaussian(41, { x: 20.3, y: 19.8 }, 2.25);
    const mask = new Uint8Array(1681);
    mask[20 * 41 + 22] = 1;
    mask[18 * 41 + 19] = 1;
    const masked = windowedShape(image, 20, 20, 1.5, { mask });
    // sep 1.4.1: masked pixels count as the mean of the window.
    expect(masked.x[0]).toBeCloseTo(20.2257406, 7);
    expect(masked.y[0]).toBeCloseTo(19.82824402, 7);
    const broken = { ...image, data: image.data.map((value, i) => (mask[i] ? Number.NaN : value)) };
    expect(windowedShape(broken, 20, 20, 1.5)).toEqual(masked);
  });
});
