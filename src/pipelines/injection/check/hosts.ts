/** Where the hosts are, once each, and in which splits. */
import { KeySet } from './task-set.ts';

/** Positions are told apart to 10^-6 deg (4 mas), the digits of a task id. */
const PER_DEGREE = 1e6;
/** Splits are bits of a byte. */
const MOST_SPLITS = 8;

export interface HostList {
  readonly ra: Float64Array;
  readonly dec: Float64Array;
  /** Index into `splits` of the first split of the host. */
  readonly split: Uint8Array;
}

export class HostIndex {
  readonly #hosts = new KeySet();
  readonly #splits: string[] = [];
  readonly #held: number[] = [];
  readonly #shared: string[] = [];
  sharedHosts = 0;

  get size(): number {
    return this.#hosts.size;
  }

  get splits(): readonly string[] {
    return this.#splits;
  }

  /** Puts a host in; true when its place was not known before. Rows without a place, or of a ninth split, are left to other checks. */
  add(raDeg: number, decDeg: number, split: string): boolean {
    if (!Number.isFinite(raDeg) || !Number.isFinite(decDeg)) return false;
    let bit = this.#splits.indexOf(split);
    if (bit < 0) {
      if (this.#splits.length === MOST_SPLITS) return false;
      bit = this.#splits.push(split) - 1;
      this.#held.push(0);
    }
    const ra = Math.round(raDeg * PER_DEGREE) >>> 0;
    const dec = Math.round((decDeg + 90) * PER_DEGREE) >>> 0;
    const before = this.#hosts.add(ra, dec, 1 << bit);
    if (before === -1 || (before & (1 << bit)) === 0) this.#held[bit]++;
    if (before > 0 && (before & (before - 1)) === 0 && before !== 1 << bit) {
      this.sharedHosts++;
      if (this.#shared.length < 3) this.#shared.push(`${raDeg.toFixed(6)} ${decDeg.toFixed(6)}`);
    }
    return before === -1;
  }

  /** Hosts of a split. */
  inSplit(split: string): number {
    return this.#held[this.#splits.indexOf(split)] ?? 0;
  }

  /** Some places that are in several splits. */
  get sharedExamples(): readonly string[] {
    return this.#shared;
  }

  list(): HostList {
    const ra = new Float64Array(this.size);
    const dec = new Float64Array(this.size);
    const split = new Uint8Array(this.size);
    let at = 0;
    this.#hosts.forEach((high, low, flags) => {
      ra[at] = high / PER_DEGREE;
      dec[at] = low / PER_DEGREE - 90;
      split[at++] = 31 - Math.clz32(flags & -flags);
    });
    return { ra, dec, split };
  }
}
