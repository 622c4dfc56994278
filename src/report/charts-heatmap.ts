/** Charts whose values are colours: a quantity over two axes, and counts of points too many to draw. */
import { axisLabel, formatNumber } from './charts-axis.ts';
import { binEdges, binOf } from './charts-bins.ts';
import { drawChart } from './charts-svg.ts';
import { INK, QUIET } from './charts-theme.ts';
import type { ChartAxis, ChartFrame } from './charts-types.ts';

export interface HeatmapChart extends ChartFrame {
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  /** Edges of the cells, ascending, one more than cells. */
  readonly xEdges: ArrayLike<number>;
  readonly yEdges: ArrayLike<number>;
  /** [y, x], row by row from the lowest y; NaN where there is nothing to say: such cells are struck through. */
  readonly values: ArrayLike<number>;
  /** What the colours mean. With a domain, such as [0, 1] for a completeness, colours end there. */
  readonly value: ChartAxis;
  /** 'diverging' puts zero at the neutral colour, for differences. Default 'sequential' (viridis). */
  readonly colours?: 'sequential' | 'diverging';
  /** Writes the value into each cell. Default where there are at most 150 cells. */
  readonly numbers?: boolean;
}

interface Cell {
  x1: number;
  x2: number;
  y1: number;
  y2: number;
  value: number;
}

function middle(low: number, high: number, { scale }: ChartAxis): number {
  return scale === 'log' ? Math.sqrt(low * high) : (low + high) / 2;
}

/** Throws a RangeError unless the values fill the cells, the edges ascend and the colours can be placed on their scale. */
function cellsOf({ xEdges, yEdges, values }: HeatmapChart): Cell[] {
  const [columns, rows] = [xEdges.length - 1, yEdges.length - 1];
  if (columns < 1 || rows < 1 || values.length !== columns * rows) {
    throw new RangeError(`a heat map of ${rows} x ${columns} cells has ${rows * columns} values, got ${values.length}`);
  }
  for (const edges of [xEdges, yEdges]) {
    for (let k = 1; k < edges.length; k++) {
      if (!(edges[k] > edges[k - 1])) throw new RangeError(`edge ${k} of a heat map is ${edges[k]}, not above ${edges[k - 1]}`);
    }
  }
  return Array.from(values, (value, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    return { x1: xEdges[column], x2: xEdges[column + 1], y1: yEdges[row], y2: yEdges[row + 1], value };
  });
}

/** The range of colours: that of the values where none is given; around zero for differences. */
function colourDomain({ value, colours }: HeatmapChart, cells: readonly Cell[]): [number, number] {
  if (value.domain !== undefined) return [...value.domain];
  let [low, high] = [Infinity, -Infinity];
  for (const cell of cells) [low, high] = [Math.min(low, cell.value), Math.max(high, cell.value)];
  if (colours === 'diverging') {
    const reach = Math.max(Math.abs(low), Math.abs(high));
    return Number.isFinite(reach) && reach > 0 ? [-reach, reach] : [-1, 1];
  }
  if (low > high) return value.scale === 'log' ? [1, 10] : [0, 1];
  if (low === high) return value.scale === 'log' ? [low, 10 * low] : [low, low + Math.max(1, Math.abs(low))];
  return [low, high];
}

/** Perceived lightness decides between black and white numbers: viridis is dark below its middle, a diverging map dark at both ends. */
function numberColour(part: number, colours: HeatmapChart['colours']): string {
  const dark = colours === 'diverging' ? Math.abs(part - 0.5) > 0.33 : part < 0.62;
  return dark ? '#ffffff' : '#14171d';
}

/**
 * A quantity over two axes as coloured cells, such as completeness over magnitude and radius.
 * Throws a RangeError when edges and values do not fit together.
 */
