/** The page of a campaign: a headline, figures of stamps, charts and tables in sections, with a list of contents. One file, no network. */
import { CURVE_KEY, type GalleryFigure, stampGridHtml } from './gallery-page.ts';
import { escapeHtml, htmlTable, page } from './html.ts';

export interface RunChart {
  readonly title: string;
  readonly caption: string;
  /** SVG text that charts made. */
  readonly svg: string;
}

/** A line of a check, coloured by its verdict. */
export interface VerdictRow {
  readonly verdict: 'go' | 'warn' | 'no-go' | 'skipped';
  readonly cells: readonly string[];
  /** Files that belong to the row, paths relative to the page. */
  readonly links?: readonly { readonly text: string; readonly href: string }[];
}

export type RunBlock =
  | { readonly kind: 'stamps'; readonly figures: readonly GalleryFigure[]; readonly stampArcsec: number }
  | { readonly kind: 'charts'; readonly charts: readonly RunChart[] }
  | { readonly kind: 'table'; readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }
  | { readonly kind: 'verdicts'; readonly head: readonly string[]; readonly rows: readonly VerdictRow[] };

export interface RunSection {
  readonly title: string;
  readonly text: string;
  readonly blocks: readonly RunBlock[];
}

/** A number that says what the run was, large on top of the page. */
export interface Headline {
  readonly value: string;
  readonly label: string;
  readonly tone?: 'go' | 'warn' | 'no-go';
}

export interface RunPage {
  readonly title: string;
  readonly text: string;
  readonly headlines: readonly Headline[];
  readonly sections: readonly RunSection[];
}

const STYLE = `<style>
nav { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin: 1.4rem 0 0; font-size: .86rem; }
nav a { color: var(--quiet); text-decoration: none; border-bottom: 1px solid var(--line); }
nav a:hover { color: var(--text); }
.headlines { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .8rem; margin: 1.4rem 0 0; }
.headline { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem; }
.headline b { display: block; font-size: 1.5rem; font-weight: 600; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.headline span { color: var(--quiet); font-size: .8rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr)); gap: 1.1rem; align-items: start; }
.charts svg { display: block; width: 100%; height: auto; }
.go { color: #6fd08c; } .warn { color: #ffb454; } .no-go { color: #ff6b6b; } .skipped { color: var(--quiet); }
td.why { white-space: normal; min-width: 22rem; color: var(--quiet); }
td.why a { color: inherit; font-size: .8rem; }
</style>`;

/** The page as HTML. */
export function runPage({ title, text, headlines, sections }: RunPage): string {
  const nav = sections.map((section) => `<a href="#${slugOf(section.title)}">${escapeHtml(section.title)}</a>`).join('');
  const tiles = headlines.map(
    ({ value, label, tone }) =>
      `<div class="headline"><b${tone === undefined ? '' : ` class="${tone}"`}>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`,
  );
  const body = [
    STYLE,
    `<h1>${escapeHtml(title)}</h1>`,
    `<p>${escapeHtml(text)}</p>`,
    `<div class="headlines">${tiles.join('')}</div>`,
    `<nav>${nav}</nav>`,
    ...sections.map(sectionHtml),
  ];
  return page(title, body.join('\n'));
}

const slugOf = (title: string): string => title.toLowerCase().replace(/[^a-z0-9]+/g, '-');

function sectionHtml({ title, text, blocks }: RunSection): string {
  const key = blocks.some(({ kind }) => kind === 'stamps') ? `${CURVE_KEY}\n` : '';
  return `<h2 id="${slugOf(title)}">${escapeHtml(title)}</h2>\n<p>${escapeHtml(text)}</p>\n${key}${blocks.map(blockHtml).join('\n')}`;
}

function blockHtml(block: RunBlock): string {
  switch (block.kind) {
    case 'stamps':
      return stampGridHtml(block.figures, block.stampArcsec);
    case 'charts':
      return `<div class="charts">\n${block.charts.map(chartHtml).join('\n')}\n</div>`;
    case 'table':
      return htmlTable(block.head, block.rows);
    case 'verdicts':
      return verdictTable(block.head, block.rows);
  }
}

function chartHtml({ title, caption, svg }: RunChart): string {
  return `<figure>\n${svg}\n<figcaption><b>${escapeHtml(title)}</b>${escapeHtml(caption)}</figcaption>\n</figure>`;
}

/** The last cell of a row is its reason and may wrap. */
function verdictTable(head: readonly string[], rows: readonly VerdictRow[]): string {
  const heads = head.map((cell) => `<th>${escapeHtml(cell)}</th>`).join('');
  const body = rows.map(({ verdict, cells, links = [] }) => {
    const anchors = links.map(({ text, href }) => `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>`).join(' ');
    const rest = cells
      .map((cell, index) => {
        const why = index === cells.length - 1;
        return `<td${why ? ' class="why"' : ''}>${escapeHtml(cell)}${why && anchors !== '' ? `${cell === '' ? '' : '<br>'}${anchors}` : ''}</td>`;
      })
      .join('');
    return `<tr><td class="${verdict}">${verdict}</td>${rest}</tr>`;
  });
  return `<div class="wide"><table><thead><tr>${heads}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}
