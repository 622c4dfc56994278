import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Check } from '../../../src/pipelines/injection/check/checks.ts';
import { examineExperiment } from '../../../src/pipelines/injection/check/examine.ts';
import { checkStage } from '../../../src/pipelines/injection/check.ts';
import {
  type CampaignRow,
  configOf,
  contextOf,
  EXPERIMENT,
  soundRows,
  type WriteOptions,
  writeManifest,
  writeRows,
} from './check-campaign.ts';

let folder: string;
let campaigns = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-check-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const newOutput = () => join(folder, `run-${campaigns++}`);

interface Campaign {
  /** Changes the rows after the manifest was made. */
  readonly change?: (rows: CampaignRow[]) => CampaignRow[];
  readonly config?: Record<string, unknown>;
  readonly write?: WriteOptions;
  readonly noManifest?: boolean;
  /** What the marker of the manifest says more of the experiment. */
  readonly marker?: Record<string, unknown>;
}

async function checksOf({
  change = (rows) => rows,
  config = {},
  write,
  noManifest,
  marker = {},
}: Campaign): Promise<Map<string, Check>> {
  const output = newOutput();
  const rows = soundRows();
  if (!noManifest) await writeManifest(output, rows, { marker });
  await writeRows(output, change(structuredClone(rows)), write);
  const { checks } = await examineExperiment(contextOf(), configOf(output, config), EXPERIMENT);
  return new Map(checks.map((check) => [check.name, check]));
}

const refusedBy = (checks: Map<string, Check>) =>
  [...checks.values()].filter(({ verdict }) => verdict === 'no-go').map(({ name }) => name);

/** Changes every row of a class. */
const each = (change: (row: CampaignRow, index: number) => CampaignRow) => (rows: CampaignRow[]) => rows.map(change);
const isInjection = (row: CampaignRow) => row['is_control'] === 0;
/** Changes injections only. */
const injections = (change: (row: CampaignRow, index: number) => CampaignRow) =>
  each((row, index) => (isInjection(row) ? { ...row, ...change(row, index) } : row));
const firstInjection = (change: CampaignRow) => (rows: CampaignRow[]) => {
  const at = rows.findIndex(isInjection);
  return rows.with(at, { ...rows[at], ...change });
};
const firstControl = (change: CampaignRow) => (rows: CampaignRow[]) => {
  const at = rows.findIndex((row) => !isInjection(row));
  return rows.with(at, { ...rows[at], ...change });
};
const failed = { cutout_ok: 0, metrics_ok: 0, arc_snr: null, failure: 'INPUT_INVALID: the brick cannot be read' };

describe('a sound campaign', () => {
  it('is GO, in every check, with a page and JSON that say so', async () => {
    const output = newOutput();
    const rows = soundRows();
    await writeManifest(output, rows);
    await writeRows(output, rows);
    const result = await checkStage.run(contextOf(), configOf(output));
    const json = JSON.parse(await readFile(join(output, 'phasecheck/v1', EXPERIMENT, 'check.json'), 'utf8'));
    const notGo = json.checks
      .filter((check: Check) => check.verdict !== 'go')
      .map((check: Check) => `${check.name}: ${check.detail}`);
    expect(notGo).toEqual([]);
    expect(json.verdict).toBe('go');
    expect(result.outcome).toBe('done');
    expect(result.counts).toMatchObject({ experiments: 1, rows: 480, checks_no_go: 0, checks_warn: 0, checks_skipped: 0 });
    expect(result.summary[0]).toBe(`${EXPERIMENT}: GO`);
    expect(json.checks.every((check: Check) => check.threshold.length > 0 && check.why.endsWith('.'))).toBe(true);
    const docs = await readFile(new URL('../../../docs/inject-check.md', import.meta.url), 'utf8');
    const undocumented = json.checks.map((check: Check) => check.name.replace(/^(coverage-psf_fwhm_used)_[grz]$/, '$1_<band>')).filter((name: string) => !docs.includes(`\`${name}\``)); // biome-ignore format: one list
    expect(undocumented).toEqual([]);
    const html = await readFile(join(output, 'phasecheck/v1', EXPERIMENT, 'check.html'), 'utf8');
    expect(html.match(/<figure>/g)).toHaveLength(10);
    expect(html).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
  });

  it('compares with the numbers of the rows: medians, shares, failures', async () => {
    const output = newOutput();
    const rows = soundRows();
    await writeRows(
      output,
      rows.map((row, index) => (index === 5 ? { ...row, ...failed } : row)),
    );
    await checkStage.run(contextOf(), configOf(output));
    const json = JSON.parse(await readFile(join(output, 'phasecheck/v1', EXPERIMENT, 'check.json'), 'utf8'));
    const used = rows
      .filter((row, index) => isInjection(row) && index !== 5)
      .map((row) => row['arc_snr'] as number)
      .sort((a, b) => a - b);
    const median = json.statistics.find((one: { name: string }) => one.name === 'arc_snr');
    expect(Math.abs(Number(median.here) / used[Math.floor((used.length - 1) / 2)] - 1)).toBeLessThan(0.006);
    expect(median.theirs).toBe('22');
    expect(json.failures).toEqual([{ reason: 'INPUT_INVALID', rows: 1, example: failed.failure }]);
    expect(json.splits.map((split: { hosts: number }) => split.hosts)).toEqual([0.7, 0.15, 0.15]);
    expect(json.controls).toBe(240);
  });
});

