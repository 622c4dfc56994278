/** How much of each pixel an ellipse covers, row by row: exactly, or by counting points of a grid within the pixel. */
import { ArcletError } from '../../core/errors.ts';
import { DiscOverlap, LARGEST_DISC } from './apertures-disc.ts';

/**
 * Area of the unit disc within the triangle of the origin, (ax, ay) and (bx, by), with the sign of the turn from a to b. Summed along the border
 * of a polygon it gives the area that polygon and disc share.
 */
function triangleInDisc(ax: number, ay: number, bx: number, by: number): number {
  const dx = bx - ax;
  const dy = by - ay;
  const dd = dx * dx + dy * dy;
  const ad = ax * dx + ay * dy;
  const aa = ax * ax + ay * ay;
  if (aa <= 1 && bx * bx + by * by <= 1) return 0.5 * (ax * by - ay * bx);
  // The line a + t d meets the circle where dd t^2 + 2 ad t + (aa - 1) = 0.
  const discriminant = ad * ad - dd * (aa - 1);
  if (discriminant <= 0 || dd === 0) return sector(ax, ay, bx, by);
  const root = Math.sqrt(discriminant);
  const enter = (-ad - root) / dd;
  const leave = (-ad + root) / dd;
  if (leave <= 0 || enter >= 1) return sector(ax, ay, bx, by);
  let area = 0;
  let fromX = ax;
  let fromY = ay;
  let toX = bx;
  let toY = by;
  if (enter > 0) {
    fromX = ax + enter * dx;
    fromY = ay + enter * dy;
    area += sector(ax, ay, fromX, fromY);
  }
  if (leave < 1) {
    toX = ax + leave * dx;
    toY = ay + leave * dy;
    area += sector(toX, toY, bx, by);
  }
  return area + 0.5 * (fromX * toY - fromY * toX);
}

/** Area of the sector of the unit disc between the directions of a and b. */
function sector(ax: number, ay: number, bx: number, by: number): number {
  const cross = ax * by - ay * bx;
  const dot = ax * bx + ay * by;
  if (!(Math.abs(cross) < 0.2 * dot)) return 0.5 * Math.atan2(cross, dot);
  // Sides of pixels are seen at small angles: the series of the arctangent, whose next term is below 2e-13, is three times as fast.
  const t = cross / dot;
  const tt = t * t;
  return 0.5 * t * (1 - tt * (1 / 3 - tt * (1 / 5 - tt * (1 / 7 - tt * (1 / 9 - tt * (1 / 11 - tt * (1 / 13 - tt / 15)))))));
}

/** One ellipse over the pixel grid; pixel i covers i - 0.5 to i + 0.5. Set it, then ask for rows from the lowest one up. */
export class EllipseOverlap {
  /** Borders of the ellipse, in pixels; of no extent when `radius` is 0. */
  left = 0;
  right = 0;
  bottom = 0;
  top = 0;
  /** Of the row asked for last: pixels [first, end) are touched, of these [full, fullEnd) covered; the others are in `weights`. */
  first = 0;
  full = 0;
  fullEnd = 0;
  end = 0;
  /** Covered part of the pixels on the border, at their x. */
  readonly weights: Float64Array;
  readonly #width: number;
  readonly #subpix: number;
  readonly #disc: DiscOverlap;
  #usesDisc = false;
  #x = 0;
  #y = 0;
  #cxx = 1;
  #cyy = 1;
  #cxy = 0;
  #radius = 0;
  #isCircle = true;
  /** dx of the middle of a chord per dy. */
  #slant = 0;
  /** Half the height; half the width of the chord at dy = 0; height of the leftmost point over the middle. */
  #tall = 0;
  #wide = 0;
  #leftmost = 0;
  /** Ends of the chord along the upper side of the last row, and that side: the lower side of the next one. */
  #chordY = Number.NaN;
  #chordLeft = 0;
  #chordRight = 0;

  /**
   * @param width pixels of a row of the image
   * @param subpix points along each side of a pixel on the border; 0 for the exact area
   * @throws INPUT_INVALID when `subpix` is no whole number of 0 or more
   */
  constructor(width: number, subpix: number) {
    if (!Number.isInteger(subpix) || subpix < 0) {
      throw new ArcletError('INPUT_INVALID', `Pixels on the border cannot be sampled at ${subpix} points along each side.`, {
        subject: 'subpix',
        remedy: 'Give a whole number of points, or 0 for the exact overlap.',
      });
    }
    this.#width = width;
    this.#subpix = subpix;
    this.#disc = new DiscOverlap(width);
    this.weights = new Float64Array(width);
  }

