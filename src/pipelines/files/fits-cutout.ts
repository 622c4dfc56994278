/** `arclet fits cutout`: a box of one or several images, by pixels or by a place on the sky, as FITS with a right WCS or as PNG. */
import { ArcletError } from '../../core/errors.ts';
import {
  encodeFits,
  type FitsFile,
  type FitsHdu,
  FitsHeader,
  type HduInput,
  imageInfo,
  type NumberArray,
  readSection,
} from '../../io/fits/index.ts';
import { encodePng } from '../../io/png.ts';
import { cutHeader, pixelScale } from '../../sky/wcs/index.ts';
import { drawCutout } from './draw-cutout.ts';
import { hasCelestialAxes, hduWcs } from './hdu-wcs.ts';
import { chooseHdu, endingOf, hasImage, withFits, writeTo } from './open.ts';
import { readStored } from './stored-image.ts';

/** First pixel (0-based) and size in pixels, x along NAXIS1. */
export interface PixelBox {
  readonly x0: number;
  readonly y0: number;
  readonly width: number;
  readonly height: number;
}

/** A square on the sky, upright in pixels. */
export interface SkyBox {
  /** Degrees, in the frame of the image. */
  readonly raDeg: number;
  readonly decDeg: number;
  readonly sizeArcsec: number;
}

export interface CutoutRequest {
  readonly box: PixelBox | SkyBox;
  /** HDU by number or name; default the first image (with celestial axes, for a box on the sky). */
  readonly hdu?: string;
  /** .fits (one HDU per file) or .png (one file gray, three red, green, blue). */
  readonly out: string;
}

export interface CutoutReport {
  readonly file: string;
  readonly hdu: number;
  readonly name: string;
  /** What was cut: the part of the box that lies in the image. */
  readonly box: PixelBox;
  readonly dtype: string;
  /** Everything read of the file, headers included. */
  readonly bytes: number;
  readonly reads: number;
  /** Tiles decoded; 0 for a plain image. */
  readonly tiles: number;
  readonly fileBytes: number;
  /** What a person should know: the box was trimmed, distortion tables were dropped. */
  readonly notes: readonly string[];
}

interface Cut {
  readonly report: CutoutReport;
  readonly input: HduInput;
  /** Physical values of the first plane, y up: what a PNG shows. */
  readonly plane: NumberArray | undefined;
}

/** Throws USAGE for an ending that no writer has, or a number of files that makes no picture. */
export function checkCutout(out: string, files: number): 'fits' | 'png' {
  const ending = endingOf(out);
  if (['.fits', '.fit', '.fts'].includes(ending)) return 'fits';
  if (ending === '.png' && (files === 1 || files === 3)) return 'png';
  const why =
    ending === '.png' ? `a PNG shows 1 or 3 files and ${files} are given` : `its ending '${ending}' is not .fits or .png`;
  throw new ArcletError('USAGE', `${out} cannot be written: ${why}.`, {
    subject: out,
    remedy: 'Name a .fits file, or a .png for one file or for red, green and blue.',
  });
}

/**
 * Cuts the same box from each file. Only headers and the rows or tiles that the box touches are read.
 *
 * @throws INPUT_UNREADABLE, INPUT_INVALID (no image, no WCS, the box does not touch the image), USAGE, OUTPUT_UNWRITABLE
 */
export async function fitsCutout(locations: readonly string[], request: CutoutRequest): Promise<CutoutReport[]> {
  const format = checkCutout(request.out, locations.length);
  const cuts: Cut[] = [];
  for (const location of locations) cuts.push(await cut(location, request, format));
  if (format === 'fits') await writeTo(request.out, encodeFits(cuts.map(({ input }) => input)));
  else {
    const { width, height } = cuts[0].report.box;
    await writeTo(request.out, [
      encodePng(
        drawCutout(
          cuts.map(({ plane }) => plane as NumberArray),
          width,
          height,
        ),
      ),
    ]);
  }
  return cuts.map(({ report }) => report);
}

