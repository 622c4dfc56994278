/** What went wrong in the originals' campaigns, one test each: files, splits, caches and whole runs. Lessons about pixels are in lessons.test.ts. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { metricsColumns } from '../../../src/pipelines/injection/columns.ts';
import { madePlanes, SIDE, writeBrick, writePlane } from './bricks-made.ts';
import { bitsByTask, filesBelow, hostsAt, momentsOf, type Row, rowsBelow, rowsOf, runCampaign, surveyPixels, writeCampaign } from './campaign-support.ts'; // biome-ignore format: one import
import { writeCsvRows } from './manifest-support.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'arclet-lessons-'));
const BRICKS = ['0100p000', '0200m100'];
const BANDS = ['g', 'r', 'z'];

beforeAll(async () => {
  for (const [at, brick] of BRICKS.entries()) await writeBrick(join(ROOT, 'bricks'), brick, madePlanes(at + 1));
});

/** A campaign on the two bricks: its folder and the path of its config. */
function campaign(targets: Parameters<typeof writeCampaign>[1], config: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(ROOT, 'run-'));
  return { folder, path: writeCampaign(folder, targets, { coadd_cache: '../bricks', stamp_sizes: [32], ...config }) };
}

/** Places over the whole brick, where a stamp of 32 px fits. */
const places = (count: number): [number, number][] =>
  Array.from({ length: count }, (_, index) => [
    20 + ((index * 0.754877) % 1) * 255 + 0.013 * index,
    20 + ((index * 0.56984) % 1) * 255,
  ]);
const everywhere = (count: number) => BRICKS.flatMap((brick) => hostsAt(brick, places(count), { region_split: 'train', region_id: 1 })); // biome-ignore format: one line

describe('metrics', () => {
  it('2: every arc has a magnification, and a check refuses a set in which one has none', async () => {
    const { folder, path } = campaign(everywhere(8), { replicates: 2, control_frac_train: 0.3 });
    const { results } = await runCampaign(path, { stages: ['manifest', 'inject', 'check'] });
    const arcs = (await rowsOf(folder, 'metrics')).filter((row) => row['is_control'] === 0 && row['cutout_ok'] === 1);
    expect(arcs.length).toBeGreaterThan(10);
    expect(arcs.filter((row) => !((row['magnification'] as number) > 0))).toEqual([]);
    const { checks } = JSON.parse(readFileSync(results['check'].outputs.find((name) => name.endsWith('.json'))!, 'utf8'));
    const [gate] = checks.filter(({ name }: { name: string }) => name === 'coverage-magnification');
    // One null in a hundred rows is refused as well: see `one fault, and the check that names it` in check.test.ts.
    expect(gate).toMatchObject({ verdict: 'go', value: '100 %' });
  });

  it('12: arc_snr is a peak and called one; sums and matched filters are what they say, counted again from what was written', async () => {
    const { folder, path } = campaign(everywhere(8), { planes: ['arc'], replicates: 2 });
    await runCampaign(path);
    const meaning = new Map(metricsColumns(BANDS).map(({ name, description }) => [name, description]));
    expect(meaning.get('arc_snr')).toContain('a peak');
    const rows = (await rowsOf(folder)).filter((row) => row['cutout_ok'] === 1);
    expect(rows.some((row) => row['bad_pixel_frac'] !== 0)).toBe(true);
    for (const row of rows) {
      const mask = await surveyPixels(join(ROOT, 'bricks'), row, 'maskbits');
      for (const band of BANDS) {
        const invvar = await surveyPixels(join(ROOT, 'bricks'), row, `invvar-${band}`);
        const arc = row[`arc_${band}`] as Float32Array;
        let [peak, sum, variance, square, area, all] = [0, 0, 0, 0, 0, 0];
        for (let at = 0; at < arc.length; at++) {
          all += arc[at];
          // Bright stars, saturation and ALLMASK in g, r, z, bail-outs, medium stars.
          if (!(invvar[at] > 0) || (mask[at] & 0b1100_1111_1110) !== 0) continue;
          const snr = arc[at] * Math.sqrt(invvar[at]);
          peak = Math.max(peak, snr);
          if (snr > 1) area++;
          sum += arc[at];
          variance += 1 / invvar[at];
          square += arc[at] ** 2 * invvar[at];
        }
        const near = (name: string, value: number) =>
          expect(Math.abs((row[name] as number) / value - 1), `${name} of ${row.task_id}`).toBeLessThan(1e-5);
        if (variance === 0) expect(row[`arc_snr_mf_${band}`]).toBeNull();
        else near(`arc_snr_mf_${band}`, Math.sqrt(square));
        if (band !== 'r') continue;
        near('total_injected_flux_r', all);
        if (variance === 0) {
          for (const name of ['arc_snr', 'arc_snr_sum', 'arc_snr_mf']) expect(row[name]).toBeNull();
          continue;
        }
        near('arc_snr', peak);
        near('arc_snr_sum', sum / Math.sqrt(variance));
        near('arc_snr_mf', Math.sqrt(square));
        expect(row['arc_area_pix']).toBe(area);
      }
    }
  });
});

