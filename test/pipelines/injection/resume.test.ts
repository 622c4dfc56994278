/** The same rows whatever happens to the run: workers, shards, parts, kills, interrupts, second thoughts. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, watch, writeFileSync } from 'node:fs'; // biome-ignore format: one import
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { TEMPORARY_NAME } from '../../../src/io/atomic.ts';
import { openParquet } from '../../../src/io/parquet.ts';
import { openSource } from '../../../src/io/store/store.ts';
import { madePlanes, writeBrick } from './bricks-made.ts';
import { bitsByTask, filesBelow, hostsAt, rowsOf, runCampaign, writeCampaign } from './campaign-support.ts';

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const ROOT = mkdtempSync(join(tmpdir(), 'arclet-resume-'));
const EXPERIMENT = 'train_stamp32_bandsgrz_gridcustom';
const SPLITS = ['train', 'val', 'test'];
const BRICKS = ['0100p000', '0200m100'];

/** 50 hosts, four of them too near the edge for a stamp; noise in the arcs, so that random numbers are among the bits. */
const TARGETS = BRICKS.flatMap((brick, at) =>
  Array.from({ length: 25 }, (_, index) => ({
    ...hostsAt(brick, [[8.3 + 11.13 * index, 40.2 + 8.7 * ((7 * index) % 25)]])[0],
    region_id: 10 * at + (index % 3),
    region_split: SPLITS[index % 3],
  })),
);
const CONFIG = { stamp_sizes: [32], replicates: 6, control_frac_train: 0.3, gain: 500, planes: ['injected', 'arc'] };
const ROWS = 300;
const PATH = writeCampaign(ROOT, TARGETS, CONFIG);

/** What rows are, from a run that nothing happened to. */
let wanted = new Map<string, string>();
beforeAll(async () => {
  for (const [at, brick] of BRICKS.entries()) await writeBrick(join(ROOT, 'bricks'), brick, madePlanes(at + 1));
  const { results } = await runCampaign(PATH, { sets: ['variant=whole'] });
  // Rows over the edge cannot be used, and that is no failure.
  expect(results['inject']).toMatchObject({ outcome: 'done', counts: { rows: ROWS, failed: 0 } });
  expect(results['inject'].counts['unusable']).toBeGreaterThan(0);
  wanted = await bitsOf('whole');
  expect(wanted.size).toBe(ROWS);
});

const bitsOf = async (variant: string) => bitsByTask(await rowsOf(ROOT, 'stamps', { variant }));
const metricBits = async (variant: string) => bitsByTask(await rowsOf(ROOT, 'metrics', { variant }));
const phase = (variant: string) => join(ROOT, 'out/phase4c', variant);
const partsOf = (variant: string, kind = 'stamps') =>
  filesBelow(phase(variant)).filter((name) => name.startsWith(kind) && name.endsWith('.parquet'));
const temporaries = (variant: string) =>
  filesBelow(phase(variant)).filter((name) => TEMPORARY_NAME.test(name.split('/').at(-1)!));
const sets = (variant: string, partRows = 2000, more: readonly string[] = []) => [`variant=${variant}`, `part_rows=${partRows}`, ...more]; // biome-ignore format: one line

