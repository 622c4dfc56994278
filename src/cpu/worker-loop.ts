/** The worker's side of the pool: keeps programs, buffers and shared arrays by number, and takes chunks until none is free. */
import { toPlainError } from '../core/errors.ts';
import { ChunkRunner } from './chunk-runner.ts';
import type { Lent } from './lent-arrays.ts';
import {
  CHUNK_DONE,
  CHUNK_FREE,
  CONTROL_HEAD,
  CONTROL_HINT,
  CONTROL_STOP,
  type Program,
  planArena,
  type TwinLookup,
  viewArray,
  type WireValue,
} from './program.ts';

export type ToWorker =
  | { readonly type: 'program'; readonly id: number; readonly program: Program }
  | { readonly type: 'slot'; readonly id: number; readonly buffer: SharedArrayBuffer }
  | { readonly type: 'shared'; readonly id: number; readonly value: WireValue }
  | { readonly type: 'buffer'; readonly id: number; readonly buffer: SharedArrayBuffer }
  | { readonly type: 'drop'; readonly what: 'program' | 'shared' | 'buffer'; readonly id: number }
  | {
      readonly type: 'batch';
      readonly id: number;
      /** Number of this worker, for the chunks it holds. */
      readonly worker: number;
      readonly program: number;
      readonly slot: number;
      readonly count: number;
      readonly chunkItems: number;
      /** Shared wire -> number of the shared array. */
      readonly shared: Readonly<Record<string, number>>;
      /** Input wire -> where the caller's own shared memory has it. */
      readonly lent: Readonly<Record<string, Lent>>;
    };

export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'finished'; readonly batch: number }
  | {
      readonly type: 'failed';
      readonly batch: number;
      readonly start: number;
      readonly count: number;
      readonly error: PlainError;
    };

export type PlainError = ReturnType<typeof toPlainError>;

export interface WorkerPort {
  post(message: FromWorker): void;
  onMessage(listener: (message: ToWorker) => void): void;
}

/** The next free chunk, now held by `worker`, or -1. One compare-and-exchange both finds and signs it, so a death leaves no gap. */
function takeChunk(control: Int32Array, worker: number): number {
  const chunks = control.length - CONTROL_HEAD;
  if (Atomics.load(control, CONTROL_STOP) !== 0) return -1;
  for (let chunk = Atomics.load(control, CONTROL_HINT); chunk < chunks; chunk++) {
    if (Atomics.compareExchange(control, CONTROL_HEAD + chunk, CHUNK_FREE, 1 + worker) === CHUNK_FREE) {
      Atomics.store(control, CONTROL_HINT, chunk + 1);
      return chunk;
    }
  }
  return -1;
}

/** Serves the pool over `port` for as long as the worker lives. */
export function serveWorker(port: WorkerPort, lookup: TwinLookup): void {
  const programs = new Map<number, { program: Program; runner?: ChunkRunner }>();
  const slots = new Map<number, SharedArrayBuffer>();
  const shared = new Map<number, WireValue>();
  const buffers = new Map<number, SharedArrayBuffer>();

  const runBatch = (message: Extract<ToWorker, { type: 'batch' }>): void => {
    const entry = programs.get(message.program)!;
    const arena = planArena(entry.program, message.count, message.chunkItems, Object.keys(message.lent));
    const { control, wires } = arena.views(slots.get(message.slot)!);
    for (const [wire, { buffer, byteOffset, length }] of Object.entries(message.lent))
      wires[wire] = viewArray(entry.program.wires[wire].kind, buffers.get(buffer)!, byteOffset, length);
    for (const [wire, id] of Object.entries(message.shared)) wires[wire] = shared.get(id)!;
    let start = 0;
    let count = 0;
    try {
      entry.runner ??= new ChunkRunner(entry.program, lookup);
      for (let chunk = takeChunk(control, message.worker); chunk >= 0; chunk = takeChunk(control, message.worker)) {
        start = chunk * message.chunkItems;
        count = Math.min(message.chunkItems, message.count - start);
        entry.runner.run(wires, start, count);
        Atomics.store(control, CONTROL_HEAD + chunk, CHUNK_DONE);
      }
      port.post({ type: 'finished', batch: message.id });
    } catch (error) {
      Atomics.store(control, CONTROL_STOP, 1);
      port.post({ type: 'failed', batch: message.id, start, count, error: toPlainError(error) });
    }
  };

  port.onMessage((message) => {
    if (message.type === 'batch') runBatch(message);
    else if (message.type === 'program') programs.set(message.id, { program: message.program });
    else if (message.type === 'slot') slots.set(message.id, message.buffer);
    else if (message.type === 'shared') shared.set(message.id, message.value);
    else if (message.type === 'buffer') buffers.set(message.id, message.buffer);
    else ({ program: programs, shared, buffer: buffers })[message.what].delete(message.id);
  });
  port.post({ type: 'ready' });
}
