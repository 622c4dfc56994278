import { describe, expect, it } from 'vitest';
import { buildEpsf, classicEpsf, type StarCutout } from '../../src/sky/epsf/index.ts';
import { integrated, moffat, simulateStars } from '../support/epsf-stars.ts';

const SIZE = 41;
const FWHM = 3.2;
const profile = moffat(FWHM, 3.5);
const simulate = () => simulateStars(profile, { count: 12, size: SIZE, snr: 300, seed: 3 });

/** Replaces one star's pixels. */
function changed(
  stars: readonly StarCutout[],
  which: number,
  value: (old: number, i: number, j: number) => number,
): StarCutout[] {
  return stars.map((star, n) =>
    n === which ? { ...star, data: Float64Array.from(star.data, (old, k) => value(old, k % SIZE, Math.floor(k / SIZE))) } : star,
  );
}

/** Only star `which` is rejected, and the PSF is what it is without it. */
function expectRejected(stars: readonly StarCutout[], which: number, reason: RegExp) {
  const build = buildEpsf(stars);
  expect(build.stars.map((star) => star.rejected !== undefined)).toEqual(stars.map((_, n) => n === which));
  expect(build.stars[which].rejected).toMatch(reason);
  expect(build.template.fwhm).toBeGreaterThan(FWHM * 0.99);
  expect(build.template.fwhm).toBeLessThan(FWHM * 1.01);
}

describe('what is not a star, or not a good one', () => {
  it('no stars: an error that says so', () => {
    expect(() => buildEpsf([])).toThrow(/none of 0 stars/);
    expect(() => classicEpsf([])).toThrow(/None of 0 cutouts/);
  });

  it('no good pixel, only NaN, no light, only noise: errors with the reasons', () => {
    const { stars } = simulate();
    const with_ = (data: (star: StarCutout) => ArrayLike<number>, weight: (star: StarCutout) => ArrayLike<number>) =>
      stars.map((star) => ({ ...star, data: data(star), weight: weight(star) }));
    const none = new Float64Array(SIZE * SIZE);
    const noise = simulateStars(profile, { count: 12, size: SIZE, snr: 1e-9, seed: 9 }).stars;
    expect(() =>
      buildEpsf(
        with_(
          (star) => star.data,
          () => none,
        ),
      ),
    ).toThrow(/no good pixel/);
    expect(() =>
      buildEpsf(
        with_(
          () => none.map(() => Number.NaN),
          (star) => star.weight,
        ),
      ),
    ).toThrow(/no good pixel/);
    expect(() =>
      buildEpsf(
        with_(
          () => none,
          (star) => star.weight,
        ),
      ),
    ).toThrow(/no light/);
    expect(() => buildEpsf(noise)).toThrow(/signal-to-noise|no flux/);
    expect(() => buildEpsf(stars.map((star) => ({ ...star, x: Number.NaN })))).toThrow(/centre outside/);
  });

  it('one star is enough, and is told', () => {
    const build = buildEpsf(simulate().stars.slice(0, 1));
    expect(build.starsUsed).toBe(1);
    expect(build.template.fwhm).toBeCloseTo(FWHM, 1);
  });

  it('a galaxy among the stars, barely or well resolved', () => {
    for (const fwhm of [3.8, 5, 8]) {
      const { stars, flux } = simulate();
      const galaxy = integrated(moffat(fwhm, 3.5), 20.1, 20.2, SIZE);
      expectRejected(
        changed(stars, 0, (_, i, j) => flux[0] * galaxy[j * SIZE + i]),
        0,
        /core|width/,
      );
    }
  });

  it('two stars blended, and a neighbour that can be clipped', () => {
    const blend = (distance: number) => {
      const { stars, x, y, flux } = simulate();
      const other = integrated(profile, x[2] + distance, y[2], SIZE);
      return changed(stars, 2, (old, i, j) => old + 0.6 * flux[2] * other[j * SIZE + i]);
    };
    for (const distance of [1, 2, 3, 5]) expectRejected(blend(distance), 2, /core|width|neighbour/);
    const far = buildEpsf(blend(12));
    expect(far.starsUsed).toBe(12);
    expect(far.stars[2].clippedPixels).toBeGreaterThan(20);
    expect(far.template.fwhm).toBeCloseTo(FWHM, 1);
  });

  it('a saturated core, flat or masked', () => {
    const { stars, flux } = simulate();
    expectRejected(
      changed(stars, 1, (old) => Math.min(10 * old, 0.2 * flux[1])),
      1,
      /width|core/,
    );
    const masked = stars.map((star, n) =>
      n === 1 ? { ...star, weight: Float64Array.from(star.data, (value) => (value > 0.01 * flux[1] ? 0 : 1)) } : star,
    );
    expectRejected(masked, 1, /of the core is bad/);
  });

  it('bad columns and NaN pixels at weight 0 cost no star, cosmic rays are clipped', () => {
    const { stars } = simulate();
    const bad = stars.map((star, n) => ({
      ...star,
      data: Float64Array.from(star.data, (value, k) =>
        n < 4 && k % SIZE === 18 + n ? 1e5 : n > 8 && k % 7 === 0 ? Number.NaN : value,
      ),
      weight: Float64Array.from(star.weight, (value, k) => (n < 4 && k % SIZE === 18 + n ? 0 : value)),
    }));
    const build = buildEpsf(bad);
    expect(build.starsUsed).toBe(12);
    expect(build.template.fwhm).toBeGreaterThan(FWHM * 0.99);
    expect(build.template.fwhm).toBeLessThan(FWHM * 1.01);
    const struck = buildEpsf(changed(stars, 5, (old, i, j) => (i === 27 && j === 15 ? 3000 : old)));
    expect(struck.starsUsed).toBe(12);
    expect(struck.stars[5].clippedPixels).toBeGreaterThan(0);
  });
});
