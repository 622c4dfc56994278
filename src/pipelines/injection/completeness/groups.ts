/** Groups of rows by several whole-number codes, with counters that grow as groups appear: one pass over any number of rows. */
import { ArcletError } from '../../../core/errors.ts';

/** What is counted in every group; `w` are sums of cross-section weights, `w2` of their squares. */
export const COUNTERS = [
  'attempt',
  'validAll',
  'validClean',
  'recoveredAll',
  'recoveredClean',
  'snrOnly',
  'resOnly',
  'scoreMissing',
  'snrCount',
  'snrSum',
  'resolutionCount',
  'resolutionSum',
  'wAll',
  'w2All',
  'wRecoveredAll',
  'wClean',
  'w2Clean',
  'wRecoveredClean',
] as const;
export type Counter = (typeof COUNTERS)[number];

const STRIDE = COUNTERS.length;
const AT = Object.fromEntries(COUNTERS.map((name, index) => [name, index])) as Readonly<Record<Counter, number>>;
/** 600 MB of counters; a campaign of 10^7 rows of the originals had 1.3e5 groups. */
const MOST_GROUPS = 2 ** 22;
const HALF = 2 ** 26;

/** Groups by codes (whole numbers of less than 2^26 to both sides), numbered in the order in which they were first seen. */
export class Groups {
  readonly dimensions: number;
  readonly #maps: Map<number, number>[];
  #codes = new Int32Array(0);
  #sums = new Float64Array(0);
  #size = 0;

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#maps = Array.from({ length: dimensions }, () => new Map());
  }

  get size(): number {
    return this.#size;
  }

  /** The group of these codes. Throws CONFIG_INVALID when there are more than 2^22. */
  idOf(codes: ArrayLike<number>): number {
    let id = 0;
    // Each level numbers the pairs (what stands before, the next code), so that one key is an exact double.
    for (let level = 0; level < this.dimensions; level++) {
      const map = this.#maps[level];
      const key = id * (2 * HALF) + (codes[level] + HALF);
      const known = map.get(key);
      id = known ?? map.size;
      if (known === undefined) map.set(key, id);
    }
    if (id === this.#size) this.#append(codes);
    return id;
  }

  #append(codes: ArrayLike<number>): void {
    if (this.#size === MOST_GROUPS) {
      throw new ArcletError('CONFIG_INVALID', `Completeness has more than ${MOST_GROUPS} groups.`, {
        subject: 'psfsize_bin_width',
        remedy: 'Widen psfsize_bin_width and psfdepth_bin_width, or take fewer selection sets.',
      });
    }
    if (this.#size * this.dimensions === this.#codes.length) {
      const room = Math.max(1024, 2 * this.#size);
      const [largerCodes, largerSums] = [new Int32Array(room * this.dimensions), new Float64Array(room * STRIDE)];
      largerCodes.set(this.#codes);
      largerSums.set(this.#sums);
      [this.#codes, this.#sums] = [largerCodes, largerSums];
    }
    this.#codes.set(codes, this.#size * this.dimensions);
    this.#size++;
  }

  code(id: number, dimension: number): number {
    return this.#codes[id * this.dimensions + dimension];
  }

  get(id: number, counter: Counter): number {
    return this.#sums[id * STRIDE + AT[counter]];
  }

  add(id: number, counter: Counter, value: number): void {
    this.#sums[id * STRIDE + AT[counter]] += value;
  }

  /** Adds all counters of a group of another table to one of this. */
  addAll(id: number, other: Groups, otherId: number): void {
    for (let index = 0; index < STRIDE; index++) this.#sums[id * STRIDE + index] += other.#sums[otherId * STRIDE + index];
  }
}

/** A dimension that stays, as it is or with its codes put together. */
export interface Kept {
  readonly dimension: number;
  readonly recode?: (code: number) => number;
}

/** Sums over all dimensions that are not kept; `into` says which new group each old one went to. */
export function collapse(groups: Groups, kept: readonly Kept[]): { groups: Groups; into: Int32Array } {
  const collapsed = new Groups(kept.length);
  const into = new Int32Array(groups.size);
  const codes = new Int32Array(kept.length);
  for (let id = 0; id < groups.size; id++) {
    kept.forEach(({ dimension, recode }, at) => {
      const code = groups.code(id, dimension);
      codes[at] = recode === undefined ? code : recode(code);
    });
    into[id] = collapsed.idOf(codes);
    collapsed.addAll(into[id], groups, id);
  }
  return { groups: collapsed, into };
}

/** Members of each of `count` classes: those of class c are `members.subarray(starts[c], starts[c + 1])`. */
export function membersOf(into: Int32Array, count: number): { starts: Int32Array; members: Int32Array } {
  const starts = new Int32Array(count + 1);
  for (const at of into) starts[at + 1]++;
  for (let at = 0; at < count; at++) starts[at + 1] += starts[at];
  const next = starts.slice(0, count);
  const members = new Int32Array(into.length);
  into.forEach((at, id) => {
    members[next[at]++] = id;
  });
  return { starts, members };
}

/** Words by number, in the order in which they were first seen; null is one of them. */
export class Dictionary<T> {
  readonly words: T[] = [];
  readonly #codes = new Map<T, number>();

  codeOf(word: T): number {
    const known = this.#codes.get(word);
    if (known !== undefined) return known;
    this.#codes.set(word, this.words.length);
    return this.words.push(word) - 1;
  }
}
