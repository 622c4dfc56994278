/** The stage on datasets whose counts are worked out by hand. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { jackknifeRatio, wilsonInterval } from '../../../src/core/intervals.ts';
import { completenessStage } from '../../../src/pipelines/injection/completeness.ts';
import {
  configOf,
  contextOf,
  control,
  injection,
  type MetricsRow,
  readResult,
  readSummary,
  writeMetrics,
} from './completeness-rows.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-completeness-'));
});
afterAll(() => rm(folder, { recursive: true }));

type Row = Record<string, unknown>;

/** Two regions of one group: 4 of 6 and 1 of 4 clean ones recovered, and rows that fail for each reason. */
function twoRegions(): MetricsRow[] {
  const at = (region: number, change: MetricsRow = {}) => ({ region_id: region, ...change });
  const rows = [
    ...[20, 30, 40, 50].map((snr, k) => injection(`a${k}`, at(1, { arc_snr: snr, cross_section_weight: 2 }))),
    ...[1, 2].map((snr, k) => injection(`b${k}`, at(1, { arc_snr: snr }))),
    injection('c', at(2, { arc_snr: 8 })),
    ...[1, 2, 3].map((snr, k) => injection(`d${k}`, at(2, { arc_snr: snr }))),
    // Attempted and not valid.
    injection('no cutout', at(1, { cutout_ok: 0, arc_snr: null })),
    injection('no snr', at(2, { arc_snr: null })),
    // Valid and not clean: unknown fractions fail as large ones do.
    injection('no mask', at(1, { bad_pixel_frac: null })),
    injection('masked', at(2, { wise_brightmask_frac: 0.3 })),
    // Not injections.
    control('control', at(1)),
    injection('no lens', at(1, { theta_e_arcsec: 0 })),
  ];
  return rows;
}

