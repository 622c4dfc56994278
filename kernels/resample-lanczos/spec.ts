/**
 * resample-lanczos: an image on another grid. An item is a tile of output pixels with the window of the source that it looks at.
 *
 * The host maps output pixel -> sky -> source pixel in float64 at control points; in between positions are bilinear, in whole numbers, so that every
 * backend looks at the same pixels with the same weights. A pixel is the sum of the source's pixels about its position with separable Lanczos-3
 * (bilinear, nearest) weights, over good pixels, divided by the weights' sum.
 */
import type { KernelSpec } from '../../src/engine/kernel.ts';
import { controlSide, type ResampleLanczosOptions, tapsOf } from './options.ts';
import { sample } from './sample.ts';

const windowShape = ({ window }: ResampleLanczosOptions): readonly number[] => [window, window];
const tileShape = ({ tile }: ResampleLanczosOptions): readonly number[] => [tile, tile];

export const spec: KernelSpec<ResampleLanczosOptions> = {
  slug: 'resample-lanczos',
  title: 'images on another pixel grid',
  inputs: {
    pixels: {
      kind: 'f32',
      perItem: true,
      shape: windowShape,
      unit: 'flux/pixel (flux) or any (surface-brightness)',
      doc: 'window of the source [y, x]; bad pixels hold any finite number',
    },
    weights: {
      kind: 'f32',
      perItem: true,
      shape: windowShape,
      unit: 'pixels^-2',
      doc: 'inverse variances of the window [y, x]; below 1e-30 (bad, or outside of the source) a pixel is not used',
    },
    control: {
      kind: 'i32',
      perItem: true,
      shape: (options) => [controlSide(options), controlSide(options), 2],
      unit: '2^-14 px',
      doc: "positions (x, y) in the window, 0 at its first pixel's centre, of every step-th output pixel [row, column]; -2^31: none",
    },
  },
  outputs: {
    image: {
      kind: 'f32',
      perItem: true,
      shape: tileShape,
      unit: 'as pixels',
      doc: 'resampled tile [y, x]; 0 where the mask has bit 1',
    },
    invvar: {
      kind: 'f32',
      perItem: true,
      shape: tileShape,
      unit: 'image^-2',
      doc: 'inverse variance of each pixel on its own, (sum w)^2 / sum(w^2/weight), by area^2 with `flux`; covariance is not kept',
    },
    mask: {
      kind: 'u32',
      perItem: true,
      shape: tileShape,
      unit: 'bits',
      doc: '1: no data (image and invvar are 0); 2: some pixels under the kernel are bad or outside',
    },
  },
  tolerances: {
    image: {
      kind: 'of-peak',
      value: 2e-6,
      why: 'weights and positions are equal bit for bit; what is left is the rounding of sums of 36 products (144 stretched) with weights of both signs to float32',
    },
    invvar: {
      kind: 'relative',
      value: 4e-6,
      why: 'as image: a sum of positive terms, the squares of the sum of weights (0.2 at least in the samples, rounded to 1e-7) and of the area',
    },
    mask: { kind: 'exact', value: 0, why: 'positions and the missing weight are whole numbers' },
  },
  sample,
  cost: (options, count) => {
    const taps = tapsOf(options) ** 2;
    const pixels = count * options.tile ** 2;
    const read = 8 * options.window ** 2 + 8 * controlSide(options) ** 2;
    // Per tap a weight, a value, a variance and their sums.
    return { flops: pixels * (8 * taps + 30), bytes: count * read + 12 * pixels };
  },
};
