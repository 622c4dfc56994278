/** CHECKSUM and DATASUM (FITS Standard 4.0, section 4.4.2.7 and appendix J: Seaman, Pence & Rots). */

import type { FitsHdu } from './file.ts';
import { type FitsHeader, wholeBlocks } from './header.ts';

const MODULUS = 2 ** 32 - 1;
const PIECE_BYTES = 2 ** 22;

/** Ones-complement sum of big-endian 32 bit words, over pieces whose lengths are multiples of 4. */
export class Checksum {
  #sum: number;

  constructor(sum = 0) {
    this.#sum = sum;
  }

  /** Adds bytes; a last piece that does not fill a word is filled with zeros. */
  add(bytes: Uint8Array): this {
    const words = Math.floor(bytes.length / 4);
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
    const view = new Uint32Array(aligned.buffer, aligned.byteOffset, words);
    for (let start = 0; start < words; start += 2 ** 20) {
      const end = Math.min(words, start + 2 ** 20);
      // Below 2^53: at most 2^20 words of 32 bits, and what was carried.
      let sum = this.#sum;
      for (let at = start; at < end; at++) {
        const word = view[at];
        sum += ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
      }
      this.#sum = fold(sum);
    }
    let rest = 0;
    for (let at = 4 * words; at < bytes.length; at++) rest += bytes[at] * 2 ** (24 - 8 * (at - 4 * words));
    this.#sum = fold(this.#sum + rest);
    return this;
  }

  get value(): number {
    return this.#sum;
  }
}

/** Ends the carries around: zero stays zero, and a sum that is a multiple of the modulus is all ones (minus zero). */
function fold(sum: number): number {
  return sum > MODULUS ? ((sum - 1) % MODULUS) + 1 : sum;
}

/** The 16 characters by which a header makes the sum of its HDU vanish, for the sum that it has with CHECKSUM = '0000000000000000'. */
export function encodeChecksum(sum: number): string {
  const value = MODULUS - sum;
  const letters = new Uint8Array(16);
  for (let byte = 0; byte < 4; byte++) {
    const part = Math.floor(value / 2 ** (24 - 8 * byte)) % 256;
    const quarter = [0, 1, 2, 3].map((index) => Math.floor(part / 4) + (index === 0 ? part % 4 : 0) + 0x30);
    // Punctuation is avoided in pairs, which keeps the sum.
    while (quarter.some(isPunctuation)) {
      for (const pair of [0, 2]) {
        if (!isPunctuation(quarter[pair]) && !isPunctuation(quarter[pair + 1])) continue;
        quarter[pair]++;
        quarter[pair + 1]--;
      }
    }
    for (const [index, letter] of quarter.entries()) letters[4 * index + byte] = letter;
  }
  // One place to the right, because the string starts one byte after a word.
  return String.fromCharCode(letters[15], ...letters.subarray(0, 15));
}

/** Puts CHECKSUM and DATASUM into the header of data with this sum; the same number of cards again when they are there already. */
export function setChecksums(header: FitsHeader, data: Checksum): void {
  header.set('CHECKSUM', '0'.repeat(16), 'HDU checksum');
  header.set('DATASUM', String(data.value), 'data unit checksum');
  const total = new Checksum(data.value).add(header.toBytes());
  header.set('CHECKSUM', encodeChecksum(total.value));
}

const isPunctuation = (code: number): boolean => (code > 0x39 && code < 0x41) || (code > 0x5a && code < 0x61);

export type ChecksumVerdict = 'ok' | 'wrong' | 'absent';

export interface ChecksumReport {
  /** Data against DATASUM. */
  readonly data: ChecksumVerdict;
  /** The whole HDU against CHECKSUM. */
  readonly hdu: ChecksumVerdict;
  /** What DATASUM should say. */
  readonly datasum: number;
}

/** Reads an HDU once and holds it to its checksums. Throws INPUT_INVALID when the file ends inside it. */
export async function verifyChecksums(hdu: FitsHdu): Promise<ChecksumReport> {
  const { source, headerOffset, dataOffset } = hdu;
  const end = dataOffset + wholeBlocks(hdu.dataBytes);
  const data = new Checksum();
  // A file may lack the padding of its last block, never the data.
  const last = Math.max(dataOffset + hdu.dataBytes, Math.min(end, source.size));
  for (let at = dataOffset; at < last; at += PIECE_BYTES) data.add(await source.read(at, Math.min(PIECE_BYTES, last - at)));
  const total = new Checksum(data.value).add(await source.read(headerOffset, dataOffset - headerOffset));
  const stated = hdu.header.text('DATASUM');
  const hasChecksum = hdu.header.text('CHECKSUM') !== undefined;
  return {
    data: stated === undefined ? 'absent' : Number(stated) % MODULUS === data.value % MODULUS ? 'ok' : 'wrong',
    hdu: !hasChecksum ? 'absent' : total.value % MODULUS === 0 ? 'ok' : 'wrong',
    datasum: data.value,
  };
}
