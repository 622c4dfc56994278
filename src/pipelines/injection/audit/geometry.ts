/** Which pixels of a stamp a probe may look at, and the few numbers that it makes of them. */

/** Radius of the core, px: 1.3 arcsec, the light of the host and of arcs that are not resolved from it. */
export const CORE_PX = 5;
/** Outer radius of the annulus, px: 4.2 arcsec holds the arcs of Einstein radii up to 3 arcsec. */
export const ANNULUS_PX = 16;
/** Sky beyond this radius, px, has no arc and next to no PSF wing. */
export const EDGE_PX = 24;
/** Side of the blocks whose means are the annulus' features: about 80 a band. */
const BLOCK_PX = 3;
/** Numbers that describe the sky of one band, see {@link StampGeometry.edge}. */
export const EDGE_STATISTICS = ['mean', 'standard deviation', 'median absolute deviation', 'skewness', 'smallest', 'largest', 'share of zeros', 'correlation of neighbours'] as const; // biome-ignore format: one list

/** Offsets of one feature from the pixel of the host: the mean over these is taken. */
type Offsets = readonly (readonly [dx: number, dy: number])[];

/** The features of stamps of one side; the host is within a pixel of the middle. */
export class StampGeometry {
  readonly size: number;
  readonly core: readonly Offsets[];
  readonly annulus: readonly Offsets[];

  constructor(size: number) {
    this.size = size;
    // The host's pixel is size/2 or one beside it.
    const reach = Math.floor(size / 2) - 2;
    this.core = blocks(1, reach).filter((block) => radius(block) < CORE_PX);
    this.annulus = blocks(BLOCK_PX, reach).filter((block) => radius(block) >= CORE_PX && radius(block) < ANNULUS_PX);
  }

  /** Means over the blocks around (x, y), 0-based pixels. */
  means(plane: Float32Array, features: readonly Offsets[], x: number, y: number, out: Float32Array, at: number): void {
    const [column, row] = [Math.round(x), Math.round(y)];
    features.forEach((block, index) => {
      let sum = 0;
      for (const [dx, dy] of block) sum += plane[(row + dy) * this.size + column + dx];
      out[at + index] = sum / block.length;
    });
  }

  /** The statistics of {@link EDGE_STATISTICS} over the pixels farther from (x, y) than the edge radius. */
  edge(plane: Float32Array, x: number, y: number, out: Float32Array, at: number): void {
    const { size } = this;
    const values = new Float64Array(size * size);
    const isEdge = (column: number, row: number) => (column - x) * (column - x) + (row - y) * (row - y) >= EDGE_PX * EDGE_PX;
    let [held, sum, products, pairs] = [0, 0, 0, 0];
    for (let row = 0, index = 0; row < size; row++) {
      for (let column = 0; column < size; column++, index++) {
        if (!isEdge(column, row)) continue;
        const value = plane[index];
        values[held++] = value;
        sum += value;
        if (column === 0 || !isEdge(column - 1, row)) continue;
        products += value * plane[index - 1];
        pairs++;
      }
    }
    const count = Math.max(1, held);
    const mean = sum / count;
    let [squares, cubes, zeros] = [0, 0, 0];
    const sorted = values.subarray(0, held).sort();
    for (const value of sorted) {
      const off = value - mean;
      squares += off * off;
      cubes += off * off * off;
      if (value === 0) zeros++;
    }
    const deviation = Math.sqrt(squares / count);
    const median = sorted[held >> 1] ?? 0;
    const absolute = sorted.map((value) => Math.abs(value - median)).sort();
    const correlation = deviation > 0 ? (products / Math.max(1, pairs) - mean * mean) / deviation ** 2 : 0;
    const skewness = deviation > 0 ? cubes / count / deviation ** 3 : 0;
    out.set([mean, deviation, 1.4826 * (absolute[held >> 1] ?? 0), skewness, sorted[0] ?? 0, sorted[held - 1] ?? 0, zeros / count, correlation], at); // biome-ignore format: in the order of EDGE_STATISTICS
  }
}

/** Blocks of side x side pixels that tile the square of +-reach around the middle of one of them. */
function blocks(side: number, reach: number): Offsets[] {
  const half = (side - 1) / 2;
  const last = Math.floor((reach - half) / side);
  const steps = Array.from({ length: 2 * last + 1 }, (_, index) => (index - last) * side);
  const inside = Array.from({ length: side }, (_, index) => index - half);
  return steps.flatMap((y) => steps.map((x) => inside.flatMap((dy) => inside.map((dx) => [x + dx, y + dy] as const))));
}

/** Distance of a block's middle. */
function radius(block: Offsets): number {
  const middle = block[(block.length - 1) / 2];
  return Math.hypot(middle[0], middle[1]);
}
