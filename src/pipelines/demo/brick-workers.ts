/** Bricks over worker threads: a brick is one worker's, in about 300 MB. */
import { availableParallelism, freemem } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ArcletError } from '../../core/errors.ts';
import { type BrickResult, type BrickTask, makeBrick } from './brick.ts';
import type { FromBrickWorker } from './brick-worker.ts';

const BRICK_BYTES = 400e6;
const entry = new URL(`./brick-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

export interface BrickWork {
  /** Default: one per core, as long as half of the free memory holds their bricks. 0 works in this thread. */
  readonly workers?: number;
  /** Bricks in hand are finished, no further one is begun. */
  readonly signal?: AbortSignal;
  readonly onStep: () => void;
  /** Called as bricks get ready, in any order. */
  readonly onBrick: (result: BrickResult) => Promise<void>;
}

/** Makes bricks. Throws what the first brick to fail throws, after the others in hand have ended. */
export async function makeBricks(tasks: readonly BrickTask[], work: BrickWork): Promise<void> {
  const { signal, onStep, onBrick } = work;
  const fitting = Math.max(1, Math.floor(freemem() / 2 / BRICK_BYTES));
  const workers = Math.min(tasks.length, work.workers ?? Math.min(availableParallelism(), fitting));
  let next = 0;
  let failed = false;
  const drain = async (make: (task: BrickTask) => Promise<BrickResult>) => {
    while (next < tasks.length && !failed && signal?.aborted !== true) {
      try {
        await onBrick(await make(tasks[next++]));
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  if (workers === 0) return drain((task) => makeBrick(task, onStep));
  const outcomes = await Promise.allSettled(
    Array.from({ length: workers }, async () => {
      const worker = new Worker(entry);
      try {
        await drain((task) => ask(worker, task, onStep));
      } finally {
        await worker.terminate();
      }
    }),
  );
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

function ask(worker: Worker, task: BrickTask, onStep: () => void): Promise<BrickResult> {
  return new Promise((resolve, reject) => {
    const died = (why: string) =>
      settle(() => reject(new ArcletError('WORKER_DIED', `The worker that made a demo brick died: ${why}.`, { remedy: 'Run again with fewer --workers; finished bricks are kept.' }))); // biome-ignore format: one thought
    const onError = (error: Error) => died(error.message);
    const onExit = (status: number) => died(`exit status ${status}`);
    const onMessage = (message: FromBrickWorker) => {
      if (message.type === 'step') return onStep();
      if (message.type === 'done') return settle(() => resolve(message.result));
      const { code, message: text, ...details } = message.error;
      settle(() => reject(new ArcletError(code, text, details)));
    };
    const settle = (then: () => void) => {
      worker.off('error', onError).off('exit', onExit).off('message', onMessage);
      then();
    };
    worker.on('error', onError).on('exit', onExit).on('message', onMessage).postMessage(task);
  });
}
