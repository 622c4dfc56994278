/**
 * How a stage is declared. A stage says what it is called, which config keys it reads and what it does; runner.ts does the rest the same way
 * for all: checks the config, writes the run record before the first row, shards, shows progress, stops at SIGINT, maps the outcome to an exit status.
 */
import type { Engine } from '../engine/face.ts';

/** The work of one of `count` processes on the same job; `index` counts from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

export interface StageLog {
  info(event: string, message: string, data?: Record<string, unknown>): void;
  /** Call it as often as you like: it is drawn at the pace of a reader. */
  progress(what: string, done: number, total: number | undefined): void;
}

/** What a run is known by afterwards; see record.ts. */
export interface StageRecord {
  /** SHA-256 of the effective config's results-changing part: a finished part carries it, and is only skipped when it is the same. */
  readonly configHash: string;
  /** The record as it stands, keys in snake_case: for files that say of themselves how they were made. */
  readonly current: Readonly<Record<string, unknown>>;
  /** Adds facts (engine, input checksums ...) to the record and writes it. Throws OUTPUT_UNWRITABLE: a run that cannot write its record does not run. */
  note(facts: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface StageContext {
  /** Fires at the first SIGINT: finish the part in hand, then throw ABORTED (throwIfAborted). */
  readonly signal: AbortSignal;
  readonly log: StageLog;
  /** Version of arclet. */
  readonly version: string;
  readonly shard: Shard;
  /** Do again what is done. */
  readonly force: boolean;
  readonly record: StageRecord;
  /** The engine, opened at the first call and noted in the record; the runner closes it. */
  engine(): Promise<Engine>;
}

/** A row, brick or file that could not be done. */
export interface Failure {
  readonly subject: string;
  readonly reason: string;
}

export interface StageResult {
  /** `no-go`: a check said no (exit 1). `failed-rows`: all is written, some rows only with their reason (exit 5). */
  readonly outcome: 'done' | 'no-go' | 'failed-rows';
  /** Rows, bricks, parts ... by name, as the record keeps them. */
  readonly counts: Readonly<Record<string, number>>;
  /** Where the wall time went, by part. */
  readonly seconds?: Readonly<Record<string, number>>;
  /** The first hundred. */
  readonly failures?: readonly Failure[];
  /** Files and folders that a person would open, absolute. */
  readonly outputs: readonly string[];
  /** Lines for the terminal. */
  readonly summary: readonly string[];
}

export interface Stage<C> {
  readonly name: string;
  /** Other names of the command: the originals' stage numbers. */
  readonly aliases: readonly string[];
  /** One sentence for --help. */
  readonly summary: string;
  /** Config keys (snake_case) that this stage reads, for its --help. */
  readonly keys: readonly string[];
  run(context: StageContext, config: C): Promise<StageResult>;
}

/** Declares a stage. */
export function defineStage<C>(stage: Stage<C>): Stage<C> {
  return stage;
}
