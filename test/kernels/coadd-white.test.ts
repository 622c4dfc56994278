import { describe, expect, it } from 'vitest';
import { cpu } from '../../kernels/coadd-white/cpu.ts';
import { type CoaddWhiteOptions, maskWords, spec } from '../../kernels/coadd-white/spec.ts';
import { KERNELS } from '../../kernels/index.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { chainOf, wiresOf } from '../../src/engine/compare.ts';
import { openEngine } from '../../src/engine/engine.ts';
import { nodeEnvironment } from '../../src/index.ts';
import { agreementSuite } from '../support/agreement.ts';
import { openTestGpu } from '../support/gpu.ts';
import { readNpz } from '../support/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

const CLIP = { clipSigma: 4, clipFraction: 0, clipIterations: 10 };
const MEAN = { combine: 'mean', weighting: 'band', ...CLIP } as const;

interface Stack {
  white: Float64Array;
  invvar: Float64Array;
  count: Uint32Array;
}

function stack(
  options: CoaddWhiteOptions,
  image: ArrayLike<number>,
  weights: ArrayLike<number>,
  mask?: Uint32Array,
  items = 1,
): Stack {
  const length = items * options.pixels;
  const found = {
    white: new Float64Array(length).fill(Number.NaN),
    invvar: new Float64Array(length).fill(Number.NaN),
    count: new Uint32Array(length).fill(99),
  };
  const bad = mask ?? new Uint32Array(items * maskWords(options.bands) * options.pixels);
  cpu(options, { image: Float32Array.from(image), weights: Float32Array.from(weights), mask: bad }, found, items);
  return found;
}

/** One pixel, as four equal ones. */
function pixel(options: Omit<CoaddWhiteOptions, 'bands' | 'pixels' | 'weighting'>, values: number[], weights: number[]) {
  const image = values.flatMap((value) => [value, value, value, value]);
  const found = stack({ bands: values.length, pixels: 4, weighting: 'band', ...options }, image, weights);
  return { white: found.white[0], invvar: found.invvar[0], count: found.count[0] };
}

describe('coadd-white twin: means', () => {
  it('gives a stack worked out by hand', () => {
    const image = [1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40];
    // Band 0 is bad in pixel 1, band 2 in pixel 2, all three in pixel 3.
    const mask = new Uint32Array([0, 0b001, 0b100, 0b111]);
    const found = stack({ bands: 3, pixels: 4, ...MEAN }, image, [4, 1, 0.5], mask);
    expect([...found.white]).toEqual([(4 + 5 + 5) / 5.5, (6 + 10) / 1.5, (12 + 7) / 5, 0]);
    expect([...found.invvar]).toEqual([5.5, 1.5, 5, 0]);
    expect([...found.count]).toEqual([3, 2, 2, 0]);
  });

  it('takes a band without weight for bad, in every pixel or in one', () => {
    const image = [1, 2, 3, 4, 5, 6, 7, 8];
    const byBand = stack({ bands: 2, pixels: 4, ...MEAN }, image, [0, 2]);
    expect([...byBand.white]).toEqual([5, 6, 7, 8]);
    expect([...byBand.count]).toEqual([1, 1, 1, 1]);
    const weights = [0, 1, 1, 1, 2, 0, 2, 2];
    const byPixel = stack({ bands: 2, pixels: 4, ...MEAN, weighting: 'pixel' }, image, weights);
    expect([...byPixel.white]).toEqual([5, 2, 17 / 3, 20 / 3]);
    expect([...byPixel.invvar]).toEqual([2, 1, 3, 3]);
    expect([...byPixel.count]).toEqual([1, 1, 2, 2]);
  });

  it('is the sum over good bands for any number of bands and any share of bad pixels, whichever way it is summed', () => {
    for (const bands of [1, 3, 4, 31, 32, 33, 66]) {
      const stream = new PhiloxStream(philoxKey(3), [bands, 0, 0]);
      const pixels = 64;
      const image = Float32Array.from({ length: bands * pixels }, () => stream.between(-5, 50));
      const weights = Float32Array.from({ length: bands }, () => stream.between(0.1, 2));
      for (const share of [0, 0.002, 0.5, 1]) {
        const mask = new Uint32Array(maskWords(bands) * pixels);
        for (let at = 0; at < image.length; at++) {
          const band = Math.floor(at / pixels);
          if (stream.uniform() < share) mask[(band >> 5) * pixels + (at % pixels)] |= 1 << (band & 31);
        }
        const byBand = stack({ bands, pixels, ...MEAN }, image, weights, mask);
        const everywhere = Float32Array.from({ length: image.length }, (_, at) => weights[Math.floor(at / pixels)]);
        const byPixel = stack({ bands, pixels, ...MEAN, weighting: 'pixel' }, image, everywhere, mask);
        for (let at = 0; at < pixels; at++) {
          let sum = 0;
          let weight = 0;
          let good = 0;
          for (let band = 0; band < bands; band++) {
            if ((mask[(band >> 5) * pixels + at] >>> (band & 31)) & 1) continue;
            sum += weights[band] * image[band * pixels + at];
            weight += weights[band];
            good++;
          }
          expect(byBand.count[at]).toBe(good);
          expect(byBand.invvar[at]).toBeCloseTo(weight, 10);
          expect(byBand.white[at]).toBeCloseTo(good === 0 ? 0 : sum / weight, 10);
        }
        expect(byPixel).toEqual(byBand);
      }
    }
  });

  it.skipIf(!hasShared)('has the masks and, to 1e-6, the values of the reference stack', () => {
    const { raw, zp_auto, skysig, saturate, bad, white, sigma_white } = readNpz(shared('vectors/coadd/white.npz'));
    const [bands, height, width] = raw.shape;
    const pixels = height * width;
    const scale = (band: number) => 10 ** (-0.4 * (zp_auto.data[band] - 25));
    const image = new Float32Array(bands * pixels);
    const mask = new Uint32Array(pixels);
    for (let at = 0; at < image.length; at++) {
      const band = Math.floor(at / pixels);
      const isBad = !Number.isFinite(raw.data[at]) || raw.data[at] >= saturate.data[band] / 2;
      expect(+isBad).toBe(bad.data[at]);
      if (isBad) mask[at % pixels] |= 1 << band;
      else image[at] = raw.data[at] * scale(band);
    }
    const weights = Array.from(skysig.data, (sigma, band) => (sigma * scale(band)) ** -2);
    const found = stack({ bands, pixels, ...MEAN }, image, weights, mask);
    let empty = 0;
    for (let at = 0; at < pixels; at++) {
      expect(found.count[at] === 0).toBe(Number.isNaN(white.data[at]));
      if (found.count[at] === 0) {
        empty++;
        expect(found.invvar[at]).toBe(0);
        expect(sigma_white.data[at]).toBe(Number.POSITIVE_INFINITY);
        continue;
      }
      const sigma = sigma_white.data[at];
      expect(Math.abs(found.white[at] - white.data[at])).toBeLessThan(1e-6 * Math.max(Math.abs(white.data[at]), sigma));
      expect(Math.abs(1 / Math.sqrt(found.invvar[at]) - sigma)).toBeLessThan(1e-6 * sigma);
    }
    expect(empty).toBe(1);
  });

  it('names the option that is out of range', () => {
    for (const [name, options] of Object.entries({
      bands: { ...MEAN, bands: 257, pixels: 4 },
      pixels: { ...MEAN, bands: 2, pixels: 6 },
      clipSigma: { ...MEAN, bands: 2, pixels: 4, combine: 'clipped', clipSigma: 0 },
    } as Record<string, CoaddWhiteOptions>)) {
      expect(() => spec.inputs.image.shape(options)).toThrow(expect.objectContaining({ code: 'KERNEL_CONTRACT', subject: name }));
    }
  });
});

