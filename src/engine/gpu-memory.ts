/** Device memory of batches: what one batch holds, and how many batches fit at a time. */
import { ArcletError } from '../core/errors.ts';
import { type BufferPool, type PooledBuffer, USAGE } from '../gpu/pool.ts';
import type { ResidentArrays } from './gpu-resident.ts';
import type { DeviceArray } from './kernel.ts';

/** A kernel may bind an array as storage or as uniform. */
export const ARRAY_USAGE = USAGE.storage | USAGE.uniform | USAGE.copySource | USAGE.copyTarget;

/** Throws GPU_OUT_OF_MEMORY when the device refused one of the buffers. */
export async function checkRefusals(entries: readonly PooledBuffer[]): Promise<void> {
  for (const { refusal, label, capacity } of entries) {
    const error = await refusal;
    if (error === null) continue;
    throw new ArcletError('GPU_OUT_OF_MEMORY', `the device has no room for '${label}' of ${capacity} bytes: ${error.message}`, {
      subject: label,
      remedy: 'Use smaller batches or a smaller memory budget.',
      data: { byteLength: capacity },
    });
  }
}

/** Buffers that a batch holds; all go back to the pool when it is done. */
export class BatchMemory {
  readonly #pool: BufferPool;
  readonly #entries: PooledBuffer[] = [];

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  acquire(byteLength: number, usage: GPUBufferUsageFlags, label: string): PooledBuffer {
    const entry = this.#pool.acquire(byteLength, usage, label);
    this.#entries.push(entry);
    return entry;
  }

  /** A whole-buffer binding of exactly `byteLength` bytes, so that arrayLength() in the shader is right. */
  array(byteLength: number, label: string): DeviceArray {
    const { buffer } = this.acquire(byteLength, ARRAY_USAGE, label);
    return { buffer, byteOffset: 0, byteLength };
  }

  /** Throws GPU_OUT_OF_MEMORY when the device refused one of the buffers. */
  check(): Promise<void> {
    return checkRefusals(this.#entries);
  }

  release(): void {
    for (const entry of this.#entries.splice(0)) this.#pool.release(entry);
  }
}

/** The rest is for constant tables and for scratch beyond what a kernel announced. */
const SHARE_FOR_BATCHES = 0.95;

/** Lets a batch begin only when its memory fits beside that of the batches in flight and the resident arrays. */
export class MemoryGate {
  readonly #capacity: number;
  readonly #residents: ResidentArrays;
  #reserved = 0;
  #waiting: (() => void)[] = [];

  constructor(budgetBytes: number, residents: ResidentArrays) {
    this.#capacity = SHARE_FOR_BATCHES * budgetBytes;
    this.#residents = residents;
  }

  /**
   * Resolves with the function that gives the reservation back. `estimate` is asked again whenever residents may have gone.
   * Rejects with GPU_OUT_OF_MEMORY when the batch would not fit alone.
   */
  async reserve(estimate: () => number, label: string): Promise<() => void> {
    const fits = (): boolean => this.#residents.heldBytes + this.#reserved + estimate() <= this.#capacity;
    for (;;) {
      if (!fits()) this.#residents.evict(fits);
      if (fits()) break;
      if (this.#reserved === 0) {
        const bytes = estimate();
        throw new ArcletError(
          'GPU_OUT_OF_MEMORY',
          `a batch of ${label} needs ${bytes} bytes, the budget leaves ${Math.floor(this.#capacity)}`,
          {
            subject: label,
            remedy: 'Use smaller batches or a larger memory budget.',
            data: { bytes, capacityBytes: Math.floor(this.#capacity) },
          },
        );
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const bytes = estimate();
    this.#reserved += bytes;
    return () => {
      this.#reserved -= bytes;
      for (const wake of this.#waiting.splice(0)) wake();
    };
  }
}
