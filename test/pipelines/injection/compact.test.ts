/** Compaction of small datasets, as several machines leave them. */
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { openStore } from '../../../src/io/store/store.ts';
import type { ColumnSchema } from '../../../src/io/table.ts';
import { openDataset } from '../../../src/pipelines/dataset.ts';
import { MANIFEST_COLUMNS } from '../../../src/pipelines/injection/columns.ts';
import type { Inputs } from '../../../src/pipelines/injection/compact/inputs.ts';
import { planParts } from '../../../src/pipelines/injection/compact/plan.ts';
import { compactStage } from '../../../src/pipelines/injection/compact.ts';
import { configOf, contextOf, control, injection, type MetricsRow, writePart } from './completeness-rows.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-compact-'));
});
afterAll(() => rm(folder, { recursive: true }));

const SCALARS: ColumnSchema[] = [
  { name: 'task_id', type: 'string' },
  { name: 'region_split', type: 'string' },
  { name: 'is_control', type: 'int32' },
  { name: 'cutout_ok', type: 'int32' },
  { name: 'arc_snr', type: 'float64', nullable: true },
  { name: 'task_seed64', type: 'int64' },
];
const STAMP: ColumnSchema = { name: 'image_r', type: 'stamp', shape: [3, 4], unit: 'nanomaggy' };
const NPZ: ColumnSchema = { name: 'stamp_npz', type: 'bytes', nullable: true };
const SPLITS = ['train', 'val', 'train', 'test', 'train'];

/** Five rows of part `part`, the same wherever they are asked for. */
function rowsOf(part: number): MetricsRow[] {
  return Array.from({ length: 5 }, (_, k) => {
    const id = `task ${part}-${k}`;
    const change = {
      region_split: SPLITS[part],
      task_seed64: 2n ** 60n + BigInt(10 * part + k),
      arc_snr: k === 2 ? null : part + k / 8,
    };
    return k % 2 === 0 ? injection(id, change) : control(id, { ...change, arc_snr: null });
  });
}

const pixels = (part: number, row: number) => Float32Array.from({ length: 12 }, (_, k) => Math.sin(100 * part + 10 * row + k));
const npz = (part: number, row: number) => (row === 4 ? null : Uint8Array.from({ length: 50 }, (_, k) => part + row * k));

const keyOf = (part: number) => `region_split=${SPLITS[part]}/part-${String(part).padStart(5, '0')}.parquet`;

/** Stamps and metrics of a campaign of five parts; each part has row groups of 3 and 2 rows. */
async function campaign(
  name: string,
  { parts = [0, 1, 2, 3, 4], hash = 'c0ffee', pixel = STAMP, stamps = true } = {},
): Promise<string> {
  const output = join(folder, name);
  for (const part of parts) {
    const rows = rowsOf(part).map((row, k) => ({ ...row, image_r: pixels(part, k), stamp_npz: npz(part, k) }));
    const groups = [rows.slice(0, 3), rows.slice(3)];
    const metadata = { config_hash: hash, part: String(part), bands: 'r' };
    const write = (kind: string, columns: ColumnSchema[]) =>
      writePart(`${output}/phase4c/v1/${kind}/exp`, keyOf(part), { columns, metadata }, groups);
    await write('metrics', SCALARS);
    if (stamps) await write('stamps', [...SCALARS, pixel]);
  }
  return output;
}

/** A manifest that plans five parts of `rows` rows. */
async function manifest(output: string, rows = 5): Promise<void> {
  const base = `${output}/phase4a/v1/manifests`;
  const columns = MANIFEST_COLUMNS.filter(({ name }) => ['task_id', 'region_split', 'bandset', 'stamp_size'].includes(name));
  const groups = SPLITS.map((split, part) => Array.from({ length: rows }, (_, k) => ({ task_id: `task ${part}-${k}`, region_split: split, bandset: 'r', stamp_size: 4 }))); // biome-ignore format: one group a part
  await writePart(base, 'exp/part-00000.parquet', { columns }, groups);
  const experiment = {
    experiment_id: 'exp',
    rows: 25,
    rows_by_split: {},
    parts: [{ key: 'part-00000.parquet', rows: 25, row_groups: 5 }],
  };
  await writeFile(
    `${base}/_SUCCESS`,
    JSON.stringify({ config_hash: 'c0ffee', inputs: {}, version: '0', experiments: [experiment] }),
  );
}

