/** A cutout as a picture: black at the sky, white at the bright end, asinh between. */
import { ArcletError } from '../../core/errors.ts';
import type { NumberArray } from '../../io/fits/index.ts';
import type { Raster } from '../../io/png.ts';
import { colourStamp, type Plane, stretchFor } from '../../io/stretch.ts';

/** Black this many deviations above the sky's level: its noise stays visible. */
const BLACK_SIGMA = -1;

/**
 * One plane gray, three planes red, green, blue.
 *
 * @param planes width x height values each, y up; undefined pixels (NaN) are black
 * @throws INPUT_INVALID when the planes differ in size
 */
export function drawCutout(planes: readonly NumberArray[], width: number, height: number): Raster {
  const other = planes.find(({ length }) => length !== width * height);
  if (other !== undefined)
    throw new ArcletError(
      'INPUT_INVALID',
      `The cutouts have ${width * height} and ${other.length} pixels, a picture needs one size.`,
      {
        remedy: 'Cut by pixels from aligned images, or cut one at a time.',
      },
    );
  // The stretch draws squares: what is missing to one is put above and to the right, and cut off again.
  const size = Math.max(width, height);
  const squares = planes.map((plane) => {
    const square = new Float64Array(size * size).fill(Number.NaN);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) square[y * size + x] = Number(plane[y * width + x]);
    return square;
  });
  const raster = colourStamp(squares as unknown as readonly [Plane], size, stretchFor(squares, { blackSigma: BLACK_SIGMA }));
  return crop(raster, width, height);
}

/** The lower left part of a raster, whose lines run from the top. */
function crop(raster: Raster, width: number, height: number): Raster {
  const { channels } = raster;
  const pixels = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const from = (raster.height - height + y) * raster.width * channels;
    pixels.set(raster.pixels.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, pixels };
}
