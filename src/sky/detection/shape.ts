/**
 * Shapes of detected objects from their isophotal moments.
 *
 * E. Bertin and S. Arnouts, "SExtractor: Software for source extraction", A&AS 117, 393 (1996), and the SExtractor manual, sections on
 * positions and basic shape parameters; column names as in SEP (K. Barbary, JOSS 1, 58, 2016).
 */
import type { ObjectPixels, ObjectShape } from './extract-buffers.ts';
import { roomy } from './extract-buffers.ts';

/** Flag: object was split from a neighbour. */
export const FLAG_MERGED = 1;
/** Flag: object touches the border of the image. */
export const FLAG_TRUNCATED = 2;
/** Flag: the moments are those of a line or a point; 1/12 (the second moment of a pixel) was added to x2 and y2. */
export const FLAG_SINGULAR = 8;

/** Determinants of second moments below (1/12)^2 belong to lines and points. */
const SINGULAR_DETERMINANT = 0.00694;
const PIXEL_MOMENT = 1 / 12;

/** Which pixels to measure, and how. */
export interface MeasureOptions {
  /** Indices into the pixels; every pixel without it. */
  readonly members?: Int32Array;
  /** Threshold of the object in units of the image. */
  readonly thresh: number;
  /** Electrons per unit of the image; 0: no Poisson noise in the errors of moments. */
  readonly gain: number;
  /** Centre to take moments about, instead of the barycentre: that of the core for split objects. */
  readonly centre?: { readonly x: number; readonly y: number };
}

/**
 * Every column of one object. Moments are weighted by filtered values, fluxes are sums over the pixels above the threshold, peaks are the
 * first of equals.
 */
export function measureShape(pixels: ObjectPixels, options: MeasureOptions): ObjectShape {
  const { members, thresh, gain, centre } = options;
  const { x, y, value, filtered } = pixels;
  const npix = members === undefined ? pixels.count : members.length;
  const at = (i: number) => (members === undefined ? i : members[i]);

  let flux = 0;
  let cflux = 0;
  let peakAt = at(0);
  let cpeakAt = peakAt;
  let xmin = x[peakAt];
  let xmax = xmin;
  let ymin = y[peakAt];
  let ymax = ymin;
  for (let i = 0; i < npix; i++) {
    const p = at(i);
    flux += value[p];
    cflux += filtered[p];
    if (value[p] > value[peakAt]) peakAt = p;
    if (filtered[p] > filtered[cpeakAt]) cpeakAt = p;
    if (x[p] < xmin) xmin = x[p];
    else if (x[p] > xmax) xmax = x[p];
    if (y[p] < ymin) ymin = y[p];
    else if (y[p] > ymax) ymax = y[p];
  }
  const peak = value[peakAt];
  const half = (thresh + peak) / 2;

  // Offsets from the corner of the box keep the digits of the moments.
  let sx = 0;
  let sy = 0;
  let sxx = 0;
  let syy = 0;
  let sxy = 0;
  let tnpix = 0;
  let halfArea = 0;
  for (let i = 0; i < npix; i++) {
    const p = at(i);
    const weight = filtered[p];
    const dx = x[p] - xmin;
    const dy = y[p] - ymin;
    sx += weight * dx;
    sy += weight * dy;
    sxx += weight * dx * dx;
    syy += weight * dy * dy;
    sxy += weight * dx * dy;
    if (value[p] > thresh) tnpix++;
    if (value[p] > half) halfArea++;
  }
  // A matched filter can detect pixels whose plainly filtered sum is not positive: they have no barycentre, the middle of the box stands in.
  const weighed = cflux > 0;
  const mx = weighed ? sx / cflux : (xmax - xmin) / 2;
  const my = weighed ? sy / cflux : (ymax - ymin) / 2;
  const cx = centre === undefined ? mx : centre.x - xmin;
  const cy = centre === undefined ? my : centre.y - ymin;
  let x2 = weighed ? sxx / cflux - 2 * cx * mx + cx * cx : 0;
  let y2 = weighed ? syy / cflux - 2 * cy * my + cy * cy : 0;
  let xy = weighed ? sxy / cflux - cx * my - cy * mx + cx * cy : 0;

  let errx2 = 0;
  let erry2 = 0;
  let errxy = 0;
  let noise = 0;
  if (pixels.hasVariance && weighed) {
    for (let i = 0; i < npix; i++) {
      const p = at(i);
      let variance = pixels.variance[p];
      if (gain > 0 && filtered[p] > 0) variance += filtered[p] / gain;
      const dx = x[p] - xmin - cx;
      const dy = y[p] - ymin - cy;
      noise += variance;
      errx2 += variance * dx * dx;
      erry2 += variance * dy * dy;
      errxy += variance * dx * dy;
    }
    const scale = 1 / (cflux * cflux);
    noise *= PIXEL_MOMENT * scale;
    errx2 *= scale;
    erry2 *= scale;
    errxy *= scale;
  }

  let flag = 0;
  let determinant = x2 * y2 - xy * xy;
  // Weights below zero far from the centre can turn moments negative: those are singular as well.
  if (!(determinant >= SINGULAR_DETERMINANT && x2 > 0)) {
    flag |= FLAG_SINGULAR;
    if (!(x2 >= 0 && y2 >= 0 && determinant >= -SINGULAR_DETERMINANT)) {
      x2 = 0;
      y2 = 0;
      xy = 0;
    }
    x2 += PIXEL_MOMENT;
    y2 += PIXEL_MOMENT;
    determinant = x2 * y2 - xy * xy;
    if (errx2 * erry2 - errxy * errxy < noise * noise) {
      errx2 += noise;
      erry2 += noise;
    }
  }
  const difference = x2 - y2;
  const theta = difference !== 0 || xy !== 0 ? Math.atan2(2 * xy, difference) / 2 : Math.PI / 4;
  const middle = (x2 + y2) / 2;
  const spread = Math.sqrt((difference * difference) / 4 + xy * xy);
  const a = Math.sqrt(middle + spread);
  const b = Math.sqrt(determinant) / a;

  // A Gaussian of this a and b has area 2 pi a b ln(peak ratio) between its half height and the threshold.
  const area = halfArea - tnpix;
  const abcor = Math.min(1, (area < 0 ? area : -1) / (2 * Math.PI * Math.log(Math.min(thresh / half, 0.99)) * a * b));

  return {
    npix,
    tnpix,
    xmin,
    xmax,
    ymin,
    ymax,
    xcpeak: x[cpeakAt],
    ycpeak: y[cpeakAt],
    xpeak: x[peakAt],
    ypeak: y[peakAt],
    flag,
    thresh,
    x: cx + xmin,
    y: cy + ymin,
    x2,
    y2,
    xy,
    errx2,
    erry2,
    errxy,
    a,
    b,
    theta,
    cxx: y2 / determinant,
    cyy: x2 / determinant,
    cxy: (-2 * xy) / determinant,
    cflux,
    flux,
    cpeak: filtered[cpeakAt],
    peak,
    abcor,
    mthresh: 0,
  };
}

