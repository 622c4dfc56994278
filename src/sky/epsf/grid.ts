/**
 * What the stars show beyond the template: a grid of cubic B-spline coefficients s u, with s a fixed envelope and u found by penalised least squares,
 *
 *   sum_stars sum_pixels w (y - F B s u)^2 + lambda |R u|^2,   R = (1 - a D_xx)(1 - a D_yy),
 *
 * y what the template leaves, B the splines at the pixels, D second differences: u is smooth over about sqrt(a) nodes and returns to 0, that is the
 * PSF to its template, where no star asks otherwise. The normal matrix couples a node to the 7 x 7 around it; half of that is held per node.
 *
 * In v = R u the penalty is lambda |v|^2, so the Krylov space of one Lanczos run serves every lambda (Golub & Meurant 2010, "Matrices, Moments and
 * Quadrature", 15): krylov.ts.
 */
import { cubicWeights } from './spline.ts';
import type { FitStar } from './stars.ts';

/** Nodes of padding on each side, so that no neighbour is ever off the grid. */
const PAD = 3;
/** Entries held per node: neighbours (0, 0..3) and (1..3, -3..3). */
const HALF = 25;

/** Index of the neighbour (dx, dy) among them. */
const slot = (dx: number, dy: number) => (dy === 0 ? dx : 4 + (dy - 1) * 7 + dx + 3);

export class GridSystem {
  readonly side: number;
  readonly oversampling: number;
  /** s at the nodes, side x side. */
  readonly envelope: Float64Array;
  readonly #padded: number;
  readonly #offsets = new Int32Array(HALF);
  /** s B'WB s, HALF entries per padded node. */
  readonly #matrix: Float64Array;
  readonly #in: Float64Array;
  readonly #out: Float64Array;
  readonly #curvature: number;
  readonly #gain: Float64Array;

  /** @param curvature a of the penalty, nodes^2 */
  constructor(side: number, oversampling: number, envelope: Float64Array, curvature: number) {
    this.side = side;
    this.oversampling = oversampling;
    this.envelope = envelope;
    this.#padded = side + 2 * PAD;
    const nodes = this.#padded * this.#padded;
    this.#matrix = new Float64Array(nodes * HALF);
    this.#in = new Float64Array(nodes);
    this.#out = new Float64Array(nodes);
    for (let dy = 0; dy <= 3; dy++) {
      for (let dx = dy === 0 ? 0 : -3; dx <= 3; dx++) this.#offsets[slot(dx, dy)] = dy * this.#padded + dx;
    }
    this.#curvature = curvature;
    // Elimination of the tridiagonal (-a, 1 + 2a, -a).
    this.#gain = new Float64Array(side);
    for (let k = 0; k < side; k++)
      this.#gain[k] = 1 / (1 + 2 * curvature - (k > 0 ? curvature * curvature * this.#gain[k - 1] : 0));
  }

  /** Padded index of the first of the 4 x 4 nodes under pixel (0, 0), the weights of the 16, and the pixels whose nodes are all on the grid. */
  #footprint(star: FitStar) {
    const step = this.oversampling;
    const originX = (this.side - 1) / 2 - step * star.x;
    const originY = (this.side - 1) / 2 - step * star.y;
    const firstX = Math.floor(originX);
    const firstY = Math.floor(originY);
    const weightX = new Float64Array(4);
    const weightY = new Float64Array(4);
    cubicWeights(originX - firstX, weightX);
    cubicWeights(originY - firstY, weightY);
    const both = new Float64Array(16);
    for (let k = 0; k < 16; k++) both[k] = weightX[k & 3] * weightY[k >> 2];
    const range = (first: number) =>
      [Math.max(0, Math.ceil((1 - first) / step)), Math.min(star.size - 1, Math.floor((this.side - 3 - first) / step))] as const;
    return { base: (firstY - 1 + PAD) * this.#padded + firstX - 1 + PAD, both, columns: range(firstX), rows: range(firstY) };
  }

