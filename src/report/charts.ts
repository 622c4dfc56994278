/**
 * Charts of reports as SVG text: lines, scatters, histograms, bars of parts. They stand in a page as they are, need no network, and
 * `svgToPng` (src/io/svg-png.ts) makes pictures of them.
 *
 * @example
 * const svg = await histogramChart({ title: 'Einstein radii', x: { label: 'Einstein radius', unit: 'arcsec' }, series: [{ name: 'drawn', values }] });
 */
import { binEdges, countInto } from './charts-bins.ts';
import { densityChart } from './charts-heatmap.ts';
import { drawChart } from './charts-svg.ts';
import { INK, legendOf, seriesColour } from './charts-theme.ts';
import type { ChartAxis, ChartFrame } from './charts-types.ts';

export { type BarChart, barChart } from './charts-bars.ts';
export { type HeatmapChart, heatmapChart } from './charts-heatmap.ts';
export type { ChartTheme } from './charts-theme.ts';
export type { ChartAxis, ChartFrame, ChartGuide } from './charts-types.ts';

type Numbers = ArrayLike<number>;

export interface LineSeries {
  readonly name: string;
  readonly x: Numbers;
  readonly y: Numbers;
  /** Bounds of a band around the line (a confidence interval), as long as x. */
  readonly low?: Numbers;
  readonly high?: Numbers;
  readonly dashed?: boolean;
}

export interface LineChart extends ChartFrame {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly LineSeries[];
  /** A dot at every point of the lines, for few points. */
  readonly dots?: boolean;
}

export interface ScatterSeries {
  readonly name: string;
  readonly x: Numbers;
  readonly y: Numbers;
  /** Standard deviation of y, drawn as a bar of one sigma to both sides. */
  readonly ySigma?: Numbers;
}

export interface ScatterChart extends ChartFrame {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ScatterSeries[];
  /** The line y = x, for measured against true. */
  readonly diagonal?: boolean;
  /** More points than this are drawn as counts per cell, default 5000: an SVG of 10^5 circles is 10 MB and a blot. */
  readonly maxDots?: number;
}

export interface HistogramChart extends ChartFrame {
  readonly x: ChartAxis;
  readonly series: readonly { readonly name: string; readonly values: Numbers }[];
  /** Number of bins, default by Freedman and Diaconis (1981) within 8 to 60. */
  readonly bins?: number;
  /** Height of the bars: how many values (default) or what part of the series' drawn values. */
  readonly heightIs?: 'count' | 'fraction';
}

interface Point {
  x: number;
  y: number;
  low: number;
  high: number;
}

/** Points of a series that its axes can show; the others are counted. */
function drawable(x: Numbers, y: Numbers, axes: { x: ChartAxis; y: ChartAxis }, name: string, bounds?: [Numbers, Numbers]) {
  if (x.length !== y.length || bounds?.some((bound) => bound.length !== x.length)) {
    throw new RangeError(`series '${name}' has arrays of different lengths (x ${x.length}, y ${y.length})`);
  }
  const points: Point[] = [];
  for (let index = 0; index < x.length; index++) {
    if (!shows(axes.x, x[index]) || !shows(axes.y, y[index])) continue;
    const [low, high] = bounds === undefined ? [y[index], y[index]] : [bounds[0][index], bounds[1][index]];
    points.push({ x: x[index], y: y[index], low, high });
  }
  return { points, left: x.length - points.length };
}

/** True for a number that the axis has a place for, inside its domain or cut off by it. */
function shows({ scale }: ChartAxis, value: number): boolean {
  return Number.isFinite(value) && (scale !== 'log' || value > 0);
}

function leftOut(left: number, total: number, what: string): string[] {
  if (left === 0) return total === 0 ? ['There is nothing to draw.'] : [];
  return [`${left.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} ${what} are not finite or, on a logarithmic axis, not positive, and are not drawn.`]; // biome-ignore format: one sentence
}

/** A linear axis without a domain of its own ends at round numbers. */
function rounded({ scale, domain }: ChartAxis): { nice?: true } {
  return scale !== 'log' && domain === undefined ? { nice: true } : {};
}