describe('completeness', () => {
  it('counts by hand, region by region and pooled', async () => {
    const output = join(folder, 'hand');
    await writeMetrics(output, twoRegions());
    const context = contextOf();
    const result = await completenessStage.run(context, configOf(output));
    expect(result.outcome).toBe('done');
    expect(result.counts).toMatchObject({
      rows: 16,
      injections: 14,
      controls: 1,
      groups: 2,
      experiments: 1,
      experiments_failed: 0,
    });
    expect(context.notes[0]).toEqual({ experiments: ['exp'] });
    const [one, two, ...more] = await readResult(output, 'completeness_surfaces');
    expect(more).toEqual([]);
    expect(one).toMatchObject({
      region_id: 1,
      region_split: 'train',
      selection_set_id: 'all',
      ranking_mode: null,
      theta_e_arcsec: 1.2,
      src_dmag: 1,
      src_reff_arcsec: 0.15,
      psf_bin: 12,
      depth_bin: 96,
      resolution_bin: '>=1.0',
      n_attempt: 8,
      n_valid_all: 7,
      n_valid_clean: 6,
      n_recovered_all: 5,
      n_recovered_clean: 4,
      n_recovered_snr_only: 5,
      n_recovered_res_only: 7,
      completeness_valid_all: 5 / 7,
      completeness_valid_clean: 4 / 6,
      completeness_overall_all: 5 / 8,
      completeness_overall_clean: 4 / 8,
      valid_frac_all: 7 / 8,
      valid_frac_clean: 6 / 8,
      theta_over_psf_mean: 1,
    });
    // 20 30 40 50 1 2 and 20 of the masked one.
    expect(one['arc_snr_mean']).toBeCloseTo(163 / 7, 12);
    expect(one['arc_snr_p50']).toBeCloseTo(20, 1);
    const [low, high] = wilsonInterval(4, 6, 1.96);
    expect([one['ci_low_valid_clean'], one['ci_high_valid_clean']]).toEqual([low, high]);
    // Weights 2 2 2 2 1 1: 8 of 10, as 100 / 18 rows without weights.
    expect(one['completeness_weighted_clean']).toBeCloseTo(0.8, 14);
    expect(one['n_effective_clean']).toBeCloseTo(100 / 18, 12);
    expect(two).toMatchObject({
      region_id: 2,
      n_attempt: 6,
      n_valid_all: 5,
      n_valid_clean: 4,
      n_recovered_all: 2,
      n_recovered_clean: 1,
    });

    const [pooled] = await readResult(output, 'completeness_surfaces_region_agg');
    expect(pooled).toMatchObject({
      n_regions: 2,
      n_attempt_total: 14,
      n_valid_clean_total: 10,
      n_recovered_clean_total: 5,
      completeness_valid_clean_pooled: 0.5,
    });
    const [p, q] = [4 / 6, 1 / 4];
    expect(pooled['completeness_valid_clean_mean']).toBeCloseTo((p + q) / 2, 14);
    expect(pooled['completeness_valid_clean_std']).toBeCloseTo(Math.abs(p - q) / Math.SQRT2, 14);
    expect(pooled['completeness_valid_clean_jackknife']).toBeCloseTo(jackknifeRatio([4, 1], [6, 4]).error, 14);
    // 1 1 2 2 3 8 20 20 20 30 40 50
    expect(Math.abs((pooled['arc_snr_p50'] as number) - 14)).toBeLessThan(0.015);

    const { totals, rows, regions } = await readSummary(output);
    expect(rows).toMatchObject({ all: 16, injections: 14, controls: 1, neither: 1, psf_from_manifest: 0, without_weight: 0 });
    expect(totals).toMatchObject({ n_attempt: 14, n_valid_clean: 10, n_recovered_clean: 5, completeness_valid_clean: 0.5 });
    expect(regions.n).toBe(2);
  });

  it('counts the rows that the originals lost in sums of null flags', async () => {
    // A flag `(snr >= 5) & clean` is null where a fraction is unknown. Their first sums left such rows out; 100 rows, half of them without a mask.
    const output = join(folder, 'nulls');
    const rows = Array.from({ length: 100 }, (_, k) =>
      injection(`t${k}`, k % 2 === 0 ? {} : { bad_pixel_frac: null, wise_brightmask_frac: null }),
    );
    await writeMetrics(output, rows);
    await completenessStage.run(contextOf(), configOf(output));
    const [row] = await readResult(output, 'completeness_surfaces');
    expect(row).toMatchObject({
      n_attempt: 100,
      n_valid_all: 100,
      n_valid_clean: 50,
      n_recovered_all: 100,
      n_recovered_clean: 50,
    });
    expect(row['completeness_overall_clean']).toBe(0.5);
    expect(Object.entries(row).filter(([name, value]) => name.startsWith('n_') && value === null)).toEqual([]);
  });

  it('takes the PSF that was used, else that of the brick, and counts rows with neither as not valid', async () => {
    const output = join(folder, 'psf');
    await writeMetrics(output, [
      injection('used', { psf_fwhm_used_r: 1.6, psfsize_r: 1.2 }),
      injection('brick', { psf_fwhm_used_r: null, psfsize_r: 1.3 }),
      injection('neither', { psf_fwhm_used_r: null, psfsize_r: null }),
      injection('no coverage', { psf_fwhm_used_r: null, psfsize_r: 0 }),
    ]);
    await completenessStage.run(contextOf(), configOf(output));
    const rows = await readResult(output, 'completeness_surfaces');
    expect(
      rows.map((row) => [row['psf_bin'], row['resolution_bin'], row['n_attempt'], row['n_valid_all'], row['n_recovered_all']]),
    ).toEqual([
      [null, null, 2, 0, 0],
      [13, '0.8-1.0', 1, 1, 1],
      [16, '0.6-0.8', 1, 1, 0],
    ]);
    expect(rows[0]).toMatchObject({ completeness_valid_all: null, ci_low_valid_all: null, completeness_overall_all: 0 });
    expect((await readSummary(output)).rows.psf_from_manifest).toBe(3);
    const provenance = await readResult(output, 'psf_provenance');
    expect(provenance.map((row) => [row['band'], row['psf_source_name'], row['n']])).toEqual([
      ['g', 'map', 4],
      ['r', 'map', 4],
      ['z', 'manifest', 4],
    ]);
  });

  it('is the same for any order of rows and any row groups', async () => {
    const rows = Array.from({ length: 400 }, (_, k) =>
      injection(`t${k}`, {
        region_id: k % 7,
        region_split: ['train', 'val', 'test'][k % 7 === 0 ? 0 : k % 7 === 1 ? 1 : 2],
        selection_set_id: `set ${k % 2}`,
        theta_e_arcsec: [0.6, 1, 1.5][k % 3],
        psf_fwhm_used_r: 1 + (k % 11) / 20,
        arc_snr: 1 + ((k * 37) % 101) / 5,
        cross_section_weight: 1 + (k % 5),
      }),
    );
    const [first, second] = [join(folder, 'order-1'), join(folder, 'order-2')];
    await writeMetrics(first, rows, { groupRows: 400 });
    await writeMetrics(second, rows.toReversed(), { groupRows: 13 });
    for (const output of [first, second]) await completenessStage.run(contextOf(), configOf(output));
    for (const name of ['completeness_surfaces', 'completeness_surfaces_region_agg', 'completeness_maps']) {
      const [a, b] = [await readResult(first, name), await readResult(second, name)];
      const rounded = (found: Row[]) => found.map((row) => Object.entries(row).map(([key, value]) => [key, typeof value === 'number' ? +value.toPrecision(12) : value])); // biome-ignore format: sums of floats in another order
      expect(rounded(a)).toEqual(rounded(b));
    }
  });

  it('bins continuous Einstein radii and magnitudes', async () => {
    const output = join(folder, 'continuous');
    const rows = Array.from({ length: 90 }, (_, k) => injection(`t${k}`, { theta_e_arcsec: 0.501 + k / 90, src_mag_r: 23 + (k % 45) / 15, src_dmag: 4 + (k % 45) / 15 })); // biome-ignore format: one line
    await writeMetrics(output, rows);
    await completenessStage.run(contextOf(), configOf(output));
    const { axes } = await readSummary(output);
    expect([axes.thetaE.kind, axes.thetaE.width, axes.mag.kind, axes.mag.width, axes.reff.values]).toEqual([
      'bins',
      0.2,
      'bins',
      0.5,
      [0.15],
    ]);
    const cells = (await readResult(output, 'completeness_maps')).filter(({ map_name }) => map_name === 'theta_e');
    expect(cells.map(({ x }) => +(x as number).toFixed(9))).toEqual([0.5, 0.7, 0.9, 1.1, 1.3, 1.5]);
    expect(cells.reduce((sum, { n_attempt }) => sum + (n_attempt as number), 0)).toBe(90);
    const mags = (await readResult(output, 'completeness_maps')).filter(({ map_name }) => map_name === 'theta_e_x_src_mag_r');
    expect(new Set(mags.map(({ y }) => y))).toEqual(new Set([23.25, 23.75, 24.25, 24.75, 25.25, 25.75]));
  });

  it('gives Jeffreys intervals when asked', async () => {
    const output = join(folder, 'jeffreys');
    await writeMetrics(
      output,
      Array.from({ length: 10 }, (_, k) => injection(`t${k}`, { arc_snr: k < 3 ? 9 : 1 })),
    );
    await completenessStage.run(contextOf(), configOf(output, { interval: 'jeffreys' }));
    const [row] = await readResult(output, 'completeness_surfaces');
    expect(row['ci_low_valid_all']).toBeCloseTo(0.09269199889304298, 12);
    expect(row['ci_high_valid_all']).toBeCloseTo(0.6058236798059577, 12);
  });
});

