import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import { buildEpsf, type EpsfBuild, epsfStamp, type StarCutout } from '../../src/sky/epsf/index.ts';
import { rejectStars } from '../../src/sky/epsf/reject-stars.ts';
import { narrowestMode, otherWidths } from '../../src/sky/epsf/star-widths.ts';
import { openStar } from '../../src/sky/epsf/stars.ts';
import { integrated, moffat, noiseArea, type Profile, simulateStars } from '../support/epsf-stars.ts';

const SIZE = 41;
const FWHM = 3.2;
const star = moffat(FWHM, 3.5);
const TRUTH = integrated(star, 20, 20, SIZE);

/** A galaxy of one kind: a star's light seen through three widths. */
const galaxy: Profile = (() => {
  const parts = (
    [
      [0.2, 1.15],
      [0.4, 1.6],
      [0.4, 2.4],
    ] as const
  ).map(([part, width]) => [part, moffat(FWHM * width, 3.5)] as const);
  return (dx, dy) => parts.reduce((sum, [part, profile]) => sum + part * profile(dx, dy), 0);
})();

/** Stars' cutouts first, then others, of one total flux: a star's S/N is `snr`. */
function sample(stars: number, others: number, seed: number, other: (random: PhiloxStream) => Profile, snr = 100): StarCutout[] {
  const random = new PhiloxStream(philoxKey(seed));
  const flux = snr * Math.sqrt(noiseArea(TRUTH));
  return Array.from({ length: stars + others }, (_, n) => {
    const [x, y] = [20 + random.between(-0.5, 0.5), 20 + random.between(-0.5, 0.5)];
    const data = integrated(n < stars ? star : other(random), x, y, SIZE).map((value) => flux * value + random.normal());
    return {
      data,
      weight: new Float64Array(SIZE * SIZE).fill(1),
      size: SIZE,
      x: x + random.between(-0.3, 0.3),
      y: y + random.between(-0.3, 0.3),
    };
  });
}

/** A star with a neighbour of 5 to 30 % of its flux 4 to 12 px off. */
function blended(random: PhiloxStream): Profile {
  const angle = random.between(0, 2 * Math.PI);
  const distance = random.between(4, 12);
  const part = random.between(0.05, 0.3);
  return (dx, dy) => star(dx, dy) + part * star(dx - distance * Math.cos(angle), dy - distance * Math.sin(angle));
}

/** Flux that a star gets with the PSF, less 1. */
function bias({ epsf }: EpsfBuild): number {
  const { stamp } = epsfStamp(epsf, SIZE);
  let cross = 0;
  let square = 0;
  stamp.forEach((value, k) => {
    cross += value * TRUTH[k];
    square += value * value;
  });
  return cross / TRUTH.reduce((sum, value) => sum + value, 0) / square - 1;
}

const kept = (build: EpsfBuild) => build.stars.filter(({ rejected }) => rejected === undefined).map(({ index }) => index);
const first = (count: number) => Array.from({ length: count }, (_, k) => k);

