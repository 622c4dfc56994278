/** Figures of completeness: lines over the Einstein radius, heat maps, resolution, regions. */
import { heatmapChart, type LineSeries, lineChart, scatterChart } from '../../../report/charts.ts';
import { type Axis, RESOLUTION_LABELS } from './axes.ts';
import type { CompletenessMap, CompletenessMaps } from './maps.ts';
import { type IntervalOptions, ratioOf } from './ratios.ts';

export interface CompletenessFigure {
  /** Of the file, without ending. */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

const FRACTION = { label: 'Completeness', domain: [0, 1] } as const;
/** More lines with bands than this hide each other. */
const MOST_LINES = 5;
/** A heat map of finer cells than this shows nothing that a person can read. */
const MOST_CELLS = 2500;

const number = (value: number): string => String(Number(value.toPrecision(6)));
const counted = (rows: number): string => rows.toLocaleString('en-US');
/** As it stands within a sentence: Einstein and PSF keep their capitals. */
const inSentence = (text: string): string =>
  /^(Einstein|[A-Z]{2})/.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1);
const intervalName = ({ interval, z }: IntervalOptions): string =>
  `${interval === 'wilson' ? 'Wilson' : 'Jeffreys'} intervals of ${z} sigma`;

/** Codes of the second axis in runs of neighbours, at most five of about the same number of valid rows. */
function runsOf(map: CompletenessMap): number[][] {
  const valid = new Map<number, number>();
  for (const cell of map.cells) valid.set(cell.codes[1], (valid.get(cell.codes[1]) ?? 0) + cell.valid);
  const codes = [...valid.keys()].sort((a, b) => a - b);
  if (codes.length <= MOST_LINES) return codes.map((code) => [code]);
  const total = [...valid.values()].reduce((sum, rows) => sum + rows, 0);
  const runs: number[][] = Array.from({ length: MOST_LINES }, () => []);
  let before = 0;
  for (const code of codes) {
    const rows = valid.get(code)!;
    runs[Math.min(MOST_LINES - 1, Math.floor((MOST_LINES * (before + rows / 2)) / Math.max(1, total)))].push(code);
    before += rows;
  }
  return runs.filter((run) => run.length > 0);
}

function runName(axis: Axis, run: readonly number[]): string {
  const [first, last] = [axis.rangeOf(run[0]), axis.rangeOf(run[run.length - 1])];
  const unit = axis.unit === undefined ? '' : ` ${axis.unit}`;
  if (axis.kind === 'values')
    return run.length === 1 ? `${number(first.middle)}${unit}` : `${number(first.middle)} to ${number(last.middle)}${unit}`;
  return `${number(first.low)} to ${number(last.high)}${unit}`;
}

/** One line per run of the second axis, over the first. */
function linesOf(map: CompletenessMap, options: IntervalOptions): LineSeries[] {
  return runsOf(map).map((run) => {
    const at = new Map<number, { valid: number; recovered: number }>();
    for (const { codes, valid, recovered } of map.cells) {
      if (!run.includes(codes[1]) || valid === 0) continue;
      const sum = at.get(codes[0]) ?? { valid: 0, recovered: 0 };
      at.set(codes[0], { valid: sum.valid + valid, recovered: sum.recovered + recovered });
    }
    const points = [...at].sort(([a], [b]) => a - b).map(([code, { valid, recovered }]) => ({
      x: map.axes[0].rangeOf(code).middle,
      ratio: ratioOf(recovered, valid, options),
    })); // biome-ignore format: one chain
    return {
      name: runName(map.axes[1], run),
      x: points.map(({ x }) => x),
      y: points.map(({ ratio }) => ratio.value ?? Number.NaN),
      low: points.map(({ ratio }) => ratio.low ?? Number.NaN),
      high: points.map(({ ratio }) => ratio.high ?? Number.NaN),
    };
  });
}

async function lineFigure(name: string, map: CompletenessMap, options: IntervalOptions): Promise<CompletenessFigure | undefined> {
  const series = linesOf(map, options).filter(({ x }) => x.length > 0);
  if (series.length === 0) return undefined;
  const by = inSentence(map.axes[1].label);
  const title = `Completeness by Einstein radius and ${by}`;
  const svg = await lineChart({
    title,
    subtitle: `Clean injections, ${intervalName(options)}`,
    x: { label: map.axes[0].label, unit: map.axes[0].unit },
    y: FRACTION,
    series,
    dots: true,
  });
  return { name, title, caption: `Recovered of valid clean injections; bands are ${intervalName(options)}.`, svg };
}

/** Edges that reach from the lowest to the highest cell, empty cells between them included; undefined for none, or too many. */
function edgesOf(map: CompletenessMap, at: number): { edges: number[]; first: number } | undefined {
  if (map.cells.length === 0) return undefined;
  const codes = map.cells.map((cell) => cell.codes[at]);
  const first = codes.reduce((least, code) => Math.min(least, code), Infinity);
  const last = codes.reduce((most, code) => Math.max(most, code), -Infinity);
  if (!(last - first < MOST_CELLS)) return undefined;
  const axis = map.axes[at];
  const edges = Array.from({ length: last - first + 1 }, (_, index) => axis.rangeOf(first + index).low);
  return { edges: [...edges, axis.rangeOf(last).high], first };
}

