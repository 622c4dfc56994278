/** Remembers what was made for the last few keys: scratch and tables of a worker that serves a handful of option sets. */
export class Recent<V> {
  readonly #limit: number;
  readonly #made = new Map<string, V>();

  constructor(limit = 8) {
    this.#limit = limit;
  }

  /** What `make` gave for these options (plain data) before, or gives now; the one made first is forgotten when there are too many. */
  get(options: object, make: () => V): V {
    const key = JSON.stringify(options);
    const found = this.#made.get(key);
    if (found !== undefined) return found;
    if (this.#made.size >= this.#limit) this.#made.delete(this.#made.keys().next().value as string);
    const made = make();
    this.#made.set(key, made);
    return made;
  }
}
