/** An image of the list as a source of resampling, and which of its pixels are saturated. */
import { scalePixels, storedSection, valueRule } from '../load-frames.ts';
import type { ImageFile } from '../load-header.ts';
import type { ResampleSource, SourcePixels } from './windows.ts';

/** Pixels of an image that are bad as stage `load` has it: not finite, or at least half of SATURATE; the latter are told to `onSaturated`. */
export function frameSource(file: ImageFile, onSaturated: (x: number, y: number) => void): ResampleSource {
  const { shape, wcs, skySigma } = file;
  const rule = valueRule(file, 1);
  return {
    wcs,
    width: shape[1],
    height: shape[0],
    invvar: 1 / skySigma ** 2,
    async section(x0, y0, width, height): Promise<SourcePixels> {
      const { image, bad } = scalePixels(await storedSection(file, { x0, y0, width, height }), rule);
      for (let at = 0; at < image.length; at++)
        if (bad[at] === 1 && Number.isFinite(image[at])) onSaturated(x0 + (at % width), y0 + Math.floor(at / width));
      return { image, bad };
    },
  };
}
