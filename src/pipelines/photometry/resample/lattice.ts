/** Numbers of pixels at places of a lattice over an image: enough for medians, and little of it in memory. */
import { quantileOfSorted } from '../../../core/statistics.ts';
import type { PixelBox } from '../field.ts';

/** Places on the lattice, about. */
const MOST_PLACES = 60_000;

export class Lattice {
  /** Row by row; 0 where nothing was added. */
  readonly values: Float32Array;
  readonly #step: number;
  readonly #across: number;

  constructor({ width, height }: Pick<PixelBox, 'width' | 'height'>) {
    const step = Math.ceil(Math.sqrt((width * height) / MOST_PLACES));
    // Odd, so that it does not keep time with tiles.
    this.#step = step + (step % 2 === 0 ? 1 : 0);
    this.#across = Math.ceil(width / this.#step);
    this.values = new Float32Array(this.#across * Math.ceil(height / this.#step));
  }

  /** Takes what lies on the lattice from a box of the image. */
  add(pixels: Float32Array, { x0, y0, width, height }: PixelBox): void {
    const step = this.#step;
    const [left, bottom] = [x0, y0].map((first) => step * Math.ceil(first / step));
    for (let y = bottom; y < y0 + height; y += step) {
      for (let x = left; x < x0 + width; x += step)
        this.values[(y / step) * this.#across + x / step] = pixels[(y - y0) * width + x - x0];
    }
  }

  /** Of the values where `good` (default: the values themselves) is above 0; NaN without one. */
  median(good: Lattice = this): number {
    return quantileOfSorted(this.values.filter((_, place) => good.values[place] > 0).sort(), 0.5);
  }
}
