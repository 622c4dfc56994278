/** Whole campaigns on a small survey: the smallest config, what it writes where, and that the pixels are those of the survey. */
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeNpz } from '../../../src/io/npz.ts';
import { openParquet } from '../../../src/io/parquet.ts';
import { openSource } from '../../../src/io/store/store.ts';
import { makeDemoSurvey } from '../../../src/pipelines/demo/survey.ts';
import { templateIndex } from '../../../src/pipelines/injection/bank/template-index.ts';
import { metricsColumns } from '../../../src/pipelines/injection/columns.ts';
import { INJECT_KEYS, type InjectConfig } from '../../../src/pipelines/injection/config.ts';
import { replayTask } from '../../../src/pipelines/injection/replay.ts';
import { defineStage } from '../../../src/pipelines/stage.ts';
import { fluxFromMagnitude } from '../../../src/sky/photometry.ts';
import { runAlone } from '../../support/campaign.ts';
import { bitsByTask, filesBelow, type Row, rowsBelow, rowsOf, runCampaign, surveyPixels } from './campaign-support.ts';

const BANDS = ['g', 'r', 'z'];
const SURVEY = mkdtempSync(join(tmpdir(), 'arclet-campaign-'));
/** The smallest config there is, letter by letter. */
const SMALLEST =
  '{"targets":"targets.csv","coadd_cache":"bricks","output":"out","variant":"v1","tiers":["debug"],"bands":["g","r","z"],"stamp_sizes":[64],"source_mode":"sersic"}';
const EXPERIMENT = 'debug_stamp64_bandsgrz_gridgrid_small';

beforeAll(async () => {
  await makeDemoSurvey(SURVEY, { bricks: 1, size: 500, targetsPerBrick: 24, version: 'test', workers: 0 });
});

/** A folder with the survey's targets and bricks and a config of its own. */
function campaign(text: string | Record<string, unknown>): { folder: string; path: string } {
  const folder = mkdtempSync(join(SURVEY, 'run-'));
  for (const name of ['targets.csv', 'bricks']) symlinkSync(join(SURVEY, name), join(folder, name));
  const path = join(folder, 'inject.json');
  writeFileSync(path, typeof text === 'string' ? text : JSON.stringify({ ...JSON.parse(SMALLEST), ...text }));
  return { folder, path };
}

/** Two rows of 24 hosts, a third of them controls. */
const TRAIN = {
  tiers: ['train'],
  grid_train: 'custom',
  custom_grid: { theta_e_arcsec: [1], src_dmag: [2], src_reff_arcsec: [0.2], src_e: [0.2], shear: [0.02] },
  control_frac_train: 0.35,
  replicates: 2,
};

const BRICKS = join(SURVEY, 'bricks');

