/** Grids of captioned stamps, as surveys look at candidates: colour or gray stamps side by side, a line of text or two below each. */
import type { Raster } from './png.ts';
import { colourStamp, enlarge, type Plane, type Stretch, sheet, stretchFor } from './stretch.ts';
import { svgToImage } from './svg-png.ts';

export interface GridStamp {
  /** Red, green, blue (or one plane for gray), each [y, x] with y up, size * size pixels. */
  readonly planes: readonly [Plane, Plane, Plane] | readonly [Plane];
  /** Lines below the stamp; a line too long for it is squeezed by up to a fifth, then cut with an ellipsis. */
  readonly caption?: string | readonly string[];
  /** How fluxes become colours; without it each stamp gets its own, {@link stretchFor}. */
  readonly stretch?: Stretch;
}

export interface StampGridOptions {
  /** Pixels along a side of every stamp. */
  readonly size: number;
  /** Default: as many as make the grid about square. */
  readonly columns?: number;
  /** Screen pixels per stamp pixel, default what brings a stamp to about 160. */
  readonly enlarge?: number;
  readonly title?: string;
  /** Gray of the ground, 0 to 255, default 18; text is light on a dark ground and dark on a light one. */
  readonly background?: number;
}

const GAP = 8;
const LINE = 15;
const TITLE = 34;

/**
 * A grid of stamps with captions, RGB. Stamps keep the order given, left to right from the top.
 *
 * Throws a RangeError for no stamps, or planes that are not size * size.
 */
export async function stampGrid(stamps: readonly GridStamp[], options: StampGridOptions): Promise<Raster> {
  const { size, background = 18, title } = options;
  if (stamps.length === 0) throw new RangeError('a grid of stamps needs at least one stamp');
  const columns = Math.min(stamps.length, options.columns ?? Math.ceil(Math.sqrt(stamps.length)));
  const count = options.enlarge ?? Math.max(1, Math.round(160 / size));
  const captions = stamps.map(({ caption = [] }) => (typeof caption === 'string' ? [caption] : caption));
  const lines = Math.max(...captions.map((caption) => caption.length));
  const below = lines === 0 ? 0 : LINE * lines + 4;
  const side = size * count;
  const cells = stamps.map(({ planes, stretch = stretchFor(planes) }) => {
    for (const plane of planes) {
      if (plane.length !== size * size) throw new RangeError(`a plane of a ${size} x ${size} stamp has ${plane.length} pixels`);
    }
    return withRoom(enlarge(asRgb(colourStamp(planes, size, stretch)), count), below, background);
  });
  const body = sheet(cells, columns, GAP, background);
  const top = title === undefined ? 0 : TITLE;
  const grid = withRoom(body, top, background, 'above');
  const ink = background < 128 ? '#e3e7ef' : '#1d232e';
  const words = captions.flatMap((caption, index) => {
    const left = GAP + (index % columns) * (side + GAP);
    const under = top + GAP + Math.floor(index / columns) * (side + below + GAP) + side;
    return caption.map((line, row) => textElement(line, left + 1, under + 13 + LINE * row, 11, side - 2));
  });
  if (title !== undefined) words.push(textElement(title, GAP + 1, 23, 15, grid.width - 2 * GAP, ' font-weight="600"'));
  if (words.length === 0) return grid;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${grid.width}" height="${grid.height}" font-family="Inter" fill="${ink}">${words.join('')}</svg>`;
  return overlay(grid, (await svgToImage(svg, { scale: 1 })).pixels);
}

/** Estimated width of a letter of Inter, em. */
const LETTER = 0.56;

/** A line of text that takes at most `room` pixels. */
function textElement(line: string, x: number, y: number, fontSize: number, room: number, more = ''): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML cannot hold them
  const letters = [...line.toWellFormed().replace(/[\u0000-\u001f\ufffe\uffff]/g, ' ')];
  const fitting = Math.max(1, Math.floor(room / (0.8 * LETTER * fontSize)));
  const shown = letters.length > fitting ? [...letters.slice(0, fitting - 1), '…'] : letters;
  const text = shown.join('').replace(/[&<>]/g, (letter) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[letter]!);
  const squeezed = LETTER * fontSize * shown.length > room ? ` textLength="${room}" lengthAdjust="spacingAndGlyphs"` : '';
  return `<text x="${x}" y="${y}" font-size="${fontSize}"${more}${squeezed}>${text}</text>`;
}

function asRgb(raster: Raster): Raster {
  if (raster.channels === 3) return raster;
  const pixels = new Uint8Array(raster.pixels.length * 3);
  for (let at = 0; at < pixels.length; at++) pixels[at] = raster.pixels[Math.floor(at / 3)];
  return { ...raster, channels: 3, pixels };
}

/** `lines` more rows of ground below (or above) an RGB raster. */
function withRoom(raster: Raster, lines: number, background: number, where: 'above' | 'below' = 'below'): Raster {
  const pixels = new Uint8Array(raster.width * (raster.height + lines) * raster.channels).fill(background);
  pixels.set(raster.pixels, where === 'above' ? lines * raster.width * raster.channels : 0);
  return { ...raster, height: raster.height + lines, pixels };
}

/** RGBA laid over an RGB raster of the same size. */
function overlay(raster: Raster, rgba: Uint8Array): Raster {
  const pixels = raster.pixels.slice();
  for (let index = 0; index < raster.width * raster.height; index++) {
    const opacity = rgba[4 * index + 3] / 255;
    if (opacity === 0) continue;
    for (let channel = 0; channel < 3; channel++) {
      const at = 3 * index + channel;
      pixels[at] = Math.round(opacity * rgba[4 * index + channel] + (1 - opacity) * pixels[at]);
    }
  }
  return { ...raster, pixels };
}
