/**
 * coadd-white: bands of one field into one image, pixel by pixel, weighted by inverse variance, bad pixels left out. An item is a run of
 * consecutive pixels, so that any image is a stream of items.
 *
 * A band is good in a pixel when its mask bit is 0 and its weight is at least MIN_WEIGHT. A pixel without a good band has invvar 0 and white 0.
 */
import { ArcletError } from '../../src/core/errors.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { ArraySpec, KernelSpec, SampleCase, Tolerance } from '../../src/engine/kernel.ts';

export type Combine = 'mean' | 'median' | 'clipped';

export interface CoaddWhiteOptions {
  /** 1 to {@link MAX_BANDS}. */
  readonly bands: number;
  /** Length of a run; a multiple of 4, the pixels that a lane of the device takes at once. */
  readonly pixels: number;
  readonly combine: Combine;
  /** `band`: a weight for each band of the run. `pixel`: a weight for each pixel. */
  readonly weighting: 'band' | 'pixel';
  /** `clipped` only: a value v of weight w is kept when |v - centre| <= clipSigma / sqrt(w) + clipFraction |centre|. */
  readonly clipSigma: number;
  /**
   * Part of the centre's brightness that is no outlier: bands differ in colour, and stars in the shape of their PSF (Gruen, Seitz & Bernstein
   * 2014, PASP 126, 158).
   */
  readonly clipFraction: number;
  /** Most rounds; a pixel is done when its set of kept values stays the same. */
  readonly clipIterations: number;
}

/** A lower weight counts as none. */
export const MIN_WEIGHT = 1e-30;
/** What the workgroup memory of every device holds in the variants that sort. */
export const MAX_BANDS = 256;

/** Mask words per pixel: bit b % 32 of word b / 32 is set where band b is bad. */
export function maskWords(bands: number): number {
  return Math.ceil(bands / 32);
}

/** Throws KERNEL_CONTRACT with the option that is out of its range. */
function checked(options: CoaddWhiteOptions): CoaddWhiteOptions {
  const { bands, pixels, combine, clipSigma, clipFraction, clipIterations } = options;
  const rules: [string, number, boolean, string][] = [
    ['bands', bands, Number.isInteger(bands) && bands >= 1 && bands <= MAX_BANDS, `a whole number from 1 to ${MAX_BANDS}`],
    ['pixels', pixels, Number.isInteger(pixels) && pixels > 0 && pixels % 4 === 0, 'a multiple of 4'],
  ];
  if (combine === 'clipped') {
    rules.push(['clipSigma', clipSigma, clipSigma > 0, 'above 0']);
    rules.push(['clipFraction', clipFraction, clipFraction >= 0, '0 or more']);
    rules.push([
      'clipIterations',
      clipIterations,
      Number.isInteger(clipIterations) && clipIterations >= 1,
      'a whole number >= 1',
    ]);
  }
  for (const [name, value, isFine, wanted] of rules) {
    if (!isFine)
      throw new ArcletError('KERNEL_CONTRACT', `${name} of coadd-white must be ${wanted}, not ${value}.`, { subject: name });
  }
  return options;
}

const perPixel = (options: CoaddWhiteOptions): readonly number[] => [checked(options).pixels];
const perBandPixel = (options: CoaddWhiteOptions): readonly number[] => [checked(options).bands, options.pixels];

function output(kind: 'float' | 'u32', unit: string, doc: string): ArraySpec<CoaddWhiteOptions> {
  return { kind, perItem: true, shape: perPixel, unit, doc };
}

const SUM_TOLERANCE: Tolerance = {
  kind: 'relative',
  value: 1e-6,
  why: 'float32 sums of blocks of eight terms leave ~3e-7 for terms of one sign; bands that cancel are good to 1e-6 of sum(w |v|) / sum(w)',
};

