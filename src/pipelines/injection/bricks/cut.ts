/** Cutting stamps out of an open brick. */
import type { Brick } from './brick.ts';
import { type Cutouts, emptyCutouts, TILE_UNREADABLE } from './cutouts.ts';
import type { Plane, TileSet } from './plane.ts';
import type { Tile, TileCache } from './tile-cache.ts';

type Mutable = ReturnType<typeof emptyCutouts>;

/** Rows of the brick whose stamps are cut together: then tiles are needed at one time, whatever order the rows come in. */
const GROUP_ROWS = 100;
/** Farther out than any brick is wide, and an int32. */
const FAR_PX = 2 ** 30;

/**
 * Stamps of `size` px around targets, of all planes. What one row gets does not depend on the rows that come with it.
 *
 * @param raDeg, decDeg targets, degrees; what is NaN or off the brick is told by `inside` and `reason`
 * @throws INPUT_UNREADABLE when a file cannot be read any more
 */
export async function cutStamps(
  brick: Brick,
  bands: readonly string[],
  raDeg: Float64Array,
  decDeg: Float64Array,
  size: number,
  cache: TileCache,
): Promise<Cutouts> {
  const cut = emptyCutouts(raDeg.length, bands, size);
  placeStamps(brick, raDeg, decDeg, cut);
  const groups = groupsOf(cut);
  for (const rows of groups) await cutGroup(brick, rows, cut, cache);
  for (let row = 0; row < cut.count; row++) if (cut.inside[row] === 0) cut.reason[row] = outside(brick, row, cut, raDeg, decDeg);
  for (const plane of brick.planes) cut.report.bytes += plane.takeBytes();
  return cut;
}

/** Pixels of the targets and first pixels of the stamps. */
function placeStamps(brick: Brick, raDeg: Float64Array, decDeg: Float64Array, cut: Mutable): void {
  const [height, width] = brick.shape;
  const { x, y } = brick.wcs.worldToPixels(raDeg, decDeg);
  const half = Math.floor(cut.size / 2);
  for (let row = 0; row < cut.count; row++) {
    if (!(Math.abs(x[row]) < FAR_PX && Math.abs(y[row]) < FAR_PX)) continue;
    cut.x[row] = x[row];
    cut.y[row] = y[row];
    // Math.round takes halves up. Python's round, of the originals, takes them to even: the same but on exact halves of a pixel.
    const [x0, y0] = [Math.round(x[row]) - half, Math.round(y[row]) - half];
    cut.x0[row] = x0;
    cut.y0[row] = y0;
    cut.inside[row] = x0 >= 0 && y0 >= 0 && x0 + cut.size <= width && y0 + cut.size <= height ? 1 : 0;
    cut.finite[row] = 1;
  }
}

function outside(brick: Brick, row: number, cut: Mutable, raDeg: Float64Array, decDeg: Float64Array): string {
  if (!Number.isFinite(raDeg[row]) || !Number.isFinite(decDeg[row]))
    return `The coordinates ra ${raDeg[row]}, dec ${decDeg[row]} are no place on the sky.`;
  if (Number.isNaN(cut.x[row])) return `ra ${raDeg[row]}, dec ${decDeg[row]} is far from brick ${brick.name}.`;
  const [x, y] = [cut.x[row].toFixed(1), cut.y[row].toFixed(1)];
  return `The stamp of ${cut.size} px around x ${x}, y ${y} is not inside brick ${brick.name} of ${brick.shape[1]} x ${brick.shape[0]} px.`;
}

/** Rows with a place, from the lowest stamp up, those that begin in the same rows of the brick together. */
function groupsOf(cut: Mutable): number[][] {
  const placed = Array.from({ length: cut.count }, (_, row) => row).filter((row) => !Number.isNaN(cut.x[row]));
  placed.sort((a, b) => cut.y0[a] - cut.y0[b] || cut.x0[a] - cut.x0[b]);
  const groups: number[][] = [];
  let strip = Number.NaN;
  for (const row of placed) {
    const own = Math.floor(cut.y0[row] / GROUP_ROWS);
    if (own !== strip) groups.push([]);
    strip = own;
    groups[groups.length - 1].push(row);
  }
  return groups;
}

async function cutGroup(brick: Brick, rows: readonly number[], cut: Mutable, cache: TileCache): Promise<void> {
  const { report } = cut;
  const start = performance.now();
  const sets: TileSet[] = brick.planes.map(() => new Map());
  // All reads of a group are on their way at once: a cache on a network answers late.
  const fetched = await Promise.all(
    brick.planes.map((plane, index) => plane.fetch(tilesUnder(brick, plane, rows, cut), cache, sets[index])),
  );
  const read = performance.now();
  report.readSeconds += (read - start) / 1000;
  for (const [index, plane] of brick.planes.entries()) await plane.decode(fetched[index], cache, sets[index], report);
  report.decodeSeconds += (performance.now() - read) / 1000;
  for (const [index, plane] of brick.planes.entries()) for (const row of rows) copyStamp(brick, plane, sets[index], row, cut);
}