describe('one fault, and the check that names it', () => {
  const dropColumn = (name: string): WriteOptions => ({ columns: (all) => all.filter((column) => column.name !== name) });
  // Parts of a campaign have no column of the split: the folder says it.
  const moved: WriteOptions = {
    ...dropColumn('region_split'),
    folderOf: (row) => (row['region_split'] === 'val' ? 'test' : String(row['region_split'])),
  };
  const faults: readonly (readonly [what: string, name: string, Campaign])[] = [
    ['a column is missing', 'schema', { write: dropColumn('tangential_stretch') }],
    ['a column has another type', 'schema', { write: { columns: (all) => all.map((column) => (column.name === 'oversample' ? { name: 'oversample', type: 'float64', nullable: true } : column)) } }], // biome-ignore format: one fault a line
    ['parts of two configs', 'config-hash', { write: { hash: (part) => String(part === 1) } }],
    [
      '6 % of the rows failed',
      'success-rate',
      { change: each((row, index) => (index % 16 === 0 ? { ...row, ...failed } : row)) },
    ],
    ['a failure without a reason', 'failures-explained', { change: firstControl({ cutout_ok: 0, metrics_ok: 0 }) }],
    ['a row without its brick', 'identifiers', { change: firstInjection({ brickname: null }), write: { columns: (all) => all.map((column) => (column.name === 'brickname' ? { ...column, nullable: true } : column)) as typeof all } }], // biome-ignore format: one fault a line
    ['dec out of range', 'identifiers', { change: firstInjection({ dec: -95 }) }],
    ['a row stands twice', 'task-id-unique', { change: (rows) => [...rows, rows[3]] }],
    ['a row is lost', 'complete', { change: (rows) => rows.slice(1) }],
    ['a row is of no task', 'complete', { change: (rows) => [...rows, { ...rows[0], task_id: 'f'.repeat(64) }] }],
    ['a split without its controls', 'control-fraction', { change: each((row) => (row['region_split'] === 'train' && !isInjection(row) ? { ...row, is_control: 0, lens_model: 'SIE' } : row)) }], // biome-ignore format: one fault a line
    ['no controls at all', 'control-fraction', { change: (rows) => rows.filter(isInjection), noManifest: true }],
    ['a control with an arc', 'control-nulls', { change: firstControl({ arc_snr: 3 }) }],
    ['a control with a PSF', 'control-nulls', { change: firstControl({ psf_fwhm_used_z: 1 }) }],
    ...['src_mag_g_used', 'arc_snr_mf_z', 'arc_area_pix', 'cosmos_index', 'cosmos_hlr_arcsec', 'tangential_stretch', 'oversample', 'theta_e_effective_arcsec'].map((name) => [`a control with ${name}`, 'control-nulls', { change: firstControl({ [name]: 1 }) }] as const), // biome-ignore format: one line of columns
    ['a control with an Einstein radius', 'control-nulls', { change: firstControl({ theta_e_arcsec: 0.5 }) }],
    ['a control that is an SIE', 'control-nulls', { change: firstControl({ lens_model: 'SIE' }) }],
    ['every magnification null', 'coverage-magnification', { change: injections(() => ({ magnification: null })) }],
    ['one magnification null', 'coverage-magnification', { change: firstInjection({ magnification: null }) }],
    ['an arc_snr_sum null', 'coverage-arc_snr_sum', { change: firstInjection({ arc_snr_sum: null }) }],
    ['a flux null', 'coverage-total_injected_flux_r', { change: firstInjection({ total_injected_flux_r: null }) }],
    ['a PSF null', 'coverage-psf_fwhm_used_g', { change: firstInjection({ psf_fwhm_used_g: null }) }],
    ['a PSF of unknown origin', 'psf-provenance', { change: firstInjection({ psf_source_r: null }) }],
    ['2 % fallback PSFs', 'psf-fallback', { change: injections((_, index) => ({ psf_source_r: index % 15 === 0 ? 3 : 0 })) }],
    ['an Einstein radius of 7 arcsec', 'theta-e-range', { change: firstInjection({ theta_e_arcsec: 7 }) }],
    ['a PSF in pixels', 'psf-range', { change: firstInjection({ psf_fwhm_used_r: 5.3 }) }],
    ['one magnification below 1 with 4 images', 'magnification-below-1', { change: firstInjection({ magnification: 0.8 }) }],
    ['fluxes 1 % off', 'render-flux-err', { change: injections(() => ({ render_flux_err: 0.01 })) }],
    ['an arc of unknown sampling', 'oversample', { change: firstInjection({ oversample: null }) }],
    ['fluxes that fall with the Einstein radius', 'flux-rises-with-theta-e', { change: injections((row) => ({ total_injected_flux_r: (row['total_injected_flux_r'] as number) * (row['theta_e_arcsec'] as number) ** -2 })) }], // biome-ignore format: one fault a line
    ['arcs that no lens magnified', 'flux-rises-with-theta-e', { change: injections((row) => ({ total_injected_flux_r: (row['total_injected_flux_r'] as number) / (row['magnification'] as number) })) }], // biome-ignore format: one fault a line
    ['a mask fraction null', 'quality-columns', { change: firstControl({ bad_pixel_frac: null, metrics_ok: 0 }) }],
    ['metrics_ok without a metric', 'metrics-ok', { change: firstInjection({ metrics_ok: 0 }) }],
    ['an arc that is no lens', 'physics-valid', { change: firstInjection({ physics_valid: 0 }) }],
    ['a NaN in a column', 'finite', { change: firstControl({ ebv: Number.NaN }) }],
    ['an infinite value', 'finite', { change: firstInjection({ arc_snr_mf_g: Number.POSITIVE_INFINITY }) }],
    ['rows in the folder of another split', 'split-folders', { write: { folderOf: (row) => (row['task_id'] === soundRows()[0]['task_id'] ? 'test' : String(row['region_split'])) } }], // biome-ignore format: one fault a line
    ['a part moved to another split, as the manifest knows', 'split-folders', { write: moved }],
    ['a part moved to another split, as the part itself knows', 'split-folders', { write: { ...moved, metadata: { region_split: 'val' } }, change: (rows) => rows.filter((row) => row['region_split'] !== 'train'), noManifest: true }], // biome-ignore format: one fault a line
    ['splits far from their shares', 'split-proportions', { config: { val_frac: 0.4, test_frac: 0.35 } }],
    [
      'a split that is empty',
      'split-proportions',
      { change: (rows) => rows.filter((row) => row['region_split'] !== 'val'), noManifest: true },
    ],
    ['one host in two splits', 'split-overlap', { change: (rows) => rows.with(0, { ...rows[0], region_split: 'test' }) }],
    ['one galaxy under two positions', 'split-distance', { change: (rows) => { const test = rows.find((row) => row['region_split'] === 'test')!; return rows.map((row) => (row['ra'] === rows[0]['ra'] ? { ...row, ra: (test['ra'] as number) + 1e-4, dec: test['dec'] } : row)); } }], // biome-ignore format: one fault a line
    ['hosts nearer than the guard', 'split-distance', { config: { guard_arcsec: 3700 } }],
    ['two bandsets', 'bandset', { change: firstInjection({ bandset: 'r' }) }],
    ['two stamp sizes', 'bandset', { change: firstControl({ stamp_size: 96 }) }],
    ['rows of another experiment', 'experiment-id', { change: firstControl({ experiment_id: 'grid_stamp64' }) }],
    ['Sersic sources in a set of templates', 'source-mode', { config: { source_mode: 'cosmos' } }],
    [
      'templates that no row names',
      'templates',
      { change: each((row) => ({ ...row, source_mode: 'template' })), config: { source_mode: 'template' } },
    ],
    ['two meanings of the PSF size', 'psf-size-semantics', { change: firstInjection({ psf_size_semantics: 'fwhm' }) }],
  ];

  for (const [what, name, campaign] of faults) {
    it(`${what}: ${name}`, async () => {
      expect(refusedBy(await checksOf(campaign))).toContain(name);
    });
  }

  it('a fault is named once: the other checks are as they were', async () => {
    expect(refusedBy(await checksOf({ change: firstInjection({ magnification: 0.8 }) }))).toEqual(['magnification-below-1']);
    expect(refusedBy(await checksOf({ change: (rows) => [...rows, rows[3]] }))).toEqual(['task-id-unique']);
    expect(refusedBy(await checksOf({ change: firstControl({ psf_fwhm_used_z: 1 }) }))).toEqual(['control-nulls']);
  });
});

