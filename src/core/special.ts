/**
 * Special functions in float64: log-gamma, the regularised incomplete gamma and beta functions with their inverses, the error function.
 */
import { ArcletError } from './errors.ts';

/** Lanczos coefficients, g = 607/128, n = 15 (Godfrey 2001): 1e-15 relative for x > 0. */
const LANCZOS = [
  0.9999999999999971, 57.15623566586292, -59.59796035547549, 14.136097974741746, -0.4919138160976202, 0.00003399464998481189,
  0.00004652362892704858, -0.00009837447530487956, 0.0001580887032249125, -0.00021026444172410488, 0.00021743961811521265,
  -0.0001643181065367639, 0.00008441822398385275, -0.000026190838401581408, 0.0000036899182659531625,
];

function domain(name: string, condition: boolean, value: number): void {
  if (!condition) {
    throw new ArcletError('INPUT_INVALID', `${name} is not defined at ${value}.`, { subject: name, data: { value } });
  }
}

/** ln Gamma(x), x > 0. Relative error of Gamma 1e-14 up to x = 100. Throws INPUT_INVALID for x <= 0. */
export function logGamma(x: number): number {
  domain('logGamma', x > 0, x);
  let sum = LANCZOS[0];
  for (let k = 1; k < LANCZOS.length; k++) sum += LANCZOS[k] / (x + k - 1);
  const t = x + 607 / 128 - 0.5;
  return (x - 0.5) * Math.log(t) - t + 0.5 * Math.log(2 * Math.PI) + Math.log(sum);
}

/** Gamma(x), x > 0; overflows above 171. */
export function gamma(x: number): number {
  return Math.exp(logGamma(x));
}

/** P(a, x) by the series of NIST DLMF 8.11.4, for x < a + 1. */
function gammaSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let k = 1; k < 10_000 && Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= x / (a + k);
    sum += term;
  }
  return sum * Math.exp(a * Math.log(x) - x - logGamma(a));
}

/** Q(a, x) by the continued fraction of DLMF 8.9.2 (modified Lentz), for x >= a + 1. */
function gammaFraction(a: number, x: number): number {
  const tiny = 1e-300;
  let b = x + 1 - a;
  let c = 1 / tiny;
  let d = 1 / b;
  let value = d;
  for (let k = 1; k < 10_000; k++) {
    const an = -k * (k - a);
    b += 2;
    d = an * d + b;
    if (Math.abs(d) < tiny) d = tiny;
    c = b + an / c;
    if (Math.abs(c) < tiny) c = tiny;
    d = 1 / d;
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return value * Math.exp(a * Math.log(x) - x - logGamma(a));
}

/** Regularised lower incomplete gamma P(a, x), a > 0, x >= 0. 1e-14 absolute. */
export function gammaP(a: number, x: number): number {
  domain('gammaP', a > 0 && x >= 0, x);
  if (x === 0) return 0;
  if (x === Number.POSITIVE_INFINITY) return 1;
  return x < a + 1 ? gammaSeries(a, x) : 1 - gammaFraction(a, x);
}

/** 1 - P(a, x) without cancellation in the tail. */
export function gammaQ(a: number, x: number): number {
  domain('gammaQ', a > 0 && x >= 0, x);
  if (x === 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  return x < a + 1 ? 1 - gammaSeries(a, x) : gammaFraction(a, x);
}

/** x with P(a, x) = p, 0 <= p < 1: Halley steps on the Wilson-Hilferty start, kept inside a bracket. 1e-13 relative. */
export function gammaPInverse(a: number, p: number): number {
  domain('gammaPInverse', a > 0 && p >= 0 && p < 1, p);
  if (p === 0) return 0;
  let low = 0;
  let high = Math.max(4 * a, 10);
  while (gammaP(a, high) < p) high *= 2;
  const logNorm = logGamma(a);
  const wilsonHilferty = a * (1 - 1 / (9 * a) + normalQuantileStart(p) / (3 * Math.sqrt(a))) ** 3;
  let x =
    wilsonHilferty > 0 && wilsonHilferty < high ? wilsonHilferty : Math.min(high / 2, Math.exp((Math.log(p * a) + logNorm) / a));
  for (let k = 0; k < 100; k++) {
    const excess = gammaP(a, x) - p;
    if (excess > 0) high = x;
    else low = x;
    const density = Math.exp((a - 1) * Math.log(x) - x - logNorm);
    const newton = excess / density;
    const next = x - newton / (1 - 0.5 * Math.min(1, newton * ((a - 1) / x - 1)));
    const safe = next > low && next < high ? next : 0.5 * (low + high);
    if (Math.abs(safe - x) <= 4e-16 * safe) return safe;
    x = safe;
  }
  return x;
}

/** Rough normal quantile (Abramowitz & Stegun 26.2.23, 4.5e-4): a starting value only. */
function normalQuantileStart(p: number): number {
  const t = Math.sqrt(-2 * Math.log(Math.min(p, 1 - p)));
  const z = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
  return p < 0.5 ? -z : z;
}

/** erf(x) = sign(x) P(1/2, x^2). 1e-15 absolute. */
export function erf(x: number): number {
  return x < 0 ? -gammaP(0.5, x * x) : gammaP(0.5, x * x);
}

/** 1 - erf(x), relative accuracy kept in the upper tail. */
export function erfc(x: number): number {
  return x < 0 ? 1 + gammaP(0.5, x * x) : gammaQ(0.5, x * x);
}

/** ln B(a, b), a, b > 0. */
export function logBeta(a: number, b: number): number {
  return logGamma(a) + logGamma(b) - logGamma(a + b);
}

/** The continued fraction of DLMF 8.17.22 (modified Lentz), quick for x < (a + 1) / (a + b + 2): about sqrt(max(a, b)) steps. */
function betaFraction(a: number, b: number, x: number): number {
  const tiny = 1e-300;
  const away = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / away(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 1_000_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 4e-16) break;
  }
  return value;
}

/**
 * Regularised incomplete beta I_x(a, b), a, b > 0, 0 <= x <= 1 (DLMF 8.17.2). 2e-12 relative up to a + b = 1e3, 1e-11 up to 1e4; the
 * logarithms of the gamma functions lose digits in proportion to a + b.
 */
export function betaI(a: number, b: number, x: number): number {
  domain('betaI', a > 0 && b > 0 && x >= 0 && x <= 1, x);
  if (x === 0 || x === 1) return x;
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(a, b, x)) / a : 1 - (front * betaFraction(b, a, 1 - x)) / b;
}

/** x with I_x(a, b) = p, 0 <= p <= 1: Newton steps kept inside a bracket that starts as [0, 1]. 1e-12 relative for a + b up to 1e4. */
export function betaIInverse(a: number, b: number, p: number): number {
  domain('betaIInverse', a > 0 && b > 0 && p >= 0 && p <= 1, p);
  if (p === 0 || p === 1) return p;
  let [low, high] = [0, 1];
  const logNorm = logBeta(a, b);
  let x = a / (a + b);
  for (let k = 0; k < 200; k++) {
    const excess = betaI(a, b, x) - p;
    if (excess > 0) high = x;
    else low = x;
    const next = x - excess / Math.exp((a - 1) * Math.log(x) + (b - 1) * Math.log1p(-x) - logNorm);
    // Geometric halving finds quantiles that are many decades below the mean.
    const halved = high > 4 * low ? Math.sqrt(high * Math.max(low, 1e-16 * high)) : 0.5 * (low + high);
    const safe = next > low && next < high ? next : halved;
    if (Math.abs(safe - x) <= 4e-16 * safe) return safe;
    x = safe;
  }
  return x;
}
