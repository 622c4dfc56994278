/**
 * Lanczos-3 interpolation weights along one axis of a bank stamp.
 */
import type { GaussLegendre } from './quadrature.ts';

/** Taps that a sample of a stamp touches at most, with the pixel integral of 8 samples per native pixel. */
export const MAX_TAPS = 16;
/** Smallest bank step that {@link MAX_TAPS} serves, native px. */
export const MIN_BANK_STEP = 0.125;

/** sinc(x) sinc(x/3) inside |x| < 3, else 0. */
export function lanczos3(x: number): number {
  const distance = Math.abs(x);
  if (distance >= 3) return 0;
  if (distance < 1e-4) return 1;
  const angle = Math.PI * x;
  return (3 * Math.sin(angle) * Math.sin(angle / 3)) / (angle * angle);
}

/**
 * Weights of {@link MAX_TAPS} neighbouring bank samples for a point `position` samples from the stamp's centre, into
 * `weights`; returns the index of the first of them on the axis (may lie outside the stamp: nothing is there).
 *
 * The six taps of each interpolated point are divided by their sum, as Tractor does, so a constant stays constant.
 * With `pixel` the interpolant is averaged over a native pixel, `pixelSamples` samples wide, about the point.
 */
export function lanczosWeights(
  position: number,
  side: number,
  pixel: GaussLegendre | undefined,
  pixelSamples: number,
  weights: Float64Array,
): number {
  weights.fill(0);
  // Even stamps are centred between two samples.
  const fromCentre = position + (side % 2 === 0 ? 0.5 : 0);
  const centre = (side - 1) >> 1;
  const first = Math.floor(pixel === undefined ? fromCentre : fromCentre - pixelSamples / 2) - 2;
  const points = pixel === undefined ? 1 : pixel.nodes.length;
  for (let i = 0; i < points; i++) {
    const point = pixel === undefined ? fromCentre : fromCentre + (pixel.nodes[i] / 2) * pixelSamples;
    const weight = pixel === undefined ? 1 : pixel.weights[i] / 2;
    const lowest = Math.floor(point) - 2;
    let sum = 0;
    for (let tap = 0; tap < 6; tap++) sum += lanczos3(point - (lowest + tap));
    for (let tap = 0; tap < 6; tap++) weights[lowest - first + tap] += (weight * lanczos3(point - (lowest + tap))) / sum;
  }
  return first + centre;
}
