/**
 * What an effective PSF is, and its values on pixels. An effective PSF is the PSF with the pixel's response included: the value that a pixel
 * at (dx, dy) from a star of unit flux takes (Anderson & King 2000, PASP 112, 1360), so nothing is integrated when it is drawn.
 */
import { ArcletError } from '../../core/errors.ts';
import { StampSampler, splineCoefficients } from './spline.ts';

export interface Epsf {
  /** Nodes along a side, odd; the star is on the middle one. */
  readonly side: number;
  /** Nodes per pixel. */
  readonly oversampling: number;
  /** Cubic B-spline coefficients, side x side, row-major; see spline.ts. */
  readonly coefficients: Float64Array;
  /** The sum over a stamp of this many pixels a side, star in its middle, is 1. */
  readonly stampSize: number;
  /** Estimate of the flux outside that stamp in units of the flux inside; NaN where nothing is known. */
  readonly fluxOutside: number;
}

/**
 * The PSF on a size x size stamp with the star at pixel position (x, y), 0-based centres; unit flux within {@link Epsf.stampSize}.
 *
 * Throws INPUT_INVALID for a size that is not a whole number above 0 or a position that is not finite.
 */
export function sampleEpsf(epsf: Epsf, x: number, y: number, size: number): Float64Array {
  if (!(Number.isInteger(size) && size > 0) || !Number.isFinite(x) || !Number.isFinite(y)) {
    throw new ArcletError('INPUT_INVALID', `A PSF cannot be drawn at (${x}, ${y}) on a stamp of ${size} px.`, {
      subject: 'epsf',
      remedy: 'Give a finite position and a whole stamp size above 0.',
    });
  }
  const out = new Float64Array(size * size);
  new StampSampler(epsf.side, epsf.oversampling).sample(epsf.coefficients, x, y, size, size, out);
  return out;
}

/** The PSF in the middle of a stamp of odd size, divided by its sum: what epsf.npy holds. Also says what the sum was. */
export function epsfStamp(epsf: Epsf, size: number): { stamp: Float64Array; sum: number } {
  const stamp = sampleEpsf(epsf, (size - 1) / 2, (size - 1) / 2, size);
  let sum = 0;
  for (const value of stamp) sum += value;
  for (let k = 0; k < stamp.length; k++) stamp[k] /= sum;
  return { stamp, sum };
}

/** The same PSF on a grid of another oversampling or side: its values at the new nodes, splined again. */
export function regridEpsf(epsf: Epsf, side: number, oversampling: number): Epsf {
  const samples = new Float64Array(side * side);
  const sampler = new StampSampler(epsf.side, epsf.oversampling);
  const span = Math.ceil(side / oversampling);
  const patch = new Float64Array(span * span);
  const middle = (side - 1) / 2;
  for (let b = 0; b < oversampling; b++) {
    for (let a = 0; a < oversampling; a++) {
      // Node (a + os i, b + os j) lies at ((a + os i - middle)/os, ...) pixels from the star: one stamp per sub-pixel phase.
      sampler.sample(epsf.coefficients, (middle - a) / oversampling, (middle - b) / oversampling, span, span, patch);
      for (let j = 0, row = b; row < side; j++, row += oversampling) {
        for (let i = 0, column = a; column < side; i++, column += oversampling)
          samples[row * side + column] = patch[j * span + i];
      }
    }
  }
  return { ...epsf, side, oversampling, coefficients: splineCoefficients(samples, side) };
}