/** Of a PSF size map one pixel is wanted, of the others the stamp. */
function tilesUnder(brick: Brick, plane: Plane, rows: readonly number[], cut: Mutable): Set<number> {
  const tiles = new Set<number>();
  for (const row of rows) {
    const box = plane.name.kind === 'psfsize' ? pixelBox(brick, row, cut) : stampBox(brick, row, cut);
    if (box !== undefined) plane.tilesOf(box[0], box[1], box[2], box[3], tiles);
  }
  return tiles;
}

type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** The part of a stamp that lies in the brick. */
function stampBox({ shape: [height, width] }: Brick, row: number, { x0, y0, size }: Mutable): Box | undefined {
  const [left, low] = [Math.max(0, x0[row]), Math.max(0, y0[row])];
  const [right, high] = [Math.min(width, x0[row] + size), Math.min(height, y0[row] + size)];
  return left < right && low < high ? [left, low, right, high] : undefined;
}

function pixelBox({ shape: [height, width] }: Brick, row: number, cut: Mutable): Box | undefined {
  const [x, y] = [Math.round(cut.x[row]), Math.round(cut.y[row])];
  return x >= 0 && y >= 0 && x < width && y < height ? [x, y, x + 1, y + 1] : undefined;
}

function copyStamp(brick: Brick, plane: Plane, tiles: TileSet, row: number, cut: Mutable): void {
  const { kind, band } = plane.name;
  const place = band === undefined ? row : row * cut.bands.length + cut.bands.indexOf(band);
  const box = kind === 'psfsize' ? pixelBox(brick, row, cut) : stampBox(brick, row, cut);
  if (box === undefined) return;
  const touched = new Set<number>();
  plane.tilesOf(box[0], box[1], box[2], box[3], touched);
  for (const index of touched) {
    const tile = tiles.get(index) as Tile;
    if (tile.fault !== undefined) spoil(row, `${TILE_UNREADABLE}${tile.fault}`, cut);
    if (kind === 'psfsize') {
      if (tile.fault === undefined) cut.psfsize[place] = tile.data[(box[1] - tile.y0) * tile.width + box[0] - tile.x0];
      continue;
    }
    const isGood = copyTile(kind, tile, box, cut, row, place);
    if (!isGood && tile.fault === undefined)
      spoil(row, `${kind === 'image' ? 'Image' : 'Inverse variance'} of band ${band} has pixels that are not finite.`, cut);
  }
}

function spoil(row: number, reason: string, cut: Mutable): void {
  cut.finite[row] = 0;
  cut.reason[row] ??= reason;
}

/** The pixels that a tile and a box share, into the stamp. False when some of them are not finite, or were never decoded. */
function copyTile(
  kind: 'image' | 'invvar' | 'maskbits',
  tile: Tile,
  box: Box,
  cut: Mutable,
  row: number,
  place: number,
): boolean {
  const { size } = cut;
  const [left, low] = [Math.max(box[0], tile.x0), Math.max(box[1], tile.y0)];
  const [right, high] = [Math.min(box[2], tile.x0 + tile.width), Math.min(box[3], tile.y0 + tile.height)];
  const count = right - left;
  const out = kind === 'image' ? cut.image : kind === 'invvar' ? cut.invvar : cut.mask;
  let isGood = true;
  for (let y = low; y < high; y++) {
    const from = (y - tile.y0) * tile.width + left - tile.x0;
    const to = (place * size + y - cut.y0[row]) * size + left - cut.x0[row];
    if (tile.clean) copyRun(tile.data, from, out, to, count);
    else if (tile.fault !== undefined) {
      if (kind === 'image') out.fill(Number.NaN, to, to + count);
      isGood = false;
    } else if (!copyUnclean(kind, tile.data, from, out, to, count)) isGood = false;
  }
  return isGood;
}

/** A loop, because a view and `set` take longer than these few pixels. */
function copyRun(
  data: Float32Array | Uint32Array,
  from: number,
  out: Float32Array | Uint32Array,
  to: number,
  count: number,
): void {
  for (let index = 0; index < count; index++) out[to + index] = data[from + index];
}

function copyUnclean(
  kind: 'image' | 'invvar' | 'maskbits',
  data: Float32Array | Uint32Array,
  from: number,
  out: Float32Array | Uint32Array,
  to: number,
  count: number,
): boolean {
  let isGood = true;
  for (let index = 0; index < count; index++) {
    const value = data[from + index];
    if (!Number.isFinite(value)) isGood = false;
    out[to + index] = kind === 'invvar' && !(value > 0 && value < Number.POSITIVE_INFINITY) ? 0 : value;
  }
  return isGood;
}
