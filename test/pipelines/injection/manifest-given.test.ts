import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFits } from '../../../src/io/fits/node.ts';
import type { TableSchema } from '../../../src/io/table.ts';
import { MANIFEST_COLUMNS } from '../../../src/pipelines/injection/columns.ts';
import { manifestFolder } from '../../../src/pipelines/injection/layout.ts';
import {
  hostRows,
  newFolder,
  rowsOf,
  runManifest,
  type TableRow,
  tableOf,
  writeCsvRows,
  writeParquetTable,
} from './manifest-support.ts';

const folder = newFolder();
let variants = 0;
const fresh = (more: Readonly<Record<string, unknown>>) => ({ output: folder, variant: `v${variants++}`, ...more });
const placeOf = (config: { output?: string | undefined; variant: string; manifestsSubdir: string }) =>
  manifestFolder({ ...config, output: config.output as string });

/** Rows as the originals wrote them: their columns only, in no order. */
const theirs = (count: number): TableRow[] =>
  hostRows(count, 5).map((host, index) => ({
    ...host,
    task_id: `${(index * 7919) % count}`.padStart(64, 'a'),
    experiment_id: 'train_stamp64_bandsgrz_gridgrid_small',
    region_split: ['val', 'train', 'test'][index % 3],
    region_id: index % 4,
    config_id: 'grid_small_0001',
    theta_e_arcsec: index % 2,
    src_dmag: 1.5,
    src_reff_arcsec: 0.1,
    src_e: 0.2,
    shear: 0.03,
    src_x_arcsec: 0.1,
    src_y_arcsec: -0.05,
    src_phi_rad: 1,
    shear_phi_rad: 0.4,
    src_gr: 0.2,
    src_rz: 0.1,
    lens_model: index % 2 === 0 ? 'CONTROL' : 'SIE',
    lens_e: 0.3,
    lens_phi_rad: 0.7,
    stamp_size: 64,
    bandset: 'grz',
    replicate: 0,
    is_control: index % 2 === 0 ? 1 : 0,
  }));

describe('the same targets', () => {
  it('as CSV, Parquet, a folder of parts and FITS with capitals give the same manifest', async () => {
    const rows = hostRows(300, 6);
    const csv = writeCsvRows(folder, 'same.csv', rows);
    const numbers = ['ra', 'dec', 'rmag', 'zmag', 'w1mag', 'psfsize_r', 'psfdepth_r'];
    const schema: TableSchema = {
      columns: [{ name: 'brickname', type: 'string' }, ...numbers.map((name) => ({ name, type: 'float64' as const }))],
    };
    const batchOf = (some: readonly TableRow[]) => ({
      rows: some.length,
      columns: {
        brickname: some.map((row) => String(row['brickname'])),
        ...Object.fromEntries(numbers.map((name) => [name, Float64Array.from(some, (row) => Number(row[name]))])),
      },
    });
    const parquet = await writeParquetTable(folder, 'same.parquet', schema, [
      batchOf(rows.slice(0, 100)),
      batchOf(rows.slice(100)),
    ]);
    await writeParquetTable(join(folder, 'parts'), 'a/part-0.parquet', schema, [batchOf(rows.slice(0, 170))]);
    await writeParquetTable(join(folder, 'parts'), 'b/part-0.parquet', schema, [batchOf(rows.slice(170))]);
    const fits = join(folder, 'same.fits');
    await writeFits(fits, [
      { kind: 'empty' },
      {
        kind: 'table',
        name: 'CATALOGUE',
        columns: [
          { name: 'BRICKNAME', values: rows.map((row) => String(row['brickname'])) },
          ...numbers.map((name) => ({ name: name.toUpperCase(), values: Float64Array.from(rows, (row) => Number(row[name])) })),
        ],
      },
    ]);
    const manifestOf = async (targets: string) => rowsOf((await runManifest(fresh({ targets, tiers: ['train'] }))).config);
    const expected = await manifestOf(csv);
    expect(expected).toHaveLength(600);
    for (const targets of [parquet, join(folder, 'parts'), fits]) expect(await manifestOf(targets)).toEqual(expected);
  });
});