describe('the smallest config', () => {
  it('runs as it stands, and what it writes is where the originals look for it', async () => {
    const { folder, path } = campaign(SMALLEST);
    const seen: unknown[] = [];
    const read = (name: string) => JSON.parse(readFileSync(join(folder, 'out/phase4c/v1', name), 'utf8'));
    await runCampaign(path, { sets: ['test_limit=40', 'part_rows=20'], stages: ['manifest'] });
    const { results, loaded } = await runCampaign(path, {
      sets: ['test_limit=40', 'part_rows=20'],
      stages: ['inject'],
      host: {
        log: {
          info: () => undefined,
          // At the first rows the config of the run is there, and says that the run is not over.
          progress: () => seen.push(seen.length === 0 ? read(`run_config_${EXPERIMENT}.json`) : undefined),
        },
      },
    });
    expect(results['inject']).toMatchObject({ outcome: 'done', counts: { rows: 40, injected: 40, failed: 0, parts_written: 3 } });
    expect(filesBelow(join(folder, 'out/phase4c/v1'))).toEqual([
      '_stage_config_inject.json',
      ...['metrics', 'stamps'].flatMap((kind) => ['test', 'train', 'val'].map((split, part) => `${kind}/${EXPERIMENT}/region_split=${split}/part-0000${part}.parquet`)), // biome-ignore format: one list
      `run_config_${EXPERIMENT}.json`,
    ].sort()); // biome-ignore format: one list
    const before = seen[0] as Record<string, Record<string, Record<string, unknown>>>;
    expect(before).toMatchObject({
      stage: '4c',
      variant: 'v1',
      experiment_id: EXPERIMENT,
      source_mode: 'sersic',
      cosmos_bank_h5: null,
      seed_base: 42,
      psf_model: 'moffat',
      moffat_beta: 3.5,
      split_seed: 13,
      run: { outcome: 'running', config_hash: loaded.hash, config: { test_limit: 40, placement: 'disc', theta_e_convention: 'product' } },
    }); // biome-ignore format: one object
    // Every key, the defaulted ones too, and it can be run again as a config.
    expect(Object.keys(before['run']['config']).sort()).toEqual(Object.keys(INJECT_KEYS).sort());
    expect(before).not.toHaveProperty('finished_utc');
    expect(read(`run_config_${EXPERIMENT}.json`)).toMatchObject({ rows: 40, finished_utc: expect.any(String) });
    expect(read('_stage_config_inject.json')).toMatchObject({ outcome: 'done', counts: { rows: 40 } });
  });

  it('without limit plans 5 hosts x 48 configs x 2 replicates in every split', async () => {
    const { path } = campaign(SMALLEST);
    const { results } = await runCampaign(path, { stages: ['manifest'] });
    const hosts = readFileSync(join(SURVEY, 'targets.csv'), 'utf8').trim().split('\n').slice(1);
    const column = readFileSync(join(SURVEY, 'targets.csv'), 'utf8').split('\n')[0].split(',').indexOf('region_split');
    const wanted = ['train', 'val', 'test'].map((split) =>
      Math.min(5, hosts.filter((host) => host.split(',')[column] === split).length),
    );
    expect(results['manifest'].counts['rows']).toBe(wanted.reduce((sum, count) => sum + count, 0) * 48 * 2);
  });
});

