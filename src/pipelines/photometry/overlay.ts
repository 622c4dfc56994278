/** Pictures of a field with marks on them: gray image between zscale limits, circles, squares and crosses, pixel axes and a legend. */
import { encodeNoisyPng, type Raster } from '../../io/png.ts';
import { type RgbaImage, svgToImage } from '../../io/svg-png.ts';
import { escapeHtml } from '../../report/html.ts';
import type { CatalogueSource, PixelBox } from './field.ts';
import { isActive } from './load-sources.ts';
import type { Picture } from './overlay-picture.ts';
import { zscale } from './overlay-zscale.ts';

export interface Marks {
  readonly label: string;
  readonly shape: 'circle' | 'square' | 'cross';
  /** #rrggbb. */
  readonly colour: string;
  /** Pixels of the image. */
  readonly places: readonly { readonly x: number; readonly y: number }[];
}

export interface Overlay {
  readonly title: string;
  readonly picture: Picture;
  readonly marks: readonly Marks[];
  /** Boxes of the image that are outlined. */
  readonly outlines?: readonly { readonly box: PixelBox; readonly colour: string; readonly label: string }[];
  /** Lines below the legend. */
  readonly notes?: readonly string[];
  /** 150 is one picture pixel per CSS pixel. */
  readonly dpi: number;
}

/** The PNG of a picture with its marks. */
export async function drawOverlay({ title, picture, marks, outlines = [], notes = [], dpi }: Overlay): Promise<Uint8Array> {
  const density = Math.min(4, Math.max(0.5, dpi / 150));
  const zoom = Math.max(1, Math.floor((LEAST_SIDE * density) / Math.max(picture.width, picture.height)));
  const raster = grayRaster(picture, zoom);
  const pen: Pen = { raster, radius: RADIUS * density, half: 0.6 * density };
  const { box, step } = picture;
  const place = (x: number, y: number): [number, number] => [
    ((x - box.x0 + 0.5) / step) * zoom - 0.5,
    raster.height - 0.5 - ((y - box.y0 + 0.5) / step) * zoom,
  ];
  for (const { shape, colour, places } of marks) for (const { x, y } of places) stroke(pen, shape, rgb(colour), ...place(x, y));
  // The picture lies on whole pixels of the sheet.
  const [left, top] = [LEFT, TOP].map((at) => Math.round(at * density) / density);
  const [width, height] = [raster.width / density, raster.height / density];
  const frames = outlines.map(({ box: edge, colour }) => {
    const [x, y] = place(edge.x0 - 0.5, edge.y0 - 0.5).map((at) => (at + 0.5) / density);
    const [w, h] = [edge.width, edge.height].map((length) => (length * zoom) / step / density);
    return `<rect x="${left + x}" y="${top + y - h}" width="${w}" height="${h}" fill="none" stroke="${colour}" stroke-width="2"/>`;
  });
  const legend = [
    ...marks.map(({ label, colour, shape }) => ({ label, colour, glyph: GLYPHS[shape] })),
    ...outlines.map(({ label, colour }) => ({ label, colour, glyph: '<rect x="-8" y="-5" width="16" height="10"/>' })),
  ];
  const below = top + height + 50;
  const entries = legend.map(({ label, colour, glyph }, index) => {
    const y = below + 18 * index;
    return `<g transform="translate(${left + 8},${y - 4})" fill="none" stroke="${colour}" stroke-width="1.6">${glyph}</g>${text(left + 26, y, label)}`;
  });
  const lines = notes.map((note, index) => text(left, below + 18 * (legend.length + index), note));
  const size = [Math.max(width + left + 24, 420), below + 18 * (legend.length + notes.length)].map(Math.ceil);
  const words = [
    text(left, 22, title, ' font-size="15" font-weight="600"'),
    axes(picture, left, top, width, height),
    ...frames,
    ...entries,
    ...lines,
  ];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size[0]}" height="${size[1]}" font-family="Inter" font-size="12" fill="#e3e7ef">${words.join('')}</svg>`;
  const sheet = await svgToImage(svg, { scale: density });
  return encodeNoisyPng(laidOver(raster, sheet, Math.round(left * density), Math.round(top * density)));
}

/** A raster at a place of a sheet of words, whose colours lie over it; the rest is dark. */
function laidOver(raster: Raster, { width, height, pixels: ink }: RgbaImage, left: number, top: number): Raster {
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0; at < pixels.length; at++) pixels[at] = GROUND[at % 3];
  const wide = Math.min(raster.width, width - left);
  for (let line = 0; line < Math.min(raster.height, height - top); line++) {
    const from = 3 * line * raster.width;
    pixels.set(raster.pixels.subarray(from, from + 3 * wide), 3 * ((line + top) * width + left));
  }
  for (let at = 0; at < width * height; at++) {
    const opacity = ink[4 * at + 3] / 255;
    if (opacity === 0) continue;
    for (let c = 0; c < 3; c++) pixels[3 * at + c] += (ink[4 * at + c] - pixels[3 * at + c]) * opacity;
  }
  return { width, height, channels: 3, pixels };
}

const GROUND = [0x16, 0x1a, 0x21] as const;
const LEAST_SIDE = 700;
const RADIUS = 4.5;
const LEFT = 62;
const TOP = 36;
const GLYPHS = {
  circle: '<circle r="5"/>',
  square: '<rect x="-5" y="-5" width="10" height="10"/>',
  cross: '<path d="M-5,-5L5,5M-5,5L5,-5"/>',
} as const;

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x}" y="${y}"${more}>${escapeHtml(words)}</text>`;
const rgb = (colour: string): [number, number, number] =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];

