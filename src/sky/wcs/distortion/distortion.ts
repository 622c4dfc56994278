/** What a distortion of two coordinates is, and its inverse by Newton's method. */

export interface Distortion {
  /** (u, v) -> out[0..1]. */
  forward(u: number, v: number, out: Float64Array): void;
  /** The (u, v) with forward(u, v) = (a, b) in out[0..1]; false, and out meaningless, when the search did not converge. */
  inverse(a: number, b: number, out: Float64Array): boolean;
}

/** Value and gradient of both components: out = f, df/du, df/dv, g, dg/du, dg/dv. */
export type GradientMap = (u: number, v: number, out: Float64Array) => void;

const MAX_STEPS = 40;
const work = new Float64Array(6);

/**
 * Newton's method for map(u, v) = (a, b) from (u0, v0); the root is in out[0..1]. A step that makes the residual worse is halved.
 * Converged is a residual within `tolerance` (or within rounding of the values themselves): for SIP that is 1e-9 pixels.
 */
export function newton(
  map: GradientMap,
  a: number,
  b: number,
  u0: number,
  v0: number,
  tolerance: number,
  out: Float64Array,
): boolean {
  const w = work;
  const floor = Math.max(tolerance, 4e-16 * (Math.abs(a) + Math.abs(b)));
  let u = u0;
  let v = v0;
  map(u, v, w);
  let f = w[0] - a;
  let g = w[3] - b;
  let residual = Math.abs(f) + Math.abs(g);
  for (let step = 0; step < MAX_STEPS; step++) {
    if (residual <= floor) {
      out[0] = u;
      out[1] = v;
      return true;
    }
    const det = w[1] * w[5] - w[2] * w[4];
    const du = (f * w[5] - g * w[2]) / det;
    const dv = (g * w[1] - f * w[4]) / det;
    if (!(Number.isFinite(du) && Number.isFinite(dv))) return false;
    let scale = 1;
    for (let halving = 0; ; halving++) {
      map(u - scale * du, v - scale * dv, w);
      f = w[0] - a;
      g = w[3] - b;
      const next = Math.abs(f) + Math.abs(g);
      if (next < residual || next <= floor) {
        residual = next;
        break;
      }
      if (halving === 10) return false;
      scale /= 2;
    }
    u -= scale * du;
    v -= scale * dv;
  }
  return false;
}
