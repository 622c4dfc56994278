import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERNELS } from '../../kernels/index.ts';
import { cpu, noiseWords } from '../../kernels/inject-stamp/cpu.ts';
import { normalOfWord, poissonOfWord } from '../../kernels/inject-stamp/poisson.ts';
import type { InjectStampOptions } from '../../kernels/inject-stamp/spec.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { erfc, gammaP, gammaQ, logGamma } from '../../src/core/special.ts';
import { chainOf, wiresOf } from '../../src/engine/compare.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { HostInput } from '../../src/engine/kernel.ts';
import { nodeEnvironment } from '../../src/index.ts';
import { agreementSuite } from '../support/agreement.ts';
import { openTestGpu } from '../support/gpu.ts';

agreementSuite('inject-stamp', { count: 120, seed: 5, bitItems: 8 });

const NO_CORE = { x: new Float64Array(1), y: new Float64Array(1), radius: new Float64Array(1) };
const KEY = new Uint32Array([0x01234567, 0x89abcdef]);

function inject(options: InjectStampOptions, changes: Record<string, HostInput>): number[] {
  const { bands, size } = options;
  const arc = new Float64Array(bands * size * size).fill(Number.NaN);
  const zeros = new Float64Array(bands);
  const weights = new Float64Array(arc.length).fill(1);
  cpu(options, { weights, core: NO_CORE, gain: zeros, gain_per_invvar: zeros, key: KEY, ...changes }, { arc }, 1);
  return [...arc];
}

describe('inject-stamp twin', () => {
  it('injects nothing where there is no coverage: weight 0, negative, or too small for float32', () => {
    const convolved = new Float64Array([1, 2, 3, -4]);
    const weights = new Float64Array([0, -1, 1e-31, 1e-29]);
    expect(inject({ bands: 1, size: 2, noise: false }, { convolved, weights })).toEqual([0, 0, 0, -4]);
  });

  it('leaves out the pixels whose centre is nearer than the core radius, in every band', () => {
    const convolved = new Float64Array(18).fill(5);
    const core = { x: new Float64Array([1]), y: new Float64Array([0]), radius: new Float64Array([1]) };
    const band = [5, 0, 5, 5, 5, 5, 5, 5, 5];
    expect(inject({ bands: 2, size: 3, noise: false }, { convolved, core })).toEqual([...band, ...band]);
    core.radius[0] = 1.01;
    const wider = [0, 0, 0, 5, 0, 5, 5, 5, 5];
    expect(inject({ bands: 2, size: 3, noise: false }, { convolved, core })).toEqual([...wider, ...wider]);
  });

  it('draws whole electrons of gain + gain_per_invvar * weight with the words of its key and band', () => {
    const options = { bands: 2, size: 8, noise: true };
    const convolved = Float64Array.from({ length: 128 }, (_, at) => 0.05 * at);
    const weights = Float64Array.from(convolved, (_, at) => 1 + (at % 5));
    const gain = new Float64Array([10, 0]);
    const perInvvar = new Float64Array([2, 3]);
    const found = inject(options, { convolved, weights, gain, gain_per_invvar: perInvvar });
    for (let band = 0; band < 2; band++) {
      const words = noiseWords(KEY[0], KEY[1], band);
      for (let pixel = 0; pixel < 64; pixel++) {
        const at = band * 64 + pixel;
        const electronsPerFlux = gain[band] + perInvvar[band] * weights[at];
        expect(found[at]).toBe(poissonOfWord(convolved[at] * electronsPerFlux, words.word()) / electronsPerFlux);
      }
    }
    const other = { convolved, weights, gain, gain_per_invvar: perInvvar, key: new Uint32Array([KEY[0], KEY[1] ^ 1]) };
    expect(inject(options, other)).not.toEqual(found);
  });

  it('keeps fluxes as they are without a gain, at zero, below zero and beyond counting', () => {
    const convolved = new Float64Array([3.25, 0, -0.5, 1e20]);
    const options = { bands: 1, size: 2, noise: true };
    expect(inject(options, { convolved })).toEqual([...convolved]);
    expect(inject(options, { convolved, gain: new Float64Array([100]) }).slice(1)).toEqual([0, -0.5, 1e20]);
  });
});

