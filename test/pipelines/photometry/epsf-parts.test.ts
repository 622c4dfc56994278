import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { dilate, subtractBackground } from '../../../src/pipelines/photometry/epsf/background.ts';
import { judgeBand, widthProblem, worsened } from '../../../src/pipelines/photometry/epsf/band-gate.ts';
import { halfSampleMode } from '../../../src/pipelines/photometry/epsf/candidates.ts';
import type { CellOutcome, CellTask } from '../../../src/pipelines/photometry/epsf/cell-types.ts';
import { annulusOf, cutStars } from '../../../src/pipelines/photometry/epsf/cutouts.ts';
import { chooseFallback, moffatStamp } from '../../../src/pipelines/photometry/epsf/frame-psf.ts';
import { clipAboutMedian, medianOfPixels } from '../../../src/pipelines/photometry/epsf/medians.ts';
import { PointGrid } from '../../../src/pipelines/photometry/epsf/point-grid.ts';
import { acceptEpsf, areaWidth, splineCoefficients } from '../../../src/sky/epsf/index.ts';
import { integrated, moffat, simulateStars } from '../../support/epsf-stars.ts';
import { SIZE, taskOf } from '../../support/epsf-task.ts';

describe('pixels of stars', () => {
  it('bad pixels have no weight; under profile tract7dt that of the others', () => {
    const task = taskOf([{ x: 80, y: 80, flux: 3000 }]);
    task.bad[80 * SIZE + 81] = 1;
    const stars = [{ id: 0, x: 80, y: 80, origin: 'sep' as const, contamination: 0, others: [] }];
    const [ours] = cutStars(task, task.image, stars);
    const [theirs] = cutStars({ ...task, profile: 'tract7dt' }, task.image, stars);
    expect([ours.cutout.weight[10 * 21 + 11], theirs.cutout.weight[10 * 21 + 11]]).toEqual([0, 1]);
    expect(ours.cutout).toMatchObject({ x: 10, y: 10, size: 21 });
  });

  it("adds the star's own photon noise to the weights", () => {
    const task = taskOf([{ x: 80, y: 80, flux: 3000 }]);
    const star = [{ id: 0, x: 80, y: 80, origin: 'sep' as const, contamination: 0, others: [] }];
    const noisy = cutStars({ ...task, frame: { ...task.frame, gain: 2 } }, task.image, star)[0].cutout;
    let mean = 0;
    for (let j = -1; j <= 1; j++) for (let i = -1; i <= 1; i++) mean += task.image[(80 + j) * SIZE + 80 + i] / 9;
    expect(noisy.weight[10 * 21 + 10]).toBeCloseTo(1 / (1 + mean / 2), 6);
  });

  it('subtracts the clipped median of the annulus, or nothing where too few pixels are left', () => {
    const task = taskOf([], { star_local_bkg_annulus_rin_pix: 5, star_local_bkg_annulus_rout_pix: 50 });
    expect(annulusOf(task.settings)).toEqual({ inner: 5, outer: 9 });
    const image = new Float32Array(SIZE * SIZE).fill(7);
    for (let k = 0; k < image.length; k += 9) image[k] = 7 + (k % 5) * 0.01;
    image[80 * SIZE + 87] = 5000;
    const star = [{ id: 0, x: 80, y: 80, origin: 'sep' as const, contamination: 0, others: [] }];
    const [cut] = cutStars(task, image, star);
    expect(cut.localLevel).toMatchObject({ status: 'ok' });
    expect(cut.localLevel.level).toBeCloseTo(7, 5);
    expect(cut.cutout.data[0]).toBeCloseTo(0, 1);
    task.bad.fill(1);
    expect(cutStars(task, image, star)[0].localLevel).toEqual({ level: 0, pixels: 0, status: 'too_few_pixels' });
  });

  it('keeps sources out of the background', () => {
    const task = taskOf([{ x: 80, y: 80, flux: 50_000 }], { background_boxsize: 32, background_filtersize: 3 });
    const raised = { ...task, image: task.image.map((value) => value + 100) };
    const { report, image } = subtractBackground(raised);
    expect(report).toMatchObject({ patch_bkg_status: 'ok' });
    expect(Math.abs(Number(report['patch_bkg_median']) - 100)).toBeLessThan(0.1);
    expect(image[0] - (raised.image[0] - 100)).toBeCloseTo(0, 0);
  });

  it('follows a slope along y where the spline of SEP, under profile tract7dt, is half a pixel of it off', () => {
    const settings = { background_boxsize: 16, background_filtersize: 1, background_source_mask_sigma: 1000 };
    const middle = (profile: CellTask['profile']) => {
      const task = taskOf([], settings, { profile });
      task.image.forEach((_, k) => {
        task.image[k] = 0.2 * Math.floor(k / SIZE);
      });
      return Number(subtractBackground(task).level?.[80 * SIZE + 80]);
    };
    expect(middle('arclet') - middle('tract7dt')).toBeCloseTo(0.1, 3);
  });

  it('reports a cell whose background cannot be measured', () => {
    const task = taskOf([]);
    task.bad.fill(1);
    expect(subtractBackground(task)).toMatchObject({
      level: undefined,
      report: { patch_bkg_status: 'error', patch_bkg_median: 0, patch_bkg_mask_frac: 1 },
    });
  });
});

