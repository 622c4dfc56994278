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
  readonly shape: 'circle' | 'square' | 'cross' | 'ellipse';
  /** #rrggbb. */
  readonly colour: string;
  readonly places: readonly Place[];
}

/** In pixels of the image. An ellipse has semi-axes and the angle of the first, radians from +x towards +y. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly a?: number;
  readonly b?: number;
  readonly theta?: number;
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
  // The picture lies on whole pixels of the sheet.
  const area: PixelBox = {
    x0: Math.round(LEFT * density),
    y0: Math.round(TOP * density),
    width: picture.width * zoom,
    height: picture.height * zoom,
  };
  const [left, top, width, height] = [area.x0, area.y0, area.width, area.height].map((pixels) => pixels / density);
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
  const size = [Math.max(width + left + 24, 420), below + 18 * (legend.length + notes.length)];
  const sheet = emptySheet(Math.ceil(size[0] * density), Math.ceil(size[1] * density));
  drawGray(sheet, area, picture, zoom);
  const { box, step } = picture;
  const place = (x: number, y: number): [number, number] => [
    area.x0 + ((x - box.x0 + 0.5) / step) * zoom - 0.5,
    area.y0 + area.height - 0.5 - ((y - box.y0 + 0.5) / step) * zoom,
  ];
  const pen: Pen = { raster: sheet, area, half: 0.6 * density };
  for (const { shape, colour, places } of marks) {
    const ink = rgb(colour);
    for (const one of places) stroke(pen, outlineOf(shape, one, RADIUS * density, zoom / step), ink, ...place(one.x, one.y));
  }
  for (const { box: edge, colour } of outlines) {
    const corners = [place(edge.x0 - 0.5, edge.y0 + edge.height - 0.5), place(edge.x0 + edge.width - 0.5, edge.y0 - 0.5)];
    outline(sheet, corners.flat(), density, rgb(colour));
  }
  const words = [
    text(left, 22, title, ' font-size="15" font-weight="600"'),
    axes(picture, left, top, width, height),
    ...entries,
    ...lines,
  ];
  await writeWords(sheet, area, words.join(''), density);
  return encodeNoisyPng(sheet);
}

function emptySheet(width: number, height: number): Raster {
  const pixels = new Uint8Array(width * height * 3);
  for (let at = 0; at < 3 * width; at++) pixels[at] = GROUND[at % 3];
  for (let y = 1; y < height; y++) pixels.copyWithin(3 * width * y, 0, 3 * width);
  return { width, height, channels: 3, pixels };
}

/** Writes words around the picture: on the strips above, left of and below it, since a sheet of words as large as a picture is slow to make. */
async function writeWords(sheet: Raster, { x0, y0, height }: PixelBox, words: string, density: number): Promise<void> {
  const end = y0 + height;
  const strips = [
    { x: 0, y: 0, width: sheet.width, height: y0 },
    { x: 0, y: y0, width: x0, height },
    { x: 0, y: end, width: sheet.width, height: sheet.height - end },
  ];
  for (const strip of strips) {
    const [x, y, width, high] = [strip.x, strip.y, strip.width, strip.height].map((pixels) => pixels / density);
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${high}" viewBox="${x} ${y} ${width} ${high}" font-family="Inter" font-size="12" fill="#e3e7ef">${words}</svg>`;
    layOver(sheet, await svgToImage(svg, { scale: density }), strip.x, strip.y);
  }
}

/** Lays colours over a sheet from a place on. */
function layOver({ width, height, pixels }: Raster, ink: RgbaImage, left: number, top: number): void {
  for (let y = 0; y < Math.min(ink.height, height - top); y++) {
    for (let x = 0; x < Math.min(ink.width, width - left); x++) {
      const from = 4 * (y * ink.width + x);
      const opacity = ink.pixels[from + 3] / 255;
      if (opacity === 0) continue;
      const to = 3 * ((y + top) * width + x + left);
      for (let c = 0; c < 3; c++) pixels[to + c] += (ink.pixels[from + c] - pixels[to + c]) * opacity;
    }
  }
}

/** Outlines a box between its upper left and lower right corner (centres of pixels at integers), two CSS pixels wide. */
function outline(sheet: Raster, corners: readonly number[], density: number, colour: readonly number[]): void {
  const { width, height, pixels } = sheet;
  const wide = Math.max(1, Math.round(2 * density));
  const [x0, y0, x1, y1] = corners.map((at) => Math.round(at + 0.5 - wide / 2));
  const fill = (left: number, top: number, right: number, bottom: number) => {
    for (let y = Math.max(0, top); y < Math.min(height, bottom); y++)
      for (let x = Math.max(0, left); x < Math.min(width, right); x++) pixels.set(colour, 3 * (y * width + x));
  };
  fill(x0, y0, x1 + wide, y0 + wide);
  fill(x0, y1, x1 + wide, y1 + wide);
  fill(x0, y0, x0 + wide, y1 + wide);
  fill(x1, y0, x1 + wide, y1 + wide);
}

