/** Tables of interpolation weights, and what interpolation does to noise. */
import { lanczos3 } from '../make-psf/lanczos.ts';
import { PHASE_BITS, type ResampleLanczosOptions, tapsOf } from './options.ts';

type KernelOptions = Pick<ResampleLanczosOptions, 'interpolation' | 'stretch'>;

const PHASES = 2 ** PHASE_BITS;
/** sin(pi k) is not 0 in float64; a weight that should be 0 must not call a bad pixel in. */
const NOTHING = 1e-12;

/**
 * Weights along an axis, [PHASES + 1, taps] float32: row p holds those of the taps about a point at p/PHASES of the way from a pixel to the next.
 * Tap t lies t - (taps/2 - 1) px from that pixel. Each row is divided by its sum in float64, so that a constant stays constant.
 */
export function weightTable(options: KernelOptions): Float32Array<ArrayBuffer> {
  const taps = tapsOf(options);
  const table = new Float32Array((PHASES + 1) * taps);
  if (options.interpolation === 'nearest') return table.fill(1);
  const kernel = options.interpolation === 'lanczos3' ? lanczos3 : (x: number) => Math.max(0, 1 - Math.abs(x));
  const row = new Float64Array(taps);
  for (let phase = 0; phase <= PHASES; phase++) {
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const weight = kernel((phase / PHASES - (tap - (taps / 2 - 1))) / options.stretch);
      row[tap] = Math.abs(weight) < NOTHING ? 0 : weight;
      sum += row[tap];
    }
    for (let tap = 0; tap < taps; tap++) table[phase * taps + tap] = row[tap] / sum;
  }
  return table;
}

/**
 * By what factor the noise of sums over many output pixels is larger than their invvar says, because resampled neighbours are correlated and invvar
 * keeps no covariance: 1/sqrt(area <sum w^2>), w the weights of a pixel, over all phases. A patch of A source pixels has the variance sigma^2/A in
 * surface brightness; invvar gives its A/area output pixels sigma^2 <sum w^2> each. 1 where larger output pixels leave out source pixels (no stretch):
 * their noise is their own.
 *
 * @param areaRatio source pixels per output pixel, |det J|
 */
export function noiseUnderestimate(options: KernelOptions, areaRatio: number): number {
  const taps = tapsOf(options);
  const table = weightTable(options);
  // The last phase is the first one of the next pixel.
  const mean = table.subarray(0, PHASES * taps).reduce((sum, weight) => sum + weight * weight, 0) / PHASES;
  return Math.max(1, 1 / (mean * Math.sqrt(areaRatio)));
}
