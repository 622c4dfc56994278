/**
 * Normal numbers by the row of pixels. The words are those of core/rng.ts; here the ten rounds stand inline in 32-bit integers, because two
 * bricks need eighty million of them.
 */
import type { PhiloxKey } from '../../core/rng.ts';

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const [M0_LOW, M0_HIGH] = [M0 & 0xffff, M0 >>> 16];
const [M1_LOW, M1_HIGH] = [M1 & 0xffff, M1 >>> 16];

/**
 * Fills `out` with standard normals (Box & Muller 1958), four per Philox block with counter (block, ...rest). A uniform has 32 bits, so no
 * value lies beyond 6.8.
 */
export function fillNormals(out: Float32Array, key: PhiloxKey, rest: readonly [number, number, number]): void {
  const pair = (high: number, low: number, at: number) => {
    const radius = Math.sqrt(-2 * Math.log(((high >>> 0) + 0.5) * 2 ** -32));
    const angle = 2 * Math.PI * ((low >>> 0) * 2 ** -32);
    out[at] = radius * Math.cos(angle);
    // Beyond the end of the array nothing is written.
    out[at + 1] = radius * Math.sin(angle);
  };
  for (let block = 0; 4 * block < out.length; block++) {
    let c0 = block;
    let [c1, c2, c3] = rest;
    let [k0, k1] = key;
    for (let round = 0; round < 10; round++) {
      const low0 = c0 & 0xffff;
      const high0 = c0 >>> 16;
      const a0 = Math.imul(M0_HIGH, low0);
      const b0 = Math.imul(M0_LOW, high0);
      const carry0 = (Math.imul(M0_LOW, low0) >>> 16) + (a0 & 0xffff) + (b0 & 0xffff);
      const top0 = (Math.imul(M0_HIGH, high0) + (a0 >>> 16) + (b0 >>> 16) + (carry0 >>> 16)) | 0;
      const low1 = c2 & 0xffff;
      const high1 = c2 >>> 16;
      const a1 = Math.imul(M1_HIGH, low1);
      const b1 = Math.imul(M1_LOW, high1);
      const carry1 = (Math.imul(M1_LOW, low1) >>> 16) + (a1 & 0xffff) + (b1 & 0xffff);
      const top1 = (Math.imul(M1_HIGH, high1) + (a1 >>> 16) + (b1 >>> 16) + (carry1 >>> 16)) | 0;
      const next1 = Math.imul(M1, c2);
      const next3 = Math.imul(M0, c0);
      c0 = top1 ^ c1 ^ k0;
      c2 = top0 ^ c3 ^ k1;
      c1 = next1;
      c3 = next3;
      k0 = (k0 + 0x9e3779b9) | 0;
      k1 = (k1 + 0xbb67ae85) | 0;
    }
    pair(c0, c1, 4 * block);
    pair(c2, c3, 4 * block + 2);
  }
}
