/** Arrays that all items share (a bank, a table): copied once into shared memory, known to workers by a number. */
import { type ColumnArrays, type NumericArray, type ProgramWire, viewArray, type WireValue } from './program.ts';

function toShared(source: NumericArray, kind: ProgramWire['kind']): NumericArray {
  const buffer = new SharedArrayBuffer(source.length * (kind === 'f64' ? 8 : 4));
  const copy = viewArray(kind, buffer, 0, source.length);
  copy.set(source);
  return copy;
}

export class SharedArrays {
  readonly #ids = new WeakMap<object, number>();
  readonly #values = new Map<number, WireValue>();
  readonly #registry: FinalizationRegistry<number>;
  #nextId = 1;
  bytes = 0;

  /** `onGone` is told when the host object of a number has been collected. */
  constructor(onGone: (id: number) => void) {
    this.#registry = new FinalizationRegistry((id) => {
      this.bytes -= sizeOf(this.#values.get(id)!);
      this.#values.delete(id);
      onGone(id);
    });
  }

  /** Number of the shared copy of `host`, made at first sight. `host` must not change afterwards. */
  idOf(host: WireValue, wire: ProgramWire): number {
    const known = this.#ids.get(host);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    const value: WireValue = ArrayBuffer.isView(host)
      ? toShared(host, wire.kind)
      : Object.fromEntries(wire.columns!.map((field): [string, NumericArray] => [field, toShared(host[field], wire.kind)]));
    this.#ids.set(host, id);
    this.#values.set(id, value);
    this.bytes += sizeOf(value);
    this.#registry.register(host, id);
    return id;
  }

  valueOf(id: number): WireValue {
    return this.#values.get(id)!;
  }
}

function sizeOf(value: WireValue): number {
  const arrays: NumericArray[] = ArrayBuffer.isView(value) ? [value] : Object.values(value as ColumnArrays);
  return arrays.reduce((bytes, array) => bytes + array.byteLength, 0);
}
