import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestFolder } from '../../../src/pipelines/injection/layout.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { hostRows, newFolder, type Run, rowsOf, runManifest, tableOf, writeCsvRows } from './manifest-support.ts';

const folder = newFolder();
const targets = writeCsvRows(
  folder,
  'targets.csv',
  hostRows(900, 18, (index) => ({ region_split: ['train', 'val', 'test'][index % 3] })),
);
let variants = 0;
/** A variant of its own for every run, so that none is in the way of another. */
const fresh = (more: Readonly<Record<string, unknown>> = {}) => ({ targets, output: folder, variant: `v${variants++}`, ...more });
const placeOf = ({ config }: Run) =>
  manifestFolder({ output: config.output as string, variant: config.variant, manifestsSubdir: config.manifestsSubdir });

describe('targets', () => {
  const sweep = () => shared('data/a_legacy/sweep-320m005-330p000.fits');

  it.skipIf(!hasShared)('a real sweep: dereddened fluxes, inverse variances as depths, E(B-V)', async () => {
    const run = await runManifest(fresh({ targets: sweep(), tiers: ['train'], control_frac_train: 0 }));
    expect(run.facts['columns']).toMatchObject({
      rmag: 'FLUX_R / MW_TRANSMISSION_R',
      psfdepth_r: 'PSFDEPTH_R (inverse_variance)',
    });
    const rows = await rowsOf(run.config);
    expect(rows).toHaveLength(12);
    for (const row of rows) {
      expect(Number(row.psfdepth_r)).toBeGreaterThan(23);
      expect(Number(row.psfdepth_r)).toBeLessThan(26);
      expect(Number(row.rz)).toBeCloseTo(Number(row.rmag) - Number(row.zmag), 12);
    }
  });

  it.skipIf(!hasShared)(
    'the real bricks: nine targets of one brick, and the grades of known lenses that are none of them',
    async () => {
      const run = await runManifest(
        fresh({
          targets: shared('data/bricks/targets.csv'),
          known_lenses: shared('data/a_legacy/desi_candidates.csv'),
          tiers: ['debug'],
          n_per_config_debug: 9,
        }),
      );
      expect(run.result.counts).toMatchObject({ rows: 9 * 48 * 2, bricks: 1, rejected: 0 });
    },
  );

  it('rows that cannot be used are left out, counted and listed by reason and row number', async () => {
    const good = hostRows(30, 3);
    const bad = [
      { ...good[0], ra: 'nan' },
      { ...good[1], ra: 400 },
      { ...good[2], dec: '' },
      { ...good[3], dec: -91 },
      { ...good[4], brickname: '' },
      { ...good[5], brickname: 'brick_7' },
      { ...good[6], rmag: 'nan' },
      { ...good[7] },
      { ...good[8], brickname: '9999p999' },
      { ...good[9], brickname: '3600p050' },
    ];
    const run = await runManifest(
      fresh({ tiers: ['debug'], targets: writeCsvRows(folder, 'bad.csv', [...good, ...bad] as never) }),
    );
    expect(run.facts['rejected']).toEqual({
      ra_missing: 1,
      ra_out_of_range: 1,
      dec_missing: 1,
      dec_out_of_range: 1,
      brickname_missing: 1,
      brickname_malformed: 3,
      r_missing: 1,
      duplicate_target: 1,
    });
    const listed = await tableOf(join(placeOf(run), 'rejected.parquet'));
    expect(listed.map(({ row, reason }) => [Number(row), reason])).toEqual([
      [30, 'ra_missing'],
      [31, 'ra_out_of_range'],
      [32, 'dec_missing'],
      [33, 'dec_out_of_range'],
      [34, 'brickname_missing'],
      [35, 'brickname_malformed'],
      [36, 'r_missing'],
      [38, 'brickname_malformed'],
      [39, 'brickname_malformed'],
      [37, 'duplicate_target'],
    ]);
    expect(run.result.failures).toHaveLength(10);
  });

  it('host_conditioned needs the shapes of the hosts, and says how many have none', async () => {
    const rows = hostRows(30, 3);
    const on = { tiers: ['debug'], host_conditioned: true };
    await expect(runManifest(fresh({ ...on, targets: writeCsvRows(folder, 'round.csv', rows) }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      subject: 'host_conditioned',
      message: expect.stringContaining('shape_e1, shape_e2'),
    });
    const shaped = rows.map((row, index) => ({ ...row, shape_e1: index < 4 ? '' : 0.2, shape_e2: 0.1 }));
    const run = await runManifest(fresh({ ...on, targets: writeCsvRows(folder, 'shaped.csv', shaped) }));
    expect(run.facts['manifest_warnings']).toContainEqual(expect.stringMatching(/^4 of 30 hosts have no shape_e1, shape_e2/));
  });

  it('missing columns, flags and sets are errors that say what there is', async () => {
    const rows = hostRows(10, 2, () => ({ is_lrg: 0, selection_set_id: 'a' }));
    const without = (column: string) =>
      writeCsvRows(
        folder,
        `no-${column}.csv`,
        rows.map(({ [column]: _, ...rest }) => rest),
      );
    for (const column of ['brickname', 'ra', 'dec', 'rmag'])
      await expect(runManifest(fresh({ targets: without(column) }))).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringContaining(column),
      });
    const whole = writeCsvRows(folder, 'whole.csv', rows);
    await expect(runManifest(fresh({ targets: whole, require_lrg_flag: 'is_red' }))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await expect(runManifest(fresh({ targets: whole, require_lrg_flag: 'is_lrg' }))).rejects.toThrow(/gives no row/);
    await expect(runManifest(fresh({ targets: whole, selection_set_ids: ['b'] }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    await expect(runManifest(fresh({ targets: whole, split_by: 'region' }))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await expect(runManifest(fresh({ targets: join(folder, 'nowhere.csv') }))).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
    });
  });
});

describe('a manifest that is there', () => {
  it('is skipped for the same config and inputs, kept from others, and planned again with force', async () => {
    const own = writeCsvRows(folder, 'own.csv', hostRows(40, 4));
    const config = fresh({ tiers: ['debug'], targets: own });
    const first = await runManifest(config);
    const seed = (await rowsOf(first.config))[0].task_seed64;
    const again = await runManifest(config);
    expect(again.result.counts).toMatchObject({ skipped: 1, rows: first.result.counts['rows'] });
    await expect(runManifest({ ...config, seed_base: 7 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('another config'),
    });
    writeFileSync(own, writeAgain(own));
    await expect(runManifest(config)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('targets'),
    });
    const forced = await runManifest({ ...config, seed_base: 7 }, { force: true });
    expect(forced.result.counts).not.toHaveProperty('skipped');
    expect(seed).not.toBe((await rowsOf(forced.config))[0].task_seed64);
  });

  it('is not seen when the run that replaces it was stopped, and a rerun makes it whole', async () => {
    const config = fresh({ tiers: ['train'], part_rows: 100 });
    const first = await runManifest(config);
    const before = await rowsOf(first.config);
    const stop = new AbortController();
    stop.abort();
    await expect(runManifest(config, { force: true, signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(rowsOf(first.config)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('no finished manifest'),
    });
    expect(await rowsOf((await runManifest(config)).config)).toEqual(before);
  });

  it('says so when a part is missing', async () => {
    const run = await runManifest(fresh({ tiers: ['debug'] }));
    rmSync(join(placeOf(run), 'debug_stamp64_bandsgrz_gridgrid_small', 'part-00000.parquet'));
    await expect(rowsOf(run.config)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

function writeAgain(path: string): string {
  return `brickname,ra,dec,rmag\n0591m305,59.1,-30.4,${path.length % 20}\n`;
}
