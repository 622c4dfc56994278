/** A small picture of a large image, made of rows as they go by. */
import type { PixelBox } from './field.ts';

const MAX_PIXELS = 2 ** 24;
/** Blocks are smaller than asked for where the picture's long side would be shorter, as far as the image allows. */
const LEAST_SIDE = 1000;

/** Means of blocks of `step` x `step` pixels of a box; incomplete blocks at the right and the top count as well. */
export class Picture {
  readonly box: PixelBox;
  /** Pixels of the image per pixel of the picture: as asked for, unless the picture would be too small or too large. */
  readonly step: number;
  readonly width: number;
  readonly height: number;
  /** [y, x], y up; NaN where a block has no finite pixel. */
  readonly values: Float32Array;
  /** Of the columns of the box, over the lines of a block. */
  readonly #sums: Float64Array;
  /** Pixels of each block that are not finite. */
  readonly #missing: Uint32Array;
  #lines = 0;

  constructor(box: PixelBox, step: number) {
    this.box = box;
    const most = Math.max(1, Math.floor(Math.max(box.width, box.height) / LEAST_SIDE));
    this.step = Math.max(Math.min(step, most), Math.ceil(Math.sqrt((box.width * box.height) / MAX_PIXELS)));
    this.width = Math.ceil(box.width / this.step);
    this.height = Math.ceil(box.height / this.step);
    this.values = new Float32Array(this.width * this.height).fill(Number.NaN);
    this.#sums = new Float64Array(box.width);
    this.#missing = new Uint32Array(this.width);
  }

  /** What it holds. */
  get bytes(): number {
    return this.values.byteLength + this.#sums.byteLength + this.#missing.byteLength;
  }

  /** Rows y0 .. y0 + rows of an image `imageWidth` wide, in rising order, each once. Rows and columns outside of the box are skipped. */
  add(y0: number, rows: number, imageWidth: number, pixels: Float32Array): void {
    const { box, step } = this;
    for (let y = Math.max(y0, box.y0); y < Math.min(y0 + rows, box.y0 + box.height); y++) {
      const from = (y - y0) * imageWidth + box.x0;
      for (let x = 0; x < box.width; x++) {
        const value = pixels[from + x];
        // A finite number times 0 is 0, others give NaN.
        if (value * 0 === 0) this.#sums[x] += value;
        else this.#missing[Math.floor(x / step)]++;
      }
      this.#lines++;
      const line = y - box.y0;
      if ((line + 1) % step === 0 || line === box.height - 1) this.#finish(Math.floor(line / step));
    }
  }

  #finish(line: number): void {
    const { box, step } = this;
    for (let column = 0; column < this.width; column++) {
      const end = Math.min((column + 1) * step, box.width);
      let sum = 0;
      for (let x = column * step; x < end; x++) sum += this.#sums[x];
      const count = (end - column * step) * this.#lines - this.#missing[column];
      this.values[line * this.width + column] = count > 0 ? sum / count : Number.NaN;
    }
    this.#sums.fill(0);
    this.#missing.fill(0);
    this.#lines = 0;
  }
}
