import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { BackgroundBuilder, type BackgroundOptions, measureBackground } from '../../../src/sky/detection/background.ts';
import { sepFields, worst } from '../../support/sep-vectors.ts';
import { hasShared } from '../../support/shared.ts';

/** Noise of standard deviation `sigma` about `level(x, y)`. */
function sky(width: number, height: number, sigma: number, level: (x: number, y: number) => number, seed = 1) {
  const random = new PhiloxStream(philoxKey(seed));
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data[y * width + x] = level(x, y) + sigma * random.normal();
  return { data, width, height };
}

const meshes = (size: number, filter = 1): BackgroundOptions => ({
  meshWidth: size,
  meshHeight: size,
  filterWidth: filter,
  filterHeight: filter,
});

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return isArcletError(error) ? error.code : String(error);
  }
  return undefined;
}

describe('background of a mesh whose first pixel is hot', () => {
  it.each([-1e5, 1e9, 1e15])('is that of the others: %d', (hot) => {
    const image = sky(32, 32, 2, () => 50);
    const without = measureBackground(image, { ...meshes(32), mask: Uint8Array.from(image.data, (_, at) => (at === 0 ? 1 : 0)) });
    image.data[0] = hot;
    const background = measureBackground(image, meshes(32));
    // The first cut hangs on the hot pixel and leaves all others in.
    expect(Math.abs(background.globalLevel - without.globalLevel)).toBeLessThan(0.1);
    expect(background.globalRms / without.globalRms).toBeCloseTo(1, 1);
  });
});

describe('background against SEP', () => {
  it('a closed-form image, to 1e-5 of its rms', () => {
    // Values of sep 1.2.1; the pseudo-random part is frac(sin(12.9898 x + 78.233 y) 43758.5453) in double precision.
    const data = new Float32Array(64 * 64);
    for (let y = 0; y < 64; y++) {
      for (let x = 0; x < 64; x++) {
        const wild = Math.sin(12.9898 * x + 78.233 * y) * 43758.5453;
        data[y * 64 + x] = 10 + 0.02 * x + 0.01 * y + (wild - Math.floor(wild));
      }
    }
    const background = measureBackground({ data, width: 64, height: 64 }, meshes(16, 3));
    const level = background.levelMap();
    expect(background.globalLevel).toBeCloseTo(11.4505463, 6);
    expect(background.globalRms).toBeCloseTo(0.3086647, 6);
    expect(level[0]).toBeCloseTo(10.419155, 5);
    expect(level[31 * 64 + 31]).toBeCloseTo(11.467619, 5);
    expect(level[63 * 64 + 63]).toBeCloseTo(12.372082, 5);
    expect(background.rmsMap()[31 * 64 + 31]).toBeCloseTo(0.306085, 5);
  });

  it.skipIf(!hasShared)('maps of two fields with and without a mask to 1e-3 of the noise (needs ../shared)', () => {
    for (const field of sepFields()) {
      const background = measureBackground(field.image, {
        meshWidth: field.bw,
        meshHeight: field.bh,
        filterWidth: field.fw,
        filterHeight: field.fh,
        mask: field.mask,
      });
      // Reached: 1.3e-4 and 3.4e-5.
      expect(worst(background.levelMap(), field.back, field.globalrms)).toBeLessThan(3e-4);
      expect(worst(background.rmsMap(), field.rms, field.globalrms)).toBeLessThan(1e-4);
      expect(Math.abs(background.globalLevel - field.globalback) / field.globalrms).toBeLessThan(3e-4);
      expect(Math.abs(background.globalRms - field.globalrms) / field.globalrms).toBeLessThan(3e-4);
    }
  });
});

