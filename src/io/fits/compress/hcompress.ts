/**
 * HCOMPRESS_1 decoding: bit planes of an H-transform, coded as quadtrees
 * (FITS Standard 4.0, 10.4.4; White, Postman and Lattanzi 1992, in Digitised Optical Sky Surveys; White 1992, NASA CP-3183).
 *
 * Coefficients are float64: the transform of 32-bit pixels needs more than 32 bits, and 53 are exact.
 */
import { inverseOfSum, inverseTransform } from './hcompress-transform.ts';
import { damaged } from './types.ts';

const MAGIC = 0xdd99;
const HEADER_BYTES = 25;
/** Above this a sum of four coefficients may not be exact in float64. */
const MOST_BITS = 50;
const QUADTREE = 0xf;
const DIRECT = 0;

/**
 * Values of the code that begins with 6 given bits, and its length: a fixed Huffman code over the 15 patterns of a 2 x 2 block and 0.
 * Patterns of one bit take 3 bits of code.
 */
const CODE_VALUE = new Uint8Array(64);
const CODE_LENGTH = new Uint8Array(64);
for (const [code, length, value] of [
  [0, 3, 1],
  [1, 3, 2],
  [2, 3, 4],
  [3, 3, 8],
  [8, 4, 3],
  [9, 4, 5],
  [10, 4, 10],
  [11, 4, 12],
  [12, 4, 15],
  [26, 5, 6],
  [27, 5, 7],
  [28, 5, 9],
  [29, 5, 11],
  [30, 5, 13],
  [62, 6, 0],
  [63, 6, 14],
]) {
  const first = code << (6 - length);
  CODE_VALUE.fill(value, first, first + (1 << (6 - length)));
  CODE_LENGTH.fill(length, first, first + (1 << (6 - length)));
}

/**
 * Decodes one tile.
 *
 * @param count pixels that the tile must have
 * @param smooth SMOOTH: move coefficients towards interpolated values (only of tiles with scale above 1)
 * @param out receives the pixels, row by row
 * @throws INPUT_INVALID: no HCOMPRESS stream, of another size, or one that ends before its planes do
 */
export function hcompressDecode(
  bytes: Uint8Array,
  count: number,
  smooth: boolean,
  out: Int32Array,
  subject = 'HCOMPRESS_1 tile',
): void {
  if (bytes.length < HEADER_BYTES) throw damaged(subject, `${bytes.length} bytes are no HCOMPRESS_1 stream`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== MAGIC) throw damaged(subject, 'an HCOMPRESS_1 tile does not begin with its mark, 0xDD99');
  const slow = view.getInt32(2);
  const fast = view.getInt32(6);
  const scale = view.getInt32(10);
  if (slow < 1 || fast < 1 || slow * fast !== count) {
    throw damaged(subject, `an HCOMPRESS_1 tile says that it is ${slow} x ${fast}, and it should have ${count} pixels`);
  }
  const sum = Number(view.getBigInt64(14));
  const planes = [bytes[22], bytes[23], bytes[24]];
  const scaleBits = scale > 1 ? 32 - Math.clz32(scale) : 0;
  if (Math.max(...planes) + scaleBits > MOST_BITS || Math.abs(sum) * Math.max(scale, 1) >= 2 ** MOST_BITS) {
    throw damaged(subject, `an HCOMPRESS_1 tile with ${planes} bit planes, scale ${scale} and sum ${sum} is absurd`);
  }
  const bits = new BitReader(bytes, HEADER_BYTES, subject);
  if (Math.max(...planes) === 0) {
    // Most tiles of a mask: a sum and no difference.
    checkEnd(bits);
    bits.check();
    out.fill(inverseOfSum(sum * Math.max(scale, 1), slow, fast), 0, count);
    return;
  }
  const coefficients = new Float64Array(count);
  const slow2 = (slow + 1) >> 1;
  const fast2 = (fast + 1) >> 1;
  const quadrants: [number, number, number, number][] = [
    [0, slow2, fast2, planes[0]],
    [fast2, slow2, fast >> 1, planes[1]],
    [fast * slow2, slow >> 1, fast2, planes[1]],
    [fast * slow2 + fast2, slow >> 1, fast >> 1, planes[2]],
  ];
  const scratch = new Uint8Array(((slow2 + 1) >> 1) * ((fast2 + 1) >> 1));
  for (const [from, rows, columns, depth] of quadrants) {
    decodeQuadrant(bits, coefficients, from, fast, rows, columns, depth, scratch);
  }
  checkEnd(bits);
  bits.toNextByte();
  for (let index = 0; index < count; index++) {
    if (coefficients[index] !== 0 && bits.bit() === 1) coefficients[index] = -coefficients[index];
  }
  bits.check();
  coefficients[0] = sum;
  if (scale > 1) for (let index = 0; index < count; index++) coefficients[index] *= scale;
  inverseTransform(coefficients, slow, fast, smooth ? scale : 0);
  // A wrap to 32 bits, as the pixels went in; typed arrays do the same to any finite number.
  out.set(coefficients.subarray(0, count));
}

