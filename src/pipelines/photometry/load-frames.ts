/** Images of a field as frames: boxes of scaled pixels, read when asked for. */
import { type FitsHdu, type NumberArray, readSection } from '../../io/fits/index.ts';
import { applyEdits, cutHeader, pixelScale, type Wcs, wcsFromHeader } from '../../sky/wcs/index.ts';
import { epochYearOf } from './augment/epoch.ts';
import type { Frame, FramePixels, PixelBox } from './field.ts';
import type { ImageFile } from './load-header.ts';

/** A frame that also gives boxes of the full image. */
export interface ImageFrame extends Frame {
  readonly fullWidth: number;
  readonly fullHeight: number;
  readonly fullSection: SectionReader;
}

/**
 * Scaled pixels: image = stored * scale; bad where not finite or at least half of SATURATE, as tract7dt has it. Float32 pixels are scaled where they
 * lie: frames go by faster than memory is given back.
 */
function scaled(data: NumberArray, scale: number, saturate: number): FramePixels {
  const image = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number | bigint>, Number);
  const bad = new Uint8Array(image.length);
  // Pixels are float32, so the bound is too.
  const bound = Math.fround(saturate / 2);
  for (let at = 0; at < image.length; at++) {
    const value = image[at];
    image[at] = value * scale;
    bad[at] = value < bound && value > Number.NEGATIVE_INFINITY ? 0 : 1;
  }
  return { image, bad };
}

const scaleOf = ({ zpAuto }: ImageFile, zpRef: number): number => 10 ** (-0.4 * (zpAuto - zpRef));

/** Reads a box of a full image, scaled. */
export type SectionReader = (x0: number, y0: number, width: number, height: number) => Promise<FramePixels>;

export function sectionReader(file: ImageFile, zpRef: number): SectionReader {
  const { hdu, leadingAxes, saturate } = file;
  const scale = scaleOf(file, zpRef);
  return async (x0, y0, width, height) => {
    const { data } = await readBox(hdu, leadingAxes, x0, y0, width, height);
    return scaled(data, scale, saturate);
  };
}

/**
 * The frame of an image.
 *
 * @param box the working frame, full pixels
 * @param pixscaleArcsec for SEEING, which is in arcsec
 */
export function imageFrame(file: ImageFile, box: PixelBox, zpRef: number, pixscaleArcsec: number): ImageFrame {
  const { band, path, header, shape, zpAuto, skySigma, gain, saturate, peeingPx, seeingArcsec } = file;
  const scale = scaleOf(file, zpRef);
  const fullSection = sectionReader(file, zpRef);
  const section = (x0: number, y0: number, width: number, height: number) => fullSection(box.x0 + x0, box.y0 + y0, width, height);
  return {
    band,
    path,
    width: box.width,
    height: box.height,
    fullWidth: shape[1],
    fullHeight: shape[0],
    scale,
    zpAuto,
    sigmaSky: skySigma * scale,
    gainElectronsPerAdu: gain,
    saturation: saturate * scale,
    fwhmPx: peeingPx ?? (seeingArcsec === undefined ? undefined : seeingArcsec / pixscaleArcsec),
    epochYear: epochYearOf(header),
    rows: (y0, count) => section(0, y0, box.width, count),
    section,
    fullSection,
  };
}

function readBox(hdu: FitsHdu, leadingAxes: number, x0: number, y0: number, width: number, height: number) {
  const lead = new Array<number>(leadingAxes);
  return readSection(hdu, [...lead.fill(0), y0, x0], [...[...lead].fill(1), height, width]);
}

/** The WCS of a box of the first image, and the scale of its middle pixel (geometric mean of the axes, arcsec). */
export function boxWcs({ header }: ImageFile, box: PixelBox): { wcs: Wcs; pixscaleArcsec: number } {
  const wcs = wcsFromHeader(applyEdits(header, cutHeader(header, box.x0, box.y0, box.width, box.height)));
  const { xArcsec, yArcsec } = pixelScale(wcs, (box.width - 1) / 2, (box.height - 1) / 2);
  return { wcs, pixscaleArcsec: Math.sqrt(xArcsec * yArcsec) };
}
