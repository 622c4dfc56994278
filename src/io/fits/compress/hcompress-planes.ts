/**
 * Bit planes of HCOMPRESS_1 as quadtrees (FITS Standard 4.0, 10.4.4), the writing side of hcompress.ts.
 *
 * Masks are mostly zero, so a quadrant is coded from the list of its 2 x 2 cells that hold anything: a bit plane costs the length of
 * that list and a sixteenth of the pixels.
 */

/** Magnitudes reach 2^49, so they are split into two integers: these many bits below, the rest above. */
const LOW_BITS = 26;

/** Code and its length for each pattern of a 2 x 2 cell: few bits for single pixels. */
const CODE = Uint8Array.of(62, 0, 1, 8, 2, 9, 26, 27, 3, 28, 10, 29, 11, 30, 63, 12);
const CODE_LENGTH = Uint8Array.of(6, 3, 3, 4, 3, 4, 5, 5, 3, 5, 4, 5, 4, 5, 6, 4);

/** Patterns of the listed cells in the plane at hand, kept so that tiles of one image do not allocate. */
let patterns = new Uint8Array(0);

/** One corner of the transform: its cells of 2 x 2 coefficients that are not all zero, in order. */
export interface Quadrant {
  readonly rows: number;
  readonly columns: number;
  /** Index of each such cell in rows of ceil(columns / 2). */
  readonly cells: number[];
  /** Four magnitudes per cell, upper left, upper right, lower left, lower right. */
  readonly low: number[];
  readonly high: number[];
  /** Bits of the largest magnitude. */
  readonly depth: number;
}

/** Collects the cells of `rows` x `columns` coefficients from `from` on, in rows of `stride`. */
export function quadrantOf(a: Float64Array, from: number, stride: number, rows: number, columns: number): Quadrant {
  const cells: number[] = [];
  const low: number[] = [];
  const high: number[] = [];
  let allLow = 0;
  let allHigh = 0;
  for (let i = 0, cell = 0; i < rows; i += 2) {
    const below = i + 1 < rows;
    for (let j = 0, at = from + i * stride; j < columns; j += 2, at += 2, cell++) {
      const right = j + 1 < columns;
      const v0 = a[at];
      const v1 = right ? a[at + 1] : 0;
      const v2 = below ? a[at + stride] : 0;
      const v3 = below && right ? a[at + stride + 1] : 0;
      if (v0 === 0 && v1 === 0 && v2 === 0 && v3 === 0) continue;
      cells.push(cell);
      for (const value of [v0, v1, v2, v3]) {
        const magnitude = Math.abs(value);
        const top = Math.floor(magnitude / 2 ** LOW_BITS);
        const rest = magnitude - top * 2 ** LOW_BITS;
        low.push(rest);
        high.push(top);
        allLow |= rest;
        allHigh |= top;
      }
    }
  }
  const depth = allHigh === 0 ? 32 - Math.clz32(allLow) : LOW_BITS + 32 - Math.clz32(allHigh);
  return { rows, columns, cells, low, high, depth };
}

/** Writes `depth` bit planes, from the highest: each as a quadtree, or as plain patterns where that is shorter. */
export function writeQuadrant(writer: BitWriter, quadrant: Quadrant, depth: number): void {
  const { rows, columns, cells, low, high } = quadrant;
  const tree = new QuadTree(rows, columns, cells);
  if (patterns.length < cells.length) patterns = new Uint8Array(2 * cells.length);
  for (let plane = depth - 1; plane >= 0; plane--) {
    const magnitudes = plane < LOW_BITS ? low : high;
    const shift = plane < LOW_BITS ? plane : plane - LOW_BITS;
    for (let n = 0, at = 0; n < cells.length; n++, at += 4) {
      patterns[n] =
        (((magnitudes[at] >> shift) & 1) << 3) |
        (((magnitudes[at + 1] >> shift) & 1) << 2) |
        (((magnitudes[at + 2] >> shift) & 1) << 1) |
        ((magnitudes[at + 3] >> shift) & 1);
    }
    tree.write(writer, patterns);
  }
}

/** The quadtree over the cells of a quadrant. */
class QuadTree {
  readonly #cells: readonly number[];
  readonly #cellCount: number;
  /** Where in `#nodes` the parent of each listed cell is, and its bit there. */
  readonly #parents: Int32Array;
  readonly #parentBits: Uint8Array;
  /** Patterns of the levels above the cells, level by level; `#levels` says where each begins and its size. */
  readonly #nodes: Uint8Array;
  readonly #levels: { readonly from: number; readonly rows: number; readonly columns: number }[] = [];

