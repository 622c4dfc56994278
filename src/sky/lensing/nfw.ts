/**
 * Round NFW halo (Bartelmann 1996; Wright & Brainerd 2000), X = r/rs.
 *
 * With w = (1-X)/(1+X) and T(w) = artanh(sqrt w)/sqrt w (arctan for w < 0), h = 2 T/(1+X), the mean convergence is 4 kappa_s (ln(X/2) + h)/X^2
 * and kappa = 2 kappa_s (1-h)/(X^2-1). Both differences vanish somewhere (X -> 0, X = 1), where series replace them.
 */
import type { LensParameters } from './parameters.ts';

/** ln(X/2) + h = sum over k >= 1 of X^(2k) (a_k ln(2/X) - c_k), from arccosh(1/X)/sqrt(1-X^2). */
function smallRadiusCoefficients(terms: number): { log: number[]; constant: number[] } {
  const a = [1];
  for (let k = 1; k <= terms; k++) a.push((a[k - 1] * (2 * k - 1)) / (2 * k));
  const log: number[] = [];
  const constant: number[] = [];
  for (let k = 1; k <= terms; k++) {
    let c = 0;
    for (let j = 1; j <= k; j++) c += (a[j] / (2 * j)) * a[k - j];
    log.push(a[k]);
    constant.push(c);
  }
  return { log, constant };
}

/** Coefficients of X^2, X^4 ... of ln(X/2) + h, for the WGSL twin too. */
export const NFW_SMALL_RADIUS = smallRadiusCoefficients(12);
const SMALL_X = 0.2;
const NEAR_ONE = 0.03;

function h(x: number): number {
  const w = (1 - x) / (1 + x);
  const root = Math.sqrt(Math.abs(w));
  if (root < 1e-4) return (2 / (1 + x)) * (1 + w / 3);
  return ((2 / (1 + x)) * (w > 0 ? Math.atanh(root) : Math.atan(root))) / root;
}

/** Mean convergence within X, in units of kappa_s: 4 (ln(X/2) + h) / X^2. */
export function nfwMeanConvergence(x: number): number {
  if (x >= SMALL_X) return (4 * (Math.log(x / 2) + h(x))) / (x * x);
  const x2 = x * x;
  const logarithm = Math.log(2 / x);
  let sum = 0;
  for (let k = NFW_SMALL_RADIUS.log.length - 1; k >= 0; k--) {
    sum = sum * x2 + (NFW_SMALL_RADIUS.log[k] * logarithm - NFW_SMALL_RADIUS.constant[k]);
  }
  return 4 * sum;
}

/** Convergence at X, in units of kappa_s: 2 (1-h)/(X^2-1), 2/3 at X = 1. */
export function nfwConvergence(x: number): number {
  const w = (1 - x) / (1 + x);
  if (Math.abs(w) > NEAR_ONE) return (2 * (1 - h(x))) / (x * x - 1);
  let sum = 0;
  for (let k = 10; k >= 1; k--) sum = sum * w + (4 * k) / (4 * k * k - 1);
  return (2 * sum) / ((1 + x) * (1 + x));
}

export function nfwDeflection(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const radius = Math.sqrt(x * x + y * y + lens.core * lens.core) / lens.rs;
  const mean = lens.kappaS * nfwMeanConvergence(radius);
  out[0] = mean * x;
  out[1] = mean * y;
}

/** kappa, gamma1, gamma2. */
export function nfwShear(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const r2 = x * x + y * y + lens.core * lens.core;
  const radius = Math.sqrt(r2) / lens.rs;
  const kappa = lens.kappaS * nfwConvergence(radius);
  const excess = (kappa - lens.kappaS * nfwMeanConvergence(radius)) / r2;
  out[0] = kappa;
  out[1] = excess * (x * x - y * y);
  out[2] = 2 * excess * x * y;
}
