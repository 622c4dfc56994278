/** Worker threads of Node for the pool. CPU workers never load `webgpu`: ending one during GPU traffic can kill the process. */
import { parentPort, Worker } from 'node:worker_threads';
import { ArcletError } from '../core/errors.ts';
import type { WorkerHandle } from './pool.ts';
import type { TwinLookup } from './program.ts';
import { type FromWorker, serveWorker, type ToWorker } from './worker-loop.ts';

/**
 * A twin's garbage is small objects that die at once; left to itself V8 lets each worker's nursery grow, 66 MB in all after 100,000 rows on two
 * workers, for no speed.
 */
const NURSERY_MB = 8;

/** Starts `entry` (a module that calls {@link serveNodeWorker}) as a worker. */
export function spawnNodeWorker(entry: URL): WorkerHandle {
  const worker = new Worker(entry, { resourceLimits: { maxYoungGenerationSizeMb: NURSERY_MB } });
  let reason = '';
  worker.on('error', (error: unknown) => {
    reason = error instanceof Error ? error.message : String(error);
  });
  // An idle worker must not keep the process alive; a busy one must.
  worker.unref();
  return {
    post: (message: ToWorker) => worker.postMessage(message),
    onMessage: (listener) => void worker.on('message', (message: FromWorker) => listener(message)),
    onExit: (listener) => void worker.on('exit', (status) => listener(reason || `exit status ${status}`)),
    setBusy: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: async () => void (await worker.terminate()),
  };
}

/** To be called by a worker's entry module: serves chunks with the twins that `lookup` finds. Throws INTERNAL outside a worker. */
export function serveNodeWorker(lookup: TwinLookup): void {
  const port = parentPort;
  if (port === null) throw new ArcletError('INTERNAL', 'A CPU worker module was run outside a worker thread.');
  serveWorker(
    {
      post: (message) => port.postMessage(message),
      onMessage: (listener) => void port.on('message', (message: ToWorker) => listener(message)),
    },
    lookup,
  );
}