async function rowsIn(
  location: string,
): Promise<{ keys: string[]; metadata: Record<string, string>[]; rows: Record<string, unknown>[] }> {
  const dataset = await openDataset(location);
  const rows: Record<string, unknown>[] = [];
  const metadata: Record<string, string>[] = [];
  for (const part of dataset.parts)
    await dataset.withPart(part, async ({ schema }) => void metadata.push({ ...schema.metadata }));
  for await (const batch of dataset.batches()) {
    for (let row = 0; row < batch.rows; row++) {
      const cells = Object.entries(batch.columns).map(([name, values]) => {
        const length = values.length / batch.rows;
        return [name, length === 1 ? values[row] : [...(values as Float32Array).slice(row * length, (row + 1) * length)]];
      });
      rows.push(Object.fromEntries(cells));
    }
  }
  await dataset.close();
  return { keys: dataset.parts.map(({ key }) => key), metadata, rows };
}

const run = (output: string, change: Record<string, unknown> = {}, context = {}) =>
  compactStage.run(contextOf(context), configOf(output, change));
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: Error) => error.message,
  );
const marker = async (output: string, kind = 'stamps') =>
  JSON.parse(await readFile(`${output}/phase4p5/v1/${kind}/exp/_compact.json`, 'utf8'));

describe('compact', () => {
  it('makes one part per split, with every row and pixel as it was', async () => {
    const output = await campaign('whole');
    const { outcome, counts, summary } = await run(output);
    expect(outcome).toBe('done');
    expect(counts).toEqual({ experiments: 2, parts_in: 10, parts_out: 6, parts_kept: 0, rows: 50, experiments_failed: 0 });
    expect(summary[0]).toMatch(
      'stamps exp: 5 parts (numbered without gaps) are 3 now; rows test 5, train 15, val 5, equal before and after',
    );
    const wanted = [3, 0, 2, 4, 1].flatMap((part) => rowsOf(part).map((row, k) => [row['task_id'], [...pixels(part, k)], row['arc_snr'], row['task_seed64']])); // biome-ignore format: test, train, val
    const stamps = await rowsIn(`${output}/phase4p5/v1/stamps/exp`);
    expect(stamps.keys).toEqual([
      'region_split=test/part-00000.parquet',
      'region_split=train/part-00001.parquet',
      'region_split=val/part-00002.parquet',
    ]);
    expect(stamps.rows.map((row) => [row['task_id'], row['image_r'], row['arc_snr'], row['task_seed64']])).toEqual(wanted);
    // What all parts say alike stays, what each says of itself does not.
    expect(stamps.metadata[1]).toMatchObject({ config_hash: 'c0ffee', bands: 'r', compact_inputs: '3' });
    expect(stamps.metadata[1]['part']).toBeUndefined();
    const dataset = await openDataset(`${output}/phase4p5/v1/stamps/exp`);
    expect((await dataset.schema()).columns.find(({ name }) => name === 'image_r')).toMatchObject(STAMP);
    await dataset.close();
    const metrics = await rowsIn(`${output}/phase4p5/v1/metrics/exp`);
    expect(metrics.rows.map((row) => row['task_id'])).toEqual(wanted.map(([id]) => id));
    const [first, second] = [await marker(output), await marker(output, 'metrics')];
    expect(first.splits).toEqual(second.splits);
    expect(first.splits.train).toMatchObject({ parts: 1, rows: 15 });
  });

  it('keeps what is done, does again what changed, and leaves no part of before', async () => {
    const output = await campaign('again');
    await run(output);
    const part = `${output}/phase4p5/v1/stamps/exp/region_split=val/part-00002.parquet`;
    await utimes(part, 1, 1);
    const kept = await run(output);
    expect(kept.counts).toMatchObject({ parts_out: 6, parts_kept: 6, rows: 50 });
    expect((await stat(part)).mtimeMs).toBe(1000);
    expect((await run(output, {}, { force: true })).counts['parts_kept']).toBe(0);
    expect((await stat(part)).mtimeMs).not.toBe(1000);

    // Another config, and no val any more.
    await rm(`${output}/phase4c`, { recursive: true });
    await campaign('again', { parts: [0, 2], hash: 'beef' });
    expect(await failure(run(output))).toMatch('1 parts are missing: part-00001.');
    await writePart(`${output}/phase4c/v1/stamps/exp`, 'region_split=train/part-00001.parquet', { columns: [...SCALARS, STAMP], metadata: { config_hash: 'beef' } }, [[{ ...rowsOf(4)[0], image_r: pixels(4, 0) }]]); // biome-ignore format: one part
    await writePart(`${output}/phase4c/v1/metrics/exp`, 'region_split=train/part-00001.parquet', { columns: SCALARS, metadata: { config_hash: 'beef' } }, [rowsOf(4).slice(0, 1)]); // biome-ignore format: one part
    expect((await run(output)).counts).toMatchObject({ parts_out: 2, parts_kept: 0, rows: 22 });
    const { keys, rows } = await rowsIn(`${output}/phase4p5/v1/stamps/exp`);
    expect([keys, rows.length]).toEqual([['region_split=train/part-00000.parquet'], 11]);
    expect(Object.keys((await marker(output)).splits)).toEqual(['train']);
  });

  it("keeps the originals' archives, missing ones too", async () => {
    const output = await campaign('npz', { pixel: NPZ });
    await run(output);
    const { rows } = await rowsIn(`${output}/phase4p5/v1/stamps/exp`);
    expect(rows.filter(({ region_split }) => region_split === 'val').map((row) => row['stamp_npz'])).toEqual(
      [0, 1, 2, 3, 4].map((k) => npz(1, k)),
    );
  });

  it('takes the stamps of one experiment from anywhere, by the names of Spark', async () => {
    const output = join(folder, 'spark');
    for (const part of [0, 2, 4]) {
      const key = `region_split=train/part-0000${part}-1b2c-4d5e.c000.snappy.parquet`;
      const columns = [...SCALARS.filter(({ name }) => name !== 'region_split'), NPZ];
      await writePart(join(folder, 'elsewhere'), key, { columns }, [
        rowsOf(part).map((row, k) => ({ ...row, stamp_npz: npz(part, k) })),
      ]);
    }
    const change = { compact_input: join(folder, 'elsewhere'), compact_output: join(folder, 'compacted'), experiment_id: 'exp' };
    const { counts, summary } = await run(output, change);
    expect(counts).toMatchObject({ experiments: 1, parts_in: 3, parts_out: 1, rows: 15 });
    expect(summary[0]).toMatch('(not numbered)');
    const { keys, rows } = await rowsIn(join(folder, 'compacted'));
    expect([keys, rows.length, rows[0]['region_split']]).toEqual([['region_split=train/part-00000.parquet'], 15, 'train']);
  });
});

