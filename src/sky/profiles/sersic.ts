/**
 * Sersic light profile, I(R) = I_e exp(-b_n ((R/R_e)^(1/n) - 1)), R the elliptical radius along the major axis.
 *
 * Ciotti & Bertin 1999; Graham & Driver 2005. R_e here is the semi-major half-light radius; `circularised` radii are sqrt(q) times it.
 */
import { ArcletError } from '../../core/errors.ts';
import { gammaP, gammaPInverse, logGamma } from '../../core/special.ts';
import { type BnConvention, type HalfLightConvention, toMajorHalfLight } from '../conventions.ts';

/** Half-light coefficients are computed for 0.3 <= n <= 8, where every user of the profile stays. */
function checkIndex(n: number): void {
  if (!(n >= 0.3 && n <= 8)) {
    throw new ArcletError('INPUT_INVALID', `Sersic index ${n} is outside 0.3..8.`, {
      subject: 'n',
      remedy: 'Give a Sersic index within 0.3..8.',
    });
  }
}

/**
 * b_n for Sersic index n in 0.3..8. `exact`: P(2n, b) = 1/2 to 1e-13, so R_e holds half the light. `ciotti_short`: 2n - 1/3 + 0.009876/n (DHS).
 * `lenstronomy`: 1.9992 n - 0.3271. The approximations put up to 1 % of the light (n = 1/2) on the wrong side of R_e.
 * Throws INPUT_INVALID for n out of range.
 */
export function bn(n: number, convention: BnConvention = 'exact'): number {
  checkIndex(n);
  switch (convention) {
    case 'exact':
      return gammaPInverse(2 * n, 0.5);
    case 'ciotti_short':
      return 2 * n - 1 / 3 + 0.009876 / n;
    case 'lenstronomy':
      return 1.9992 * n - 0.3271;
  }
}

/** A Sersic ellipse of unit total (infinite) flux, ready to be evaluated. */
export interface SersicScale {
  /** b_n in the convention asked for. */
  readonly bn: number;
  /** Semi-major R_e, unit of the radius given. */
  readonly majorRadius: number;
  /** Surface brightness at R_e, flux per unit area. */
  readonly effectiveBrightness: number;
  /** Surface brightness at the centre: I_e e^b. */
  readonly centralBrightness: number;
}

/**
 * I_e and I_0 for unit total flux. F = 2 pi q R^2 n e^b Gamma(2n) b^(-2n) I_e holds for whatever b is used, so the total is 1 with every
 * convention of b_n.
 * @param radius half-light radius in the sense of `halfLight`, > 0
 * @param q axis ratio minor/major, in (0, 1]
 */
export function sersicScale(
  n: number,
  radius: number,
  q: number,
  halfLight: HalfLightConvention = 'major',
  bnConvention: BnConvention = 'exact',
): SersicScale {
  const b = bn(n, bnConvention);
  if (!(radius > 0) || !(q > 0 && q <= 1)) {
    throw new ArcletError('INPUT_INVALID', `A Sersic profile with radius ${radius} and axis ratio ${q} has no area.`, {
      subject: radius > 0 ? 'q' : 'radius',
      remedy: 'Give a positive radius and an axis ratio in (0, 1].',
    });
  }
  const majorRadius = toMajorHalfLight(radius, q, halfLight);
  const area = 2 * Math.PI * q * majorRadius * majorRadius * n;
  const centralBrightness = Math.exp(2 * n * Math.log(b) - logGamma(2 * n)) / area;
  return { bn: b, majorRadius, effectiveBrightness: centralBrightness * Math.exp(-b), centralBrightness };
}

/** Shape exp(-b (R/R_e)^(1/n)), 1 at the centre, from R2 = (R/R_e)^2 >= 0. */
export function sersicProfile(radius2: number, b: number, inverseN: number): number {
  if (inverseN === 1) return Math.exp(-b * Math.sqrt(radius2));
  if (inverseN === 2) return Math.exp(-b * radius2);
  if (radius2 === 0) return 1;
  return Math.exp(-b * Math.exp(0.5 * inverseN * Math.log(radius2)));
}

/** Fraction of the total flux within the ellipse R/R_e = `radius`: P(2n, b radius^(1/n)). */
export function sersicFluxWithin(radius: number, n: number, bnConvention: BnConvention = 'exact'): number {
  return gammaP(2 * n, bn(n, bnConvention) * radius ** (1 / n));
}

/** R/R_e of the ellipse that holds `fraction` of the total flux, 0 <= fraction < 1. */
export function sersicRadiusOfFraction(fraction: number, n: number, bnConvention: BnConvention = 'exact'): number {
  const b = bn(n, bnConvention);
  return (gammaPInverse(2 * n, fraction) / b) ** n;
}
