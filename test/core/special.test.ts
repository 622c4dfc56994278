import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../src/core/errors.ts';
import { erf, erfc, gamma, gammaP, gammaPInverse, gammaQ, logGamma } from '../../src/core/special.ts';

describe('gamma functions', () => {
  it('logGamma agrees with factorials and half-integers to 1e-14', () => {
    let factorial = 1;
    for (let n = 2; n <= 20; n++) {
      factorial *= n;
      expect(Math.abs(gamma(n + 1) / factorial - 1)).toBeLessThan(2e-14);
    }
    expect(logGamma(0.5)).toBeCloseTo(0.5 * Math.log(Math.PI), 14);
    expect(logGamma(0.6)).toBeCloseTo(0.398233858069235, 13);
  });

  it('P(1, x) and P(2, x) are their closed forms, and Q keeps its digits in the tail', () => {
    for (const x of [1e-6, 0.3, 1.9, 2.5, 7, 30]) {
      expect(gammaP(1, x)).toBeCloseTo(-Math.expm1(-x), 14);
      expect(Math.abs(gammaQ(1, x) / Math.exp(-x) - 1)).toBeLessThan(1e-13);
      expect(Math.abs(gammaQ(2, x) / ((1 + x) * Math.exp(-x)) - 1)).toBeLessThan(1e-13);
    }
    expect(gammaP(3, 0)).toBe(0);
    expect(gammaQ(3, Number.POSITIVE_INFINITY)).toBe(0);
  });

  it('the inverse of P returns to p for shapes and tails that a Sersic profile meets', () => {
    for (const a of [0.6, 1, 2, 8, 16]) {
      for (const p of [1e-6, 0.01, 0.5, 0.9, 0.9999]) {
        expect(Math.abs(gammaP(a, gammaPInverse(a, p)) - p)).toBeLessThan(3e-15 + 1e-14 * p);
      }
    }
    expect(gammaPInverse(2, 0)).toBe(0);
  });

  it('refuses arguments without a value', () => {
    for (const call of [() => logGamma(0), () => gammaP(-1, 1), () => gammaPInverse(1, 1)]) {
      let thrown: unknown;
      try {
        call();
      } catch (error) {
        thrown = error;
      }
      expect(isArcletError(thrown, 'INPUT_INVALID')).toBe(true);
    }
  });
});

describe('error function', () => {
  it('agrees with table values (DLMF 7), also far in the tail', () => {
    expect(erf(0.5)).toBeCloseTo(0.5204998778130465, 15);
    expect(erf(-1)).toBeCloseTo(-0.8427007929497149, 15);
    expect(Math.abs(erfc(3) / 2.209049699858544e-5 - 1)).toBeLessThan(1e-13);
    expect(Math.abs(erfc(6) / 2.1519736712498913e-17 - 1)).toBeLessThan(1e-13);
    expect(erfc(-6)).toBeCloseTo(2, 15);
  });
});
