/** Points in the plane that are within a fixed distance: the nearest, or all. */

/** Points in buckets as wide as the distance: a search looks at nine of them. */
export class PointGrid {
  readonly #x: ArrayLike<number>;
  readonly #y: ArrayLike<number>;
  readonly #reach: number;
  readonly #buckets = new Map<string, number[]>();

  constructor(x: ArrayLike<number>, y: ArrayLike<number>, reach: number) {
    this.#x = x;
    this.#y = y;
    this.#reach = reach;
    for (let k = 0; k < x.length; k++) this.#bucket(x[k], y[k], true).push(k);
  }

  #bucket(x: number, y: number, keep = false): number[] {
    const size = Math.max(this.#reach, 1);
    const key = `${Math.floor(x / size)} ${Math.floor(y / size)}`;
    const bucket = this.#buckets.get(key) ?? [];
    if (keep) this.#buckets.set(key, bucket);
    return bucket;
  }

  /** The nearest point that `accept` takes, at most the distance away; undefined where there is none. */
  nearest(x: number, y: number, accept: (index: number) => boolean = () => true): number | undefined {
    const size = Math.max(this.#reach, 1);
    let least = this.#reach * this.#reach;
    let found: number | undefined;
    for (const dy of [-size, 0, size]) {
      for (const dx of [-size, 0, size]) {
        for (const k of this.#bucket(x + dx, y + dy)) {
          const distance = (this.#x[k] - x) ** 2 + (this.#y[k] - y) ** 2;
          const nearer = distance < least || (distance === least && (found === undefined || k < found));
          if (!nearer || !accept(k)) continue;
          least = distance;
          found = k;
        }
      }
    }
    return found;
  }

  /** All points at most the distance away, in no order. */
  within(x: number, y: number): number[] {
    const size = Math.max(this.#reach, 1);
    const most = this.#reach * this.#reach;
    const near = (k: number) => (this.#x[k] - x) ** 2 + (this.#y[k] - y) ** 2 <= most;
    const steps = [-size, 0, size];
    return steps.flatMap((dy) => steps.flatMap((dx) => this.#bucket(x + dx, y + dy).filter(near)));
  }
}
