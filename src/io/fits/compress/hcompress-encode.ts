/**
 * HCOMPRESS_1 encoding without loss: the H-transform of integers, whose bit planes hcompress-planes.ts writes
 * (FITS Standard 4.0, 10.4.4; White, Postman and Lattanzi 1992, in Digitised Optical Sky Surveys; White 1992, NASA CP-3183).
 * The bytes are those of cfitsio.
 */
import { BitWriter, quadrantOf, writeQuadrant } from './hcompress-planes.ts';

const MAGIC = 0xdd99;
const HEADER_BYTES = 25;
/** Other readers take no shorter side; a longer one could take a coefficient beyond 2^50. */
const SIDES = { least: 4, most: 65536, usual: 100 } as const;

/** Scratch of the last tile, kept so that tiles of one image do not allocate. */
let coefficients = new Float64Array(0);
let sums = new Float64Array(0);

/** Tiles for an image: 1 on all axes but the last two, there near 100, so that none at the edge is shorter than 4. */
export function hcompressTileShape(shape: readonly number[]): number[] {
  return shape.map((length, axis) => {
    if (axis < shape.length - 2) return 1;
    for (let side = Math.min(length, SIDES.usual); side > SIDES.least; side--) if (fits(length, side)) return side;
    return Math.min(length, SIDES.least);
  });
}

/** Why an image cannot be cut into these tiles; undefined when it can. */
export function hcompressRefusal(shape: readonly number[], tileShape: readonly number[]): string | undefined {
  if (shape.length < 2) return 'HCOMPRESS_1 takes images of two axes or more';
  const plane = shape.length - 2;
  const isFlat = tileShape.every((length, axis) => axis >= plane || length === 1);
  if (isFlat && tileShape.every((side, axis) => axis < plane || fits(shape[axis], side))) return undefined;
  return `HCOMPRESS_1 takes tiles of one plane with sides of ${SIDES.least} to ${SIDES.most}, also at the edges, and tiles of [${tileShape}] of an image of [${shape}] are not such`;
}

function fits(length: number, side: number): boolean {
  const rest = length % side;
  return side >= SIDES.least && side <= SIDES.most && (rest === 0 || rest >= SIDES.least);
}

/**
 * Encodes one tile with scale 0.
 *
 * @param pixels `slow * fast` integers, row by row
 * @param slow rows
 * @param fast pixels of a row; the stream cannot hold a tile of a single pixel that is odd
 * @returns the stream, a copy
 */
export function hcompressEncode(pixels: Int32Array | Int16Array | Uint8Array, slow: number, fast: number): Uint8Array {
  const count = slow * fast;
  if (coefficients.length < count) {
    coefficients = new Float64Array(count);
    sums = new Float64Array(count);
  }
  const a = coefficients;
  transform(pixels, slow, fast, a);
  const sum = a[0];
  a[0] = 0;
  const slow2 = (slow + 1) >> 1;
  const fast2 = (fast + 1) >> 1;
  const quadrants = [
    quadrantOf(a, 0, fast, slow2, fast2),
    quadrantOf(a, fast2, fast, slow2, fast >> 1),
    quadrantOf(a, fast * slow2, fast, slow >> 1, fast2),
    quadrantOf(a, fast * slow2 + fast2, fast, slow >> 1, fast >> 1),
  ];
  const depths = [quadrants[0].depth, Math.max(quadrants[1].depth, quadrants[2].depth), quadrants[3].depth];
  const writer = new BitWriter();
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  header.setUint16(0, MAGIC);
  header.setInt32(2, slow);
  header.setInt32(6, fast);
  header.setBigInt64(14, BigInt(sum));
  depths.forEach((depth, index) => {
    header.setUint8(22 + index, depth);
  });
  for (let index = 0; index < HEADER_BYTES; index++) writer.put(header.getUint8(index), 8);
  quadrants.forEach((quadrant, index) => {
    writeQuadrant(writer, quadrant, depths[(index + 1) >> 1]);
  });
  writer.put(0, 4);
  writer.toNextByte();
  for (let index = 0; index < count; index++) if (a[index] !== 0) writer.put(a[index] < 0 ? 1 : 0, 1);
  writer.toNextByte();
  return writer.bytes();
}

/** Nearest multiple of `step` (a power of 2); halves go away from zero for positive values and towards zero for negative ones. */
function toMultiple(value: number, step: number): number {
  const half = step / 2;
  return Math.floor((value + (value >= 0 ? half : half - 1)) / step) * step;
}

/**
 * The H-transform: level by level, 2 x 2 pixels become a sum, two differences and a difference of differences. Sums go on to the next
 * level, the rest to the three far corners of the level's block of `a`. Rounding drops the bits that parity gives back (White 1992).
 */
function transform(pixels: ArrayLike<number>, slow: number, fast: number, a: Float64Array): void {
  const s = sums;
  for (let index = 0; index < slow * fast; index++) s[index] = pixels[index];
  a.fill(0, 0, slow * fast);
  let rows = slow;
  let columns = fast;
  // The first level multiplies by 4 (an odd edge by 2 for each missing pixel), the later ones by 2; sums keep multiples of 2 `step`.
  for (let factor = 1, step = 2; rows > 1 || columns > 1; factor = 0.5, step *= 2) {
    const halfRows = (rows + 1) >> 1;
    const half = (columns + 1) >> 1;
    for (let i = 0; i < rows; i += 2) {
      const below = i + 1 < rows;
      const to = (i >> 1) * fast;
      const toBelow = (halfRows + (i >> 1)) * fast;
      for (let j = 0, k = 0; j < columns; j += 2, k++) {
        const at = i * columns + j;
        const right = j + 1 < columns;
        const p00 = s[at];
        const p01 = right ? s[at + 1] : p00;
        const p10 = below ? s[at + columns] : p00;
        const p11 = below ? (right ? s[at + columns + 1] : p10) : p01;
        const next = (i >> 1) * half + k;
        if (p00 === p01 && p00 === p10 && p00 === p11) {
          s[next] = p00 === 0 ? 0 : toMultiple(4 * factor * p00, 2 * step);
          continue;
        }
        s[next] = toMultiple(factor * (p11 + p10 + p01 + p00), 2 * step);
        if (below) a[toBelow + k] = toMultiple(factor * (p11 + p10 - p01 - p00), step);
        if (right) a[to + half + k] = toMultiple(factor * (p11 - p10 + p01 - p00), step);
        if (below && right) a[toBelow + half + k] = factor * (p11 - p10 - p01 + p00);
      }
    }
    rows = halfRows;
    columns = half;
  }
  a[0] = s[0];
}
