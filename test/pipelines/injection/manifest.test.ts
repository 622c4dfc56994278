import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MANIFEST_COLUMNS, type Task } from '../../../src/pipelines/injection/columns.ts';
import { manifestFolder } from '../../../src/pipelines/injection/layout.ts';
import { groupsOf, hostRows, newFolder, type Run, rowsOf, runManifest, tableOf, writeCsvRows } from './manifest-support.ts';

const folder = newFolder();
let targets = '';
let variants = 0;
/** A variant of its own for every run, so that none is in the way of another. */
const fresh = (more: Readonly<Record<string, unknown>> = {}) => ({ targets, output: folder, variant: `v${variants++}`, ...more });
const placeOf = ({ config }: Run) =>
  manifestFolder({ output: config.output as string, variant: config.variant, manifestsSubdir: config.manifestsSubdir });
const shareOfControls = (rows: readonly Task[]) => rows.filter((row) => row.is_control === 1).length / rows.length;

/** 12 sets x 3 splits x 5 hosts and more: regions 0..8, three per split, every region in every set. */
const REGIONS = 9;
const splitOfRegion = (region: number) => ['train', 'val', 'test'][region % 3];

beforeAll(() => {
  targets = writeCsvRows(
    folder,
    'targets.csv',
    hostRows(1800, 36, (index) => ({ region_id: (index % 36) % REGIONS, region_split: splitOfRegion((index % 36) % REGIONS) })),
  );
});

