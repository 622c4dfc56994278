import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { FitFileSchema } from '../../../src/pipelines/photometry/config.ts';
import { dilate, subtractBackground } from '../../../src/pipelines/photometry/epsf/background.ts';
import { judgeBand, widthProblem } from '../../../src/pipelines/photometry/epsf/band-gate.ts';
import { splitStars } from '../../../src/pipelines/photometry/epsf/build.ts';
import { halfPeakWidth, halfSampleMode } from '../../../src/pipelines/photometry/epsf/candidates.ts';
import type { CellOutcome, CellTask, EpsfSettings } from '../../../src/pipelines/photometry/epsf/cell-types.ts';
import { annulusOf, cutStars } from '../../../src/pipelines/photometry/epsf/cutouts.ts';
import { chooseFallback, moffatStamp } from '../../../src/pipelines/photometry/epsf/frame-psf.ts';
import { clipAboutMedian, medianOfPixels } from '../../../src/pipelines/photometry/epsf/medians.ts';
import { PointGrid } from '../../../src/pipelines/photometry/epsf/point-grid.ts';
import { selectStars } from '../../../src/pipelines/photometry/epsf/select.ts';
import { SourceIndex } from '../../../src/pipelines/photometry/epsf/source-index.ts';
import { acceptEpsf, splineCoefficients } from '../../../src/sky/epsf/index.ts';
import { integrated, moffat, simulateStars } from '../../support/epsf-stars.ts';

const settingsOf = (epsf: Record<string, unknown> = {}): EpsfSettings =>
  FitFileSchema.parse({ inputs: { input_catalog: 'c', image_list_file: 'i' }, outputs: { work_dir: '/w' }, epsf }).epsf;

const SIZE = 160;
type Source = { x: number; y: number; flux: number; fwhm?: number };

/** A section with stars in noise of sigma 1 and a cell that is all of it. */
function taskOf(sources: readonly Source[], epsf: Record<string, unknown> = {}, more: Partial<CellTask> = {}): CellTask {
  const random = new PhiloxStream(philoxKey(11));
  const image = Float32Array.from({ length: SIZE * SIZE }, () => random.normal());
  for (const { x, y, flux, fwhm = 3 } of sources) {
    const [left, low] = [Math.round(x) - 15, Math.round(y) - 15];
    integrated(moffat(fwhm, 3.5), x - left, y - low, 31).forEach((value, k) => {
      image[(low + Math.floor(k / 31)) * SIZE + left + (k % 31)] += flux * value;
    });
  }
  const box = { x0: 0, y0: 0, width: SIZE, height: SIZE };
  return {
    frame: { band: 'm400', sigmaSky: 1, saturation: Number.POSITIVE_INFINITY, gain: 1e6, fwhmPx: 3 },
    cell: { ...box, row: 0, column: 0, tag: 'r00_c00' },
    section: box,
    image,
    bad: new Uint8Array(SIZE * SIZE),
    seeds: { x: new Float64Array(0), y: new Float64Array(0) },
    known: knownAt(),
    profile: 'arclet',
    settings: settingsOf({ cutout_size: 21, edge_pad: 2, min_sep: 20, minarea: 9, ...epsf }),
    folder: '',
    dpi: 75,
    ...more,
  };
}

/** Sources of the catalogue: x, y, flux, and whether TYPE calls them a galaxy. */
function knownAt(...rows: [number, number, number, boolean?][]): CellTask['known'] {
  return {
    x: Float64Array.from(rows, ([x]) => x),
    y: Float64Array.from(rows, ([, y]) => y),
    flux: Float64Array.from(rows, ([, , flux]) => flux),
    extended: Uint8Array.from(rows, ([, , , galaxy]) => +(galaxy ?? false)),
  };
}

const seedsAt = (...places: [number, number][]) => ({
  x: Float64Array.from(places, ([x]) => x),
  y: Float64Array.from(places, ([, y]) => y),
});
const near = (stars: readonly { x: number; y: number }[]) => stars.map(({ x, y }) => [Math.round(x), Math.round(y)]);

