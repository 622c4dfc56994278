/** Float64 twin of inject-stamp. */
import { PhiloxStream } from '../../src/core/rng.ts';
import type { Columns, CpuTwin } from '../../src/engine/kernel.ts';
import { poissonOfWord } from './poisson.ts';
import type { InjectStampOptions } from './spec.ts';

/** A lower weight counts as no coverage, as in reduce-stamps. */
const MIN_WEIGHT = 1e-30;
/** A lower gain counts as none: its reciprocal would leave float32. */
const MIN_GAIN = 1e-30;
/** From here on shot noise is below the rounding of float32. */
const NOISELESS_ABOVE = 1e14;
/** Philox stream of arc noise under the key of a row: the letters "arcn". */
const NOISE_STREAM = 0x6172636e;

/** Random words of a band, one per pixel in the order of the pixels: Philox blocks with counter (p div 4, band, 0, stream). */
export function noiseWords(keyLow: number, keyHigh: number, band: number): PhiloxStream {
  return new PhiloxStream([keyLow, keyHigh], [band, 0, NOISE_STREAM]);
}

export const cpu: CpuTwin<InjectStampOptions> = ({ bands, size, noise }, inputs, outputs, count) => {
  const convolved = inputs['convolved'] as Float64Array;
  const weights = inputs['weights'] as Float64Array;
  const core = inputs['core'] as Columns;
  const gains = inputs['gain'] as Float64Array;
  const gainsPerInvvar = inputs['gain_per_invvar'] as Float64Array;
  const keys = inputs['key'] as Uint32Array;
  const arc = outputs['arc'] as Float64Array;
  for (let plane = 0, at = 0; plane < count * bands; plane++) {
    const item = Math.floor(plane / bands);
    const radius2 = core['radius'][item] ** 2;
    const words = noise ? noiseWords(keys[2 * item], keys[2 * item + 1], plane % bands) : undefined;
    for (let y = 0; y < size; y++) {
      const dy2 = (y - core['y'][item]) ** 2;
      for (let x = 0; x < size; x++, at++) {
        const flux = convolved[at];
        const word = words?.word() ?? 0;
        const weight = weights[at];
        if (!(weight >= MIN_WEIGHT) || (x - core['x'][item]) ** 2 + dy2 < radius2) {
          arc[at] = 0;
          continue;
        }
        arc[at] = flux;
        if (words === undefined || flux <= 0) continue;
        const gain = gains[plane] + gainsPerInvvar[plane] * weight;
        const electrons = flux * gain;
        if (gain >= MIN_GAIN && electrons < NOISELESS_ABOVE) arc[at] = poissonOfWord(electrons, word) / gain;
      }
    }
  }
};
