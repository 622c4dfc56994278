/** `test_limit` in the inject stage: the leading rows of each split of a manifest that has more. */
import { mkdtempSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openParquet } from '../../../src/io/parquet.ts';
import { openSource } from '../../../src/io/store/store.ts';
import { limitParts, limitSplits } from '../../../src/pipelines/injection/inject/limit.ts';
import type { Part } from '../../../src/pipelines/injection/inject/parts.ts';
import { madePlanes, writeBrick } from './bricks-made.ts';
import { bitsByTask, filesBelow, hostsAt, type Row, rowsOf, runCampaign, writeCampaign } from './campaign-support.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'arclet-limit-'));
const BRICK = '0100p000';
/** 12 hosts in train, 6 in val, 6 in test. */
const HOSTS = Array.from({ length: 24 }, (_, index) => ({
  ...hostsAt(BRICK, [[40 + 9 * index, 60 + 7 * ((5 * index) % 24)]])[0],
  region_id: index % 4,
  region_split: ['train', 'train', 'val', 'test'][index % 4],
}));
const PATH = writeCampaign(ROOT, HOSTS, { stamp_sizes: [32], part_rows: 5 });

const partsOf = (variant: string) => filesBelow(join(ROOT, 'out/phase4c', variant)).filter((name) => name.endsWith('.parquet'));
const bySplit = (rows: readonly Row[]) =>
  Object.fromEntries([...Map.groupBy(rows, (row) => String(row['region_split']))].map(([split, own]) => [split, own.length]));

async function metadataOf(path: string): Promise<Readonly<Record<string, string>>> {
  const source = await openSource(path);
  try {
    return (await openParquet(source)).schema.metadata ?? {};
  } finally {
    await source.close();
  }
}

describe('rows of a limit', () => {
  const splits = (train: number, val: number, test: number) => new Map(Object.entries({ train, val, test }));

  it('are shared among splits in proportion, and add up', () => {
    expect(limitSplits(splits(700, 150, 150), 40)).toEqual(splits(28, 6, 6));
    expect(limitSplits(splits(70, 15, 15), 7)).toEqual(splits(5, 1, 1));
    expect(limitSplits(splits(10, 10, 10), 2)).toEqual(splits(1, 1, 0));
    // No split is without a row where there are enough of them.
    expect(limitSplits(splits(980, 10, 10), 10)).toEqual(splits(8, 1, 1));
    expect(limitSplits(splits(3, 1, 0), 4)).toEqual(splits(3, 1, 0));
    expect(limitSplits(splits(3, 1, 2), 0)).toEqual(splits(3, 1, 2));
  });

  it('are the leading parts of each split under their own numbers, the last of them cut short', () => {
    const part = (number: number, split: string, rows: number) => ({ number, split, rows }) as Part;
    const all = [part(0, 'train', 10), part(1, 'train', 10), part(2, 'train', 10), part(3, 'val', 10)];
    const cut = limitParts(all, 20).map(({ number, rows }) => [number, rows]);
    expect(cut).toEqual([[0, 10], [1, 5], [3, 5]]); // biome-ignore format: one list
  });
});

describe('a limited run of a whole manifest', () => {
  let whole = new Map<string, string>();
  beforeAll(async () => {
    await writeBrick(join(ROOT, 'bricks'), BRICK, madePlanes(1));
    await runCampaign(PATH, { sets: ['variant=whole'] });
    whole = bitsByTask(await rowsOf(ROOT, 'stamps', { variant: 'whole' }));
    expect(whole.size).toBe(24);
  });

  it('makes that many rows, the same as the whole run has; check and compact take them, and a run without limit does not', async () => {
    await runCampaign(PATH, { sets: ['variant=some'], stages: ['manifest'] });
    const limit = ['variant=some', 'test_limit=9'];
    const { results } = await runCampaign(PATH, { sets: limit, stages: ['inject', 'check', 'compact'] });
    expect(results['inject'].counts).toMatchObject({ rows: 9 });
    const rows = await rowsOf(ROOT, 'stamps', { variant: 'some' });
    expect(Object.values(bySplit(rows)).toSorted()).toEqual([2, 2, 5]);
    for (const [task, bits] of bitsByTask(rows)) expect(bits).toBe(whole.get(task));
    for (const part of partsOf('some'))
      expect(await metadataOf(join(ROOT, 'out/phase4c/some', part))).toMatchObject({ test_limit: '9' });
    const no = results['check'].failures?.map(({ subject }) => subject) ?? [];
    expect(no.filter((subject) => subject.endsWith('complete'))).toEqual([]);
    expect(results['compact']).toMatchObject({ outcome: 'done', counts: { rows: 18 } });
    expect(results['compact'].summary.join('\n')).toContain('those of the manifest');
    // Neither taken for the whole later, nor whole parts for a few rows.
    const later = runCampaign(PATH, { sets: ['variant=some'], stages: ['inject'] });
    await expect(later).rejects.toMatchObject({ code: 'CONFIG_INVALID', remedy: expect.stringContaining('--force') });
    const fewer = runCampaign(PATH, { sets: ['variant=whole', 'test_limit=9'], stages: ['inject'] });
    await expect(fewer).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await runCampaign(PATH, { sets: ['variant=some'], stages: ['inject'], force: true });
    expect(bitsByTask(await rowsOf(ROOT, 'stamps', { variant: 'some' }))).toEqual(whole);
  });

  it('is compared with the rows that were asked for: a part that is missing is still missed', async () => {
    await runCampaign(PATH, { sets: ['variant=gap'], stages: ['manifest'] });
    const limit = ['variant=gap', 'test_limit=9'];
    await runCampaign(PATH, { sets: limit, stages: ['inject'] });
    const [metrics] = partsOf('gap');
    truncateSync(join(ROOT, 'out/phase4c/gap', metrics), 40);
    const { results } = await runCampaign(PATH, { sets: limit, stages: ['inject'] });
    expect(results['inject'].counts).toMatchObject({ parts_written: 1, files_damaged: 1 });
    expect(results['inject'].summary.join('\n')).toContain(`the first ${join(ROOT, 'out/phase4c/gap', metrics)}`);
    expect((await rowsOf(ROOT, 'metrics', { variant: 'gap' })).length).toBe(9);
  });
});
