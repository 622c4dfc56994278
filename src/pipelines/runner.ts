/** Runs any stage the same way: record before the first row, engine when it is asked for, record after the last row or the failure. */
import { ArcletError } from '../core/errors.ts';
import type { Engine } from '../engine/face.ts';
import type { Origin, Override } from './layered-config.ts';
import { engineFacts, RunRecord } from './record.ts';
import type { Shard, Stage, StageContext, StageLog, StageResult } from './stage.ts';

/** A config as a run uses and records it; see injection/load-config.ts. */
export interface LoadedConfig<C> {
  readonly config: C;
  /** Every key in snake_case as it is in force; null where nothing was given and there is no default. Can be run again as a config file. */
  readonly effective: Readonly<Record<string, unknown>>;
  readonly origin: Readonly<Record<string, Origin>>;
  readonly overrides: readonly Override[];
  /** Sentences on keys that have no effect here. */
  readonly warnings: readonly string[];
  readonly hash: string;
  /** The config file, absolute. */
  readonly path: string | undefined;
}

/** What a stage needs of the process that runs it. */
export interface StageHost {
  readonly log: StageLog;
  readonly version: string;
  readonly shard: Shard;
  readonly force: boolean;
  readonly signal: AbortSignal;
  openEngine(): Promise<Engine>;
  /** Where the run record goes, path or s3://; undefined for what leaves no trace (replay). */
  readonly recordLocation: string | undefined;
}

export interface FinishedStage extends StageResult {
  readonly name: string;
  readonly wallSeconds: number;
}

/**
 * Runs a stage. Its engine, if it opened one, is closed when this returns or throws.
 *
 * @throws OUTPUT_UNWRITABLE before any work when the record cannot be written; ABORTED when the signal fired (what is finished is kept, and a
 * rerun goes on from there); what the stage throws. The record then says so.
 */
export async function runStage<C>(stage: Stage<C>, loaded: LoadedConfig<C>, host: StageHost): Promise<FinishedStage> {
  const begin = performance.now();
  const seconds = () => (performance.now() - begin) / 1000;
  checkNotAborted(stage.name, host.signal);
  const record = await RunRecord.open(host.recordLocation, {
    stage: stage.name,
    version: host.version,
    shard: host.shard,
    configHash: loaded.hash,
    configPath: loaded.path,
    effective: loaded.effective,
    origin: loaded.origin,
    overrides: loaded.overrides,
    warnings: loaded.warnings,
  });
  let opening: Promise<Engine> | undefined;
  const context: StageContext = {
    signal: host.signal,
    log: host.log,
    version: host.version,
    shard: host.shard,
    force: host.force,
    record,
    engine() {
      opening ??= openNoted(host, record);
      return opening;
    },
  };
  try {
    const result = await stage.run(context, loaded.config);
    const wallSeconds = seconds();
    await record.finish(result, wallSeconds);
    return { ...result, name: stage.name, wallSeconds };
  } catch (error) {
    // The first failure is the one to tell.
    await record.fail(error, seconds()).catch(() => undefined);
    throw error;
  } finally {
    // An engine that did not open has told so to the stage.
    await opening?.then(
      (engine) => engine.close(),
      () => undefined,
    );
  }
}

async function openNoted(host: StageHost, record: RunRecord): Promise<Engine> {
  const engine = await host.openEngine();
  try {
    await record.note(engineFacts(engine.info));
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Runs stages one after the other; `finished` hears of each. A stage that throws ends it; rows that failed and checks that said no do not. */
export async function runStages<C>(
  stages: readonly { readonly stage: Stage<C>; readonly recordLocation: string | undefined }[],
  loaded: LoadedConfig<C>,
  host: Omit<StageHost, 'recordLocation'>,
  finished: (stage: FinishedStage) => void,
): Promise<StageResult['outcome']> {
  const outcomes: StageResult['outcome'][] = [];
  for (const { stage, recordLocation } of stages) {
    const result = await runStage(stage, loaded, { ...host, recordLocation });
    outcomes.push(result.outcome);
    finished(result);
  }
  return worstOutcome(outcomes);
}

/** A check that said no weighs more than rows that failed. */
export function worstOutcome(outcomes: readonly StageResult['outcome'][]): StageResult['outcome'] {
  return (['no-go', 'failed-rows'] as const).find((outcome) => outcomes.includes(outcome)) ?? 'done';
}

/** Exit status of a stage that came to its end. */
export const OUTCOME_STATUS: Readonly<Record<StageResult['outcome'], number>> = { done: 0, 'no-go': 1, 'failed-rows': 5 };

function checkNotAborted(stage: string, { aborted, reason }: AbortSignal): void {
  if (!aborted) return;
  throw new ArcletError('ABORTED', `The run was stopped before stage ${stage}.`, {
    subject: stage,
    remedy: 'Run it again: what is finished is skipped.',
    cause: reason,
  });
}