  /** The normal matrix of the stars at their present places, fluxes and weights. */
  assemble(stars: readonly FitStar[]): void {
    const matrix = this.#matrix;
    matrix.fill(0);
    const products = new Float64Array(136);
    const targets = new Int32Array(136);
    for (const star of stars) {
      const { base, both, columns, rows } = this.#footprint(star);
      for (let p = 0, m = 0; p < 16; p++) {
        for (let q = p; q < 16; q++, m++) {
          products[m] = both[p] * both[q] * star.flux * star.flux;
          targets[m] = ((p >> 2) * this.#padded + (p & 3)) * HALF + slot((q & 3) - (p & 3), (q >> 2) - (p >> 2));
        }
      }
      for (let j = rows[0]; j <= rows[1]; j++) {
        for (let i = columns[0]; i <= columns[1]; i++) {
          const weight = star.weight[j * star.size + i];
          if (weight === 0) continue;
          const start = (base + this.oversampling * (j * this.#padded + i)) * HALF;
          for (let m = 0; m < 136; m++) matrix[start + targets[m]] += weight * products[m];
        }
      }
    }
    this.#load(this.envelope, this.#in);
    for (let node = PAD * this.#padded + PAD; node < this.#in.length - PAD * this.#padded - PAD; node++) {
      const scale = this.#in[node];
      for (let o = 0; o < HALF; o++) matrix[node * HALF + o] *= scale * this.#in[node + this.#offsets[o]];
    }
  }

  #load(grid: Float64Array, padded: Float64Array): void {
    for (let y = 0; y < this.side; y++) {
      padded.set(grid.subarray(y * this.side, (y + 1) * this.side), (y + PAD) * this.#padded + PAD);
    }
  }

  /** s B' (F values) over all stars, side x side; `values(star)` holds one number per pixel. */
  transposed(stars: readonly FitStar[], values: (star: FitStar) => Float64Array): Float64Array {
    const sum = new Float64Array(this.#padded * this.#padded);
    for (const star of stars) {
      const { base, both, columns, rows } = this.#footprint(star);
      const pixels = values(star);
      for (let j = rows[0]; j <= rows[1]; j++) {
        for (let i = columns[0]; i <= columns[1]; i++) {
          const value = star.flux * pixels[j * star.size + i];
          if (value === 0) continue;
          for (let b = 0, at = base + this.oversampling * (j * this.#padded + i); b < 16; b += 4, at += this.#padded) {
            sum[at] += both[b] * value;
            sum[at + 1] += both[b + 1] * value;
            sum[at + 2] += both[b + 2] * value;
            sum[at + 3] += both[b + 3] * value;
          }
        }
      }
    }
    const out = new Float64Array(this.side * this.side);
    this.#unload(sum, out);
    for (let k = 0; k < out.length; k++) out[k] *= this.envelope[k];
    return out;
  }

  #unload(padded: Float64Array, grid: Float64Array): void {
    for (let y = 0; y < this.side; y++) {
      const start = (y + PAD) * this.#padded + PAD;
      grid.set(padded.subarray(start, start + this.side), y * this.side);
    }
  }

  /** K v = R^-1 (s B'WB s) R^-1 v to `out`, side x side. */
  multiply(v: Float64Array, out: Float64Array): void {
    const x = this.#in;
    const image = this.#out;
    const matrix = this.#matrix;
    const offsets = this.#offsets;
    out.set(v);
    this.smooth(out);
    this.#load(out, x);
    image.fill(0);
    const first = PAD * this.#padded + PAD;
    for (let node = first; node < x.length - first; node++) {
      const at = node * HALF;
      const value = x[node];
      let sum = matrix[at] * value;
      for (let o = 1; o < HALF; o++) {
        const entry = matrix[at + o];
        const other = node + offsets[o];
        sum += entry * x[other];
        image[other] += entry * value;
      }
      image[node] += sum;
    }
    this.#unload(image, out);
    this.smooth(out);
  }

  /** R^-1 in place: tridiagonal solves along rows, then columns. u = R^-1 v. */
  smooth(grid: Float64Array): void {
    const { side } = this;
    const a = this.#curvature;
    const gain = this.#gain;
    for (let y = 0; y < side; y++) {
      const row = y * side;
      grid[row] *= gain[0];
      for (let x = 1; x < side; x++) grid[row + x] = (grid[row + x] + a * grid[row + x - 1]) * gain[x];
      for (let x = side - 2; x >= 0; x--) grid[row + x] += a * gain[x] * grid[row + x + 1];
    }
    for (let x = 0; x < side; x++) grid[x] *= gain[0];
    for (let y = 1; y < side; y++) {
      const row = y * side;
      for (let x = 0; x < side; x++) grid[row + x] = (grid[row + x] + a * grid[row - side + x]) * gain[y];
    }
    for (let y = side - 2; y >= 0; y--) {
      const row = y * side;
      for (let x = 0; x < side; x++) grid[row + x] += a * gain[y] * grid[row + side + x];
    }
  }
}
