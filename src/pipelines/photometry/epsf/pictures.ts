/** Pictures of pixels side by side with titles, marks and colour bars, drawn as SVG and written as PNG. */
import { pngDataUrl, type Raster } from '../../../io/png.ts';
import { svgToPng } from '../../../io/svg-png.ts';
import { escapeHtml } from '../../../report/html.ts';

/** Pixels of a picture, [y, x] with y up. */
export interface PixelPlane {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** Values that are drawn as the ends of the colours. */
export interface Limits {
  readonly low: number;
  readonly high: number;
}

export interface Mark {
  /** Pixels of the plane. */
  readonly x: number;
  readonly y: number;
  readonly colour: string;
  readonly shape: 'circle' | 'plus' | 'cross';
  /** Written beside it. */
  readonly label?: string;
}

export type Panel =
  | {
      readonly kind: 'pixels';
      readonly title: string;
      readonly plane: PixelPlane;
      readonly limits: Limits;
      readonly colours: 'gray' | 'asinh' | 'diverging';
      readonly marks?: readonly Mark[];
      /** Line below. */
      readonly note?: string;
      /** Position of the lower left pixel in the frame: ticks are drawn inside of the edges. */
      readonly origin?: { readonly x: number; readonly y: number };
    }
  | { readonly kind: 'chart' /** SVG that charts made with a fixed theme. */; readonly svg: string; readonly width: number };

const GAP = 14;
const TITLE = 34;
const HEAD = 20;
const FOOT = 20;
const INK = '#1d232e';
/** A screenful: pixels of large cells are averaged to this. */
const MOST_PIXELS = 900;
/** Pixels that percentiles are taken of, evenly spread. */
const SAMPLE = 20_000;

/** Limits at percentiles of the finite values. */
export function percentileLimits(data: ArrayLike<number>, low = 5, high = 99): Limits {
  const step = Math.ceil(data.length / SAMPLE);
  const sorted = Float64Array.from({ length: Math.ceil(data.length / step) }, (_, k) => data[k * step])
    .filter(Number.isFinite)
    .sort();
  const at = (percent: number) => sorted[Math.min(sorted.length - 1, Math.floor((percent / 100) * sorted.length))];
  const limits = { low: at(low) ?? 0, high: at(high) ?? 1 };
  return limits.high > limits.low ? limits : { low: limits.low, high: limits.low + 1 };
}

/** Limits from -v to v, v at a percentile of the size of finite values. */
export function symmetricLimits(data: ArrayLike<number>, percent = 99): Limits {
  const sizes = Float64Array.from(data).map(Math.abs).filter(Number.isFinite).sort();
  const reach = sizes[Math.min(sizes.length - 1, Math.floor((percent / 100) * sizes.length))];
  return reach > 0 ? { low: -reach, high: reach } : { low: -1, high: 1 };
}

/** Means of blocks, so that a plane has at most `most` pixels along a side; pixels that are not finite do not count. */
export function shrink(plane: PixelPlane, most = MOST_PIXELS): PixelPlane {
  const block = Math.ceil(Math.max(plane.width, plane.height) / most);
  if (block <= 1) return plane;
  const [width, height] = [Math.ceil(plane.width / block), Math.ceil(plane.height / block)];
  const sums = new Float64Array(width * height);
  const counts = new Float64Array(width * height);
  for (let y = 0; y < plane.height; y++) {
    const row = Math.floor(y / block) * width;
    for (let x = 0; x < plane.width; x++) {
      const value = plane.data[y * plane.width + x];
      if (!Number.isFinite(value)) continue;
      const to = row + Math.floor(x / block);
      sums[to] += value;
      counts[to]++;
    }
  }
  return { data: sums.map((sum, k) => sum / counts[k]), width, height };
}

type Rgb = readonly [number, number, number];

function colourAt(part: number, colours: 'gray' | 'asinh' | 'diverging'): Rgb {
  if (!Number.isFinite(part)) return [72, 24, 24];
  const value = Math.min(1, Math.max(0, part));
  if (colours === 'diverging') {
    // Blue below zero, red above: white is what the model explains.
    const away = Math.abs(2 * value - 1);
    const fade = Math.round(255 * (1 - away));
    return value < 0.5 ? [fade, fade, 255 - Math.round(60 * away)] : [255 - Math.round(60 * away), fade, fade];
  }
  const shade = Math.round(255 * (colours === 'asinh' ? Math.asinh(100 * value) / Math.asinh(100) : value));
  return [shade, shade, shade];
}

function rasterOf(plane: PixelPlane, limits: Limits, colours: 'gray' | 'asinh' | 'diverging'): Raster {
  const { width, height, data } = plane;
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = data[(height - 1 - y) * width + x];
      pixels.set(colourAt((value - limits.low) / (limits.high - limits.low), colours), (y * width + x) * 3);
    }
  }
  return { width, height, channels: 3, pixels };
}

function text(line: string, x: number, y: number, size: number, more = ''): string {
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${INK}"${more}>${escapeHtml(line)}</text>`;
}

const short = (value: number) => (Number.isFinite(value) ? value.toPrecision(3) : '–');

