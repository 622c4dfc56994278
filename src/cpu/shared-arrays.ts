/** Arrays that all items share (a bank, a table): copied once into shared memory, known to workers by a number. */
import { BYTES, type ColumnArrays, type NumericArray, type ProgramWire, viewArray, type WireValue } from './program.ts';

function toShared(source: NumericArray, kind: ProgramWire['kind']): NumericArray {
  const buffer = new SharedArrayBuffer(source.length * BYTES[kind]);
  const copy = viewArray(kind, buffer, 0, source.length);
  copy.set(source);
  return copy;
}

/** The most recently used ones stay; others are copied again when they come back, so a new bank per batch does not fill the memory. */
const KEPT = 16;

export class SharedArrays {
  readonly #ids = new WeakMap<object, number>();
  readonly #values = new Map<number, WireValue>();
  readonly #registry: FinalizationRegistry<number>;
  readonly #onGone: (id: number) => void;
  #nextId = 1;
  bytes = 0;

  /** `onGone` is told the number of a copy that was given back: its host object was collected, or others pushed it out. */
  constructor(onGone: (id: number) => void) {
    this.#onGone = onGone;
    this.#registry = new FinalizationRegistry((id) => this.#forget(id));
  }

  /** Number of the shared copy of `host`, made at first sight. `host` must not change afterwards. */
  idOf(host: WireValue, wire: ProgramWire): number {
    const known = this.#ids.get(host);
    const present = known === undefined ? undefined : this.#values.get(known);
    if (known !== undefined && present !== undefined) {
      this.#values.delete(known);
      this.#values.set(known, present);
      return known;
    }
    const id = this.#nextId++;
    const value: WireValue = ArrayBuffer.isView(host)
      ? toShared(host, wire.kind)
      : Object.fromEntries(wire.columns!.map((field): [string, NumericArray] => [field, toShared(host[field], wire.kind)]));
    this.#ids.set(host, id);
    this.#values.set(id, value);
    this.bytes += sizeOf(value);
    this.#registry.register(host, id);
    if (this.#values.size > KEPT) this.#forget(this.#values.keys().next().value!);
    return id;
  }

  #forget(id: number): void {
    const value = this.#values.get(id);
    if (value === undefined) return;
    this.bytes -= sizeOf(value);
    this.#values.delete(id);
    this.#onGone(id);
  }

  valueOf(id: number): WireValue {
    return this.#values.get(id)!;
  }
}

function sizeOf(value: WireValue): number {
  const arrays: NumericArray[] = ArrayBuffer.isView(value) ? [value] : Object.values(value as ColumnArrays);
  return arrays.reduce((bytes, array) => bytes + array.byteLength, 0);
}
