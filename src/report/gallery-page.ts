/** The page of a gallery of lensed stamps: source plane, lensed light and what the telescope sees, with critical curves and caustics. */
import { escapeHtml, htmlTable, page } from './html.ts';

/** A closed or open curve in arcsec from the stamp centre, x right, y up. */
export interface Curve {
  readonly kind: 'critical' | 'caustic' | 'inner';
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

export interface Panel {
  readonly label: string;
  /** Address of the picture (data: or a file beside the page), y up in the sky drawn up. */
  readonly image: string;
  readonly curves: readonly Curve[];
  /** What part of the stamp is shown: centre and side, arcsec. */
  readonly view: { readonly x: number; readonly y: number; readonly sideArcsec: number };
}

export interface GalleryFigure {
  readonly title: string;
  readonly caption: string;
  readonly panels: readonly Panel[];
}

export interface GallerySection {
  readonly title: string;
  readonly text: string;
  readonly figures: readonly GalleryFigure[];
}

export interface GalleryPage {
  readonly title: string;
  readonly text: string;
  /** Side of every stamp, arcsec: the pictures cover all of it. */
  readonly stampArcsec: number;
  readonly sections: readonly GallerySection[];
  readonly tables: readonly { readonly title: string; readonly text: string; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }[]; // biome-ignore format: one thought
}

/** What the curves on stamps mean, with a switch for them. */
export const CURVE_KEY = `<div class="key">
<label><input type="checkbox" id="curves" checked>curves</label>
<span><i style="color:var(--critical)"></i>critical curve</span>
<span><i style="color:var(--caustic)"></i>tangential caustic</span>
<span><i style="color:var(--inner)"></i>cut or radial caustic</span>
<span>white bar: 1 arcsec</span>
</div>`;

/** The page as HTML. */
export function galleryPage(gallery: GalleryPage): string {
  const sections = gallery.sections.map(
    ({ title, text, figures }) =>
      `<h2>${escapeHtml(title)}</h2>\n<p>${escapeHtml(text)}</p>\n${stampGridHtml(figures, gallery.stampArcsec)}`,
  );
  const tables = gallery.tables.map(
    ({ title, text, head, rows }) => `<h2>${escapeHtml(title)}</h2>\n<p>${escapeHtml(text)}</p>\n${htmlTable(head, rows)}`,
  );
  const heading = `<h1>${escapeHtml(gallery.title)}</h1>\n<p>${escapeHtml(gallery.text)}</p>\n${CURVE_KEY}`;
  return page(gallery.title, [heading, ...sections, ...tables].join('\n'));
}

/** Figures of stamps side by side, for pages in the gallery's style. */
export function stampGridHtml(figures: readonly GalleryFigure[], stampArcsec: number): string {
  return `<div class="grid">\n${figures.map((figure) => figureHtml(figure, stampArcsec)).join('\n')}\n</div>`;
}

function figureHtml({ title, caption, panels }: GalleryFigure, stampArcsec: number): string {
  const body = panels.map((panel) => panelHtml(panel, `${title}: ${panel.label}`, stampArcsec)).join('\n');
  return `<figure>\n<div class="panels">\n${body}\n</div>\n<figcaption><b>${escapeHtml(title)}</b>${escapeHtml(caption)}</figcaption>\n</figure>`;
}

/** SVG in arcsec with y downwards, so that curves need no pixel grid and any part of the stamp can be shown. */
function panelHtml({ label, image, curves, view }: Panel, title: string, stampArcsec: number): string {
  const half = stampArcsec / 2;
  const { sideArcsec: side } = view;
  const [left, top] = [view.x - side / 2, -view.y - side / 2];
  const box = [left, top, side, side].map(compact).join(' ');
  const picture = `<image href="${escapeHtml(image)}" x="${compact(-half)}" y="${compact(-half)}" width="${compact(stampArcsec)}" height="${compact(stampArcsec)}"/>`;
  const bar = `<line class="scale" x1="${compact(left + 0.94 * side - 1)}" x2="${compact(left + 0.94 * side)}" y1="${compact(top + 0.94 * side)}" y2="${compact(top + 0.94 * side)}"/>`;
  const lines = curves.map(({ kind, x, y }) => `<polyline class="${kind}" points="${points(x, y)}"/>`).join('');
  return `<div class="panel"><svg viewBox="${box}" role="img" aria-label="${escapeHtml(title)}">${picture}${lines}${bar}</svg><span>${escapeHtml(label)}</span></div>`;
}

function compact(value: number): string {
  return String(Number(value.toFixed(3)));
}

/** The curve closed: its first point again at the end. */
function points(x: ArrayLike<number>, y: ArrayLike<number>): string {
  const all = Array.from(x, (value, index) => `${compact(value)},${compact(-y[index])}`);
  return [...all, ...all.slice(0, 1)].join(' ');
}