describe('files', () => {
  it('are figures that stand alone, the page, and a JSON that names them', async () => {
    const output = join(folder, 'files');
    const rows = Array.from({ length: 300 }, (_, k) =>
      injection(`t${k}`, {
        region_id: k % 5,
        theta_e_arcsec: [0.6, 1, 1.5][k % 3],
        psf_fwhm_used_r: 1 + (k % 13) / 12,
        src_mag_r: 20 + (k % 4),
        arc_snr: k % 17,
      }),
    );
    await writeMetrics(output, rows);
    const { outputs } = await completenessStage.run(contextOf(), configOf(output));
    const { figures } = await readSummary(output);
    expect(figures.map(({ svg }: { svg: string }) => svg)).toEqual(
      ['theta_e_by_psf', 'theta_e_by_src_mag_r', 'theta_e_x_src_mag_r', 'theta_e_x_psf', 'theta_e_x_depth', 'resolution', 'regions'].map((name) => `figures/${name}.svg`),
    ); // biome-ignore format: one list
    for (const { svg, title, caption } of figures) {
      const text = await readFile(`${output}/phase4d/v1/exp/${svg}`, 'utf8');
      expect([text.startsWith('<svg'), text.includes(title), caption.length > 20]).toEqual([true, true, true]);
    }
    const page = await readFile(outputs[0], 'utf8');
    expect(page.match(/<figure>/g)).toHaveLength(7);
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);

    // A rule without a line at theta_E / PSF, one region only: what is not drawn again does not stay.
    await rm(`${output}/phase4c`, { recursive: true });
    await writeMetrics(
      output,
      rows.filter(({ region_id }) => region_id === 1),
    );
    await completenessStage.run(contextOf(), configOf(output));
    expect(await readdir(`${output}/phase4d/v1/exp/figures`)).not.toContain('regions.svg');
  });

  it('of metrics without injections say so', async () => {
    const output = join(folder, 'controls');
    await writeMetrics(output, [control('one'), control('two')]);
    const { outcome, summary: lines } = await completenessStage.run(contextOf(), configOf(output));
    expect([outcome, lines]).toEqual(['done', ['exp: no injection among 2 rows, nothing to measure']]);
    expect(await readResult(output, 'completeness_surfaces')).toEqual([]);
    expect((await readSummary(output)).totals).toBeNull();
  });
});

