import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { examineStamp } from '../../../src/pipelines/injection/bank/examine.ts';
import { centroid, clumpiness, halfLightRadius } from '../../../src/pipelines/injection/bank/light.ts';
import { NOISE_KINDS, noiseStamp, testWithNoise } from '../../../src/pipelines/injection/bank/noise-test.ts';
import { resample } from '../../../src/pipelines/injection/bank/resample.ts';
import { grow, secondPeakShare, segmentsAbove } from '../../../src/pipelines/injection/bank/segment.ts';
import { examineGalaxy, renderGalaxy } from '../../../src/pipelines/injection/bank/sersic-template.ts';
import { clippedSky, insideFrame, noiseCorrelation } from '../../../src/pipelines/injection/bank/sky.ts';
import { sersicFluxWithin } from '../../../src/sky/profiles/sersic.ts';
import { bankConfig, exponential, noisy, stampOf } from './bank-stamps.ts';

const rules = bankConfig();
const examine = (image: Float64Array, side: number, keys: Record<string, unknown> = {}) =>
  examineStamp(stampOf(image, side), bankConfig(keys));
const square = (side: number) => ({ width: side, height: side });
const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

describe('noise', () => {
  it('never becomes a template, white or correlated, as it is or cut at zero', () => {
    const tests = testWithNoise(rules, 12, 7);
    expect(tests).toHaveLength(2 * NOISE_KINDS.length);
    expect(tests.map(({ accepted }) => accepted)).toEqual(tests.map(() => 0));
  });

  // The numbers known of banks of cut noise: 1.155 to 1.19 arcsec, clumpiness 0.98, 0.50, 0.33. One stamp scatters about them.
  it.each([
    [0, 0.98],
    [1, 0.5],
    [1.42, 0.33],
  ])('cut at zero and smoothed by %f px has the radius of a filled square and a clumpiness of %f', (correlation, expected) => {
    const image = noiseStamp(96, correlation, true, new PhiloxStream(philoxKey(3)));
    const hlr = 0.03 * halfLightRadius(image, square(96), { x: 47.5, y: 47.5 });
    expect(hlr).toBeGreaterThan(1.1);
    expect(hlr).toBeLessThan(1.2);
    expect(Math.abs(clumpiness(image, square(96)) - expected)).toBeLessThan(0.03);
  });

  it('cut at zero is refused even with a galaxy on it', () => {
    const image = noisy(exponential(96, 47.5, 47.5, 10), 96, 0.01, 1).map((value) => Math.max(0, value));
    expect(examine(image, 96)).toMatchObject({ reason: 'RECTIFIED' });
  });
});

describe('an exponential of 0.3 arcsec', () => {
  it('has 0.298 arcsec in 96 pixels', () => {
    const verdict = examine(exponential(96, 47.7, 47.1, 10), 96);
    expect(verdict).toHaveProperty('template');
    expect(Math.abs((verdict.measured.hlrArcsec as number) / 0.298 - 1)).toBeLessThan(0.01);
    expect(verdict.measured.clumpiness).toBeLessThan(0.011);
  });

  it.each([0, 1.42])('keeps its radius within 1.5 percent on a sky with noise smoothed by %f px', (correlation) => {
    const radii = Array.from({ length: 5 }, (_, seed) => {
      const verdict = examine(noisy(exponential(128, 63.2, 64.1, 10), 128, 0.003, seed, correlation, 5), 128);
      expect(verdict).toHaveProperty('template');
      expect(Math.abs((verdict.measured.sky as number) - 5)).toBeLessThan(0.001);
      expect(Math.abs((verdict.measured.noiseSigma as number) / 0.003 - 1)).toBeLessThan(0.06);
      return verdict.measured.hlrArcsec as number;
    });
    expect(Math.abs(sum(radii) / 5 / 0.3 - 1)).toBeLessThan(0.015);
  });

  it('is of unit sum, centred to half a pixel, zero outside of its segment and with its noise inside', () => {
    const verdict = examine(noisy(exponential(100, 40.3, 52.2, 8), 100, 0.01, 2), 100);
    if (!('template' in verdict)) throw new Error(verdict.detail);
    expect(sum(verdict.template)).toBeCloseTo(1, 6);
    const middle = centroid(verdict.template, square(128));
    expect(Math.abs(middle.x - 63.5)).toBeLessThanOrEqual(0.51);
    expect(Math.abs(middle.y - 63.5)).toBeLessThanOrEqual(0.51);
    const filled = verdict.template.filter((value) => value !== 0).length;
    expect(filled).toBe(verdict.measured.segmentAreaPx);
    expect(filled).toBeLessThan(6500);
    expect(verdict.template.some((value) => value < 0)).toBe(true);
    const rectified = examine(noisy(exponential(100, 40.3, 52.2, 8), 100, 0.01, 2), 100, { rectify_in_segment: 1 });
    expect('template' in rectified && rectified.template.every((value) => value >= 0)).toBe(true);
  });
});

