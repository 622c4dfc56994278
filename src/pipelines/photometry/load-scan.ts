/** What is known of rows of pixels after one look: how many are good, and which are saturated. */
import type { FramePixels, PixelBox } from './field.ts';

/** Rows y0 .. y0 + count of the working frame, which may reach beyond it: pixel (x, y) is element (y - y0) * stride + x + x0. */
export interface ShownRows {
  readonly y0: number;
  readonly count: number;
  readonly x0: number;
  readonly stride: number;
}

export interface RowScan {
  /** Good pixels of the working frame among these rows. */
  readonly good: number;
  /** First row of the working frame among them. */
  readonly top: number;
  /** Saturated pixels of row top + k: columns[starts[k]] .. columns[starts[k + 1] - 1], rising. */
  readonly starts: Int32Array;
  readonly columns: Int32Array;
}

/** Looks at the rows that lie in a working frame of `width` x `height`. Bad pixels that are finite are saturated. */
export function scanRows(
  { image, bad }: FramePixels,
  { y0, count, x0, stride }: ShownRows,
  { width, height }: Pick<PixelBox, 'width' | 'height'>,
): RowScan {
  const top = Math.max(0, y0);
  const lines = Math.max(0, Math.min(height, y0 + count) - top);
  const starts = new Int32Array(lines + 1);
  const columns: number[] = [];
  let poor = 0;
  for (let line = 0; line < lines; line++) {
    const from = (top + line - y0) * stride + x0;
    for (let at = from; at < from + width; at++) {
      if (bad[at] === 0) continue;
      poor++;
      if (Number.isFinite(image[at])) columns.push(at - from);
    }
    starts[line + 1] = columns.length;
  }
  return { good: lines * width - poor, top, starts, columns: Int32Array.from(columns) };
}

/** Bad pixels of rows, found while they were packed: their places in rising order, ~place where the scaled value is not finite. */
export class BadPlaces {
  #places = new Int32Array(1024);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(place: number, hasValue: boolean): void {
    if (this.#count === this.#places.length) {
      const grown = new Int32Array(2 * this.#count);
      grown.set(this.#places);
      this.#places = grown;
    }
    this.#places[this.#count++] = hasValue ? place : ~place;
  }

  /** As {@link scanRows} of the same rows. */
  scan({ y0, count, x0, stride }: ShownRows, { width, height }: Pick<PixelBox, 'width' | 'height'>): RowScan {
    const top = Math.max(0, y0);
    const lines = Math.max(0, Math.min(height, y0 + count) - top);
    const starts = new Int32Array(lines + 1);
    const columns: number[] = [];
    let poor = 0;
    let next = 0;
    for (let line = 0; line < lines; line++) {
      const from = (top + line - y0) * stride + x0;
      for (; next < this.#count; next++) {
        const found = this.#places[next];
        const place = found < 0 ? ~found : found;
        if (place >= from + width) break;
        if (place < from) continue;
        poor++;
        if (found >= 0) columns.push(place - from);
      }
      starts[line + 1] = columns.length;
    }
    return { good: lines * width - poor, top, starts, columns: Int32Array.from(columns) };
  }
}