describe('what is said without refusing', () => {
  it('arcs without a good pixel need no peak, but they need a magnification', async () => {
    const blind = { arc_snr: null, arc_snr_sum: null, metrics_ok: 0, bad_pixel_frac: 0.6, coverage_frac_r: 0.4 };
    const checks = await checksOf({ change: firstInjection(blind) });
    expect(refusedBy(checks)).toEqual([]);
    expect(checks.get('coverage-arc_snr')?.detail).toContain('1 more have no good pixel');
  });

  it('magnification below 1 of a source with one image is told, with unknown images a warning', async () => {
    const one = await checksOf({ change: firstInjection({ magnification: 0.9, n_images: 1 }) });
    expect(one.get('magnification-below-1')).toMatchObject({ verdict: 'go', value: 0 });
    expect(one.get('magnification-below-1')?.detail).toContain('1 with one or none');
    const unknown = await checksOf({ change: firstInjection({ magnification: 0.9, n_images: null }) });
    expect(unknown.get('magnification-below-1')?.verdict).toBe('warn');
  });

  it('another config than the one that made the parts, arcs of one brightness, unresolved arcs, absent maps: warnings', async () => {
    const checks = await checksOf({
      write: { hash: () => 'b'.repeat(64) },
      change: injections(() => ({ arc_snr: 100, psf_fwhm_used_r: 3, psf_source_g: 1 })),
    });
    for (const name of ['config-hash', 'arc-snr-mix', 'resolved-share', 'psf-maps'])
      expect(checks.get(name)?.verdict).toBe('warn');
    expect(refusedBy(checks)).toEqual([]);
  });

  it('splits off by the luck of few regions: a warning; stamps that share pixels: a warning', async () => {
    const fewRegions = await checksOf({ change: each((row) => ({ ...row, region_id: { train: 0, val: 1, test: 2 }[String(row['region_split'])]! })), config: { val_frac: 0.3, test_frac: 0.05 } }); // biome-ignore format: one call
    expect(fewRegions.get('split-proportions')?.verdict).toBe('warn');
    const near = await checksOf({ change: (rows) => { const test = rows.find((row) => row['region_split'] === 'test')!; return rows.map((row) => (row['ra'] === rows[0]['ra'] ? { ...row, ra: (test['ra'] as number) + 0.003, dec: test['dec'] } : row)); } }); // biome-ignore format: one call
    expect(near.get('split-distance')).toMatchObject({ verdict: 'warn', value: 0 });
  });

  it('a cap is known from the manifest where a pre-pass took rows of arc_snr away; what it left of each split is no fault', async () => {
    // Of 168, 36 and 36 sampled hosts all of val and test are left, and a third of train.
    const thinned = (rows: CampaignRow[]) => rows.filter((row) => row['region_split'] !== 'train' || Number(row['rmag']) < 18);
    const campaign = { change: thinned, config: { target_arc_snr: 'log_uniform', n_total_train_per_split: 168 } };
    const sampled = { hosts_by_split: { train: 168, val: 36, test: 36 } };
    const uncapped = await checksOf({ ...campaign, marker: sampled });
    expect(uncapped.get('split-proportions')?.verdict).toBe('go');
    const equal = { hosts_by_split: { train: 36, val: 36, test: 36 }, capped_splits: ['train'] };
    const capped = await checksOf({ ...campaign, marker: equal });
    expect(capped.get('split-proportions')).toMatchObject({ verdict: 'warn' });
    expect(capped.get('split-proportions')?.detail).toContain('n_total_train_per_split ends train');
    const off = await checksOf({ ...campaign, marker: { ...equal, capped_splits: [] } });
    expect(off.get('split-proportions')?.verdict).toBe('no-go');
  });

  it('a crossed tier with fewer controls than asked for: a warning, however few its hosts are', async () => {
    const fewer = (rows: CampaignRow[]) => rows.filter((row, index) => isInjection(row) || index % 10 === 0);
    const asked = {
      change: fewer,
      config: { tiers: ['grid'], control_frac_grid: 0.2, control_frac_train: 0.2 },
      noManifest: true,
    };
    const name = EXPERIMENT.replace('train', 'grid');
    const output = newOutput();
    await writeRows(output, fewer(soundRows()), { experiment: name });
    const { checks } = await examineExperiment(contextOf(), configOf(output, asked.config), name);
    expect(checks.find((check) => check.name === 'control-fraction')).toMatchObject({ verdict: 'warn' });
    // One config for each host: there the share is a matter of chance.
    expect((await checksOf(asked)).get('control-fraction')?.verdict).toBe('go');
  });

  it('one region leaves splits empty: a warning', async () => {
    const rows = soundRows().filter((row) => row['region_id'] === 0);
    const checks = await checksOf({ change: () => rows, noManifest: true });
    expect(checks.get('split-proportions')).toMatchObject({ verdict: 'warn', value: 'val, test empty' });
  });

  it('there is no manifest, no record: skipped, with the reason', async () => {
    const checks = await checksOf({ noManifest: true });
    expect(checks.get('complete')).toMatchObject({ verdict: 'skipped', value: null });
    expect(checks.get('complete')?.detail).toContain('no finished manifest');
    expect(refusedBy(checks)).toEqual([]);
  });
});