describe('background of a known sky', () => {
  it('finds level and noise under stars that cover a twentieth of the pixels', () => {
    const stars = new PhiloxStream(philoxKey(5));
    const image = sky(256, 256, 2, () => 1000);
    for (let star = 0; star < 120; star++) {
      const [cx, cy] = [256 * stars.uniform(), 256 * stars.uniform()];
      for (let y = Math.max(0, Math.ceil(cy - 6)); y < Math.min(256, cy + 6); y++) {
        for (let x = Math.max(0, Math.ceil(cx - 6)); x < Math.min(256, cx + 6); x++) {
          image.data[y * 256 + x] += 300 * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 4);
        }
      }
    }
    const background = measureBackground(image, meshes(64, 3));
    expect(Math.abs(background.globalLevel - 1000)).toBeLessThan(0.1);
    expect(Math.abs(background.globalRms - 2)).toBeLessThan(0.1);
  });

  it('a natural spline treats rows as columns; SExtractor puts rows half a pixel low', () => {
    const slope = 0.02;
    const level = (x: number, y: number) => 50 + slope * (x + y) + 0.0002 * x * y;
    const [width, height] = [190, 150];
    const image = sky(width, height, 0.05, level);
    const turned = { data: new Float32Array(width * height), width: height, height: width };
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) turned.data[x * height + y] = image.data[y * width + x];
    const difference = (options: BackgroundOptions) => {
      const map = measureBackground(image, { ...meshes(32), ...options }).levelMap();
      const other = measureBackground(turned, { ...meshes(32), ...options }).levelMap();
      let most = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) most = Math.max(most, Math.abs(map[y * width + x] - other[x * height + y]));
      }
      return most;
    };
    expect(difference({ interpolation: 'natural' })).toBeLessThan(1e-5);
    expect(difference({})).toBeGreaterThan(1e-4);
    const natural = measureBackground(image, { ...meshes(32), interpolation: 'natural' }).levelMap();
    const low = measureBackground(image, meshes(32)).levelMap();
    let sum = 0;
    for (let y = 40; y < 110; y++) for (let x = 40; x < 150; x++) sum += natural[y * width + x] - low[y * width + x];
    const meanSlope = slope + 0.0002 * 94.5;
    expect(sum / (70 * 110) / meanSlope).toBeGreaterThan(0.4);
    expect(sum / (70 * 110) / meanSlope).toBeLessThan(0.6);
  });

  it('does not lose its noise on a sky ten million times as high', () => {
    const { data, width, height } = sky(64, 64, 1, () => 0);
    const high = { data: Float64Array.from(data, (value) => value + 1e7), width, height };
    const plain = measureBackground({ data: Float64Array.from(data), width, height }, meshes(32));
    const raised = measureBackground(high, meshes(32));
    expect(raised.globalRms).toBeCloseTo(plain.globalRms, 6);
    expect(raised.globalLevel - 1e7).toBeCloseTo(plain.globalLevel, 6);
  });

  it('subtract takes away the level map, in place and into a copy', () => {
    const image = sky(100, 70, 1, (x) => 20 + 0.1 * x);
    const background = measureBackground(image, meshes(32, 3));
    const level = background.levelMap(0, 70, new Float64Array(7000));
    const expected = image.data.map((value, i) => value - level[i]);
    const copy = background.subtract(image.data);
    expect(worst(copy, expected, 1)).toBeLessThan(1e-5);
    const strip = image.data.slice(30 * 100, 45 * 100);
    background.subtract(strip, 30, strip);
    expect(strip).toEqual(copy.slice(30 * 100, 45 * 100));
  });
});

describe('background in strips', () => {
  it('gives the same bits whatever the strips, with a mask and without', () => {
    const image = sky(130, 150, 1, (x, y) => 10 + 0.05 * x + 0.02 * y);
    const mask = new Uint8Array(image.data.length).map((_, i) => (i % 7 === 0 ? 1 : 0));
    for (const useMask of [false, true]) {
      const whole = measureBackground(image, { ...meshes(32, 3), mask: useMask ? mask : undefined });
      for (const strip of [1, 13, 32, 100]) {
        const builder = new BackgroundBuilder(130, 150, meshes(32, 3));
        for (let y = 0; y < 150; y += strip) {
          const [start, end] = [y * 130, Math.min(150, y + strip) * 130];
          builder.push(image.data.subarray(start, end), useMask ? mask.subarray(start, end) : undefined);
        }
        const background = builder.finish();
        expect(background.meshLevel).toEqual(whole.meshLevel);
        expect(background.meshRms).toEqual(whole.meshRms);
      }
    }
  });

  it('rows of a map are those of the whole map', () => {
    const background = measureBackground(
      sky(90, 90, 1, (x, y) => 0.02 * x * y),
      meshes(16, 3),
    );
    expect(background.rmsMap(37, 20)).toEqual(background.rmsMap().subarray(37 * 90, 57 * 90));
  });
});