describe('samples of stars and other things', () => {
  it('as many galaxies of one kind as stars: only the stars make the PSF', () => {
    for (const [stars, galaxies] of [
      [8, 6],
      [10, 10],
      [8, 12],
      [3, 2],
      [5, 12],
    ] as const) {
      const build = buildEpsf(sample(stars, galaxies, 100 + stars + galaxies, () => galaxy));
      expect(kept(build)).toEqual(first(stars));
      expect(build.stars[stars].rejected).toMatch(/width|core/);
      expect(Math.abs(bias(build))).toBeLessThan(0.03);
    }
  });

  it('twice as many galaxies of 1.2 to 3 times the width as stars', () => {
    const build = buildEpsf(sample(8, 16, 7, (random) => moffat(FWHM * random.between(1.2, 3), 3.5)));
    expect(kept(build)).toEqual(first(8));
    expect(Math.abs(bias(build))).toBeLessThan(0.03);
  });

  it('five clean stars and fifteen with neighbours: pixels of the neighbours do not count', () => {
    const biases = [1, 2, 3].map((seed) => {
      const build = buildEpsf(sample(5, 15, seed, blended));
      expect(kept(build).slice(0, 5)).toEqual(first(5));
      // Bright and close neighbours cost the star, the others some pixels.
      expect(build.starsUsed).toBeGreaterThan(10);
      expect(build.stars.some(({ rejected }) => rejected?.match(/neighbour of \d+ % of its flux/))).toBe(true);
      return bias(build);
    });
    // With the neighbours in it the PSF gives 9 % too much.
    expect(Math.abs(biases.reduce((sum, value) => sum + value, 0) / 3)).toBeLessThan(0.01);
  });

  it('a neighbour beside one of three stars is masked, the star stays', () => {
    const neighbour: Profile = (dx, dy) => star(dx, dy) + 0.2 * star(dx - 7, dy);
    const build = buildEpsf(sample(2, 1, 4, () => neighbour));
    expect(build.starsUsed).toBe(3);
    expect(build.stars[2].clippedPixels).toBeGreaterThan(20);
    expect(build.stars[0].clippedPixels).toBe(0);
  });

  it('light at one place beside all stars is the PSF and stays', () => {
    const ghost: Profile = (dx, dy) => 0.95 * star(dx, dy) + 0.05 * star(dx - 7, dy - 2);
    const sim = simulateStars(ghost, { count: 10, size: SIZE, snr: 300, seed: 5 });
    const build = buildEpsf(sim.stars);
    expect(build.starsUsed).toBe(10);
    const { stamp } = epsfStamp(build.epsf, SIZE);
    const at = (x: number, y: number) => stamp[(20 + y) * SIZE + 20 + x];
    expect(at(7, 2) - at(-7, -2)).toBeGreaterThan(0.02 * at(0, 0));
  });

  it('clean stars of S/N 20 to 1000 are all kept, whole', () => {
    const random = new PhiloxStream(philoxKey(31));
    const cutouts = first(20).map((n) => sample(1, 0, 500 + n, () => star, 20 * 50 ** random.between(0, 1))[0]);
    const build = buildEpsf(cutouts);
    expect(build.starsUsed).toBe(20);
    expect(build.stars.reduce((sum, { clippedPixels }) => sum + clippedPixels, 0)).toBeLessThan(5);
  });
});

describe('widths', () => {
  const estimates = (values: readonly number[], error = 0.01) => values.map((value) => ({ value, error }));

  it('the narrowest of several modes, if it is well populated', () => {
    const wide = [0.5, 0.51, 0.49, 0.5, 0.52, 0.48];
    expect(narrowestMode(estimates([0, 0.01, -0.01, 0, ...wide]), 0.02, 0.5)).toBeCloseTo(0, 1);
    expect(narrowestMode(estimates([0, ...wide.slice(4)]), 0.02, 0.3)).toBeCloseTo(0.5, 1);
    expect(narrowestMode([], 0.02, 0.5)).toBeNaN();
  });

  it('a star of a large error is of any kind, a single narrow one of none', () => {
    const values = [...estimates([0, 0.01, -0.01, 0, 0.4, -0.6]), { value: 0.4, error: 0.3 }];
    expect(otherWidths(values, 0.02)).toEqual([false, false, false, false, true, true, false]);
  });
});

describe('rejectStars', () => {
  it('where most disagree, the worse half goes first', () => {
    const stars = [1, 1, 0.9, 0.85, 0.8].map((part, n) => {
      const fit = openStar(sample(1, 0, 60 + n, () => star, 1000)[0], n, false);
      const { data } = fit;
      fit.model.set(data.map((value) => value / data.reduce((sum, other) => sum + other, 0)));
      fit.flux = part * data.reduce((sum, value) => sum + value, 0);
      fit.fluxError = 1e-3 * fit.flux;
      return fit;
    });
    const ask = () => {
      const left = stars.filter(({ rejected }) => rejected === undefined);
      return rejectStars(left, { chi2: 3, flux: 0.05, shift: 5 }, { scale: 1, modelError: 0.01 }, FWHM);
    };
    const gone = () => stars.filter(({ rejected }) => rejected !== undefined).map(({ index }) => index);
    expect(ask()).toBe(true);
    expect(gone()).toEqual([3, 4]);
    expect(ask()).toBe(true);
    expect(gone()).toEqual([2, 3, 4]);
    expect(ask()).toBe(false);
  });
});