describe('a manifest as targets', () => {
  it('of the originals: taken as it is, in order, its missing columns filled', async () => {
    const rows = theirs(240);
    const run = await runManifest(fresh({ targets: writeCsvRows(folder, 'theirs.csv', rows), part_rows: 20 }));
    expect(run.facts['targets_kind']).toBe('manifest');
    const found = await rowsOf(run.config, 'train_stamp64_bandsgrz_gridgrid_small');
    expect(found).toHaveLength(240);
    const byId = new Map(found.map((row) => [row.task_id, row]));
    for (const row of rows) {
      const { psfsize_r, ...kept } = row;
      expect(byId.get(String(row['task_id']))).toMatchObject(kept);
    }
    const needed = MANIFEST_COLUMNS.filter(({ nullable }) => !nullable).map(({ name }) => name);
    expect(found.flatMap((row) => needed.filter((name) => row[name as keyof typeof row] === null))).toEqual([]);
    for (const row of found) {
      if (row.is_control === 1) expect(row).toMatchObject({ n_images: null, src_mag_r: null, src_n: 0 });
      else {
        expect(row).toMatchObject({ src_n: 1, lens_x_arcsec: 0, lens_y_arcsec: 0, prior: 'given', tier: 'train', n_images: 4 });
        expect(Number(row.src_mag_r)).toBeCloseTo(Number(row.rmag) + 1.5, 12);
        expect(Number(row.theta_e_effective_arcsec)).toBeGreaterThan(0.95);
      }
    }
    const order = found.map((row) => `${row.region_split} ${row.brickname}`);
    expect(order).toEqual(order.toSorted());
  });

  it('of ours comes out as it went in, and takes the new name of the config', async () => {
    const targets = writeCsvRows(folder, 'hosts.csv', hostRows(60, 4));
    const first = await runManifest(fresh({ targets, tiers: ['train'] }));
    const rows = await rowsOf(first.config);
    const given = join(placeOf(first.config), 'train_stamp64_bandsgrz_gridgrid_small');
    expect(await rowsOf((await runManifest(fresh({ targets: given }))).config)).toEqual(rows);
    const renamed = await runManifest(fresh({ targets: given, experiment_id: 'mine', test_limit: 10 }));
    const limited = await rowsOf(renamed.config, 'mine');
    const bySplit = Object.entries(Object.groupBy(limited, ({ region_split }) => region_split));
    expect(limited).toHaveLength(10);
    // Of every split its first rows.
    expect(bySplit.map(([split]) => split)).toEqual([...new Set(rows.map(({ region_split }) => region_split))]);
    for (const [split, own = []] of bySplit) {
      const first = rows.filter(({ region_split }) => region_split === split).slice(0, own.length);
      expect(own).toEqual(first.map((row) => ({ ...row, experiment_id: 'mine' })));
    }
    await expect(runManifest(fresh({ targets: given, max_total_tasks_soft: 5 }))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  it('task ids that stand twice are an error that names them, before anything is written', async () => {
    const rows = theirs(30);
    const doubled = [...rows, { ...rows[3], ra: 12 }, { ...rows[5] }];
    const config = fresh({ targets: writeCsvRows(folder, 'doubled.csv', doubled) });
    await expect(runManifest(config)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining(String(rows[3]['task_id'])),
      data: { duplicates: 2 },
    });
    await expect(
      rowsOf((await runManifest({ ...config, targets: writeCsvRows(folder, 'single.csv', rows) })).config),
    ).resolves.toHaveLength(30);
  });

  it('columns that are missing are named; rows without position, id, split or a possible theta_e are listed', async () => {
    const rows = theirs(20);
    const without = rows.map(({ src_x_arcsec, brickname, ...rest }) => rest);
    await expect(runManifest(fresh({ targets: writeCsvRows(folder, 'few.csv', without) }))).rejects.toThrow(
      /brickname, src_x_arcsec/,
    );
    const bad = [
      { ...rows[0], task_id: '' },
      { ...rows[1], ra: '' },
      { ...rows[2], dec: 95 },
      { ...rows[3], theta_e_arcsec: -1 },
      { ...rows[4], region_split: 'holdout' },
      { ...rows[5], brickname: '' },
      { ...rows[6], brickname: '9999p999' },
    ].map((row, index) => ({ ...row, ...(index === 0 ? {} : { task_id: `bad${index}` }) }));
    const run = await runManifest(fresh({ targets: writeCsvRows(folder, 'bad.csv', [...rows, ...bad] as never) }));
    expect(run.result.counts).toMatchObject({ rows: 20, rejected: 7 });
    const listed = await tableOf(join(placeOf(run.config), 'rejected.parquet'));
    expect(listed.map(({ row, reason }) => `${row} ${reason}`)).toEqual([
      '20 task_id_missing',
      '21 ra_missing',
      '22 dec_out_of_range',
      '23 theta_e_invalid',
      '24 split_unknown',
      '25 brickname_missing',
      '26 brickname_malformed',
    ]);
  });
});
