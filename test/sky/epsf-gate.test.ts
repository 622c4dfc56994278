import { describe, expect, it } from 'vitest';
import {
  acceptEpsf,
  alignCells,
  buildEpsf,
  type Epsf,
  epsfFwhm,
  epsfStamp,
  growthQuality,
  interpolateEpsf,
  regridEpsf,
  residualQuality,
  sampleEpsf,
  splineCoefficients,
} from '../../src/sky/epsf/index.ts';
import { templateSamples } from '../../src/sky/epsf/template.ts';
import { gaussian, integrated, moffat, simulateStars } from '../support/epsf-stars.ts';

const SIZE = 41;

/** The exact PSF of a Moffat on a grid. */
function exact(fwhm: number, oversampling = 2, e1 = 0, x = 0): Epsf {
  const side = 2 * 24 * oversampling + 1;
  const samples = templateSamples({ fwhm, e1, e2: 0, inverseBeta: 1 / 3.5, x, y: 0 }, side, oversampling);
  const raw: Epsf = { side, oversampling, coefficients: splineCoefficients(samples, side), stampSize: SIZE, fluxOutside: 0 };
  const { sum } = epsfStamp(raw, SIZE);
  return { ...raw, coefficients: raw.coefficients.map((value) => value / sum), fluxOutside: 1 / sum - 1 };
}

const heldOut = (fwhm: number, snr = 500, count = 10) =>
  simulateStars(moffat(fwhm, 3.5), { count, size: SIZE, snr, seed: 8 }).stars;

describe('sampleEpsf', () => {
  it('a spline at two nodes per pixel draws a pixel-integrated Moffat at any phase to 4e-4 of its peak', () => {
    const epsf = exact(3.2);
    for (const [x, y] of [
      [20, 20],
      [20.5, 19.5],
      [20.13, 20.38],
    ]) {
      const truth = integrated(moffat(3.2, 3.5), x, y, SIZE);
      const stamp = sampleEpsf(epsf, x, y, SIZE);
      const peak = Math.max(...truth);
      truth.forEach((value, k) => {
        expect(Math.abs(stamp[k] / (1 + epsf.fluxOutside) - value)).toBeLessThan(4e-4 * peak);
      });
    }
  });

  it('is 0 far outside its grid and refuses what is no place', () => {
    const epsf = exact(3.2);
    expect(Math.max(...sampleEpsf(epsf, -200, 10, 5))).toBe(0);
    expect(() => sampleEpsf(epsf, Number.NaN, 0, 5)).toThrow(/cannot be drawn/);
    expect(() => sampleEpsf(epsf, 0, 0, 2.5)).toThrow(/cannot be drawn/);
  });
});

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
    // 3 % too wide: two stars of S/N 100 cannot tell, forty can.
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

