/** What a template must be like: the rules of the builder as config keys, and the reasons of what they refuse. */
import { z } from 'zod';

const number = z.coerce.number();
const positive = number.pipe(z.number().gt(0));
const share = number.pipe(z.number().gte(0).lte(1));

/** true, false, 1, 0, or these as text. */
export const flag = z.preprocess(
  (value) => (['1', 'true'].includes(String(value)) ? true : ['0', 'false'].includes(String(value)) ? false : value),
  z.boolean(),
);

/** Config keys of the rules. */
export const RULE_KEYS = {
  src_pixscale_arcsec: positive.default(0.03).describe('pixel of the templates, arcsec'),
  stamp_size: number.pipe(z.number().int().gte(8).lte(4096)).default(128).describe('side of the templates, pixels'),
  detect_sigma: positive.default(2).describe('pixels of an object are above this many standard deviations of the smoothed sky'),
  smooth_sigma_px: number
    .pipe(z.number().gte(0).lte(50))
    .default(1.5)
    .describe('Gaussian that the stamp is smoothed with for detection, input pixels; templates are not smoothed'),
  min_area_px: number.pipe(z.number().int().gte(1)).default(20).describe('smallest object, input pixels'),
  grow: number
    .pipe(z.number().gte(0).lte(10))
    .default(0.5)
    .describe('by what share of its mean radius the segment is grown to hold the wings; outside of it the template is zero'),
  snr_min: number.pipe(z.number().gte(0)).default(20).describe('least signal to noise of all light in the grown segment'),
  hlr_min_arcsec: number.pipe(z.number().gte(0)).default(0.1).describe('least half-light radius, arcsec'),
  hlr_max_arcsec: positive.default(1).describe('largest half-light radius, arcsec'),
  hlr_max_stamp_fraction: share
    .default(0.35)
    .describe('largest half-light radius as a share of the width of the stamp: light spread evenly has 0.399'),
  max_border_share: share
    .default(0.005)
    .describe('largest share of the light of the object that may lie in pixels at the edge of the input'),
  max_edge_share: share
    .default(0.05)
    .describe(
      'largest share of the light of the object that the edge of the input is brighter by in the middle of its sides than in the corners, spread over the stamp: then the object fills it',
    ),
  max_lost_share: share.default(0.01).describe('largest share of the light of the grown segment outside of the template'),
  max_neighbour_share: share
    .default(0.05)
    .describe('largest share of the light of the object that another object which the grown segment meets may have'),
  max_second_peak_share: share
    .default(0.05)
    .describe('largest share of the light of the object above the saddle to its second peak'),
  max_unrendered_share: share
    .default(0.2)
    .describe('largest share of the light of a parametric galaxy outside of the circle inside the stamp'),
  rectify_in_segment: flag.default(false).describe('negative pixels inside the segment become zero; biases faint templates'),
};

export interface BankRules {
  readonly srcPixscaleArcsec: number;
  readonly stampSize: number;
  readonly detectSigma: number;
  readonly smoothSigmaPx: number;
  readonly minAreaPx: number;
  readonly grow: number;
  readonly snrMin: number;
  readonly hlrMinArcsec: number;
  readonly hlrMaxArcsec: number;
  readonly hlrMaxStampFraction: number;
  readonly maxBorderShare: number;
  readonly maxEdgeShare: number;
  readonly maxLostShare: number;
  readonly maxNeighbourShare: number;
  readonly maxSecondPeakShare: number;
  readonly maxUnrenderedShare: number;
  readonly rectifyInSegment: boolean;
}

/** Why an input is no template. */
export const REASONS = {
  UNREADABLE: 'file or HDU cannot be read',
  NO_IMAGE: 'file holds no image',
  NO_PIXSCALE: 'pixel scale is not known',
  NOT_FINITE: 'pixels that are not finite',
  RECTIFIED: 'noise of the stamp was cut off at its lowest value',
  TOO_SMALL: 'stamp is smaller than 16 pixels',
  NO_CENTRAL_OBJECT: 'no object near the centre',
  TOUCHES_BORDER: 'object goes over the edge of the stamp',
  SECOND_OBJECT: 'another object in the segment',
  LOW_SNR: 'signal to noise too low',
  LARGER_THAN_STAMP: 'object is larger than a template',
  HLR_TOO_SMALL: 'half-light radius too small',
  HLR_TOO_LARGE: 'half-light radius too large',
  HLR_FILLS_STAMP: 'half-light radius is that of light that fills the stamp',
  BAD_FIT: 'catalogue says that the fit failed, or its numbers are no galaxy',
  NOT_NEEDED: 'n_sources templates were there before',
} as const;
export type Reason = keyof typeof REASONS;

/** What was measured; undefined where the work ended before. */
export interface Measured {
  /** Sky level and noise of one input pixel, in the input's unit. */
  sky?: number;
  noiseSigma?: number;
  /** Noise of sums over that of white noise; see sky.ts. */
  noiseCorrelation?: number;
  /** Light in the grown segment, input's unit. */
  flux?: number;
  /** That light over its noise; infinite without noise. */
  snr?: number;
  /** Area of the grown segment, pixels of the bank. */
  segmentAreaPx?: number;
  hlrArcsec?: number;
  clumpiness?: number;
}

export interface Refusal {
  readonly reason: Reason;
  /** With the numbers. */
  readonly detail: string;
  readonly measured: Measured;
}

export interface Accepted {
  /** stampSize * stampSize pixels of unit sum. */
  readonly template: Float32Array;
  readonly measured: Required<Measured>;
}

export type Verdict = Accepted | Refusal;

export function refused(reason: Reason, detail: string, measured: Measured = {}): Refusal {
  return { reason, detail, measured };
}

/** The rules on size, which stamps and parametric galaxies share; undefined where they hold. `widthArcsec`: the narrower of input and template. */
export function refuseSize(
  hlrArcsec: number,
  widthArcsec: number,
  rules: BankRules,
): { reason: Reason; detail: string } | undefined {
  const text = `${hlrArcsec.toFixed(3)} arcsec`;
  // NaN, of light that sums to nothing, fails the first comparison.
  if (!(hlrArcsec >= rules.hlrMinArcsec)) {
    return { reason: 'HLR_TOO_SMALL', detail: `${text} is below ${rules.hlrMinArcsec}` };
  }
  if (hlrArcsec > rules.hlrMaxStampFraction * widthArcsec) {
    return {
      reason: 'HLR_FILLS_STAMP',
      detail: `${text} is over ${rules.hlrMaxStampFraction} of ${widthArcsec.toFixed(2)} arcsec`,
    };
  }
  if (hlrArcsec > rules.hlrMaxArcsec) return { reason: 'HLR_TOO_LARGE', detail: `${text} is above ${rules.hlrMaxArcsec}` };
  return undefined;
}
