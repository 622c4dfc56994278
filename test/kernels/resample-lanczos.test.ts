import { describe, expect, it } from 'vitest';
import { cpu } from '../../kernels/resample-lanczos/cpu.ts';
import {
  CONTROL_BITS,
  controlSide,
  NO_DATA,
  NO_POSITION,
  PARTIAL,
  type ResampleLanczosOptions,
  tapsOf,
} from '../../kernels/resample-lanczos/options.ts';
import { spec } from '../../kernels/resample-lanczos/spec.ts';
import { noiseUnderestimate, weightTable } from '../../kernels/resample-lanczos/weights.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { agreementSuite } from '../support/agreement.ts';

const OPTIONS: ResampleLanczosOptions = {
  interpolation: 'lanczos3-plain',
  conserve: 'surface-brightness',
  tile: 16,
  step: 16,
  window: 32,
  stretch: 1,
  minGoodWeight: 0.5,
};

interface Found {
  image: Float32Array;
  invvar: Float32Array;
  mask: Uint32Array;
}

/** Source position of output pixel (x, y) in the window. */
type Mapping = (x: number, y: number) => readonly [number, number];

function controlOf(options: ResampleLanczosOptions, mapping: Mapping): Int32Array {
  const side = controlSide(options);
  const at = (k: number) => [(k % side) * options.step, Math.floor(k / side) * options.step] as const;
  const points = Array.from({ length: side * side }, (_, k) => mapping(...at(k)));
  return Int32Array.from(points.flat().map((value) => Math.round(value * 2 ** CONTROL_BITS)));
}

function run(
  options: ResampleLanczosOptions,
  mapping: Mapping | Int32Array,
  pixels: Float32Array,
  weights?: Float32Array,
): Found {
  const area = options.tile ** 2;
  const found = {
    image: new Float32Array(area).fill(Number.NaN),
    invvar: new Float32Array(area).fill(Number.NaN),
    mask: new Uint32Array(area).fill(99),
  };
  const control = mapping instanceof Int32Array ? mapping : controlOf(options, mapping);
  cpu(options, { pixels, weights: weights ?? new Float32Array(pixels.length).fill(1), control }, found, 1);
  return found;
}

function noise(side: number, seed: number): Float32Array {
  const stream = new PhiloxStream(philoxKey(seed));
  return Float32Array.from({ length: side * side }, () => stream.uniform() - 0.5);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

const KERNELS = {
  'lanczos3-plain': (x: number) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0),
  bilinear: (x: number) => Math.max(0, 1 - Math.abs(x)),
  nearest: (x: number) => (x > -0.5 && x <= 0.5 ? 1 : 0),
};

/** The definition, without tables, whole numbers or separated sums. */
function bruteForce(
  options: ResampleLanczosOptions,
  [x, y]: readonly [number, number],
  pixels: Float32Array,
  weights: Float32Array,
) {
  const kernel = KERNELS[options.interpolation as keyof typeof KERNELS];
  let [value, weight, all, variance, missing] = [0, 0, 0, 0, 0];
  const reach = 3 * options.stretch + 1;
  for (let j = Math.ceil(y - reach); j <= y + reach; j++) {
    for (let i = Math.ceil(x - reach); i <= x + reach; i++) {
      const w = kernel((i - x) / options.stretch) * kernel((j - y) / options.stretch);
      all += w;
      const inside = i >= 0 && j >= 0 && i < options.window && j < options.window;
      if (!inside || weights[j * options.window + i] === 0) {
        missing += Math.abs(w);
        continue;
      }
      value += w * pixels[j * options.window + i];
      weight += w;
      variance += (w * w) / weights[j * options.window + i];
    }
  }
  return { value: value / weight, invvar: (weight * weight) / variance, missing: missing / all };
}

const rotated =
  (scale: number, degrees: number, x0: number, y0: number): Mapping =>
  (x, y) => {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return [x0 + scale * (cos * (x - 7.5) - sin * (y - 7.5)), y0 + scale * (sin * (x - 7.5) + cos * (y - 7.5))];
  };

