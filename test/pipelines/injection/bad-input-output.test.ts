/** Disks that are full, places that cannot be written, and datasets that were damaged afterwards: nothing is half there, and check names it. */
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { TEMPORARY_NAME } from '../../../src/io/atomic.ts';
import { openParquet, openParquetWriter } from '../../../src/io/parquet.ts';
import { openSource, openStoreOf } from '../../../src/io/store/store.ts';
import type { TableBatch } from '../../../src/io/table.ts';
import { madePlanes, writeBrick } from './bricks-made.ts';
import { bitsByTask, filesBelow, hostsAt, rowsOf, runCampaign, writeCampaign } from './campaign-support.ts';

/** A disk on which files of this name take so many bytes more. */
const disk = vi.hoisted(() => ({ where: /(?!)/, left: 0, at: 'write' as 'write' | 'sync' }));

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  const open: typeof real.open = async (path, flags, mode) => {
    const file = await real.open(path, flags, mode);
    if (flags !== 'wx' || !disk.where.test(String(path))) return file;
    const write = file.writeFile.bind(file);
    if (disk.at === 'sync') file.sync = () => Promise.reject(full());
    else {
      file.writeFile = async (data) => {
        const bytes = data as Uint8Array;
        const fits = Math.min(disk.left, bytes.byteLength);
        disk.left -= fits;
        await write(bytes.subarray(0, fits));
        if (fits < bytes.byteLength) throw full();
      };
    }
    return file;
  };
  return { ...real, open };
});

const ROOT = mkdtempSync(join(tmpdir(), 'arclet-output-'));
const BRICK = '0100p000';
const SPLITS = ['train', 'val', 'test'];
/** Thirty hosts in three splits: four parts of 10 rows or less each. */
const HOSTS = Array.from({ length: 30 }, (_, at) => ({
  ...hostsAt(BRICK, [[50 + 6 * at, 40 + ((at * 83) % 200)]])[0],
  region_id: at,
  region_split: SPLITS[at % 3],
}));
const PATH = writeCampaign(ROOT, HOSTS, {
  stamp_sizes: [32],
  replicates: 2,
  part_rows: 10,
  control_frac_train: 0.3,
  split_by: 'column',
});

let wanted = new Map<string, string>();
beforeAll(async () => {
  await writeBrick(join(ROOT, 'bricks'), BRICK, madePlanes(1));
  await runCampaign(PATH, { sets: ['variant=whole'] });
  wanted = await bitsOf('whole');
  expect(wanted.size).toBe(60);
});
beforeEach(() => Object.assign(disk, { where: /(?!)/, left: 0, at: 'write' }));

const bitsOf = async (variant: string) => bitsByTask(await rowsOf(ROOT, 'stamps', { variant }));
const phase = (variant: string) => join(ROOT, 'out/phase4c', variant);
const parts = (variant: string, kind: string) =>
  filesBelow(phase(variant)).filter((name) => name.startsWith(kind) && name.endsWith('.parquet'));
const temporaries = (variant: string) =>
  filesBelow(phase(variant)).filter((name) => TEMPORARY_NAME.test(name.split('/').at(-1)!));

describe('a full disk', () => {
  it.each<[string, Partial<typeof disk>, number]>([
    ['in the middle of the first stamps', { where: /\/stamps\/.*part-00000/, left: 5000 }, 0],
    ['in the middle of later stamps', { where: /\/stamps\/.*part-00003/, left: 20_000 }, 3],
    ['at the first byte of metrics', { where: /\/metrics\/.*part-00002/, left: 0 }, 2],
    ['when a part is flushed', { where: /\/stamps\/.*part-00001/, at: 'sync' }, 1],
  ])('%s: the part is absent, those before it are kept, a rerun completes', async (name, full, before) => {
    const variant = name.replaceAll(' ', '-');
    Object.assign(disk, full);
    const run = runCampaign(PATH, { sets: [`variant=${variant}`] });
    await expect(run).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      message: expect.stringContaining('the disk is full'),
      remedy: expect.stringContaining('Free space'),
    });
    expect(temporaries(variant)).toEqual([]);
    // Stamps appear before metrics: those of the part in hand may be there, whole, and do not count.
    expect(parts(variant, 'metrics').length).toBe(before);
    if (before > 0) for (const [task, bits] of await bitsOf(variant)) expect(wanted.get(task)).toBe(bits);
    const record = JSON.parse(readFileSync(join(phase(variant), '_stage_config_inject.json'), 'utf8'));
    expect(record).toMatchObject({ outcome: 'error', error: { code: 'OUTPUT_UNWRITABLE' } });
    disk.where = /(?!)/;
    const { results } = await runCampaign(PATH, { sets: [`variant=${variant}`], stages: ['inject'] });
    expect(results['inject'].counts['parts_skipped']).toBe(before);
    expect(await bitsOf(variant)).toEqual(wanted);
  });

  it('before the first row: a run that cannot write its record does not run', async () => {
    await runCampaign(PATH, { sets: ['variant=unrecorded'], stages: ['manifest'] });
    const progress = vi.fn();
    for (const where of [/_stage_config_inject/, /run_config_/]) {
      Object.assign(disk, { where, left: 100 });
      const log = { info: () => undefined, progress };
      const run = runCampaign(PATH, { sets: ['variant=unrecorded'], stages: ['inject'], host: { log } });
      await expect(run).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    }
    expect(progress).not.toHaveBeenCalled();
    expect([...parts('unrecorded', 'stamps'), ...temporaries('unrecorded')]).toEqual([]);
  });

  it('while the manifest is written: there is none, and a rerun makes it', async () => {
    Object.assign(disk, { where: /phase4a.*part-00000/, left: 3000 });
    await expect(runCampaign(PATH, { sets: ['variant=unplanned'] })).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    await expect(runCampaign(PATH, { sets: ['variant=unplanned'], stages: ['inject'] })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('holds no finished manifest'),
    });
    disk.where = /(?!)/;
    await runCampaign(PATH, { sets: ['variant=unplanned'] });
    expect(await bitsOf('unplanned')).toEqual(wanted);
  });
});

