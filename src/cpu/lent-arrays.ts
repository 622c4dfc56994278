/** Inputs that lie in shared memory already: workers read them where they are. */
import { type ProgramWire, viewArray, type WireValue } from './program.ts';

/** A place in a shared buffer that workers know by a number. */
export interface Lent {
  readonly buffer: number;
  readonly byteOffset: number;
  readonly length: number;
}

export interface LentPlace extends Lent {
  readonly memory: SharedArrayBuffer;
}

/** Numbers of the callers' buffers. */
export class LentBuffers {
  readonly #ids = new WeakMap<SharedArrayBuffer, number>();
  readonly #registry: FinalizationRegistry<number>;
  #nextId = 1;

  /** `onGone` is told the number of a buffer that its owner let go of. */
  constructor(onGone: (id: number) => void) {
    this.#registry = new FinalizationRegistry(onGone);
  }

  /** Where an input is, if it need not be copied: a plain array in shared memory of the type that the twin reads. */
  placeOf(value: WireValue, wire: ProgramWire): LentPlace | undefined {
    if (wire.role !== 'input' || !ArrayBuffer.isView(value)) return undefined;
    const memory = value.buffer;
    if (!isShared(memory) || value.constructor !== viewArray(wire.kind, memory, 0, 0).constructor) return undefined;
    let id = this.#ids.get(memory);
    if (id === undefined) {
      id = this.#nextId++;
      this.#ids.set(memory, id);
      this.#registry.register(memory, id);
    }
    return { memory, buffer: id, byteOffset: value.byteOffset, length: value.length };
  }
}

/** Browsers have the type only on pages that are isolated from others. */
const isShared = (buffer: ArrayBufferLike): buffer is SharedArrayBuffer =>
  typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;
