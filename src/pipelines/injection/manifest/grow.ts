/** Columns that grow while a table streams by. */
type Numbers = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;

/** A typed array with room to grow; `values()` is a view of what was pushed. */
export class Growing<T extends Numbers> {
  #array: T;
  length = 0;

  constructor(array: T) {
    this.#array = array;
  }

  push(value: number): void {
    if (this.length === this.#array.length) {
      const larger = new (this.#array.constructor as new (length: number) => T)(Math.max(1024, Math.ceil(this.length * 1.5)));
      larger.set(this.#array);
      this.#array = larger;
    }
    this.#array[this.length++] = value;
  }

  values(): T {
    return this.#array.subarray(0, this.length) as T;
  }
}

export const growingFloats = (): Growing<Float64Array> => new Growing(new Float64Array(0));

/** Texts by number, in order of their first appearance. */
export class Names {
  readonly list: string[] = [];
  readonly #numbers = new Map<string, number>();

  number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    this.#numbers.set(name, this.list.length);
    this.list.push(name);
    return this.list.length - 1;
  }
}
