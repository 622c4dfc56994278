import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digestKey, keyedUniform, PURPOSE, TaskDraws } from '../../../src/pipelines/injection/manifest/draws.ts';
import { formatG, GRIDS, gridConfigs } from '../../../src/pipelines/injection/manifest/grids.ts';
import { placeSource } from '../../../src/pipelines/injection/manifest/placement.ts';
import { discRadii, drawNuisance } from '../../../src/pipelines/injection/manifest/priors.ts';
import { taskIdOf } from '../../../src/pipelines/injection/manifest/rows.ts';
import { lensParameters } from '../../../src/sky/lensing/parameters.ts';

interface Golden {
  readonly host: string;
  readonly config_id: string;
  readonly replicate: number;
  readonly task_id: string;
  readonly task_seed64: string;
  readonly host_uniforms: number[];
  readonly [draw: string]: unknown;
}

const golden = JSON.parse(readFileSync(new URL('fixtures/manifest/draws.json', import.meta.url), 'utf8')) as Golden[];
const EXPERIMENT = 'debug_stamp64_bandsgrz_gridgrid_small';
const grid = gridConfigs('grid_small', GRIDS.grid_small);

describe('grids', () => {
  it.each([
    ['grid_small', 48, 'grid_small_0001_te0.3_dm1_rf0.08_e0_sh0', 'grid_small_0048_te1_dm2_rf0.15_e0.3_sh0.03'],
    ['grid_medium', 360, 'grid_medium_0001_te0.25_dm0.5_rf0.05_e0_sh0', 'grid_medium_0360_te1.2_dm2_rf0.2_e0.4_sh0.03'],
    ['grid_full', 3024, 'grid_full_0001_te0.2_dm0.25_rf0.04_e0_sh0', 'grid_full_3024_te1.6_dm2.5_rf0.25_e0.4_sh0.04'],
    ['grid_sota', 1008, 'grid_sota_0001_te0.5_dm0.5_rf0.06_e0_sh0', 'grid_sota_1008_te2.5_dm2_rf0.2_e0.4_sh0.04'],
  ] as const)('%s has %i points, named from %s to %s', (name, size, first, last) => {
    const configs = gridConfigs(name, GRIDS[name]);
    expect(configs).toHaveLength(size);
    expect(configs[0].configId).toBe(first);
    expect(configs.at(-1)?.configId).toBe(last);
    expect(new Set(configs.map(({ configId }) => configId)).size).toBe(size);
  });

  it('the last axis runs fastest: theta, dmag, reff, e, shear', () => {
    expect(grid.slice(0, 5).map(({ configId }) => configId)).toEqual([
      'grid_small_0001_te0.3_dm1_rf0.08_e0_sh0',
      'grid_small_0002_te0.3_dm1_rf0.08_e0_sh0.03',
      'grid_small_0003_te0.3_dm1_rf0.08_e0.3_sh0',
      'grid_small_0004_te0.3_dm1_rf0.08_e0.3_sh0.03',
      'grid_small_0005_te0.3_dm1_rf0.15_e0_sh0',
    ]);
  });

  it.each([
    [0, '0'],
    [1, '1'],
    [0.1, '0.1'],
    [100, '100'],
    [123456, '123456'],
    [1234567, '1.23457e+06'],
    [999999.5, '1e+06'],
    [0.0001, '0.0001'],
    [0.00001234, '1.234e-05'],
    [1 / 3, '0.333333'],
    [-2.5, '-2.5'],
  ])('%d is %s as Python writes :g', (value, text) => {
    expect(formatG(value)).toBe(text);
  });
});

