import { describe, expect, it } from 'vitest';
import {
  alignCells,
  type Epsf,
  epsfFwhm,
  epsfStamp,
  growthQuality,
  interpolateEpsf,
  regridEpsf,
  residualQuality,
  sampleEpsf,
} from '../../src/sky/epsf/index.ts';
import { exact, integrated, moffat, simulateStars } from '../support/epsf-stars.ts';

const SIZE = 41;

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
    expect(() => interpolateEpsf(grid, 50, Number.NaN)).toThrow(/no PSF at/);
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