describe('resample-lanczos twin', () => {
  it.each([
    ['lanczos3-plain', 1, 1, 20],
    ['lanczos3-plain', 1, 1, 130],
    ['lanczos3-plain', 2, 1.6, 75],
    ['lanczos3-plain', 1, 0.5, 0],
    ['bilinear', 1, 1, 33],
    ['bilinear', 1.5, 1.4, -8],
    ['nearest', 1, 1, 61],
  ] as const)(
    '%s, stretch %d, scale %d, %d degrees: as the definition says, on noise with bad pixels',
    (interpolation, stretch, scale, degrees) => {
      const options = { ...OPTIONS, interpolation, stretch };
      const pixels = noise(32, 5);
      const stream = new PhiloxStream(philoxKey(6));
      const weights = Float32Array.from(pixels, () => (stream.uniform() < 0.04 ? 0 : 0.5 + stream.uniform()));
      const mapping = rotated(scale, degrees, 13.37, 17.1);
      const { image, invvar, mask } = run(options, mapping, pixels, weights);
      let data = 0;
      for (let y = 0; y < 16; y++) {
        for (let x = 0; x < 16; x++) {
          const at = y * 16 + x;
          const wanted = bruteForce(options, mapping(x, y), pixels, weights);
          if (Math.abs(wanted.missing - 0.5) > 0.01) expect((mask[at] & NO_DATA) === 0).toBe(wanted.missing < 0.5);
          if (mask[at] & NO_DATA) {
            expect([image[at], invvar[at], mask[at]]).toEqual([0, 0, NO_DATA]);
            continue;
          }
          data++;
          // Positions are rounded to 9e-5 px in all; this noise has slopes of up to 3 per px.
          expect(Math.abs(image[at] - wanted.value)).toBeLessThan(4e-4);
          expect(Math.abs(invvar[at] / wanted.invvar - 1)).toBeLessThan(2e-3);
        }
      }
      expect(data).toBeGreaterThan(200);
    },
  );

  it('leaves a tile that lies on the pixels as it is, to the edge and beside bad pixels', () => {
    const options = { ...OPTIONS, window: 16 };
    const pixels = noise(16, 7);
    const weights = new Float32Array(256).fill(4);
    weights[5 * 16 + 5] = 0;
    const { image, invvar, mask } = run(options, (x, y) => [x, y], pixels, weights);
    for (let at = 0; at < 256; at++) {
      const isBad = at === 5 * 16 + 5;
      expect([image[at], invvar[at], mask[at]]).toEqual(isBad ? [0, 0, NO_DATA] : [pixels[at], 4, 0]);
    }
  });

  it('keeps a constant next to bad pixels, marks what they touch, and lets no more than the threshold be missing', () => {
    const pixels = new Float32Array(32 * 32).fill(3);
    const weights = new Float32Array(32 * 32).fill(1);
    for (let y = 0; y < 32; y++) weights[y * 32 + 14] = 0;
    pixels[14] = 1e30;
    const { image, invvar, mask } = run(OPTIONS, (x, y) => [x + 6.25, y + 8], pixels, weights);
    for (let y = 0; y < 16; y++) {
      for (let x = 0; x < 16; x++) {
        const at = y * 16 + x;
        const distance = Math.abs(x + 6.25 - 14);
        // Of 1.24 the column has 1.11 at 0.25 px and 0.34 at 0.75 px.
        const bits = distance < 0.5 ? NO_DATA : distance < 3 ? PARTIAL : 0;
        expect(mask[at]).toBe(bits);
        if (bits !== NO_DATA) expect(image[at]).toBeCloseTo(3, 6);
        if (bits === 0) expect(invvar[at]).toBeGreaterThan(1);
      }
    }
  });

  it.each([0.9, 0.97])('counts what is missing under negative lobes as well: at most 1 - %d', (minGoodWeight) => {
    // A bright pixel that cannot be used, seen from 0 to 2 px: what stands for it there may not be its lobes.
    const pixels = new Float32Array(32 * 32);
    const weights = new Float32Array(32 * 32).fill(1);
    weights[16 * 32 + 12] = 0;
    const lobe = ({ image, mask }: Found) => image.map((value, at) => (mask[at] & NO_DATA ? 0 : value));
    const options = { ...OPTIONS, minGoodWeight };
    const whole = run(options, (x, y) => [12 + x / 8, 16 + y / 16], pixels.with(16 * 32 + 12, 1)).image;
    const { mask } = run(options, (x, y) => [12 + x / 8, 16 + y / 16], pixels, weights);
    const used = lobe({ image: whole, mask, invvar: whole });
    expect(used.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBeLessThan(1.02 - minGoodWeight);
    expect(Math.min(...whole)).toBeLessThan(-0.13);
    expect(mask.filter((bits) => bits === PARTIAL).length).toBeGreaterThan(minGoodWeight === 0.9 ? 60 : 10);
  });

  it('multiplies by the area of a pixel when flux is kept, also where the map is mirrored', () => {
    const pixels = new Float32Array(32 * 32).fill(2);
    for (const mapping of [rotated(0.7, 25, 15, 15), ((x, y) => [22 - 0.7 * x, 5 + 0.7 * y]) satisfies Mapping]) {
      const flux = run({ ...OPTIONS, conserve: 'flux' }, mapping, pixels);
      const brightness = run(OPTIONS, mapping, pixels);
      for (let at = 0; at < 256; at++) {
        expect(flux.image[at]).toBeCloseTo(2 * 0.49, 4);
        expect(flux.invvar[at] / brightness.invvar[at]).toBeCloseTo(1 / 0.49 ** 2, 3);
      }
    }
  });

  it('has no data in the cells about a control point without a position', () => {
    const options = { ...OPTIONS, step: 4 };
    const control = controlOf(options, (x, y) => [x + 8, y + 8]);
    control[2 * (1 * 5 + 2)] = NO_POSITION;
    const { mask } = run(options, control, noise(32, 9));
    for (let y = 0; y < 16; y++) {
      for (let x = 0; x < 16; x++) expect(mask[y * 16 + x]).toBe(y < 8 && x >= 4 && x < 12 ? NO_DATA : 0);
    }
  });

  it('gives the taps of Lanczos-3 at 0.3 px as tabulated', () => {
    // k = -3..3 of L3(k + 0.3): 0.0104646, -0.0835552, 0.3371178, 0.8476307, -0.1428843, 0.0312264, 0, mirrored here.
    const taps = weightTable(OPTIONS).subarray(Math.round(0.3 * 8192) * 6);
    const wanted = [0.0312264, -0.1428843, 0.8476307, 0.3371178, -0.0835552, 0.0104646];
    wanted.forEach((weight, tap) => {
      expect(Math.abs(taps[tap] - weight)).toBeLessThan(1e-4);
    });
    expect(tapsOf({ interpolation: 'lanczos3', stretch: 1.2 })).toBe(8);
    expect(tapsOf({ interpolation: 'nearest', stretch: 1 })).toBe(1);
  });

  it('tells how much larger the noise of sums is than invvar says', () => {
    // 32 tiles of unit noise shifted by random fractions: the scatter of sums over 12 x 12 px against what invvar adds up to.
    for (const interpolation of ['lanczos3', 'bilinear'] as const) {
      const options = { ...OPTIONS, interpolation };
      const stream = new PhiloxStream(philoxKey(11));
      let [scatter, predicted] = [0, 0];
      for (let trial = 0; trial < 400; trial++) {
        const pixels = noise(32, 1000 + trial).map((value) => value * Math.sqrt(12));
        const shift = [8 + stream.uniform(), 8 + stream.uniform()] as const;
        const { image, invvar } = run(options, (x, y) => [x + shift[0], y + shift[1]], pixels);
        scatter += image.reduce((sum, value) => sum + value, 0) ** 2;
        predicted += invvar.reduce((sum, weight) => sum + 1 / weight, 0);
      }
      const measured = Math.sqrt(scatter / predicted);
      expect(measured / noiseUnderestimate(options, 1)).toBeGreaterThan(0.9);
      expect(measured / noiseUnderestimate(options, 1)).toBeLessThan(1.1);
    }
    expect(noiseUnderestimate({ interpolation: 'nearest', stretch: 1 }, 1)).toBeCloseTo(1, 6);
    expect(noiseUnderestimate({ interpolation: 'bilinear', stretch: 1 }, 1)).toBeCloseTo(1.5, 3);
  });
});

agreementSuite('resample-lanczos', { count: 60, seed: 3, bitItems: 8 });

describe('spec', () => {
  it('has samples of every output: data, bad neighbours and nothing', () => {
    for (const { options, inputs, count } of spec.sample(20, 1)) {
      const area = options.tile ** 2;
      const found = {
        image: new Float32Array(count * area),
        invvar: new Float32Array(count * area),
        mask: new Uint32Array(count * area),
      };
      cpu(options, inputs, found, count);
      const counts = [0, NO_DATA, PARTIAL].map((bits) => found.mask.filter((value) => value === bits).length / found.mask.length);
      expect(counts[0]).toBeGreaterThan(0.3);
      expect(counts[1]).toBeGreaterThan(0.003);
      if (options.interpolation !== 'nearest') expect(counts[2]).toBeGreaterThan(0.01);
    }
  });
});
