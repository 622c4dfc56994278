/** Windows of the source for the tiles of a band: what is touched is read, in boxes that hold little else. */
import { CONTROL_BITS, controlSide, MAX_WINDOW, NO_POSITION } from '../../../../kernels/resample-lanczos/options.ts';
import type { TileMap } from './mapping.ts';
import type { Grid } from './plan.ts';

/** Pixels of a box of the source, row by row. */
export interface SourcePixels {
  /** Any value where a pixel is bad; not finite ones are bad. */
  readonly image: Float32Array;
  /** Not 0: not to be used. */
  readonly bad?: Uint8Array;
  /** Inverse variances; 0 or not finite: not to be used. Without them all pixels have `ResampleSource.invvar`. */
  readonly invvar?: Float32Array;
}

/** An image on the sky that is read by boxes: a frame, a FITS file. */
export interface ResampleSource extends Grid {
  /** Inverse variance of pixels that come without their own; default 1. */
  readonly invvar?: number;
  /** A box inside the image, 0-based, x right, y up. */
  section(x0: number, y0: number, width: number, height: number): Promise<SourcePixels>;
}

/** A tile that looks at the source. */
export interface PlacedTile extends TileMap {
  /** First output pixel. */
  readonly x: number;
  readonly y: number;
  /** First source pixel of its window (may lie outside of the image), and how wide and high the part is that it looks at. */
  readonly left: number;
  readonly bottom: number;
  readonly width: number;
  readonly height: number;
}

/** Where the window of a tile lies; 'outside' when the tile meets no pixel of the source, 'unmapped' when it has no positions or they spread too far. */
export function placeTile(map: TileMap, x: number, y: number, taps: number, source: Grid): PlacedTile | 'outside' | 'unmapped' {
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < map.points.x.length; k++) {
    const [px, py] = [map.points.x[k], map.points.y[k]];
    if (Number.isNaN(px)) continue;
    left = Math.min(left, px);
    right = Math.max(right, px);
    bottom = Math.min(bottom, py);
    top = Math.max(top, py);
  }
  if (left > right) return 'unmapped';
  const reach = Math.max(1, taps / 2);
  left = Math.floor(left) - reach;
  bottom = Math.floor(bottom) - reach;
  right = Math.floor(right) + reach + 1;
  top = Math.floor(top) + reach + 1;
  if (right < 0 || top < 0 || left >= source.width || bottom >= source.height) return 'outside';
  const [width, height] = [right - left + 1, top - bottom + 1];
  if (width > MAX_WINDOW || height > MAX_WINDOW) return 'unmapped';
  return { ...map, x, y, left, bottom, width, height };
}

/** Positions in the window as the kernel takes them, into `control`. */
export function writeControl({ points, left, bottom }: PlacedTile, control: Int32Array): void {
  for (let k = 0; k < points.x.length; k++) {
    const [x, y] = [points.x[k] - left, points.y[k] - bottom];
    const isThere = !Number.isNaN(x + y);
    control[2 * k] = isThere ? Math.round(x * 2 ** CONTROL_BITS) : NO_POSITION;
    control[2 * k + 1] = isThere ? Math.round(y * 2 ** CONTROL_BITS) : NO_POSITION;
  }
}

interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

const areaOf = ({ x0, y0, x1, y1 }: Box): number => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
const joined = (a: Box, b: Box): Box => ({
  x0: Math.min(a.x0, b.x0),
  y0: Math.min(a.y0, b.y0),
  x1: Math.max(a.x1, b.x1),
  y1: Math.max(a.y1, b.y1),
});

/** The part of a tile's window that lies in the image, half open. */
function seenBox({ left, bottom, width, height }: PlacedTile, source: Grid): Box {
  return {
    x0: Math.max(0, left),
    y0: Math.max(0, bottom),
    x1: Math.min(source.width, left + width),
    y1: Math.min(source.height, bottom + height),
  };
}

/** A box may hold this many times the pixels that its tiles look at: on a diagonal, large boxes would be mostly elsewhere. */
const MOST_WASTE = 2;

/** Neighbouring tiles in groups with a common box of at most `boxPixels`. Tiles are taken in the order given. */
export function groupTiles(
  tiles: readonly PlacedTile[],
  source: Grid,
  boxPixels: number,
): { box: Box; first: number; end: number }[] {
  const groups: { box: Box; first: number; end: number }[] = [];
  let seen = 0;
  tiles.forEach((tile, index) => {
    const own = seenBox(tile, source);
    const last = groups.at(-1);
    const together = last && joined(last.box, own);
    if (last && together && areaOf(together) <= Math.min(boxPixels, MOST_WASTE * (seen + areaOf(own)))) {
      last.box = together;
      last.end = index + 1;
      seen += areaOf(own);
    } else {
      groups.push({ box: own, first: index, end: index + 1 });
      seen = areaOf(own);
    }
  });
  return groups;
}

/** Inputs of the kernel for tiles of one step. */
export interface TileInputs {
  readonly tiles: readonly PlacedTile[];
  readonly step: number;
  readonly window: number;
  readonly pixels: Float32Array;
  readonly weights: Float32Array;
  readonly control: Int32Array;
}

/** Sides of windows are multiples of this, so that few sizes of kernels are made. */
const WINDOW_STEP = 8;

/** Reads the windows of tiles of one step. Bad pixels and the outside have weight 0. */
export async function readWindows(
  source: ResampleSource,
  tiles: readonly PlacedTile[],
  tile: number,
  boxPixels: number,
  onRead: (pixels: number) => void,
): Promise<TileInputs> {
  const { step } = tiles[0];
  const largest = tiles.reduce((side, { width, height }) => Math.max(side, width, height), 0);
  const window = Math.min(MAX_WINDOW, WINDOW_STEP * Math.ceil(largest / WINDOW_STEP));
  const area = window * window;
  const block = 2 * controlSide({ tile, step }) ** 2;
  const pixels = new Float32Array(tiles.length * area);
  const weights = new Float32Array(tiles.length * area);
  const control = new Int32Array(tiles.length * block);
  for (const { box, first, end } of groupTiles(tiles, source, boxPixels)) {
    onRead(areaOf(box));
    const read = await source.section(box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0);
    for (let index = first; index < end; index++) {
      writeControl(tiles[index], control.subarray(index * block, (index + 1) * block));
      copyWindow(tiles[index], box, read, source, window, pixels.subarray(index * area), weights.subarray(index * area));
    }
  }
  return { tiles, step, window, pixels, weights, control };
}

function copyWindow(
  tile: PlacedTile,
  box: Box,
  { image, bad, invvar }: SourcePixels,
  source: ResampleSource,
  window: number,
  pixels: Float32Array,
  weights: Float32Array,
): void {
  const common = source.invvar ?? 1;
  const seen = seenBox(tile, source);
  for (let y = seen.y0; y < seen.y1; y++) {
    let from = (y - box.y0) * (box.x1 - box.x0) + seen.x0 - box.x0;
    let to = (y - tile.bottom) * window + seen.x0 - tile.left;
    for (let x = seen.x0; x < seen.x1; x++, from++, to++) {
      const value = image[from];
      const weight = invvar === undefined ? common : invvar[from];
      const isGood = Number.isFinite(value) && weight > 0 && weight < Number.POSITIVE_INFINITY && !bad?.[from];
      pixels[to] = isGood ? value : 0;
      weights[to] = isGood ? weight : 0;
    }
  }
}
