/** Manifests, banks and configs as a hostile user has them: a tagged error before any work, or a row with its reason. Nothing is lost. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { addInjectCommand } from '../../../src/cli/inject.ts';
import { npzBytes } from '../../../src/io/npz.ts';
import { madePlanes, writeBrick } from './bricks-made.ts';
import { filesBelow, hostsAt, type Row, rowsOf, runCampaign, writeCampaign } from './campaign-support.ts';
import type { TableRow } from './manifest-support.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const ROOT = mkdtempSync(join(tmpdir(), 'arclet-bad-'));
const [GOOD, BAD] = ['0100p000', '0200m100'];
const TRAIN = { region_split: 'train', region_id: 1 };
/** Three hosts in each of two bricks, where both map and mask are plain. */
const PLACES: [number, number][] = [[70, 60], [120.4, 110.7], [200, 150.2]]; // biome-ignore format: places
const HOSTS = [GOOD, BAD].flatMap((brick) => hostsAt(brick, PLACES, TRAIN));

let count = 0;
/** A folder with bricks of its own, the second one only when it is `whole`. */
async function survey(whole: boolean): Promise<string> {
  const folder = join(ROOT, `survey-${count++}`);
  for (const [at, brick] of [GOOD, BAD].slice(0, whole ? 2 : 1).entries())
    await writeBrick(join(folder, 'bricks'), brick, madePlanes(at + 1));
  return folder;
}

/** A cache that is as it should be, for what is wrong elsewhere. */
let sound = '';
beforeAll(async () => {
  sound = join(await survey(true), 'bricks');
});
const campaign = (targets: readonly TableRow[], config: Record<string, unknown> = {}) => {
  const folder = join(ROOT, `run-${count++}`);
  return { folder, path: writeCampaign(folder, targets, { coadd_cache: sound, stamp_sizes: [32], ...config }) };
};

/** Rows of a manifest as somebody else made it. */
const given = (values: TableRow = {}): TableRow[] =>
  HOSTS.map((host, at) => ({
    ...host,
    task_id: `task-${at}`,
    theta_e_arcsec: 1,
    src_dmag: 2,
    src_reff_arcsec: 0.2,
    src_x_arcsec: 0.1,
    src_y_arcsec: 0,
    ...values,
  }));

describe('a given manifest', () => {
  it('with a task_id twice is refused before any row', async () => {
    const rows = given();
    const { folder, path } = campaign([...rows, rows[2]]);
    await expect(runCampaign(path)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('task-2'),
      remedy: 'Leave one row per task_id.',
    });
    expect(filesBelow(join(folder, 'out')).filter((name) => name.endsWith('.parquet'))).toEqual([]);
  });

  it.each<[string, TableRow, RegExp]>([
    ['a source without a size', { src_reff_arcsec: 'NaN' }, /src_reff_arcsec/],
    ['a source of negative size', { src_reff_arcsec: -0.2 }, /-0.2|rEff|radius/],
    ['a source at no place', { src_x_arcsec: 'inf' }, /src_x_arcsec/],
    ['no magnitude', { src_dmag: 'NaN', rmag: 'NaN' }, /magnitude/],
    ['a Sersic index beyond all galaxies', { src_n: 60 }, /60/],
    ['a brick that is nowhere', { brickname: '1234p050' }, /1234p050/],
    ['a place that is none', { ra: 12, dec: 80 }, /OUTSIDE_BRICK/],
    ['a lens model that nobody knows', { lens_model: 'NFW' }, /NFW/],
  ])('with a row of %s: that row says so, the others are made', async (_, bad, reason) => {
    const rows = given({ experiment_id: 'grid_stamp32', stamp_size: 32 });
    const { folder, path } = campaign(rows.map((row, at) => (at === 1 ? { ...row, ...bad } : row)));
    await runCampaign(path);
    const made = new Map((await rowsOf(folder)).map((row) => [row.task_id, row]));
    expect([...made.keys()].sort()).toEqual(rows.map((row) => row['task_id']));
    const spoiled = made.get('task-1') as Row;
    expect(spoiled['failure']).toMatch(reason);
    expect(spoiled).toMatchObject({ cutout_ok: 0, metrics_ok: 0, arc_snr: null });
    for (const [task, row] of made) if (task !== 'task-1') expect(row).toMatchObject({ cutout_ok: 1, failure: null });
  });
});

describe('an experiment', () => {
  it.each<[TableRow, RegExp]>([
    [{ stamp_size: 48 }, /mixes rows of stamp_size (32 and 48|48 and 32)/],
    [{ bandset: 'gr' }, /mixes rows of bandset (grz and gr|gr and grz)/],
    // In a row group of its own.
    [{ stamp_size: 48, region_split: 'val' }, /Experiment mixed mixes rows of stamp_size 32 and 48/],
  ])('with a row of %j among others is refused before any row', async (other, message) => {
    const rows = given({ experiment_id: 'mixed', stamp_size: 32, bandset: 'grz' });
    const { folder, path } = campaign(rows.map((row, at) => (at === 1 ? { ...row, ...other } : row)));
    await runCampaign(path, { stages: ['manifest'] });
    const run = runCampaign(path, { stages: ['inject'] });
    await expect(run).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) });
    expect(filesBelow(join(folder, 'out/phase4c'))).toEqual(['v1/_stage_config_inject.json']);
  });

  it('of a band in which sources have no magnitude is refused before any row', async () => {
    const { folder, path } = campaign(HOSTS, { bands: ['r', 'Y'] });
    const run = runCampaign(path, { stages: ['manifest'] });
    await expect(run).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining("not in 'Y'") });
    expect(existsSync(join(folder, 'out'))).toBe(false);
  });
});