describe('selection of stars', () => {
  it('ranks detections by flux, keeps them apart, and stops at max_stars', () => {
    const sources = [
      { x: 40, y: 40, flux: 3000 },
      { x: 55, y: 40, flux: 2500 },
      { x: 100, y: 40, flux: 2000 },
      { x: 40, y: 100, flux: 1500 },
    ];
    const task = taskOf(sources, { max_neighbour_flux: 1 });
    expect(near(selectStars(task, task.image).stars)).toEqual([[40, 40], [100, 40], [40, 100]]); // biome-ignore format: one list
    const two = taskOf(sources, { max_stars: 2, max_neighbour_flux: 1 });
    expect(selectStars(two, two.image).stars.map(({ id }) => id)).toEqual([0, 1]);
  });

  it('leaves stars near saturation out, at the limit of SATURATE / 1.3', () => {
    const sources = [
      { x: 40, y: 40, flux: 20_000 },
      { x: 100, y: 100, flux: 4000 },
    ];
    const peak = 4000 * integrated(moffat(3, 3.5), 15, 15, 31)[15 * 31 + 15];
    const facts = { band: 'm400', sigmaSky: 1, gain: 1e6, fwhmPx: 3 };
    const task = taskOf(sources, {}, { frame: { ...facts, saturation: 1.5 * peak } });
    expect(near(selectStars(task, task.image).stars)).toEqual([[100, 100]]);
    const lower = taskOf(sources, {}, { frame: { ...facts, saturation: 1.2 * peak } });
    expect(selectStars(lower, lower.image).stars).toEqual([]);
    const seeded = taskOf(sources, {}, { frame: { ...facts, saturation: 1.5 * peak }, seeds: seedsAt([43, 42], [99, 101]) });
    expect(selectStars(seeded, seeded.image).stars).toMatchObject([{ origin: 'both' }]);
  });

  it('takes a Gaia star without detection where its S/N is enough, and none on a bad pixel', () => {
    const faint = { x: 80, y: 80, flux: 140 };
    const task = taskOf([faint], { minarea: 60, gaia_snr_min: 10 }, { seeds: seedsAt([80, 80], [120, 120]) });
    expect(selectStars(task, task.image)).toMatchObject({ seeds: 2, candidates: 0, stars: [{ x: 80, y: 80, origin: 'gaia' }] });
    task.bad[80 * SIZE + 80] = 1;
    expect(selectStars(task, task.image).stars).toEqual([]);
  });

  it('gives each detection to one Gaia star only', () => {
    const task = taskOf([{ x: 80.3, y: 79.8, flux: 3000 }], { min_sep: 0 }, { seeds: seedsAt([81, 80], [80, 80]) });
    const { stars } = selectStars({ ...task, profile: 'tract7dt' }, task.image);
    expect(stars[0].x).toBeCloseTo(80.3, 1);
    expect(stars[1]).toMatchObject({ x: 80, y: 80, origin: 'both' });
    // Two stars that cannot be told apart are none that can be trusted to be alone.
    expect(selectStars(task, task.image).stars).toEqual([]);
  });

  it('tells galaxies from stars by the most common width; tract7dt takes what is brightest', () => {
    const sources: Source[] = [];
    for (let k = 0; k < 25; k++) {
      const [x, y] = [20 + 30 * (k % 5), 20 + 30 * Math.floor(k / 5)];
      sources.push(k % 3 === 0 ? { x, y, flux: 9000, fwhm: 5 + 0.6 * k } : { x, y, flux: 1500 + k });
    }
    const galaxies = (task: CellTask) =>
      selectStars(task, task.image).stars.filter((star) =>
        sources.some(({ x, y, fwhm }) => fwhm !== undefined && Math.hypot(x - star.x, y - star.y) < 2),
      ).length;
    expect(galaxies(taskOf(sources))).toBe(0);
    expect(galaxies(taskOf(sources, {}, { profile: 'tract7dt' }))).toBeGreaterThan(3);
  });

  it('holds every fifth star out of eight or more, and none of seven', () => {
    const settings = settingsOf();
    expect(splitStars(7, 'arclet', settings).judges).toEqual([]);
    expect(splitStars(12, 'arclet', settings)).toEqual({ makers: [0, 1, 2, 3, 5, 6, 7, 8, 10, 11], judges: [4, 9] });
    expect(splitStars(12, 'tract7dt', settings).judges).toEqual([]);
  });
});