describe('background of hostile images', () => {
  it('a constant image has its level and no noise; the global rms is then 1', () => {
    const background = measureBackground({ data: new Float32Array(64 * 64).fill(5), width: 64, height: 64 }, meshes(16, 3));
    expect(background.globalLevel).toBe(5);
    expect(background.globalRms).toBe(1);
    expect(new Set(background.levelMap())).toEqual(new Set([5]));
    expect(new Set(background.rmsMap())).toEqual(new Set([0]));
  });

  it('an image without a good pixel gives level 0 and rms 1, and says that every mesh was filled', () => {
    const nothing = { data: new Float32Array(40 * 40).fill(Number.NaN), width: 40, height: 40 };
    const masked = { ...sky(40, 40, 1, () => 3), mask: new Uint8Array(1600).fill(1) };
    for (const background of [
      measureBackground(nothing, meshes(16)),
      measureBackground(masked, { ...meshes(16), mask: masked.mask }),
    ]) {
      expect([background.globalLevel, background.globalRms, background.filledMeshes]).toEqual([0, 1, 9]);
    }
  });

  it('meshes without enough good pixels take the mean of the nearest others, all of one distance alike', () => {
    // Meshes of levels 0, 10, 20 ... along x; the middle one loses more than half its pixels.
    const image = sky(5 * 16, 16, 1e-3, (x) => 10 * Math.floor(x / 16));
    for (let y = 0; y < 9; y++)
      for (let x = 32; x < 48; x++) image.data[y * 80 + x] = y % 2 === 0 ? Number.NaN : Number.POSITIVE_INFINITY;
    const background = measureBackground(image, meshes(16));
    expect(background.filledMeshes).toBe(1);
    expect(background.meshLevel[2]).toBeCloseTo(20, 2);
    image.data.fill(Number.NaN, 0);
    for (let y = 0; y < 16; y++) for (let x = 0; x < 16; x++) image.data[y * 80 + x] = 7;
    expect([...measureBackground(image, meshes(16)).meshLevel]).toEqual([7, 7, 7, 7, 7]);
  });

  it('scattered bad pixels and masked pixels are left out alike', () => {
    const image = sky(64, 64, 1, () => 100);
    const mask = new Uint8Array(64 * 64).map((_, i) => (i % 5 === 0 ? 1 : 0));
    const broken = { ...image, data: image.data.map((value, i) => (mask[i] ? Number.NEGATIVE_INFINITY : value)) };
    expect(measureBackground(broken, meshes(32)).meshLevel).toEqual(measureBackground(image, { ...meshes(32), mask }).meshLevel);
  });

  it('an image smaller than its mesh, and one of a single pixel', () => {
    const small = measureBackground(
      sky(20, 30, 1, () => 8),
      meshes(128, 3),
    );
    expect(small.columns * small.rows).toBe(1);
    expect(new Set(small.levelMap())).toEqual(new Set([Math.fround(small.globalLevel)]));
    expect(measureBackground({ data: new Float32Array([3]), width: 1, height: 1 }).levelMap()[0]).toBe(3);
  });

  it('refuses sizes, strips and masks that do not fit, and an unfinished image', () => {
    expect(codeOf(() => new BackgroundBuilder(10, 10, { meshWidth: 0 }))).toBe('INPUT_INVALID');
    expect(codeOf(() => new BackgroundBuilder(10.5, 10))).toBe('INPUT_INVALID');
    const builder = new BackgroundBuilder(10, 10);
    expect(codeOf(() => builder.push(new Float32Array(15)))).toBe('INPUT_INVALID');
    expect(codeOf(() => builder.push(new Float32Array(20), new Uint8Array(10)))).toBe('INPUT_INVALID');
    builder.push(new Float32Array(90));
    expect(codeOf(() => builder.finish())).toBe('INPUT_INVALID');
    expect(codeOf(() => builder.push(new Float32Array(20)))).toBe('INPUT_INVALID');
    builder.push(new Float32Array(10));
    const background = builder.finish();
    expect(codeOf(() => background.levelMap(5, 6))).toBe('INPUT_INVALID');
    expect(codeOf(() => background.levelMap(0, 10, new Float32Array(99)))).toBe('INPUT_INVALID');
  });
});
