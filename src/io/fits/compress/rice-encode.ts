/** RICE_1 encoding: the inverse of rice-decode.ts, with the choice of split that cfitsio makes (White and Becker 1998; FITS Standard 4.0, 10.4.1). */
import { RICE_CODES } from './rice-decode.ts';

/** Words of the stream and mapped differences of a block, kept between calls so that tiles do not allocate. */
let words = new Int32Array(0);
let mapped = new Uint32Array(32);

/**
 * Encodes all `pixels`.
 *
 * @param blockSize pixels of a block, 16 or 32
 * @param bytePix bytes of a pixel: 1 takes 0 .. 255, 2 and 4 signed values of so many bytes
 * @returns the stream, a copy
 */
export function riceEncode(pixels: Int32Array | Int16Array | Uint8Array, blockSize: number, bytePix: 1 | 2 | 4): Uint8Array {
  const { splitBits, rawSplit, pixelBits } = RICE_CODES[bytePix];
  const count = pixels.length;
  if (count === 0) return new Uint8Array(0);
  // A coded pixel takes at most 4 bits more than a stored one (split below rawSplit, unary part below 3 on average).
  const most = Math.ceil((count * (pixelBits + 4) + Math.ceil(count / blockSize) * splitBits) / 32) + 2;
  if (words.length < most) words = new Int32Array(Math.max(most, 2 * words.length));
  if (mapped.length < blockSize) mapped = new Uint32Array(blockSize);
  const out = words;
  const block = mapped;
  const spare = 32 - pixelBits;
  let word = 0;
  // Bits not yet written of `pending`, counted from its low end.
  let pending = pixels[0] << spare;
  let free: number = spare;
  if (free === 0) {
    out[word++] = pending;
    pending = 0;
    free = 32;
  }
  let last = pixels[0];
  for (let start = 0; start < count; start += blockSize) {
    const size = Math.min(blockSize, count - start);
    let sum = 0;
    for (let index = 0; index < size; index++) {
      const pixel = pixels[start + index];
      // Differences wrap to the width of a pixel; then 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
      const difference = ((pixel - last) << spare) >> spare;
      const code = ((difference << 1) ^ (difference >> 31)) >>> 0;
      block[index] = code;
      sum += code;
      last = pixel;
    }
    const mean = Math.max(Math.trunc((sum - Math.trunc(size / 2) - 1) / size), 0);
    const split = 32 - Math.clz32(mean >>> 1);
    const raw = split >= rawSplit;
    const mark = sum === 0 ? 0 : (raw ? rawSplit : split) + 1;
    // One loop writes the mark of the split, then the pixels: code -1 stands for the mark.
    const codes = sum === 0 ? 0 : size;
    for (let index = -1; index < codes; index++) {
      let bits: number;
      let length: number;
      if (index < 0) {
        bits = mark;
        length = splitBits;
      } else if (raw) {
        bits = block[index];
        length = pixelBits;
      } else {
        const code = block[index];
        let zeros = code >>> split;
        while (zeros + split > 31) {
          // Long runs of zeros, as many as fit the pending word at a time.
          const step = Math.min(zeros, free);
          zeros -= step;
          free -= step;
          if (free === 0) {
            out[word++] = pending;
            pending = 0;
            free = 32;
          }
        }
        bits = (1 << split) | (code & ((1 << split) - 1));
        length = zeros + 1 + split;
      }
      if (length < free) {
        free -= length;
        pending |= bits << free;
      } else {
        const rest = length - free;
        out[word++] = pending | (bits >>> rest);
        // A shift by 32 would be one by 0.
        pending = rest === 0 ? 0 : bits << (32 - rest);
        free = 32 - rest;
      }
    }
  }
  out[word] = pending;
  const bytes = new Uint8Array(4 * word + Math.ceil((32 - free) / 8));
  for (let index = 0; index < bytes.length; index++) bytes[index] = out[index >> 2] >> (24 - 8 * (index & 3));
  return bytes;
}