describe('stamps', () => {
  it('6: one row alone is what it is among others, and halves of pixels are rounded one way', async () => {
    const pixels: [number, number][] = [
      [100.5, 90],
      [101.4999, 91.5],
      [102, 92.25],
    ];
    const many = campaign(hostsAt(BRICKS[0], pixels, { region_split: 'train', region_id: 1 }));
    await runCampaign(many.path);
    const rows = await rowsOf(many.folder);
    for (const row of rows) {
      const [x0, y0, x, y] = ['stamp_x0', 'stamp_y0', 'host_x', 'host_y'].map((name) => row[name] as number);
      expect([Number.isInteger(x0), Number.isInteger(y0)]).toEqual([true, true]);
      expect([x, y].every((place) => place > 15.499 && place < 16.501)).toBe(true);
      const wanted = pixels.find(([px, py]) => Math.hypot(px - x0 - x, py - y0 - y) < 1e-6);
      expect(wanted).toBeDefined();
    }
    const alone = campaign(hostsAt(BRICKS[0], pixels.slice(1, 2), { region_split: 'train', region_id: 1 }));
    await runCampaign(alone.path);
    const [row] = await rowsOf(alone.folder);
    // Strata are of all bricks of a manifest.
    const among = rows.find(({ task_id: task }) => task === row.task_id);
    expect({ ...row, psf_bin: 0 }).toEqual({ ...among, psf_bin: 0 });
  });

  it('10: a stamp with a NaN pixel is not ok, and its neighbours are', async () => {
    const cache = mkdtempSync(join(ROOT, 'nan-'));
    const planes = madePlanes(1);
    planes['image-z'][150 * SIDE + 150] = Number.NaN;
    const [brick] = BRICKS;
    const folder = await writeBrick(cache, brick, planes);
    rmSync(join(folder, `legacysurvey-${brick}-image-z.fits.fz`));
    await writePlane(folder, brick, 'image-z', planes['image-z'], true);
    // 16 px away the pixel is the last of the stamp on one side and outside on the other.
    const { folder: run, path } = campaign(
      hostsAt(brick, [[150, 150], [134.9, 150], [133.9, 150], [166.1, 150], [167.1, 150]], { region_split: 'train', region_id: 1 }),
      { coadd_cache: cache },
    ); // biome-ignore format: places
    const { results } = await runCampaign(path);
    const rows = (await rowsOf(run)).sort((a, b) => (a['stamp_x0'] as number) - (b['stamp_x0'] as number));
    const nan = rows.map((row) => (row['image_z'] as Float32Array).some((value) => Number.isNaN(value)));
    expect(nan.filter((one) => one).length).toBe(3);
    rows.forEach((row, at) => {
      expect([row['cutout_ok'], row['metrics_ok']]).toEqual(nan[at] ? [0, 0] : [1, 1]);
      if (nan[at]) expect(row['failure']).toMatch(/^NOT_FINITE: .*band z/);
      else expect(row['failure']).toBeNull();
    });
    expect(results['inject']).toMatchObject({ outcome: 'done', counts: { unusable: 3, failed: 0 } });
  });

  it('9: a map that says 0 is no PSF: the size is the next that is known, and the row says which', async () => {
    // The made maps are 0 left of column 40.
    const { folder, path } = campaign(hostsAt(BRICKS[0], [[30, 100], [90, 100]], { region_split: 'train', region_id: 1 })); // biome-ignore format: one line
    await runCampaign(path);
    const rows = (await rowsOf(folder, 'metrics')).sort((a, b) => (a['stamp_x0'] as number) - (b['stamp_x0'] as number));
    expect(rows.map((row) => row['psf_source_r'])).toEqual([1, 0]);
    for (const row of rows) for (const band of BANDS) expect(row[`psf_fwhm_used_${band}`]).toBeGreaterThan(0.8);
  });

  it('17: the lens is on the host by the WCS of the brick, between pixels', async () => {
    const pixels: [number, number][] = [
      [100.37, 90.11],
      [150.5, 120.499],
      [201.93, 180.62],
    ];
    // A source right behind a round lens is a ring about it.
    const ring = { theta_e_arcsec: 1, src_dmag: 1, src_reff_arcsec: 0.3, src_x_arcsec: 0, src_y_arcsec: 0, lens_model: 'SIS', region_split: 'train' }; // biome-ignore format: one row
    const tasks = hostsAt(BRICKS[1], pixels, ring).map((row, at) => ({ ...row, task_id: `ring-${at}` }));
    // Observed everywhere: where it is not, a part of the ring is missing.
    const cache = mkdtempSync(join(ROOT, 'covered-'));
    const planes = madePlanes(3);
    for (const band of BANDS) planes[`invvar-${band}`].fill(9000);
    await writeBrick(cache, BRICKS[1], planes);
    const { folder, path } = campaign(tasks, { planes: ['arc'], stamp_sizes: [64], coadd_cache: cache });
    await runCampaign(path);
    for (const row of await rowsOf(folder)) {
      const [x, y] = pixels[Number(row.task_id.slice(5))];
      const centre = momentsOf(row['arc_r'] as Float32Array, 64);
      expect(Math.hypot(centre.x + (row['stamp_x0'] as number) - x, centre.y + (row['stamp_y0'] as number) - y)).toBeLessThan(
        0.01,
      );
    }
  });
});

