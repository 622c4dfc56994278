/** A door that lets a number of works through at once, in the order they come. */
export class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** @param atOnce at least 1 */
  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