export const spec: KernelSpec<CoaddWhiteOptions> = {
  slug: 'coadd-white',
  title: 'white stack: weighted mean, median or clipped mean over bands',
  inputs: {
    image: {
      kind: 'f32',
      perItem: true,
      shape: perBandPixel,
      unit: 'flux',
      doc: 'runs [band, pixel], on one flux scale; finite also where bad',
    },
    weights: {
      kind: 'f32',
      perItem: true,
      shape: (options) => (options.weighting === 'band' ? [checked(options).bands] : perBandPixel(options)),
      unit: 'flux^-2',
      doc: 'inverse variances [band] or [band, pixel], at most 1e36; 0 where there is no coverage',
    },
    mask: {
      kind: 'u32',
      perItem: true,
      shape: (options) => [maskWords(checked(options).bands), options.pixels],
      unit: 'bits',
      doc: 'bit b % 32 of word [b / 32, pixel] is set where band b is bad',
    },
  },
  outputs: {
    white: output('float', 'flux', 'the combined pixel; 0 without a good band'),
    invvar: output('float', 'flux^-2', 'its inverse variance, from the weights; 0 without a good band'),
    count: output('u32', 'bands', 'bands that went in: good and not clipped'),
  },
  tolerances: {
    white: SUM_TOLERANCE,
    invvar: SUM_TOLERANCE,
    count: {
      kind: 'exact',
      value: 0,
      why: 'integer; a value within float32 rounding of the clipping bound may fall on either side, and samples have none there',
    },
  },
  sample,
  cost: (options, count) => {
    const { bands, pixels, weighting, combine } = options;
    const weights = weighting === 'band' ? bands : bands * pixels;
    const words = bands * pixels + weights + (maskWords(bands) + 3) * pixels;
    // Sorting is counted as the n^2 / 4 moves of an insertion sort.
    const perBand = combine === 'mean' ? 4 : 12 + bands / 4 + (combine === 'clipped' ? 8 * options.clipIterations : 0);
    return { flops: count * bands * pixels * perBand, bytes: 4 * count * words };
  },
};

const CLIP = { clipSigma: 6, clipFraction: 0.05, clipIterations: 5 };
const SAMPLE_OPTIONS: readonly CoaddWhiteOptions[] = [
  { bands: 20, pixels: 1024, combine: 'mean', weighting: 'band', ...CLIP },
  { bands: 20, pixels: 1024, combine: 'mean', weighting: 'pixel', ...CLIP },
  { bands: 100, pixels: 256, combine: 'mean', weighting: 'pixel', ...CLIP },
  { bands: 20, pixels: 256, combine: 'median', weighting: 'band', ...CLIP },
  { bands: 100, pixels: 60, combine: 'median', weighting: 'pixel', ...CLIP },
  { bands: 20, pixels: 256, combine: 'clipped', weighting: 'band', ...CLIP },
  { bands: 37, pixels: 60, combine: 'clipped', weighting: 'pixel', ...CLIP },
];

/**
 * Sky and sources on a pedestal (sums of one sign), uneven weights, scattered bad pixels, stretches without any good band, and outliers that are
 * far from the clipping bound on either side.
 */
function sample(count: number, seed: number): SampleCase<CoaddWhiteOptions>[] {
  const perCase = Math.ceil(count / SAMPLE_OPTIONS.length);
  return SAMPLE_OPTIONS.flatMap((options, index) => {
    const items = Math.min(perCase, count - index * perCase);
    if (items <= 0) return [];
    const stream = new PhiloxStream(philoxKey(seed), [index, 0, 0]);
    const label = `${options.combine} of ${options.bands} bands, weight per ${options.weighting}`;
    return [{ label, options, count: items, inputs: drawInputs(stream, options, items) }];
  });
}

function drawInputs(
  stream: PhiloxStream,
  { bands, pixels, weighting }: CoaddWhiteOptions,
  items: number,
): SampleCase<CoaddWhiteOptions>['inputs'] {
  const words = maskWords(bands);
  const image = new Float32Array(items * bands * pixels);
  const mask = new Uint32Array(items * words * pixels);
  const weights = new Float32Array(weighting === 'band' ? items * bands : image.length);
  for (let item = 0; item < items; item++) {
    const sky = Array.from({ length: pixels }, () => 50 + 200 * stream.uniform() ** 4);
    for (let band = 0; band < bands; band++) {
      const sigma = stream.between(1, 3);
      if (weighting === 'band') weights[item * bands + band] = sigma ** -2;
      for (let pixel = 0; pixel < pixels; pixel++) {
        const at = (item * bands + band) * pixels + pixel;
        const pixelSigma = weighting === 'band' ? sigma : sigma * stream.between(0.8, 1.2);
        if (weighting === 'pixel') weights[at] = stream.uniform() < 0.02 ? 0 : pixelSigma ** -2;
        image[at] = sky[pixel] + pixelSigma * stream.between(-1.5, 1.5) + (stream.uniform() < 0.01 ? 500 : 0);
        const isBad = stream.uniform() < 0.05 || pixel % 64 === 63;
        if (isBad) mask[(item * words + (band >> 5)) * pixels + pixel] |= 1 << (band & 31);
      }
    }
  }
  return { image, weights, mask };
}
