/** Worker thread that makes PSFs, one after the other. */
import { parentPort } from 'node:worker_threads';
import { ArcletError, toPlainError } from '../../../core/errors.ts';
import { makeCell } from './cell.ts';
import type { CellOutcome, CellTask, FrameOutcome, FrameTask } from './cell-types.ts';
import { makeFrame } from './frame-psf.ts';

export type EpsfRequest =
  | { readonly type: 'cell'; readonly task: CellTask }
  | { readonly type: 'frame'; readonly task: FrameTask };

export type EpsfAnswer =
  | { readonly type: 'cell'; readonly outcome: CellOutcome }
  | { readonly type: 'frame'; readonly outcome: FrameOutcome }
  | { readonly type: 'failed'; readonly error: ReturnType<typeof toPlainError> };

const port = parentPort;
if (port === null) throw new ArcletError('INTERNAL', 'The worker of the ePSF stage was run outside a worker thread.');

async function answer(request: EpsfRequest): Promise<EpsfAnswer> {
  if (request.type === 'frame') return { type: 'frame', outcome: makeFrame(request.task) };
  return { type: 'cell', outcome: await makeCell(request.task) };
}

port.on('message', (request: EpsfRequest) => {
  answer(request).then(
    (message) => port.postMessage(message),
    (error: unknown) => port.postMessage({ type: 'failed', error: toPlainError(error) }),
  );
});
