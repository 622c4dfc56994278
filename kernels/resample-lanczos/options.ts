/** Static options of resample-lanczos and the sizes that follow from them. */

/**
 * `lanczos3-plain` are the weights of SWarp and Tractor, which put a smooth star up to 0.02 px beside its place; `lanczos3` has their first moment set right.
 */
export type Interpolation = 'lanczos3' | 'lanczos3-plain' | 'bilinear' | 'nearest';

/**
 * `flux`: pixels are counts per pixel, multiplied by the area of an output pixel in source pixels, so that sums over a star stay. `surface-brightness`:
 * pixels are counts per sky area and keep their values.
 */
export type Conserve = 'flux' | 'surface-brightness';

export interface ResampleLanczosOptions {
  readonly interpolation: Interpolation;
  readonly conserve: Conserve;
  /** Side of an output tile, px; a multiple of `step`. */
  readonly tile: number;
  /** Spacing of control points, output px: 4, 8 or 16. */
  readonly step: number;
  /** Side of a source window, px; at most {@link MAX_WINDOW}. */
  readonly window: number;
  /** The interpolation kernel is this many times as wide, >= 1: where output pixels are larger than source pixels it keeps out what they cannot sample. */
  readonly stretch: number;
  /**
   * An output pixel has data when the absolute weights of its bad pixels add up to at most 1 - this; above 0, up to 1. Absolute, since a star's bright
   * middle on a negative lobe is as much of a loss as on a positive one; the good weights then add up to this at least.
   */
  readonly minGoodWeight: number;
}

/** Control points are whole numbers of 2^-14 source px, counted from the centre of the window's first pixel. */
export const CONTROL_BITS = 14;
/** With a step of 16 a position has 14 + 2 * 4 bits behind the point, which leaves 9 before it in 32 bits. */
export const MAX_WINDOW = 511;
/** A control point without a counterpart in the source; pixels of the four cells about it have no data. */
export const NO_POSITION = -(2 ** 31);
/** Weights are tabulated at this many phases per px: a position is off by 6e-5 px at most. */
export const PHASE_BITS = 13;
/** What is missing is counted in whole 2^-11 an axis, so that its threshold falls the same on every backend. */
export const COUNT_BITS = 11;
/** An inverse variance below this is no coverage: its reciprocal would leave float32. */
export const MIN_WEIGHT = 1e-30;

/** Bit of the output mask: too little of the weight is on good pixels; image and invvar are 0. */
export const NO_DATA = 1;
/** Bit of the output mask: some pixels under the kernel are bad or outside, the others stand for them. */
export const PARTIAL = 2;

/** Pixels under the kernel along an axis. */
export function tapsOf({ interpolation, stretch }: Pick<ResampleLanczosOptions, 'interpolation' | 'stretch'>): number {
  if (interpolation === 'nearest') return 1;
  return 2 * Math.ceil((interpolation === 'bilinear' ? 1 : 3) * stretch);
}

/** Control points along a side of a tile. */
export function controlSide({ tile, step }: Pick<ResampleLanczosOptions, 'tile' | 'step'>): number {
  return tile / step + 1;
}

/** Bits behind the point of an interpolated position: those of the control points and those of the two bilinear weights. */
export function positionBits({ step }: Pick<ResampleLanczosOptions, 'step'>): number {
  return CONTROL_BITS + 2 * Math.log2(step);
}

/** Counts fall short of weights by 2^-11 each: this much of the weight is left at least, so that nothing is divided by nothing. */
const LEAST_GOOD = 1 / 16;

/** Bad pixels may have this much of the absolute weight, in whole 2^-22. */
export function mostMissing({ minGoodWeight }: Pick<ResampleLanczosOptions, 'minGoodWeight'>): number {
  return Math.floor((1 - Math.max(minGoodWeight, LEAST_GOOD)) * 2 ** (2 * COUNT_BITS));
}