describe('coadd-white twin: median', () => {
  const median = (values: number[], weights: number[]) => pixel({ combine: 'median', ...CLIP }, values, weights);

  it('is the plain median for equal weights, and the plain mean of two', () => {
    expect(median([9, 1, 5], [1, 1, 1]).white).toBe(5);
    expect(median([9, 1, 5, 6], [2, 2, 2, 2]).white).toBe(5.5);
    expect(median([3, 3, 3, 100], [1, 1, 1, 1]).white).toBe(3);
    expect(median([10, 20], [3, 1])).toMatchObject({ white: 12.5, count: 2 });
    expect(median([7], [0.25])).toEqual({ white: 7, invvar: 0.25, count: 1 });
  });

  it('does not follow an outlier, and follows a band that holds most of the weight', () => {
    expect(median([1, 2, 3, 1e6, 4], [1, 1, 1, 1, 1]).white).toBe(3);
    expect(median([1, 2, 3, 50], [1, 1, 1, 1e6]).white).toBeCloseTo(50, 3);
    expect(median([1, 2, 3, 50], [1, 1, 1, 1e6]).invvar).toBeCloseTo(1e6, -1);
  });

  it('moves little when weights move little', () => {
    const at = (weight: number) => median([1, 2, 3, 4], [1, 1, 1, weight]).white;
    expect(Math.abs(at(1 + 1e-6) - at(1 - 1e-6))).toBeLessThan(2e-6);
  });

  it.each([
    { bands: 3, spread: 0, low: -0.03, high: 0.03 },
    { bands: 5, spread: 0, low: -0.03, high: 0.03 },
    { bands: 4, spread: 0, low: -0.03, high: 0.2 },
    { bands: 25, spread: 0, low: -0.03, high: 0.05 },
    { bands: 25, spread: 2, low: -0.05, high: 0.1 },
  ])('states its variance: $bands bands, sigmas over a factor of $spread + 1', ({ bands, spread, low, high }) => {
    const stream = new PhiloxStream(philoxKey(17), [bands, spread, 0]);
    const sigmas = Array.from({ length: bands }, (_, band) => 1 + (spread * band) / (bands - 1));
    const pixels = 20_000;
    const image = Float32Array.from({ length: bands * pixels }, (_, at) => sigmas[Math.floor(at / pixels)] * stream.normal());
    const weights = sigmas.map((sigma) => sigma ** -2);
    const found = stack({ bands, pixels, combine: 'median', weighting: 'band', ...CLIP }, image, weights);
    const variance = found.white.reduce((sum, value) => sum + value * value, 0) / pixels;
    // Of 20 000 squares the mean is known to 1 %.
    const excess = 1 / found.invvar[0] / variance - 1;
    expect(excess).toBeGreaterThan(low);
    expect(excess).toBeLessThan(high);
  });
});

