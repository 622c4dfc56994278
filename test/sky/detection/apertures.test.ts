import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import {
  APERTURE_ALL_MASKED,
  APERTURE_HAS_MASKED,
  APERTURE_INVALID,
  APERTURE_TRUNCATED,
  sumAnnulus,
  sumCircle,
  sumEllipse,
} from '../../../src/sky/detection/apertures.ts';
import { ellipseAxes, ellipseCoefficients, momentAxes } from '../../../src/sky/detection/apertures-ellipse.ts';
import { blend, flat } from '../../support/aperture-images.ts';
import { sepFields, worst } from '../../support/sep-vectors.ts';
import { hasShared } from '../../support/shared.ts';

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return isArcletError(error) ? error.code : String(error);
  }
  return undefined;
}

describe('apertures against SEP', () => {
  it('sums, errors and flags on a closed-form image to 1e-8', () => {
    const image = blend();
    const sums = sumCircle(image, [20.25, 41.5, 2], [31.6, 28, 2], 5, { err: 1 });
    expect(worst(sums.flux.subarray(0, 2), [2395.65018, 1916.57667])).toBeLessThan(3e-9);
    expect(sums.err[0]).toBeCloseTo(8.854377, 6);
    expect([...sums.flag]).toEqual([0, 0, APERTURE_TRUNCATED]);
    expect(sumCircle(image, 20.25, 31.6, 5, { subpix: 0 }).flux[0]).toBeCloseTo(2395.95591, 5);
    const mask = new Uint8Array(64 * 64);
    mask[31 * 64 + 20] = 1;
    const masked = sumCircle(image, 20.25, 31.6, 5, { mask });
    expect(masked.flux[0]).toBeCloseTo(2330.52042, 5);
    expect(masked.flag[0]).toBe(APERTURE_HAS_MASKED);
  });

  it.skipIf(!hasShared)('220 objects of two fields with masks, noise maps, gain and edges to 1e-7 (needs ../shared)', () => {
    let objects = 0;
    for (const field of sepFields()) {
      for (const run of field.runs) {
        const { x, y, a, b, theta } = run.objects;
        const common = { err: field.rms, mask: field.mask };
        const five = sumCircle(field.subtracted, x, y, 5, { ...common, gain: run.sum_circle_r5.gain });
        expect(worst(five.flux, run.sum_circle_r5.flux)).toBeLessThan(1e-12);
        // The errors of the vectors were taken with SEP's own map in memory, ours with its float32 copy.
        expect(worst(five.err, run.sum_circle_r5.err)).toBeLessThan(1e-7);
        expect([...five.flag]).toEqual(run.sum_circle_r5.flag);
        const exact = sumCircle(field.subtracted, x, y, 3.3, { ...common, subpix: 0 });
        expect(worst(exact.flux, run.sum_circle_r3p3_exact.flux)).toBeLessThan(1e-12);
        expect(worst(exact.err, run.sum_circle_r3p3_exact.err)).toBeLessThan(1e-7);
        const ring = sumAnnulus(field.subtracted, x, y, 6, 8, common);
        expect(worst(ring.flux, run.sum_circann_6_8)).toBeLessThan(1e-12);
        const radii = run.kron_radius.map((radius) => 2.5 * radius);
        const kron = sumEllipse(field.subtracted, x, y, { a, b, theta }, radii, { ...common, subpix: 1 });
        expect(worst(kron.flux, run.kron_flux_2p5)).toBeLessThan(1e-12);
        expect(worst(kron.err, run.kron_err)).toBeLessThan(1e-7);
        objects += x.length;
      }
    }
    expect(objects).toBe(220);
  });
});

