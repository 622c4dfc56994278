/** Groups of rows by several whole-number codes, with counters that grow as groups appear: one pass over any number of rows. */
import { ArcletError } from '../../../core/errors.ts';

/** Whole numbers that are counted in every group. */
const COUNTS = [
  'attempt',
  'validAll',
  'validClean',
  'recoveredAll',
  'recoveredClean',
  'snrOnly',
  'resOnly',
  'scoreMissing',
  'snrCount',
  'resolutionCount',
] as const;
/** Sums in every group; `w` are of cross-section weights, `w2` of their squares. */
const SUMS = ['snrSum', 'resolutionSum', 'wAll', 'w2All', 'wRecoveredAll', 'wClean', 'w2Clean', 'wRecoveredClean'] as const;
export type Count = (typeof COUNTS)[number];
export type Sum = (typeof SUMS)[number];

const places = <T extends string>(names: readonly T[]) =>
  Object.fromEntries(names.map((name, index) => [name, index])) as Readonly<Record<T, number>>;
const COUNT_AT = places(COUNTS);
const SUM_AT = places(SUMS);

/** 600 MB with all that belongs to them; a campaign of 10^7 rows of the originals had 1.3e5 groups. */
const MOST_GROUPS = 2 ** 22;
/** Groups of one page of counters: pages are added, nothing is copied as groups appear. */
const PAGE_BITS = 14;
const PAGE = 2 ** PAGE_BITS;

interface Page {
  readonly codes: Int32Array;
  readonly counts: Uint32Array;
  readonly sums: Float64Array;
}

/** Groups by whole-number codes, numbered in the order in which they were first seen. */
export class Groups {
  readonly dimensions: number;
  readonly #pages: Page[] = [];
  /** Open addressing: 1 + the number of a group, 0 where there is none. */
  #slots = new Int32Array(1024);
  #size = 0;

  constructor(dimensions: number) {
    this.dimensions = dimensions;
  }

  get size(): number {
    return this.#size;
  }

  /** The group of these codes. Throws CONFIG_INVALID when there are more than 2^22. */
  idOf(codes: ArrayLike<number>): number {
    const slot = this.#slotOf(codes);
    if (this.#slots[slot] > 0) return this.#slots[slot] - 1;
    const id = this.#append(codes);
    this.#slots[slot] = id + 1;
    if (2 * this.#size > this.#slots.length) this.#rehash();
    return id;
  }

  #slotOf(codes: ArrayLike<number>): number {
    const mask = this.#slots.length - 1;
    let hash = 0;
    // FNV-1a over the codes, each mixed once more: codes are small and differ in their lowest bits.
    for (let at = 0; at < this.dimensions; at++) {
      hash = Math.imul(hash ^ codes[at], 0x01000193);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    let slot = (hash ^ (hash >>> 16)) & mask;
    while (this.#slots[slot] > 0 && !this.#has(this.#slots[slot] - 1, codes)) slot = (slot + 1) & mask;
    return slot;
  }

  #has(id: number, codes: ArrayLike<number>): boolean {
    const { codes: known } = this.#pages[id >>> PAGE_BITS];
    const start = (id & (PAGE - 1)) * this.dimensions;
    for (let at = 0; at < this.dimensions; at++) if (known[start + at] !== codes[at]) return false;
    return true;
  }

  #append(codes: ArrayLike<number>): number {
    if (this.#size === MOST_GROUPS) {
      throw new ArcletError('CONFIG_INVALID', `Completeness has more than ${MOST_GROUPS} groups.`, {
        subject: 'psfsize_bin_width',
        remedy: 'Widen psfsize_bin_width and psfdepth_bin_width, or take fewer selection sets.',
      });
    }
    const id = this.#size++;
    if ((id & (PAGE - 1)) === 0) {
      this.#pages.push({
        codes: new Int32Array(PAGE * this.dimensions),
        counts: new Uint32Array(PAGE * COUNTS.length),
        sums: new Float64Array(PAGE * SUMS.length),
      });
    }
    this.#pages[id >>> PAGE_BITS].codes.set(codes, (id & (PAGE - 1)) * this.dimensions);
    return id;
  }

  #rehash(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let id = 0; id < this.#size; id++) {
      const start = (id & (PAGE - 1)) * this.dimensions;
      const codes = this.#pages[id >>> PAGE_BITS].codes.subarray(start, start + this.dimensions);
      this.#slots[this.#slotOf(codes)] = id + 1;
    }
  }

  code(id: number, dimension: number): number {
    return this.#pages[id >>> PAGE_BITS].codes[(id & (PAGE - 1)) * this.dimensions + dimension];
  }

  count(id: number, counter: Count): number {
    return this.#pages[id >>> PAGE_BITS].counts[(id & (PAGE - 1)) * COUNTS.length + COUNT_AT[counter]];
  }

  addCount(id: number, counter: Count, value: number): void {
    this.#pages[id >>> PAGE_BITS].counts[(id & (PAGE - 1)) * COUNTS.length + COUNT_AT[counter]] += value;
  }

  sum(id: number, counter: Sum): number {
    return this.#pages[id >>> PAGE_BITS].sums[(id & (PAGE - 1)) * SUMS.length + SUM_AT[counter]];
  }

  addSum(id: number, counter: Sum, value: number): void {
    this.#pages[id >>> PAGE_BITS].sums[(id & (PAGE - 1)) * SUMS.length + SUM_AT[counter]] += value;
  }

  /** Adds all counters of a group of another table to one of this. */
  addAll(id: number, other: Groups, otherId: number): void {
    for (const name of COUNTS) this.addCount(id, name, other.count(otherId, name));
    for (const name of SUMS) this.addSum(id, name, other.sum(otherId, name));
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
