/**
 * Isothermal ellipsoids with a core: SIE (core 1e-11 arcsec), NIE and SIS, in the lens frame (major axis along x, centre at the origin).
 *
 * Kormann, Schneider & Bartelmann 1994; Keeton & Kochanek 1998. psi = sqrt(q^2 (x^2 + s^2) + y^2), kappa = b / (2 psi). With
 * D = (psi + s)^2 + f^2 x^2 = ((psi + q^2 s)^2 - f^2 y^2) / q^2 the shear (y^2 - x^2 - f^2 s^2, -2 x y) kappa / D has no 1/f.
 */
import type { LensParameters } from './parameters.ts';

/** Deflection of an SIE or NIE, arcsec. */
export function isothermalDeflection(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const { q, f, core, b } = lens;
  const q2 = q * q;
  const psi = Math.sqrt(q2 * (x * x + core * core) + y * y);
  const z = (f * y) / (psi + q2 * core);
  const z2 = z * z;
  // atanh: the log form is relative-accurate only away from 0; Math.atanh is twice as slow as either branch.
  const atanh =
    z2 < 1e-3
      ? z * (1 + z2 * (1 / 3 + z2 * (1 / 5 + z2 * (1 / 7 + z2 * (1 / 9 + z2 * (1 / 11))))))
      : 0.5 * Math.log((1 + z) / (1 - z));
  const scale = b / f;
  out[0] = scale * Math.atan((f * x) / (psi + core));
  out[1] = scale * atanh;
}

/** kappa, gamma1, gamma2 of an SIE, NIE or SIS. */
export function isothermalShear(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const { q, f, core, b } = lens;
  const psi = Math.sqrt(q * q * (x * x + core * core) + y * y);
  const d = (psi + core) * (psi + core) + f * f * x * x;
  const kappa = b / (2 * psi);
  out[0] = kappa;
  out[1] = (kappa * (y * y - x * x - f * f * core * core)) / d;
  out[2] = (-2 * kappa * x * y) / d;
}

/** Deflection of a SIS, arcsec: the round limit, without transcendental functions. */
export function sisDeflection(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const { core, b } = lens;
  const scale = b / (Math.sqrt(x * x + y * y + core * core) + core);
  out[0] = scale * x;
  out[1] = scale * y;
}
