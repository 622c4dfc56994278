/** Grids of the spectral convolution, and the tables that both its twins read. */

export interface SpectralShape {
  /** Output side, native px. */
  readonly size: number;
  /** Native px of the grid before the first output pixel. */
  readonly pad: number;
  /** Side of the cell grid in native px; the cell grid has (oversample * grid)^2 cells. */
  readonly grid: number;
  readonly oversample: number;
  /** Transform length M >= grid, of the form 2^a 3^b, a multiple of 4. */
  readonly length: number;
}

/** exp(-2 pi i f delta_p / M) for p = 0 .. k-1 and f = 0 .. M/2 - 1, interleaved; negative f are the conjugates. */
export function phaseTable(shape: SpectralShape): Float64Array {
  const { oversample: k, length: M } = shape;
  const table = new Float64Array(k * M);
  for (let p = 0; p < k; p++) {
    const delta = (p + 0.5) / k - 0.5;
    for (let f = 0; f < M / 2; f++) {
      const angle = (-2 * Math.PI * f * delta) / M;
      table[p * M + 2 * f] = Math.cos(angle);
      table[p * M + 2 * f + 1] = Math.sin(angle);
    }
  }
  return table;
}

/**
 * 1 over the response of a cell at (fx, fy), [fx = 0 .. M/2 - 1][fy = 0 .. M/2 - 1], even in both. A cell is a box whose first moments are handed to
 * its neighbours (`cells` of render-lensed), so with a = pi f / (k M) the response is s_x s_y + d_x s_y + s_x d_y, s = sinc(a) the box,
 * d = sin(2a)/(2a) (sinc(a) - cos(a)) the moment.
 */
export function cellGainTable(shape: SpectralShape): Float64Array {
  const { oversample: k, length: M } = shape;
  const half = M / 2;
  const box = new Float64Array(half);
  const moment = new Float64Array(half);
  for (let f = 0; f < half; f++) {
    const a = (Math.PI * f) / (k * M);
    box[f] = f === 0 ? 1 : Math.sin(a) / a;
    moment[f] = f === 0 ? 0 : (Math.sin(2 * a) / (2 * a)) * (box[f] - Math.cos(a));
  }
  const table = new Float64Array(half * half);
  for (let fx = 0; fx < half; fx++) {
    for (let fy = 0; fy < half; fy++)
      table[fx * half + fy] = 1 / (box[fx] * box[fy] + moment[fx] * box[fy] + box[fx] * moment[fy]);
  }
  return table;
}
