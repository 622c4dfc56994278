/** Campaigns as a user runs them: a config file, the stages through the runner, and what lies on the disk afterwards. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEngine } from '../../../src/index.ts';
import { readSection } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { openDataset } from '../../../src/pipelines/dataset.ts';
import type { InjectConfig } from '../../../src/pipelines/injection/config.ts';
import { loadInjectConfig } from '../../../src/pipelines/injection/load-config.ts';
import { INJECT_STAGES, recordLocationOf } from '../../../src/pipelines/injection/stages.ts';
import { type FinishedStage, type LoadedConfig, runStage, type StageHost } from '../../../src/pipelines/runner.ts';
import { skyOf } from './bricks-made.ts';
import { type TableRow, writeCsvRows } from './manifest-support.ts';

/** Hosts at these pixels of bricks of bricks-made.ts. */
export function hostsAt(brick: string, pixels: readonly (readonly [x: number, y: number])[], more: TableRow = {}): TableRow[] {
  return pixels.map(([x, y]) => {
    const { raDeg, decDeg } = skyOf(brick, x, y);
    return { brickname: brick, ra: raDeg, dec: decDeg, rmag: 19, psfsize_r: 1.35, ...more };
  });
}

/** Targets and a config for them, in `folder`. Bricks are in its `bricks`, results in its `out`. Gives the path of the config. */
export function writeCampaign(
  folder: string,
  targets: readonly TableRow[],
  config: Readonly<Record<string, unknown>> = {},
): string {
  mkdirSync(folder, { recursive: true });
  writeCsvRows(folder, 'targets.csv', targets);
  const path = join(folder, 'inject.json');
  writeFileSync(path, JSON.stringify({ ...SMALL, ...config }));
  return path;
}

/** One row of one config per host: everything else is as it comes. */
const SMALL = {
  targets: 'targets.csv',
  coadd_cache: 'bricks',
  output: 'out',
  variant: 'v1',
  tiers: ['train'],
  grid_train: 'custom',
  custom_grid: { theta_e_arcsec: [1], src_dmag: [2], src_reff_arcsec: [0.2], src_e: [0.2], shear: [0.02] },
  control_frac_train: 0,
  replicates: 1,
};

export interface RunOptions {
  /** Default manifest and inject. */
  readonly stages?: readonly string[];
  readonly sets?: readonly string[];
  /** From 1, of n. */
  readonly shard?: readonly [number, number];
  readonly force?: boolean;
  /** Of the CPU; default 0: this thread. */
  readonly workers?: number;
  readonly host?: Partial<StageHost>;
}

export interface Ran {
  readonly loaded: LoadedConfig<InjectConfig>;
  readonly results: Readonly<Record<string, FinishedStage>>;
}

/** Runs stages as the command line does. */
export async function runCampaign(path: string, options: RunOptions = {}): Promise<Ran> {
  const {
    stages = ['manifest', 'inject'],
    sets = [],
    shard: [index, count] = [1, 1],
    force = false,
    workers = 0,
    host,
  } = options;
  const loaded = await loadInjectConfig({ path, sets });
  const shard = { index: index - 1, count };
  const results: Record<string, FinishedStage> = {};
  for (const name of stages) {
    const entry = INJECT_STAGES.find((one) => one.name === name);
    if (entry === undefined) throw new Error(`there is no stage ${name}`);
    results[name] = await runStage(await entry.load(), loaded, {
      log: { info: () => undefined, progress: () => undefined },
      version: '0.0.0-test',
      shard,
      force,
      signal: new AbortController().signal,
      openEngine: () => openEngine({ backend: 'cpu', workers }),
      recordLocation: recordLocationOf(entry, loaded.config, shard),
      ...host,
    });
  }
  return { loaded, results };
}

export type Row = Readonly<Record<string, unknown>> & { readonly task_id: string };

/** Rows of all parts below a folder; stamps as arrays of their own. */
export async function rowsBelow(folder: string): Promise<Row[]> {
  const dataset = await openDataset(folder);
  try {
    const rows: Row[] = [];
    for await (const { rows: count, columns } of dataset.batches()) {
      for (let row = 0; row < count; row++) {
        const values = Object.entries(columns).map(([name, column]) => {
          const width = column.length / count;
          return [name, width === 1 ? column[row] : (column as Float32Array).slice(row * width, (row + 1) * width)];
        });
        rows.push(Object.fromEntries(values));
      }
    }
    return rows;
  } finally {
    await dataset.close();
  }
}

/** Rows of the only experiment of a variant, or of a named one. */
export function rowsOf(folder: string, kind: 'stamps' | 'metrics' = 'stamps', { variant = 'v1', experiment = '' } = {}) {
  const parent = join(folder, 'out/phase4c', variant, kind);
  const found = experiment === '' ? readdirSync(parent) : [experiment];
  if (found.length !== 1) throw new Error(`${parent} has ${found.join(', ')}`);
  return rowsBelow(join(parent, found[0]));
}

/** Every bit of every row, by task: the value of each column by name, and the bytes of stamps. Throws when a task stands twice. */
export function bitsByTask(rows: readonly Row[]): Map<string, string> {
  const bits = new Map<string, string>();
  for (const row of rows) {
    if (bits.has(row.task_id)) throw new Error(`${row.task_id} stands twice`);
    bits.set(row.task_id, bitsOf(row));
  }
  return bits;
}

function bitsOf(row: Row): string {
  const digest = createHash('sha256');
  for (const [name, value] of Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))) {
    digest.update(`${name}\0`);
    if (ArrayBuffer.isView(value)) digest.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    else if (typeof value === 'number') digest.update(new Float64Array([value]));
    else digest.update(`${typeof value} ${String(value)}`);
  }
  return digest.digest('hex');
}

/** All files below a folder, relative, in order. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Pixels of a plane of the survey under a row, read by themselves; `bricks` is the folder of the cache. */
export async function surveyPixels(bricks: string, row: Row, plane: string): Promise<ArrayLike<number>> {
  const brick = String(row['brickname']);
  const file = await openFitsFile(join(bricks, brick.slice(0, 3), brick, `legacysurvey-${brick}-${plane}.fits.fz`));
  try {
    const size = Number(row['stamp_size']);
    const start = [Number(row['stamp_y0']), Number(row['stamp_x0'])];
    return (await readSection(file.hdus[1], start, [size, size])).data as ArrayLike<number>;
  } finally {
    await file.close();
  }
}

/** Sum of light, and its centroid in px. */
export function momentsOf(light: ArrayLike<number>, size: number): { sum: number; x: number; y: number } {
  let [sum, x, y] = [0, 0, 0];
  for (let at = 0; at < size * size; at++) {
    sum += light[at];
    x += light[at] * (at % size);
    y += light[at] * Math.floor(at / size);
  }
  return { sum, x: x / sum, y: y / sum };
}