describe('rows are the same to the bit', () => {
  it.each([
    ['one worker', { workers: 1 }],
    ['two workers', { workers: 2 }],
  ])('with %s', async (name, options) => {
    const variant = name.replace(' ', '-');
    await runCampaign(PATH, { sets: sets(variant), ...options });
    expect(await bitsOf(variant)).toEqual(wanted);
  });

  it.each([7, 50])('in parts of %i rows: the parts differ, the rows do not', async (partRows) => {
    const variant = `parts-${partRows}`;
    await runCampaign(PATH, { sets: sets(variant, partRows) });
    expect(partsOf(variant).length).toBeGreaterThan(partsOf('whole').length);
    expect(await bitsOf(variant)).toEqual(wanted);
  });

  it('in three shards, in any order, with the parts that one run has', async () => {
    const only = (shard: readonly [number, number]) => runCampaign(PATH, { sets: sets('shards', 20), stages: ['inject'], shard });
    await runCampaign(PATH, { sets: sets('unsharded', 20) });
    await runCampaign(PATH, { sets: sets('shards', 20), stages: ['manifest'] });
    const counts = [];
    for (const index of [3, 1, 2]) counts.push((await only([index, 3])).results['inject'].counts['rows']);
    expect(counts.every((rows) => rows > 0 && rows < ROWS)).toBe(true);
    expect(counts.reduce((sum, rows) => sum + rows, 0)).toBe(ROWS);
    expect(partsOf('shards')).toEqual(partsOf('unsharded'));
    expect(await bitsOf('shards')).toEqual(wanted);
    // Each shard keeps a record of its own.
    expect(readdirSync(phase('shards')).filter((name) => name.includes('shard-')).length).toBe(3);
  });

  it('when three shards run at the same time', async () => {
    await runCampaign(PATH, { sets: sets('together', 20), stages: ['manifest'] });
    await Promise.all([1, 2, 3].map((index) => runCampaign(PATH, { sets: sets('together', 20), stages: ['inject'], shard: [index, 3] }))); // biome-ignore format: one line
    expect(await bitsOf('together')).toEqual(wanted);
    expect(await metricBits('together')).toEqual(await metricBits('whole'));
  });
});

/** The command line on this campaign; `hurt` hears of every change below the folder of results, and may end the process. */
async function arclet(
  variant: string,
  partRows: number,
  hurt: (child: ReturnType<typeof spawn>, file: string) => void,
  after = Number.POSITIVE_INFINITY,
) {
  // biome-ignore format: one line
  const folders = [phase(variant), ...['stamps', 'metrics'].flatMap((kind) => SPLITS.map((split) => join(phase(variant), kind, EXPERIMENT, `region_split=${split}`)))]; // biome-ignore format: one list
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const words = [
    'inject',
    'inject',
    '--config',
    PATH,
    '--workers',
    '0',
    ...sets(variant, partRows).flatMap((set) => ['--set', set]),
  ];
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (text) => {
    said.out += text;
  });
  child.stderr.on('data', (text) => {
    said.err += text;
  });
  const watchers = folders.map((folder) => watch(folder, (_, name) => hurt(child, String(name))));
  const timer = Number.isFinite(after) ? setTimeout(() => child.kill('SIGKILL'), after) : undefined;
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => child.on('close', (code, by) => resolve([code, by]))); // biome-ignore format: one line
  clearTimeout(timer);
  for (const watcher of watchers) watcher.close();
  return { status, signal, ...said };
}

describe('kill -9', () => {
  it('at 20 random moments: no row is lost, doubled or half-written, and every bit is as it was', async () => {
    const random = new PhiloxStream(philoxKey(20));
    const finished: string[] = [];
    let kills = 0;
    let variant = '';
    for (let run = 0; kills < 20; run++) {
      if (variant === '') {
        variant = `killed-${finished.length}`;
        await runCampaign(PATH, { sets: sets(variant, 6), stages: ['manifest'] });
      }
      // Most kills while files change, the others at any time, the first steps of a process among them.
      let changes = 1 + random.integer(45);
      const atAnyTime = run % 5 === 4 ? 100 + random.integer(1200) : undefined;
      const { status, signal, err } = await arclet(variant, 6, (child) => {
        if (atAnyTime === undefined && --changes === 0) child.kill('SIGKILL');
      }, atAnyTime); // biome-ignore format: one call
      if (signal === 'SIGKILL') {
        kills++;
        // What can be seen is whole, whenever it is looked at.
        if (partsOf(variant, 'metrics').length > 0) {
          for (const [task, bits] of await metricBits(variant)) expect(whole.get(task)).toBe(bits);
        }
        continue;
      }
      expect([status, err.includes('INTERNAL')]).toEqual([0, false]);
      finished.push(variant);
      variant = '';
    }
    if (variant !== '') {
      expect((await arclet(variant, 6, () => undefined)).status).toBe(0);
      finished.push(variant);
    }
    for (const name of finished) {
      expect(await bitsOf(name)).toEqual(wanted);
      expect(await metricBits(name)).toEqual(whole);
    }
    // Twenty starts of a process.
  }, 180_000);

  let whole = new Map<string, string>();
  beforeAll(async () => {
    whole = await metricBits('whole');
  });

  it('leaves unfinished files that nobody reads; a later run takes away those of an hour ago and no others', async () => {
    await runCampaign(PATH, { sets: sets('leftovers') });
    const folder = join(phase('leftovers'), dirname(partsOf('leftovers')[0]));
    const [old, live] = ['.part-00000.parquet.4194303.00c0ffee.tmp', '.part-00001.parquet.4194302.0badcafe.tmp'].map((name) => join(folder, name)); // biome-ignore format: one line
    const kept = join(folder, '.notes.tmp');
    for (const path of [old, live, kept]) writeFileSync(path, 'PAR1 and then the power went');
    const hoursAgo = Date.now() / 1000 - 2 * 3600;
    for (const path of [old, kept]) utimesSync(path, hoursAgo, hoursAgo);
    expect(await bitsOf('leftovers')).toEqual(wanted);
    const { results } = await runCampaign(PATH, { sets: sets('leftovers'), stages: ['inject'] });
    expect(results['inject'].counts['rows']).toBe(0);
    expect([old, live, kept].map((path) => existsSync(path))).toEqual([false, true, true]);
  });
});