describe('masks, noise and flags', () => {
  it('the masked part counts as the mean of the rest, or as nothing', () => {
    const image = flat(40, 40, 2);
    const mask = new Uint8Array(1600);
    for (let y = 0; y < 40; y++) for (let x = 20; x < 40; x++) mask[y * 40 + x] = 1;
    const half = sumCircle(image, 19.5, 20, 6, { mask, subpix: 0, err: 3 });
    expect(half.flux[0]).toBeCloseTo(2 * Math.PI * 36, 9);
    expect(half.err[0]).toBeCloseTo(3 * Math.sqrt(Math.PI * 36), 9);
    expect([half.area[0] / Math.PI / 36, half.maskedArea[0] / half.area[0]]).toEqual([
      expect.closeTo(1, 12),
      expect.closeTo(0.5, 12),
    ]);
    const own = sumCircle(image, 19.5, 20, 6, { mask, subpix: 0, err: 3, correctMasked: false });
    expect(own.flux[0]).toBeCloseTo(Math.PI * 36, 9);
    expect(own.err[0]).toBeCloseTo(3 * Math.sqrt(Math.PI * 18), 9);
  });

  it('an aperture that is all masked has no flux', () => {
    const mask = new Uint8Array(1600).fill(1);
    const sums = sumCircle(flat(40, 40), 20, 20, 3, { mask, err: 1 });
    expect([sums.flux[0], sums.err[0]]).toEqual([Number.NaN, Number.NaN]);
    expect(sums.flag[0]).toBe(APERTURE_HAS_MASKED | APERTURE_ALL_MASKED);
    expect(sumCircle(flat(40, 40), 20, 20, 3, { mask, correctMasked: false }).flux[0]).toBe(0);
  });

  it('pixels that are not finite are as good as masked', () => {
    const image = blend();
    const mask = new Uint8Array(64 * 64);
    for (const pixel of [31 * 64 + 20, 33 * 64 + 18, 31 * 64 + 25]) mask[pixel] = 1;
    const broken = {
      ...image,
      data: image.data.map((value, i) => (mask[i] ? [Number.NaN, Number.POSITIVE_INFINITY][i % 2] : value)),
    };
    for (const subpix of [0, 5]) {
      const expected = sumCircle(image, 20.25, 31.6, 5, { mask, subpix, err: 1 });
      const found = sumCircle(broken, 20.25, 31.6, 5, { subpix, err: 1 });
      for (const column of ['flux', 'err', 'area', 'maskedArea'] as const)
        expect(worst(found[column], expected[column])).toBeLessThan(1e-13);
      expect(found.flag).toEqual(expected.flag);
    }
  });

  it('a segmentation masks the others, or all but one', () => {
    // Object 1 left of column 10, object 2 right of column 20, sky of 1 between.
    const image = flat(30, 30);
    const segmentation = new Int32Array(900);
    for (let i = 0; i < 900; i++) {
      const x = i % 30;
      segmentation[i] = x < 10 ? 1 : x >= 20 ? 2 : 0;
      image.data[i] = [1, 10, 100][segmentation[i]];
    }
    const columns = (values: number[]) =>
      values.map((id) => sumCircle(image, 14.5, 15, 8, { segmentation, segmentId: id, correctMasked: false, subpix: 1 }).flux[0]);
    const count = (ids: number[]) => {
      let pixels = 0;
      for (let i = 0; i < 900; i++) {
        if (((i % 30) - 14.5) ** 2 + (Math.floor(i / 30) - 15) ** 2 < 64 && ids.includes(segmentation[i])) pixels++;
      }
      return pixels;
    };
    const [sky, one, two] = [count([0]), count([1]), count([2])];
    expect(one).toBeGreaterThan(20);
    expect(columns([1, 2, -1, -2, 0])).toEqual([sky + 10 * one, sky + 100 * two, 10 * one, 100 * two, sky]);
    // One aperture of each object at once, each with its own mask.
    const both = sumCircle(image, [14.5, 14.5], 15, 8, { segmentation, segmentId: [-1, -2], correctMasked: false, subpix: 1 });
    expect([...both.flux]).toEqual([10 * one, 100 * two]);
  });

  it('noise is one number or a map, of err or of variance, and gain adds the noise of the light', () => {
    const image = flat(40, 40, 5);
    const area = Math.PI * 16;
    const err = (options: object) => sumCircle(image, 20, 20, 4, { subpix: 0, ...options }).err[0];
    expect(err({})).toBe(0);
    for (const noise of [
      { err: 3 },
      { var: 9 },
      { err: new Float32Array(1600).fill(3) },
      { var: new Float64Array(1600).fill(9) },
    ]) {
      expect(err(noise)).toBeCloseTo(3 * Math.sqrt(area), 9);
      expect(err({ ...noise, gain: 2 })).toBeCloseTo(Math.sqrt(9 * area + (5 * area) / 2), 9);
    }
    // Negative light has no noise of its own.
    expect(sumCircle(flat(40, 40, -5), 20, 20, 4, { err: 3, gain: 2, subpix: 0 }).err[0]).toBeCloseTo(3 * Math.sqrt(area), 9);
  });

  it('flags every edge as soon as the aperture passes it', () => {
    const [r, inside] = [3, 1e-9];
    const at = (x: number, y: number) => sumCircle(flat(30, 20), x, y, r).flag[0];
    for (const sign of [1, -1]) {
      const beyond = sign > 0 ? 0 : APERTURE_TRUNCATED;
      expect(at(r - 0.5 + sign * inside, 10)).toBe(beyond);
      expect(at(29.5 - r - sign * inside, 10)).toBe(beyond);
      expect(at(15, r - 0.5 + sign * inside)).toBe(beyond);
      expect(at(15, 19.5 - r - sign * inside)).toBe(beyond);
    }
    const corner = sumCircle(flat(30, 20), -0.5, -0.5, 4, { subpix: 0 });
    expect(corner.flux[0]).toBeCloseTo(Math.PI * 4, 9);
    const outside = sumCircle(flat(30, 20), [-50, 1e12], 5, 4);
    expect([[...outside.flux], [...outside.area], [...outside.flag]]).toEqual([
      [0, 0],
      [0, 0],
      [APERTURE_TRUNCATED, APERTURE_TRUNCATED],
    ]);
  });

  it('an aperture that is none is a row with a flag', () => {
    const none = sumCircle(
      flat(30, 20),
      [Number.NaN, 5, 5, 5, 5],
      [5, Number.POSITIVE_INFINITY, 5, 5, 5],
      [3, 3, -1, Number.NaN, 2],
    );
    expect([...none.flag]).toEqual([APERTURE_INVALID, APERTURE_INVALID, APERTURE_INVALID, APERTURE_INVALID, 0]);
    expect([...none.flux.subarray(0, 4)].every(Number.isNaN)).toBe(true);
    const ovals = sumEllipse(flat(30, 20), 10, 10, { a: [3, 3, 3], b: [0, -1, 2], theta: [0, 0, Number.NaN] });
    expect([...ovals.flag]).toEqual([APERTURE_INVALID, APERTURE_INVALID, APERTURE_INVALID]);
    expect(sumAnnulus(flat(30, 20), 10, 10, [5, -1], [3, 3]).flag).toEqual(new Uint16Array([APERTURE_INVALID, APERTURE_INVALID]));
    expect(sumCircle(flat(30, 20), 10, 10, 0).flux[0]).toBe(0);
  });

  it('refuses arrays that do not belong together', () => {
    const image = flat(10, 10);
    expect(codeOf(() => sumCircle({ ...image, width: 11 }, 5, 5, 2))).toBe('INPUT_INVALID');
    expect(codeOf(() => sumCircle(image, [5, 6], [5], 2))).toBe('INPUT_INVALID');
    expect(codeOf(() => sumCircle(image, 5, 5, 2, { mask: new Uint8Array(99) }))).toBe('INPUT_INVALID');
    expect(codeOf(() => sumCircle(image, 5, 5, 2, { err: new Float32Array(99) }))).toBe('INPUT_INVALID');
    expect(codeOf(() => sumCircle(image, 5, 5, 2, { err: 1, var: 1 }))).toBe('INPUT_INVALID');
    expect(codeOf(() => sumCircle(image, 5, 5, 2, { segmentation: new Int32Array(100) }))).toBe('INPUT_INVALID');
    expect(codeOf(() => sumCircle(image, 5, 5, 2, { subpix: 2.5 }))).toBe('INPUT_INVALID');
  });
});