describe('what is no template is refused with its reason', () => {
  const galaxy = () => exponential(96, 47.5, 47.5, 6);
  it('pixels that are not finite', () => {
    const image = galaxy();
    image[5] = Number.NaN;
    expect(examine(image, 96)).toMatchObject({ reason: 'NOT_FINITE', detail: '1 of 9216 pixels are not finite' });
  });
  it('a stamp of a few pixels, and an empty one', () => {
    expect(examine(new Float64Array(64), 8)).toMatchObject({ reason: 'TOO_SMALL' });
    expect(examine(new Float64Array(96 * 96).fill(3), 96)).toMatchObject({ reason: 'NO_CENTRAL_OBJECT' });
  });
  it('an object away from the centre', () => {
    expect(examine(noisy(exponential(96, 20, 20, 3), 96, 0.01, 1), 96)).toMatchObject({ reason: 'NO_CENTRAL_OBJECT' });
  });
  it('a faint one', () => {
    expect(examine(noisy(galaxy(), 96, 0.2, 1), 96)).toMatchObject({ reason: 'LOW_SNR' });
  });
  it('one that goes over the edge', () => {
    expect(examine(noisy(exponential(40, 19.5, 19.5, 14), 40, 0.001, 1), 40)).toMatchObject({ reason: 'TOUCHES_BORDER' });
  });
  it('a second peak in the segment, and a neighbour at its edge', () => {
    const with2 = (x: number, y: number, peak: number, sigma: number) => {
      const second = exponential(96, x, y, 4, peak);
      return noisy(galaxy().map((value, pixel) => value + second[pixel]), 96, sigma, 1); // biome-ignore format: one call
    };
    expect(examine(with2(62, 50, 0.9, 0.002), 96)).toMatchObject({
      reason: 'SECOND_OBJECT',
      detail: expect.stringContaining('peak'),
    });
    // Far away it is cut off with the sky.
    expect(examine(with2(85, 85, 0.3, 0.01), 96)).toHaveProperty('template');
  });
  it('by its size', () => {
    const image = noisy(exponential(128, 63.5, 63.5, 12), 128, 0.001, 1);
    expect(examine(image, 128, { hlr_max_arcsec: 0.3 })).toMatchObject({ reason: 'HLR_TOO_LARGE' });
    expect(examine(image, 128, { hlr_min_arcsec: 0.5 })).toMatchObject({ reason: 'HLR_TOO_SMALL' });
    expect(examine(image, 128, { hlr_max_stamp_fraction: 0.05 })).toMatchObject({ reason: 'HLR_FILLS_STAMP' });
    expect(examine(image, 128, { stamp_size: 48 })).toMatchObject({ reason: 'LARGER_THAN_STAMP' });
  });
});

describe('measures', () => {
  // The image and its numbers: numpy and scipy.ndimage.gaussian_filter (sigma 1, truncate 4), pixels cut into 40 x 40.
  const reference = Float64Array.from({ length: 48 * 48 }, (_, pixel) => {
    const [x, y] = [pixel % 48, Math.floor(pixel / 48)];
    const base = 40 - Math.floor((3 * (x - 22) ** 2 + 5 * (y - 25) ** 2) / 20);
    return base > 0 ? base + ((7 * x + 11 * y) % 5) : 0;
  });
  it('agree with numpy and scipy', () => {
    expect(sum(reference)).toBe(14560);
    expect(clumpiness(reference, square(48))).toBeCloseTo(0.06940103705725874, 5);
    const centre = centroid(reference, square(48));
    expect(centre.x).toBeCloseTo(21.99945054945055, 10);
    expect(centre.y).toBeCloseTo(24.99945054945055, 10);
    expect(halfLightRadius(reference, square(48), centre)).toBeCloseTo(8.025, 2);
  });
  it('a clipped sky forgets outliers, and knows its scatter', () => {
    const stream = new PhiloxStream(philoxKey(1));
    const values = Float64Array.from({ length: 20000 }, (_, at) => (at % 10 === 0 ? 50 : 7 + 2 * stream.normal()));
    const sky = clippedSky(values);
    expect(Math.abs(sky.level - 7)).toBeLessThan(0.05);
    expect(Math.abs(sky.sigma / 2 - 1)).toBeLessThan(0.02);
    expect(clippedSky(new Float64Array(0))).toMatchObject({ level: 0, sigma: 0, pixels: 0 });
  });
  it('noise correlation is 1 for white noise, and the root of 4 pi s^2 for noise smoothed by s', () => {
    const free = new Uint8Array(128 * 128);
    const of = (correlation: number) => {
      const image = noisy(new Float64Array(128 * 128), 128, 1, 4, correlation);
      return noiseCorrelation(image, free, 128, 128, clippedSky(image));
    };
    expect(of(0)).toBeLessThan(1.35);
    expect(Math.abs(of(1) / Math.sqrt(4 * Math.PI) - 1)).toBeLessThan(0.12);
  });
});

