/** SVG to pixels by resvg, with the font that arclet ships: the same picture on every machine, whatever fonts it has. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ArcletError } from '../core/errors.ts';

/** Red, green, blue and opacity, row by row from the top; colours are not multiplied by the opacity. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

export interface SvgPngOptions {
  /** Pixels per CSS pixel, default 2: sharp on today's screens and in print at column width. */
  readonly scale?: number;
}

const FONTS = ['Inter-Regular.ttf', 'Inter-SemiBold.ttf'];
/** A picture larger than this is a mistake, and would be asked for as memory at once. */
const MAX_PIXELS = 2 ** 28;

/** assets/fonts of this package: dist/src/io is one level deeper than src/io. */
function fontFiles(): string[] {
  for (const up of ['../../', '../../../']) {
    const files = FONTS.map((name) => fileURLToPath(new URL(`${up}assets/fonts/${name}`, import.meta.url)));
    if (files.every((file) => existsSync(file))) return files;
  }
  throw new ArcletError('INPUT_UNREADABLE', `The fonts ${FONTS.join(', ')} that come with arclet are missing.`, {
    subject: 'assets/fonts',
    remedy: 'Install arclet again.',
  });
}

async function render(svg: string, { scale = 2 }: SvgPngOptions) {
  if (/var\(--/.test(svg)) {
    throw new ArcletError('INPUT_INVALID', 'The SVG takes its colours from the page that shows it, so it has none as a PNG.', {
      remedy: "Draw the chart with theme 'light' or 'dark'.",
    });
  }
  if (!(scale > 0 && scale <= 16)) throw new RangeError(`scale is ${scale}, expected more than 0 and at most 16`);
  const { Resvg } = await import('@resvg/resvg-js');
  const font = { fontFiles: fontFiles(), loadSystemFonts: false, defaultFontFamily: 'Inter', sansSerifFamily: 'Inter' };
  let image: InstanceType<typeof Resvg>;
  try {
    image = new Resvg(svg, { font, fitTo: { mode: 'zoom', value: scale } });
  } catch (cause) {
    throw new ArcletError('INPUT_INVALID', `The SVG of ${svg.length} characters cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
  const pixels = image.width * image.height * scale * scale;
  if (pixels > MAX_PIXELS) {
    throw new ArcletError('INPUT_INVALID', `A picture of ${Math.round(pixels)} pixels is above the limit of ${MAX_PIXELS}.`, {
      remedy: 'Take a smaller scale.',
    });
  }
  return image.render();
}

/**
 * The bytes of a PNG of an SVG.
 *
 * Throws INPUT_INVALID for text that is no SVG, for one whose colours are CSS variables (charts with theme 'auto') and for pictures of
 * more than 2^28 pixels.
 */
export async function svgToPng(svg: string, options: SvgPngOptions = {}): Promise<Uint8Array> {
  return new Uint8Array((await render(svg, options)).asPng());
}

/** The pixels of an SVG, to be laid over others. Errors as {@link svgToPng}. */
export async function svgToImage(svg: string, options: SvgPngOptions = {}): Promise<RgbaImage> {
  const { width, height, pixels } = await render(svg, options);
  const straight = new Uint8Array(pixels);
  // resvg hands out colours times opacity.
  for (let at = 0; at < straight.length; at += 4) {
    const opacity = straight[at + 3];
    if (opacity === 0 || opacity === 255) continue;
    for (let channel = 0; channel < 3; channel++)
      straight[at + channel] = Math.min(255, Math.round((straight[at + channel] * 255) / opacity));
  }
  return { width, height, pixels: straight };
}
