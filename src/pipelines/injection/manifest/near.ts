/** Neighbours on the sphere: declination zones, sorted by right ascension (Gray et al. 2006, "The zones algorithm"). */
const RAD = Math.PI / 180;
/** Thinner zones would not make the search faster, only the table of zones longer. */
const THINNEST_ZONE_DEG = 0.01;

export class SkyZones {
  readonly #ra: Float64Array;
  readonly #dec: Float64Array;
  readonly #labels: Uint8Array | undefined;
  /** Points by zone, within a zone by right ascension. */
  readonly #order: Uint32Array;
  /** Place in the order of the next point with another label. */
  readonly #nextOther: Uint32Array | undefined;
  readonly #start: Uint32Array;
  readonly #radiusDeg: number;
  readonly #zoneDeg: number;

  /**
   * @param raDeg any number of turns; a copy in [0, 360) is kept
   * @param labels with labels, points of one's own label are skipped a run at a time
   */
  constructor(raDeg: ArrayLike<number>, decDeg: Float64Array, radiusDeg: number, labels?: Uint8Array) {
    this.#ra = Float64Array.from(raDeg, (ra) => ((ra % 360) + 360) % 360);
    this.#dec = decDeg;
    this.#labels = labels;
    this.#radiusDeg = radiusDeg;
    this.#zoneDeg = Math.max(radiusDeg, THINNEST_ZONE_DEG);
    const key = Float64Array.from(this.#ra, (ra, index) => this.#zone(decDeg[index]) * 360 + ra);
    this.#order = Uint32Array.from(key, (_, index) => index).sort((a, b) => key[a] - key[b]);
    this.#start = new Uint32Array(this.#zone(90) + 2);
    for (const dec of decDeg) this.#start[this.#zone(dec) + 1]++;
    for (let zone = 1; zone < this.#start.length; zone++) this.#start[zone] += this.#start[zone - 1];
    if (labels === undefined) return;
    this.#nextOther = new Uint32Array(this.#order.length);
    for (let at = this.#order.length - 1; at >= 0; at--) {
      const isSame = at + 1 < this.#order.length && labels[this.#order[at]] === labels[this.#order[at + 1]];
      this.#nextOther[at] = isSame ? this.#nextOther[at + 1] : at + 1;
    }
  }

  #zone(decDeg: number): number {
    return Math.floor((decDeg + 90) / this.#zoneDeg);
  }

  /** First place in a zone whose right ascension is not below `ra`. */
  #lowerBound(from: number, to: number, ra: number): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ra[this.#order[middle]] < ra) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** True where a point (of another label than `ownLabel`) is nearer than the radius. */
  hasNear(raDeg: number, decDeg: number, ownLabel?: number): boolean {
    const radius = this.#radiusDeg;
    const ra = ((raDeg % 360) + 360) % 360;
    const reachesPole = Math.abs(decDeg) + radius >= 90;
    // Where a circle of this radius is widest in right ascension; a little more, against rounding.
    const half = reachesPole
      ? 180
      : (Math.asin(Math.min(1, Math.sin(radius * RAD) / Math.cos(decDeg * RAD))) / RAD) * (1 + 1e-9) + 1e-9;
    const last = Math.min(this.#start.length - 2, this.#zone(Math.min(90, decDeg + radius)));
    for (let zone = this.#zone(Math.max(-90, decDeg - radius)); zone <= last; zone++) {
      const from = this.#start[zone];
      const to = this.#start[zone + 1];
      if (from === to) continue;
      if (half >= 180) {
        if (this.#scan(from, to, 360, raDeg, decDeg, ownLabel)) return true;
        continue;
      }
      if (this.#scan(this.#lowerBound(from, to, ra - half), to, ra + half, ra, decDeg, ownLabel)) return true;
      if (ra - half < 0 && this.#scan(this.#lowerBound(from, to, ra - half + 360), to, 360, ra, decDeg, ownLabel)) return true;
      if (ra + half >= 360 && this.#scan(from, to, ra + half - 360, ra, decDeg, ownLabel)) return true;
    }
    return false;
  }

  #scan(from: number, to: number, lastRa: number, ra: number, dec: number, ownLabel: number | undefined): boolean {
    const limit = Math.sin((this.#radiusDeg * RAD) / 2) ** 2;
    for (let at = from; at < to; ) {
      const point = this.#order[at];
      if (this.#ra[point] > lastRa) return false;
      if (this.#labels !== undefined && this.#nextOther !== undefined && this.#labels[point] === ownLabel) {
        at = this.#nextOther[at];
        continue;
      }
      const sinDec = Math.sin(((this.#dec[point] - dec) * RAD) / 2);
      const sinRa = Math.sin(((this.#ra[point] - ra) * RAD) / 2);
      const haversine = sinDec * sinDec + Math.cos(dec * RAD) * Math.cos(this.#dec[point] * RAD) * sinRa * sinRa;
      if (haversine < limit) return true;
      at++;
    }
    return false;
  }
}
