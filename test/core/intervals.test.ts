import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../src/core/errors.ts';
import { binomialInterval, effectiveCount, jackknifeRatio, jeffreysInterval, wilsonInterval } from '../../src/core/intervals.ts';
import { betaI, betaIInverse } from '../../src/core/special.ts';

/** z, k, n, then astropy 7 binom_conf_interval: Wilson low and high (scipy's binomtest gives the same), Jeffreys low and high. */
const ASTROPY = [
  [1, 0, 1, 0, 0.5, 0, 0.5375604393316111],
  [1, 1, 1, 0.5, 1, 0.4624395606683889, 1],
  [1, 1, 2, 0.21132486540518713, 0.7886751345948129, 0.21575324855503275, 0.7842467514449672],
  [1, 3, 10, 0.17882082075676461, 0.4575428156068717, 0.179932259941652, 0.45775062705439984],
  [1, 47, 59, 0.73946693796926, 0.8438663953640733, 0.7395078821895764, 0.8437546742920228],
  [1, 123456, 1000000, 0.12312741659220902, 0.1237853364950379, 0.12312741666422371, 0.12378533642338291],
  [1.96, 0, 1, 0, 0.7934567085261071, 0, 0.8532616563604749],
  [1.96, 0, 10, 0, 0.27754016876661664, 0, 0.21720182797543988],
  [1.96, 3, 10, 0.10778928748621175, 0.6032267800204348, 0.09269199889304298, 0.6058236798059577],
  [1.96, 10, 10, 0.7224598312333834, 1, 0.7827981720245603, 1],
  [1.96, 1, 1000, 0.00017654182905727173, 0.00564270296016047, 0.00010791247784510595, 0.004664550851394884],
  [1.96, 9999999, 10000000, 0.9999994334922261, 0.9999999823479983, 0.9999995325706722, 0.9999999892108683],
];

const close = (found: number, wanted: number, relative: number) =>
  expect([found, Math.abs(found - wanted) <= relative * Math.abs(wanted)]).toEqual([found, true]);

describe('incomplete beta', () => {
  it('and its inverse are those of scipy to 2e-12', () => {
    const values = [
      [0.5, 0.5, 0.2, 0.2951672353008665],
      [3.5, 7.5, 0.1, 0.03135885929989819],
      [0.5, 10.5, 0.0001, 0.03611968646882611],
      [60.5, 3.5, 0.97, 0.8068509708152166],
      [2, 3, 0.5, 0.6875],
      [500.5, 500.5, 0.48, 0.10280418293997855],
      [0.7, 900, 1e-5, 0.04054354878274801],
    ];
    for (const [a, b, x, wanted] of values) close(betaI(a, b, x), wanted, 2e-12);
    const quantiles = [
      [0.5, 0.5, 1e-6, 2.46740110027031e-12],
      [0.5, 1000.5, 0.001, 7.852022492291428e-10],
      [3.5, 7.5, 0.025, 0.09269459393815316],
      [300.5, 2.5, 0.5, 0.99280364983187],
      [2.5, 2.5, 1 - 1e-6, 0.9979752211690708],
      [1234.5, 8766.5, 0.16, 0.12016667066488716],
    ];
    for (const [a, b, p, wanted] of quantiles) close(betaIInverse(a, b, p), wanted, 1e-12);
    expect([betaI(2, 3, 0), betaI(2, 3, 1), betaIInverse(2, 3, 0), betaIInverse(2, 3, 1)]).toEqual([0, 1, 0, 1]);
  });

  it('refuses what has no value', () => {
    for (const call of [() => betaI(0, 1, 0.5), () => betaI(1, 1, 1.5), () => betaIInverse(1, 1, -0.1)])
      expect(call).toThrowError(/is not defined/);
  });
});

describe('intervals of a fraction', () => {
  it('Wilson and Jeffreys are those of astropy to 1e-10', () => {
    for (const [z, k, n, ...wanted] of ASTROPY) {
      const found = [...wilsonInterval(k, n, z), ...jeffreysInterval(k, n, z)];
      const worst = Math.max(...found.map((value, index) => Math.abs(value - wanted[index])));
      expect([k, n, worst < 1e-10]).toEqual([k, n, true]);
      expect(binomialInterval('wilson', k, n, z)).toEqual(found.slice(0, 2));
      expect(binomialInterval('jeffreys', k, n, z)).toEqual(found.slice(2));
    }
  });

  it('hold the fraction, are mirrored with it, and take counts that are not whole', () => {
    for (const kind of ['wilson', 'jeffreys'] as const) {
      for (const [k, n] of [
        [0, 3],
        [1, 3],
        [2.5, 7.25],
        [40, 41],
      ]) {
        const [low, high] = binomialInterval(kind, k, n, 1.96);
        const [mirroredLow, mirroredHigh] = binomialInterval(kind, n - k, n, 1.96);
        expect(low <= k / n && k / n <= high).toBe(true);
        expect(low).toBeCloseTo(1 - mirroredHigh, 13);
        expect(high).toBeCloseTo(1 - mirroredLow, 13);
      }
    }
  });

  it('of nothing is everything, and impossible counts are refused', () => {
    expect([wilsonInterval(0, 0, 1.96), jeffreysInterval(0, 0, 1.96)]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    for (const [k, n, z] of [
      [3, 2, 1],
      [-1, 2, 1],
      [Number.NaN, 2, 1],
      [1, 2, 0],
    ]) {
      let thrown: unknown;
      try {
        jeffreysInterval(k, n, z);
      } catch (error) {
        thrown = error;
      }
      expect(isArcletError(thrown, 'INPUT_INVALID')).toBe(true);
    }
  });
});

describe('jackknife', () => {
  it('of equal blocks is the standard error of their mean', () => {
    const successes = [3, 5, 4, 8];
    const { ratio, error, blocks } = jackknifeRatio(successes, [10, 10, 10, 10]);
    // p = .3 .5 .4 .8: mean .5, sample variance .14 / 3, over 4 blocks.
    expect([ratio, blocks]).toEqual([0.5, 4]);
    expect(error).toBeCloseTo(Math.sqrt(0.14 / 3 / 4), 14);
  });

  it('of unequal blocks leaves one out at a time, and those without trials out altogether', () => {
    // Without the first, second, third: 4/6, 3/8, 3/4.
    const left = [4 / 6, 3 / 8, 3 / 4];
    const mean = (left[0] + left[1] + left[2]) / 3;
    const spread = left.reduce((sum, p) => sum + (p - mean) ** 2, 0);
    const found = jackknifeRatio([1, 0, 2, 2], [3, 0, 1, 5]);
    expect(found.blocks).toBe(3);
    expect(found.ratio).toBe(5 / 9);
    expect(found.error).toBeCloseTo(Math.sqrt((2 / 3) * spread), 14);
  });

  it('of one block knows no error, of none no ratio', () => {
    expect(jackknifeRatio([1], [4])).toEqual({ ratio: 0.25, error: Number.NaN, blocks: 1 });
    expect(jackknifeRatio([], [])).toEqual({ ratio: Number.NaN, error: Number.NaN, blocks: 0 });
  });
});

describe('effective count', () => {
  it('is the count for equal weights and less for others', () => {
    expect(effectiveCount(4 * 0.7, 4 * 0.49)).toBeCloseTo(4, 13);
    expect(effectiveCount(1 + 3, 1 + 9)).toBe(1.6);
    expect(effectiveCount(0, 0)).toBe(0);
  });
});