const GROUND = [0x16, 0x1a, 0x21] as const;
const LEAST_SIDE = 700;
const RADIUS = 4.5;
const LEFT = 62;
const TOP = 36;
const GLYPHS = {
  circle: '<circle r="5"/>',
  ellipse: '<ellipse rx="7" ry="4"/>',
  square: '<rect x="-5" y="-5" width="10" height="10"/>',
  cross: '<path d="M-5,-5L5,5M-5,5L5,-5"/>',
} as const;

const text = (x: number, y: number, words: string, more = ''): string =>
  `<text x="${x}" y="${y}"${more}>${escapeHtml(words)}</text>`;
const rgb = (colour: string): [number, number, number] =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as [number, number, number];

/** Draws a picture in its area, gray between the limits of zscale; what has no value is dark blue. */
function drawGray(sheet: Raster, area: PixelBox, { width, height, values }: Picture, zoom: number): void {
  const [black, white] = zscale(values) ?? [0, 1];
  const gain = white > black ? 255 / (white - black) : 0;
  const { pixels } = sheet;
  const stride = 3 * sheet.width;
  for (let line = 0; line < height; line++) {
    const from = (height - 1 - line) * width;
    const start = (area.y0 + line * zoom) * stride + 3 * area.x0;
    let to = start;
    for (let x = 0; x < width; x++) {
      const value = values[from + x];
      const gray = Math.max(0, Math.min(255, (value - black) * gain));
      const empty = Number.isNaN(value);
      for (let twin = 0; twin < zoom; twin++, to += 3) {
        pixels[to] = empty ? 24 : gray;
        pixels[to + 1] = empty ? 30 : gray;
        pixels[to + 2] = empty ? 60 : gray;
      }
    }
    for (let twin = 1; twin < zoom; twin++) pixels.copyWithin(start + twin * stride, start, to);
  }
}

interface Pen {
  readonly raster: Raster;
  /** Marks end here. */
  readonly area: PixelBox;
  /** Half the width of a line. */
  readonly half: number;
}

/** A line that marks are drawn as, about a point of the raster (y down). */
interface Outline {
  readonly reach: number;
  /** Of a point from the line. */
  distance(dx: number, dy: number): number;
}

function outlineOf(shape: Marks['shape'], { a = 0, b = 0, theta = 0 }: Place, radius: number, scale: number): Outline {
  if (shape !== 'ellipse') return { reach: radius, distance: (dx, dy) => distance(shape, dx, dy, radius) };
  const [along, across] = [a * scale, b * scale];
  const [cos, sin] = [Math.cos(theta), Math.sin(theta)];
  return {
    reach: along,
    distance(dx, dy) {
      const u = (dx * cos - dy * sin) / along;
      const v = (dx * sin + dy * cos) / across;
      // To first order: by how much the level of the point differs from that of the line, over its slope.
      const level = Math.hypot(u, v);
      return Math.abs(level - 1) * (level / Math.hypot(u / along, v / across));
    },
  };
}

/** Draws a mark with soft edges about a point of the raster (y down). Marks are drawn into pixels: a million of them cost no more memory. */
function stroke({ raster, area, half }: Pen, line: Outline, colour: readonly number[], cx: number, cy: number): void {
  const { width, pixels } = raster;
  const [right, bottom] = [area.x0 + area.width - 1, area.y0 + area.height - 1];
  const reach = Math.ceil(line.reach + half + 1);
  for (let y = Math.max(area.y0, Math.round(cy) - reach); y <= Math.min(bottom, Math.round(cy) + reach); y++) {
    for (let x = Math.max(area.x0, Math.round(cx) - reach); x <= Math.min(right, Math.round(cx) + reach); x++) {
      const opacity = Math.max(0, Math.min(1, half + 0.5 - line.distance(x - cx, y - cy)));
      if (!(opacity > 0)) continue;
      const at = 3 * (y * width + x);
      for (let c = 0; c < 3; c++) pixels[at + c] += (colour[c] - pixels[at + c]) * opacity;
    }
  }
}

/** From the line of a mark. */
function distance(shape: Exclude<Marks['shape'], 'ellipse'>, dx: number, dy: number, radius: number): number {
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
