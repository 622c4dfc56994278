/**
 * Cubic B-splines on a square grid (Unser 1999, IEEE Signal Proc. Mag. 16(6), 22): the form in which effective PSFs are held.
 *
 * A grid of `side` x `side` coefficients c, `oversampling` nodes per pixel, stands for
 * E(dx, dy) = sum_ab c[b][a] B3(os dx + C - a) B3(os dy + C - b), C = (side - 1)/2, dx and dy in pixels from the star; zero coefficients outside.
 */

/** Values of the four cubic B-splines over a point, `t` in [0, 1) from the second of the four nodes. */
export function cubicWeights(t: number, out: Float64Array): void {
  const s = 1 - t;
  out[0] = (s * s * s) / 6;
  out[1] = 2 / 3 - t * t * (1 - t / 2);
  out[2] = 2 / 3 - s * s * (1 - s / 2);
  out[3] = (t * t * t) / 6;
}

/** Derivatives of {@link cubicWeights} by `t`. */
function cubicSlopes(t: number, out: Float64Array): void {
  const s = 1 - t;
  out[0] = (-s * s) / 2;
  out[1] = t * (1.5 * t - 2);
  out[2] = s * (2 - 1.5 * s);
  out[3] = (t * t) / 2;
}

/** Coefficients whose spline passes through `samples` (side x side) at the nodes: tridiagonal solves [1/6, 2/3, 1/6] along rows, then columns. */
export function splineCoefficients(samples: ArrayLike<number>, side: number): Float64Array {
  const out = Float64Array.from(samples);
  const gain = new Float64Array(side);
  gain[0] = 0.25;
  for (let k = 1; k < side; k++) gain[k] = 1 / (4 - gain[k - 1]);
  const solve = (start: number, step: number) => {
    let before = 0;
    for (let k = 0; k < side; k++) {
      const at = start + k * step;
      before = (6 * out[at] - before) * gain[k];
      out[at] = before;
    }
    for (let k = side - 2; k >= 0; k--) out[start + k * step] -= gain[k] * out[start + (k + 1) * step];
  };
  for (let y = 0; y < side; y++) solve(y * side, 1);
  for (let x = 0; x < side; x++) solve(x, side);
  return out;
}

/**
 * The same with the end conditions of FITPACK ("not a knot": the third derivative is continuous at the nodes next to the ends), which take one more
 * coefficient on each side: (side + 2) x (side + 2), same middle. `side` at least 4. Good on the grid; beyond it the spline means nothing.
 */
export function notAKnotCoefficients(samples: ArrayLike<number>, side: number): Float64Array {
  const width = side + 2;
  const out = new Float64Array(width * width);
  for (let k = 0; k < side * side; k++) out[(Math.floor(k / side) + 1) * width + 1 + (k % side)] = samples[k];
  const last = side - 1;
  const solve = (first: number, step: number) => {
    const y = (k: number) => out[first + k * step];
    const second = (8 * y(1) - y(0) - y(2)) / 6;
    const secondLast = (8 * y(last - 1) - y(last) - y(last - 2)) / 6;
    const ends = [y(0), y(1), y(last - 1), y(last)];
    // Elimination of [1, 4, 1] between the two, which the end conditions give outright.
    const gains: number[] = [];
    let before = second;
    let gain = 0;
    for (let k = 2; k <= last - 2; k++) {
      gain = 1 / (4 - gain);
      gains.push(gain);
      before = (6 * y(k) - before) * gain;
      out[first + k * step] = before;
    }
    let after = secondLast;
    for (let k = last - 2; k >= 2; k--) {
      after = y(k) - gains[k - 2] * after;
      out[first + k * step] = after;
    }
    out[first + step] = second;
    out[first + (last - 1) * step] = secondLast;
    out[first] = 6 * ends[1] - 4 * second - y(2);
    out[first + last * step] = 6 * ends[2] - 4 * secondLast - y(last - 2);
    out[first - step] = 6 * ends[0] - 4 * y(0) - second;
    out[first + side * step] = 6 * ends[3] - 4 * y(last) - secondLast;
  };
  for (let row = 1; row <= side; row++) solve(row * width + 1, 1);
  for (let column = 0; column < width; column++) solve(width + column, width);
  return out;
}

