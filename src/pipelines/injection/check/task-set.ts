/** Sets of 64-bit keys in typed arrays: 10 bytes a slot, so that 3 x 10^7 task ids fit in 700 MB where a Set of strings needs 4 GB. */

/** The 64 bits that stand for a task: the first 16 hexadecimal digits of its id, which is a SHA-256; of any other text a hash. */
export function taskKey(id: string, out: Uint32Array): void {
  if (HEX.test(id)) {
    out[0] = Number.parseInt(id.slice(0, 8), 16);
    out[1] = Number.parseInt(id.slice(8, 16), 16);
    return;
  }
  // FNV-1a (Fowler, Noll & Vo) twice, from two offsets, with the finaliser of MurmurHash3 (Appleby).
  let [high, low] = [0x811c9dc5, 0x9747b28c];
  for (let at = 0; at < id.length; at++) {
    const code = id.charCodeAt(at);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x01000193) + at;
  }
  out[0] = mixWord(high);
  out[1] = mixWord(low ^ high);
}

const HEX = /^[0-9a-f]{16,}$/i;

/** Spreads the bits of a word (finaliser of MurmurHash3). */
export function mixWord(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/** Open addressing with linear steps; each key has eight bits of the caller's. */
export class KeySet {
  size = 0;
  #mask: number;
  #high: Uint32Array;
  #low: Uint32Array;
  #used: Uint8Array;
  #flags: Uint8Array;

  constructor(expected = 1024) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(16, expected * 1.5)));
    this.#mask = slots - 1;
    this.#high = new Uint32Array(slots);
    this.#low = new Uint32Array(slots);
    this.#used = new Uint8Array(slots);
    this.#flags = new Uint8Array(slots);
  }

  /** The slot of a key, or of the free place where it would be. */
  #slot(high: number, low: number): number {
    let slot = mixWord(high ^ mixWord(low)) & this.#mask;
    while (this.#used[slot] === 1 && (this.#high[slot] !== high || this.#low[slot] !== low)) slot = (slot + 1) & this.#mask;
    return slot;
  }

  /** Puts a key in and gives the flags it had, or -1 when it was not there; its flags become the old ones with `flags`. */
  add(high: number, low: number, flags: number): number {
    const slot = this.#slot(high, low);
    if (this.#used[slot] === 1) {
      const before = this.#flags[slot];
      this.#flags[slot] = before | flags;
      return before;
    }
    this.#used[slot] = 1;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#flags[slot] = flags;
    this.size++;
    if (this.size > 0.7 * this.#mask) this.#grow();
    return -1;
  }

  /** Flags of a key; -1 when it is not there. */
  flags(high: number, low: number): number {
    const slot = this.#slot(high, low);
    return this.#used[slot] === 1 ? this.#flags[slot] : -1;
  }

  forEach(use: (high: number, low: number, flags: number) => void): void {
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#used[slot] === 1) use(this.#high[slot], this.#low[slot], this.#flags[slot]);
    }
  }

  #grow(): void {
    const larger = new KeySet((this.#mask + 1) * 1.3);
    this.forEach((high, low, flags) => void larger.add(high, low, flags));
    this.#mask = larger.#mask;
    this.#high = larger.#high;
    this.#low = larger.#low;
    this.#used = larger.#used;
    this.#flags = larger.#flags;
  }
}