async function cut(location: string, { box, hdu: word, out }: CutoutRequest, format: 'fits' | 'png'): Promise<Cut> {
  return withFits(location, async (file, touched) => {
    const onSky = 'raDeg' in box;
    const hdu = chooseHdu(
      file,
      word,
      (one) => hasImage(one) && (!onSky || hasCelestialAxes(one)),
      onSky ? 'image with celestial axes' : 'image',
    );
    const { shape, dtype } = imageInfo(hdu);
    if (shape.length < 2)
      throw new ArcletError('INPUT_INVALID', `${hdu.header.where} has ${shape.length} axis, a cutout needs two.`, {
        subject: hdu.header.where,
        remedy: 'Name another HDU with --hdu.',
      });
    const wanted = onSky ? await pixelsOf(file, hdu, box) : box;
    const { trimmed, notes } = trim(hdu, shape, wanted);
    const { x0, y0, width, height } = trimmed;
    const start = [...shape.slice(2).fill(0), y0, x0];
    const extent = [...shape.slice(0, -2), height, width];
    const counts = { bytes: 0, reads: 0, tiles: 0 };
    let input: HduInput = { kind: 'empty' };
    let plane: NumberArray | undefined;
    if (format === 'png') {
      const first = [...shape.slice(2).fill(1), height, width];
      plane = (await readSection(hdu, start, first, counts)).data;
    } else {
      const stored = await readStored(hdu, { start, shape: extent }, counts);
      const { header, lost } = cutCards(hdu, trimmed);
      notes.push(...lost);
      const name = hdu.index === 0 || hdu.name === 'COMPRESSED_IMAGE' ? undefined : hdu.name || undefined;
      input = { kind: 'image', data: stored.data, shape: extent, header, cards: stored.scaling, name };
    }
    const report = {
      file: location,
      hdu: hdu.index,
      name: hdu.name,
      box: trimmed,
      dtype,
      bytes: touched.bytes,
      reads: touched.reads,
      tiles: counts.tiles,
      fileBytes: file.source.size,
      notes,
    };
    return { report, input, plane, out };
  });
}

/** The header of the cut: every card as it stood but for those that place the pixels. */
function cutCards(hdu: FitsHdu, { x0, y0, width, height }: PixelBox): { header: FitsHeader; lost: string[] } {
  const edits = cutHeader(hdu.header, x0, y0, width, height);
  const header = hdu.header.clone().remove((key) => key === 'EXTNAME' || edits.remove.includes(key));
  for (const [keyword, value] of edits.set) if (!/^NAXIS\d$/.test(keyword)) header.set(keyword, value);
  return { header: new FitsHeader(header.cards, hdu.header.where), lost: edits.notes };
}

/** The pixels of a square on the sky: the sides in whole pixels by the scale at its centre, placed as numpy users do (ceil(x - w / 2)). */
async function pixelsOf(file: FitsFile, hdu: FitsHdu, { raDeg, decDeg, sizeArcsec }: SkyBox): Promise<PixelBox> {
  const wcs = await hduWcs(file, hdu);
  const [x, y] = wcs.worldToPixel(raDeg, decDeg);
  const { xArcsec, yArcsec } = pixelScale(wcs, x, y);
  const [width, height] = [xArcsec, yArcsec].map((scale) => Math.max(1, Math.round(sizeArcsec / scale)));
  if (Number.isSafeInteger(width) && Number.isSafeInteger(height) && Number.isFinite(x) && Number.isFinite(y))
    return { x0: Math.ceil(x - width / 2), y0: Math.ceil(y - height / 2), width, height };
  throw new ArcletError('INPUT_INVALID', `${hdu.header.where}: (${raDeg}, ${decDeg}) degrees has no place in this image.`, {
    subject: hdu.header.where,
    remedy: 'Give a place that the image covers, in the frame of its axes.',
  });
}

function trim(hdu: FitsHdu, shape: readonly number[], box: PixelBox): { trimmed: PixelBox; notes: string[] } {
  const [ny, nx] = shape.slice(-2);
  const x0 = Math.max(0, box.x0);
  const y0 = Math.max(0, box.y0);
  const width = Math.min(nx, box.x0 + box.width) - x0;
  const height = Math.min(ny, box.y0 + box.height) - y0;
  const asked = `${box.width} x ${box.height} pixels at (${box.x0}, ${box.y0})`;
  if (!(width > 0 && height > 0))
    throw new ArcletError('INPUT_INVALID', `${hdu.header.where}: a box of ${asked} lies outside its ${nx} x ${ny} pixels.`, {
      subject: hdu.header.where,
      remedy: 'Give a box that touches the image.',
    });
  const whole = width === box.width && height === box.height;
  const notes = whole ? [] : [`The box of ${asked} is trimmed to ${width} x ${height} at (${x0}, ${y0}), where the image ends.`];
  return { trimmed: { x0, y0, width, height }, notes };
}
