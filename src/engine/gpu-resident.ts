/** Shared inputs (template banks, tables) that stay on the device from batch to batch, for as long as the host array lives. */
import type { BufferPool, PooledBuffer } from '../gpu/pool.ts';
import type { Upload, UploadRing } from '../gpu/transfer.ts';
import { ARRAY_USAGE, checkRefusals } from './gpu-memory.ts';

export interface Resident {
  readonly entry: PooledBuffer;
  readonly byteLength: number;
  /** Resolves when the upload is submitted: whatever is submitted later sees it. */
  readonly ready: Promise<void>;
}

interface Held extends Resident {
  users: number;
  /** No later batch will find it: given back once its last user is done. */
  forgotten: boolean;
  readonly forget: () => void;
}

type Key = string;

/** The resident arrays of one device, keyed by the identity of the host array (or columns object) and its element type. */
export class ResidentArrays {
  readonly #device: GPUDevice;
  readonly #pool: BufferPool;
  readonly #ring: UploadRing;
  readonly #byHost = new WeakMap<object, Map<Key, Held>>();
  /** Least recently used first. */
  readonly #all = new Set<Held>();
  readonly #collected = new FinalizationRegistry<Held>((held) => this.#forget(held));

  constructor(device: GPUDevice, pool: BufferPool, ring: UploadRing) {
    this.#device = device;
    this.#pool = pool;
    this.#ring = ring;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const { entry } of this.#all) bytes += entry.capacity;
    return bytes;
  }

  has(host: object, kind: Key): boolean {
    return this.#byHost.get(host)?.has(kind) === true;
  }

  /** Takes the array of `host` into use, uploading it at first sight; `done` gives it back. The host array must not change meanwhile. */
  use(
    host: object,
    kind: Key,
    byteLength: number,
    write: (upload: Upload, target: GPUBuffer) => Promise<void>,
    label: string,
  ): Resident {
    let kinds = this.#byHost.get(host);
    if (kinds === undefined) {
      kinds = new Map();
      this.#byHost.set(host, kinds);
    }
    let held = kinds.get(kind);
    if (held === undefined) {
      const entry = this.#pool.acquire(byteLength, ARRAY_USAGE, label);
      const ready = this.#upload(entry, write);
      const made: Held = { entry, byteLength, ready, users: 0, forgotten: false, forget: () => kinds.delete(kind) };
      held = made;
      kinds.set(kind, made);
      this.#collected.register(host, made, made);
      ready.catch(() => this.#forget(made));
    }
    held.users++;
    this.#all.delete(held);
    this.#all.add(held);
    return held;
  }

  done(resident: Resident): void {
    const held = resident as Held;
    held.users--;
    if (held.users === 0 && held.forgotten) this.#drop(held);
  }

  /** Gives back arrays that no batch uses, least recently used first, until there is `enough` room or none is left. */
  evict(enough: () => boolean): void {
    for (const held of this.#all) {
      if (enough()) return;
      if (held.users === 0) this.#forget(held);
    }
  }

  async #upload(entry: PooledBuffer, write: (upload: Upload, target: GPUBuffer) => Promise<void>): Promise<void> {
    await checkRefusals([entry]);
    const upload = this.#ring.begin();
    try {
      await write(upload, entry.buffer);
      const encoder = this.#device.createCommandEncoder({ label: 'resident upload' });
      upload.record(encoder);
      this.#device.queue.submit([encoder.finish()]);
    } finally {
      upload.end();
    }
  }

  #forget(held: Held): void {
    held.forgotten = true;
    held.forget();
    if (held.users === 0) this.#drop(held);
  }

  #drop(held: Held): void {
    if (!this.#all.delete(held)) return;
    this.#collected.unregister(held);
    this.#pool.release(held.entry);
  }
}
