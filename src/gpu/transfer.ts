/**
 * Moves bytes to the device through a ring of mapped staging buffers, and back through chunked readback buffers.
 *
 * Measured on Dawn: staging of 4-16 MiB moves 0.8-8 GiB/s where writeBuffer of 64-256 MiB falls to 0.2-0.4, and writeBuffer
 * from a view of a SharedArrayBuffer crashes the process; copying such a view into a mapped range is fine.
 */
import { type BufferSupply, type PooledBuffer, USAGE } from './pool.ts';

const MIB = 2 ** 20;
const UPLOAD_CHUNK_BYTES = 4 * MIB;
/** 64 MiB in all: enough for the inputs of three batches, few enough to pin. */
const MAX_UPLOAD_SLOTS = 16;
const READBACK_CHUNK_BYTES = 8 * MIB;

const GPU_MAP_READ = 1;
const GPU_MAP_WRITE = 2;

interface Slot {
  readonly buffer: GPUBuffer;
  /** Still mapped from its creation. */
  fresh: boolean;
}

/** Where a stretch of input goes. `fill` writes elements `start .. start+count` at `byteOffset` of the mapped range. */
export interface UploadSource {
  readonly target: GPUBuffer;
  readonly elementBytes: number;
  readonly elements: number;
  readonly fill: (range: ArrayBuffer, byteOffset: number, start: number, count: number) => void;
}

/** The staging buffers of one device, shared by all uploads. */
export class UploadRing {
  readonly #device: GPUDevice;
  readonly #chunkBytes: number;
  readonly #all: Slot[] = [];
  /** The device is done with these. */
  readonly #free: Slot[] = [];
  /** Submitted, oldest first; the device may still read them. */
  #busy: Slot[] = [];

  constructor(device: GPUDevice, chunkBytes = UPLOAD_CHUNK_BYTES) {
    this.#device = device;
    this.#chunkBytes = chunkBytes;
  }

  get heldBytes(): number {
    return this.#all.length * this.#chunkBytes;
  }

  begin(): Upload {
    return new Upload(this.#device, this, this.#chunkBytes);
  }

  /** For {@link Upload}: a slot that may be written, mapped. */
  async take(): Promise<{ slot: Slot; range: ArrayBuffer }> {
    let slot = this.#free.pop();
    if (slot === undefined && this.#all.length < MAX_UPLOAD_SLOTS) {
      slot = {
        buffer: this.#device.createBuffer({
          label: 'upload',
          size: this.#chunkBytes,
          usage: USAGE.mapWrite | USAGE.copySource,
          mappedAtCreation: true,
        }),
        fresh: true,
      };
      this.#all.push(slot);
    }
    slot ??= this.#busy.shift();
    // At most one slot per upload is neither free nor busy, and there are more slots than uploads at a time.
    if (slot === undefined) throw new RangeError(`all ${MAX_UPLOAD_SLOTS} upload slots are being filled at once`);
    if (!slot.fresh) await slot.buffer.mapAsync(GPU_MAP_WRITE);
    slot.fresh = false;
    return { slot, range: slot.buffer.getMappedRange() };
  }

  /** For {@link Upload}: the copies out of `slot` are submitted. */
  submitted(slot: Slot): void {
    this.#busy.push(slot);
  }

  /** For {@link Upload}: the device is done with `slots`, so mapping them again will not wait. */
  done(slots: ReadonlySet<Slot>): void {
    this.#free.push(...this.#busy.filter((slot) => slots.has(slot)));
    this.#busy = this.#busy.filter((slot) => !slots.has(slot));
  }

  dispose(): void {
    for (const { buffer } of this.#all.splice(0)) buffer.destroy();
  }
}

/** The uploads of one batch: they share chunks, and the last chunk's copies go into the batch's own command encoder. */
export class Upload {
  readonly #device: GPUDevice;
  readonly #ring: UploadRing;
  readonly #chunkBytes: number;
  readonly #used = new Set<Slot>();
  #current: { slot: Slot; range: ArrayBuffer } | undefined;
  #filled = 0;
  #copies: { target: GPUBuffer; from: number; to: number; byteLength: number }[] = [];

