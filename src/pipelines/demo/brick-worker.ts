/** Worker thread that makes bricks, one after the other. */
import { parentPort } from 'node:worker_threads';
import { ArcletError, toPlainError } from '../../core/errors.ts';
import { type BrickResult, type BrickTask, makeBrick } from './brick.ts';

/** What a worker says. */
export type FromBrickWorker =
  | { readonly type: 'step' }
  | { readonly type: 'done'; readonly result: BrickResult }
  | { readonly type: 'failed'; readonly error: ReturnType<typeof toPlainError> };

const port = parentPort;
if (port === null) throw new ArcletError('INTERNAL', 'The worker of the demo survey was run outside a worker thread.');
const say = (message: FromBrickWorker) => port.postMessage(message);
port.on('message', (task: BrickTask) => {
  makeBrick(task, () => say({ type: 'step' })).then(
    (result) => say({ type: 'done', result }),
    (error: unknown) => say({ type: 'failed', error: toPlainError(error) }),
  );
});
