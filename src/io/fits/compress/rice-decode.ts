/**
 * RICE_1 decoding: differences of neighbours in blocks, each block Golomb-Rice coded with its own split
 * (FITS Standard 4.0, 10.4.1; White and Becker 1998; Rice, Yeh and Miller 1993).
 *
 * Measured on one core (3600 x 3600 survey image, BYTEPIX 4): bits are taken from a table of 32-bit words at a bit position, which is
 * faster in V8 than a shift register that is refilled, because nothing is carried from pixel to pixel but the position.
 */
import { damaged } from './types.ts';

/** What BYTEPIX fixes: bits of the split number, the split that means "stored as is", bits of a pixel. */
export const RICE_CODES = {
  1: { splitBits: 3, rawSplit: 6, pixelBits: 8 },
  2: { splitBits: 4, rawSplit: 14, pixelBits: 16 },
  4: { splitBits: 5, rawSplit: 25, pixelBits: 32 },
} as const;

/** Bit positions are 32-bit integers here. */
const LARGEST_STREAM_BYTES = 2 ** 27;

/** Big-endian words of the stream in hand, kept between calls so that tiles do not allocate. */
let words = new Int32Array(0);

/**
 * Decodes `count` pixels.
 *
 * @param bytes the compressed tile
 * @param count pixels to decode, at most `out.length`
 * @param blockSize pixels of a block (BLOCKSIZE: 16 or 32)
 * @param bytePix bytes of a pixel as the encoder saw them; 1 gives 0 .. 255, 2 and 4 give signed values
 * @param out receives the pixels
 * @throws INPUT_INVALID when the stream ends before its pixels do
 */
export function riceDecode(
  bytes: Uint8Array,
  count: number,
  blockSize: number,
  bytePix: 1 | 2 | 4,
  out: Int32Array,
  subject = 'RICE_1 tile',
): void {
  if (count === 0) return;
  const { splitBits, rawSplit, pixelBits } = RICE_CODES[bytePix];
  const endBits = bytes.length * 8;
  const leastBits = pixelBits + Math.ceil(count / blockSize) * splitBits;
  if (endBits < leastBits) {
    throw damaged(subject, `${bytes.length} bytes of RICE_1 cannot hold ${count} pixels`, { bytes: bytes.length, pixels: count });
  }
  if (bytes.length > LARGEST_STREAM_BYTES) {
    throw damaged(subject, `a RICE_1 tile of ${bytes.length} bytes is larger than the ${LARGEST_STREAM_BYTES} that are read`);
  }
  loadWords(bytes, blockSize);
  const table = words;
  // Narrow pixels wrap as the encoder's did: shift up and down again.
  const spare = 32 - pixelBits;
  let last = table[0] >> spare;
  let position: number = pixelBits;
  for (let index = 0; index < count; ) {
    let end = Math.min(index + blockSize, count);
    const split = (window32(table, position) >>> (32 - splitBits)) - 1;
    position += splitBits;
    if (split < 0) {
      // Constant blocks come in long rows (no data, mask): fill them together.
      while (end < count && position < endBits && window32(table, position) >>> (32 - splitBits) === 0) {
        position += splitBits;
        end = Math.min(end + blockSize, count);
      }
      out.fill(last, index, end);
      index = end;
    } else if (split === rawSplit) {
      for (; index < end; index++) {
        const coded = window32(table, position) >>> spare;
        position += pixelBits;
        last = (((coded >>> 1) ^ -(coded & 1)) + last) | 0;
        if (spare !== 0) last = (last << spare) >> spare;
        out[index] = last;
      }
    } else if (split > rawSplit) {
      throw damaged(subject, `a RICE_1 block has split ${split}, above ${rawSplit}`);
    } else {
      const fixed = split + 1;
      const mask = (1 << split) - 1;
      while (index < end) {
        // Three pixels from one window where they fit: what limits this loop is the wait from one window to the next.
        if (split < 9 && index + 2 < end) {
          const window = window32(table, position);
          const zeros1 = Math.clz32(window);
          const used1 = zeros1 + fixed;
          const window2 = window << used1;
          const zeros2 = Math.clz32(window2);
          const used2 = used1 + zeros2 + fixed;
          const window3 = window << used2;
          const zeros3 = Math.clz32(window3);
          const used3 = used2 + zeros3 + fixed;
          // Shifts heed five bits only; a sum past 31 is caught here, before anything is made of them.
          if (used3 <= 31) {
            position += used3;
            const coded1 = (zeros1 << split) | ((window >>> (32 - used1)) & mask);
            const coded2 = (zeros2 << split) | ((window >>> (32 - used2)) & mask);
            const coded3 = (zeros3 << split) | ((window >>> (32 - used3)) & mask);
            const first = (((coded1 >>> 1) ^ -(coded1 & 1)) + last) | 0;
            const second = (((coded2 >>> 1) ^ -(coded2 & 1)) + first) | 0;
            last = (((coded3 >>> 1) ^ -(coded3 & 1)) + second) | 0;
            if (spare !== 0) last = (last << spare) >> spare;
            out[index] = (first << spare) >> spare;
            out[index + 1] = (second << spare) >> spare;
            out[index + 2] = last;
            index += 3;
            continue;
          }
        }
        let k = position >>> 5;
        let s = position & 31;
        let window = (table[k] << s) | ((table[k + 1] >>> 1) >>> (31 - s));
        let zeros = Math.clz32(window);
        if (zeros + split > 31) {
          // Rare: the code does not fit one window. A run of zeros may go on for many words.
          if (window === 0) {
            const start = position;
            do {
              position += 32;
              if (position > endBits) throw ranOut(subject, bytes.length, index, count);
              window = window32(table, position);
            } while (window === 0);
            zeros = position - start + Math.clz32(window);
            position = start;
          }
          position += zeros + 1;
          k = position >>> 5;
          s = position & 31;
          window = (table[k] << s) | ((table[k + 1] >>> 1) >>> (31 - s));
          position += split;
        } else {
          position += zeros + 1 + split;
          window = (window << zeros) << 1;
        }
        const coded = (zeros << split) | ((window >>> 1) >>> (31 - split));
        last = (((coded >>> 1) ^ -(coded & 1)) + last) | 0;
        if (spare !== 0) last = (last << spare) >> spare;
        out[index++] = last;
      }
    }
    if (position > endBits) throw ranOut(subject, bytes.length, index, count);
  }
  if (bytePix === 1) for (let index = 0; index < count; index++) out[index] &= 0xff;
}

/** 32 bits from a bit position. */
function window32(table: Int32Array, position: number): number {
  const k = position >>> 5;
  const s = position & 31;
  return (table[k] << s) | ((table[k + 1] >>> 1) >>> (31 - s));
}

/** Fills `words`, with zeros behind: a block is decoded before its end is compared, and a pixel takes at most two words unchecked. */
function loadWords(bytes: Uint8Array, blockSize: number): void {
  const full = bytes.length >>> 2;
  const length = full + 2 * blockSize + 4;
  if (words.length < length) words = new Int32Array(Math.max(length, 2 * words.length));
  let at = 0;
  for (let index = 0; index < full; index++, at += 4) {
    words[index] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  words.fill(0, full, length);
  for (let shift = 24; at < bytes.length; at++, shift -= 8) words[full] |= bytes[at] << shift;
}

function ranOut(subject: string, bytes: number, index: number, count: number) {
  return damaged(subject, `its RICE_1 stream of ${bytes} bytes ends before pixel ${index} of ${count}`, { bytes, pixels: count });
}
