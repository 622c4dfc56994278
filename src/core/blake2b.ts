/**
 * BLAKE2b without a key (RFC 7693; Aumasson et al. 2013), with a digest of any length from 1 to 64 bytes. The length is part of the hash:
 * a short digest is not the beginning of a long one, which is why a runtime that only knows blake2b512 does not serve.
 */

const IV = new Uint32Array([
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a, 0xade682d1, 0x510e527f,
  0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19,
]);

/** RFC 7693 section 2.7; rounds 10 and 11 use the first two rows again. */
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

const BLOCK = 128;

/** Digest of `message`. Throws a RangeError for a length that BLAKE2b does not have. */
export function blake2b(message: Uint8Array, digestBytes = 64): Uint8Array {
  if (!(Number.isInteger(digestBytes) && digestBytes >= 1 && digestBytes <= 64)) {
    throw new RangeError(`a BLAKE2b digest has 1 to 64 bytes, not ${digestBytes}`);
  }
  // 64-bit words as pairs of 32-bit ones, low half first: bigint arithmetic takes 30 times as long.
  const state = IV.slice();
  state[0] ^= 0x01010000 ^ digestBytes;
  const block = new Uint8Array(BLOCK);
  const work = new Uint32Array(32);
  const words = new Uint32Array(32);
  let at = 0;
  do {
    const end = Math.min(at + BLOCK, message.length);
    block.fill(0).set(message.subarray(at, end));
    const view = new DataView(block.buffer);
    for (let index = 0; index < 32; index++) words[index] = view.getUint32(4 * index, true);
    compress(state, work, words, end, end === message.length);
    at = end;
  } while (at < message.length);
  const digest = new DataView(new ArrayBuffer(64));
  for (let index = 0; index < 16; index++) digest.setUint32(4 * index, state[index], true);
  return new Uint8Array(digest.buffer, 0, digestBytes);
}

/** RFC 7693 section 3.2: folds one block into the state; `bytes` of the message have been read with it. */
function compress(state: Uint32Array, v: Uint32Array, m: Uint32Array, bytes: number, isLast: boolean): void {
  v.set(state);
  v.set(IV, 16);
  v[24] ^= bytes >>> 0;
  v[25] ^= Math.floor(bytes / 2 ** 32);
  if (isLast) {
    v[28] = ~v[28];
    v[29] = ~v[29];
  }
  for (let round = 0; round < 12; round++) {
    const s = SIGMA[round % 10];
    mix(v, m, 0, 4, 8, 12, s[0], s[1]);
    mix(v, m, 1, 5, 9, 13, s[2], s[3]);
    mix(v, m, 2, 6, 10, 14, s[4], s[5]);
    mix(v, m, 3, 7, 11, 15, s[6], s[7]);
    mix(v, m, 0, 5, 10, 15, s[8], s[9]);
    mix(v, m, 1, 6, 11, 12, s[10], s[11]);
    mix(v, m, 2, 7, 8, 13, s[12], s[13]);
    mix(v, m, 3, 4, 9, 14, s[14], s[15]);
  }
  for (let index = 0; index < 16; index++) state[index] ^= v[index] ^ v[index + 16];
}

/** The mixing function G of RFC 7693 section 3.1 on four words of `v` and two of the message. */
function mix(v: Uint32Array, m: Uint32Array, a: number, b: number, c: number, d: number, x: number, y: number): void {
  half(v, m, 2 * a, 2 * b, 2 * c, 2 * d, 2 * x, 32, 24);
  half(v, m, 2 * a, 2 * b, 2 * c, 2 * d, 2 * y, 16, 63);
}

/** a += b + m; d = (d ^ a) >>> r1; c += d; b = (b ^ c) >>> r2, all on 64 bits. */
function half(v: Uint32Array, m: Uint32Array, a: number, b: number, c: number, d: number, x: number, r1: number, r2: number) {
  const low = v[a] + v[b] + m[x];
  v[a + 1] = v[a + 1] + v[b + 1] + m[x + 1] + Math.floor(low / 2 ** 32);
  v[a] = low;
  rotate(v, d, v[d] ^ v[a], v[d + 1] ^ v[a + 1], r1);
  const sum = v[c] + v[d];
  v[c + 1] = v[c + 1] + v[d + 1] + Math.floor(sum / 2 ** 32);
  v[c] = sum;
  rotate(v, b, v[b] ^ v[c], v[b + 1] ^ v[c + 1], r2);
}

/** Writes (high, low) turned right by 16, 24, 32 or 63 bits to word `at`. */
function rotate(v: Uint32Array, at: number, low: number, high: number, bits: number): void {
  if (bits === 32) {
    v[at] = high;
    v[at + 1] = low;
  } else if (bits === 63) {
    v[at] = (low << 1) | (high >>> 31);
    v[at + 1] = (high << 1) | (low >>> 31);
  } else {
    v[at] = (low >>> bits) | (high << (32 - bits));
    v[at + 1] = (high >>> bits) | (low << (32 - bits));
  }
}
