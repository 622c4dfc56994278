/** Device time by timestamp queries, and a guess of how long the next batch takes. */
import { type BufferPool, type PooledBuffer, USAGE } from './pool.ts';

/** Begin and end of one pass. Two 64-bit ticks in nanoseconds; Dawn rounds them to 65 536 ns by default. */
export class PassTimer {
  readonly #pool: BufferPool;
  readonly #querySet: GPUQuerySet;
  readonly #resolved: PooledBuffer;
  readonly #readable: PooledBuffer;

  /** Undefined where the device has no timestamps. */
  static create(device: GPUDevice, pool: BufferPool): PassTimer | undefined {
    return device.features.has('timestamp-query') ? new PassTimer(device, pool) : undefined;
  }

  private constructor(device: GPUDevice, pool: BufferPool) {
    this.#pool = pool;
    this.#querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.#resolved = pool.acquire(16, USAGE.queryResolve | USAGE.copySource, 'timestamps');
    this.#readable = pool.acquire(16, USAGE.mapRead | USAGE.copyTarget, 'timestamps');
  }

  get writes(): GPUComputePassTimestampWrites {
    return { querySet: this.#querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
  }

  record(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#querySet, 0, 2, this.#resolved.buffer, 0);
    encoder.copyBufferToBuffer(this.#resolved.buffer, 0, this.#readable.buffer, 0, 16);
  }

  /** Seconds on the device, undefined where the ticks make no sense (the null backend, a counter that wrapped). */
  async read(): Promise<number | undefined> {
    const { buffer } = this.#readable;
    await buffer.mapAsync(1, 0, 16);
    const [begin, end] = new BigUint64Array(buffer.getMappedRange(0, 16));
    buffer.unmap();
    return end > begin ? Number(end - begin) * 1e-9 : undefined;
  }

  release(): void {
    this.#querySet.destroy();
    this.#pool.release(this.#resolved);
    this.#pool.release(this.#readable);
  }
}

const EWMA_WEIGHT = 0.3;
/** Sleeping shorter than this is not worth a timer. */
const WORTH_SLEEPING_SECONDS = 0.005;
const SLEEP_SHARE = 0.8;

/**
 * How long to sleep before waiting for a batch. While a map is pending Dawn's Node bindings spin the event loop: sleeping
 * first took a 1.4 s job from 2.0 to 1.37 CPU seconds (measured), so the host sleeps for most of the time it expects to wait.
 */
export class BatchClock {
  readonly #secondsPerItem = new WeakMap<object, number>();
  #inFlight = 0;
  /** When the device is expected to have finished all that was submitted. */
  #busyUntil = 0;
  #lastDone = 0;

  /** Seconds to sleep after submitting `items` items of `work` at `now`. */
  submitted(work: object, items: number, now: number): number {
    const expected = (this.#secondsPerItem.get(work) ?? 0) * items;
    this.#inFlight++;
    this.#busyUntil = Math.max(now, this.#busyUntil) + expected;
    const wait = SLEEP_SHARE * (this.#busyUntil - now);
    return wait > WORTH_SLEEPING_SECONDS ? wait : 0;
  }

  /** Learns from a batch that was submitted and done at these times, seconds; `done` is undefined when it failed. */
  settled(work: object, items: number, submitted: number, done: number | undefined): void {
    this.#inFlight--;
    if (done !== undefined) {
      const seconds = (done - Math.max(submitted, this.#lastDone)) / items;
      const before = this.#secondsPerItem.get(work);
      this.#secondsPerItem.set(work, before === undefined ? seconds : before + EWMA_WEIGHT * (seconds - before));
      this.#lastDone = done;
    }
    // A guess that was too long must not be carried into the next batch.
    if (this.#inFlight === 0) this.#busyUntil = 0;
  }
}
