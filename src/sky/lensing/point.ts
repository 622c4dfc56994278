/** Point mass, alpha = theta_E^2 / r, softened by 1e-7 arcsec so that the centre is finite. */
import type { LensParameters } from './parameters.ts';

export function pointDeflection(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const scale = (lens.b * lens.b) / (x * x + y * y + lens.core * lens.core);
  out[0] = scale * x;
  out[1] = scale * y;
}

export function pointHessian(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const r2 = x * x + y * y + lens.core * lens.core;
  const mean = (lens.b * lens.b) / r2;
  out[0] = mean * (1 - (2 * x * x) / r2);
  out[1] = (-2 * mean * x * y) / r2;
  out[2] = mean * (1 - (2 * y * y) / r2);
}