describe('a run with all planes', () => {
  let stamps: Row[] = [];
  let folder = '';
  beforeAll(async () => {
    const made = campaign({ ...TRAIN, planes: ['injected', 'host', 'arc', 'unlensed', 'shuffled'] });
    folder = made.folder;
    await runCampaign(made.path);
    stamps = await rowsOf(folder);
  });

  it('has metrics with every column of the stamps but their pixels', async () => {
    const metrics = await rowsOf(folder, 'metrics');
    // The split is the folder's, and comes last.
    const names = metricsColumns(BANDS).flatMap(({ name }) => (name === 'region_split' ? [] : [name]));
    expect(Object.keys(metrics[0])).toEqual([...names, 'region_split']);
    const pixels = ['image', 'host', 'arc', 'unlensed', 'shuffled'].flatMap((plane) => BANDS.map((band) => `${plane}_${band}`));
    expect(Object.keys(stamps[0])).toEqual([...names, ...pixels, 'region_split']);
    const scalars = stamps.map((row) => Object.fromEntries([...names, 'region_split'].map((name) => [name, row[name]])) as Row);
    expect(bitsByTask(metrics)).toEqual(bitsByTask(scalars));
    expect(metrics.filter((row) => row['is_control'] === 1).length).toBeGreaterThan(5);
    expect(metrics.filter((row) => row['is_control'] === 0 && row['cutout_ok'] === 1).length).toBeGreaterThan(10);
  });

  it('has the pixels of the survey, bit for bit: controls wholly, injections wherever there is no arc', async () => {
    for (const row of stamps) {
      for (const band of BANDS) {
        const survey = Float32Array.from(await surveyPixels(BRICKS, row, `image-${band}`));
        const [image, host, arc] = ['image', 'host', 'arc'].map((plane) => row[`${plane}_${band}`] as Float32Array);
        expect(host).toEqual(survey);
        if (row['is_control'] === 1) {
          expect(image).toEqual(survey);
          expect(arc.every((value) => value === 0)).toBe(true);
          continue;
        }
        // host + arc, in float32.
        expect(image).toEqual(survey.map((value, at) => (arc[at] === 0 ? value : Math.fround(value + arc[at]))));
        if (row['cutout_ok'] === 1) expect(arc.some((value) => value > 0)).toBe(true);
      }
    }
  });

  it('has masks and weights of the survey in its numbers', async () => {
    for (const row of stamps.filter((one) => one['cutout_ok'] === 1)) {
      const mask = await surveyPixels(BRICKS, row, 'maskbits');
      const bad = Array.from(mask).filter((bits) => (bits & 0b1100_1111_1110) !== 0).length;
      expect(row['bad_pixel_frac']).toBe(bad / 4096);
      const invvar = await surveyPixels(BRICKS, row, 'invvar-z');
      expect(row['coverage_frac_z']).toBe(Array.from(invvar).filter((weight) => weight > 0).length / 4096);
    }
  });

  it('shuffles the arc in azimuth: its flux and its radial profile stay', () => {
    const injected = stamps.filter((row) => row['is_control'] === 0 && row['cutout_ok'] === 1);
    for (const row of injected) {
      const [x, y] = [Number(row['host_x']), Number(row['host_y'])];
      const [host, arc, shuffled] = ['host_r', 'arc_r', 'shuffled_r'].map((name) => row[name] as Float32Array);
      const rings = (light: (at: number) => number) => {
        const sums = new Float64Array(50);
        for (let at = 0; at < 4096; at++) sums[Math.floor(Math.hypot((at % 64) - x, Math.floor(at / 64) - y))] += light(at);
        return sums;
      };
      const before = rings((at) => arc[at]);
      const after = rings((at) => shuffled[at] - host[at]);
      const peak = Math.max(...before);
      for (const [ring, sum] of before.entries()) expect(Math.abs(sum - after[ring])).toBeLessThan(2e-4 * peak);
      expect(shuffled).not.toEqual(row['image_r']);
    }
  });

  it('shows the source without its lens with the flux of its magnitude', () => {
    // Where it was observed everywhere, so that nothing of the source is missing.
    const whole = stamps.filter((row) => row['is_control'] === 0 && row['cutout_ok'] === 1 && BANDS.every((band) => row[`coverage_frac_${band}`] === 1)); // biome-ignore format: one filter
    expect(whole.length).toBeGreaterThan(3);
    for (const row of whole) {
      for (const band of BANDS) {
        const [host, unlensed] = [row[`host_${band}`] as Float32Array, row[`unlensed_${band}`] as Float32Array];
        const flux = unlensed.reduce((sum, value, at) => sum + (value - host[at]), 0);
        expect(Math.abs(flux / fluxFromMagnitude(row[`src_mag_${band}_used`] as number) - 1)).toBeLessThan(0.005);
      }
    }
  });

  it('can be checked, counted, audited and reported by the other stages', async () => {
    const path = join(folder, 'inject.json');
    const { results } = await runCampaign(path, { stages: ['check', 'completeness', 'compact', 'report'] });
    const { checks } = JSON.parse(readFileSync(results['check'].outputs.find((output) => output.endsWith('.json'))!, 'utf8'));
    const refused = checks
      .filter(({ verdict }: { verdict: string }) => verdict === 'no-go')
      .map(({ name }: { name: string }) => name);
    // So few hosts of one brick cannot be split by region as they should.
    expect(refused.filter((name: string) => !['split-proportions', 'split-distance', 'control-fraction'].includes(name))).toEqual(
      [],
    );
    expect(bitsByTask(await rowsBelow(results['compact'].outputs[0]))).toEqual(bitsByTask(stamps));
  });
});

