import { describe, expect, it } from 'vitest';
import { splitStars } from '../../../src/pipelines/photometry/epsf/build.ts';
import type { CellTask } from '../../../src/pipelines/photometry/epsf/cell-types.ts';
import { cutStars } from '../../../src/pipelines/photometry/epsf/cutouts.ts';
import { selectStars } from '../../../src/pipelines/photometry/epsf/select.ts';
import { SourceIndex } from '../../../src/pipelines/photometry/epsf/source-index.ts';
import { integrated, moffat } from '../../support/epsf-stars.ts';
import { knownAt, near, SIZE, type Source, seedsAt, settingsOf, taskOf } from '../../support/epsf-task.ts';

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

  it('takes a source that the catalogue lists twice for one', () => {
    const known = knownAt([50, 50, 4000], [50, 50, 4000], [62, 50, 400]);
    const task = taskOf([bright], { holdout_min_stars: 1 }, { known });
    expect(selectStars(task, task.image).stars).toMatchObject([{ contamination: expect.closeTo(0.1 * (6 / 12) ** 4, 4) }]);
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