describe('a place that cannot be written', () => {
  it('is told before any work', async () => {
    writeFileSync(join(ROOT, 'file'), 'in the way');
    for (const stage of ['manifest', 'inject']) {
      const run = runCampaign(PATH, { sets: [`output=${join(ROOT, 'file/out')}`], stages: [stage] });
      await expect(run).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE', message: expect.stringContaining('a part of the path is a file') }); // biome-ignore format: one line
    }
    expect(readFileSync(join(ROOT, 'file'), 'utf8')).toBe('in the way');
  });
});

/** Writes a part again with other rows, its metadata as they were. */
async function rewrite(path: string, change: (batch: TableBatch) => TableBatch): Promise<void> {
  const source = await openSource(path);
  const table = await openParquet(source);
  const batches: TableBatch[] = [];
  for await (const batch of table.batches()) batches.push(batch);
  await source.close();
  const { store, key } = await openStoreOf(path);
  const writer = openParquetWriter(await store.sink(key), table.schema);
  for (const batch of batches) await writer.write(change(batch));
  await writer.finish();
  await store.close();
}

const take = (batch: TableBatch, rows: readonly number[]): TableBatch => ({
  rows: rows.length,
  columns: Object.fromEntries(Object.entries(batch.columns).map(([name, values]) => [name, rows.map((row) => values[row])])) as TableBatch['columns'], // biome-ignore format: one line
});

describe('check finds what was damaged afterwards', () => {
  const check = async (variant: string) => {
    const { results } = await runCampaign(PATH, { sets: [`variant=${variant}`], stages: ['check'] });
    return { outcome: results['check'].outcome, refused: new Map(results['check'].failures?.map(({ subject, reason }) => [subject.split(': ')[1], reason])) }; // biome-ignore format: one line
  };
  /** What so few rows are refused for anyhow. */
  let usual: string[] = [];
  beforeAll(async () => {
    usual = [...(await check('whole')).refused.keys()];
    for (const name of ['complete', 'task-id-unique', 'parts-readable']) expect(usual).not.toContain(name);
  });

  it.each<[string, string, string, RegExp, (part: string) => void | Promise<void>]>([
    ['a part is gone', 'gone', 'complete', /lost 10 /, (part) => rmSync(part)],
    ['rows were dropped', 'dropped', 'complete', /lost 3 /, (part) => rewrite(part, (batch) => take(batch, [...new Array(batch.rows - 3).keys()]))], // biome-ignore format: one line
    ['a row stands twice', 'doubled', 'task-id-unique', /^1\. /, (part) => rewrite(part, (batch) => take(batch, [...new Array(batch.rows).keys(), 4]))], // biome-ignore format: one line
    ['a part was cut off', 'cut', 'parts-readable', /part-00002/, (part) => truncateSync(part, statSync(part).size - 100)],
  ])('%s', async (_, variant, name, reason, damage) => {
    await runCampaign(PATH, { sets: [`variant=${variant}`] });
    await damage(join(phase(variant), parts(variant, 'metrics').find((part) => part.includes('part-00002'))!));
    const { outcome, refused } = await check(variant);
    expect(outcome).toBe('no-go');
    expect(usual).not.toContain(name);
    expect(refused.get(name)).toMatch(reason);
    // And the stage itself does not take it for done.
    const rerun = runCampaign(PATH, { sets: [`variant=${variant}`], stages: ['inject'] });
    if (['gone', 'cut'].includes(variant)) expect((await rerun).results['inject'].counts).toMatchObject({ parts_written: 1 });
    else await expect(rerun).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await runCampaign(PATH, { sets: [`variant=${variant}`], stages: ['inject'], force: true });
    expect(await bitsOf(variant)).toEqual(wanted);
  });

  it.each<[string, string, string]>([
    ['stamps of a part are gone while its metrics are there', 'stampless', 'stamps'],
    ['metrics of a part are gone while its stamps are there', 'numberless', 'metrics'],
  ])('%s', async (_, variant, kind) => {
    await runCampaign(PATH, { sets: [`variant=${variant}`] });
    rmSync(join(phase(variant), parts(variant, kind)[2]));
    const { outcome, refused } = await check(variant);
    expect([outcome, usual.includes('stamps-present')]).toEqual(['no-go', false]);
    expect(refused.get('stamps-present')).toMatch(/^1\. .*part-0000\d\.parquet: (is missing|stamps without metrics)/);
  });
});