/** Throws INPUT_INVALID unless the mark comes that ends the bit planes. */
function checkEnd(bits: BitReader): void {
  if (bits.nybble() !== 0) throw damaged(bits.subject, 'the bit planes of an HCOMPRESS_1 tile do not end with their mark');
}

/** Bit planes of one quadrant, from the highest; each adds its bit to `a`, whose rows are `stride` long. */
function decodeQuadrant(
  bits: BitReader,
  a: Float64Array,
  from: number,
  stride: number,
  rows: number,
  columns: number,
  depth: number,
  scratch: Uint8Array,
): void {
  const size = Math.max(rows, columns);
  const levels = size <= 1 ? 0 : 32 - Math.clz32(size - 1);
  for (let plane = depth - 1; plane >= 0; plane--) {
    const format = bits.nybble();
    if (format === DIRECT) {
      const blocks = ((rows + 1) >> 1) * ((columns + 1) >> 1);
      bits.require(4 * blocks);
      for (let index = 0; index < blocks; index++) scratch[index] = bits.nybble();
    } else if (format === QUADTREE) {
      scratch[0] = bits.pattern();
      for (let level = levels - 1; level >= 1; level--) {
        // Sides of this level: the quadrant's halved `level` times, rounded up.
        expand(bits, scratch, Math.ceil(rows / 2 ** level), Math.ceil(columns / 2 ** level));
      }
    } else {
      throw damaged(bits.subject, `a bit plane of an HCOMPRESS_1 tile has format ${format}`);
    }
    insertPlane(scratch, a, from, stride, rows, columns, 2 ** plane);
    bits.check();
  }
}

/** One step down the quadtree, in place: each 4-bit pattern becomes 2 x 2 cells, and cells with content read their own pattern. */
function expand(bits: BitReader, cells: Uint8Array, rows: number, columns: number): void {
  const rows2 = (rows + 1) >> 1;
  const columns2 = (columns + 1) >> 1;
  // From the end, because source and target share the array.
  for (let i = rows2 - 1; i >= 0; i--) {
    for (let j = columns2 - 1; j >= 0; j--) {
      const pattern = cells[i * columns2 + j];
      const at = 2 * i * columns + 2 * j;
      const right = 2 * j + 1 < columns;
      if (2 * i + 1 < rows) {
        if (right) cells[at + columns + 1] = pattern & 1;
        cells[at + columns] = (pattern >> 1) & 1;
      }
      if (right) cells[at + 1] = (pattern >> 2) & 1;
      cells[at] = pattern >> 3;
    }
  }
  for (let index = rows * columns - 1; index >= 0; index--) if (cells[index] !== 0) cells[index] = bits.pattern();
}

function insertPlane(
  patterns: Uint8Array,
  a: Float64Array,
  from: number,
  stride: number,
  rows: number,
  columns: number,
  value: number,
): void {
  for (let i = 0, k = 0; i < rows; i += 2) {
    const below = i + 1 < rows;
    for (let j = 0, at = from + i * stride; j < columns; j += 2, at += 2, k++) {
      const pattern = patterns[k];
      if (pattern === 0) continue;
      const right = j + 1 < columns;
      if (pattern & 8) a[at] += value;
      if (right && pattern & 4) a[at + 1] += value;
      if (below && pattern & 2) a[at + stride] += value;
      if (below && right && pattern & 1) a[at + stride + 1] += value;
    }
  }
}

/** Bits from the highest of each byte. Reading past the end gives zeros until {@link check}, which callers reach after bounded work. */
class BitReader {
  readonly subject: string;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;

  constructor(bytes: Uint8Array, firstByte: number, subject: string) {
    this.subject = subject;
    this.#bytes = bytes;
    this.#end = bytes.length * 8;
    this.#position = firstByte * 8;
  }

  /** Throws INPUT_INVALID when more was read than there is. */
  check(): void {
    this.require(0);
  }

  /** Throws INPUT_INVALID unless `count` more bits are there. */
  require(count: number): void {
    if (this.#position + count > this.#end) {
      throw damaged(this.subject, `an HCOMPRESS_1 stream of ${this.#end / 8} bytes ends before its bit planes do`);
    }
  }

  toNextByte(): void {
    this.#position = Math.ceil(this.#position / 8) * 8;
  }

  /** The next 16 bits from the byte of the position on. */
  #window(): number {
    const byte = Math.floor(this.#position / 8);
    if (byte + 1 < this.#bytes.length) return (this.#bytes[byte] << 8) | this.#bytes[byte + 1];
    return byte < this.#bytes.length ? this.#bytes[byte] << 8 : 0;
  }

  bit(): number {
    const value = (this.#window() >> (15 - (this.#position % 8))) & 1;
    this.#position++;
    return value;
  }

  nybble(): number {
    const value = (this.#window() >> (12 - (this.#position % 8))) & 15;
    this.#position += 4;
    return value;
  }

  /** One Huffman-coded 4-bit pattern. */
  pattern(): number {
    const code = (this.#window() >> (10 - (this.#position % 8))) & 63;
    this.#position += CODE_LENGTH[code];
    return CODE_VALUE[code];
  }
}
