/** One batch in flight: who still works on it, which chunks a dead worker left, and the promise of its end. */
import { ArcletError } from '../core/errors.ts';
import { CHUNK_DONE, CHUNK_FREE, CONTROL_HEAD, CONTROL_HINT, CONTROL_STOP } from './program.ts';
import type { FromWorker, PlainError } from './worker-loop.ts';

export interface BatchStateOptions {
  readonly id: number;
  readonly control: Int32Array;
  readonly chunkItems: number;
  readonly count: number;
  readonly firstItem: number;
}

export class BatchState {
  readonly done: Promise<void>;
  /** Posts the batch to the worker of a seat (spawning it if need be); set by the pool. */
  post: (seat: number) => void = () => {};
  readonly #options: BatchStateOptions;
  readonly #resolve: () => void;
  readonly #reject: (error: ArcletError) => void;
  readonly #working = new Set<number>();
  readonly #deaths = new Map<number, number>();
  #seats = 0;
  #error: ArcletError | undefined;

  constructor(options: BatchStateOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.done = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    // A batch may fail before anyone awaits it.
    promise.catch(() => {});
  }

  /** Lets `seats` workers take chunks. */
  start(seats: number): void {
    this.#seats = seats;
    for (let seat = 0; seat < seats; seat++) this.#employ(seat);
  }

  report(seat: number, message: Exclude<FromWorker, { type: 'ready' }>): void {
    this.#working.delete(seat);
    if (message.type === 'failed') this.#error ??= this.#twinError(message.start, message.count, message.error);
    this.#settle();
  }

  /** Frees what the dead worker held. The second death on the same items ends the batch: they, not chance, kill workers. */
  died(seat: number, reason: string): void {
    const { control } = this.#options;
    for (let chunk = 0; chunk < control.length - CONTROL_HEAD; chunk++) {
      if (Atomics.compareExchange(control, CONTROL_HEAD + chunk, 1 + seat, CHUNK_FREE) !== 1 + seat) continue;
      const deaths = (this.#deaths.get(chunk) ?? 0) + 1;
      this.#deaths.set(chunk, deaths);
      if (deaths > 1) {
        this.#error ??= this.#deathError(chunk, deaths, reason);
        Atomics.store(control, CONTROL_STOP, 1);
      }
    }
    this.#working.delete(seat);
    this.#settle();
  }

  /** Ends the batch at once with an error. */
  fail(error: ArcletError): void {
    Atomics.store(this.#options.control, CONTROL_STOP, 1);
    this.#reject(error);
  }

  #employ(seat: number): void {
    this.#working.add(seat);
    this.post(seat);
  }

  /** The slot is written by nobody once all have reported, so only then does the batch end or start its second round. */
  #settle(): void {
    if (this.#working.size > 0) return;
    if (this.#error) {
      this.#reject(this.#error);
      return;
    }
    const { control } = this.#options;
    if (control.subarray(CONTROL_HEAD).every((state) => state === CHUNK_DONE)) {
      this.#resolve();
      return;
    }
    Atomics.store(control, CONTROL_HINT, 0);
    for (let seat = 0; seat < this.#seats; seat++) this.#employ(seat);
  }

  #items(start: number, count: number): { text: string; first: number } {
    const first = this.#options.firstItem + start;
    return { text: count === 1 ? `item ${first}` : `items ${first}-${first + count - 1}`, first };
  }

  #twinError(start: number, count: number, error: PlainError): ArcletError {
    const { text, first } = this.#items(start, count);
    const data = { ...error.data, firstItem: first, itemCount: count };
    if (error.code !== 'INTERNAL') {
      return new ArcletError(error.code, error.message, { subject: error.subject ?? text, remedy: error.remedy, data });
    }
    return new ArcletError('WORKER_FAILED', `A CPU twin threw on ${text}: ${error.message}`, {
      subject: text,
      data,
      cause: error,
    });
  }

  #deathError(chunk: number, deaths: number, reason: string): ArcletError {
    const { chunkItems, count } = this.#options;
    const start = chunk * chunkItems;
    const items = Math.min(chunkItems, count - start);
    const { text, first } = this.#items(start, items);
    return new ArcletError('WORKER_DIED', `${deaths} CPU workers died on ${text} (${reason}).`, {
      subject: text,
      remedy: 'Leave these items out, or give the process more memory.',
      data: { firstItem: first, itemCount: items, deaths },
    });
  }
}
