/** Writes what was rendered: arrays for numpy or FITS readers, a contact sheet for eyes. */
import { extname } from 'node:path';
import { ArcletError } from '../../core/errors.ts';
import { writeFileAtomic } from '../../io/atomic.ts';
import type { HduInput } from '../../io/fits/encode.ts';
import { writeFits } from '../../io/fits/node.ts';
import type { NpyArray } from '../../io/npy.ts';
import { writeNpz } from '../../io/npz.ts';
import { encodePng, type Raster } from '../../io/png.ts';
import { colourStamp, enlarge, type Plane, sheet, stretchFor } from '../../io/stretch.ts';
import type { RenderResult, Stamps } from './result.ts';

export const OUTPUT_FORMATS = ['.npz', '.fits', '.png'] as const;

type FloatArray = NpyArray & { readonly data: Float32Array | Float64Array };

/** Throws USAGE for an ending that no writer has: asked before the work, not after it. */
export function checkOutputFormat(path: string): void {
  if ((OUTPUT_FORMATS as readonly string[]).includes(extname(path).toLowerCase())) return;
  throw new ArcletError('USAGE', `${path} has the ending '${extname(path)}', there are ${OUTPUT_FORMATS.join(', ')}.`, {
    subject: path,
    remedy: 'Name the output with one of these endings.',
  });
}

/**
 * The arrays of a result by their names in files: `lensed`, `convolved`, `unlensed` [row, band, y, x] in nanomaggies per pixel, `flux_err`
 * [row]; with maps `alpha_x`, `alpha_y` (arcsec), `kappa`, `gamma1`, `gamma2`, `magnification` [row, y, x].
 */
export function renderArrays(result: RenderResult): Record<string, FloatArray> {
  const { lensed, convolved, unlensed, fluxErr, maps, size } = result;
  const arrays: Record<string, FloatArray> = {
    lensed,
    convolved,
    unlensed,
    flux_err: { data: fluxErr, shape: [fluxErr.length] },
  };
  if (maps !== undefined) {
    const shape = [fluxErr.length, size, size];
    arrays['alpha_x'] = { data: maps.alphaX, shape };
    arrays['alpha_y'] = { data: maps.alphaY, shape };
    arrays['kappa'] = { data: maps.kappa, shape };
    arrays['gamma1'] = { data: maps.gamma1, shape };
    arrays['gamma2'] = { data: maps.gamma2, shape };
    arrays['magnification'] = { data: maps.magnification, shape };
  }
  return arrays;
}

const UNITS: Readonly<Record<string, string>> = {
  lensed: 'nanomaggy',
  convolved: 'nanomaggy',
  unlensed: 'nanomaggy',
  alpha_x: 'arcsec',
  alpha_y: 'arcsec',
};

/** Writes a result in the format that the path's ending names. Throws USAGE, OUTPUT_UNWRITABLE. */
export async function writeRender(path: string, result: RenderResult, pixscaleArcsec: number): Promise<void> {
  checkOutputFormat(path);
  const ending = extname(path).toLowerCase();
  if (ending === '.npz') await writeNpz(path, renderArrays(result));
  else if (ending === '.png') await writeFileAtomic(path, encodePng(contactSheet(result)));
  else {
    const bands = result.bands.map((band, index) => ({ keyword: `BAND${index}`, value: band }));
    const images = Object.entries(renderArrays(result)).map(
      ([name, { data, shape }]): HduInput => ({
        kind: 'image',
        name: name.toUpperCase(),
        data: data as Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>,
        shape,
        unit: UNITS[name],
        cards: shape.length === 4 ? bands : [],
      }),
    );
    const origin = [
      { keyword: 'ORIGIN', value: 'arclet' },
      { keyword: 'PIXSCALE', value: pixscaleArcsec, comment: 'arcsec per pixel' },
    ];
    await writeFits(path, [{ kind: 'empty', cards: origin }, ...images]);
  }
}

/** Planes of one row for red, green, blue: the bands from the reddest (the last) down; one band is gray. */
export function colourPlanes(stamps: Stamps, row: number): readonly [Plane, Plane, Plane] | readonly [Plane] {
  const [, bands, height, width] = stamps.shape;
  const plane = (band: number) =>
    stamps.data.subarray((row * bands + band) * height * width, (row * bands + band + 1) * height * width);
  if (bands < 2) return [plane(0)];
  // Of many bands the first, middle and last; of two the mean of both is green.
  if (bands === 2) return [plane(1), Float64Array.from(plane(0), (blue, index) => (blue + plane(1)[index]) / 2), plane(0)];
  return [plane(bands - 1), plane(Math.floor((bands - 1) / 2)), plane(0)];
}

/** Every row as it would be seen (convolved), each on its own asinh stretch, 3 screen pixels per pixel on sheets that stay small. */
export function contactSheet(result: RenderResult): Raster {
  const [rows, , size] = result.convolved.shape;
  const zoom = Math.max(1, Math.min(3, Math.floor(1600 / (size * Math.ceil(Math.sqrt(rows))))));
  const stamps = Array.from({ length: rows }, (_, row) => {
    const planes = colourPlanes(result.convolved, row);
    return enlarge(colourStamp(planes, size, stretchFor(planes)), zoom);
  });
  return sheet(stamps, Math.ceil(Math.sqrt(rows)));
}
