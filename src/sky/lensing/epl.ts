/**
 * Elliptical power law, kappa = (2-t)/2 (b/R)^t with R = |q x + i y|, in the lens frame.
 *
 * Tessore & Metcalf 2015: alpha = 2/(1+q) (b/R)^t Omega, Omega = sum of terms from z = q x + i y with ratio
 * -F (z/z*) (2n-(2-t))/(2n+(2-t)), F = (1-q)/(1+q). R is softened by 1e-7 arcsec.
 */
import type { LensParameters } from './parameters.ts';

export function eplDeflection(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const { q, slope, core, b } = lens;
  const zx = q * x;
  const radius2 = zx * zx + y * y + core * core;
  const factor = -(1 - q) / (1 + q) / radius2;
  // e^{2 i phi} times -F; the softened modulus lets it go to 0 at the centre.
  const turnX = factor * (zx * zx - y * y);
  const turnY = factor * 2 * zx * y;
  let termX = zx;
  let termY = y;
  let sumX = zx;
  let sumY = y;
  const power = 2 - slope;
  for (let n = 1; n < lens.eplTerms; n++) {
    const ratio = (2 * n - power) / (2 * n + power);
    const nextX = ratio * (termX * turnX - termY * turnY);
    termY = ratio * (termX * turnY + termY * turnX);
    termX = nextX;
    sumX += termX;
    sumY += termY;
  }
  const scale = (2 / (1 + q)) * ((b * b) / radius2) ** (slope / 2);
  out[0] = scale * sumX;
  out[1] = scale * sumY;
}

/** kappa, gamma1, gamma2: the shear follows from the deflection (Tessore & Metcalf 2015, eq. 18). */
export function eplShear(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const { q, slope, core, b } = lens;
  eplDeflection(lens, x, y, out);
  const ax = out[0];
  const ay = out[1];
  const kappa = (1 - slope / 2) * ((b * b) / (q * q * x * x + y * y + core * core)) ** (slope / 2);
  const r2 = x * x + y * y + core * core;
  out[0] = kappa;
  out[1] = ((1 - slope) * (ax * x - ay * y) - kappa * (x * x - y * y)) / r2;
  out[2] = ((1 - slope) * (ay * x + ax * y) - 2 * kappa * x * y) / r2;
}