describe('parts that are missing', () => {
  it('are named, from the numbers alone', async () => {
    const output = await campaign('gap', { parts: [0, 2, 4] });
    expect(await failure(run(output))).toBe('2 parts are missing: part-00001, part-00003.');
    expect(await readdir(output)).toEqual(['phase4c']);
  });

  it('are named from the manifest: at the end, short, and of another manifest', async () => {
    const output = await campaign('tail', { parts: [0, 1, 2, 3] });
    expect((await run(output)).outcome).toBe('done');
    await manifest(output);
    expect(await failure(run(output))).toBe('1 of 5 parts are missing: region_split=train/part-00004.parquet.');
    await campaign('tail');
    expect((await run(output)).summary[0]).toMatch('5 parts (those of the manifest)');
    await manifest(output, 6);
    expect(await failure(run(output))).toMatch(
      '5 parts have not the rows that the manifest plans: region_split=train/part-00000.parquet',
    );
    await manifest(output);
    const part = `${output}/phase4c/v1/metrics/exp/region_split=val/part-00001.parquet`;
    await writeFile(`${output}/phase4c/v1/metrics/exp/region_split=val/part-00009.parquet`, await readFile(part));
    const { outcome, failures } = await run(output);
    expect([outcome, failures]).toEqual([
      'failed-rows',
      [
        {
          subject: 'metrics exp',
          reason: 'INPUT_INVALID: 1 parts are not in the manifest: region_split=val/part-00009.parquet.',
        },
      ],
    ]);
  });
});

describe('what is refused', () => {
  it('is a mixture of configs or columns, and stamps without pixels or task ids', async () => {
    const output = await campaign('mixed');
    const base = `${output}/phase4c/v1/stamps/exp`;
    const row = [{ ...rowsOf(1)[0], image_r: pixels(1, 0) }];
    const write = (columns: ColumnSchema[], hash: string) =>
      writePart(base, keyOf(1), { columns, metadata: { config_hash: hash } }, [row]);
    const why = async () => (await run(output)).failures?.[0].reason;
    await write([...SCALARS, STAMP], 'beef');
    expect(await why()).toMatch(/were made with two configs \(c0ffee and beef\)/);
    await write([...SCALARS.slice(1), STAMP], 'c0ffee');
    expect(await why()).toMatch('have not the same columns');
    await rm(base, { recursive: true });
    await write(SCALARS, 'c0ffee');
    expect(await why()).toMatch('has no column stamp_npz or image_<band>.');
    await rm(base, { recursive: true });
    await write([...SCALARS.slice(1), STAMP], 'c0ffee');
    expect(await why()).toMatch('has no column task_id.');
  });

  it("is an output in the input, and one that holds somebody else's parts", async () => {
    const output = await campaign('foreign');
    const stamps = `${output}/phase4c/v1/stamps`;
    for (const compact_output of [stamps, `${stamps}/exp/`, `${output}/phase4c`])
      expect(await failure(run(output, { compact_input: stamps, compact_output }))).toMatch('overlap');
    const own = join(folder, 'own', 'exp');
    await writePart(own, 'region_split=train/part-00000.parquet', { columns: SCALARS }, [rowsOf(0)]);
    expect(await failure(run(output, { compact_input: stamps, compact_output: join(folder, 'own') }))).toMatch(
      'which compact did not write',
    );
    expect((await rowsIn(own)).rows).toHaveLength(5);
  });

  it('is nothing at all, unless stamps were not asked for', async () => {
    const output = await campaign('metrics', { stamps: false });
    expect(await failure(run(output))).toMatch('holds no Parquet part.');
    expect((await run(output, { metrics_only: true })).counts).toMatchObject({ experiments: 1, rows: 25 });
    expect(await failure(run(output, { metrics_only: true, experiment_id: 'other' }))).toMatch(
      'metrics/other holds no Parquet part.',
    );
  });
});