describe('ellipses', () => {
  it('axes and coefficients are inverses of each other', () => {
    for (const [a, b, theta] of [
      [3, 2, 0.3],
      [5, 0.01, -1.2],
      [1e-3, 9e-4, 1.5],
    ]) {
      const axes = ellipseAxes(ellipseCoefficients(a, b, theta));
      expect(worst([axes.a, axes.b, axes.theta], [a, b, theta])).toBeLessThan(1e-9);
    }
    expect(ellipseAxes(ellipseCoefficients(2, 2, 0.7))).toEqual({
      a: expect.closeTo(2, 12),
      b: expect.closeTo(2, 12),
      theta: expect.any(Number),
    });
    expect(codeOf(() => ellipseAxes({ cxx: 1, cyy: 1, cxy: 2 }))).toBe('INPUT_INVALID');
    expect(codeOf(() => ellipseAxes({ cxx: -1, cyy: -1, cxy: 0 }))).toBe('INPUT_INVALID');
  });

  it('moments give the standard deviations along the principal axes', () => {
    const [cos, sin] = [Math.cos(0.4), Math.sin(0.4)];
    // Variances 9 and 4 turned by 0.4 rad.
    const axes = momentAxes(9 * cos * cos + 4 * sin * sin, 9 * sin * sin + 4 * cos * cos, 5 * cos * sin);
    expect(worst([axes.a, axes.b, axes.theta], [3, 2, 0.4])).toBeLessThan(1e-12);
    expect(momentAxes(1, 0, 0)).toEqual({ a: 1, b: 0, theta: 0 });
    expect(momentAxes(2, 2, 0).theta).toBe(0);
  });
});