describe('files', () => {
  it('a part that was cut off is named, and the others are read', async () => {
    const output = newOutput();
    await writeRows(output, soundRows());
    await truncate(join(output, 'phase4c/v1/metrics', EXPERIMENT, 'region_split=train/part-00000.parquet'), 5000);
    const { checks, rates } = await examineExperiment(contextOf(), configOf(output), EXPERIMENT);
    expect(rates.rows).toBe(280);
    expect(checks.find(({ name }) => name === 'parts-readable')).toMatchObject({ verdict: 'no-go', value: 1 });
    expect(checks.find(({ name }) => name === 'parts-readable')?.detail).toContain('region_split=train/part-00000.parquet');
  });

  it('the record says another source mode than the rows', async () => {
    const output = newOutput();
    await writeRows(output, soundRows());
    await writeFile(join(output, `phase4c/v1/run_config_${EXPERIMENT}.json`), JSON.stringify({ source_mode: 'cosmos' }));
    const { checks } = await examineExperiment(contextOf(), configOf(output), EXPERIMENT);
    expect(refusedBy(new Map(checks.map((check) => [check.name, check])))).toEqual(['source-mode']);
  });

  it('every experiment is checked, one that was never made is no-go, and one refusal refuses the run', async () => {
    const output = newOutput();
    const rows = soundRows();
    await writeManifest(output, rows);
    await writeRows(
      output,
      rows.map((row) => ({ ...row, experiment_id: 'train_stamp64_bandsgrz_other' })),
      { experiment: 'train_stamp64_bandsgrz_other' },
    );
    const result = await checkStage.run(contextOf(), configOf(output));
    expect(result.outcome).toBe('no-go');
    expect(result.failures?.map(({ subject }) => subject)).toEqual([`${EXPERIMENT}: metrics-present`]);
    const none = checkStage.run(contextOf(), configOf(newOutput()));
    await expect(none).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('a run that was asked for its first rows only is complete with them', async () => {
    const output = newOutput();
    const rows = soundRows();
    await writeManifest(output, rows);
    await writeRows(output, rows.slice(0, 200));
    const { checks } = await examineExperiment(contextOf(), configOf(output, { test_limit: 200 }), EXPERIMENT);
    expect(checks.find(({ name }) => name === 'complete')?.verdict).toBe('go');
  });
});
