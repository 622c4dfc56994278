/**
 * Images as float32, for whoever calculates with them: what is undefined is NaN, whatever the pixels are stored as. {@link readSection} keeps
 * unsigned integers as integers, as astropy does, and an undefined one (BLANK) is a number like any other there.
 */
import { compressedImageInfo } from './compress/index.ts';
import type { NumberArray } from './elements.ts';
import type { FitsHdu } from './file.ts';
import { type ImageReadReport, imageInfo, rangesOf, readSection } from './image.ts';
import { blankOf, pixelCoding, undefinedInteger } from './pixels.ts';
import { checkBox, PieceMemory, readRanges } from './ranges.ts';

export interface Float32Image {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/**
 * A box of an image as float32, undefined pixels NaN.
 *
 * @param start first pixel, 0-based, numpy order
 * @param shape extent along each axis, same order
 * @throws as {@link readSection}
 */
export async function readFloat32Section(
  hdu: FitsHdu,
  start: readonly number[],
  shape: readonly number[],
  report?: ImageReadReport,
): Promise<Float32Image> {
  const { data } = await readSection(hdu, start, shape, report);
  return { data: toFloat32(data, blankIntegerOf(hdu)), shape };
}

/** What an undefined pixel is where {@link readSection} gives unsigned integers or signed bytes; undefined where it is NaN, or there is none. */
export function blankIntegerOf(hdu: FitsHdu): number | bigint | undefined {
  if (hdu.type !== 'COMPRESSED_IMAGE')
    return undefinedInteger(hdu.bitpix, hdu.header.number('BSCALE', 1), hdu.header.number('BZERO', 0), blankOf(hdu.header));
  const { bitpix, bscale, bzero, blank } = compressedImageInfo(hdu.header, hdu.header.where);
  return undefinedInteger(bitpix, bscale, bzero, blank);
}

function toFloat32(data: NumberArray, blank: number | bigint | undefined): Float32Array {
  if (data instanceof Float32Array) return data;
  const values = Float32Array.from(data as ArrayLike<number | bigint>, Number);
  if (blank === undefined) return values;
  for (let at = 0; at < values.length; at++) if (data[at] === blank) values[at] = Number.NaN;
  return values;
}

/** Pixels handed over at once: they stay in the first cache between decoding and use. */
const RUN_PIXELS = 4096;

/** Memory of {@link eachFloat32Run}, used again by one call after the other. */
export class RunMemory {
  readonly pieces = new PieceMemory();
  readonly values = new Float32Array(RUN_PIXELS);
}

/**
 * Pixels of a box as float32, a few thousand at a time, for passes that look at every pixel once and keep none: float32 images that are not
 * compressed are read into memory that is used again, others as {@link readFloat32Section} reads them.
 *
 * @param use takes values of pixels `at` and following of the box (C order), in rising order. They are valid during the call only.
 * @throws as {@link readSection}
 */
export async function eachFloat32Run(
  hdu: FitsHdu,
  start: readonly number[],
  shape: readonly number[],
  use: (values: Float32Array, at: number) => void,
  memory: RunMemory,
): Promise<void> {
  const info = imageInfo(hdu);
  if (hdu.type === 'COMPRESSED_IMAGE' || info.dtype !== 'float32') {
    const { data } = await readFloat32Section(hdu, start, shape);
    return use(data, 0);
  }
  checkBox(hdu.header.where, info.shape, start, shape);
  const { width, decode } = pixelCoding(hdu.header);
  const ranges = rangesOf(hdu, info.shape, start, shape, width);
  const rangePixels = ranges.length === 0 ? 0 : ranges[0].length / width;
  const useBytes = (bytes: Uint8Array, index: number, from: number) => {
    for (let at = 0; at < bytes.length; at += RUN_PIXELS * width) {
      const run = bytes.subarray(at, at + RUN_PIXELS * width);
      decode(run, memory.values, 0);
      use(memory.values.subarray(0, run.length / width), index * rangePixels + (from + at) / width);
    }
  };
  await readRanges(hdu.source, ranges, width, useBytes, undefined, memory.pieces);
}
