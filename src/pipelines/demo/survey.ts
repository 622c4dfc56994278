/**
 * `arclet demo survey`: a small imaging survey in the file format of Legacy Surveys DR10, made from nothing but a seed. It is there so that the
 * injection pipeline runs on a fresh clone, and so that benchmarks and tests have full-size bricks of which the truth is known.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ArcletError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../io/atomic.ts';
import { BRICK_STEPS, type BrickResult, type BrickTask, brickSources } from './brick.ts';
import { fieldBricks } from './brick-grid.ts';
import { makeBricks } from './brick-workers.ts';
import { writeInjectConfig, writePreview, writeTargets, writeTruth } from './products.ts';
import type { Source } from './sources.ts';

/** Grows whenever the same options give other pixels, so that bricks of before are made anew. */
const GENERATOR = 1;

export interface DemoOptions {
  /** Bricks, five to a row. */
  readonly bricks: number;
  /** Default 1. */
  readonly seed?: number;
  /** Default 250. */
  readonly targetsPerBrick?: number;
  /** Pixels along a side of a brick; the survey's is 3600 (default). Smaller ones do not overlap. */
  readonly size?: number;
  /** Version of arclet, for headers and records. */
  readonly version: string;
  /** As in {@link makeBricks}. */
  readonly workers?: number;
  /** Make bricks again that are there. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

export interface DemoSurvey {
  readonly folder: string;
  /** The ready config for `arclet inject run`. */
  readonly config: string;
  readonly bricks: readonly string[];
  /** Bricks that were there already. */
  readonly kept: number;
  readonly targets: number;
  readonly sources: number;
  /** Bytes of all brick files. */
  readonly bytes: number;
}

/** What decides the pixels; written with every brick and compared before one is kept. */
interface Identity {
  readonly generator: number;
  readonly version: string;
  readonly seed: number;
  readonly targets_per_brick: number;
  readonly size: number;
}

const LEAST_SIZE = 400;
const MOST_SIZE = 3600;
const MOST_TARGETS = 1000;
const MOST_BRICKS = 1000;

/**
 * Makes a survey in `folder`: `bricks/<brick[:3]>/<brick>/`, `targets.csv`, `truth.parquet`, `inject.yaml`, `preview.png`, `survey.json` (options and
 * checksums) and `parts/<brick>.json`, which says that a brick is whole. Bricks that are whole and of the same options are kept.
 * The same options give the same bytes; the transcendental functions are those of the JavaScript engine, so a Node with another one
 * could differ in the last bit of a pixel.
 *
 * @throws USAGE for options out of range, or when the folder holds another survey; OUTPUT_UNWRITABLE; ABORTED
 */
export async function makeDemoSurvey(folder: string, options: DemoOptions): Promise<DemoSurvey> {
  const { version, signal, force = false } = options;
  const seed = within('seed', options.seed ?? 1, 0, 2 ** 31 - 1);
  const count = within('bricks', options.bricks, 1, MOST_BRICKS);
  const targets = within('targets per brick', options.targetsPerBrick ?? 250, 1, MOST_TARGETS);
  const size = within('size', options.size ?? MOST_SIZE, LEAST_SIZE, MOST_SIZE);
  const identity: Identity = { generator: GENERATOR, version, seed, targets_per_brick: targets, size };
  await claim(folder, identity, force);

  const bricks = join(folder, 'bricks');
  const tasks = fieldBricks(count).map(({ name, row, column }) => {
    return { name, task: { folder: bricks, row, column, seed, size, targets, version } satisfies BrickTask };
  });
  const results = new Map<string, BrickResult>();
  if (!force) {
    for (const { name } of tasks) {
      const whole = await wholeBrick(folder, name, identity);
      if (whole !== undefined) results.set(name, whole);
    }
  }
  const kept = results.size;
  const missing = tasks.filter(({ name }) => !results.has(name)).map(({ task }) => task);
  let steps = 0;
  const total = BRICK_STEPS * missing.length;
  await makeBricks(missing, {
    workers: options.workers,
    signal,
    onStep: () => options.onProgress?.(++steps, total),
    onBrick: async (result) => {
      await writeFileAtomic(partPath(folder, result.name), `${JSON.stringify({ ...identity, ...result })}\n`);
      results.set(result.name, result);
    },
  });
  if (signal?.aborted === true) {
    throw new ArcletError('ABORTED', `The demo survey was stopped with ${results.size} of ${count} bricks.`, {
      subject: folder,
      remedy: 'Run the command again: finished bricks are kept.',
    });
  }

  const all = tasks.map(({ name }) => results.get(name)!);
  const rows = all.flatMap((result) => result.targets);
  await writeTargets(folder, rows);
  const sources = await writeTruth(folder, ownSources(tasks));
  await writeInjectConfig(folder, targets, seed);
  const [first] = tasks;
  await writePreview(folder, join(bricks, first.name.slice(0, 3), first.name), first.name, size);
  const files = all.flatMap((result) => result.files);
  const record = { ...identity, bricks: tasks.map(({ name }) => name), targets: rows.length, sources, files };
  await writeFileAtomic(join(folder, 'survey.json'), `${JSON.stringify(record, undefined, 2)}\n`);
  return {
    folder: resolve(folder),
    config: resolve(folder, 'inject.yaml'),
    bricks: record.bricks,
    kept,
    targets: rows.length,
    sources,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** A brick's sources at a time. */
function* ownSources(tasks: readonly { name: string; task: BrickTask }[]): Generator<{ name: string; sources: Source[] }> {
  for (const { name, task } of tasks) yield { name, sources: brickSources(task, true) };
}

function within(what: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new ArcletError('USAGE', `A demo survey cannot have ${what} ${value}.`, {
    subject: what,
    remedy: `Give a whole number from ${least} to ${most}.`,
  });
}

/** Says in survey.json whose folder this is, so that two surveys never mix. */
async function claim(folder: string, identity: Identity, force: boolean): Promise<void> {
  const path = join(folder, 'survey.json');
  const there = (await readJson(path)) as Partial<Identity> | undefined;
  const asked = ['seed', 'targets_per_brick', 'size'] as const;
  const other = there === undefined ? [] : asked.filter((key) => there[key] !== identity[key]);
  if (other.length > 0 && !force) {
    const words = other.map((key) => `${key} ${there?.[key]} instead of ${identity[key]}`).join(', ');
    throw new ArcletError('USAGE', `${folder} holds another demo survey (${words}).`, {
      subject: folder,
      remedy: 'Choose another folder, or give --force to make it anew.',
    });
  }
  if (there === undefined || other.length > 0) await writeFileAtomic(path, `${JSON.stringify(identity, undefined, 2)}\n`);
}

const partPath = (folder: string, name: string): string => join(folder, 'parts', `${name}.json`);

/** What a brick's part says, if its files are all there with their checksums and it was made by the same options. */
async function wholeBrick(folder: string, name: string, identity: Identity): Promise<BrickResult | undefined> {
  const part = (await readJson(partPath(folder, name))) as (Identity & BrickResult) | undefined;
  if (part === undefined) return undefined;
  for (const [key, value] of Object.entries(identity)) if (part[key as keyof Identity] !== value) return undefined;
  for (const { key, bytes, sha256 } of part.files) {
    const path = join(folder, 'bricks', key);
    const found = await stat(path).catch(() => undefined);
    if (found?.size !== bytes || (await fileHash(path)) !== sha256) return undefined;
  }
  return { name: part.name, files: part.files, targets: part.targets };
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** A JSON file; undefined when there is none, or it is none. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