describe('numbers', () => {
  it('dilates as repeated 3 x 3 dilations do', () => {
    const random = new PhiloxStream(philoxKey(2));
    const [width, height] = [23, 17];
    const mask = Uint8Array.from({ length: width * height }, () => (random.between(0, 1) < 0.03 ? 1 : 0));
    let expected: Uint8Array = mask;
    for (let round = 0; round < 3; round++) {
      const before = expected;
      expected = before.map((_, k) => {
        const [x, y] = [k % width, Math.floor(k / width)];
        for (let j = -1; j <= 1; j++)
          for (let i = -1; i <= 1; i++)
            if (x + i >= 0 && x + i < width && y + j >= 0 && y + j < height && before[k + j * width + i] === 1) return 1;
        return 0;
      });
    }
    expect(dilate(mask, width, height, 3)).toEqual(expected);
  });

  it('finds the exact median of many pixels, also of sorted, constant and few ones', () => {
    const random = new PhiloxStream(philoxKey(3));
    const check = (values: Float32Array, bad: Uint8Array = new Uint8Array(values.length)) => {
      const sorted = values.filter((value, k) => bad[k] === 0 && Number.isFinite(value)).sort();
      const half = sorted.length >> 1;
      const expected = sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
      expect(medianOfPixels(values, bad)).toBe(expected);
    };
    const noise = Float32Array.from({ length: 30_001 }, () => random.normal());
    check(noise);
    check(noise.map((value, k) => (k % 7 === 0 ? Number.NaN : value)), Uint8Array.from(noise, (_, k) => (k % 5 === 0 ? 1 : 0))); // biome-ignore format: one case
    check(Float32Array.from({ length: 20_000 }, (_, k) => k));
    check(new Float32Array(9000).fill(3));
    check(Float32Array.of(5, 1));
    // Ones where the sample looks, so that it misses the middle.
    check(Float32Array.from({ length: 4096 * 4 }, (_, k) => (k % 4 === 0 ? 1 : 100 + k)));
    expect(medianOfPixels(Float32Array.of(Number.NaN), new Uint8Array(1))).toBeNaN();
  });

  it('clips about the median', () => {
    expect(Array.from(clipAboutMedian([1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3, 500], 3, 5))).toEqual([1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3]);
    expect(clipAboutMedian([], 3, 5).length).toBe(0);
  });

  it('finds the place where values crowd', () => {
    expect(halfSampleMode([1, 2, 3, 3.02, 3.05, 3.1, 4, 6, 9, 12])).toBeCloseTo(3.03, 1);
    expect(halfSampleMode([])).toBeNaN();
  });

  it('measures the width of a star whatever its brightness', () => {
    const star = integrated(moffat(4, 3.5), 15, 15, 31);
    const peak = 15 * 31 + 15;
    const width = (flux: number) => areaWidth(31, 31, peak, (k) => flux * star[k] > (flux * star[peak]) / 2);
    expect(width(10)).toBe(width(1e5));
    expect(Math.abs(width(10) - 4)).toBeLessThan(0.5);
  });

  it('finds the nearest point within reach, as a look at all of them does', () => {
    const random = new PhiloxStream(philoxKey(4));
    const x = Float64Array.from({ length: 300 }, () => random.between(-50, 50));
    const y = Float64Array.from({ length: 300 }, () => random.between(-50, 50));
    const grid = new PointGrid(x, y, 5);
    for (let n = 0; n < 200; n++) {
      const [px, py] = [random.between(-55, 55), random.between(-55, 55)];
      let best: number | undefined;
      for (let k = 0; k < 300; k++) {
        const distance = Math.hypot(x[k] - px, y[k] - py);
        if (k % 2 === 0 && distance <= 5 && (best === undefined || distance < Math.hypot(x[best] - px, y[best] - py))) best = k;
      }
      expect(grid.nearest(px, py, (k) => k % 2 === 0)).toBe(best);
    }
  });
});

