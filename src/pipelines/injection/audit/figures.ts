/** Figures of an audit: ROC curves of the probes, areas with their errors, distances of the columns. */
import { barChart, type LineSeries, lineChart, scatterChart } from '../../../report/charts.ts';
import type { RunChart } from '../../../report/run-page.ts';
import type { ColumnTest } from './classes.ts';
import type { ProbeResult } from './probes.ts';

const FRAME = { title: '', theme: 'dark', width: 560 } as const;
/** Points of a ROC curve that a reader can tell apart. */
const CURVE_POINTS = 200;
/** More curves than this hide each other. */
const MOST_CURVES = 5;

/** Every so many points of a curve, and its end. */
function thinned({ title, curve, area }: ProbeResult): LineSeries {
  const { falsePositiveRate: x, truePositiveRate: y } = curve;
  const step = Math.max(1, Math.floor(x.length / CURVE_POINTS));
  const kept = Array.from(x.keys()).filter((index) => index % step === 0 || index === x.length - 1);
  return { name: `${title} (${area.toFixed(3)})`, x: kept.map((index) => x[index]), y: kept.map((index) => y[index]) };
}

async function rocFigure(title: string, caption: string, results: readonly ProbeResult[]): Promise<RunChart[]> {
  if (results.length === 0) return [];
  const coin: LineSeries = { name: 'a coin (0.5)', x: [0, 1], y: [0, 1], dashed: true };
  const svg = await lineChart({
    ...FRAME,
    height: 460,
    x: { label: 'False-positive rate', domain: [0, 1] },
    y: { label: 'True-positive rate', domain: [0, 1] },
    series: [...results.slice(0, MOST_CURVES).map(thinned), coin],
  });
  return [{ title, caption, svg }];
}

/** The figures for which there are values. */
export async function auditFigures(results: readonly ProbeResult[], tests: readonly ColumnTest[]): Promise<RunChart[]> {
  const isNull = ({ name }: ProbeResult) => name.startsWith('null-') || name === 'edge-probe';
  const charts = [
    ...(await rocFigure('What gives the label away', 'Out-of-fold scores of each probe; the area in parentheses. The annulus may know, the core should not.', results.filter((one) => !isNull(one)))), // biome-ignore format: one figure
    ...(await rocFigure('What should know nothing', 'Sky at the edge, and hosts without their arcs: these have to follow the diagonal.', results.filter(isNull))), // biome-ignore format: one figure
  ];
  if (results.length > 0) {
    charts.push({
      title: 'Areas and their folds',
      caption:
        'Each dot is one of five folds, from left to right in the order of the table; the bars are one standard error of the mean area.',
      svg: await scatterChart({
        ...FRAME,
        height: 340,
        x: { label: 'Probe, in the order of the table', domain: [0.4, results.length + 0.6] },
        y: { label: 'Area under the ROC curve', domain: [Math.min(0.4, ...results.flatMap(({ folds }) => folds)), 1] },
        series: [
          { name: 'folds', x: results.flatMap(({ folds }, index) => folds.map(() => index + 1)), y: results.flatMap(({ folds }) => folds) },
          { name: 'mean', x: results.map((_, index) => index + 1.15), y: results.map(({ area }) => area), ySigma: results.map(({ error }) => error) },
        ], // biome-ignore format: two series
        guides: [{ axis: 'y', value: 0.5, label: 'a coin' }],
      }),
    });
  }
  if (tests.length > 0) {
    charts.push({
      title: 'Columns of both classes',
      caption:
        'Kolmogorov-Smirnov distance between injections and controls, one row per host; the lines are where it is told and where it is refused.',
      svg: await barChart({
        ...FRAME,
        height: 90 + 26 * Math.min(12, tests.length),
        x: { label: 'Kolmogorov-Smirnov distance' },
        bars: tests
          .slice(0, 12)
          .map(({ column, distance }) => ({ name: column, parts: [{ name: 'distance', value: distance }] })),
        guides: [0.05, 0.1].map((value) => ({ axis: 'x' as const, value, label: String(value) })),
      }),
    });
  }
  return charts;
}
