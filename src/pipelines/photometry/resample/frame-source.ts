/** An image of the list as a source of resampling, and which of its pixels are saturated. */
import { readSection } from '../../../io/fits/index.ts';
import type { ImageFile } from '../load-header.ts';
import type { ResampleSource, SourcePixels } from './windows.ts';

/** Pixels of an image that are bad as stage `load` has it: not finite, or at least half of SATURATE; the latter are told to `onSaturated`. */
export function frameSource(
  { hdu, leadingAxes, shape, wcs, skySigma, saturate }: ImageFile,
  onSaturated: (x: number, y: number) => void,
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
        if (Number.isFinite(image[at])) onSaturated(x0 + (at % width), y0 + Math.floor(at / width));
      }
      return { image, bad };
    },
  };
}