describe('isolation of stars', () => {
  const bright = { x: 50, y: 50, flux: 4000 };
  const chosen = (task: CellTask) => near(selectStars(task, task.image).stars);

  it('leaves out stars with neighbours, by detection, by the catalogue, and by Gaia', () => {
    const other = { x: 110, y: 110, flux: 3000 };
    const sources = [bright, { x: 57, y: 50, flux: 1000 }, other];
    const few = { holdout_min_stars: 1 };
    expect(chosen(taskOf(sources, few))).toEqual([[110, 110]]);
    // Too faint to be detected: 5 % at 1.3 FWHM.
    const known = knownAt([50, 50, 4000], [54, 50, 200], [110, 110, 3000], [114, 110, 20]);
    expect(chosen(taskOf([bright, other], few, { known }))).toEqual([[110, 110]]);
    // Without a flux the image is asked: there is light at one place, and none at the other.
    const unknown = knownAt([50, 50, Number.NaN], [55, 50, Number.NaN], [110, 110, Number.NaN], [115, 110, Number.NaN]);
    const lit = taskOf([bright, { x: 55, y: 50, flux: 300 }, other], { ...few, minarea: 60 }, { known: unknown });
    expect(chosen({ ...lit, settings: { ...lit.settings, minarea: 9 } })).toEqual([[110, 110]]);
    const listed = taskOf([bright, { x: 54, y: 50, flux: 400 }, other], few, { seeds: seedsAt([50, 50], [54, 50], [110, 110]) });
    expect(chosen(listed)).toEqual([[110, 110]]);
    expect(chosen({ ...listed, profile: 'tract7dt' })).toContainEqual([50, 50]);
  });

  it('takes far neighbours for less, by the fourth power of their distance', () => {
    const { contamination } = selectStars(
      taskOf([bright], { holdout_min_stars: 1 }, { known: knownAt([50, 50, 4000], [62, 50, 400], [50, 54, 20]) }),
      taskOf([bright]).image,
    ).stars[0];
    expect(contamination).toBeCloseTo(0.1 * (6 / 12) ** 4 + 0.005, 4);
  });

  it('takes crowded stars where there are too few, those with the least light of others first, and says so', () => {
    const sources = [bright, { x: 110, y: 110, flux: 3000 }, { x: 50, y: 110, flux: 3000 }, { x: 110, y: 50, flux: 3000 }];
    const known = knownAt(
      [50, 50, 4000],
      [110, 110, 3000],
      [113, 110, 210],
      [50, 110, 3000],
      [53, 110, 120],
      [110, 50, 3000],
      [113, 50, 900],
    );
    const task = taskOf(sources, { holdout_min_stars: 8 }, { known });
    const { stars, isolation } = selectStars(task, task.image);
    expect(near(stars)).toEqual([[50, 50], [50, 110], [110, 110]]); // biome-ignore format: one list
    expect(isolation).toMatchObject({
      eligible: 4,
      isolated: 1,
      crowded_used: 2,
      note: expect.stringContaining('1 isolated stars are fewer than 8'),
    });
    const enough = taskOf(sources, { holdout_min_stars: 1 }, { known });
    expect(near(selectStars(enough, enough.image).stars)).toEqual([[50, 50]]);
    expect(selectStars(enough, enough.image).isolation).not.toHaveProperty('note');
  });

  it('takes no Gaia star on a detection that is no candidate, and no galaxy of the catalogue that Gaia does not list', () => {
    // Two stars that run into each other: too long for a star.
    const pair = taskOf([bright, { x: 53, y: 50, flux: 3500 }], {}, { seeds: seedsAt([50, 50]) });
    const round = { ...pair, settings: { ...pair.settings, qRange: [0, 1.1] as [number, number] } };
    expect(selectStars(round, round.image)).toMatchObject({ candidates: 0, stars: [] });
    const known = knownAt([50, 50, 4000, true]);
    const galaxy = taskOf([bright], {}, { known });
    expect(selectStars(galaxy, galaxy.image)).toMatchObject({ stars: [], isolation: { galaxies_of_catalogue: 1 } });
    const listed = taskOf([bright], {}, { known, seeds: seedsAt([50, 50]) });
    expect(chosen(listed)).toEqual([[50, 50]]);
  });

  it('gives pixels of neighbours no weight, and keeps the core of the star', () => {
    const task = taskOf(
      [bright, { x: 60, y: 50, flux: 2000 }],
      { cutout_size: 31 },
      { known: knownAt([50, 50, 4000], [50, 60, 100]) },
    );
    const { stars, neighbourhood } = selectStars({ ...task, settings: { ...task.settings, maxNeighbourFlux: 1 } }, task.image);
    const { weight } = cutStars(task, task.image, [stars[0]], neighbourhood)[0].cutout;
    const at = (dx: number, dy: number) => weight[(15 + dy) * 31 + 15 + dx];
    expect([at(10, 0), at(8, 0), at(0, 10), at(0, 7)]).toEqual([0, 0, 0, 0]);
    for (const [dx, dy] of [[0, 0], [3, 0], [-10, 0], [0, -10], [0, 3]]) expect(at(dx, dy)).toBeGreaterThan(0); // biome-ignore format: one list
    expect(Math.min(...Array.from(cutStars(task, task.image, [stars[0]])[0].cutout.weight))).toBeGreaterThan(0);
  });

  it('finds sources of the catalogue near a box, with fluxes of the band', () => {
    const place = (x: number, y: number, type: string) => ({ x, y, type });
    const sources = [
      place(10, 10, 'STAR'),
      place(140, 130, 'EXP'),
      place(Number.NaN, 5, 'STAR'),
      place(160, 10, ''),
      place(-30, 12, 'STAR'),
    ];
    const field = { sources, columns: { FLUX_m400: ['7', '', '1', '2', '3'] }, box: { x0: 0, y0: 0, width: 300, height: 300 } };
    const index = new SourceIndex(field as unknown as ConstructorParameters<typeof SourceIndex>[0]);
    const { x, y, flux, extended } = index.near({ x0: 100, y0: 100, width: 50, height: 50 }, 90, 'm400');
    expect([...x]).toEqual([-90, 60, 40]);
    expect([...y]).toEqual([-90, -90, 30]);
    expect([...flux]).toEqual([7, 2, Number.NaN]);
    expect([...extended]).toEqual([0, 0, 1]);
    expect(index.near({ x0: 0, y0: 0, width: 1, height: 1 }, 40, 'm500').flux).toEqual(Float64Array.of(Number.NaN, Number.NaN));
  });
});

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
    const width = (flux: number) =>
      halfPeakWidth(
        Float32Array.from(integrated(moffat(4, 3.5), 15, 15, 31), (value) => flux * value),
        31,
        31,
        15,
        15,
      );
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