describe('runs', () => {
  it('3: a wrong cache is told before the campaign begins', async () => {
    const { folder, path } = campaign(everywhere(4), { coadd_cache: 'brikcs' });
    await runCampaign(path, { stages: ['manifest'] });
    const run = runCampaign(path, { stages: ['inject'] });
    await expect(run).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('None of 2 bricks of the campaign can be read'),
      remedy: expect.stringContaining('coadd_cache'),
    });
    expect(filesBelow(join(folder, 'out/phase4c')).filter((name) => name.endsWith('.parquet'))).toEqual([]);
  });

  it('4: rows that failed have every column that the others have', async () => {
    const cache = mkdtempSync(join(ROOT, 'half-'));
    cpSync(join(ROOT, 'bricks', '010'), join(cache, '010'), { recursive: true });
    const { folder, path } = campaign(everywhere(6), { coadd_cache: cache, control_frac_train: 0.3 });
    const { results } = await runCampaign(path);
    expect(results['inject']).toMatchObject({ outcome: 'failed-rows', counts: { rows: 12, failed: 6 } });
    const rows = await rowsOf(folder, 'metrics');
    const names = metricsColumns(BANDS).map(({ name }) => name);
    for (const row of rows) expect(Object.keys(row).sort()).toEqual(names.toSorted());
    const nullable = new Set(metricsColumns(BANDS).filter((column) => column.nullable === true).map(({ name }) => name)); // biome-ignore format: one line
    for (const row of rows.filter((one) => one['failure'] !== null)) {
      for (const name of names) if (!nullable.has(name)) expect(row[name], name).not.toBeNull();
      expect(row).toMatchObject({ cutout_ok: 0, metrics_ok: 0, brickname: BRICKS[1], arc_snr: null, bad_pixel_frac: null });
    }
  });

  it('11: a limited run goes the way of a whole one: its rows are the first of it, to the bit, and it plans no more', async () => {
    const whole = campaign(everywhere(10), { replicates: 2 });
    const limited = campaign(everywhere(10), { replicates: 2 });
    await runCampaign(whole.path);
    const { results } = await runCampaign(limited.path, { sets: ['test_limit=7'] });
    expect(results['manifest'].counts['rows']).toBe(7);
    const [all, first] = [await rowsOf(whole.folder), await rowsOf(limited.folder)];
    expect(bitsByTask(first)).toEqual(bitsByTask(all.slice(0, 7)));
    expect(filesBelow(join(limited.folder, 'out'))).toEqual(filesBelow(join(whole.folder, 'out')));
  });

  it('13: splits far from their shares are told by the manifest and refused by the check', async () => {
    const lopsided = BRICKS.flatMap((brick, at) =>
      hostsAt(brick, places(30)).map((host, index) => ({ ...host, region_id: 100 * at + index, region_split: ['test', 'test', 'test', 'train', 'val'][index % 5] })),
    ); // biome-ignore format: one row
    const { path } = campaign(lopsided, { stamp_sizes: [16], metrics_only: true });
    const { results } = await runCampaign(path, { stages: ['manifest', 'inject', 'check'] });
    expect(results['manifest'].summary.join(' ')).toMatch(/test has 60\.0 % of the hosts where 15\.0 % are wanted|test 60\.0 %/);
    expect(results['check'].outcome).toBe('no-go');
    expect(results['check'].failures?.map(({ subject }) => subject.split(': ')[1])).toContain('split-proportions');
  });

  it('14: nothing is worked out twice: each tile of a brick is decoded once, however many rows and parts need it', async () => {
    const { path } = campaign(everywhere(20), { replicates: 5, part_rows: 40 });
    const { results } = await runCampaign(path);
    expect(results['inject'].counts).toMatchObject({ rows: 200, failed: 0 });
    expect(results['inject'].counts['parts_written']).toBeGreaterThan(3);
    // Nine tiles in each of ten planes of two bricks.
    expect(results['inject'].counts['tiles_decoded']).toBeLessThanOrEqual(2 * 10 * 9);
    expect(results['inject'].counts['tiles_decoded']).toBeGreaterThan(2 * 8 * 9);
  });

  it('19: hosts near known lenses are left out by a generous radius, and listed', async () => {
    const hosts = everywhere(6);
    const { folder, path } = campaign(hosts, { known_lenses: 'lenses.csv' });
    // 15 arcsec north of a host; the nearest other one is farther than 20.
    writeCsvRows(folder, 'lenses.csv', [{ ra: hosts[2]['ra'], dec: (hosts[2]['dec'] as number) + 15 / 3600 }]);
    await runCampaign(path);
    const near = (row: Row | Record<string, unknown>) =>
      Math.hypot((row['ra'] as number) - (hosts[2]['ra'] as number), (row['dec'] as number) - (hosts[2]['dec'] as number) - 15 / 3600) < 20 / 3600; // biome-ignore format: one line
    const rows = await rowsOf(folder, 'metrics');
    expect(rows.filter(near)).toEqual([]);
    const rejected = await rowsBelow(join(folder, 'out/phase4a/v1/manifests/rejected.parquet'));
    expect(rejected.map((row) => row['reason'])).toEqual(rejected.map(() => 'near_known_lens'));
    expect(rejected.some((row) => row['row'] === 2n)).toBe(true);
    expect(rows.length + rejected.length).toBe(hosts.length);
  });
});
