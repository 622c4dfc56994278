/** An image of the list as a source of resampling, and which of its pixels are saturated. */
import { readSection } from '../../../io/fits/index.ts';
import type { ImageFile } from '../load-header.ts';
import type { Grid } from './plan.ts';
import type { ResampleSource, SourcePixels } from './windows.ts';

/** One bit for each pixel. */
export class PixelBits {
  readonly #width: number;
  readonly #bits: Uint8Array;
  #any = false;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#bits = new Uint8Array(Math.ceil((width * height) / 8));
  }

  set(x: number, y: number): void {
    const at = y * this.#width + x;
    this.#bits[Math.floor(at / 8)] |= 1 << (at % 8);
    this.#any = true;
  }

  has(x: number, y: number): boolean {
    if (!this.#any) return false;
    const at = y * this.#width + x;
    return (this.#bits[Math.floor(at / 8)] & (1 << (at % 8))) !== 0;
  }

  /** Calls `look` for each pixel that is set, row by row. */
  each(look: (x: number, y: number) => void): void {
    for (let byte = 0; byte < this.#bits.length; byte++) {
      for (let bits = this.#bits[byte], at = 8 * byte; bits !== 0; bits >>= 1, at++)
        if (bits & 1) look(at % this.#width, Math.floor(at / this.#width));
    }
  }
}

/** Pixels of an image that are bad as stage `load` has it: not finite, or at least half of SATURATE; the latter are kept in `saturated`. */
export function frameSource(
  { hdu, leadingAxes, shape, wcs, skySigma, saturate }: ImageFile,
  saturated: PixelBits,
): ResampleSource {
  const bound = Math.fround(saturate / 2);
  return {
    wcs,
    width: shape[1],
    height: shape[0],
    invvar: 1 / skySigma ** 2,
    async section(x0, y0, width, height): Promise<SourcePixels> {
      const lead = new Array<number>(leadingAxes);
      const { data } = await readSection(hdu, [...lead.fill(0), y0, x0], [...[...lead].fill(1), height, width]);
      const image = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);
      const bad = new Uint8Array(image.length);
      for (let at = 0; at < image.length; at++) {
        // NaN is no saturated pixel; resampling leaves it out by itself.
        if (!(image[at] >= bound)) continue;
        bad[at] = 1;
        if (Number.isFinite(image[at])) saturated.set(x0 + (at % width), y0 + Math.floor(at / width));
      }
      return { image, bad };
    },
  };
}

/** Pixels of the target whose middle lies in a saturated pixel of the source, as far as a square of the same area tells, into `marks`. */
export function markSaturated(source: Grid, saturated: PixelBits, target: Grid, areaRatio: number, marks: PixelBits): number {
  // Where output pixels are smaller, one pixel of the source covers several.
  const reach = Math.max(0, (1 / Math.sqrt(areaRatio) - 1) / 2);
  let count = 0;
  saturated.each((sx, sy) => {
    const [x, y] = target.wcs.worldToPixel(...source.wcs.pixelToWorld(sx, sy));
    count++;
    if (!Number.isFinite(x + y)) return;
    const [left, right] = [Math.max(0, Math.round(x - reach)), Math.min(target.width - 1, Math.round(x + reach))];
    const [bottom, top] = [Math.max(0, Math.round(y - reach)), Math.min(target.height - 1, Math.round(y + reach))];
    for (let v = bottom; v <= top; v++) for (let u = left; u <= right; u++) marks.set(u, v);
  });
  return count;
}