  constructor(rows: number, columns: number, cells: readonly number[]) {
    const cellColumns = (columns + 1) >> 1;
    this.#cells = cells;
    this.#cellCount = ((rows + 1) >> 1) * cellColumns;
    let from = 0;
    for (let side = 2; side < Math.max(rows, columns); side *= 2) {
      const level = { from, rows: Math.ceil(rows / (2 * side)), columns: Math.ceil(columns / (2 * side)) };
      this.#levels.push(level);
      from += level.rows * level.columns;
    }
    this.#nodes = new Uint8Array(from);
    this.#parents = new Int32Array(cells.length);
    this.#parentBits = new Uint8Array(cells.length);
    for (let n = 0; n < cells.length; n++) {
      const i = Math.floor(cells[n] / cellColumns);
      const j = cells[n] - i * cellColumns;
      this.#parents[n] = (i >> 1) * (this.#levels[0]?.columns ?? 1) + (j >> 1);
      this.#parentBits[n] = bitOf(i, j);
    }
  }

  /** Writes one bit plane: the patterns of the listed cells. */
  write(writer: BitWriter, found: Uint8Array): void {
    const bits = this.#build(found);
    if (bits === 0) {
      writer.put(0xf, 4);
      writer.put(CODE[0], CODE_LENGTH[0]);
      return;
    }
    // cfitsio gives up the tree once its whole bytes are as many as those of the patterns.
    if (bits >> 3 >= (this.#cellCount + 1) >> 1) {
      this.#writePlain(writer, found);
      return;
    }
    writer.put(0xf, 4);
    const nodes = this.#nodes;
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const { from, rows, columns } = this.#levels[level];
      for (let at = from + rows * columns - 1; at >= from; at--) {
        if (nodes[at] !== 0) writer.put(CODE[nodes[at]], CODE_LENGTH[nodes[at]]);
      }
    }
    for (let n = this.#cells.length - 1; n >= 0; n--) if (found[n] !== 0) writer.put(CODE[found[n]], CODE_LENGTH[found[n]]);
  }

  /** Patterns of all levels; returns the length of their codes in bits, 0 when the plane is empty. */
  #build(found: Uint8Array): number {
    const nodes = this.#nodes;
    const levels = this.#levels;
    nodes.fill(0);
    let bits = 0;
    for (let n = 0; n < this.#cells.length; n++) {
      if (found[n] === 0) continue;
      bits += CODE_LENGTH[found[n]];
      if (levels.length > 0) nodes[this.#parents[n]] |= this.#parentBits[n];
    }
    for (let level = 0; level < levels.length && bits > 0; level++) {
      const { from, rows, columns } = levels[level];
      const above = levels[level + 1];
      for (let i = 0, at = from; i < rows; i++) {
        for (let j = 0; j < columns; j++, at++) {
          if (nodes[at] === 0) continue;
          bits += CODE_LENGTH[nodes[at]];
          if (above !== undefined) nodes[above.from + (i >> 1) * above.columns + (j >> 1)] |= bitOf(i, j);
        }
      }
    }
    return bits;
  }

  #writePlain(writer: BitWriter, found: Uint8Array): void {
    writer.put(0, 4);
    for (let cell = 0, n = 0; cell < this.#cellCount; cell++) {
      writer.put(this.#cells[n] === cell ? found[n++] : 0, 4);
    }
  }
}

/** Bit of a cell in the pattern of its 2 x 2 block. */
function bitOf(i: number, j: number): number {
  return 8 >> (((i & 1) << 1) | (j & 1));
}

/** Bits from the highest of each byte. */
export class BitWriter {
  #bytes = new Uint8Array(512);
  #length = 0;
  #pending = 0;
  #pendingBits = 0;

  /** Appends the low `length` bits of `bits`, 1 to 8 of them. */
  put(bits: number, length: number): void {
    this.#pending = (this.#pending << length) | bits;
    this.#pendingBits += length;
    if (this.#pendingBits < 8) return;
    this.#pendingBits -= 8;
    if (this.#length === this.#bytes.length) {
      const longer = new Uint8Array(2 * this.#length);
      longer.set(this.#bytes);
      this.#bytes = longer;
    }
    this.#bytes[this.#length++] = this.#pending >> this.#pendingBits;
  }

  toNextByte(): void {
    if (this.#pendingBits > 0) this.put(0, 8 - this.#pendingBits);
  }

  /** A copy of what was written, whole bytes. */
  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
