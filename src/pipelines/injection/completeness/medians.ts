/**
 * Medians of many groups in one pass: logarithmic bins with a bounded relative error (DDSketch: Masson, Rim & Lee 2019, PVLDB 12, 2195), kept for
 * all groups together as sorted (group, bin) pairs with counts. Memory follows the number of distinct pairs, not of values.
 */

/** Largest relative error of a median between {@link LEAST} and 1e10. */
export const MEDIAN_RELATIVE_ERROR = 1e-3;
const GAMMA = (1 + MEDIAN_RELATIVE_ERROR) / (1 - MEDIAN_RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Smaller values, and negative ones, are counted as 0. */
const LEAST = 1e-4;
const BINS = 2 ** 14;
const PENDING = 2 ** 20;

function binOf(value: number): number {
  if (!(value >= LEAST)) return 0;
  return Math.min(BINS - 1, 1 + Math.ceil(Math.log(value / LEAST) / LOG_GAMMA));
}

function middleOf(bin: number): number {
  return bin === 0 ? 0 : (2 * LEAST * GAMMA ** (bin - 1)) / (1 + GAMMA);
}

export class GroupMedians {
  /** Keys group x BINS + bin, ascending, and how often each was seen. */
  #keys = new Float64Array(0);
  #counts = new Float64Array(0);
  readonly #pending = new Float64Array(PENDING);
  #waiting = 0;

  add(group: number, value: number): void {
    this.#pending[this.#waiting++] = group * BINS + binOf(value);
    if (this.#waiting === PENDING) this.#settle();
  }

  /** Medians of `count` groups, NaN where there is no value; with `into`, of groups put together. */
  medians(count: number, into?: Int32Array): Float64Array {
    this.#settle();
    let [keys, counts] = [this.#keys, this.#counts];
    if (into !== undefined) {
      const regrouped = keys.map((key) => into[Math.floor(key / BINS)] * BINS + (key % BINS));
      const order = Uint32Array.from(keys.keys()).sort((a, b) => regrouped[a] - regrouped[b]);
      [keys, counts] = [Float64Array.from(order, (at) => regrouped[at]), Float64Array.from(order, (at) => this.#counts[at])];
    }
    const medians = new Float64Array(count).fill(Number.NaN);
    for (let start = 0, end: number; start < keys.length; start = end) {
      const group = Math.floor(keys[start] / BINS);
      let total = 0;
      for (end = start; end < keys.length && Math.floor(keys[end] / BINS) === group; end++) total += counts[end];
      const ranked = (rank: number) => {
        let at = start;
        for (let seen = counts[at]; seen <= rank; seen += counts[at]) at++;
        return middleOf(keys[at] % BINS);
      };
      medians[group] = (ranked((total - 1) >> 1) + ranked(total >> 1)) / 2;
    }
    return medians;
  }

  /** Sorts what waits and merges it with what is there. */
  #settle(): void {
    const fresh = this.#pending.subarray(0, this.#waiting).sort();
    this.#waiting = 0;
    if (fresh.length === 0) return;
    const keys = new Float64Array(this.#keys.length + fresh.length);
    const counts = new Float64Array(keys.length);
    let size = 0;
    const put = (key: number, count: number) => {
      if (size > 0 && keys[size - 1] === key) counts[size - 1] += count;
      else {
        keys[size] = key;
        counts[size++] = count;
      }
    };
    let old = 0;
    for (const key of fresh) {
      for (; old < this.#keys.length && this.#keys[old] <= key; old++) put(this.#keys[old], this.#counts[old]);
      put(key, 1);
    }
    for (; old < this.#keys.length; old++) put(this.#keys[old], this.#counts[old]);
    this.#keys = keys.slice(0, size);
    this.#counts = counts.slice(0, size);
  }
}
