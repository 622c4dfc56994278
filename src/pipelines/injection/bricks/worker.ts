/** Entry of the threads that cut bricks: one session each, requests in the order they come. */
import { parentPort, workerData } from 'node:worker_threads';
import { buffersOf } from './cutouts.ts';
import { BrickSession, type SessionOptions } from './session.ts';
import type { Answer, Message } from './worker-line.ts';

const session = new BrickSession(workerData as SessionOptions);

parentPort?.on('message', async (message: Message) => {
  if (message === 'close') {
    await session.close();
    // Nothing holds the thread any more: it ends by itself.
    parentPort?.close();
    return;
  }
  const { id, brick, raDeg, decDeg, size } = message;
  const cutouts = await session.cutouts(brick, raDeg, decDeg, size);
  const answer: Answer = { id, cutouts };
  parentPort?.postMessage(answer, buffersOf(cutouts));
});
