/** What is inside the axes of a chart, drawn by Observable Plot: axes, grid, guides, marks, and the scale of colours beside them. */
import { axisLabel, labelWidth, logTicks, tickFormatter } from './charts-axis.ts';
import { GROUND, INK, QUIET } from './charts-theme.ts';
import {
  type ChartGuide,
  clean,
  type Drawing,
  type PlotModule,
  type PlotNode,
  type SvgDocument,
  type SvgNode,
} from './charts-types.ts';

export const FONT = 'Inter, system-ui, sans-serif';
/** Plot's own text, px. */
const TEXT = 11;
/** Width of the scale of colours with its numbers, px. */
export const BAR_WIDTH = 88;
const MARGIN = { right: 24, top: 14, bottom: 54 };

interface AxisLook {
  readonly domain?: unknown;
  readonly ticks?: readonly number[];
  readonly tickFormat?: (value: number) => string;
}

/**
 * The plot with its axes, drawn three times: the marks tell the range of the axes, the axes alone tell how wide their numbers are,
 * and with both the margin fits.
 */
export function innerPlot(
  plot: PlotModule,
  document: SvgDocument,
  drawing: Drawing,
  guides: unknown[],
  width: number,
  height: number,
): PlotNode {
  const draw = (marginLeft: number, looks: { x: AxisLook; y: AxisLook }, axesOnly = false): PlotNode => {
    const own = drawing.plot(plot);
    const axis = (name: 'x' | 'y') => {
      const { scale = 'linear', domain } = drawing[name];
      const labels = { label: clean(axisLabel(drawing[name])), labelAnchor: 'center', labelArrow: 'none', labelOffset: name === 'x' ? 38 : marginLeft - 18 }; // biome-ignore format: what is written
      return {
        type: scale,
        ...labels,
        ...(domain === undefined ? {} : { domain: [...domain] }),
        ...(own[name] as object | undefined),
        ...looks[name],
      };
    };
    const node = plot.plot({
      ...own,
      document,
      width,
      height,
      marginLeft,
      marginRight: MARGIN.right,
      marginTop: MARGIN.top,
      marginBottom: MARGIN.bottom,
      style: { fontSize: `${TEXT}px` },
      x: axis('x'),
      y: axis('y'),
      marks: axesOnly ? [] : [...gridMarks(plot, drawing, looks), ...(own['marks'] as unknown[]), ...guides],
    } as never) as unknown as PlotNode;
    return plain(node);
  };
  const first = draw(60, { x: {}, y: {} });
  const looks = { x: lookOf(first, drawing, 'x', width / 90), y: lookOf(first, drawing, 'y', height / 40) };
  const axes = draw(60, looks, true);
  const ticks = [...axes.querySelectorAll('[aria-label="y-axis tick label"] text')].map((node) =>
    labelWidth(node.textContent ?? '', TEXT),
  );
  return draw(Math.ceil(Math.max(12, ...ticks)) + 42, looks);
}

/** How an axis is numbered, once its range is known; one without data or with a range of its own kind shows 0 to 1 (1 to 10). */
function lookOf(node: PlotNode, drawing: Drawing, name: 'x' | 'y', room: number): AxisLook {
  const { scale: type = 'linear' } = drawing[name];
  const scale = node.scale(name);
  if (scale !== undefined && scale.type !== 'linear' && scale.type !== 'log') return { domain: scale.domain };
  const found = scale?.domain.map(Number);
  const domain = found?.every(Number.isFinite) ? found : type === 'log' ? [1, 10] : [0, 1];
  const tickFormat = tickFormatter(type, domain, room);
  return type === 'log' ? { domain, tickFormat, ticks: logTicks(domain, room) } : { domain, tickFormat };
}

/** Grid lines at the ticks that have a number. */
function gridMarks(plot: PlotModule, { grid = [] }: Drawing, looks: { x: AxisLook; y: AxisLook }): unknown[] {
  return grid.map((name) => {
    const { ticks, tickFormat } = looks[name];
    const numbered = ticks?.filter((tick) => tickFormat!(tick) !== '');
    const options = { strokeOpacity: 0.15, ...(numbered === undefined ? {} : { ticks: numbered }) };
    return name === 'x' ? plot.gridX(options) : plot.gridY(options);
  });
}

/** Plot's node without its style element (rules that would leak into the page) and with our colours and font. */
function plain(node: PlotNode): PlotNode {
  node.querySelector('style')?.remove();
  node.setAttribute('fill', QUIET);
  node.setAttribute('font-family', FONT);
  for (const label of node.querySelectorAll('[aria-label="x-axis label"], [aria-label="y-axis label"]')) {
    label.setAttribute('fill', INK);
    label.setAttribute('font-size', '12px');
  }
  for (const lines of node.querySelectorAll('[stroke="currentColor"]')) lines.setAttribute('stroke', QUIET);
  return node;
}

export function guideMarks(plot: PlotModule, guides: readonly ChartGuide[]): unknown[] {
  return guides.flatMap(({ axis, value, label }) => {
    const style = { stroke: INK, strokeOpacity: 0.7, strokeDasharray: '4 3', className: 'chart-guide' };
    const named = { text: [clean(label ?? '')], fill: INK, stroke: GROUND, strokeWidth: 4, className: 'chart-guide-label' };
    const rule = axis === 'x' ? plot.ruleX([value], style) : plot.ruleY([value], style);
    if (label === undefined) return [rule];
    const side =
      axis === 'x'
        ? plot.text([value], { ...named, x: [value], frameAnchor: 'top', textAnchor: 'start', dx: 5, dy: 2 } as never)
        : plot.text([value], {
            ...named,
            y: [value],
            frameAnchor: 'right',
            textAnchor: 'end',
            lineAnchor: 'bottom',
            dx: -4,
            dy: -4,
          } as never);
    return [rule, side];
  });
}

/** The scale of colours of `source` as a narrow plot with its own axis at the right. */
export function colourBar(plot: PlotModule, document: SvgDocument, source: PlotNode, label: string, height: number): SvgNode {
  const { domain, type, apply } = source.scale('color')!;
  const [low, high] = [Number(domain[0]), Number(domain.at(-1))];
  const log = type === 'log';
  const at = (part: number) => (log ? low * (high / low) ** part : low + (high - low) * part);
  const steps = Array.from({ length: 64 }, (_, index) => ({
    from: at(index / 64),
    to: at((index + 1) / 64),
    middle: at((index + 0.5) / 64),
  }));
  const axisType = log ? 'log' : 'linear';
  const node = plot.plot({
    document,
    width: BAR_WIDTH,
    height,
    marginLeft: 4,
    marginRight: 70,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    style: { fontSize: `${TEXT}px` },
    x: { axis: null, domain: [0, 1] },
    y: { type: axisType, domain: [low, high], axis: 'right', label: clean(label), labelAnchor: 'center', labelArrow: 'none', labelOffset: 54, ...(log ? { ticks: logTicks([low, high], height / 40) } : {}), tickFormat: tickFormatter(axisType, [low, high], height / 40) },
    marks: [
      plot.rect(steps, {
        x1: 0, x2: 1, y1: 'from', y2: 'to', shapeRendering: 'crispEdges', fill: (step: { middle: number }) => apply(step.middle), className: 'chart-colour-bar',
      } as never),
    ],
  } as never) as unknown as PlotNode; // biome-ignore format: options of one plot
  return plain(node);
}