describe('tiers', () => {
  it('the debug tier of the originals is 17 280 rows: 12 sets x 3 splits x 5 hosts x 48 configs x 2 replicates', async () => {
    const selections = Array.from({ length: 12 * REGIONS }, (_, index) => ({
      selection_set_id: `set_${String(index % 12).padStart(2, '0')}`,
      selection_strategy: 'stratified',
      ranking_mode: 'n_lrg',
      region_id: Math.floor(index / 12),
      region_split: splitOfRegion(Math.floor(index / 12)),
    }));
    const run = await runManifest(
      fresh({ tiers: ['debug'], region_selections: writeCsvRows(folder, 'selections.csv', selections) }),
    );
    expect(run.result.counts).toMatchObject({ experiments: 1, rows: 17_280 });
    const rows = await rowsOf(run.config, 'debug_stamp64_bandsgrz_gridgrid_small');
    expect(rows).toHaveLength(17_280);
    expect(new Set(rows.map(({ task_id }) => task_id)).size).toBe(17_280);
    expect(new Set(rows.map(({ selection_set_id }) => selection_set_id)).size).toBe(12);
    expect(new Set(rows.map(({ config_id }) => config_id)).size).toBe(48);
    expect(rows[0]).toMatchObject({ selection_strategy: 'stratified', ranking_mode: 'n_lrg', tier: 'debug', is_control: 0 });
    const guarded = fresh({ tiers: ['debug'], region_selections: join(folder, 'selections.csv'), max_total_tasks_soft: 17_279 });
    await expect(runManifest(guarded)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('17280'),
    });
    await expect(runManifest(fresh({ ...guarded, max_total_tasks_soft: 17_280 }))).resolves.toBeDefined();
  });

  it('train: every host once, one config each, two replicates; unpaired controls have hosts of their own', async () => {
    const run = await runManifest(fresh({ tiers: ['train'] }));
    const rows = await rowsOf(run.config);
    expect(rows).toHaveLength(3600);
    expect(Math.abs(shareOfControls(rows) - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / 1800));
    const hostsOf = (control: number) =>
      new Set(rows.filter((row) => row.is_control === control).map(({ ra, dec }) => `${ra} ${dec}`));
    const [positives, controls] = [hostsOf(0), hostsOf(1)];
    expect([...positives].filter((host) => controls.has(host))).toEqual([]);
    expect(positives.size + controls.size).toBe(1800);
    for (const row of rows.filter(({ is_control }) => is_control === 1)) {
      expect(row).toMatchObject({ lens_model: 'CONTROL', config_id: 'CONTROL', n_images: null, theta_e_effective_arcsec: null });
      for (const name of [
        'theta_e_arcsec',
        'src_dmag',
        'src_reff_arcsec',
        'src_e',
        'shear',
        'src_x_arcsec',
        'src_phi_rad',
        'lens_e',
        'lens_phi_rad',
      ] as const)
        expect(row[name]).toBe(0);
    }
    const configs = new Map<string, number>();
    for (const row of rows)
      if (row.is_control === 0) configs.set(String(row.config_id), (configs.get(String(row.config_id)) ?? 0) + 1);
    expect(configs.size).toBe(48);
    // Of about 900 positive hosts each config has 19, and no config more than 45.
    expect(Math.max(...configs.values()) / 2).toBeLessThan(45);
  });

  it('paired controls keep host and config: the rows that are controls are chosen, not the hosts', async () => {
    const run = await runManifest(fresh({ tiers: ['debug'], unpaired_controls: false, control_frac_debug: 0.5 }));
    const rows = await rowsOf(run.config);
    expect(rows).toHaveLength(3 * 5 * 48 * 2);
    expect(Math.abs(shareOfControls(rows) - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / rows.length));
    const controls = rows.filter(({ is_control }) => is_control === 1);
    for (const row of controls) expect(row).toMatchObject({ lens_model: 'CONTROL', theta_e_arcsec: 0, src_x_arcsec: 0 });
    expect(controls.every(({ config_id }) => config_id !== 'CONTROL')).toBe(true);
    const hosts = new Set(controls.map(({ ra }) => ra));
    for (const host of hosts) expect(rows.some((row) => row.ra === host && row.is_control === 0)).toBe(true);
  });

  it('a crossed tier has its share of controls too: one row per replicate, of as many hosts as that takes', async () => {
    const grid = { theta_e_arcsec: [0.5, 1], src_dmag: [1, 2], src_reff_arcsec: [0.1] };
    const run = await runManifest(
      fresh({ tiers: ['grid'], grid_grid: 'custom', custom_grid: grid, n_per_config_grid: 20, control_frac_grid: 0.2 }),
    );
    const rows = await rowsOf(run.config, 'grid_stamp64_bandsgrz_gridcustom');
    // 16 hosts x 4 configs x 2, and a quarter of that: 16 hosts x 2, in each split.
    expect(rows.filter(({ is_control }) => is_control === 0)).toHaveLength(3 * 16 * 4 * 2);
    expect(rows.filter(({ is_control }) => is_control === 1)).toHaveLength(3 * 16 * 2);
    expect(new Set(rows.map(({ config_id }) => config_id))).toEqual(
      new Set([
        'CONTROL',
        ...['te0.5_dm1', 'te0.5_dm2', 'te1_dm1', 'te1_dm2'].map((text, index) => `custom_000${index + 1}_${text}_rf0.1_e0_sh0`),
      ]),
    );
  });

  it('a crossed tier that has too few control hosts says which share it has', async () => {
    const targets = writeCsvRows(
      folder,
      'small.csv',
      hostRows(120, 12, () => ({ region_split: 'train' })),
    );
    const run = await runManifest(fresh({ targets, tiers: ['grid'], grid_grid: 'grid_small', control_frac_grid: 0.2, n_per_config_grid: 25 })); // biome-ignore format: one call
    const rows = await rowsOf(run.config);
    const share = rows.filter(({ is_control }) => is_control === 1).length / rows.length;
    expect(share).toBeLessThan(0.05);
    const said = `Controls are ${(100 * share).toFixed(1)} % of the rows, and control_frac_grid asks for 20.0 %`;
    expect(run.facts['manifest_warnings']).toContainEqual(expect.stringContaining(said));
  });

  it('experiments are tier x stamp size x bandset, each with rows of its own; test_limit takes the first rows of each split', async () => {
    const many = fresh({
      tiers: ['debug', 'train'],
      stamp_sizes: [64, 96],
      bandsets: ['r', 'grz'],
      n_total_train_per_split: 10,
      replicates: 1,
    });
    const run = await runManifest(many);
    expect(run.result.counts).toMatchObject({ experiments: 8, rows: 4 * (3 * 5 * 48 + 3 * 10) });
    const all = await rowsOf(run.config, 'debug_stamp96_bandsr_gridgrid_small');
    expect(all[0]).toMatchObject({ stamp_size: 96, bandset: 'r' });
    const limited = await runManifest({ ...many, variant: 'limited', test_limit: 7 });
    expect(limited.result.counts).toMatchObject({ experiments: 8, rows: 56 });
    // 240 rows of each split: 7 are 3, 2 and 2, and the first of them.
    const first = (split: string, rows: number) => all.filter(({ region_split }) => region_split === split).slice(0, rows);
    const wanted = [...first('test', 3), ...first('train', 2), ...first('val', 2)];
    expect(await rowsOf(limited.config, 'debug_stamp96_bandsr_gridgrid_small')).toEqual(wanted);
    const rest = { ...many, variant: 'few', test_limit: 3 };
    const few = await rowsOf((await runManifest(rest)).config, 'train_stamp64_bandsr_gridgrid_small');
    expect(few.map(({ region_split }) => region_split)).toEqual(['test', 'train', 'val']);
    const one = await runManifest({ ...many, variant: 'one', experiment_id: 'train_stamp64_bandsr_gridgrid_small' });
    expect(one.result.counts).toMatchObject({ experiments: 1, rows: 30 });
    await expect(runManifest({ ...many, variant: 'none', experiment_id: 'train' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    const renamed = await runManifest(fresh({ tiers: ['debug'], experiment_id: 'mine' }));
    expect(new Set((await rowsOf(renamed.config, 'mine')).map(({ experiment_id }) => experiment_id))).toEqual(new Set(['mine']));
  });
});

describe('rows', () => {
  it('are the same for any part size, order of targets and company of other rows', async () => {
    const first = await runManifest(fresh({ tiers: ['train'], part_rows: 2000 }));
    const reference = new Map((await rowsOf(first.config)).map((row) => [row.task_id, row]));
    const small = await rowsOf((await runManifest(fresh({ tiers: ['train'], part_rows: 37 }))).config);
    expect(small).toEqual([...reference.values()]);
    const hosts = hostRows(1800, 36, (index) => ({
      region_id: (index % 36) % REGIONS,
      region_split: splitOfRegion((index % 36) % REGIONS),
    }));
    const reversed = await runManifest(
      fresh({ tiers: ['train'], targets: writeCsvRows(folder, 'reversed.csv', hosts.toReversed()) }),
    );
    expect(await rowsOf(reversed.config)).toEqual([...reference.values()]);
    // Fewer hosts: those that are left keep every draw. Bins of strata are of the bricks that there are.
    const few = await runManifest(fresh({ tiers: ['train'], targets: writeCsvRows(folder, 'few.csv', hosts.slice(0, 60)) }));
    const rows = await rowsOf(few.config);
    expect(rows).toHaveLength(120);
    for (const row of rows) {
      const { psf_bin, depth_bin, ...rest } = row;
      expect(reference.get(row.task_id)).toMatchObject(rest);
    }
  });

  it('are sorted, and each row group has one split and whole bricks, unless a brick has more rows than a part', async () => {
    for (const partRows of [250, 60]) {
      const { config } = await runManifest(fresh({ tiers: ['train'], part_rows: partRows }));
      const groups = await groupsOf(config);
      const rows = groups.flat();
      const key = (row: Task) => [row.region_split, row.brickname, row.dec, row.ra, row.config_id, row.replicate];
      const isAfter = (before: Task, after: Task) => {
        const [one, two] = [key(before), key(after)];
        const differing = one.findIndex((value, at) => value !== two[at]);
        return differing >= 0 && (one[differing] as string) < (two[differing] as string);
      };
      expect(rows.filter((row, index) => index > 0 && !isAfter(rows[index - 1], row))).toEqual([]);
      const groupsOfBrick = new Map<string, number>();
      for (const group of groups) {
        expect(group.length).toBeLessThanOrEqual(partRows);
        expect(new Set(group.map(({ region_split }) => region_split)).size).toBe(1);
        for (const brick of new Set(group.map(({ brickname }) => brickname)))
          groupsOfBrick.set(brick, (groupsOfBrick.get(brick) ?? 0) + 1);
      }
      // 50 hosts x 2 rows a brick.
      expect(new Set(groupsOfBrick.values())).toEqual(new Set([partRows === 60 ? 2 : 1]));
    }
  });

  it('every column of the contract is there and no value that must be is missing; strata are quartiles over the bricks', async () => {
    const { config, facts } = await runManifest(fresh({ tiers: ['train'] }));
    const rows = await rowsOf(config);
    const needed = MANIFEST_COLUMNS.filter(({ nullable }) => !nullable).map(({ name }) => name as keyof Task);
    expect(rows.flatMap((row) => needed.filter((name) => row[name] === null))).toEqual([]);
    expect(rows.filter((row) => row.is_control === 0 && !(Number(row.n_images) >= 1))).toEqual([]);
    expect(facts['psf_edges_arcsec']).toEqual([1.1, 1.18, 1.27, 1.36, 1.45].map((edge) => expect.closeTo(edge, 9)));
    const share = [0, 1, 2, 3].map((bin) => rows.filter(({ psf_bin }) => psf_bin === bin).length / rows.length);
    for (const part of share) expect(Math.abs(part - 0.25)).toBeLessThan(0.03);
    const bricks = await tableOf(join(placeOf({ config } as Run), 'bricks_manifest.parquet'));
    expect(bricks).toHaveLength(36);
    expect(bricks.reduce((sum, { n_rows }) => sum + Number(n_rows), 0)).toBe(rows.length);
  });

  it('n_images and weights follow the placement; theta_e keeps the meaning that the config gives it', async () => {
    const custom = {
      grid_debug: 'custom',
      custom_grid: { theta_e_arcsec: [1], src_dmag: [1], src_reff_arcsec: [0.1], shear: [0.05] },
    };
    const of = async (more: Record<string, unknown>) =>
      rowsOf((await runManifest(fresh({ tiers: ['debug'], ...custom, ...more }))).config);
    expect(new Set((await of({ placement: 'quad' })).map(({ n_images }) => n_images))).toEqual(new Set([4]));
    expect(new Set((await of({ placement: 'double' })).map(({ n_images }) => n_images))).toEqual(new Set([2]));
    const disc = await of({});
    for (const row of disc) {
      expect(row.cross_section_weight).toBeCloseTo(Math.PI * 0.64, 12);
      expect(Math.hypot(Number(row.src_x_arcsec), Number(row.src_y_arcsec))).toBeLessThanOrEqual(0.8);
      expect(Number(row.src_mag_r)).toBeCloseTo(Number(row.rmag) + 1, 12);
    }
    const minor = await of({ conventions: 'dhs', custom_grid: { ...custom.custom_grid, shear: [0] } });
    for (const row of minor) {
      const q = (1 - Number(row.lens_e)) / (1 + Number(row.lens_e));
      // b = theta_E: the effective radius is larger by 1/sqrt(q).
      expect(Number(row.theta_e_effective_arcsec)).toBeCloseTo(1 / Math.sqrt(q), 10);
    }
  });
});