/** Cut at the frame where an axis has a domain of its own. */
function clipping({ x, y }: { x: ChartAxis; y: ChartAxis }): { clip?: true } {
  return x.domain !== undefined || y.domain !== undefined ? { clip: true } : {};
}

/**
 * Lines through points in the order given, with optional bands. A line is broken where a point cannot be drawn.
 * Throws a RangeError when the arrays of a series differ in length.
 */
export function lineChart(chart: LineChart): Promise<string> {
  const { x, y, series, dots = false } = chart;
  const drawn = series.map((one, index) => {
    const bounds: [Numbers, Numbers] | undefined =
      one.low === undefined || one.high === undefined ? undefined : [one.low, one.high];
    return {
      ...one,
      colour: seriesColour(index),
      bounds,
      ...drawable(one.x, one.y, chart, one.name, bounds),
    };
  });
  const total = series.reduce((sum, one) => sum + one.x.length, 0);
  const clip = clipping(chart);
  return drawChart(chart, {
    x,
    y,
    grid: ['x', 'y'],
    legend: legendOf(series.map(({ name }) => name)),
    notes: leftOut(drawn.reduce((sum, { left }) => sum + left, 0), total, 'points'), // biome-ignore format: one call
    plot: (plot) => ({
      y: rounded(y),
      marks: [
        ...drawn.flatMap(({ bounds, points, colour }) =>
          bounds === undefined
            ? []
            : [plot.areaY(points, { x: 'x', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.2, ...clip })],
        ),
        ...drawn.map((one) => {
          const broken = Array.from(one.x, (value, index) => ({ x: shows(x, value) ? value : Number.NaN, y: shows(y, one.y[index]) ? one.y[index] : Number.NaN })); // biome-ignore format: one thought
          return plot.line(broken, { x: 'x', y: 'y', stroke: one.colour, strokeWidth: 1.8, strokeDasharray: one.dashed ? '6 4' : undefined, ...clip }); // biome-ignore format: one mark
        }),
        ...(dots ? drawn.map(({ points, colour }) => plot.dot(points, { x: 'x', y: 'y', fill: colour, r: 2.6, ...clip })) : []),
      ],
    }),
  });
}

/**
 * Points, with one-sigma bars where they are given. Above `maxDots` points all series together are drawn as counts per cell.
 * Throws a RangeError when the arrays of a series differ in length.
 */
export function scatterChart(chart: ScatterChart): Promise<string> {
  const { x, y, series, diagonal = false, maxDots = 5000 } = chart;
  const drawn = series.map((one, index) => {
    const { ySigma } = one;
    if (ySigma !== undefined && ySigma.length !== one.x.length) {
      throw new RangeError(`series '${one.name}' has ${one.x.length} points and ${ySigma.length} sigmas`);
    }
    const bounds: [Numbers, Numbers] | undefined =
      ySigma === undefined
        ? undefined
        : [Array.from(one.y, (value, k) => value - ySigma[k]), Array.from(one.y, (value, k) => value + ySigma[k])];
    return { colour: seriesColour(index), bounds, ...drawable(one.x, one.y, chart, one.name, bounds) };
  });
  const total = series.reduce((sum, one) => sum + one.x.length, 0);
  const points = drawn.flatMap((one) => one.points);
  const notes = leftOut(total - points.length, total, 'points');
  const extent = diagonal ? equalRange(points) : undefined;
  if (points.length > maxDots) return densityChart(chart, points, extent, notes);
  const lowest = y.domain?.[0] ?? points.reduce((least, point) => Math.min(least, point.y), Infinity);
  const clip = clipping(chart);
  return drawChart(chart, {
    x,
    y,
    grid: ['x', 'y'],
    legend: legendOf(series.map(({ name }) => name)),
    notes,
    plot: (plot) => ({
      x: rounded(x),
      y: rounded(y),
      marks: [
        ...drawn.flatMap(({ points: own, bounds, colour }) => [
          ...(bounds === undefined ? [] : [plot.ruleX(sigmaBars(own, y, lowest), { x: 'x', y1: 'low', y2: 'high', stroke: colour, strokeOpacity: 0.55, className: 'chart-sigma', ...clip })]),
          plot.dot(own, { x: 'x', y: 'y', fill: colour, fillOpacity: own.length > 400 ? 0.45 : 0.75, r: own.length > 400 ? 1.8 : 2.8, ...clip }),
        ]), // biome-ignore format: marks side by side
        ...(extent === undefined
          ? []
          : [plot.line(extent, { stroke: INK, strokeOpacity: 0.6, className: 'chart-diagonal', ...clip })]),
      ],
    }),
  });
}

