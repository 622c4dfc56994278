/** The 10000 random numbers of subtractive dithering, the same in every reader and writer (FITS Standard 4.0, 10.2 and appendix I). */

const COUNT = 10000;
let table: Float32Array | undefined;

/**
 * The table: Park and Miller's minimal generator, seed = 16807 seed mod (2^31 - 1) from 1, as float32 in (0, 1).
 * The last seed is 1043618065, which the Standard gives as the check.
 */
export function ditherTable(): Float32Array {
  if (table === undefined) {
    table = new Float32Array(COUNT);
    let seed = 1;
    for (let index = 0; index < COUNT; index++) {
      seed = (16807 * seed) % 2147483647;
      table[index] = seed / 2147483647;
    }
  }
  return table;
}

/**
 * Walks the dither of one tile: pixel p takes table[start + p], and where the table ends, the next start is drawn.
 * Pixels must be asked for in growing order.
 */
export class DitherWalk {
  readonly table: Float32Array = ditherTable();
  #seed: number;
  /** Pixel at which the present run through the table began, and where in the table it began. */
  #base = 0;
  #start: number;

  /** @param tile number of the tile from 0, @param dither0 ZDITHER0, 1 .. 10000 */
  constructor(tile: number, dither0: number) {
    this.#seed = (tile + Math.max(dither0 - 1, 0)) % COUNT;
    this.#start = Math.floor(this.table[this.#seed] * 500);
  }

  /** Index into the table for `pixel`, and through {@link left} how many pixels follow on before the table ends. */
  at(pixel: number): number {
    while (pixel - this.#base >= COUNT - this.#start) {
      this.#base += COUNT - this.#start;
      this.#seed = (this.#seed + 1) % COUNT;
      this.#start = Math.floor(this.table[this.#seed] * 500);
    }
    return this.#start + pixel - this.#base;
  }

  /** Pixels from table index `index` to the end of the table. */
  left(index: number): number {
    return COUNT - index;
  }
}
