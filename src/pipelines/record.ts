/**
 * Run records: what a run was asked, by which code, on what machine, and what came of it. The record is written before the first row, so a run
 * that was killed has one too (its outcome is then `running`).
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isArcletError } from '../core/errors.ts';
import type { EngineInfo } from '../engine/face.ts';
import { openStoreOf } from '../io/store/store.ts';
import type { Shard, StageRecord, StageResult } from './stage.ts';

/** What is known before the first row. */
export interface RecordStart {
  readonly stage: string;
  readonly version: string;
  readonly shard: Shard;
  readonly configHash: string;
  readonly configPath: string | undefined;
  /** In snake_case. */
  readonly effective: Readonly<Record<string, unknown>>;
  readonly origin: Readonly<Record<string, string>>;
  readonly overrides: readonly unknown[];
  readonly warnings: readonly string[];
}

/** Writes JSON to a path or s3://, whole or absent. Throws OUTPUT_UNWRITABLE. */
export async function writeJson(location: string, value: unknown): Promise<void> {
  const exact = (_key: string, item: unknown) =>
    typeof item === 'bigint' ? (Number.isSafeInteger(Number(item)) ? Number(item) : String(item)) : item;
  const { store, key } = await openStoreOf(location);
  try {
    await store.put(key, new TextEncoder().encode(`${JSON.stringify(value, exact, 1)}\n`));
  } finally {
    await store.close();
  }
}

/** The record of a run that begins now. */
export async function recordJson(start: RecordStart): Promise<Record<string, unknown>> {
  const { effective } = start;
  const given = Object.entries(start.origin).filter(([, origin]) => origin !== 'default');
  return {
    stage: start.stage,
    arclet: start.version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    shard: shardText(start.shard),
    started_utc: new Date().toISOString(),
    outcome: 'running',
    config_path: start.configPath ?? null,
    config_hash: start.configHash,
    config: effective,
    origin: Object.fromEntries(given),
    overrides: start.overrides,
    warnings: start.warnings,
    seeds: Object.fromEntries(Object.entries(effective).filter(([key]) => /(^|_)seed(_|$)/.test(key))),
    kernel_sources: await kernelSources(),
  };
}

/** `i/n` with i from 1, as `--shard` takes it. */
export const shardText = ({ index, count }: Shard): string => `${index + 1}/${count}`;

/** A record that is kept up to date where it lies; without a location it is only kept in memory. */
export class RunRecord implements StageRecord {
  readonly configHash: string;
  readonly #location: string | undefined;
  #current: Record<string, unknown>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(configHash: string, location: string | undefined, current: Record<string, unknown>) {
    this.configHash = configHash;
    this.#location = location;
    this.#current = current;
  }

  /** Begins a record and writes it. Throws OUTPUT_UNWRITABLE. */
  static async open(location: string | undefined, start: RecordStart): Promise<RunRecord> {
    const earlier = location === undefined ? [] : await earlierRuns(location);
    const record = new RunRecord(start.configHash, location, { ...(await recordJson(start)), earlier });
    await record.note({});
    return record;
  }

  get current(): Readonly<Record<string, unknown>> {
    return this.#current;
  }

  /** Notes that come together are written one after the other, so the last one stays. */
  note(facts: Readonly<Record<string, unknown>>): Promise<void> {
    this.#current = { ...this.#current, ...facts };
    if (this.#location === undefined) return Promise.resolve();
    const location = this.#location;
    const written = this.#writing.catch(() => undefined).then(() => writeJson(location, this.#current));
    this.#writing = written;
    // Whoever noted it hears of a failure; the next note does not.
    written.catch(() => undefined);
    return written;
  }

  /** Notes how the run ended. */
  finish({ outcome, counts, seconds, failures, outputs }: StageResult, wallSeconds: number): Promise<void> {
    return this.note({
      outcome,
      ended_utc: new Date().toISOString(),
      wall_seconds: wallSeconds,
      counts,
      seconds: seconds ?? {},
      failures: failures ?? [],
      outputs,
    });
  }

  /** Notes that the run was stopped or failed, and why. */
  fail(error: unknown, wallSeconds: number): Promise<void> {
    const why = isArcletError(error)
      ? { code: error.code, message: error.message, subject: error.subject, remedy: error.remedy }
      : { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
    const outcome = why.code === 'ABORTED' ? 'aborted' : 'error';
    return this.note({ outcome, ended_utc: new Date().toISOString(), wall_seconds: wallSeconds, error: why });
  }
}

const EARLIER_KEPT = 100;
const EARLIER_KEYS = [
  'arclet',
  'started_utc',
  'ended_utc',
  'outcome',
  'config_hash',
  'wall_seconds',
  'counts',
  'seconds',
  'error',
];

/** What the record at a place says of the runs before: a campaign that was resumed is the work of all of them. */
async function earlierRuns(location: string): Promise<readonly unknown[]> {
  const { store, key } = await openStoreOf(location);
  try {
    if (!(await store.exists(key))) return [];
    const before = JSON.parse(new TextDecoder().decode(await store.get(key))) as Record<string, unknown>;
    const kept = EARLIER_KEYS.filter((name) => before[name] !== undefined).map((name) => [name, before[name]] as const);
    const runs = Array.isArray(before['earlier']) ? before['earlier'] : [];
    return [...runs, Object.fromEntries(kept)].slice(-EARLIER_KEPT);
  } catch (error) {
    // A record that cannot be read is replaced.
    return [{ outcome: 'unreadable', error: String(error) }];
  } finally {
    await store.close();
  }
}

/** An engine as records name it. */
export function engineFacts({ backend, adapter, gpu, workers, reason }: EngineInfo): Record<string, unknown> {
  return { engine: { backend, adapter: adapter ?? null, workers, reason, gpu: gpu ?? null } };
}

let sources: Promise<Record<string, unknown>> | undefined;

/** SHA-256 of what computes: every shader text, and the sources of every kernel folder (its twin among them). */
export function kernelSources(): Promise<Record<string, unknown>> {
  sources ??= hashSources();
  return sources;
}

async function hashSources(): Promise<Record<string, unknown>> {
  const { SHADERS } = await import('../../kernels/shaders.generated.ts');
  const shaders = Object.fromEntries(Object.entries(SHADERS).map(([name, text]) => [name, sha256(text)]));
  // Beside this module's tree both in the source and in dist/.
  const root = fileURLToPath(new URL('../../kernels/', import.meta.url));
  const folders = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const twins: [string, string][] = [];
  for (const folder of folders.sort()) {
    const files = (await readdir(`${root}${folder}`)).filter((name) => /(?<!\.d)\.(ts|js)$/.test(name)).sort();
    const texts = await Promise.all(files.map((name) => readFile(`${root}${folder}/${name}`, 'utf8')));
    twins.push([folder, sha256(files.map((name, index) => `${name}\n${texts[index]}`).join('\0'))]);
  }
  return { shaders, kernels: Object.fromEntries(twins) };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