describe('metrics of the originals and damaged ones', () => {
  it('are read without our columns', async () => {
    const output = join(folder, 'originals');
    const ours = ['cross_section_weight', 'src_mag_r', 'psf_source_g', 'psf_source_r', 'psf_source_z', 'tier', 'prior'];
    await writeMetrics(output, [injection('one', { src_dmag: 2 }), control('two')], { without: ours });
    await completenessStage.run(contextOf(), configOf(output));
    const [row] = await readResult(output, 'completeness_surfaces');
    expect(row).toMatchObject({ n_recovered_clean: 1 });
    expect('completeness_weighted_all' in row).toBe(false);
    const mag = (await readResult(output, 'completeness_maps')).find(({ map_name }) => map_name === 'theta_e_x_src_mag_r');
    expect(mag?.['y']).toBe(21);
    expect((await readResult(output, 'psf_provenance')).map((one) => one['psf_source'])).toEqual([null, null, null]);
  });

  it('end one experiment and not the others', async () => {
    const output = join(folder, 'two');
    await writeMetrics(output, [injection('one')], { experiment: 'good' });
    await writeMetrics(output, [injection('one')], { experiment: 'bad', without: ['arc_snr'] });
    const { outcome, failures, counts } = await completenessStage.run(contextOf(), configOf(output));
    expect([outcome, counts['experiments'], counts['experiments_failed']]).toEqual(['failed-rows', 1, 1]);
    expect(failures?.[0]).toMatchObject({ subject: 'bad' });
    expect(failures?.[0].reason).toMatch(/have no column arc_snr\.$/);
    await expect(completenessStage.run(contextOf(), configOf(output, { experiment_id: 'bad' }))).rejects.toSatisfy((error) =>
      isArcletError(error, 'INPUT_INVALID'),
    );
  });

  it('need an output, and stop when asked', async () => {
    const error = (promise: Promise<unknown>) => promise.then(() => undefined, (cause: unknown) => cause); // biome-ignore format: one line
    const { output: _, ...config } = configOf('x');
    expect(isArcletError(await error(completenessStage.run(contextOf(), config as never)), 'CONFIG_INVALID')).toBe(true);
    const output = join(folder, 'stopped');
    await writeMetrics(output, twoRegions());
    const signal = AbortSignal.abort();
    expect(isArcletError(await error(completenessStage.run(contextOf({ signal }), configOf(output))), 'ABORTED')).toBe(true);
    expect(await readdir(output)).toEqual(['phase4c']);
  });
});