describe('fallbacks', () => {
  const size = 31;
  const epsfOf = (fwhm: number) => {
    const stamp = integrated(moffat(fwhm, 3.5), 15, 15, size);
    return {
      side: size,
      oversampling: 1,
      coefficients: splineCoefficients(stamp, size),
      stampSize: size,
      fluxOutside: Number.NaN,
    };
  };
  const candidate = (source: 'frame' | 'neighbours' | 'moffat', fwhm: number) => ({
    source,
    epsf: epsfOf(fwhm),
    stamp: moffatStamp(fwhm, 3.5, size),
    text: source,
  });
  const jury = simulateStars(moffat(4.5, 3.5), { count: 8, size, snr: 200, seed: 8 }).stars;
  const cellWith = (fwhm: number) =>
    ({ jury, gate: { heldOut: true, acceptance: acceptEpsf(epsfOf(fwhm), jury) } }) as unknown as CellOutcome;

  it('asks the stars that rejected a PSF about what may replace it', () => {
    const rejected = cellWith(6);
    expect(rejected.gate.acceptance?.verdict).toBe('rejected');
    expect(
      chooseFallback(rejected, [candidate('frame', 8), candidate('neighbours', 4.5), candidate('moffat', 4.5)])?.candidate.source,
    ).toBe('neighbours');
    expect(chooseFallback(rejected, [candidate('frame', 5.5), candidate('moffat', 5.2)])?.candidate.source).toBe('moffat');
    expect(chooseFallback(rejected, [candidate('frame', 9), candidate('moffat', 11)])).toBeUndefined();
  });

  it('does not ask stars that are as wide as no other cell and not the header', () => {
    const galaxies = { ...cellWith(6), isWide: true };
    expect(chooseFallback(galaxies, [candidate('frame', 3), candidate('moffat', 4.5)])).toMatchObject({
      candidate: { source: 'frame' },
      acceptance: undefined,
    });
  });

  it('takes the first where there are no stars to ask', () => {
    const empty = { jury: [], gate: { heldOut: false, acceptance: undefined } } as unknown as CellOutcome;
    expect(chooseFallback(empty, [candidate('frame', 9), candidate('moffat', 4.5)])?.candidate.source).toBe('frame');
  });

  it('a Moffat stamp sums to 1', () => {
    const stamp = moffatStamp(4, 3.5, 51);
    expect(stamp.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
    expect(stamp[25 * 51 + 27] / stamp[25 * 51 + 25]).toBeCloseTo(0.5, 5);
  });
});

describe('cells of a band', () => {
  const size = 41;
  const epsfOf = (fwhm: number) => {
    const samples = integrated(moffat(fwhm, 3.5), 20, 20, size);
    const sum = samples.reduce((total, value) => total + value, 0);
    const coefficients = splineCoefficients(
      samples.map((value) => value / sum),
      size,
    );
    return { side: size, oversampling: 1, coefficients, stampSize: size, fluxOutside: Number.NaN };
  };
  /** A cell with a PSF of one width whose judges have another. */
  const cellOf = (tag: string, fwhm: number, { truth = fwhm, snr = 150, count = 4, heldOut = true } = {}) => {
    const epsf = epsfOf(fwhm);
    const jury = simulateStars(moffat(truth, 3.5), { count, size, snr, seed: 50 + Number(tag) }).stars;
    return { tag, epsf, jury, gate: { heldOut, acceptance: acceptEpsf(epsf, jury, { heldOut }) } } as unknown as CellOutcome;
  };
  const verdicts = (cells: readonly CellOutcome[]) => cells.map(({ gate }) => gate.acceptance?.verdict);

  it('PSFs made of galaxies and judged by galaxies are rejected by the width of the other cells, or by the header', () => {
    const galaxies = cellOf('0', 6.4, { snr: 500 });
    expect(galaxies.gate.acceptance?.verdict).toBe('accepted');
    const others = ['1', '2', '3'].map((tag) => cellOf(tag, 3.2 + 0.1 * Number(tag), { snr: 500 }));
    const { cells } = judgeBand([galaxies, ...others], undefined);
    expect(verdicts(cells)).toEqual(['rejected', 'accepted', 'accepted', 'accepted']);
    expect(cells[0].isWide).toBe(true);
    expect(cells[0].gate.acceptance?.reasons[0]).toMatch(
      /FWHM is 6\.\d+ px, 3\.\d+ px by the median of 3 other cells; the limit is 25 %/,
    );
    expect(verdicts(judgeBand([galaxies], 3.2).cells)).toEqual(['rejected']);
    // Nothing to compare with.
    expect(verdicts(judgeBand([galaxies], undefined).cells)).toEqual(['accepted']);
  });

  it('where the header is alone against all cells the PSFs are untested', () => {
    const cells = ['0', '1', '2', '3'].map((tag) => cellOf(tag, 3.2, { snr: 500 }));
    expect(verdicts(judgeBand(cells, 1.5).cells)).toEqual(['untested', 'untested', 'untested', 'untested']);
    expect(widthProblem(3.2, [3.3, 3.1, 3.2], 3.9)).toBeUndefined();
    // What one witness doubts stays rejected when the stars have rejected it.
    const [opinion] = cells.map(({ gate }) => gate.acceptance!);
    const rejected = { ...opinion, verdict: 'rejected', reasons: ['stars'] } as const;
    expect(worsened(rejected, 'untested', 'width')).toMatchObject({ verdict: 'rejected', reasons: ['stars', 'width'] });
    expect(worsened({ ...rejected, verdict: 'untested' }, 'rejected', 'width')).toMatchObject({ reasons: ['width'] });
  });

  it('the judges of all cells together see a bias that those of one cannot', () => {
    const tags = Array.from({ length: 12 }, (_, k) => String(k));
    const good = judgeBand(tags.map((tag) => cellOf(tag, 3.2, { count: 3 })), undefined); // biome-ignore format: one field
    expect(good.band).toMatchObject({ cells: 12, stars: 36 });
    expect(Math.abs(good.band.bias.value)).toBeLessThan(3 * good.band.bias.error);
    expect(verdicts(good.cells)).not.toContain('rejected');
    const wide = tags.map((tag) => cellOf(tag, 3.2 * 1.02, { truth: 3.2, snr: 100, count: 3 }));
    expect(new Set(verdicts(wide))).toEqual(new Set(['untested']));
    const judged = judgeBand(wide, undefined);
    expect(judged.band.verdict).toBe('rejected');
    expect(judged.band.bias.value).toBeGreaterThan(0.012);
    expect(new Set(verdicts(judged.cells))).toEqual(new Set(['rejected']));
    expect(judged.cells[0].gate.acceptance?.reasons).toEqual([
      expect.stringMatching(/all cells together find fluxes off by [12]/),
    ]);
  });
});
