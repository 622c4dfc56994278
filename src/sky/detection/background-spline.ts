/** Bicubic splines through the middles of a grid of meshes, row by row of the image. */

/**
 * - `natural`: the natural bicubic spline, pixels where they are.
 * - `sextractor`: as SExtractor and SEP evaluate it. Three things differ, each measured on SEP's maps. The second derivatives are a sixth as
 *   much tied to their next neighbour as a natural spline has them, so slopes jump at the nodes. Rows stand half a pixel low: on a sky with a
 *   slope along y the map is off by half a pixel of slope. With one row of meshes the map is linear along x.
 */
export type SplineKind = 'natural' | 'sextractor';

/**
 * A sixth of the second derivative of the cubic spline through values one apart, zero at both ends
 * (Press et al., Numerical Recipes, section 3.3).
 *
 * @param values nodes at `from`, `from + step`, ...
 * @param out written at the same places
 * @param tie how much of the next node's second derivative enters a node's own: 1 for a natural spline
 */
function bend(
  values: Float64Array,
  out: Float64Array,
  from: number,
  step: number,
  count: number,
  tie: number,
  scratch: Float64Array,
): void {
  const last = from + (count - 1) * step;
  out[from] = 0;
  if (count > 1) out[last] = 0;
  // Forward elimination of m[i-1] + 4 m[i] + m[i+1] = second difference of the values.
  scratch[0] = 0;
  for (let i = 1, at = from + step; i < count - 1; i++, at += step) {
    const pivot = 1 / (4 + scratch[i - 1]);
    scratch[i] = -pivot;
    out[at] = (values[at - step] - 2 * values[at] + values[at + step] - out[at - step]) * pivot;
  }
  for (let i = count - 2, at = last - step; i > 0; i--, at -= step) out[at] += tie * scratch[i] * out[at + step];
}

/** Evaluates one map of a background. */
export class MeshSpline {
  readonly #nodes: Float64Array;
  readonly #bends: Float64Array;
  readonly #columns: number;
  readonly #rows: number;
  readonly #meshWidth: number;
  readonly #meshHeight: number;
  readonly #kind: SplineKind;
  readonly #tie: number;
  readonly #line: Float64Array;
  readonly #lineBends: Float64Array;
  readonly #scratch: Float64Array;

  /** @param nodes `columns` x `rows` values at the middles of meshes */
  constructor(
    nodes: Float64Array,
    grid: { columns: number; rows: number; meshWidth: number; meshHeight: number },
    kind: SplineKind,
  ) {
    const { columns, rows } = grid;
    this.#nodes = nodes;
    this.#columns = columns;
    this.#rows = rows;
    this.#meshWidth = grid.meshWidth;
    this.#meshHeight = grid.meshHeight;
    this.#kind = kind;
    this.#tie = kind === 'natural' ? 1 : 1 / 6;
    this.#line = new Float64Array(columns);
    this.#lineBends = new Float64Array(columns);
    this.#scratch = new Float64Array(Math.max(columns, rows));
    this.#bends = new Float64Array(nodes.length);
    for (let column = 0; column < columns; column++) bend(nodes, this.#bends, column, columns, rows, this.#tie, this.#scratch);
  }

  /** Values of image row `y` at columns 0 to `width` - 1, handed to `out[to...]`; with a `from`, `from[to + x] - value` instead. */
  row(y: number, width: number, out: Float32Array | Float64Array, to: number, from?: Float32Array | Float64Array): void {
    this.#evaluateLine(y);
    const columns = this.#columns;
    const meshWidth = this.#meshWidth;
    const line = this.#line;
    const bends = this.#lineBends;
    const step = 1 / meshWidth;
    // Segment k runs between the middles of meshes k and k + 1; the first and the last reach to the borders of the image.
    for (let k = 0, x = 0; x < width; k++) {
      const lastSegment = k >= columns - 2;
      const end = lastSegment ? width : Math.min(width, Math.ceil((k + 1.5) * meshWidth - 0.5));
      const a = line[k];
      const next = columns > 1 ? line[k + 1] : a;
      const m = bends[k];
      const n = columns > 1 ? bends[k + 1] : m;
      // (1-t) (a + ((1-t)^2 - 1) m) + t (b + (t^2 - 1) n), in powers of t.
      const c1 = next - a - 2 * m - n;
      const c2 = 3 * m;
      const c3 = n - m;
      // The same in powers of whole pixels from the first one: two operations less for each of them.
      const t = (x + 0.5) * step - (k + 0.5);
      const p0 = a + t * (c1 + t * (c2 + t * c3));
      const p1 = (c1 + t * (2 * c2 + 3 * t * c3)) * step;
      const p2 = (c2 + 3 * t * c3) * step * step;
      const p3 = c3 * step * step * step;
      const first = to + x;
      const pixels = end - x;
      if (from === undefined) {
        for (let u = 0; u < pixels; u++) out[first + u] = p0 + u * (p1 + u * (p2 + u * p3));
      } else {
        for (let u = 0; u < pixels; u++) out[first + u] = from[first + u] - (p0 + u * (p1 + u * (p2 + u * p3)));
      }
      x = end;
    }
  }

  /** The nodes of the spline along row y, and their bends. */
  #evaluateLine(y: number): void {
    const columns = this.#columns;
    const nodes = this.#nodes;
    const bends = this.#bends;
    if (this.#rows === 1) {
      this.#line.set(nodes);
      if (this.#kind === 'sextractor') return;
    } else {
      const at = (this.#kind === 'natural' ? y + 0.5 : y) / this.#meshHeight - 0.5;
      const row = Math.min(this.#rows - 2, Math.max(0, Math.floor(at)));
      const t = at - row;
      const s = 1 - t;
      const lower = row * columns;
      const upper = lower + columns;
      const lowerBend = s * (s * s - 1);
      const upperBend = t * (t * t - 1);
      for (let i = 0; i < columns; i++) {
        this.#line[i] = s * nodes[lower + i] + t * nodes[upper + i] + lowerBend * bends[lower + i] + upperBend * bends[upper + i];
      }
    }
    bend(this.#line, this.#lineBends, 0, 1, columns, this.#tie, this.#scratch);
  }
}