describe('what the config asks for', () => {
  it('npz: the archives of the originals hold the pixels that columns hold', async () => {
    const columns = campaign(TRAIN);
    const npz = campaign({ ...TRAIN, stamp_format: 'npz' });
    await runCampaign(columns.path, { sets: ['test_limit=12'] });
    await runCampaign(npz.path, { sets: ['test_limit=12'] });
    const wanted = new Map((await rowsOf(columns.folder)).map((row) => [row.task_id, row]));
    const archives = await rowsOf(npz.folder);
    expect(archives.length).toBe(12);
    for (const row of archives) {
      const arrays = decodeNpz(row['stamp_npz'] as Uint8Array, row.task_id);
      expect(Object.keys(arrays)).toEqual(['image_g', 'image_r', 'image_z']);
      for (const [name, { data, shape }] of Object.entries(arrays)) {
        expect(shape).toEqual([64, 64]);
        expect(data).toEqual(wanted.get(row.task_id)?.[name]);
      }
    }
  });

  it('a bandset and two stamp sizes: each an experiment, each row as if it were alone', async () => {
    const { folder, path } = campaign({ ...TRAIN, bandsets: ['grz', 'r'], stamp_sizes: [64, 48], planes: ['injected', 'arc'] });
    await runCampaign(path, { sets: ['test_limit=24'] });
    const rows = async (experiment: string) => rowsOf(folder, 'stamps', { experiment });
    const [grz64, r64, grz48] = await Promise.all(['64_bandsgrz', '64_bandsr', '48_bandsgrz'].map((name) => rows(`train_stamp${name}_gridcustom`))); // biome-ignore format: one list
    expect([grz64.length, r64.length, grz48.length]).toEqual([24, 24, 24]);
    expect(Object.keys(r64[0]).filter((name) => /^(image|arc)_/.test(name) && r64[0][name] instanceof Float32Array)).toEqual(['image_r', 'arc_r']); // biome-ignore format: one list
    // Draws are keyed by the task, which names its experiment: controls are the same survey pixels in each.
    const controls = (list: readonly Row[]) => new Map(list.filter((row) => row['is_control'] === 1).map((row) => [`${row['ra']} ${row['replicate']}`, row])); // biome-ignore format: one map
    const [all, red, small] = [grz64, r64, grz48].map(controls);
    expect(all.size).toBeGreaterThan(0);
    for (const [key, row] of all) {
      expect(red.get(key)?.['image_r']).toEqual(row['image_r']);
      const image = row['image_r'] as Float32Array;
      const middle = Float32Array.from({ length: 48 * 48 }, (_, at) => image[(Math.floor(at / 48) + 8) * 64 + (at % 48) + 8]);
      expect(small.get(key)?.['image_r']).toEqual(middle);
    }
    for (const row of grz48) expect((row['image_g'] as Float32Array).length).toBe(48 * 48);
  });

  it('a bandset of one band is replayed, reported and recorded by itself', async () => {
    const { folder, path } = campaign({ ...TRAIN, bandsets: ['grz', 'r'], planes: ['injected', 'host', 'arc'] });
    const { loaded } = await runCampaign(path, { stages: ['manifest', 'inject', 'report'], sets: ['test_limit=24'] });
    const red = 'train_stamp64_bandsr_gridcustom';
    const record = (name: string) => JSON.parse(readFileSync(join(folder, 'out/phase4c/v1', `run_config_${name}.json`), 'utf8'));
    expect([red, 'train_stamp64_bandsgrz_gridcustom'].map((name) => record(name).rows)).toEqual([24, 24]);
    expect(readFileSync(join(folder, 'out/phasereport/v1', `${red}.html`), 'utf8')).toContain('with the arc');
    const drawn = (await rowsOf(folder, 'metrics', { experiment: red })).find((row) => row['is_control'] === 0) as Row;
    const replay = defineStage<InjectConfig>({
      name: 'replay',
      aliases: [],
      summary: 'one row again',
      keys: [],
      run: async (context, config) => {
        const { matches, lines } = await replayTask(context, config, drawn.task_id);
        return { outcome: matches ? 'done' : 'no-go', counts: {}, outputs: [], summary: lines };
      },
    });
    const { outcome, summary } = await runAlone(replay, loaded);
    expect({ outcome, said: summary.join(' ') }).toEqual({ outcome: 'done', said: expect.stringContaining('equal bit for bit') });
  });

  it('only metrics: the same numbers, and no stamps', async () => {
    const whole = campaign(TRAIN);
    const lean = campaign({ ...TRAIN, metrics_only: true });
    await runCampaign(whole.path, { sets: ['test_limit=16'] });
    await runCampaign(lean.path, { sets: ['test_limit=16'] });
    expect(filesBelow(join(lean.folder, 'out/phase4c')).filter((name) => name.includes('stamps'))).toEqual([]);
    const [full, metrics] = [await rowsOf(whole.folder, 'metrics'), await rowsOf(lean.folder, 'metrics')];
    expect(metrics.every((row) => row['metrics_only'] === 1)).toBe(true);
    expect(bitsByTask(metrics.map((row) => ({ ...row, metrics_only: 0 })))).toEqual(bitsByTask(full));
  });

  it('templates: by both hashes of the originals, each row the one that its hash names', async () => {
    const bank = join(SURVEY, 'bank.npz');
    const { npzBytes } = await import('../../../src/io/npz.ts');
    const images = new Float32Array(7 * 32 * 32);
    for (let at = 0; at < images.length; at++) {
      const [x, y] = [(at % 32) - 15.5, (Math.floor(at / 32) % 32) - 15.5];
      images[at] = Math.exp(-(x * x + y * y) / (8 + 3 * Math.floor(at / 1024)));
    }
    writeFileSync(bank, npzBytes('bank', { images: { data: images, shape: [7, 32, 32] }, src_pixscale_arcsec: { data: new Float64Array([0.05]), shape: [1] } })); // biome-ignore format: one call
    for (const hash of ['blake2b', 'sha256'] as const) {
      const { folder, path } = campaign({ ...TRAIN, source_mode: 'cosmos', cosmos_bank_h5: bank, cosmos_salt: 'salt', template_index: hash }); // biome-ignore format: one call
      await runCampaign(path, { sets: ['test_limit=14'] });
      const rows = (await rowsOf(folder)).filter((row) => row['is_control'] === 0 && row['cutout_ok'] === 1);
      expect(rows.length).toBeGreaterThan(4);
      for (const row of rows) {
        expect(row['cosmos_index']).toBe(templateIndex(row.task_id, 'salt', 7, hash));
        expect(row['source_mode']).toBe('template');
        expect(row['magnification']).toBeGreaterThan(1);
      }
      const config = JSON.parse(readFileSync(join(folder, 'out/phase4c/v1/run_config_train_stamp64_bandsgrz_gridcustom.json'), 'utf8')); // biome-ignore format: one call
      expect(config).toMatchObject({ cosmos_bank_h5: bank, cosmos_salt: 'salt', source_mode: 'template' });
      expect(config.run.inputs[bank]).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('stamps say their shape, pixel scale and config in the metadata', async () => {
    const { folder, path } = campaign(TRAIN);
    const { loaded } = await runCampaign(path, { sets: ['test_limit=4'] });
    const part = filesBelow(join(folder, 'out/phase4c/v1/stamps'))[0];
    const source = await openSource(join(folder, 'out/phase4c/v1/stamps', part));
    try {
      const { schema } = await openParquet(source);
      expect(schema.metadata).toMatchObject({ config_hash: loaded.hash, pixscale_arcsec: '0.262', bands: 'g,r,z' });
      expect(schema.columns.find(({ name }) => name === 'image_r')).toMatchObject({
        type: 'stamp',
        shape: [64, 64],
        unit: 'nanomaggy',
      });
    } finally {
      await source.close();
    }
  });
});
