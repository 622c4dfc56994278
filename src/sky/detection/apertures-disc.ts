/**
 * Exact overlap of a disc with pixels. The area of the unit disc to the right of u and above v is u v + h(u) + h(v) where (u, v) lies in the disc, with
 * h(t) = pi/8 - (asin t + t sqrt(1 - t^2)) / 2: one function of each line of the pixel grid, not of each corner. Elsewhere it is made of the parts that
 * single lines cut off. A pixel is the difference of its four corners.
 */

const EIGHTH = Math.PI / 8;
const QUARTER = Math.PI / 4;

function lineTerm(t: number): number {
  return EIGHTH - 0.5 * (Math.asin(t) + t * Math.sqrt(1 - t * t));
}

/** Area to the right of u and above v; hu and hv are their h. */
function areaBeyond(u: number, v: number, hu: number, hv: number): number {
  if (u * u + v * v < 1) return u * v + hu + hv;
  if (u >= 0) return v >= 0 ? 0 : 2 * hu + QUARTER;
  return v >= 0 ? 2 * hv + QUARTER : 2 * (hu + hv) - 2 * QUARTER;
}

/** Areas are good to 4e-16 radius^2; discs that are larger than this, in pixels, are left to others. */
export const LARGEST_DISC = 1000;

/** One disc over the pixel grid; pixel i covers i - 0.5 to i + 0.5. */
export class DiscOverlap {
  /** Of the line left of pixel i: its place in radii from the middle, cut to -1 .. 1, and its h. */
  readonly #u: Float64Array;
  readonly #hu: Float64Array;
  #y = 0;
  #scale = 1;
  #area = 1;
  /** The row asked for last; the places of its lower and upper side as for columns, and their h. */
  #row = Number.NaN;
  #low = 0;
  #lowTerm = 0;
  #high = 0;
  #highTerm = 0;

  /** @param width pixels of a row of the image */
  constructor(width: number) {
    this.#u = new Float64Array(width + 1);
    this.#hu = new Float64Array(width + 1);
  }

  /** The disc of this radius about (x, y), all in pixels; it will be asked for columns [first, end). */
  set(x: number, y: number, radius: number, first: number, end: number): void {
    const scale = radius > 0 ? 1 / radius : 0;
    this.#y = y;
    this.#scale = scale;
    this.#area = radius * radius;
    this.#row = Number.NaN;
    const us = this.#u;
    const hs = this.#hu;
    for (let line = first; line <= end; line++) {
      const u = Math.min(1, Math.max(-1, (line - 0.5 - x) * scale));
      us[line] = u;
      hs[line] = lineTerm(u);
    }
  }

  /** Covered part of pixels [from, to) of row `iy`, at their x in `weights`. */
  fill(iy: number, from: number, to: number, weights: Float64Array): void {
    if (this.#row !== iy) this.#turnTo(iy);
    const low = this.#low;
    const lowTerm = this.#lowTerm;
    const high = this.#high;
    const highTerm = this.#highTerm;
    const us = this.#u;
    const hs = this.#hu;
    const area = this.#area;
    let left = areaBeyond(us[from], low, hs[from], lowTerm) - areaBeyond(us[from], high, hs[from], highTerm);
    for (let x = from; x < to; x++) {
      const u = us[x + 1];
      const h = hs[x + 1];
      const right = areaBeyond(u, low, h, lowTerm) - areaBeyond(u, high, h, highTerm);
      const part = (left - right) * area;
      weights[x] = part > 1 ? 1 : part < 0 ? 0 : part;
      left = right;
    }
  }
  #turnTo(iy: number): void {
    if (this.#row === iy - 1) {
      this.#low = this.#high;
      this.#lowTerm = this.#highTerm;
    } else {
      this.#low = this.#place(iy - 0.5);
      this.#lowTerm = lineTerm(this.#low);
    }
    this.#high = this.#place(iy + 0.5);
    this.#highTerm = lineTerm(this.#high);
    this.#row = iy;
  }

  #place(y: number): number {
    return Math.min(1, Math.max(-1, (y - this.#y) * this.#scale));
  }
}