/**
 * The height above the threshold that about `rank` pixels of an object reach, as SEP finds it.
 *
 * SEP keeps the highest `rank` pixels in a heap (lowest first) as it goes through the object, but passes over one pixel when the heap
 * is full, and after an exchange goes on mending at the node behind the one that changed. So what it ends with is often higher than
 * the pixel of that rank: with a matched filter by far, where pixels below the plain threshold are detected too. The exact pixel would
 * clean away isolated stars that SEP keeps; the number is therefore made as SEP makes it (measured: the same for every rank from 5 to 36).
 */
export class HeightOfLargest {
  #heap = new Float64Array(0);

  /** Filtered value less threshold; 0 with fewer pixels than `rank`. */
  of(pixels: ObjectPixels, rank: number, thresh: number, members?: Int32Array): number {
    const count = members === undefined ? pixels.count : members.length;
    if (count < rank) return 0;
    this.#heap = roomy(this.#heap, rank);
    const heap = this.#heap;
    const height = (i: number) => {
      const p = members === undefined ? i : members[i];
      return pixels.filtered[p] - (pixels.hasThresholds && pixels.threshold[p] < Infinity ? pixels.threshold[p] : thresh);
    };
    for (let i = 0; i < rank; i++) heap[i] = height(i);
    if (count > rank) heap.subarray(0, rank).sort();
    for (let i = rank + 1; i < count; i++) {
      const value = height(i);
      if (!(value > heap[0])) continue;
      heap[0] = value;
      let node = 0;
      for (let right = 2; right <= rank; right = 2 * node + 2) {
        const child = right < rank && heap[right] < heap[right - 1] ? right : right - 1;
        if (heap[node] <= heap[child]) break;
        const lower = heap[child];
        heap[child] = heap[node];
        heap[node] = lower;
        node = child + 1;
        if (node >= rank) break;
      }
    }
    return heap[0];
  }
}