/** A bar with the ends of the colours. */
function colourBar(limits: Limits, colours: 'gray' | 'asinh' | 'diverging', x: number, y: number, width: number): string {
  const plane = { data: Float64Array.from({ length: 64 }, (_, k) => k / 63), width: 64, height: 1 };
  const url = pngDataUrl(rasterOf(plane, { low: 0, high: 1 }, colours));
  const bar = `<image href="${url}" x="${x + 60}" y="${y}" width="${width - 120}" height="8" preserveAspectRatio="none"/>`;
  const high = text(short(limits.high), x + width, y + 9, 11, ' text-anchor="end"');
  return `${bar}${text(short(limits.low), x, y + 9, 11)}${high}`;
}

function markSvg({ label, ...mark }: Mark): string {
  if (label === undefined) return symbolSvg(mark);
  const { x, y, colour } = mark;
  return `${symbolSvg(mark)}<text x="${x + 9}" y="${y - 6}" font-size="10" fill="${colour}" stroke="#000" stroke-width="2" paint-order="stroke">${escapeHtml(label)}</text>`;
}

function symbolSvg({ x, y, colour, shape }: Mark): string {
  if (shape === 'circle') return `<circle cx="${x}" cy="${y}" r="8" fill="none" stroke="${colour}" stroke-width="1.6"/>`;
  const arms = shape === 'plus' ? 'M-7,0H7M0,-7V7' : 'M-5,-5L5,5M-5,5L5,-5';
  return `<path transform="translate(${x},${y})" d="${arms}" stroke="${colour}" stroke-width="1.8" fill="none"/>`;
}

/** Ticks along the lower and the left edge of a picture, numbered in pixels of the frame. */
function ticksSvg(
  { width, height }: PixelPlane,
  origin: { readonly x: number; readonly y: number },
  { left, top, scale }: { left: number; top: number; scale: number },
): string {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((value) => value * scale >= 60) ?? 10_000;
  const style = 'font-size="10" fill="#fff" stroke="#000" stroke-width="2" paint-order="stroke"';
  const line = (d: string) => `<path d="${d}" stroke="#fff" stroke-width="1.2"/>`;
  const bottom = top + height * scale;
  const parts: string[] = [];
  for (let x = Math.ceil(origin.x / step) * step; x < origin.x + width; x += step) {
    const at = left + (x - origin.x + 0.5) * scale;
    parts.push(line(`M${at},${bottom}v-6`), `<text x="${at}" y="${bottom - 9}" text-anchor="middle" ${style}>${x}</text>`);
  }
  for (let y = Math.ceil(origin.y / step) * step; y < origin.y + height; y += step) {
    const at = bottom - (y - origin.y + 0.5) * scale;
    parts.push(line(`M${left},${at}h6`), `<text x="${left + 9}" y="${at + 3}" ${style}>${y}</text>`);
  }
  return parts.join('');
}

/**
 * A row of panels of one height as the bytes of a PNG.
 *
 * @param options.side longer side of a picture, CSS pixels
 * @param options.dpi 300 is two picture pixels per CSS pixel
 */
export async function panelFigure(
  title: string,
  panels: readonly Panel[],
  options: {
    readonly dpi: number;
    readonly side?: number;
    readonly bars?: boolean;
    readonly legend?: readonly (Omit<Mark, 'x' | 'y'> & { readonly label: string })[];
  },
): Promise<Uint8Array> {
  const { dpi, side = 330, bars = false, legend = [] } = options;
  const parts: string[] = [];
  let left = GAP;
  let tallest = 0;
  for (const panel of panels) {
    if (panel.kind === 'chart') {
      parts.push(panel.svg.replace('<svg', `<svg x="${left}" y="${TITLE}"`));
      left += panel.width + GAP;
      continue;
    }
    const { plane, limits, colours, marks = [], note, origin } = panel;
    const drawn = shrink(plane);
    const scale = side / Math.max(plane.width, plane.height);
    const [width, height] = [plane.width * scale, plane.height * scale];
    const top = TITLE + HEAD;
    tallest = Math.max(tallest, height);
    const url = pngDataUrl(rasterOf(drawn, limits, colours));
    parts.push(
      text(panel.title, left, TITLE + 14, 12),
      `<image href="${url}" x="${left}" y="${top}" width="${width}" height="${height}" preserveAspectRatio="none" image-rendering="optimizeSpeed"/>`,
      ...marks.map((mark) =>
        markSvg({ ...mark, x: left + (mark.x + 0.5) * scale, y: top + (plane.height - mark.y - 0.5) * scale }),
      ),
    );
    if (origin !== undefined) parts.push(ticksSvg(plane, origin, { left, top, scale }));
    if (bars) parts.push(colourBar(limits, colours, left, top + height + 5, width));
    if (note !== undefined) parts.push(text(note, left, top + height + (bars ? 32 : 15), 11));
    left += width + GAP;
  }
  legend.forEach(({ colour, shape, label }, k) => {
    const y = TITLE + HEAD + tallest + FOOT * (k + 1);
    parts.push(markSvg({ x: GAP + 8, y: y - 4, colour, shape }), text(label, GAP + 24, y, 12));
  });
  const charts = panels.some((panel) => panel.kind === 'chart') ? 300 : 0;
  const height = TITLE + HEAD + Math.max(tallest + FOOT * (bars ? 2 : 1), charts) + FOOT * legend.length;
  const width = Math.max(left, 320);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="Inter"><rect width="100%" height="100%" fill="#fff"/>${text(title, GAP, 23, 15, ' font-weight="600"')}${parts.join('')}</svg>`;
  return svgToPng(svg, { scale: Math.min(8, Math.max(0.25, dpi / 150)) });
}
