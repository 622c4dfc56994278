/** Stamps of nothing but noise, fed through the rules of a builder: none may become a template. */
import { PhiloxStream, philoxKey } from '../../../core/rng.ts';
import { examineStamp } from './examine.ts';
import type { BankRules } from './rules.ts';
import { smooth } from './segment.ts';

/** Standard deviations of the Gaussian that white noise is smoothed with, pixels. */
export const NOISE_KINDS = [0, 1, 1.42] as const;

export interface NoiseTest {
  readonly correlationPx: number;
  /** Negative pixels were set to zero before. */
  readonly rectified: boolean;
  readonly stamps: number;
  readonly accepted: number;
}

/** Side of the stamps, pixels, as the originals' were. */
const SIDE = 96;

/** `stamps` of every kind, as they are and cut at zero. */
export function testWithNoise(rules: BankRules, stamps: number, seed: number): NoiseTest[] {
  const kinds = NOISE_KINDS.flatMap((correlationPx) => [false, true].map((rectified) => ({ correlationPx, rectified })));
  return kinds.map(({ correlationPx, rectified }, kind) => {
    let accepted = 0;
    for (let index = 0; index < stamps; index++) {
      const image = noiseStamp(SIDE, correlationPx, rectified, new PhiloxStream(philoxKey(seed), [kind, index, 0]));
      const stamp = { image, width: SIDE, height: SIDE, pixscaleArcsec: rules.srcPixscaleArcsec };
      if ('template' in examineStamp(stamp, rules)) accepted++;
    }
    return { correlationPx, rectified, stamps, accepted };
  });
}

/** Gaussian noise, smoothed by `correlationPx`, cut at zero when `rectified`. */
export function noiseStamp(side: number, correlationPx: number, rectified: boolean, stream: PhiloxStream): Float64Array {
  const white = Float64Array.from({ length: side * side }, () => stream.normal());
  const noise = smooth(white, { width: side, height: side }, correlationPx);
  return rectified ? noise.map((value) => Math.max(0, value)) : noise;
}
