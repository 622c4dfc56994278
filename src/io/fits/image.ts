/** Images, plain or tile-compressed: whole, a box, or piece by piece. Shapes are in numpy order: [..., NAXIS2, NAXIS1]. */
import { checkRange } from '../store/source.ts';
import { type CompressedImageInfo, compressedImageInfo, readCompressedSection } from './compress/index.ts';
import { damaged } from './damage.ts';
import { arrayOf, type NumberArray, type NumericDtype, sizeOf } from './elements.ts';
import type { FitsHdu } from './file.ts';
import type { Bitpix } from './layout.ts';
import { pixelCoding, valueDtype } from './pixels.ts';
import { boxRuns, checkBox, readRanges } from './ranges.ts';

export interface FitsImageInfo {
  readonly shape: readonly number[];
  /** Type of the values after scaling. */
  readonly dtype: NumericDtype;
  /** As stored, before compression. */
  readonly bitpix: Bitpix;
  /** BUNIT. */
  readonly unit: string | undefined;
}

export interface FitsImage {
  readonly data: NumberArray;
  readonly shape: readonly number[];
  readonly dtype: NumericDtype;
}

/** A box of an image and where it lies. */
export interface ImageChunk extends FitsImage {
  readonly start: readonly number[];
}

/** What a read took from the source. Handed in, it is added to. */
export interface ImageReadReport {
  bytes: number;
  /** Requests to the source, of a plain image. */
  reads: number;
  /** Tiles that were decoded, of a compressed image. */
  tiles: number;
}

const whereOf = (hdu: FitsHdu): string => hdu.header.where;

/** Shape and type of an image HDU, from its header alone. Throws INPUT_INVALID when it holds no image or its header is damaged. */
export function imageInfo(hdu: FitsHdu): FitsImageInfo {
  const unit = hdu.header.text('BUNIT');
  if (hdu.type === 'COMPRESSED_IMAGE') {
    const { shape, bitpix, bscale, bzero, blank } = compressedImageInfo(hdu.header, whereOf(hdu));
    return { shape, bitpix, unit, dtype: valueDtype(bitpix, bscale, bzero, blank !== undefined) };
  }
  if (hdu.type !== 'PRIMARY' && hdu.type !== 'IMAGE')
    throw damaged(whereOf(hdu), `it is a ${hdu.type} HDU, not an image`, undefined, 'Name an image HDU.');
  if (hdu.axes.length === 0) throw damaged(whereOf(hdu), 'it has no data (NAXIS = 0)', undefined, 'Name an HDU with an image.');
  return { shape: hdu.axes.toReversed(), bitpix: hdu.bitpix, unit, dtype: pixelCoding(hdu.header).dtype };
}

/** A whole image. Throws as {@link readSection}. */
export async function readImage(hdu: FitsHdu, report?: ImageReadReport): Promise<FitsImage> {
  const { shape } = imageInfo(hdu);
  return readSection(
    hdu,
    shape.map(() => 0),
    shape,
    report,
  );
}

/**
 * A box of an image: of a plain image only the rows touched are read, of a compressed one only the tiles.
 *
 * @param start first pixel, 0-based, numpy order
 * @param shape extent along each axis, same order
 * @throws INPUT_INVALID when the box is not inside the image, or the file ends before its last pixel
 */
export async function readSection(
  hdu: FitsHdu,
  start: readonly number[],
  shape: readonly number[],
  report?: ImageReadReport,
): Promise<FitsImage> {
  const info = imageInfo(hdu);
  checkBox(whereOf(hdu), info.shape, start, shape);
  if (hdu.type === 'COMPRESSED_IMAGE') {
    const data = (await readCompressedSection(hdu, [...start], [...shape], report)) as NumberArray;
    return { data, shape, dtype: info.dtype };
  }
  const coding = pixelCoding(hdu.header);
  const ranges = rangesOf(hdu, info.shape, start, shape, coding.width);
  const last = ranges.at(-1);
  const data = arrayOf(coding.dtype, sizeOf(shape));
  const runLength = last === undefined ? 0 : last.length / coding.width;
  await readRanges(
    hdu.source,
    ranges,
    coding.width,
    (bytes, index, from) => coding.decode(bytes, data, index * runLength + from / coding.width),
    report,
  );
  return { data, shape, dtype: coding.dtype };
}

/** Where the rows of a box of a plain image lie. Checked before anything is allocated: a length that lies costs nothing. */
export function rangesOf(
  hdu: FitsHdu,
  whole: readonly number[],
  start: readonly number[],
  shape: readonly number[],
  width: number,
) {
  const ranges = [...boxRuns(whole, start, shape)].map(({ offset, length }) => ({
    offset: hdu.dataOffset + offset * width,
    length: length * width,
  }));
  const last = ranges.at(-1);
  if (last) checkRange(hdu.source, ranges[0].offset, last.offset + last.length - ranges[0].offset);
  return ranges;
}

/**
 * An image in pieces of at most `maxBytes` of values each (a row, or a row of tiles, if that is more), in the order of the file: for
 * images larger than memory.
 *
 * @throws as {@link readSection}
 */
export async function* imageChunks(hdu: FitsHdu, maxBytes = 64e6): AsyncGenerator<ImageChunk> {
  const { shape, dtype } = imageInfo(hdu);
  const tiles = hdu.type === 'COMPRESSED_IMAGE' ? compressedImageInfo(hdu.header, whereOf(hdu)) : undefined;
  const width = arrayOf(dtype, 1).byteLength;
  for (const box of boxes(shape, maxBytes / width, tiles))
    yield { start: box.start, ...(await readSection(hdu, box.start, box.shape)) };
}

/** Boxes that cover `shape` in C order, each of at most `limit` elements where tiles and rows allow. */
function* boxes(
  shape: readonly number[],
  limit: number,
  tiles: CompressedImageInfo | undefined,
): Generator<{ start: number[]; shape: number[] }> {
  if (sizeOf(shape) === 0) return;
  // The axis that is cut: behind it everything is taken whole, before it one index at a time (or one tile).
  let cut = 0;
  while (cut < shape.length - 1 && sizeOf(shape.slice(cut + 1)) > limit) cut++;
  const step = shape.map((size, axis) => {
    if (axis > cut) return size;
    const tile = tiles?.tileShape[axis] ?? 1;
    if (axis < cut) return tile;
    const rows = Math.floor(limit / sizeOf(shape.slice(cut + 1)) / tile) * tile;
    return Math.min(size, Math.max(tile, rows));
  });
  const start = shape.map(() => 0);
  for (;;) {
    yield { start: [...start], shape: start.map((at, axis) => Math.min(step[axis], shape[axis] - at)) };
    let axis = cut;
    while (axis >= 0) {
      start[axis] += step[axis];
      if (start[axis] < shape[axis]) break;
      start[axis] = 0;
      axis--;
    }
    if (axis < 0) return;
  }
}