  constructor(device: GPUDevice, ring: UploadRing, chunkBytes: number) {
    this.#device = device;
    this.#ring = ring;
    this.#chunkBytes = chunkBytes;
  }

  async write({ target, elementBytes, elements, fill }: UploadSource): Promise<void> {
    for (let start = 0; start < elements; ) {
      let room = Math.floor((this.#chunkBytes - this.#filled) / elementBytes);
      if (this.#current !== undefined && room === 0) {
        this.#flush();
        room = Math.floor(this.#chunkBytes / elementBytes);
      }
      this.#current ??= await this.#ring.take();
      const count = Math.min(room, elements - start);
      fill(this.#current.range, this.#filled, start, count);
      const byteLength = count * elementBytes;
      this.#copies.push({ target, from: this.#filled, to: start * elementBytes, byteLength });
      this.#filled += byteLength;
      start += count;
    }
  }

  /** Records what is not yet submitted into `encoder`, which the caller submits before the next event loop turn. */
  record(encoder: GPUCommandEncoder): void {
    if (this.#current === undefined) return;
    const { slot } = this.#current;
    slot.buffer.unmap();
    for (const { target, from, to, byteLength } of this.#copies)
      encoder.copyBufferToBuffer(slot.buffer, from, target, to, byteLength);
    this.#used.add(slot);
    this.#ring.submitted(slot);
    this.#current = undefined;
    this.#copies = [];
    this.#filled = 0;
  }

  /** The batch is done (or failed): its slots can be used again. */
  end(): void {
    if (this.#current !== undefined) {
      this.#current.slot.buffer.unmap();
      this.#used.add(this.#current.slot);
      this.#ring.submitted(this.#current.slot);
      this.#current = undefined;
    }
    this.#ring.done(this.#used);
  }

  #flush(): void {
    const encoder = this.#device.createCommandEncoder({ label: 'upload' });
    this.record(encoder);
    this.#device.queue.submit([encoder.finish()]);
  }
}

/** Writes a small block through the queue; a view of shared memory is copied first, since Dawn's Node bindings crash on it. */
export function writeSmall(device: GPUDevice, buffer: GPUBuffer, data: ArrayBufferView): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const own = bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  for (let at = 0; at < own.byteLength; at += UPLOAD_CHUNK_BYTES) {
    device.queue.writeBuffer(buffer, at, own.subarray(at, at + UPLOAD_CHUNK_BYTES));
  }
}

/** A readback that is recorded but not yet awaited. */
export interface Readback {
  readonly byteLength: number;
  readonly chunks: readonly { readonly entry: PooledBuffer; readonly byteLength: number }[];
}

/** Takes readback buffers for `byteLength` bytes. */
export function prepareReadback(supply: BufferSupply, byteLength: number, label: string): Readback {
  const chunks = [];
  for (let at = 0; at < byteLength; at += READBACK_CHUNK_BYTES) {
    const length = Math.min(READBACK_CHUNK_BYTES, byteLength - at);
    chunks.push({ entry: supply.acquire(length, USAGE.mapRead | USAGE.copyTarget, `readback of ${label}`), byteLength: length });
  }
  return { byteLength, chunks };
}

/** Records the copies out of `source`. */
export function recordReadback(encoder: GPUCommandEncoder, readback: Readback, source: GPUBuffer): void {
  let at = 0;
  for (const { entry, byteLength } of readback.chunks) {
    encoder.copyBufferToBuffer(source, at, entry.buffer, 0, byteLength);
    at += byteLength;
  }
}

/** Resolves when every chunk is mapped: the batch is done. */
export async function mapReadback(readback: Readback): Promise<void> {
  await Promise.all(readback.chunks.map(({ entry, byteLength }) => entry.buffer.mapAsync(GPU_MAP_READ, 0, byteLength)));
}

/** Copies mapped chunks into `out` and unmaps them. */
export function copyReadback(readback: Readback, out: Uint8Array): void {
  let at = 0;
  for (const { entry, byteLength } of readback.chunks) {
    out.set(new Uint8Array(entry.buffer.getMappedRange(0, byteLength)), at);
    entry.buffer.unmap();
    at += byteLength;
  }
}
