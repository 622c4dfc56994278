/** Cells and frames over worker threads: each is one worker's, so results do not depend on how many there are. */
import { Worker } from 'node:worker_threads';
import { ArcletError } from '../../../core/errors.ts';
import { makeCell } from './cell.ts';
import type { CellOutcome, CellTask, FrameOutcome, FrameTask } from './cell-types.ts';
import { makeFrame } from './frame-psf.ts';
import type { EpsfAnswer, EpsfRequest } from './worker.ts';

const entry = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** New objects of a worker before they are swept: V8's own choice makes each worker 170 MB larger, and no faster. */
const YOUNG_MB = 16;
/** Pixels are no objects; 70 MB are, for a cell of 600 px as for one of 3000. */
const OLD_MB = 1024;

/** A place where PSFs are made, one at a time. */
export interface Bench {
  cell(task: CellTask): Promise<CellOutcome>;
  frame(task: FrameTask): Promise<FrameOutcome>;
  close(): Promise<void>;
}

/** In this thread. */
const HERE: Bench = { cell: makeCell, frame: async (task) => makeFrame(task), close: async () => undefined };

/** Benches in worker threads; with 0 workers one in this thread. */
export function openBenches(workers: number): Bench[] {
  if (workers === 0) return [HERE];
  return Array.from({ length: workers }, () => {
    const worker = new Worker(entry, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB, maxOldGenerationSizeMb: OLD_MB } });
    return {
      async cell(task) {
        const answer = await ask(worker, { type: 'cell', task }, [
          task.image.buffer as ArrayBuffer,
          task.bad.buffer as ArrayBuffer,
        ]);
        return (answer as Extract<EpsfAnswer, { type: 'cell' }>).outcome;
      },
      async frame(task) {
        const answer = await ask(worker, { type: 'frame', task }, []);
        return (answer as Extract<EpsfAnswer, { type: 'frame' }>).outcome;
      },
      async close() {
        await worker.terminate();
      },
    };
  });
}

function ask(worker: Worker, request: EpsfRequest, transfer: ArrayBuffer[]): Promise<EpsfAnswer> {
  return new Promise((resolve, reject) => {
    const died = (why: string) =>
      settle(() =>
        reject(
          new ArcletError('WORKER_DIED', `The worker that made a PSF died: ${why}.`, {
            remedy: 'Run again with a smaller epsf.max_workers; finished bands are kept.',
          }),
        ),
      );
    const onError = (error: Error) => died(error.message);
    const onExit = (status: number) => died(`exit status ${status}`);
    const onMessage = (message: EpsfAnswer) => {
      if (message.type !== 'failed') return settle(() => resolve(message));
      const { code, message: text, ...details } = message.error;
      settle(() => reject(new ArcletError(code, text, details)));
    };
    const settle = (then: () => void) => {
      worker.off('error', onError).off('exit', onExit).off('message', onMessage);
      then();
    };
    worker.on('error', onError).on('exit', onExit).on('message', onMessage).postMessage(request, transfer);
  });
}

/** Jobs over benches in their order; the first to fail ends it after those in hand. `stop` ends it without failure. */
export async function drain<J>(
  benches: readonly Bench[],
  jobs: readonly J[],
  work: (bench: Bench, job: J) => Promise<void>,
  stop: () => boolean,
): Promise<void> {
  let next = 0;
  let failed = false;
  const outcomes = await Promise.allSettled(
    benches.map(async (bench) => {
      while (next < jobs.length && !failed && !stop()) {
        try {
          await work(bench, jobs[next++]);
        } catch (error) {
          failed = true;
          throw error;
        }
      }
    }),
  );
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