describe('a bank', () => {
  const bankOf = (folder: string, name: string, shape: number[], fill = 1) => {
    const length = shape.reduce((a, b) => a * b, 1);
    writeFileSync(join(folder, name), npzBytes(name, { images: { data: new Float32Array(length).fill(fill), shape } }));
  };

  it.each([
    ['of images that are not square', [4, 20, 30], /20,30|20, 30/],
    ['of one image', [30, 30], /30/],
  ])('%s is refused before any row', async (_, shape, message) => {
    const { folder, path } = campaign(HOSTS, { source_mode: 'cosmos', cosmos_bank_h5: 'bank.npz' });
    bankOf(folder, 'bank.npz', shape);
    await expect(runCampaign(path)).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(message) });
    expect(filesBelow(join(folder, 'out/phase4c')).filter((name) => name.endsWith('.parquet'))).toEqual([]);
  });

  it('that is not there, or empty, is refused before any row', async () => {
    const { folder, path } = campaign(HOSTS, { source_mode: 'cosmos', cosmos_bank_h5: 'bank.npz' });
    await expect(runCampaign(path)).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('bank.npz'),
    });
    bankOf(folder, 'bank.npz', [0, 30, 30]);
    await expect(runCampaign(path)).rejects.toMatchObject({ code: 'BANK_EMPTY' });
  });

  it('of templates without light fails the rows that draw them', async () => {
    const { folder, path } = campaign(HOSTS, { source_mode: 'cosmos', cosmos_bank_h5: 'bank.npz' });
    bankOf(folder, 'bank.npz', [2, 30, 30], 0);
    const { results } = await runCampaign(path);
    expect(results['inject']).toMatchObject({ outcome: 'failed-rows', counts: { rows: 6, failed: 6 } });
    for (const row of await rowsOf(folder)) expect(row['failure']).toMatch(/^INPUT_INVALID: Template [01] of .* sums to 0/);
  });
});

describe('the command line', () => {
  const inject = (...words: string[]) => {
    const program = new Command('arclet').exitOverride();
    addInjectCommand(program);
    return program.parseAsync(['inject', ...words], { from: 'user' });
  };

  it.each<[string, string, string[], string, RegExp]>([
    ['a key that nobody knows', '{"targets":"targets.csv","stamp_size":64}', [], 'CONFIG_UNKNOWN_KEY', /stamp_size.*stamp_sizes/],
    ['a config that is no JSON', '{"targets": ', [], 'CONFIG_INVALID', /JSON|YAML/],
    ['a config that is a list', '[1, 2]', [], 'CONFIG_INVALID', /./],
    ['two spellings that disagree', '{"output":"a","output_s3":"b"}', [], 'CONFIG_INVALID', /output_s3/],
    ['a flag against its config', '{"bands":["g","r"]}', ['--bands', 'g,z'], 'CONFIG_INVALID', /bands/],
    ['templates without a bank', '{"source_mode":"cosmos"}', [], 'CONFIG_INVALID', /cosmos_bank_h5/],
    ['a size of zero', '{"stamp_sizes":[0]}', [], 'CONFIG_INVALID', /stamp_sizes/],
    ['a band twice', '{"bands":["r","r"]}', [], 'CONFIG_INVALID', /'r' stands there twice/],
    ['an empty list of bands', '{"bands":[]}', [], 'CONFIG_INVALID', /bands/],
    ['a number that is none', '{"moffat_beta":"wide"}', [], 'CONFIG_INVALID', /moffat_beta/],
  ])('%s is refused before anything is written', async (_, text, flags, code, message) => {
    const { folder, path } = campaign(HOSTS);
    writeFileSync(path, text);
    const before = filesBelow(folder);
    const base = ['--targets', 'targets.csv', '--coadd-cache', sound, '--output', join(folder, 'out')];
    const taken = base.filter((word, at) => !['--output', '--targets'].some((flag) => (word === flag || base[at - 1] === flag) && text.includes(`"${flag.slice(2)}`))); // biome-ignore format: one line
    await expect(inject('run', '--config', path, ...taken, ...flags)).rejects.toMatchObject({ code, message: expect.stringMatching(message) }); // biome-ignore format: one line
    expect(filesBelow(folder)).toEqual(before);
  });

  it('ends with 5, 3 or 2, a sentence and no stack', async () => {
    const arclet = (path: string) => {
      const words = ['inject', 'manifest', '--config', path];
      const run = (list: string[]) => spawnSync(process.execPath, [MAIN, ...list, '--workers', '0'], { encoding: 'utf8', timeout: 60_000 }); // biome-ignore format: one line
      const first = run(words);
      return first.status === 0 ? run(['inject', 'inject', '--config', path]) : first;
    };
    const folder = await survey(false);
    const failed = arclet(writeCampaign(folder, HOSTS, { stamp_sizes: [32] }));
    expect(failed.status).toBe(5);
    expect(failed.stderr).toMatch(/failed: [0-9a-f]{64}: INPUT_UNREADABLE: /);
    const rows = given();
    const twice = arclet(campaign([...rows, rows[0]]).path);
    expect([twice.status, twice.stderr.includes('task-0'), /\n\s+at /.test(twice.stderr)]).toEqual([3, true, false]);
    const strange = campaign(HOSTS, { tires: ['debug'] });
    const unknown = arclet(strange.path);
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toContain("'tires', did you mean 'tiers'?");
    expect(readdirSync(strange.folder).sort()).toEqual(['inject.json', 'targets.csv']);
  });
});