describe('frozen draws', () => {
  it.each(golden)('task_id, seed and every draw of $config_id agree with the page computed in Python', (row) => {
    const taskId = taskIdOf(EXPERIMENT, 'all', 'train', row.host, row.config_id, row.replicate);
    expect(taskId).toBe(row.task_id);
    const draws = new TaskDraws(taskId, 42);
    expect(String(draws.seed64())).toBe(row.task_seed64);
    const config = grid.find(({ configId }) => configId === row.config_id);
    if (config === undefined) throw new Error('no such config');
    const drawn = drawNuisance('dhs_gen5', config, 20, undefined, draws);
    const lens = lensParameters({ model: 'sie', thetaEArcsec: config.thetaEArcsec, q: 0.7 });
    const [inner, outer] = discRadii('dhs_gen5');
    const radii = [inner * config.thetaEArcsec, outer * config.thetaEArcsec] as const;
    const placed = placeSource(lens, 'disc', radii, draws.stream('src_position'));
    const found = {
      src_x_arcsec: placed?.x,
      src_y_arcsec: placed?.y,
      src_phi_rad: drawn.srcPhiRad,
      shear_phi_rad: drawn.shearPhiRad,
      src_gr: drawn.srcGr,
      src_rz: drawn.srcRz,
      lens_e: drawn.lensE,
      lens_phi_rad: drawn.lensPhiRad,
      template_u: drawn.templateU,
    };
    for (const [name, value] of Object.entries(found)) expect(value, name).toBeCloseTo(row[name] as number, 13);
    expect(drawn).toMatchObject({ srcMagR: 20 + config.srcDmag, srcN: 1, lensXArcsec: 0, lensYArcsec: 0 });
    const [low, high] = digestKey(row.host);
    const { stratum, sample, config: choice, control } = PURPOSE;
    expect([stratum, sample, choice, control].map((purpose) => keyedUniform(low, high, 13, purpose))).toEqual(row.host_uniforms);
  });

  it('the generations of the originals draw alike; the successor draws what it says', () => {
    const draws = (index: number) => new TaskDraws(`task ${index}`, 7);
    for (const prior of ['dhs_gen1', 'dhs_gen2', 'dhs_gen3', 'dhs_gen4'] as const)
      expect(drawNuisance(prior, grid[3], 20, undefined, draws(0))).toEqual(
        drawNuisance('dhs_gen5', grid[3], 20, undefined, draws(0)),
      );
    const many = Array.from({ length: 4000 }, (_, index) => drawNuisance('srg_2026', grid[3], 20, undefined, draws(index)));
    const mean = (pick: (one: (typeof many)[number]) => number) => many.reduce((sum, one) => sum + pick(one), 0) / many.length;
    const sd = (pick: (one: (typeof many)[number]) => number) => {
      const centre = mean(pick);
      return Math.sqrt(mean((one) => (pick(one) - centre) ** 2));
    };
    // Standard errors of 4000 draws; five of them.
    expect(Math.abs(mean((one) => one.srcGr) - 1.15)).toBeLessThan((5 * 0.3) / Math.sqrt(4000));
    expect(Math.abs(mean((one) => one.srcRz) - 0.85)).toBeLessThan((5 * 0.2) / Math.sqrt(4000));
    expect(Math.abs(mean((one) => one.srcMagR) - 24.5)).toBeLessThan((5 * 0.866) / Math.sqrt(4000));
    expect(Math.abs(mean((one) => one.srcReffArcsec) - 0.325)).toBeLessThan(5 * 0.0016);
    expect(Math.abs(mean((one) => one.srcN) - 1.25)).toBeLessThan(5 * 0.0069);
    expect(sd((one) => one.lensXArcsec) / 0.05).toBeCloseTo(1, 1);
    expect(sd((one) => one.shear * Math.cos(2 * one.shearPhiRad)) / 0.05).toBeCloseTo(1, 1);
    expect(sd((one) => one.shear * Math.sin(2 * one.shearPhiRad)) / 0.05).toBeCloseTo(1, 1);
    for (const one of many) {
      expect(one.srcDmag).toBe(one.srcMagR - 20);
      expect(one.lensE).toBeLessThanOrEqual((1 - 0.5) / 1.5);
      expect(one.srcE).toBeLessThanOrEqual(0.7 / 1.3);
    }
  });

  it('a lens that follows its host has the position angle of the light, East of North, and q near its own', () => {
    // PA = 0.5 atan2(0.3, 0) = 45 deg East of North; East is left, so 135 deg from +x.
    const shape = { e1: 0, e2: 0.3 };
    const lenses = Array.from({ length: 500 }, (_, index) =>
      drawNuisance('srg_2026', grid[0], 20, shape, new TaskDraws(`${index}`, 1)),
    );
    for (const { lensPhiRad } of lenses) expect(lensPhiRad).toBeCloseTo((3 * Math.PI) / 4, 12);
    const q = lenses.map(({ lensE }) => (1 - lensE) / (1 + lensE));
    expect(q.reduce((a, b) => a + b, 0) / q.length).toBeCloseTo(0.7 / 1.3, 1);
    expect(Math.min(...q)).toBeCloseTo(0.5, 12);
    // North-South light: PA 0, 90 deg from +x.
    const north = drawNuisance('dhs_gen5', grid[0], 20, { e1: 0.2, e2: 0 }, new TaskDraws('x', 1));
    expect(north.lensPhiRad).toBeCloseTo(Math.PI / 2, 12);
    // A round host has no axis, an unknown one no say.
    const free = drawNuisance('dhs_gen5', grid[0], 20, undefined, new TaskDraws('x', 1));
    expect(drawNuisance('dhs_gen5', grid[0], 20, { e1: 0, e2: 0 }, new TaskDraws('x', 1)).lensPhiRad).toBe(free.lensPhiRad);
    expect(drawNuisance('dhs_gen5', grid[0], 20, { e1: Number.NaN, e2: 0 }, new TaskDraws('x', 1))).toEqual(free);
  });
});
