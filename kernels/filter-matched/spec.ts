/**
 * filter-matched: an image correlated with a small detection kernel, and with a noise map the signal-to-noise of a source of the kernel's shape,
 * T = sum(k w d) / sqrt(sum(k^2 w)), w = 1 / variance (the matched filter of Barbary 2016, JOSS 1, 58). An item is a tile with the pixels about it that the
 * kernel reaches.
 */
import { ArcletError } from '../../src/core/errors.ts';
import { PhiloxStream, philoxKey } from '../../src/core/rng.ts';
import type { KernelSpec, SampleCase } from '../../src/engine/kernel.ts';

export interface FilterMatchedOptions {
  /** Size of a tile in pixels. */
  readonly width: number;
  readonly height: number;
  /** 1 to {@link MAX_KERNEL}. An even kernel has its centre right of and above the middle. */
  readonly kernelWidth: number;
  readonly kernelHeight: number;
  /** False: no noise map, `filtered` alone; `weights` and `significance` are one number without meaning. */
  readonly matched: boolean;
}

/** What 16 x 16 pixels with their surroundings leave of the workgroup memory of every device. */
export const MAX_KERNEL = 25;

function checked(options: FilterMatchedOptions): FilterMatchedOptions {
  const limits = { width: 4096, height: 4096, kernelWidth: MAX_KERNEL, kernelHeight: MAX_KERNEL };
  for (const [name, most] of Object.entries(limits) as [keyof typeof limits, number][]) {
    const value = options[name];
    if (Number.isInteger(value) && value >= 1 && value <= most) continue;
    throw new ArcletError(
      'KERNEL_CONTRACT',
      `${name} of filter-matched must be a whole number from 1 to ${most}, not ${value}.`,
      {
        subject: name,
      },
    );
  }
  return options;
}

/** Pixels under the kernel for all of a tile, [height, width]. */
export function windowShape(options: FilterMatchedOptions): readonly [number, number] {
  const { width, height, kernelWidth, kernelHeight } = checked(options);
  return [height + kernelHeight - 1, width + kernelWidth - 1];
}

const tileShape = (options: FilterMatchedOptions): readonly number[] => [checked(options).height, options.width];

export const spec: KernelSpec<FilterMatchedOptions> = {
  slug: 'filter-matched',
  title: 'detection filter, plain or matched to the noise',
  inputs: {
    kernel: {
      kind: 'float',
      perItem: false,
      shape: (options) => [checked(options).kernelHeight, options.kernelWidth],
      unit: '1',
      doc: 'weights k [y, x], first row lowest y',
    },
    data: {
      kind: 'f32',
      perItem: true,
      shape: windowShape,
      unit: 'flux',
      doc: 'pixels [y, x] from kernelWidth / 2 left of and kernelHeight / 2 below the tile (rounded down); 0 where bad or beyond the image',
    },
    weights: {
      kind: 'f32',
      perItem: true,
      shape: (options) => (options.matched ? windowShape(options) : [1]),
      unit: 'flux^-2',
      doc: 'inverse variances [y, x] of the same pixels, from 1e-30 to 1e30; 0 where bad or beyond the image',
    },
  },
  outputs: {
    filtered: { kind: 'f32', perItem: true, shape: tileShape, unit: 'flux', doc: 'sum(k d) [y, x]' },
    significance: {
      kind: 'f32',
      perItem: true,
      shape: (options) => (options.matched ? tileShape(options) : [1]),
      unit: '1',
      doc: 'T [y, x]; 0 where no pixel under the kernel has a weight',
    },
  },
  tolerances: {
    filtered: {
      kind: 'of-peak',
      value: 2e-6,
      why: 'rounding to float32 of rows of up to 25 products, then of up to 25 rows; kernels may have both signs, so errors are told in the peak',
    },
    significance: {
      kind: 'of-peak',
      value: 2e-6,
      why: 'as filtered: a sum of products of three numbers over the root of a sum of positive terms',
    },
  },
  sample,
  cost: (options, count) => {
    const pixels = options.width * options.height;
    const [rows, columns] = windowShape(options);
    const taps = options.kernelWidth * options.kernelHeight;
    const planes = options.matched ? 2 : 1;
    return {
      flops: count * pixels * (options.matched ? 7 * taps + 2 : 2 * taps),
      bytes: 4 * count * planes * (pixels + rows * columns),
    };
  },
};

const SAMPLE_OPTIONS: readonly FilterMatchedOptions[] = [
  { width: 64, height: 64, kernelWidth: 3, kernelHeight: 3, matched: true },
  { width: 64, height: 64, kernelWidth: 3, kernelHeight: 3, matched: false },
  { width: 40, height: 25, kernelWidth: 9, kernelHeight: 9, matched: true },
  { width: 33, height: 17, kernelWidth: 4, kernelHeight: 7, matched: true },
  { width: 50, height: 20, kernelWidth: 25, kernelHeight: 25, matched: false },
  { width: 21, height: 30, kernelWidth: 1, kernelHeight: 1, matched: true },
];

/** Noise, stars, a noise that varies by a factor of three, bad pixels one by one, a bad corner, and every fourth item without any good pixel. */
function sample(count: number, seed: number): SampleCase<FilterMatchedOptions>[] {
  const perCase = Math.ceil(count / SAMPLE_OPTIONS.length);
  return SAMPLE_OPTIONS.flatMap((options, index) => {
    const items = Math.min(perCase, count - index * perCase);
    if (items <= 0) return [];
    const { kernelWidth, kernelHeight, matched } = options;
    const stream = new PhiloxStream(philoxKey(seed), [index, 0, 0]);
    const [rows, columns] = windowShape(options);
    const pixels = rows * columns;
    const data = new Float32Array(items * pixels);
    const weights = new Float32Array(matched ? data.length : items);
    for (let at = 0; at < data.length; at++) {
      const item = Math.floor(at / pixels);
      const y = Math.floor((at % pixels) / columns);
      const x = at % columns;
      const sigma = stream.between(1, 3);
      const value = sigma * stream.normal() + (stream.uniform() < 0.01 ? 300 * stream.uniform() : 0);
      const isBad = item % 4 === 3 || stream.uniform() < 0.03 || (item % 4 === 1 && x + y < 20);
      if (isBad) continue;
      data[at] = value;
      if (matched) weights[at] = 1 / (sigma * sigma);
    }
    // Mostly positive, falling off from the middle, with a negative rim in the widest one.
    const kernel = Float64Array.from({ length: kernelWidth * kernelHeight }, (_, tap) => {
      const x = (tap % kernelWidth) - (kernelWidth >> 1);
      const y = Math.floor(tap / kernelWidth) - (kernelHeight >> 1);
      const width = 0.1 * kernelWidth * kernelHeight + 1;
      return (Math.exp((-x * x - y * y) / width) - (kernelWidth === MAX_KERNEL ? 0.02 : 0)) / 10;
    });
    const label = `${kernelWidth} x ${kernelHeight}${matched ? ', matched' : ''}`;
    return [{ label, options, count: items, inputs: { kernel, data, weights } }];
  });
}
