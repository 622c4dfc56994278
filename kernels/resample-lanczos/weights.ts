/** Tables of interpolation weights, and what interpolation does to noise. */
import { lanczos3 } from '../make-psf/lanczos.ts';
import { PHASE_BITS, type ResampleLanczosOptions, tapsOf } from './options.ts';

type KernelOptions = Pick<ResampleLanczosOptions, 'interpolation' | 'stretch'>;

const PHASES = 2 ** PHASE_BITS;
/** sin(pi k) is not 0 in float64; a weight that should be 0 must not call a bad pixel in. */
const NOTHING = 1e-12;

/**
 * Weights along an axis, [PHASES + 1, taps] float32: row p holds those of the taps about a point at p/PHASES of the way from a pixel to the next.
 * Tap t lies t - (taps/2 - 1) px from that pixel. Each row is divided by its sum in float64, so that a constant stays constant; with `lanczos3` its first
 * moment is made 0, so that a slope stays a slope.
 */
export function weightTable(options: KernelOptions): Float32Array<ArrayBuffer> {
  const taps = tapsOf(options);
  const table = new Float32Array((PHASES + 1) * taps);
  if (options.interpolation === 'nearest') return table.fill(1);
  const kernel = options.interpolation === 'bilinear' ? (x: number) => Math.max(0, 1 - Math.abs(x)) : lanczos3;
  const row = new Float64Array(taps);
  for (let phase = 0; phase <= PHASES; phase++) {
    const distance = (tap: number): number => tap - (taps / 2 - 1) - phase / PHASES;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const weight = kernel(distance(tap) / options.stretch);
      row[tap] = Math.abs(weight) < NOTHING ? 0 : weight;
      sum += row[tap];
    }
    for (let tap = 0; tap < taps; tap++) row[tap] /= sum;
    if (options.interpolation === 'lanczos3') centre(row, distance, options.stretch);
    table.set(row, phase * taps);
  }
  return table;
}

/**
 * Makes sum w d = 0 and leaves sum w = 1, d the distances of the taps: adds q (a + b d), q the window sinc(d/3) of Lanczos-3. The response to
 * 0.05 cycles per px is then off by 6e-4 instead of 5e-3, that to higher frequencies hardly changes; the most that is added to a weight is 0.0034.
 */
function centre(row: Float64Array, distance: (tap: number) => number, stretch: number): void {
  let [moment, q0, q1, q2] = [0, 0, 0, 0];
  row.forEach((weight, tap) => {
    const d = distance(tap);
    const q = window(d / stretch);
    moment += weight * d;
    q0 += q;
    q1 += q * d;
    q2 += q * d * d;
  });
  if (moment === 0) return;
  const share = moment / (q0 * q2 - q1 * q1);
  for (let tap = 0; tap < row.length; tap++) {
    const d = distance(tap);
    row[tap] += share * window(d / stretch) * (q1 - q0 * d);
  }
}

/** sinc(x/3) inside |x| < 3. */
function window(x: number): number {
  const angle = (Math.PI * x) / 3;
  if (Math.abs(x) >= 3) return 0;
  return angle === 0 ? 1 : Math.sin(angle) / angle;
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