export function heatmapChart(chart: HeatmapChart): Promise<string> {
  const { x, y, value, colours = 'sequential' } = chart;
  const cells = cellsOf(chart);
  const log = value.scale === 'log';
  const known = cells.filter((cell) => Number.isFinite(cell.value) && (!log || cell.value > 0));
  const unknown = cells.filter((cell) => !known.includes(cell));
  const { numbers = cells.length <= 150 } = chart;
  const domain = colourDomain(chart, known);
  const place = (of: number) => Math.min(1, Math.max(0, log ? Math.log(of / domain[0]) / Math.log(domain[1] / domain[0]) : (of - domain[0]) / (domain[1] - domain[0]))); // biome-ignore format: one formula
  const decimals = log ? undefined : Math.min(8, Math.max(0, 2 - Math.floor(Math.log10(domain[1] - domain[0]))));
  const number = (of: number) =>
    decimals === undefined ? formatNumber(Number(of.toPrecision(2))) : of.toFixed(decimals).replace('-', '−');
  const at = { x: (cell: Cell) => middle(cell.x1, cell.x2, x), y: (cell: Cell) => middle(cell.y1, cell.y2, y) };
  const box = {
    x1: 'x1',
    x2: 'x2',
    y1: 'y1',
    y2: 'y2',
    ...(cells.length <= 400 ? { inset: 0.5 } : { shapeRendering: 'crispEdges' }),
  };
  return drawChart(chart, {
    x: { ...x, domain: x.domain ?? [chart.xEdges[0], chart.xEdges[chart.xEdges.length - 1]] },
    y: { ...y, domain: y.domain ?? [chart.yEdges[0], chart.yEdges[chart.yEdges.length - 1]] },
    legend: [],
    colourBar: { label: axisLabel(value) },
    notes: unknown.length === 0 ? [] : [`${unknown.length} of ${cells.length} cells have no value and are struck through.`],
    plot: (plot) => ({
      color: { type: log ? 'log' : 'linear', domain, clamp: true, scheme: colours === 'diverging' ? 'RdBu' : 'viridis', reverse: colours === 'diverging' }, // biome-ignore format: one scale
      marks: [
        plot.rect(known, { ...box, fill: 'value', className: 'chart-cell', clip: true } as never),
        plot.rect(unknown, { ...box, fill: 'none', stroke: QUIET, strokeOpacity: 0.35, className: 'chart-empty-cell' } as never),
        plot.link(unknown, { x1: 'x1', y1: 'y1', x2: 'x2', y2: 'y2', stroke: QUIET, strokeOpacity: 0.35, className: 'chart-empty-cell-cross' } as never), // biome-ignore format: one mark
        ...(numbers
          ? [
              plot.text(known, { ...at, text: (cell: Cell) => number(cell.value), fill: (cell: Cell) => numberColour(place(cell.value), colours), className: 'chart-number' } as never), // biome-ignore format: one mark
            ]
          : []),
      ],
    }),
  });
}

/** Points too many for circles: how many fall into each of 80 x 50 cells, coloured by the logarithm. */
export function densityChart(
  chart: ChartFrame & { readonly x: ChartAxis; readonly y: ChartAxis },
  points: readonly { x: number; y: number }[],
  diagonal: readonly (readonly [number, number])[] | undefined,
  notes: readonly string[],
): Promise<string> {
  const { x, y } = chart;
  const edgesOf = (axis: 'x' | 'y', bins: number) =>
    binEdges([Float64Array.from(points, (point) => point[axis])], {
      log: chart[axis].scale === 'log',
      domain: chart[axis].domain,
      bins,
    });
  const [xEdges, yEdges] = [edgesOf('x', 80), edgesOf('y', 50)];
  const counts = new Map<number, Cell>();
  for (const point of points) {
    const [column, row] = [binOf(point.x, xEdges), binOf(point.y, yEdges)];
    if (column < 0 || row < 0) continue;
    const key = row * 80 + column;
    const cell = counts.get(key);
    if (cell !== undefined) cell.value++;
    else counts.set(key, { x1: xEdges[column], x2: xEdges[column + 1], y1: yEdges[row], y2: yEdges[row + 1], value: 1 });
  }
  const cells = [...counts.values()];
  const most = cells.reduce((best, { value }) => Math.max(best, value), 10);
  return drawChart(chart, {
    x,
    y,
    legend: [],
    colourBar: { label: 'Points per cell' },
    notes: [...notes, `${points.length.toLocaleString('en-US')} points, drawn as counts per cell.`],
    plot: (plot) => ({
      color: { type: 'log', domain: [1, most], scheme: 'viridis' },
      marks: [
        plot.rect(cells, {
          x1: 'x1',
          x2: 'x2',
          y1: 'y1',
          y2: 'y2',
          shapeRendering: 'crispEdges',
          fill: 'value',
          className: 'chart-cell',
        } as never),
        ...(diagonal === undefined
          ? []
          : [plot.line(diagonal as [number, number][], { stroke: INK, strokeOpacity: 0.8, className: 'chart-diagonal' })]),
      ],
    }),
  });
}
