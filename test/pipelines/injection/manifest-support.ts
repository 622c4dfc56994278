/** Runs of the manifest stage on tables that a test writes. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openParquet, openParquetWriter } from '../../../src/io/parquet.ts';
import { openSource, openStore } from '../../../src/io/store/store.ts';
import type { TableBatch, TableSchema } from '../../../src/io/table.ts';
import type { Task } from '../../../src/pipelines/injection/columns.ts';
import { type InjectConfig, InjectConfigSchema } from '../../../src/pipelines/injection/config.ts';
import type { Measure } from '../../../src/pipelines/injection/manifest/arc-snr.ts';
import { openManifest, tasksOf } from '../../../src/pipelines/injection/manifest/read.ts';
import { makeManifest } from '../../../src/pipelines/injection/manifest.ts';
import type { StageContext, StageResult } from '../../../src/pipelines/stage.ts';

export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'arclet-manifest-'));

export type TableRow = Readonly<Record<string, string | number | undefined>>;

/** Writes rows as CSV and gives the path. */
export function writeCsvRows(folder: string, name: string, rows: readonly TableRow[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns.join(','), ...rows.map((row) => columns.map((column) => row[column] ?? '').join(','))];
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** Hosts spread over `bricks` bricks, the same ones for the same arguments. */
export function hostRows(count: number, bricks: number, more: (index: number) => TableRow = () => ({})): TableRow[] {
  return Array.from({ length: count }, (_, index) => {
    const brick = index % bricks;
    const centre = 10 + 7 * brick;
    const offset = ((index * 0.754877666) % 1) - 0.5;
    return {
      brickname: `${String(centre * 10).padStart(4, '0')}p${String(50 + brick).padStart(3, '0')}`,
      ra: Number((centre + 0.2 * offset).toFixed(7)),
      dec: Number((5 + brick / 10 + 0.2 * (((index * 0.5698402) % 1) - 0.5)).toFixed(7)),
      rmag: Number((18 + 3 * ((index * 0.3819) % 1)).toFixed(4)),
      zmag: 18.5,
      w1mag: 17.5,
      psfsize_r: 1.1 + 0.01 * brick,
      psfdepth_r: 23 + 0.013 * ((brick * 7) % bricks),
      ...more(index),
    };
  });
}

export function configOf(given: Readonly<Record<string, unknown>>): InjectConfig {
  return InjectConfigSchema.parse(given) as InjectConfig;
}

const noMeasure: Measure = () => {
  throw new Error('nothing was to be measured');
};

export interface Run {
  readonly result: StageResult;
  readonly config: InjectConfig;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Runs the stage; the hash of the config is its JSON, so that other configs have other hashes. */
export async function runManifest(
  given: Readonly<Record<string, unknown>>,
  {
    measure = noMeasure,
    force = false,
    signal = new AbortController().signal,
  }: { measure?: Measure; force?: boolean; signal?: AbortSignal } = {},
): Promise<Run> {
  const config = configOf(given);
  const facts: Record<string, unknown> = {};
  const context: StageContext = {
    signal,
    log: { info: () => undefined, progress: () => undefined },
    version: '0.0.0',
    shard: { index: 0, count: 1 },
    force,
    record: {
      configHash: JSON.stringify(given),
      current: facts,
      note: async (noted) => void Object.assign(facts, noted),
    },
    engine: () => Promise.reject(new Error('no engine is needed')),
  };
  const result = await makeManifest(context, config, measure);
  return { result, config, facts };
}

/** Rows of every row group of an experiment, in order. */
export async function groupsOf(config: InjectConfig, experimentId?: string): Promise<Task[][]> {
  const manifest = await openManifest({ ...config, output: config.output as string, experimentId: undefined });
  const dataset = await manifest.dataset(experimentId ?? manifest.experiments[0]);
  try {
    const groups: Task[][] = [];
    for await (const batch of dataset.batches()) groups.push(tasksOf(batch));
    return groups;
  } finally {
    await dataset.close();
  }
}

export async function rowsOf(config: InjectConfig, experimentId?: string): Promise<Task[]> {
  return (await groupsOf(config, experimentId)).flat();
}

export async function tableOf(path: string): Promise<Record<string, unknown>[]> {
  const source = await openSource(path);
  try {
    const table = await openParquet(source);
    const rows: Record<string, unknown>[] = [];
    for await (const batch of table.batches()) {
      for (let row = 0; row < batch.rows; row++) {
        rows.push(Object.fromEntries(Object.entries(batch.columns).map(([name, values]) => [name, values[row]])));
      }
    }
    return rows;
  } finally {
    await source.close();
  }
}

export async function writeParquetTable(
  folder: string,
  name: string,
  schema: TableSchema,
  batches: readonly TableBatch[],
): Promise<string> {
  const store = await openStore(folder);
  const writer = openParquetWriter(await store.sink(name), schema);
  for (const batch of batches) await writer.write(batch);
  await writer.finish();
  await store.close();
  return join(folder, name);
}
