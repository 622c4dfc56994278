/** Bars made of parts. */
import { formatNumber } from './charts-axis.ts';
import { drawChart } from './charts-svg.ts';
import { GROUND, INK, legendOf, seriesColour } from './charts-theme.ts';
import type { ChartAxis, ChartFrame } from './charts-types.ts';

export interface BarChart extends ChartFrame {
  /** What the bars measure, with its unit. */
  readonly x: ChartAxis;
  /** One bar each, from the top; parts of one name have one colour in all bars. */
  readonly bars: readonly {
    readonly name: string;
    readonly parts: readonly { readonly name: string; readonly value: number }[];
  }[];
}

/**
 * Horizontal bars made of parts, such as where the time of a run went. The total stands at the end of each bar.
 * Throws a RangeError for a part that is negative or not finite.
 */
export function barChart(chart: BarChart): Promise<string> {
  const { x, bars } = chart;
  const names = [...new Set(bars.flatMap(({ parts }) => parts.map(({ name }) => name)))];
  const totals: { bar: string; total: number }[] = [];
  const pieces = bars.flatMap(({ name: bar, parts }) => {
    let from = 0;
    const own = parts.map(({ name, value }) => {
      if (!(value >= 0 && value < Infinity))
        throw new RangeError(`part '${name}' of bar '${bar}' is ${value}, expected a length >= 0`);
      from += value;
      return { bar, from: from - value, to: from, colour: seriesColour(names.indexOf(name)) };
    });
    totals.push({ bar, total: from });
    return own;
  });
  const longest = Math.max(0, ...totals.map(({ total }) => total));
  return drawChart(
    { height: 130 + 38 * bars.length, ...chart },
    {
      x: { ...x, domain: x.domain ?? [0, longest === 0 ? 1 : 1.1 * longest] },
      y: { label: '' },
      grid: ['x'],
      legend: legendOf(names),
      notes: [],
      plot: (plot) => ({
        y: { type: 'band', domain: bars.map(({ name }) => name), padding: 0.3, label: null },
        marks: [
          plot.barX(pieces, { x1: 'from', x2: 'to', y: 'bar', fill: (piece: { colour: string }) => piece.colour, stroke: GROUND, strokeWidth: 0.8 }), // biome-ignore format: one mark
          plot.text(totals, { x: 'total', y: 'bar', text: ({ total }: { total: number }) => formatNumber(Number(total.toPrecision(4))), textAnchor: 'start', dx: 5, fill: INK, className: 'chart-total' }), // biome-ignore format: one mark
        ],
      }),
    },
  );
}
