/** Images of a field as frames: boxes of scaled pixels, read when asked for. */
import { eachFloat32Run, type RunMemory, readFloat32Section } from '../../io/fits/index.ts';
import { applyEdits, cutHeader, pixelScale, type Wcs, wcsFromHeader } from '../../sky/wcs/index.ts';
import { epochYearOf } from './augment/epoch.ts';
import type { Frame, FramePixels, PixelBox } from './field.ts';
import type { ImageFile } from './load-header.ts';

/** A frame that also gives boxes of the full image. */
export interface ImageFrame extends Frame {
  readonly fullWidth: number;
  readonly fullHeight: number;
  readonly fullSection: SectionReader;
  readonly stored: StoredPixels;
}

/** Which stored values are good, and what makes scaled ones of them. */
export interface ValueRule {
  readonly scale: number;
  /** Good values lie above. */
  readonly low: number;
  /** Good values lie below. */
  readonly high: number;
}

/** Pixels of a full image as they are stored, float32, a few thousand at a time; see eachFloat32Run. */
export interface StoredPixels {
  readonly rule: ValueRule;
  readonly runs: (part: PixelBox, use: (values: Float32Array, at: number) => void, memory: RunMemory) => Promise<void>;
}

const FLOAT32_MAX = 3.4028234663852886e38;

/**
 * The rule of an image: bad is what is not finite, at least half of SATURATE (as tract7dt has it), or beyond float32 when scaled. NaN is on no side
 * of a bound. One rule for all who read pixels, so that no two of them disagree on one.
 *
 * @param scale what stored values are multiplied by; 1 leaves them as they are
 */
export function valueRule({ saturate }: Pick<ImageFile, 'saturate'>, scale: number): ValueRule {
  const largest = scale > 1 ? FLOAT32_MAX / scale : Number.POSITIVE_INFINITY;
  // Pixels are float32, so the bound is too.
  return { scale, low: -largest, high: Math.min(Math.fround(saturate / 2), largest) };
}

/** Scales stored values where they lie (image = stored * scale): frames go by faster than memory is given back. Gives 1 for each that is bad. */
export function scalePixels(stored: Float32Array, { scale, low, high }: ValueRule): FramePixels {
  const bad = new Uint8Array(stored.length);
  for (let at = 0; at < stored.length; at++) {
    const value = stored[at];
    stored[at] = value * scale;
    bad[at] = value < high && value > low ? 0 : 1;
  }
  return { image: stored, bad };
}

const ruleOf = (file: ImageFile, zpRef: number): ValueRule => valueRule(file, 10 ** (-0.4 * (file.zpAuto - zpRef)));

export function storedPixels(file: ImageFile, zpRef: number): StoredPixels {
  const { hdu, leadingAxes } = file;
  return {
    rule: ruleOf(file, zpRef),
    runs: (part, use, memory) => eachFloat32Run(hdu, ...boxOf(leadingAxes, part), use, memory),
  };
}

/** A box of a full image as it is stored, in float32; what is undefined is NaN. Throws as readSection. */
export async function storedSection({ hdu, leadingAxes }: ImageFile, box: PixelBox): Promise<Float32Array> {
  return (await readFloat32Section(hdu, ...boxOf(leadingAxes, box))).data;
}

/** Reads a box of a full image, scaled. */
export type SectionReader = (x0: number, y0: number, width: number, height: number) => Promise<FramePixels>;

export function sectionReader(file: ImageFile, zpRef: number): SectionReader {
  const rule = ruleOf(file, zpRef);
  return async (x0, y0, width, height) => scalePixels(await storedSection(file, { x0, y0, width, height }), rule);
}

/**
 * The frame of an image.
 *
 * @param box the working frame, full pixels
 * @param pixscaleArcsec for SEEING, which is in arcsec
 */
export function imageFrame(file: ImageFile, box: PixelBox, zpRef: number, pixscaleArcsec: number): ImageFrame {
  const { band, path, header, shape, zpAuto, skySigma, gain, saturate, peeingPx, seeingArcsec } = file;
  const stored = storedPixels(file, zpRef);
  const { scale } = stored.rule;
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
    stored,
  };
}

/** Start and shape of a box in an image with axes of length 1 before y and x. */
function boxOf(leadingAxes: number, { x0, y0, width, height }: PixelBox): [start: number[], shape: number[]] {
  const lead = (value: number) => new Array<number>(leadingAxes).fill(value);
  return [
    [...lead(0), y0, x0],
    [...lead(1), height, width],
  ];
}

/** The WCS of a box of the first image, and the scale of its middle pixel (geometric mean of the axes, arcsec). */
export function boxWcs({ header }: ImageFile, box: PixelBox): { wcs: Wcs; pixscaleArcsec: number } {
  const wcs = wcsFromHeader(applyEdits(header, cutHeader(header, box.x0, box.y0, box.width, box.height)));
  const { xArcsec, yArcsec } = pixelScale(wcs, (box.width - 1) / 2, (box.height - 1) / 2);
  return { wcs, pixscaleArcsec: Math.sqrt(xArcsec * yArcsec) };
}
