/**
 * reduce-stamps: the sums and maxima of a stamp that injection metrics are made of.
 *
 * A pixel is good when (mask & badBits) = 0 and weight >= MIN_WEIGHT. Everything but `sum` and `max` is over good pixels.
 */
import type { ArraySpec, KernelSpec, SampleCase, Tolerance } from '../../src/engine/kernel.ts';

export interface ReduceStampsOptions {
  /** Planes (bands) per item, each with its own weights; the mask is shared by them. */
  readonly planes: number;
  readonly height: number;
  readonly width: number;
  /** Mask bits that make a pixel bad, unsigned 32 bit. */
  readonly badBits: number;
}

/** A lower weight counts as no coverage: the sum of its reciprocals would leave float32. */
export const MIN_WEIGHT = 1e-30;

/** Outputs that are floats, in the order of the device's intermediate record. */
export const FLOAT_REDUCTIONS = [
  'sum',
  'max',
  'goodSum',
  'weightedSum',
  'weightedSquare',
  'maxSignificance',
  'goodVariance',
] as const;

const perPlane = (options: ReduceStampsOptions): readonly number[] => [options.planes];
const cube = (options: ReduceStampsOptions): readonly number[] => [options.planes, options.height, options.width];

function reduction(unit: string, doc: string): ArraySpec<ReduceStampsOptions> {
  return { kind: 'float', perItem: true, shape: perPlane, unit, doc };
}

const SUM_TOLERANCE: Tolerance = {
  kind: 'relative',
  value: 1e-6,
  why: 'terms of one sign: float32 blocks of 16, lanes and a tree leave ~2e-7; sums that cancel are good to 1e-6 of the sum of |terms|',
};
const MAX_TOLERANCE: Tolerance = { kind: 'relative', value: 4e-7, why: 'rounding of value, weight, root and product to float32' };

export const spec: KernelSpec<ReduceStampsOptions> = {
  slug: 'reduce-stamps',
  title: 'sums, maxima and signal-to-noise of stamps',
  inputs: {
    values: { kind: 'float', perItem: true, shape: cube, unit: 'flux', doc: 'stamps [plane, y, x], e.g. the injected light' },
    weights: {
      kind: 'float',
      perItem: true,
      shape: cube,
      unit: 'flux^-2',
      doc: 'inverse variances [plane, y, x]; 0 where there is no coverage',
    },
    mask: {
      kind: 'u32',
      perItem: true,
      shape: (options) => [options.height, options.width],
      unit: 'bits',
      doc: 'mask bits [y, x], all planes alike',
    },
  },
  outputs: {
    sum: reduction('flux', 'sum of v over all pixels: total_injected_flux, both sides of magnification'),
    max: reduction('flux', 'largest v of all pixels'),
    goodSum: reduction('flux', 'sum of v over good pixels: numerator of arc_snr_sum = goodSum/sqrt(goodVariance)'),
    weightedSum: reduction('flux^-1', 'sum of w v: weighted mean and profile fits'),
    weightedSquare: reduction('1', 'sum of w v^2: arc_snr_mf = sqrt(weightedSquare), the matched filter'),
    maxSignificance: reduction('1', 'largest v sqrt(w): arc_snr; 0 without a good pixel'),
    goodVariance: reduction('flux^2', 'sum of 1/w: denominator of arc_snr_sum, squared'),
    goodCount: {
      kind: 'u32',
      perItem: true,
      shape: perPlane,
      unit: 'pixels',
      doc: 'number of good pixels: arc_snr is null where it is 0',
    },
    significantCount: {
      kind: 'u32',
      perItem: true,
      shape: perPlane,
      unit: 'pixels',
      doc: 'number of good pixels with v sqrt(w) > 1: arc_area_pix',
    },
  },
  tolerances: {
    sum: SUM_TOLERANCE,
    max: MAX_TOLERANCE,
    goodSum: SUM_TOLERANCE,
    weightedSum: SUM_TOLERANCE,
    weightedSquare: SUM_TOLERANCE,
    maxSignificance: MAX_TOLERANCE,
    goodVariance: SUM_TOLERANCE,
    goodCount: { kind: 'exact', value: 0, why: 'integer' },
    significantCount: {
      kind: 'absolute',
      value: 1,
      why: 'a pixel within 1e-7 of the threshold may fall on either side in float32',
    },
  },
  sample,
  cost: (options, count) => {
    const pixels = count * options.planes * options.height * options.width;
    return { flops: 14 * pixels, bytes: 8 * pixels + (4 * pixels) / options.planes + count * options.planes * 36 };
  },
};

const SAMPLE_SIZES = [
  { planes: 3, height: 64, width: 64 },
  { planes: 1, height: 17, width: 23 },
  { planes: 2, height: 96, width: 40 },
];

/** Arcs of light over uneven weights and masks; every fifth item has no good pixel in its first plane, every seventh no light. */
function sample(count: number, seed: number): SampleCase<ReduceStampsOptions>[] {
  const perCase = Math.ceil(count / SAMPLE_SIZES.length);
  return SAMPLE_SIZES.flatMap((size, index) => {
    const items = Math.min(perCase, count - index * perCase);
    if (items <= 0) return [];
    const options = { ...size, badBits: 0xc4a };
    const pixels = size.height * size.width;
    const values = new Float64Array(items * size.planes * pixels);
    const weights = new Float64Array(values.length);
    const mask = new Uint32Array(items * pixels);
    let state = (Math.imul(seed + index, 0x9e3779b1) ^ 0x2545f491) >>> 0 || 1;
    const next = (): number => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      state >>>= 0;
      return state / 2 ** 32;
    };
    for (let at = 0; at < mask.length; at++) mask[at] = next() < 0.1 ? (1 << Math.floor(20 * next())) >>> 0 : 0;
    for (let at = 0; at < values.length; at++) {
      const item = Math.floor(at / (size.planes * pixels));
      const plane = Math.floor(at / pixels) % size.planes;
      values[at] = item % 7 === 6 ? 0 : 3 * next() ** 8;
      weights[at] = (item % 5 === 4 && plane === 0) || next() < 0.05 ? 0 : 20 * (0.5 + next());
    }
    return [
      {
        label: `${size.planes} planes of ${size.width} x ${size.height}`,
        options,
        count: items,
        inputs: { values, weights, mask },
      },
    ];
  });
}