describe('an interrupt', () => {
  it('finishes the part in hand and ends with 1; a rerun completes, and another one has nothing to do', async () => {
    await runCampaign(PATH, { sets: sets('interrupted', 6), stages: ['manifest'] });
    let sent = false;
    const { status, err } = await arclet('interrupted', 6, (child, file) => {
      if (sent || !file.startsWith('part-')) return;
      sent = true;
      child.kill('SIGINT');
    });
    expect(status).toBe(1);
    expect(err).toContain('Stopping after the batch in hand');
    expect(err).toMatch(/The run was stopped after \d+ rows\.\s+Run it again: finished parts are skipped\./);
    const config = () => JSON.parse(readFileSync(join(phase('interrupted'), `run_config_${EXPERIMENT}.json`), 'utf8'));
    expect(config()).not.toHaveProperty('finished_utc');
    const record = () => JSON.parse(readFileSync(join(phase('interrupted'), '_stage_config_inject.json'), 'utf8'));
    expect(record()).toMatchObject({ outcome: 'aborted', error: { code: 'ABORTED' } });
    const before = partsOf('interrupted');
    expect(before.length).toBeGreaterThan(0);
    expect(temporaries('interrupted')).toEqual([]);
    expect(partsOf('interrupted', 'metrics').length).toBe(before.length);
    const times = before.map((name) => statSync(join(phase('interrupted'), name)).mtimeMs);
    const { results } = await runCampaign(PATH, { sets: sets('interrupted', 6), stages: ['inject'] });
    expect(results['inject'].counts['parts_skipped']).toBe(before.length);
    expect(config()).toHaveProperty('finished_utc');
    expect(record()).toMatchObject({ outcome: 'done', earlier: [{ outcome: 'aborted' }] });
    expect(before.map((name) => statSync(join(phase('interrupted'), name)).mtimeMs)).toEqual(times);
    expect(await bitsOf('interrupted')).toEqual(wanted);
    const { results: again } = await runCampaign(PATH, { sets: sets('interrupted', 6), stages: ['inject'] });
    expect(again['inject']).toMatchObject({ outcome: 'done', counts: { rows: 0, parts_written: 0 } });
    expect(again['inject'].summary.join(' ')).toContain(
      `${partsOf('interrupted').length} parts (${ROWS} rows) were there already`,
    );
  });

  it('before the first row stops before it', async () => {
    await runCampaign(PATH, { sets: sets('early'), stages: ['manifest'] });
    const controller = new AbortController();
    controller.abort();
    const run = runCampaign(PATH, { sets: sets('early'), stages: ['inject'], host: { signal: controller.signal } });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
    expect(existsSync(phase('early'))).toBe(false);
  });
});