describe('an interrupted run', () => {
  it('leaves whole parts without a marker, and the next one completes it', async () => {
    const output = await campaign('stopped');
    const stop = new AbortController();
    const log = { info: () => undefined, progress: () => stop.abort() };
    const stopped = await run(output, {}, { signal: stop.signal, log }).catch((error: unknown) => error);
    expect(isArcletError(stopped, 'ABORTED')).toBe(true);
    const files = await readdir(`${output}/phase4p5/v1/stamps/exp`, { recursive: true });
    expect(files.filter((name) => /\./.test(name))).toEqual(['region_split=test/part-00000.parquet']);
    expect((await rowsIn(`${output}/phase4p5/v1/stamps/exp`)).rows).toHaveLength(5);
    expect((await run(output)).counts).toMatchObject({ parts_out: 6, parts_kept: 1, rows: 50 });
    expect((await marker(output)).splits.test.rows).toBe(5);
  });

  it('that fails within a part leaves nothing of it', async () => {
    const output = await campaign('damaged');
    const part = `${output}/phase4c/v1/stamps/exp/region_split=train/part-00002.parquet`;
    const bytes = await readFile(part);
    // Within the first row group: the footer is whole, the pages are not.
    bytes.fill(0xff, 8, 400);
    await writeFile(part, bytes);
    const { outcome, failures } = await run(output);
    expect(outcome).toBe('failed-rows');
    expect(failures?.[0]).toMatchObject({ subject: 'stamps exp' });
    expect(failures?.[0].reason).toMatch(/part-00002\.parquet is damaged in column/);
    const files = await readdir(`${output}/phase4p5/v1/stamps/exp`, { recursive: true });
    expect(files.filter((name) => /train|_compact|tmp/.test(name) && name.includes('.'))).toEqual([]);
  });

  it('is known by its missing marker when the inputs change', async () => {
    const output = await campaign('changed');
    await run(output);
    const store = await openStore(`${output}/phase4p5/v1/stamps/exp`);
    expect(await store.exists('_compact.json')).toBe(true);
    const log = {
      info: () => undefined,
      progress: () => {
        throw new Error('killed');
      },
    };
    await expect(run(output, {}, { log, force: true })).rejects.toThrow('killed');
    // Forced: the parts are written anew, so the marker of before is no longer true.
    expect(await store.exists('_compact.json')).toBe(false);
    await store.close();
  });
});

describe('the plan', () => {
  const inputs = (sizes: readonly number[]): Inputs => ({
    location: 'x',
    parts: sizes.map((bytes, k) => ({ part: { key: `part ${k}`, bytes, partitions: {} }, split: 'train', rows: 1 })),
    columns: [],
    metadata: {},
    signature: '',
  });
  const bundles = (sizes: readonly number[], most: number) => planParts(inputs(sizes), most, 100).map((part) => part.inputs.map(({ part: { bytes } }) => bytes)); // biome-ignore format: one line

  it('makes parts of about the wanted size, at most so many, and splits none', () => {
    expect(bundles([40, 40, 40, 40, 40, 40], 200)).toEqual([
      [40, 40, 40],
      [40, 40, 40],
    ]);
    expect(bundles([10, 10], 200)).toEqual([[10, 10]]);
    expect(bundles(new Array(100).fill(50), 3).map((bundle) => bundle.length)).toEqual([33, 34, 33]);
    expect(bundles([500, 1, 1], 200)).toEqual([[500], [1, 1]]);
  });

  it('knows its inputs by name, size and rows', () => {
    const print = (sizes: number[]) => planParts(inputs(sizes), 1, 100)[0].fingerprint;
    expect(print([1, 2])).toBe(print([1, 2]));
    expect(print([1, 2])).not.toBe(print([2, 1]));
  });
});
