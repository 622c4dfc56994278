/** Images whose aperture sums are known. */
import type { ImagePixels } from '../../src/sky/detection/apertures.ts';

/** An image of one value. */
export const flat = (width: number, height: number, value = 1): ImagePixels => ({
  data: new Float64Array(width * height).fill(value),
  width,
  height,
});

/** Three blended sources on 64 x 64 pixels, whose aperture sums sep 1.2.1 gave. */
export function blend(): ImagePixels {
  const data = new Float32Array(64 * 64);
  for (let y = 0; y < 64; y++) {
    for (let x = 0; x < 64; x++) {
      const u = (x - 41.5) * Math.cos(0.5) + (y - 28) * Math.sin(0.5);
      const v = -(x - 41.5) * Math.sin(0.5) + (y - 28) * Math.cos(0.5);
      data[y * 64 + x] =
        100 * Math.exp(-((x - 20.25) ** 2 + (y - 31.6) ** 2) / 8) +
        60 * Math.exp(-(u * u) / (2 * 3.5 ** 2) - (v * v) / (2 * 1.8 ** 2)) +
        40 * Math.exp(-((x - 47.7) ** 2 + (y - 33.2) ** 2) / 4.5);
    }
  }
  return { data, width: 64, height: 64 };
}
