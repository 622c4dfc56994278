/**
 * The frame around every chart: title, legend, axes with units, notes. Observable Plot draws what is inside the axes, jsdom is its
 * document; both are loaded at the first chart.
 */
import { labelWidth } from './charts-axis.ts';
import { BAR_WIDTH, colourBar, FONT, guideMarks, innerPlot } from './charts-plot.ts';
import { GROUND, INK, QUIET, themeStyle, withTheme } from './charts-theme.ts';
import { type ChartFrame, clean, type Drawing, type SvgNode } from './charts-types.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** A chart as the text of an SVG that needs nothing else: no script, no font file, no network. */
export async function drawChart(frame: ChartFrame, drawing: Drawing): Promise<string> {
  const [{ JSDOM }, plot] = await Promise.all([import('jsdom'), import('@observablehq/plot')]);
  const { document, XMLSerializer } = new JSDOM().window;
  const element = (name: string, attributes: Record<string, string | number>, ...children: SvgNode[]): SvgNode => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
    node.append(...children);
    return node;
  };
  const text = (content: string, attributes: Record<string, string | number>): SvgNode => {
    const node = element('text', attributes);
    node.textContent = clean(content);
    return node;
  };

  const { width = 640, height = 400, theme = 'auto' } = frame;
  const head: SvgNode[] = [text(frame.title, { x: 16, y: 27, 'font-size': 15, 'font-weight': 600, fill: INK })];
  let top = 36;
  if (frame.subtitle !== undefined) {
    head.push(text(frame.subtitle, { x: 16, y: 46, 'font-size': 12, fill: QUIET }));
    top = 56;
  }
  if (drawing.legend.length > 0) {
    let x = 16;
    let y = top + 14;
    for (const { name, colour } of drawing.legend) {
      const wide = 18 + labelWidth(name, 12) + 16;
      if (x > 16 && x + wide > width - 16) {
        x = 16;
        y += 18;
      }
      head.push(element('rect', { class: 'chart-legend', x, y: y - 9, width: 11, height: 11, rx: 2, fill: colour }));
      head.push(text(name, { x: x + 17, y, 'font-size': 12, fill: INK }));
      x += wide;
    }
    top = y + 8;
  }
  const foot = drawing.notes.map((note, index) =>
    text(note, {
      class: 'chart-note',
      x: 16,
      y: height - 12 - 15 * (drawing.notes.length - 1 - index),
      'font-size': 11,
      fill: QUIET,
    }),
  );
  const plotWidth = width - (drawing.colourBar === undefined ? 0 : BAR_WIDTH);
  const plotHeight = height - top - (foot.length > 0 ? 15 * foot.length + 6 : 0);
  const inner = innerPlot(plot, document, drawing, guideMarks(plot, frame.guides ?? []), plotWidth, plotHeight);
  inner.setAttribute('y', String(top));
  const root = element(
    'svg',
    {
      class: 'arclet-chart',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      role: 'img',
      'aria-label': clean(frame.title),
      'font-family': FONT,
      style: 'max-width:100%;height:auto',
    },
    element('rect', { class: 'chart-ground', width, height, fill: GROUND }),
    ...head,
    inner,
  );
  if (drawing.colourBar !== undefined) {
    const bar = colourBar(plot, document, inner, drawing.colourBar.label, plotHeight);
    bar.setAttribute('x', String(plotWidth));
    bar.setAttribute('y', String(top));
    root.append(bar);
  }
  root.append(...foot);
  if (theme === 'auto') {
    const style = element('style', {});
    style.textContent = themeStyle();
    root.append(style);
  }
  const svg = ownIds(new XMLSerializer().serializeToString(root));
  return theme === 'auto' ? svg : withTheme(svg, theme);
}

/** Plot numbers its clip paths through the life of the process; ids made from the drawing itself are the same at every run and meet no other's. */
function ownIds(svg: string): string {
  const names = [...new Set(svg.match(/plot-clip-\d+/g) ?? [])];
  if (names.length === 0) return svg;
  let hash = 0x811c9dc5;
  for (const character of svg.replaceAll(/plot-clip-\d+/g, ''))
    hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193) >>> 0;
  return svg.replaceAll(/plot-clip-\d+/g, (name) => `clip-${hash.toString(36)}-${names.indexOf(name)}`);
}