async function heatFigure(name: string, map: CompletenessMap): Promise<CompletenessFigure | undefined> {
  const [x, y] = [edgesOf(map, 0), edgesOf(map, 1)];
  if (x === undefined || y === undefined) return undefined;
  const columns = x.edges.length - 1;
  const values = new Float64Array(columns * (y.edges.length - 1)).fill(Number.NaN);
  if (values.length > MOST_CELLS) return undefined;
  let valid = 0;
  for (const { codes, ratio, valid: rows } of map.cells) {
    values[(codes[1] - y.first) * columns + codes[0] - x.first] = ratio.value ?? Number.NaN;
    valid += rows;
  }
  const title = `Completeness over Einstein radius and ${inSentence(map.axes[1].label)}`;
  const svg = await heatmapChart({
    title,
    x: { label: map.axes[0].label, unit: map.axes[0].unit },
    y: { label: map.axes[1].label, unit: map.axes[1].unit },
    xEdges: x.edges,
    yEdges: y.edges,
    values,
    value: FRACTION,
    height: 440,
  });
  const lost = map.unplaced === 0 ? '' : ` ${counted(map.unplaced)} injections have no such value.`;
  return { name, title, caption: `${counted(valid)} valid clean injections; cells struck through hold none.${lost}`, svg };
}

async function resolutionFigure(
  map: CompletenessMap,
  threshold: number | undefined,
  options: IntervalOptions,
): Promise<CompletenessFigure | undefined> {
  const cells = map.cells.filter(({ valid }) => valid > 0);
  if (cells.length === 0) return undefined;
  const title = 'Completeness by resolution';
  const svg = await lineChart({
    title,
    subtitle: `Clean injections, ${intervalName(options)}`,
    x: { label: map.axes[0].label, domain: [0.2, 1.2] },
    y: FRACTION,
    series: [
      {
        name: 'clean',
        x: cells.map(({ ranges }) => ranges[0].middle),
        y: cells.map(({ ratio }) => ratio.value ?? Number.NaN),
        low: cells.map(({ ratio }) => ratio.low ?? Number.NaN),
        high: cells.map(({ ratio }) => ratio.high ?? Number.NaN),
      },
    ],
    dots: true,
    ...(threshold === undefined ? {} : { guides: [{ axis: 'x', value: threshold, label: 'rule' }] }),
  });
  const bins = cells.map(({ codes, valid }) => `${RESOLUTION_LABELS[codes[0]]}: ${counted(valid)}`).join(', ');
  return { name: 'resolution', title, caption: `The outer bins are open. Valid clean injections: ${bins}.`, svg };
}

async function regionFigure(
  regions: readonly { valid: number; recovered: number }[],
  pooled: number | null,
): Promise<CompletenessFigure | undefined> {
  const known = regions.filter(({ valid }) => valid > 0);
  if (known.length < 2 || pooled === null) return undefined;
  const title = 'Completeness from region to region';
  const svg = await scatterChart({
    title,
    x: { label: 'Valid clean injections of the region' },
    y: FRACTION,
    series: [
      {
        name: 'regions',
        x: known.map(({ valid }) => valid),
        y: known.map(({ valid, recovered }) => recovered / valid),
        // What counting alone would give a region of the pooled completeness.
        ySigma: known.map(({ valid }) => Math.sqrt((pooled * (1 - pooled)) / valid)),
      },
    ],
    guides: [{ axis: 'y', value: pooled, label: 'pooled' }],
  });
  const caption = `${counted(known.length)} regions; bars are the counting error at the pooled completeness: more scatter than that is the sky's.`;
  return { name: 'regions', title, caption, svg };
}

/**
 * All figures for which there are data.
 *
 * @param threshold theta_E / PSF of the built-in rule; undefined where a detector decides
 */
export async function completenessFigures(
  maps: CompletenessMaps,
  regions: readonly { valid: number; recovered: number }[],
  threshold: number | undefined,
  options: IntervalOptions,
): Promise<CompletenessFigure[]> {
  const figures = [
    await lineFigure('theta_e_by_psf', maps.thetaEPsf, options),
    await lineFigure('theta_e_by_src_mag_r', maps.thetaEMag, options),
    await heatFigure('theta_e_x_src_mag_r', maps.thetaEMag),
    await heatFigure('theta_e_x_psf', maps.thetaEPsf),
    await heatFigure('theta_e_x_depth', maps.thetaEDepth),
    await resolutionFigure(maps.resolution, threshold, options),
    await regionFigure(regions, maps.total.cells[0]?.ratio.value ?? null),
  ];
  return figures.filter((figure) => figure !== undefined);
}
