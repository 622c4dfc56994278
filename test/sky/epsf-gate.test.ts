import { describe, expect, it } from 'vitest';
import { acceptEpsf, buildEpsf, type Epsf, epsfStamp, sampleEpsf, splineCoefficients } from '../../src/sky/epsf/index.ts';
import { exact, gaussian, integrated, moffat, simulateStars } from '../support/epsf-stars.ts';

const SIZE = 41;

const heldOut = (fwhm: number, snr = 500, count = 10) =>
  simulateStars(moffat(fwhm, 3.5), { count, size: SIZE, snr, seed: 8 }).stars;

describe('acceptEpsf', () => {
  const full = (model: (dx: number, dy: number) => number): Epsf => {
    const samples = integrated(model, 20, 20, SIZE);
    const sum = samples.reduce((all, value) => all + value, 0);
    const coefficients = splineCoefficients(
      samples.map((value) => value / sum),
      SIZE,
    );
    return { side: SIZE, oversampling: 1, coefficients, stampSize: SIZE, fluxOutside: 0 };
  };
  /** Flux of a star of profile `truth` fitted with the PSF, equal weights, over its flux, less 1. */
  const matchedBias = (epsf: Epsf, truth: Epsf) => {
    const [model, star] = [sampleEpsf(epsf, 20, 20, SIZE), sampleEpsf(truth, 20, 20, SIZE)];
    let cross = 0;
    let square = 0;
    model.forEach((value, k) => {
      cross += value * star[k];
      square += value * value;
    });
    return cross / square - 1;
  };
  const cut = (epsf: Epsf, radius: number): Epsf => {
    const half = (epsf.side - 1) / 2;
    const inside = epsf.coefficients.map((value, k) =>
      Math.hypot((k % epsf.side) - half, Math.floor(k / epsf.side) - half) > radius * epsf.oversampling ? 0 : value,
    );
    const { sum } = epsfStamp({ ...epsf, coefficients: inside }, SIZE);
    return { ...epsf, coefficients: inside.map((value) => value / sum) };
  };

  it('takes the true PSF, and never refuses it', () => {
    for (const snr of [30, 250, 500, 3000]) {
      const { verdict, reasons, fluxBias, fluxBiasError, starsUsed } = acceptEpsf(exact(3.2), heldOut(3.2, snr));
      expect(verdict).toBe(snr === 30 ? 'untested' : 'accepted');
      expect(reasons.length).toBe(snr === 30 ? 1 : 0);
      expect(starsUsed).toBe(10);
      expect(Math.abs(fluxBias)).toBeLessThan(3 * fluxBiasError);
    }
  });

  it('knows how wrong the flux is: bias and width of PSFs too wide and too narrow', () => {
    const stars = heldOut(3.2, 300);
    for (const fwhm of [2.9, 3.1, 3.3, 3.5]) {
      const { fluxBias, fluxBiasError, width } = acceptEpsf(exact(fwhm), stars);
      // First order in the width: a tenth of the effect is left over at 10 %.
      const truth = matchedBias(exact(fwhm), exact(3.2));
      expect(Math.abs(fluxBias - truth)).toBeLessThan(0.1 * Math.abs(truth) + 3 * fluxBiasError);
      expect(Math.sign(width.value)).toBe(Math.sign(3.2 - fwhm));
    }
  });

  it('refuses a PSF too wide, too narrow, lopsided, off its centre or without wings, and says why', () => {
    const stars = heldOut(3.2);
    const reasonsOf = (epsf: Epsf) => {
      const { verdict, reasons } = acceptEpsf(epsf, stars);
      expect(verdict).toBe('rejected');
      return reasons.join(' ');
    };
    expect(reasonsOf(exact(3.5))).toMatch(/Matched flux is off by 8\.\d\d % \+- 0/);
    expect(reasonsOf(exact(3.1))).toMatch(/Matched flux/);
    expect(reasonsOf(exact(2.9))).toMatch(/chi-squared/);
    expect(reasonsOf(exact(3.2, 2, 0.3))).toMatch(/Ellipticity/);
    expect(reasonsOf(cut(exact(3.2), 4))).toMatch(/flux/);
    // Two FWHM: the light beyond, 2.3 %, is missing.
    expect(reasonsOf(cut(exact(3.2), 6.4))).toMatch(/2\.3\d % of the flux is missing within 1\d px/);
    // Half of the flux bias of a ghost is its light, which no scaling of the PSF can show.
    expect(reasonsOf(full((dx, dy) => moffat(3.2, 3.5)(dx, dy) + 0.02 * moffat(3.2, 3.5)(dx - 7, dy - 2)))).toMatch(/flux/);
  });

  it('finds a blend inside of the PSF, at two FWHM as well as at half of one', () => {
    const blend = (part: number, at: number) =>
      full((dx, dy) => (1 - part) * moffat(3.2, 3.5)(dx, dy) + part * moffat(3.2, 3.5)(dx - at, dy));
    expect(acceptEpsf(blend(0.3, 2), heldOut(3.2, 100, 5)).verdict).toBe('rejected');
    expect(acceptEpsf(blend(0.05, 6.5), heldOut(3.2, 100, 5)).reasons.join(' ')).toMatch(/more than the PSF at \([67], 0\)/);
  });

  it('a PSF off the middle of its grid is refused, though stars fitted with it are well matched', () => {
    const moved = exact(3.2, 2, 0, 0.1);
    const { verdict, reasons, ownOffset, fluxBias } = acceptEpsf(moved, heldOut(3.2));
    expect(verdict).toBe('rejected');
    expect(reasons).toEqual([expect.stringMatching(/^The PSF lies 0\.1\d* px off the middle/)]);
    expect(ownOffset).toBeCloseTo(0.1, 2);
    expect(Math.abs(fluxBias)).toBeLessThan(0.003);
  });

  it('where the error is larger than the limit nothing is accepted', () => {
    // 3.5 % too wide: two stars of S/N 100 cannot tell, forty can.
    for (const [count, verdict] of [[2, 'untested'], [40, 'rejected']] as const) {
      const result = acceptEpsf(exact(3.2 * 1.035), heldOut(3.2, 100, count));
      expect(result.verdict).toBe(verdict);
    } // biome-ignore format: one list
    const { verdict, reasons, fluxBiasError } = acceptEpsf(exact(3.2), heldOut(3.2, 60, 3));
    expect(verdict).toBe('untested');
    expect(fluxBiasError).toBeGreaterThan(0.005);
    expect(reasons[0]).toMatch(/cannot tell whether it is within 1\.00 %/);
  });

  it('stars that made the PSF reject it, and never accept it', () => {
    const stars = heldOut(3.2, 500);
    expect(acceptEpsf(exact(3.2), stars, { heldOut: false })).toMatchObject({
      verdict: 'untested',
      reasons: ['Only the stars that made the PSF judge it.'],
    });
    expect(acceptEpsf(exact(3.5), stars, { heldOut: false }).verdict).toBe('rejected');
  });

  it('a galaxy among the held-out stars does not decide', () => {
    const stars = heldOut(3.2);
    const galaxy = integrated(gaussian(9), 20, 20, SIZE).map((value) => 2e4 * value);
    const { verdict, starsUsed } = acceptEpsf(exact(3.2), [...stars, { ...stars[0], data: galaxy, x: 20, y: 20 }]);
    expect(verdict).toBe('accepted');
    expect(starsUsed).toBe(10);
    // Half of the jury: what is as wide as the PSF counts.
    const wide = simulateStars(moffat(5, 3.5), { count: 5, size: SIZE, snr: 500, seed: 4 }).stars;
    expect(acceptEpsf(exact(3.2), [...stars.slice(0, 5), ...wide])).toMatchObject({ verdict: 'accepted', starsUsed: 5 });
    // Only a little wider than a star.
    const compact = simulateStars(moffat(3.6, 3.5), { count: 1, size: SIZE, snr: 300, seed: 3 }).stars;
    expect(acceptEpsf(exact(3.2), [...stars, ...compact])).toMatchObject({ verdict: 'accepted', starsUsed: 10 });
  });

  it('without stars, with one, or with faint ones nothing is tested', () => {
    expect(acceptEpsf(exact(3.2), []).verdict).toBe('untested');
    const { verdict, reasons } = acceptEpsf(exact(3.2), heldOut(3.2, 500, 1));
    expect(verdict).toBe('untested');
    expect(reasons[0]).toMatch(/1 star judges, 2 are needed/);
    expect(acceptEpsf(exact(3.2), heldOut(3.2, 15, 3)).verdict).toBe('untested');
    const bad = heldOut(3.2).map((star) => ({ ...star, weight: new Float64Array(SIZE * SIZE) }));
    expect(acceptEpsf(exact(3.2), bad).verdict).toBe('untested');
  });

  it('a built PSF passes on other stars', () => {
    const { epsf } = buildEpsf(simulateStars(moffat(2.4, 3.5), { count: 20, size: SIZE, snr: 200, seed: 21 }).stars);
    expect(acceptEpsf(epsf, heldOut(2.4, 200)).reasons).toEqual([]);
  });
});