/** Bars of one sigma; on a logarithmic axis one that reaches zero begins at the lowest point drawn. A sigma that is no number has none. */
function sigmaBars(points: readonly Point[], y: ChartAxis, lowest: number): Point[] {
  const placed = points.map((point) =>
    y.scale === 'log' && point.low <= 0 ? { ...point, low: Math.min(lowest, point.y) } : point,
  );
  return placed.filter(({ low, high }) => shows(y, low) && shows(y, high));
}

/** Two ends of the line y = x where both axes have data, or undefined where they share no range. */
function equalRange(points: readonly Point[]): [number, number][] | undefined {
  let [xLow, xHigh, yLow, yHigh] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of points) {
    [xLow, xHigh] = [Math.min(xLow, x), Math.max(xHigh, x)];
    [yLow, yHigh] = [Math.min(yLow, y), Math.max(yHigh, y)];
  }
  const [low, high] = [Math.max(xLow, yLow), Math.min(xHigh, yHigh)];
  return low < high ? [[low, low], [high, high]] : undefined; // biome-ignore format: two points
}

/** Counts of values in equal bins (equal in the logarithm on a logarithmic axis); series share the bins. */
export function histogramChart(chart: HistogramChart): Promise<string> {
  const { x, series, bins, heightIs = 'count' } = chart;
  const kept = series.map(({ values }) => Float64Array.from(values).filter((value) => shows(x, value)));
  const total = series.reduce((sum, { values }) => sum + values.length, 0);
  const left = total - kept.reduce((sum, values) => sum + values.length, 0);
  const edges = binEdges(kept, { log: x.scale === 'log', domain: x.domain, bins });
  let outside = 0;
  const drawn = kept.map((values, index) => {
    const { counts, outside: missed } = countInto(values, edges);
    outside += missed;
    const norm = heightIs === 'fraction' ? Math.max(1, values.length - missed) : 1;
    return { colour: seriesColour(index), heights: Array.from(counts, (count, bin) => ({ from: edges[bin], to: edges[bin + 1], height: count / norm })) };
  }); // biome-ignore format: one record
  const notes = leftOut(left, total, 'values');
  if (outside > 0) notes.push(`Outside the axis: ${outside.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} values.`);
  const several = series.length > 1;
  return drawChart(chart, {
    x,
    y: heightIs === 'count' ? { label: 'Count' } : { label: 'Fraction of the series' },
    grid: ['y'],
    legend: legendOf(series.map(({ name }) => name)),
    notes,
    plot: (plot) => ({
      y: rounded({ label: '' }),
      marks: [
        ...drawn.flatMap(({ colour, heights }) => {
          const rects = plot.rect(heights, { x1: 'from', x2: 'to', y1: 0, y2: 'height', fill: colour, fillOpacity: several ? 0.3 : 0.85, insetLeft: several ? 0 : 0.5, insetRight: several ? 0 : 0.5 } as never); // biome-ignore format: one mark
          const steps = [...heights.flatMap(({ from, to, height }) => [[from, height], [to, height]])] as [number, number][]; // biome-ignore format: one outline
          return several ? [rects, plot.line(steps, { stroke: colour, strokeWidth: 1.6 })] : [rects];
        }),
        plot.ruleY([0], { stroke: INK, strokeOpacity: 0.6, className: 'chart-base' }),
      ],
    }),
  });
}