describe('what is there already', () => {
  async function hashes(variant: string): Promise<Set<string | undefined>> {
    const found = new Set<string | undefined>();
    for (const name of [...partsOf(variant), ...partsOf(variant, 'metrics')]) {
      const source = await openSource(join(phase(variant), name));
      found.add((await openParquet(source)).schema.metadata?.['config_hash']);
      await source.close();
    }
    return found;
  }

  it('of another config is refused, untouched; --force does all of it again', async () => {
    const small = ['test_limit=60'];
    await runCampaign(PATH, { sets: sets('changed', 10, small) });
    const before = await bitsOf('changed');
    const other = sets('changed', 10, [...small, 'moffat_beta=4.5']);
    await expect(runCampaign(PATH, { sets: other, stages: ['manifest'] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await runCampaign(PATH, { sets: other, stages: ['manifest'], force: true });
    await expect(runCampaign(PATH, { sets: other, stages: ['inject'] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('was made with another config'),
      remedy: expect.stringContaining('--force'),
    });
    expect(await bitsOf('changed')).toEqual(before);
    const { loaded } = await runCampaign(PATH, { sets: other, stages: ['inject'], force: true });
    const after = await bitsOf('changed');
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    // Another PSF: every arc is another one.
    const arcs = (await rowsOf(ROOT, 'stamps', { variant: 'changed' })).filter((row) => row['arc_snr'] !== null);
    expect(arcs.length).toBeGreaterThan(5);
    expect(arcs.filter(({ task_id: task }) => before.get(task) === after.get(task))).toEqual([]);
    expect(await hashes('changed')).toEqual(new Set([loaded.hash]));
  });

  it('of more and smaller parts does not outlive --force: nothing would overwrite them', async () => {
    const small = ['test_limit=40'];
    await runCampaign(PATH, { sets: sets('recut', 5, small) });
    const many = partsOf('recut').length;
    const { loaded } = await runCampaign(PATH, { sets: sets('recut', 40, small), force: true });
    expect(partsOf('recut').length).toBeLessThan(many);
    expect((await bitsOf('recut')).size).toBe(40);
    expect((await metricBits('recut')).size).toBe(40);
    expect(await hashes('recut')).toEqual(new Set([loaded.hash]));
  });

  it('and that no manifest knows is refused', async () => {
    await runCampaign(PATH, { sets: sets('stray', 20, ['test_limit=20']) });
    const [part] = partsOf('stray');
    const stray = join(phase('stray'), part.replace(/part-\d+/, 'part-00777'));
    cpSync(join(phase('stray'), part), stray);
    const rerun = runCampaign(PATH, { sets: sets('stray', 20, ['test_limit=20']), stages: ['inject'] });
    await expect(rerun).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${stray} is no part of this manifest under test_limit 20.`,
    });
    await runCampaign(PATH, { sets: sets('stray', 20, ['test_limit=20']), stages: ['inject'], force: true });
    expect(existsSync(stray)).toBe(false);
    expect((await bitsOf('stray')).size).toBe(20);
  });

  it('with one of its two files is made again, the others are kept', async () => {
    await runCampaign(PATH, { sets: sets('halves', 10) });
    const parts = partsOf('halves');
    // As after a kill between the two renames, and as after somebody deleted stamps.
    rmSync(join(phase('halves'), parts[1].replace('stamps', 'metrics')));
    rmSync(join(phase('halves'), parts[3]));
    const { results } = await runCampaign(PATH, { sets: sets('halves', 10), stages: ['inject'] });
    expect(results['inject'].counts).toMatchObject({ parts_written: 2, parts_skipped: parts.length - 2 });
    expect(await bitsOf('halves')).toEqual(wanted);
    expect((await metricBits('halves')).size).toBe(ROWS);
  });

  it('and was cut off by something else is made again, and named', async () => {
    const small = sets('cut', 20, ['test_limit=20']);
    await runCampaign(PATH, { sets: small });
    const before = await bitsOf('cut');
    const part = join(phase('cut'), partsOf('cut')[0]);
    truncateSync(part, statSync(part).size - 9);
    const { results } = await runCampaign(PATH, { sets: small, stages: ['inject'] });
    expect(results['inject'].counts).toMatchObject({ parts_written: 1, files_damaged: 1 });
    expect(results['inject'].summary.join('\n')).toContain(`cut off or damaged and their parts made again, the first ${part}`);
    expect(await bitsOf('cut')).toEqual(before);
    expect((await metricBits('cut')).size).toBe(20);
  });
});
