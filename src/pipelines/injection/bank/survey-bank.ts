/** Measures the templates of any bank, whoever made it, and says which look like noise. */
import { isArcletError } from '../../../core/errors.ts';
import { centroid, clumpiness, halfLightRadius } from './light.ts';
import type { InjectionBank } from './open.ts';

/**
 * Noise that is cut at zero fills a stamp evenly: its half-light radius is 0.399 of the width (1.15 arcsec in 96 pixels of 0.03 arcsec), and it
 * is clumpy (0.98 white, 0.50 and 0.33 with correlations of 1 and 1.42 pixels; an exponential of Re 0.3 arcsec has 0.010).
 * A template that has both is counted as noise.
 */
export const NOISE_HLR_SHARE = [0.36, 0.44] as const;
export const NOISE_CLUMPINESS = 0.3;

export interface BankSurvey {
  /** Measured on the images, NaN for a template that cannot be used. */
  readonly hlrArcsec: Float64Array;
  readonly clumpiness: Float64Array;
  /** 1 where a template looks like noise that was cut at zero. */
  readonly noiseLike: Uint8Array;
  /** Templates that cannot be used, the first hundred with the reason. */
  readonly unusable: number;
  readonly reasons: readonly { readonly index: number; readonly reason: string }[];
}

const BATCH = 64;
const MOST_REASONS = 100;

/**
 * Reads all templates once, {@link BATCH} at a time.
 *
 * @param pixscaleArcsec of the templates
 */
export async function surveyBank(
  bank: InjectionBank,
  pixscaleArcsec: number,
  progress: (done: number) => void,
): Promise<BankSurvey> {
  const { count, side } = bank;
  const hlrArcsec = new Float64Array(count).fill(Number.NaN);
  const clumps = new Float64Array(count).fill(Number.NaN);
  const noiseLike = new Uint8Array(count);
  const reasons: { index: number; reason: string }[] = [];
  let unusable = 0;
  const size = { width: side, height: side };
  for (let start = 0; start < count; start += BATCH) {
    const indices = Array.from({ length: Math.min(BATCH, count - start) }, (_, at) => start + at);
    const { images, bad } = await usableImages(bank, indices);
    for (const [index, reason] of bad) {
      unusable++;
      if (reasons.length < MOST_REASONS) reasons.push({ index, reason });
    }
    for (const [index, image] of images) {
      hlrArcsec[index] = halfLightRadius(image, size, centroid(image, size)) * pixscaleArcsec;
      clumps[index] = clumpiness(image, size);
      const share = hlrArcsec[index] / (side * pixscaleArcsec);
      const isSpread = share >= NOISE_HLR_SHARE[0] && share <= NOISE_HLR_SHARE[1];
      noiseLike[index] = isSpread && clumps[index] >= NOISE_CLUMPINESS ? 1 : 0;
    }
    progress(start + indices.length);
  }
  return { hlrArcsec, clumpiness: clumps, noiseLike, unusable, reasons };
}

interface Usable {
  readonly images: readonly (readonly [index: number, image: Float32Array])[];
  readonly bad: readonly (readonly [index: number, reason: string])[];
}

/** The templates of these indices that can be used, each with its index, and why the others cannot. */
export async function usableImages(bank: InjectionBank, indices: readonly number[]): Promise<Usable> {
  const length = bank.side * bank.side;
  const bad: [number, string][] = [];
  let left = indices;
  for (;;) {
    try {
      const all = await bank.images(left);
      return { images: left.map((index, at) => [index, all.subarray(at * length, (at + 1) * length)] as const), bad };
    } catch (error) {
      // One bad template fails its batch; the others are read again.
      const index = isArcletError(error, 'INPUT_INVALID') ? error.data?.index : undefined;
      if (typeof index !== 'number') throw error;
      bad.push([index, (error as Error).message]);
      left = left.filter((other) => other !== index);
    }
  }
}
