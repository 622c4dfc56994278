/**
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11): words are a pure function of a 64-bit key
 * and a 128-bit counter, so an item's numbers depend on neither batch, order, shard nor device. shaders/lib/rng/philox.wgsl gives
 * the same words bit for bit.
 *
 * Convention: the key is the seed; the counter is (running number, part of the item such as a band, item id, stream tag).
 */

export type PhiloxKey = readonly [low: number, high: number];
export type PhiloxCounter = readonly [number, number, number, number];

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the product of two unsigned 32-bit numbers, by 16-bit halves. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const mid = aHigh * bLow + (low >>> 16);
  const cross = aLow * bHigh + (mid % 0x10000);
  return (aHigh * bHigh + Math.floor(mid / 0x10000) + Math.floor(cross / 0x10000)) >>> 0;
}

/** The key of a seed: a bigint modulo 2^64, or a whole number below 2^53. Throws a RangeError for any other number. */
export function philoxKey(seed: number | bigint): PhiloxKey {
  if (typeof seed === 'number' && !(Number.isSafeInteger(seed) && seed >= 0)) {
    throw new RangeError(`a seed must be a whole number >= 0 and < 2^53, not ${seed}`);
  }
  const bits = BigInt.asUintN(64, BigInt(seed));
  return [Number(bits & 0xffffffffn), Number(bits >> 32n)];
}

/** Ten rounds: four u32 words for a counter, written to `out`. */
export function philox4x32(counter: PhiloxCounter, key: PhiloxKey, out: Uint32Array): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, c0);
    const low0 = Math.imul(M0, c0);
    const high1 = mulHigh(M1, c2);
    const low1 = Math.imul(M1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A stream of numbers for one (key, part, item, tag): the first counter word runs. */
export class PhiloxStream {
  readonly #key: PhiloxKey;
  readonly #rest: readonly [number, number, number];
  readonly #words = new Uint32Array(4);
  #block = 0;
  #next = 4;
  #spareNormal: number | undefined;

  /** `rest`: the counter words after the running one, each a u32. */
  constructor(key: PhiloxKey, rest: readonly [part: number, item: number, tag: number] = [0, 0, 0]) {
    this.#key = key;
    this.#rest = rest;
  }

  /** The next u32 word. */
  word(): number {
    if (this.#next === 4) {
      philox4x32([this.#block++, ...this.#rest], this.#key, this.#words);
      this.#next = 0;
    }
    return this.#words[this.#next++];
  }

  /** Uniform in [0, 1) with 53 bits, from two words. */
  uniform(): number {
    const high = this.word() >>> 5;
    return (high * 2 ** 26 + (this.word() >>> 6)) * 2 ** -53;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Whole number in [0, below), each equally likely (words that would favour some are drawn again). */
  integer(below: number): number {
    const limit = 2 ** 32 - (2 ** 32 % below);
    for (;;) {
      const word = this.word();
      if (word < limit) return word % below;
    }
  }

  /** Standard normal (Box & Muller 1958); the second of each pair is kept for the next call. */
  normal(): number {
    if (this.#spareNormal !== undefined) {
      const spare = this.#spareNormal;
      this.#spareNormal = undefined;
      return spare;
    }
    // 1 - u is in (0, 1], so the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    const angle = 2 * Math.PI * this.uniform();
    this.#spareNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}
