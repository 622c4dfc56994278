/** Keeps a few batches in flight and gives their results in order, so transfers overlap with compute and memory stays flat. */
import { ArcletError } from '../core/errors.ts';
import type { BatchResult } from './executor.ts';
import type { HostInput } from './kernel.ts';

/** Inputs of `count` items, of any length. */
export interface SourceBatch {
  readonly inputs: Record<string, HostInput>;
  readonly count: number;
  /** The caller has seen to it that every float is finite in float32: lengths and types are checked, values are not looked through again. */
  readonly knownFinite?: boolean;
}

/** Items `firstItem .. firstItem+count` of everything that went through. */
export interface Piece extends SourceBatch {
  readonly firstItem: number;
}

export interface DoneBatch extends BatchResult {
  readonly firstItem: number;
  readonly count: number;
}

/** Throws ABORTED when the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, done: number): void {
  if (signal?.aborted) {
    throw new ArcletError('ABORTED', `The run was stopped after ${done} items.`, { data: { done }, cause: signal.reason });
  }
}

/**
 * Starts `run` on each piece, at most `depth()` at a time, and yields results in the order of the pieces. The source is asked for the
 * next piece only when there is room. When the consumer stops early or a batch fails, the batches in flight are waited for.
 */
export async function* inFlight(
  pieces: AsyncIterable<Piece> | Iterable<Piece>,
  run: (piece: Piece) => Promise<BatchResult>,
  depth: () => number,
  signal?: AbortSignal,
): AsyncGenerator<DoneBatch, void, undefined> {
  const queue: { piece: Piece; result: Promise<BatchResult> }[] = [];
  let done = 0;
  const take = async (): Promise<DoneBatch> => {
    const { piece, result } = queue.shift()!;
    const batch = await result;
    throwIfAborted(signal, done);
    done += piece.count;
    return { ...batch, firstItem: piece.firstItem, count: piece.count };
  };
  try {
    for await (const piece of pieces) {
      throwIfAborted(signal, done);
      const result = run(piece);
      // The failure is reported when its turn comes.
      result.catch(() => {});
      queue.push({ piece, result });
      while (queue.length >= depth()) yield await take();
    }
    while (queue.length > 0) yield await take();
  } finally {
    await Promise.allSettled(queue.map((entry) => entry.result));
  }
}