describe('a count from a word', () => {
  const words = (count: number): number[] => {
    const stream = new PhiloxStream(philoxKey(17));
    return [...Array.from({ length: count }, () => stream.word()), 0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
  };
  const exceedance = (word: number): number => (word + 0.5) / 2 ** 32;

  it('normal: exceeded with the probability of its word to 6e-6 of it, from 6.3 sigma to -6.3', () => {
    for (const word of words(2000)) {
      const tail = Math.min(exceedance(word), 1 - exceedance(word));
      const found = 0.5 * erfc(Math.abs(normalOfWord(word)) / Math.SQRT2);
      expect(Math.abs(found / tail - 1)).toBeLessThan(6e-6);
    }
    expect(normalOfWord(0)).toBeCloseTo(6.3379, 3);
    expect(normalOfWord(0xffffffff)).toBe(-normalOfWord(0));
  });

  it('is the exact quantile of the distribution below 12', () => {
    for (const lambda of [1e-6, 0.003, 0.25, 1, 4.4, 11.9]) {
      for (const word of words(2000)) {
        const v = exceedance(word);
        // The search does not go on into terms below 2^-25.
        if (v < 1e-6) continue;
        let count = 0;
        while (gammaP(count + 1, lambda) > v) count++;
        expect(poissonOfWord(lambda, word)).toBe(count);
      }
    }
  });

  it('draws rare electrons of faint pixels as often as they come', () => {
    // One electron or more with probability 1 - e^-lambda: the step lies at this word.
    for (const lambda of [1e-8, 1e-5, 1e-3]) {
      const step = Math.round(-Math.expm1(-lambda) * 2 ** 32 - 0.5);
      expect(poissonOfWord(lambda, step + 1)).toBe(0);
      expect(poissonOfWord(lambda, step - 1)).toBe(1);
    }
  });

  it('has the cumulative distribution to 4e-4 at 12, 1e-5 at 100 and 1e-7 at 1e4', () => {
    for (const [lambda, error] of [
      [12, 4e-4],
      [12.1, 4e-4],
      [100, 1e-5],
      [1e4, 1e-7],
    ]) {
      for (const sigmas of [-4, -2, -0.7, 0, 0.5, 1, 3, 5]) {
        const count = Math.max(0, Math.round(lambda + sigmas * Math.sqrt(lambda)));
        // The first word whose count is `count` or less, by halving: counts fall as words rise.
        let low = 0;
        let high = 2 ** 32 - 1;
        while (low < high) {
          const middle = Math.floor((low + high) / 2);
          if (poissonOfWord(lambda, middle) <= count) high = middle;
          else low = middle + 1;
        }
        expect(Math.abs(low / 2 ** 32 - gammaP(count + 1, lambda))).toBeLessThan(error);
      }
    }
  });
});

/** Probability of a chi-square as large as that of `counts` against the Poisson distribution; bins hold 20 expected counts or more. */
function chiSquareProbability(counts: readonly number[], lambda: number): number {
  const seen = new Map<number, number>();
  for (const count of counts) seen.set(count, (seen.get(count) ?? 0) + 1);
  const reach = 7 * Math.sqrt(lambda) + 10;
  let chiSquare = 0;
  let bins = 0;
  let expected = 0;
  let observed = 0;
  const close = (): void => {
    chiSquare += (observed - expected) ** 2 / expected;
    bins++;
    expected = 0;
    observed = 0;
  };
  for (let k = Math.max(0, Math.floor(lambda - reach)); k <= lambda + reach; k++) {
    expected += counts.length * Math.exp(k * Math.log(lambda) - lambda - logGamma(k + 1));
    observed += seen.get(k) ?? 0;
    if (expected >= 20) close();
  }
  if (expected > 5) close();
  return gammaQ((bins - 1) / 2, chiSquare / 2);
}

describe('noise of both backends', () => {
  const SIZE = 128;
  const ITEMS = 8;
  const ELECTRONS = [0.003, 0.3, 3, 11.9, 12.1, 40, 1e4];
  const engines: Record<string, Engine> = {};
  beforeAll(async () => {
    engines['cpu'] = await openEngine({ backend: 'cpu', workers: 0 }, nodeEnvironment);
    engines['gpu'] = await openEngine({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
  });
  afterAll(async () => {
    for (const engine of Object.values(engines)) await engine.close();
  });

  it.each(['cpu', 'gpu'])(
    '%s: mean, variance and distribution are Poisson, pixels and bands are independent',
    async (backend) => {
      const bands = ELECTRONS.length;
      const pixels = SIZE * SIZE;
      const gain = 250;
      const keys = new PhiloxStream(philoxKey(99));
      const fill = (length: number, value: number): Float64Array => new Float64Array(length).fill(value);
      const { outputs } = await engines[backend].run(
        chainOf(KERNELS['inject-stamp'], { bands, size: SIZE, noise: true } satisfies InjectStampOptions),
        wiresOf({
          convolved: Float64Array.from(
            { length: ITEMS * bands * pixels },
            (_, at) => ELECTRONS[Math.floor(at / pixels) % bands] / gain,
          ),
          weights: fill(ITEMS * bands * pixels, 10),
          core: { x: fill(ITEMS, 0), y: fill(ITEMS, 0), radius: fill(ITEMS, 0) },
          gain: fill(ITEMS * bands, gain),
          gain_per_invvar: fill(ITEMS * bands, 0),
          key: Uint32Array.from({ length: 2 * ITEMS }, () => keys.word()),
        }),
        ITEMS,
      );
      const arc = outputs['arc'];
      ELECTRONS.forEach((lambda, band) => {
        const counts: number[] = [];
        for (let item = 0; item < ITEMS; item++)
          for (let pixel = 0; pixel < pixels; pixel++) counts.push(gain * arc[(item * bands + band) * pixels + pixel]);
        for (let i = 0; i < counts.length; i++) {
          const whole = Math.round(counts[i]);
          if (!(Math.abs(counts[i] - whole) <= 1e-6 * whole)) expect(counts[i]).toBe(whole);
          counts[i] = whole;
        }
        const n = counts.length;
        const mean = counts.reduce((sum, count) => sum + count, 0) / n;
        const variance = counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / (n - 1);
        const lagged = counts.reduce((sum, count, i) => (i === 0 ? 0 : sum + (count - mean) * (counts[i - 1] - mean)), 0) / n;
        expect(Math.abs(mean - lambda) / Math.sqrt(lambda / n), `mean at ${lambda}`).toBeLessThan(3.5);
        expect(Math.abs(variance - lambda) / Math.sqrt((lambda + 2 * lambda ** 2) / n), `variance at ${lambda}`).toBeLessThan(
          3.5,
        );
        expect((Math.abs(lagged) / lambda) * Math.sqrt(n), `neighbours at ${lambda}`).toBeLessThan(3.5);
        expect(chiSquareProbability(counts, lambda), `distribution at ${lambda}`).toBeGreaterThan(1e-3);
      });
      // Bands of 11.9 and 12.1 electrons have other words.
      let product = 0;
      for (let pixel = 0; pixel < pixels; pixel++) {
        product += (gain * arc[3 * pixels + pixel] - 11.9) * (gain * arc[4 * pixels + pixel] - 12.1);
      }
      expect(Math.abs(product) / 12 / Math.sqrt(pixels)).toBeLessThan(3.5);
    },
  );

  it('counts of both backends part in fewer than one pixel of 1e4, and by one electron', async () => {
    const pixels = SIZE * SIZE;
    const stream = new PhiloxStream(philoxKey(4));
    const inputs = wiresOf({
      convolved: Float64Array.from({ length: 4 * pixels }, () => 10 ** stream.between(-4, 2)),
      weights: new Float64Array(4 * pixels).fill(1),
      core: { x: new Float64Array(4), y: new Float64Array(4), radius: new Float64Array(4) },
      gain: new Float64Array(4).fill(1),
      gain_per_invvar: new Float64Array(4),
      key: new Uint32Array([1, 2, 3, 4, 5, 6, 7, 8]),
    });
    const chain = chainOf(KERNELS['inject-stamp'], { bands: 1, size: SIZE, noise: true } satisfies InjectStampOptions);
    const [twin, gpu] = await Promise.all(['cpu', 'gpu'].map((backend) => engines[backend].run(chain, inputs, 4)));
    const steps = [...twin.outputs['arc']].map((count, at) => Math.abs(count - gpu.outputs['arc'][at]));
    expect(Math.max(...steps)).toBeLessThanOrEqual(1);
    expect(steps.filter((step) => step > 0).length).toBeLessThan((4 * pixels) / 1e4);
  });
});