describe('coadd-white twin: clipped mean', () => {
  const clipped = (values: number[], weights: number[], clip: object = {}) =>
    pixel({ combine: 'clipped', ...CLIP, ...clip }, values, weights);

  it('drops what is off by more than the bound and keeps the weighted mean of the rest', () => {
    expect(clipped([1, 2, 3, 500], [1, 1, 2, 1])).toEqual({ white: 9 / 4, invvar: 4, count: 3 });
    // 3.9 and 4.1 sigma from the rest.
    expect(clipped([0, 0, 0, 0, 0, 0, 0, 0, 3.9], Array(9).fill(1)).count).toBe(9);
    expect(clipped([0, 0, 0, 0, 0, 0, 0, 0, 4.1], Array(9).fill(1)).count).toBe(8);
    // A noisy band may be further off.
    expect(clipped([0, 0, 0, 0, 8], [1, 1, 1, 1, 0.2]).count).toBe(5);
  });

  it('lets bands differ in colour by a fraction of the brightness', () => {
    const values = [1000, 1100, 900, 1200, 3000];
    expect(clipped(values, [1, 1, 1, 1, 1], { clipFraction: 0.3 })).toEqual({ white: 1050, invvar: 4, count: 4 });
    expect(clipped(values, [1, 1, 1, 1, 1]).count).toBe(1);
  });

  it('takes what a first centre wrongly left out back in, and stops after the rounds it is given', () => {
    // The median is 0, from where 4.5 is too far; the mean of the others is 1.5.
    const values = [0, 0, 0, 3, 4.5, 3, 3.5, -1, -1];
    expect(clipped(values, Array(9).fill(1), { clipIterations: 1 }).count).toBe(8);
    expect(clipped(values, Array(9).fill(1)).count).toBe(9);
  });

  it('does not judge between two values, and takes the lower of two camps', () => {
    expect(clipped([0, 100], [1, 3])).toEqual({ white: 75, invvar: 4, count: 2 });
    expect(clipped([0, 0, 100, 100], [1, 1, 1, 1])).toEqual({ white: 0, invvar: 2, count: 2 });
    expect(clipped([100, 0, 200], [1, 1, 1])).toEqual({ white: 100, invvar: 1, count: 1 });
  });
});

describe('coadd-white on the device', () => {
  it('is good to 1e-6 of sum(w |v|) / sum(w) also where 100 bands cancel', async () => {
    const options: CoaddWhiteOptions = { bands: 100, pixels: 512, ...MEAN };
    const stream = new PhiloxStream(philoxKey(29));
    const image = Float32Array.from({ length: 100 * 512 }, () => 20 * stream.normal());
    const weights = Float32Array.from({ length: 100 }, () => stream.between(0.01, 1));
    const twin = stack(options, image, weights);
    const engine = await openEngine({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
    const mask = new Uint32Array(4 * 512);
    const inputs = wiresOf({ image, weights, mask });
    const { outputs } = await engine.run(chainOf(KERNELS['coadd-white'], options), inputs, 1);
    await engine.close();
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (let at = 0; at < 512; at++) {
      let size = 0;
      for (let band = 0; band < 100; band++) size += (weights[band] * Math.abs(image[band * 512 + at])) / total;
      expect(Math.abs(outputs['white'][at] - twin.white[at])).toBeLessThan(1e-6 * size);
    }
  });
});

describe('coadd-white in the engine', () => {
  it('takes pixels as float32 or float64, and none that is not finite, at any place', async () => {
    const engine = await openEngine({ backend: 'cpu', workers: 0 }, nodeEnvironment);
    const options: CoaddWhiteOptions = { bands: 1, pixels: 8, ...MEAN };
    const run = (image: Float32Array | Float64Array) => {
      const inputs = wiresOf({ image, weights: new Float32Array([1]), mask: new Uint32Array(8) });
      return engine.run(chainOf(KERNELS['coadd-white'], options), inputs, 1);
    };
    const values = [1, 2, 3, 4, 5, 6, 7, 0.1];
    const expected = Float64Array.from(values, Math.fround);
    for (const Kind of [Float32Array, Float64Array]) expect((await run(Kind.from(values))).outputs['white']).toEqual(expected);
    for (const [at, value] of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].entries()) {
      const image = Float32Array.from(values);
      image[2 * at + 1] = value;
      const data = expect.objectContaining({ item: 0, element: 2 * at + 1 });
      await expect(run(image)).rejects.toEqual(expect.objectContaining({ code: 'INPUT_INVALID', data }));
    }
    await engine.close();
  });
});

agreementSuite('coadd-white', { count: 210, seed: 11 });
