/** One worker thread and the requests that wait for it. A thread that dies is replaced, and what it had in hand is tried once more. */
import type { Worker } from 'node:worker_threads';
import { ArcletError } from '../../../core/errors.ts';
import { type Cutouts, failedCutouts } from './cutouts.ts';

export interface CutRequest {
  readonly brick: string;
  readonly raDeg: Float64Array;
  readonly decDeg: Float64Array;
  readonly size: number;
}

export type Message = ({ readonly id: number } & CutRequest) | 'close';

export interface Answer {
  readonly id: number;
  readonly cutouts: Cutouts;
}

interface Waiting {
  readonly message: { readonly id: number } & CutRequest;
  readonly resolve: (cutouts: Cutouts) => void;
  readonly reject: (error: ArcletError) => void;
  deaths: number;
}

/** One in hand and one at the door, so that a thread does not wait for the caller between two. */
const POSTED = 2;
const DEATHS = 2;

export class WorkerLine {
  readonly #spawn: () => Worker;
  readonly #bands: readonly string[];
  #worker: Worker | undefined;
  #posted: Waiting[] = [];
  #queue: Waiting[] = [];
  #nextId = 0;
  #isClosed = false;

  /** @param spawn starts a thread that answers {@link Message}s in their order */
  constructor(spawn: () => Worker, bands: readonly string[]) {
    this.#spawn = spawn;
    this.#bands = bands;
  }

  /** Requests that are not answered yet. */
  get load(): number {
    return this.#posted.length + this.#queue.length;
  }

  /** Rejects with ABORTED after `close`. */
  request(request: CutRequest): Promise<Cutouts> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ message: { id: this.#nextId++, ...request }, resolve, reject, deaths: 0 });
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#isClosed) {
      const closed = new ArcletError('ABORTED', 'The bricks were closed before this request was answered.');
      for (const { reject } of this.#queue.splice(0)) reject(closed);
    }
    if (this.#queue.length > 0) this.#worker ??= this.#start();
    while (this.#queue.length > 0 && this.#posted.length < POSTED) {
      const next = this.#queue.shift() as Waiting;
      this.#posted.push(next);
      this.#worker?.postMessage(next.message);
    }
    // An idle thread must not keep the process alive.
    if (this.#posted.length > 0) this.#worker?.ref();
    else this.#worker?.unref();
  }

  #start(): Worker {
    const worker = this.#spawn();
    let why = '';
    worker.on('message', ({ id, cutouts }: Answer) => {
      const at = this.#posted.findIndex(({ message }) => message.id === id);
      const [done] = this.#posted.splice(at, 1);
      done.resolve(cutouts);
      this.#pump();
    });
    worker.on('error', (error) => {
      why = error instanceof Error ? error.message : String(error);
    });
    worker.on('exit', (status) => this.#died(why || `exit status ${status}`));
    return worker;
  }

  #died(why: string): void {
    this.#worker = undefined;
    const [inHand] = this.#posted;
    if (inHand !== undefined && ++inHand.deaths >= DEATHS) {
      this.#posted.shift();
      const { brick, raDeg, size } = inHand.message;
      const error = new ArcletError('WORKER_DIED', `The thread that cut brick ${brick} ended ${DEATHS} times: ${why}.`);
      inHand.resolve(failedCutouts(raDeg.length, this.#bands, size, error));
    }
    this.#queue.unshift(...this.#posted.splice(0));
    this.#pump();
  }

  /** Answers what is posted, rejects what waits, and ends the thread. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pump();
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage('close' satisfies Message);
    await ended;
  }
}
