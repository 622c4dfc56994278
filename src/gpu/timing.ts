/** Device time by timestamp queries, and a guess of how long the next batch takes. */
import { type BufferSupply, USAGE } from './pool.ts';

/** Begin and end of one pass. Two 64-bit ticks in nanoseconds; Dawn rounds them to 65 536 ns by default. */
export class PassTimer {
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;

  /** Undefined where the device has no timestamps. The buffers stay with `supply`. */
  static create(device: GPUDevice, supply: BufferSupply): PassTimer | undefined {
    return device.features.has('timestamp-query') ? new PassTimer(device, supply) : undefined;
  }

  private constructor(device: GPUDevice, supply: BufferSupply) {
    this.#querySet = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.#resolved = supply.acquire(TICKS_BYTES, USAGE.queryResolve | USAGE.copySource, 'timestamps').buffer;
    this.#readable = supply.acquire(TICKS_BYTES, USAGE.mapRead | USAGE.copyTarget, 'timestamps').buffer;
  }

  get writes(): GPUComputePassTimestampWrites {
    return { querySet: this.#querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 };
  }

  record(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#querySet, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, TICKS_BYTES);
  }

  /** Seconds on the device, undefined where the ticks make no sense (the null backend, a counter that wrapped). */
  async read(): Promise<number | undefined> {
    await this.#readable.mapAsync(GPU_MAP_READ, 0, TICKS_BYTES);
    const [begin, end] = new BigUint64Array(this.#readable.getMappedRange(0, TICKS_BYTES));
    this.#readable.unmap();
    return end > begin ? Number(end - begin) * 1e-9 : undefined;
  }

  destroy(): void {
    this.#querySet.destroy();
  }
}

const TICKS_BYTES = 16;
const GPU_MAP_READ = 1;

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

  /**
   * Learns from a batch that was submitted and done at these times, seconds; `done` is undefined when it failed. Time measured on the
   * device is preferred: the host's includes the sleep, so a guess that was too long would only slowly be unlearned.
   */
  settled(work: object, items: number, submitted: number, done: number | undefined, deviceSeconds?: number): void {
    this.#inFlight--;
    if (done !== undefined) {
      const seconds = (deviceSeconds ?? done - Math.max(submitted, this.#lastDone)) / items;
      const before = this.#secondsPerItem.get(work);
      this.#secondsPerItem.set(work, before === undefined ? seconds : before + EWMA_WEIGHT * (seconds - before));
      this.#lastDone = done;
    }
    // A guess that was too long must not be carried into the next batch.
    if (this.#inFlight === 0) this.#busyUntil = 0;
  }
}
