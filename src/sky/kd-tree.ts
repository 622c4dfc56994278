/**
 * Neighbours on the sphere: a k-d tree of unit vectors (Bentley 1975), so that RA 0 and the poles are places like others. It finds the nearest point, or
 * every pair within any radius. Where the only question is whether any point of another label lies within one fixed radius, declination zones are the
 * better tool: they skip runs of the same label, which a tree would have to look at one by one.
 *
 * Separations are exact to the rounding of unit vectors, 1e-10 arcsec.
 */

const RAD = Math.PI / 180;
/** Fewer points are looked at one by one. */
const LEAF = 12;

export interface Neighbour {
  /** Of the point, as the tree was given it. */
  readonly index: number;
  readonly separationDeg: number;
}

export class SkyTree {
  /** Points in the tree: those with a position. */
  readonly size: number;
  /** x, y, z of the points in the order of the tree: the middle of a range parts it along the axis of its node. */
  readonly #xyz: Float64Array;
  readonly #index: Uint32Array;
  readonly #axis: Uint8Array;
  readonly #at = new Float64Array(3);
  #best = 0;
  #found = -1;

  /**
   * Builds the tree in O(n log n); a point takes 29 bytes.
   *
   * @param raDeg any number of turns
   * @param decDeg points whose position is not finite are in no answer
   */
  constructor(raDeg: ArrayLike<number>, decDeg: ArrayLike<number>) {
    let size = 0;
    for (let i = 0; i < raDeg.length; i++) if (Number.isFinite(raDeg[i] + decDeg[i])) size++;
    this.size = size;
    this.#xyz = new Float64Array(3 * size);
    this.#index = new Uint32Array(size);
    this.#axis = new Uint8Array(size);
    for (let i = 0, to = 0; to < size; i++) {
      if (!Number.isFinite(raDeg[i] + decDeg[i])) continue;
      unitVector(raDeg[i], decDeg[i], this.#xyz, 3 * to);
      this.#index[to++] = i;
    }
    this.#build(0, size);
  }

  /** The nearest point within a radius (inclusive); of several equally near ones the first given. Undefined where there is none, or the place is not finite. */
  nearest(raDeg: number, decDeg: number, radiusDeg = 180): Neighbour | undefined {
    if (!this.#aim(raDeg, decDeg, radiusDeg)) return undefined;
    this.#found = -1;
    this.#seek(0, this.size);
    return this.#found < 0 ? undefined : { index: this.#found, separationDeg: separation(this.#best) };
  }

  /** Calls `visit` for every point within a radius (inclusive), in no order that means anything. */
  within(raDeg: number, decDeg: number, radiusDeg: number, visit: (index: number, separationDeg: number) => void): void {
    if (this.#aim(raDeg, decDeg, radiusDeg)) this.#collect(0, this.size, visit);
  }

  #aim(raDeg: number, decDeg: number, radiusDeg: number): boolean {
    if (!Number.isFinite(raDeg + decDeg) || !(radiusDeg >= 0)) return false;
    unitVector(raDeg, decDeg, this.#at, 0);
    // Opposite points are 2 apart, or a rounding more.
    this.#best = radiusDeg >= 180 ? 5 : 4 * Math.sin((radiusDeg * RAD) / 2) ** 2;
    return true;
  }

  /** Squared chord from the place to a point of the tree. */
  #chord2(k: number): number {
    const [xyz, at] = [this.#xyz, this.#at];
    return (xyz[3 * k] - at[0]) ** 2 + (xyz[3 * k + 1] - at[1]) ** 2 + (xyz[3 * k + 2] - at[2]) ** 2;
  }

  #consider(k: number): void {
    const chord2 = this.#chord2(k);
    if (chord2 > this.#best || (chord2 === this.#best && this.#found >= 0 && this.#found < this.#index[k])) return;
    this.#best = chord2;
    this.#found = this.#index[k];
  }

  #seek(from: number, to: number): void {
    if (to - from <= LEAF) {
      for (let k = from; k < to; k++) this.#consider(k);
      return;
    }
    const middle = (from + to) >>> 1;
    const off = this.#offset(middle);
    if (off < 0) this.#seek(from, middle);
    else this.#seek(middle + 1, to);
    this.#consider(middle);
    if (off * off > this.#best) return;
    if (off < 0) this.#seek(middle + 1, to);
    else this.#seek(from, middle);
  }

  #collect(from: number, to: number, visit: (index: number, separationDeg: number) => void): void {
    if (to - from <= LEAF) {
      for (let k = from; k < to; k++) this.#visitNear(k, visit);
      return;
    }
    const middle = (from + to) >>> 1;
    const off = this.#offset(middle);
    const reaches = off * off <= this.#best;
    if (off < 0 || reaches) this.#collect(from, middle, visit);
    if (reaches) this.#visitNear(middle, visit);
    if (off >= 0 || reaches) this.#collect(middle + 1, to, visit);
  }

  #visitNear(k: number, visit: (index: number, separationDeg: number) => void): void {
    const chord2 = this.#chord2(k);
    if (chord2 <= this.#best) visit(this.#index[k], separation(chord2));
  }

  /** Signed distance of the place from the plane of a node. */
  #offset(node: number): number {
    const axis = this.#axis[node];
    return this.#at[axis] - this.#xyz[3 * node + axis];
  }

  #build(from: number, to: number): void {
    if (to - from <= LEAF) return;
    const middle = (from + to) >>> 1;
    const axis = this.#widest(from, to);
    this.#axis[middle] = axis;
    this.#select(from, to - 1, middle, axis);
    this.#build(from, middle);
    this.#build(middle + 1, to);
  }