/** Values at the nodes: the inverse of {@link splineCoefficients}. */
export function splineSamples(coefficients: Float64Array, side: number): Float64Array {
  const rows = new Float64Array(side * side);
  const out = new Float64Array(side * side);
  for (let k = 0; k < rows.length; k++) {
    const x = k % side;
    rows[k] = (4 * coefficients[k] + (x > 0 ? coefficients[k - 1] : 0) + (x < side - 1 ? coefficients[k + 1] : 0)) / 6;
  }
  for (let k = 0; k < rows.length; k++) {
    out[k] = (4 * rows[k] + (k >= side ? rows[k - side] : 0) + (k < rows.length - side ? rows[k + side] : 0)) / 6;
  }
  return out;
}

/** Values (and slopes) of a spline at the pixels of stamps: all pixels of a stamp share one sub-node phase, so two passes of four taps do. */
export class StampSampler {
  readonly #side: number;
  readonly #oversampling: number;
  readonly #weightX = new Float64Array(4);
  readonly #weightY = new Float64Array(4);
  readonly #slopeX = new Float64Array(4);
  readonly #slopeY = new Float64Array(4);
  #row = new Float64Array(0);
  #rowSlope = new Float64Array(0);

  constructor(side: number, oversampling: number) {
    this.#side = side;
    this.#oversampling = oversampling;
  }

  /**
   * Writes E(i - x, j - y) for the pixels (i, j) of a width x height stamp to `out`; the derivatives by the star's x and y, where wanted, to
   * `byX` and `byY`. Row-major, y up with the rows.
   */
  sample(
    coefficients: Float64Array,
    x: number,
    y: number,
    width: number,
    height: number,
    out: Float64Array,
    byX?: Float64Array,
    byY?: Float64Array,
  ): void {
    const side = this.#side;
    const step = this.#oversampling;
    const slopes = byX !== undefined && byY !== undefined;
    const originX = (side - 1) / 2 - step * x;
    const originY = (side - 1) / 2 - step * y;
    const firstX = Math.floor(originX);
    const firstY = Math.floor(originY);
    cubicWeights(originX - firstX, this.#weightX);
    cubicWeights(originY - firstY, this.#weightY);
    if (slopes) {
      cubicSlopes(originX - firstX, this.#slopeX);
      cubicSlopes(originY - firstY, this.#slopeY);
    }
    const span = step * (width - 1) + 4;
    if (this.#row.length < span) {
      this.#row = new Float64Array(span);
      this.#rowSlope = new Float64Array(span);
    }
    const row = this.#row;
    const rowSlope = this.#rowSlope;
    const low = Math.max(0, 1 - firstX);
    const high = Math.min(span, side + 1 - firstX);
    const [x0, x1, x2, x3] = this.#weightX;
    const [u0, u1, u2, u3] = this.#slopeX;
    for (let j = 0; j < height; j++) {
      row.fill(0, 0, span);
      if (slopes) rowSlope.fill(0, 0, span);
      for (let b = 0; b < 4; b++) {
        const node = firstY - 1 + step * j + b;
        if (node < 0 || node >= side) continue;
        const start = node * side + firstX - 1;
        const weight = this.#weightY[b];
        for (let m = low; m < high; m++) row[m] += weight * coefficients[start + m];
        if (!slopes) continue;
        const slope = this.#slopeY[b];
        for (let m = low; m < high; m++) rowSlope[m] += slope * coefficients[start + m];
      }
      for (let i = 0, m = 0, at = j * width; i < width; i++, m += step, at++) {
        out[at] = x0 * row[m] + x1 * row[m + 1] + x2 * row[m + 2] + x3 * row[m + 3];
        if (!slopes) continue;
        byX[at] = -step * (u0 * row[m] + u1 * row[m + 1] + u2 * row[m + 2] + u3 * row[m + 3]);
        byY[at] = -step * (x0 * rowSlope[m] + x1 * rowSlope[m + 1] + x2 * rowSlope[m + 2] + x3 * rowSlope[m + 3]);
      }
    }
  }
  /** Sum of E over a stamp with the star in its middle. */
  stampSum(coefficients: Float64Array, size: number): number {
    const stamp = new Float64Array(size * size);
    this.sample(coefficients, (size - 1) / 2, (size - 1) / 2, size, size, stamp);
    return stamp.reduce((sum, value) => sum + value, 0);
  }
}