describe('interpolateEpsf', () => {
  const cells = (epsfs: (Epsf | undefined)[]) => alignCells({ xEdges: [0, 100, 200], yEdges: [0, 50, 150], epsfs });
  const four = [exact(3), exact(3.2), exact(3.4), exact(3.6)];

  it('is bilinear between the centres, constant beyond them, and keeps the sum', () => {
    const grid = cells(four);
    const at = (x: number, y: number) => sampleEpsf(interpolateEpsf(grid, x, y).epsf, 20, 20, 1)[0];
    const peaks = four.map((epsf) => sampleEpsf(epsf, 20, 20, 1)[0]);
    expect(at(50, 25)).toBeCloseTo(peaks[0], 14);
    expect(at(-1e3, -1e3)).toBeCloseTo(peaks[0], 14);
    expect(at(1e3, 1e3)).toBeCloseTo(peaks[3], 14);
    expect(at(75, 25)).toBeCloseTo(0.75 * peaks[0] + 0.25 * peaks[1], 14);
    expect(at(100, 62.5)).toBeCloseTo((peaks[0] + peaks[1] + peaks[2] + peaks[3]) / 4, 14);
    expect(epsfStamp(interpolateEpsf(grid, 90, 60).epsf, SIZE).sum).toBeCloseTo(1, 12);
    // Continuous where the step function jumps.
    expect(Math.abs(at(100 - 1e-6, 30) - at(100 + 1e-6, 30))).toBeLessThan(1e-9);
  });

  it('steps at the cell bounds when asked to', () => {
    const grid = cells(four);
    expect(interpolateEpsf(grid, 99.9, 49.9, 'step').cells).toEqual([{ cell: 0, weight: 1 }]);
    expect(interpolateEpsf(grid, 100, 50, 'step').cells).toEqual([{ cell: 3, weight: 1 }]);
  });

  it('gives cells that are missing the mean of those around, by the square of their distance', () => {
    const grid = cells([four[0], undefined, four[2], four[3]]);
    expect([...grid.filled.keys()]).toEqual([1]);
    const shares = grid.filled.get(1)!;
    expect(shares.map(({ cell }) => cell)).toEqual([0, 2, 3]);
    const total = 1 / 100 ** 2 + 1 / (100 ** 2 + 75 ** 2) + 1 / 75 ** 2;
    expect(shares[0].weight).toBeCloseTo(1 / 100 ** 2 / total, 12);
    expect(shares[2].weight).toBeCloseTo(1 / 75 ** 2 / total, 12);
    // A PSF of the cell's own that is this mean changes nothing.
    const whole = cells([...grid.epsfs]);
    expect(whole.filled.size).toBe(0);
    for (const x of [100, 130, 190]) {
      const [one, other] = [grid, whole].map((of) => interpolateEpsf(of, x, 40).epsf.coefficients);
      expect(one).toEqual(other);
    }
    expect(epsfStamp(interpolateEpsf(grid, 150, 25).epsf, SIZE).sum).toBeCloseTo(1, 12);
    expect(interpolateEpsf(cells([four[0], undefined, undefined, undefined]), 190, 140).epsf).toBe(four[0]);
    expect(() => cells([undefined, undefined, undefined, undefined])).toThrow(/cannot fill/);
    expect(() => cells([four[0]])).toThrow(/cannot fill/);
  });

  it('has no step anywhere, whichever cells are missing', () => {
    const edges = [0, 100, 200, 300];
    const nine = [3, 3.1, 3.2, 3.05, 3.15, 3.25, 3.1, 3.2, 3.3].map((fwhm) => exact(fwhm));
    const lines = edges.flatMap((edge) => [edge, edge + 50]);
    for (const missing of [[4], [0], [0, 1], [0, 1, 3, 4], [0, 2, 4, 6, 8]]) {
      const grid = alignCells({
        xEdges: edges,
        yEdges: edges,
        epsfs: nine.map((epsf, k) => (missing.includes(k) ? undefined : epsf)),
      });
      const middle = (grid.epsfs[0].coefficients.length - 1) / 2;
      const at = (x: number, y: number) => interpolateEpsf(grid, x, y).epsf.coefficients[middle];
      let worst = 0;
      for (const line of lines) {
        for (let along = 1; along < 300; along += 7) {
          worst = Math.max(worst, Math.abs(at(line + 1e-6, along) / at(line - 1e-6, along) - 1));
          worst = Math.max(worst, Math.abs(at(along, line + 1e-6) / at(along, line - 1e-6) - 1));
        }
      }
      expect(worst).toBeLessThan(1e-8);
    }
  });

  it('puts PSFs of different grids on one', () => {
    const grid = cells([exact(3, 1), exact(3, 3), undefined, undefined]);
    const { epsf } = interpolateEpsf(grid, 100, 20);
    expect(epsf.oversampling).toBe(3);
    const truth = sampleEpsf(exact(3, 3), 20.3, 20.4, SIZE);
    sampleEpsf(epsf, 20.3, 20.4, SIZE).forEach((value, k) => {
      expect(Math.abs(value - truth[k])).toBeLessThan(0.005 * truth[20 * SIZE + 20]);
    });
    const coarse = sampleEpsf(exact(3.2, 2), 20.3, 20.4, SIZE);
    const again = regridEpsf(exact(3.2, 2), exact(3.2, 4).side, 4);
    sampleEpsf(again, 20.3, 20.4, SIZE).forEach((value, k) => {
      expect(Math.abs(value - coarse[k])).toBeLessThan(2e-5);
    });
  });
});

describe('quality', () => {
  it('growth radii count whole pixels from the middle, edges their corners twice', () => {
    const stamp = [1, 2, 3, 4, 50, 6, 7, 8, 9].map((value) => value / 90);
    const q = growthQuality(stamp, 3);
    expect(Array.from(q.growth)).toEqual([50 / 90, 70 / 90, 1].map((value) => expect.closeTo(value, 12)));
    expect([q.ee_r50_pix, q.ee_r80_pix, q.ee_r90_pix]).toEqual([0, 2, 2]);
    expect(q.ee_edge).toBeCloseTo(1, 12);
    // 1 2 3, 7 8 9, 1 4 7, 3 6 9 over 90.
    expect(q.epsf_edge_mean).toBeCloseTo(60 / 12 / 90, 12);
    expect(q.epsf_edge_median).toBeCloseTo(5 / 90, 12);
    expect([q.epsf_min, q.epsf_max]).toEqual([1 / 90, 50 / 90]);
    expect(growthQuality(new Float64Array(9), 3).ee_r50_pix).toBeNaN();
  });

  it('FWHM of a pixel-integrated PSF', () => {
    // The pixel adds in quadrature: sqrt(5^2 + 8 ln 2 / 12) = 5.05 for a Gaussian; a Moffat is close to it.
    expect(epsfFwhm(exact(5))).toBeGreaterThan(5.02);
    expect(epsfFwhm(exact(5))).toBeLessThan(5.1);
  });

  it('residuals of a true PSF are noise, and bad pixels stay out', () => {
    const sim = simulateStars(moffat(3.2, 3.5), { count: 15, size: SIZE, snr: 300, seed: 31 });
    const fitted = sim.stars.map((star, k) => ({
      cutout: {
        ...star,
        weight: Float64Array.from(star.weight, (w, n) => (n === k ? 0 : w)),
        data: Float64Array.from(star.data, (v, n) => (n === k ? 1e9 : v)),
      },
      x: sim.x[k],
      y: sim.y[k],
      flux: sim.flux[k] / (1 + exact(3.2).fluxOutside),
      background: 0,
    }));
    const q = residualQuality(exact(3.2), fitted);
    expect(q.resid_nstars).toBe(15);
    expect(Math.abs(q.resid_bias)).toBeLessThan(0.05);
    expect(q.resid_norm_rms).toBeCloseTo(1, 1);
    expect(residualQuality(exact(3.2), []).resid_rms).toBeNaN();
  });
});