  /** A field is a thin shell: along the line of sight there is nothing to part. */
  #widest(from: number, to: number): number {
    let [widest, width] = [0, -1];
    for (let axis = 0; axis < 3; axis++) {
      let [least, most] = [2, -2];
      for (let at = 3 * from + axis; at < 3 * to; at += 3) {
        const value = this.#xyz[at];
        if (value < least) least = value;
        if (value > most) most = value;
      }
      if (most - least > width) [widest, width] = [axis, most - least];
    }
    return widest;
  }

  /** Puts the point that belongs at `middle` there, lower ones before it and higher ones after (Hoare's selection). */
  #select(from: number, to: number, middle: number, axis: number): void {
    const xyz = this.#xyz;
    let [low, high] = [from, to];
    while (low < high) {
      const [a, b, c] = [xyz[3 * low + axis], xyz[3 * ((low + high) >>> 1) + axis], xyz[3 * high + axis]];
      const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
      let [i, j] = [low, high];
      while (i <= j) {
        while (xyz[3 * i + axis] < pivot) i++;
        while (xyz[3 * j + axis] > pivot) j--;
        if (i <= j) this.#swap(i++, j--);
      }
      if (middle <= j) high = j;
      else if (middle >= i) low = i;
      else return;
    }
  }

  #swap(i: number, j: number): void {
    const [xyz, index] = [this.#xyz, this.#index];
    for (let axis = 0; axis < 3; axis++) {
      const value = xyz[3 * i + axis];
      xyz[3 * i + axis] = xyz[3 * j + axis];
      xyz[3 * j + axis] = value;
    }
    const own = index[i];
    index[i] = index[j];
    index[j] = own;
  }
}

function unitVector(raDeg: number, decDeg: number, to: Float64Array, at: number): void {
  const [ra, dec] = [(raDeg % 360) * RAD, decDeg * RAD];
  to[at] = Math.cos(dec) * Math.cos(ra);
  to[at + 1] = Math.cos(dec) * Math.sin(ra);
  to[at + 2] = Math.sin(dec);
}

/** Degrees of a squared chord of the unit sphere. */
function separation(chord2: number): number {
  return (2 * Math.asin(Math.min(1, Math.sqrt(chord2) / 2))) / RAD;
}
