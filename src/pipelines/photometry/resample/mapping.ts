/**
 * Where output pixels lie in the source: output pixel -> sky -> source pixel in float64 on a lattice, refined where the bilinear map between its
 * points is off by more than it may.
 */
import type { Wcs } from '../../../sky/wcs/index.ts';

/** Pixel positions, 0-based; NaN where the sky has no counterpart in the source. */
export interface Positions {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** Control points of one tile. */
export interface TileMap {
  /** Their spacing, output px: 4, 8 or 16. */
  readonly step: number;
  /** (tile/step + 1)^2 points, row by row. */
  readonly points: Positions;
  /** Largest distance of the bilinear map from the exact one where it was compared, source px. */
  readonly error: number;
}

const COARSEST = 16;
const FINEST = 4;
/** At the finest step a cell that is further off (a seam of the projection runs through it) has no positions at all. */
const BROKEN_CELL_PX = 0.1;

/** Exact positions of `columns` x `rows` output pixels, `spacing` apart, from (x0, y0). */
export function latticePositions(
  source: Wcs,
  target: Wcs,
  x0: number,
  y0: number,
  spacing: number,
  columns: number,
  rows: number,
): Positions {
  const x = new Float64Array(columns * rows);
  const y = new Float64Array(columns * rows);
  for (let k = 0; k < x.length; k++) {
    x[k] = x0 + spacing * (k % columns);
    y[k] = y0 + spacing * Math.floor(k / columns);
  }
  const sky = target.pixelsToWorld(x, y);
  return source.worldToPixels(sky.lonDeg, sky.latDeg);
}

/** Distance of the mean of `ends` from point `middle`; Infinity when one of them has no position. */
function bend({ x, y }: Positions, middle: number, ...ends: readonly number[]): number {
  let dx = -x[middle];
  let dy = -y[middle];
  for (const end of ends) {
    dx += x[end] / ends.length;
    dy += y[end] / ends.length;
  }
  const distance = Math.hypot(dx, dy);
  return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance;
}

/** Largest error of the bilinear map of the cell whose first corner is (2 column, 2 row) of a lattice `width` wide, at its centre and its sides' middles. */
function cellError(points: Positions, width: number, column: number, row: number): number {
  const a = 2 * row * width + 2 * column;
  const [b, c, d] = [a + 2, a + 2 * width, a + 2 * width + 2];
  return Math.max(
    bend(points, a + width + 1, a, b, c, d),
    bend(points, a + 1, a, b),
    bend(points, c + 1, c, d),
    bend(points, a + width, a, c),
    bend(points, b + width, b, d),
  );
}

/** Every second point of a lattice `width` wide, both ways. */
function everySecond({ x, y }: Positions, width: number): Positions {
  const side = (width + 1) / 2;
  const pick = (from: Float64Array): Float64Array =>
    Float64Array.from({ length: side * side }, (_, k) => from[2 * Math.floor(k / side) * width + 2 * (k % side)]);
  return { x: pick(x), y: pick(y) };
}

/** The quadratic through three values at 0, 1/2 and 1. */
function quadratic(a: number, b: number, c: number, t: number): number {
  return a * (1 - t) * (1 - 2 * t) + 4 * b * t * (1 - t) + c * t * (2 * t - 1);
}

/** (parts + 1)^2 points of the biquadratic through 3 x 3. */
function fillBetween({ x, y }: Positions, parts: number): Positions {
  const side = parts + 1;
  const fill = (from: Float64Array): Float64Array =>
    Float64Array.from({ length: side * side }, (_, k) => {
      const u = (k % side) / parts;
      const along = (row: number): number => quadratic(from[3 * row], from[3 * row + 1], from[3 * row + 2], u);
      return quadratic(along(0), along(1), along(2), Math.floor(k / side) / parts);
    });
  return { x: fill(x), y: fill(y) };
}

/**
 * Control points of the tile at (x0, y0), `tile` px wide. `coarse`: its exact positions at 3 x 3 points, half a tile apart. Where the bilinear map of the
 * whole tile is within `tolerance` (source px), its cells of 16 px are all the more.
 */
export function mapTile(
  source: Wcs,
  target: Wcs,
  x0: number,
  y0: number,
  tile: number,
  coarse: Positions,
  tolerance: number,
): TileMap {
  const whole = cellError(coarse, 3, 0, 0);
  if (whole <= tolerance) return { step: COARSEST, points: fillBetween(coarse, tile / COARSEST), error: whole };
  for (let step = COARSEST; ; step /= 2) {
    const cells = tile / step;
    const width = 2 * cells + 1;
    const fine = latticePositions(source, target, x0, y0, step / 2, width, width);
    let error = 0;
    const broken: number[] = [];
    for (let cell = 0; cell < cells * cells; cell++) {
      const found = cellError(fine, width, cell % cells, Math.floor(cell / cells));
      if (found > BROKEN_CELL_PX) broken.push(cell);
      else error = Math.max(error, found);
    }
    if (step > FINEST && (broken.length > 0 || error > tolerance)) continue;
    const points = everySecond(fine, width);
    for (const cell of broken) points.x[Math.floor(cell / cells) * (cells + 1) + (cell % cells)] = Number.NaN;
    return { step, points, error };
  }
}
