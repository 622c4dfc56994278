/** Reading a compressed image, or a box of it: only the tiles that the box touches are fetched and decoded. */
import { ArcletError } from '../../../core/errors.ts';
import { type CompressedImageInfo, compressedImageInfo } from './info.ts';
import { checkHeap, checkWidth, fetchTiles, locateTile, type ReadReport, unquantizerOf, type WantedTile } from './locate.ts';
import { scalePixels } from './scale.ts';
import { decodeTile, type TileScratch } from './tile.ts';
import { allocate, type CompressedHdu, damaged, type Pixels, product, type RawPixels } from './types.ts';
import { unquantize } from './unquantize.ts';

/** Above this a typed array cannot be made. */
const MOST_PIXELS = 2 ** 32;

/**
 * The whole image.
 *
 * @returns values after BSCALE, BZERO and BLANK, row by row, slowest axis first; see {@link readCompressedSection}
 */
export async function readCompressedImage(hdu: CompressedHdu, report?: ReadReport): Promise<Pixels> {
  const { shape } = compressedImageInfo(hdu.header, hdu.source.name);
  return readCompressedSection(
    hdu,
    shape.map(() => 0),
    [...shape],
    report,
  );
}

/**
 * A box of the image.
 *
 * @param start first pixel of each axis, from 0, slowest axis first (numpy order)
 * @param shape pixels along each axis, same order; the box must lie inside the image
 * @param report is told the tiles decoded and the bytes fetched
 * @returns `product(shape)` values after scaling, in the type astropy gives: the stored type, an unsigned one, or floats
 * @throws INPUT_INVALID for a damaged file, USAGE for a box outside the image
 */
export async function readCompressedSection(
  hdu: CompressedHdu,
  start: readonly number[],
  shape: readonly number[],
  report?: ReadReport,
): Promise<Pixels> {
  const { name } = hdu.source;
  const info = compressedImageInfo(hdu.header, name);
  checkBox(info, start, shape, name);
  checkHeap(hdu, info);
  const pixels = product(shape);
  if (shape.length === 0 || pixels === 0) return scalePixels(allocate(info.bitpix, 0), info);
  if (pixels > MOST_PIXELS) throw damaged(name, `a box of ${shape.join(' x ')} pixels does not fit an array`);

  const wanted = await locateTiles(hdu, info, start, shape, report);
  const out = allocateOrSay(info, pixels, name);
  const scratch: TileScratch = { integers: new Int32Array(0) };
  for await (const fetched of fetchTiles(hdu.source, wanted, report)) {
    for (const tile of fetched) {
      const subject = `${name}, tile ${tile.index}`;
      const values = await decodeTile(info, tile.kind, tile.column, tile.body, product(tile.shape), scratch, subject);
      place(info, tile, values, start, shape, out, subject);
      if (report !== undefined) report.tiles++;
    }
  }
  return scalePixels(out, info);
}

function allocateOrSay(info: CompressedImageInfo, pixels: number, name: string): RawPixels {
  try {
    return allocate(info.bitpix, pixels);
  } catch (cause) {
    throw damaged(name, `there is no memory for ${pixels} pixels of BITPIX ${info.bitpix}`, { pixels }, cause);
  }
}

function checkBox(info: CompressedImageInfo, start: readonly number[], shape: readonly number[], name: string): void {
  const inside = info.shape.every(
    (length, axis) =>
      Number.isSafeInteger(start[axis]) &&
      Number.isSafeInteger(shape[axis]) &&
      start[axis] >= 0 &&
      shape[axis] >= 0 &&
      start[axis] + shape[axis] <= length,
  );
  if (inside && start.length === info.shape.length && shape.length === info.shape.length) return;
  throw new ArcletError('USAGE', `A box of [${shape}] from [${start}] does not lie in an image of [${info.shape}].`, {
    subject: name,
    remedy: 'Give start and shape for every axis, slowest first, inside the image.',
  });
}

/** Reads the rows of the table that the box needs, in one range, and where each tile lies. */
async function locateTiles(
  hdu: CompressedHdu,
  info: CompressedImageInfo,
  start: readonly number[],
  shape: readonly number[],
  report: ReadReport | undefined,
): Promise<WantedTile[]> {
  const { tileShape, tileCounts, table } = info;
  const first = start.map((from, axis) => Math.floor(from / tileShape[axis]));
  const last = start.map((from, axis) => Math.floor((from + shape[axis] - 1) / tileShape[axis]));
  const rowOf = (place: readonly number[]): number => place.reduce((row, at, axis) => row * tileCounts[axis] + at, 0);
  const firstRow = rowOf(first);
  const span = (rowOf(last) - firstRow + 1) * table.rowBytes;
  const rows = await hdu.source.read(hdu.dataOffset + firstRow * table.rowBytes, span);
  if (report !== undefined) report.bytes += rows.length;
  const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
  const wanted: WantedTile[] = [];
  for (const place = [...first]; ; ) {
    const index = rowOf(place);
    wanted.push(locateTile(hdu, info, view, (index - firstRow) * table.rowBytes, index, place));
    let axis = place.length - 1;
    while (axis >= 0 && place[axis] === last[axis]) place[axis] = first[axis--];
    if (axis < 0) return wanted;
    place[axis]++;
  }
}

/** The part of a tile that lies in the box, to its place in the box. */
function place(
  info: CompressedImageInfo,
  tile: WantedTile,
  values: RawPixels,
  start: readonly number[],
  shape: readonly number[],
  out: RawPixels,
  subject: string,
): void {
  const axes = shape.length;
  const low = tile.start.map((from, axis) => Math.max(from, start[axis]));
  const high = tile.start.map((from, axis) => Math.min(from + tile.shape[axis], start[axis] + shape[axis]));
  const count = high[axes - 1] - low[axes - 1];
  const rule = unquantizerOf(info, tile);
  checkWidth(info, values, subject);
  const at = [...low];
  for (;;) {
    let from = 0;
    let to = 0;
    for (let axis = 0; axis < axes; axis++) {
      from = from * tile.shape[axis] + at[axis] - tile.start[axis];
      to = to * shape[axis] + at[axis] - start[axis];
    }
    if (rule !== undefined) unquantize(rule, values as Int32Array, from, count, out as Float32Array, to);
    // The two are both 64-bit integers or neither is, as compared above.
    else (out as Float64Array).set((values as Float64Array).subarray(from, from + count), to);
    let axis = axes - 2;
    while (axis >= 0 && at[axis] === high[axis] - 1) at[axis] = low[axis--];
    if (axis < 0) return;
    at[axis]++;
  }
}