  /** The points with cxx dx^2 + cyy dy^2 + cxy dx dy < radius^2 around (x, y). */
  set(x: number, y: number, cxx: number, cyy: number, cxy: number, radius: number): void {
    this.#x = x;
    this.#y = y;
    this.#cxx = cxx;
    this.#cyy = cyy;
    this.#cxy = cxy;
    this.#radius = radius;
    this.#isCircle = cxx === 1 && cyy === 1 && cxy === 0;
    this.#slant = (-0.5 * cxy) / cxx;
    this.#tall = radius / Math.sqrt(cyy - (0.25 * cxy * cxy) / cxx);
    this.#wide = radius / Math.sqrt(cxx);
    const reach = radius / Math.sqrt(cxx - (0.25 * cxy * cxy) / cyy);
    this.#leftmost = (0.5 * cxy * reach) / cyy;
    this.#chordY = Number.NaN;
    this.left = x - reach;
    this.right = x + reach;
    this.bottom = y - this.#tall;
    this.top = y + this.#tall;
    this.#usesDisc = this.#isCircle && this.#subpix === 0 && radius <= LARGEST_DISC && this.isFinite;
    if (this.#usesDisc) {
      const first = Math.min(this.#width, Math.max(0, Math.floor(this.left + 0.5)));
      this.#disc.set(x, y, radius, first, Math.max(first, Math.min(this.#width, Math.floor(this.right + 0.5) + 1)));
    }
  }

  /** False when position, shape or size were no numbers. */
  get isFinite(): boolean {
    return Number.isFinite(this.left + this.right + this.bottom + this.top);
  }

  /** True when some of the ellipse lies outside the image. */
  crosses(image: { readonly width: number; readonly height: number }): boolean {
    return this.left < -0.5 || this.bottom < -0.5 || this.right > image.width - 0.5 || this.top > image.height - 0.5;
  }

  /** Finds the pixels of row `iy` that the ellipse touches and covers, and how much of those on its border. */
  row(iy: number): void {
    const low = iy - 0.5 - this.#y;
    const high = iy + 0.5 - this.#y;
    if (!(low < this.#tall && high > -this.#tall)) {
      this.first = this.full = this.fullEnd = this.end = 0;
      return;
    }
    if (this.#chordY !== low) this.#chord(low);
    const lowLeft = this.#chordLeft;
    const lowRight = this.#chordRight;
    this.#chord(high);
    const highLeft = this.#chordLeft;
    const highRight = this.#chordRight;
    let least = lowLeft < highLeft ? lowLeft : highLeft;
    let most = lowRight > highRight ? lowRight : highRight;
    if (this.#leftmost > low && this.#leftmost < high) least = this.left;
    if (-this.#leftmost > low && -this.#leftmost < high) most = this.right;
    const first = Math.min(this.#width, Math.max(0, Math.floor(least + 0.5)));
    const end = Math.max(first, Math.min(this.#width, Math.floor(most + 0.5) + 1));
    // A pixel is covered when its four corners are: the ellipse is convex.
    let full = end;
    let fullEnd = end;
    if (lowLeft < lowRight && highLeft < highRight) {
      full = Math.min(end, Math.max(first, Math.ceil((lowLeft > highLeft ? lowLeft : highLeft) + 0.5)));
      fullEnd = Math.min(end, Math.max(full, Math.floor((lowRight < highRight ? lowRight : highRight) + 0.5)));
    }
    this.first = first;
    this.full = full;
    this.fullEnd = fullEnd;
    this.end = end;
    this.#border(iy, first, full);
    this.#border(iy, fullEnd, end);
  }

  /** Ends of the chord at dy; one point, the extreme one, where there is none. */
  #chord(dy: number): void {
    const v = dy / this.#tall;
    const inside = v * v < 1;
    const half = inside ? this.#wide * Math.sqrt(1 - v * v) : 0;
    const middle = this.#x + this.#slant * (inside ? dy : v > 0 ? this.#tall : -this.#tall);
    this.#chordY = dy;
    this.#chordLeft = middle - half;
    this.#chordRight = middle + half;
  }

  #border(iy: number, from: number, to: number): void {
    if (from >= to) return;
    if (this.#usesDisc) this.#disc.fill(iy, from, to, this.weights);
    else if (this.#subpix === 0) this.#exact(iy, from, to);
    else this.#sampled(iy, from, to);
  }

  /** Exact areas, in coordinates in which the ellipse is the unit disc and rows stay level. */
  #exact(iy: number, from: number, to: number): void {
    const scale = 1 / this.#wide;
    const low = (iy - 0.5 - this.#y) / this.#tall;
    const high = (iy + 0.5 - this.#y) / this.#tall;
    const discToPixels = this.#wide * this.#tall;
    const lowShift = -(this.#x + this.#slant * (iy - 0.5 - this.#y)) * scale;
    const highShift = -(this.#x + this.#slant * (iy + 0.5 - this.#y)) * scale;
    let lowLeft = (from - 0.5) * scale + lowShift;
    let highLeft = (from - 0.5) * scale + highShift;
    let leftSide = triangleInDisc(highLeft, high, lowLeft, low);
    for (let ix = from; ix < to; ix++) {
      const lowRight = (ix + 0.5) * scale + lowShift;
      const highRight = (ix + 0.5) * scale + highShift;
      // Counter-clockwise: down on the left, along the lower side, up on the right, back along the upper side.
      const rightSide = triangleInDisc(lowRight, low, highRight, high);
      const area =
        leftSide + triangleInDisc(lowLeft, low, lowRight, low) + rightSide + triangleInDisc(highRight, high, highLeft, high);
      this.weights[ix] = Math.min(1, Math.max(0, area * discToPixels));
      lowLeft = lowRight;
      highLeft = highRight;
      leftSide = -rightSide;
    }
  }

  /** The part of subpix x subpix evenly spaced points that lies within. */
  #sampled(iy: number, from: number, to: number): void {
    const subpix = this.#subpix;
    const step = 1 / subpix;
    const share = step * step;
    const offset = 0.5 * (step - 1);
    const limit = this.#radius * this.#radius;
    const cxx = this.#cxx;
    const cyy = this.#cyy;
    const cxy = this.#cxy;
    if (this.#isCircle && subpix === 5) {
      this.#sampledFives(iy, from, to);
      return;
    }
    for (let ix = from; ix < to; ix++) {
      let inside = 0;
      let dy = iy - this.#y + offset;
      for (let j = 0; j < subpix; j++, dy += step) {
        let dx = ix - this.#x + offset;
        const square = cyy * dy * dy;
        // A branch on each point would be guessed wrong too often: the comparison is added as a number.
        if (this.#isCircle) {
          for (let i = 0; i < subpix; i++, dx += step) inside += Number(dx * dx + square < limit);
        } else {
          for (let i = 0; i < subpix; i++, dx += step) inside += Number(cxx * dx * dx + square + cxy * dx * dy < limit);
        }
      }
      this.weights[ix] = inside * share;
    }
  }

  /** The same for a circle and 5 x 5 points, the default: squares of columns are taken once for all rows, and points five at a time. */
  #sampledFives(iy: number, from: number, to: number): void {
    const step = 0.2;
    const offset = 0.5 * (step - 1);
    const limit = this.#radius * this.#radius;
    const y0 = iy - this.#y + offset;
    const y1 = y0 + step;
    const y2 = y1 + step;
    const y3 = y2 + step;
    const y4 = y3 + step;
    const v0 = y0 * y0;
    const v1 = y1 * y1;
    const v2 = y2 * y2;
    const v3 = y3 * y3;
    const v4 = y4 * y4;
    for (let ix = from; ix < to; ix++) {
      let dx = ix - this.#x + offset;
      let inside = 0;
      for (let i = 0; i < 5; i++, dx += step) {
        const u = dx * dx;
        inside +=
          Number(u + v0 < limit) +
          Number(u + v1 < limit) +
          Number(u + v2 < limit) +
          Number(u + v3 < limit) +
          Number(u + v4 < limit);
      }
      this.weights[ix] = inside * (step * step);
    }
  }
}
