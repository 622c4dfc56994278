/** One root of a function on a bracket, for the projections that have no closed inverse. */

/**
 * The x in [low, high] where f(x) = 0, f(low) and f(high) of opposite sign (or one of them zero): regula falsi in Illinois form with a
 * bisection every third step, so that it ends in at most 200 steps whatever f is. NaN when the bracket holds no sign change.
 */
export function solveBracketed(f: (x: number) => number, low: number, high: number): number {
  let a = low;
  let b = high;
  let fa = f(a);
  let fb = f(b);
  if (fa === 0) return a;
  if (fb === 0) return b;
  if (!(fa * fb < 0)) return Number.NaN;
  for (let step = 1; step <= 200; step++) {
    let x = step % 3 === 0 ? (a + b) / 2 : a - (fa * (b - a)) / (fb - fa);
    if (!(x > Math.min(a, b) && x < Math.max(a, b))) x = (a + b) / 2;
    const fx = f(x);
    if (fx === 0 || x === a || x === b) return x;
    if (fx * fb < 0) {
      a = b;
      fa = fb;
    } else {
      fa /= 2;
    }
    b = x;
    fb = fx;
    if (Math.abs(b - a) <= 2e-16 * Math.abs(b)) return b;
  }
  return b;
}