describe('segments', () => {
  it('are connected by corners, and grow by Euclidean distance', () => {
    const image = new Float64Array(25);
    for (const pixel of [0, 6, 24]) image[pixel] = 1;
    expect(segmentsAbove(image, square(5), 0.5).areas).toEqual([0, 2, 1]);
    const one = new Uint8Array(81);
    one[40] = 1;
    const disc = grow(one, square(9), 2.5);
    expect(disc.reduce((count, value) => count + value, 0)).toBe(21);
    const frame = insideFrame(20, 20);
    expect(frame.reduce((count, value) => count + value, 0)).toBe(16 * 16);
  });
  it('know the share of a second peak', () => {
    // One row: peaks of 10 and 6 with a saddle of 2 between: above it (6 - 2) + (4 - 2) of 37.
    const image = Float64Array.from([0, 4, 10, 5, 2, 4, 6, 4, 2, 0]);
    const inside = Uint8Array.from(image, (value) => (value > 0 ? 1 : 0));
    const size = { width: 10, height: 1 };
    expect(secondPeakShare(image, size, inside, 1)).toBeCloseTo((2 + 4 + 2) / 37, 12);
    expect(secondPeakShare(image, size, inside, 5)).toBe(0);
  });
});

describe('resample', () => {
  it('conserves light, moves the centre to the middle and copies at equal scale', () => {
    const image = exponential(64, 30.3, 33.8, 4);
    for (const scale of [0.5, 0.77, 1.6, 2]) {
      const out = resample(image, square(64), { x: 30.3, y: 33.8 }, scale, 256);
      expect(sum(out) / sum(image)).toBeCloseTo(1, 10);
      expect(centroid(out, square(256)).x).toBeCloseTo(127.5, 1);
      expect(centroid(out, square(256)).y).toBeCloseTo(127.5, 1);
    }
    const copied = resample(image, square(64), { x: 30.3, y: 33.8 }, 1, 16);
    const start = [Math.round(33.8 - 7.5), Math.round(30.3 - 7.5)];
    expect(copied[3 * 16 + 5]).toBe(image[(start[0] + 3) * 64 + start[1] + 5]);
  });
});

describe('fitted galaxies', () => {
  const galaxyOf = (n: number, axisRatio: number) => ({
    components: [{ n, majorArcsec: 0.4, axisRatio, positionAngleRad: 0.6, flux: 7 }],
  });
  it.each([0.5, 1, 2.5, 4])('of index %f have the light that the profile has within a circle', (n) => {
    const image = renderGalaxy(galaxyOf(n, 1), 128, 0.03);
    expect(Math.abs(sum(image) / sersicFluxWithin((64 * 0.03) / 0.4, n) - 1)).toBeLessThan(2e-3);
  });
  it('have their half-light radius, position angle and axis ratio', () => {
    const verdict = examineGalaxy(galaxyOf(1, 1), rules);
    expect(verdict.measured.hlrArcsec).toBeCloseTo(0.4, 2);
    const image = renderGalaxy(galaxyOf(1, 0.5), 256, 0.03);
    let [xx, yy, xy] = [0, 0, 0];
    for (let pixel = 0; pixel < image.length; pixel++) {
      const [x, y] = [(pixel % 256) - 127.5, Math.floor(pixel / 256) - 127.5];
      [xx, yy, xy] = [xx + image[pixel] * x * x, yy + image[pixel] * y * y, xy + image[pixel] * x * y];
    }
    expect(Math.atan2(2 * xy, xx - yy) / 2).toBeCloseTo(0.6, 3);
    const spread = Math.hypot(xx - yy, 2 * xy);
    expect(Math.sqrt((xx + yy - spread) / (xx + yy + spread))).toBeCloseTo(0.5, 2);
  });
  it('that do not fit are refused', () => {
    expect(examineGalaxy(galaxyOf(4, 1), bankConfig({ max_unrendered_share: 0.05 }))).toMatchObject({
      reason: 'LARGER_THAN_STAMP',
    });
    expect(examineGalaxy(galaxyOf(1, 1), bankConfig({ hlr_max_stamp_fraction: 0.05 }))).toMatchObject({
      reason: 'HLR_FILLS_STAMP',
    });
  });
});
