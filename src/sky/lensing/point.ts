/** Point mass, alpha = theta_E^2 / r, softened by 1e-7 arcsec so that the centre is finite. */
import type { LensParameters } from './parameters.ts';

export function pointDeflection(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const scale = (lens.b * lens.b) / (x * x + y * y + lens.core * lens.core);
  out[0] = scale * x;
  out[1] = scale * y;
}

/** kappa (0 but for the softening), gamma1, gamma2. */
export function pointShear(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const core2 = lens.core * lens.core;
  const r2 = x * x + y * y + core2;
  const mean = (lens.b * lens.b) / r2;
  out[0] = (mean * core2) / r2;
  out[1] = (mean * (y * y - x * x)) / r2;
  out[2] = (-2 * mean * x * y) / r2;
}