/** Gray between the limits of zscale; what has no value is dark blue. */
function grayRaster({ width, height, values }: Picture, zoom: number): Raster {
  const [black, white] = zscale(values) ?? [0, 1];
  const gain = white > black ? 255 / (white - black) : 0;
  const pixels = new Uint8Array(width * height * zoom * zoom * 3);
  let to = 0;
  for (let y = height * zoom - 1; y >= 0; y--) {
    const from = Math.floor(y / zoom) * width;
    for (let x = 0; x < width * zoom; x++) {
      const value = values[from + Math.floor(x / zoom)];
      const gray = Math.max(0, Math.min(255, (value - black) * gain));
      const empty = Number.isNaN(value);
      pixels[to++] = empty ? 24 : gray;
      pixels[to++] = empty ? 30 : gray;
      pixels[to++] = empty ? 60 : gray;
    }
  }
  return { width: width * zoom, height: height * zoom, channels: 3, pixels };
}

interface Pen {
  readonly raster: Raster;
  readonly radius: number;
  /** Half the width of a line. */
  readonly half: number;
}

/** Draws a mark with soft edges about a point of the raster (y down). Marks are drawn into pixels: a million of them cost no more memory. */
function stroke({ raster, radius, half }: Pen, shape: Marks['shape'], colour: readonly number[], cx: number, cy: number): void {
  const { width, height, pixels } = raster;
  const reach = Math.ceil(radius + half + 1);
  for (let y = Math.max(0, Math.round(cy) - reach); y <= Math.min(height - 1, Math.round(cy) + reach); y++) {
    for (let x = Math.max(0, Math.round(cx) - reach); x <= Math.min(width - 1, Math.round(cx) + reach); x++) {
      const opacity = Math.max(0, Math.min(1, half + 0.5 - distance(shape, x - cx, y - cy, radius)));
      if (opacity === 0) continue;
      const at = 3 * (y * width + x);
      for (let c = 0; c < 3; c++) pixels[at + c] += (colour[c] - pixels[at + c]) * opacity;
    }
  }
}

/** From the line of a mark. */
function distance(shape: Marks['shape'], dx: number, dy: number, radius: number): number {
  if (shape === 'circle') return Math.abs(Math.sqrt(dx * dx + dy * dy) - radius);
  const ax = Math.abs(dx);
  const ay = Math.abs(dy);
  if (shape === 'square') return Math.abs(Math.max(ax, ay) - radius);
  return Math.max(Math.abs(ax - ay) / Math.SQRT2, Math.max(ax, ay) - radius);
}

/** Ticks and names of the pixel axes. */
function axes(
  { box, step, width: across, height: up }: Picture,
  left: number,
  top: number,
  width: number,
  height: number,
): string {
  const marks = (from: number, length: number) => {
    const raw = length / 6;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const tick = Math.max(1, unit * ([1, 2, 5, 10].find((factor) => factor * unit >= raw) ?? 10));
    const first = Math.ceil(from / tick);
    return Array.from({ length: Math.floor((from + length - 1) / tick) - first + 1 }, (_, index) => (first + index) * tick);
  };
  const bottom = top + height;
  const along = marks(box.x0, box.width).map((x) => {
    const at = left + (((x - box.x0 + 0.5) / step) * width) / across;
    return `<path d="M${at},${bottom}v5" stroke="#8a93a5"/>${text(at, bottom + 17, String(x), ' text-anchor="middle"')}`;
  });
  const side = marks(box.y0, box.height).map((y) => {
    const at = bottom - (((y - box.y0 + 0.5) / step) * height) / up;
    return `<path d="M${left - 5},${at}h5" stroke="#8a93a5"/>${text(left - 8, at + 4, String(y), ' text-anchor="end"')}`;
  });
  const names = `${text(left + width / 2, bottom + 32, 'x, px', ' text-anchor="middle"')}<text transform="translate(14,${top + height / 2}) rotate(-90)" text-anchor="middle">y, px</text>`;
  return `${along.join('')}${side.join('')}${names}`;
}

/** Catalogue sources by type, in the colours of tract7dt: stars cyan, galaxies magenta, others yellow, saturated ones red. */
export function sourceMarks(
  sources: readonly CatalogueSource[],
  box: PixelBox,
  galModel: string,
): { marks: Marks[]; notes: string[] } {
  const isIn = ({ x, y }: CatalogueSource) => x >= box.x0 && x < box.x0 + box.width && y >= box.y0 && y < box.y0 + box.height;
  const shown = sources.filter(isIn);
  const active = shown.filter(isActive);
  const stars = active.filter(({ type }) => type === 'STAR');
  const galaxies = active.filter(({ type }) => GALAXIES.has(type));
  const unknown = active.filter(({ type }) => type !== 'STAR' && !GALAXIES.has(type));
  const saturated = shown.filter(({ excludedSaturation, excludedCrop }) => excludedSaturation && !excludedCrop);
  const marks: Marks[] = [
    { label: `STAR: ${stars.length}`, shape: 'circle', colour: '#00ffff', places: stars },
    { label: `galaxy: ${galaxies.length}`, shape: 'circle', colour: '#ff00ff', places: galaxies },
    { label: `unknown type, fitted as ${galModel}: ${unknown.length}`, shape: 'square', colour: '#ffff00', places: unknown },
    { label: `left out, near saturated pixels: ${saturated.length}`, shape: 'cross', colour: '#ff0000', places: saturated },
  ];
  return {
    marks: marks.filter(({ places }) => places.length > 0),
    notes: [`${sources.length - shown.length} of ${sources.length} sources are not in this picture.`],
  };
}

const GALAXIES: ReadonlySet<string> = new Set(['GAL', 'EXP', 'DEV', 'SERSIC']);
