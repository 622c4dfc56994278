/** Completeness in a few numbers: the JSON beside the tables, and lines for the terminal. */
import { wilsonInterval } from '../../../core/intervals.ts';
import type { Axes } from './counting.ts';
import type { CompletenessFigure } from './figures.ts';
import { collapse } from './groups.ts';
import type { CompletenessMaps } from './maps.ts';
import type { Completeness, CompletenessOptions } from './measure.ts';
import { MEDIAN_RELATIVE_ERROR } from './medians.ts';
import { completenessOf, weightedOf } from './ratios.ts';
import { FEWEST_ABOVE, type ScoreThreshold } from './scores.ts';

/** What `completeness.json` holds; keys as in the file. */
export type CompletenessSummary = Readonly<Record<string, unknown>> & {
  readonly experiment_id: string;
  /** Files beside the JSON. */
  readonly figures: readonly { readonly title: string; readonly caption: string; readonly svg: string }[];
};

function totalsOf(result: Completeness, options: CompletenessOptions) {
  const { groups } = collapse(result.surfaces, []);
  if (groups.size === 0) return undefined;
  const of = (subset: 'All' | 'Clean') => {
    const ratio = completenessOf(groups, 0, subset, options);
    const suffix = subset.toLowerCase();
    const weighted = weightedOf(groups, 0, subset, options);
    return {
      [`n_valid_${suffix}`]: groups.count(0, `valid${subset}`),
      [`n_recovered_${suffix}`]: groups.count(0, `recovered${subset}`),
      [`completeness_valid_${suffix}`]: ratio.value,
      [`ci_low_valid_${suffix}`]: ratio.low,
      [`ci_high_valid_${suffix}`]: ratio.high,
      [`completeness_overall_${suffix}`]: groups.count(0, `recovered${subset}`) / groups.count(0, 'attempt'),
      ...(result.weighted
        ? { [`completeness_weighted_${suffix}`]: weighted.value, [`n_effective_${suffix}`]: weighted.effective }
        : {}),
    };
  };
  return {
    n_attempt: groups.count(0, 'attempt'),
    ...of('All'),
    ...of('Clean'),
    n_recovered_snr_only: groups.count(0, 'snrOnly'),
    n_recovered_res_only: groups.count(0, 'resOnly'),
    ...(result.score === undefined ? {} : { n_score_missing: groups.count(0, 'scoreMissing') }),
  };
}

function axesOf(axes: Axes) {
  const entries = Object.entries(axes).map(([name, axis]) => [
    name,
    {
      label: axis.label,
      unit: axis.unit ?? '',
      kind: axis.kind,
      ...(axis.values === undefined ? { width: axis.width } : { values: axis.values }),
    },
  ]);
  return Object.fromEntries(entries);
}

/** The JSON of one experiment. */
export function summaryOf(
  experimentId: string,
  result: Completeness,
  maps: CompletenessMaps,
  options: CompletenessOptions,
  figures: readonly CompletenessFigure[],
  files: readonly string[],
): CompletenessSummary {
  const { rule, score } = options;
  const spread = maps.total.cells[0]?.spread;
  return {
    experiment_id: experimentId,
    rule: {
      recovered_by: score === undefined ? 'arc_snr and theta_e / psf' : score.column,
      recovery_snr_thresh: rule.snrThreshold,
      recovery_theta_over_psf: rule.thetaOverPsf,
      quality_bad_pixel_max: rule.badPixelMax,
      quality_wise_max: rule.wiseMax,
    },
    interval: options.interval,
    ci_z: options.z,
    reference_band: options.band,
    rows: {
      all: result.counts.rows,
      injections: result.counts.injections,
      controls: result.counts.controls,
      neither: result.counts.others,
      psf_from_manifest: result.counts.psfFromManifest,
      without_weight: result.weighted ? result.counts.withoutWeight : null,
    },
    totals: totalsOf(result, options) ?? null,
    regions: spread === undefined ? null : { n: spread.regions, mean: spread.mean, std: spread.std, jackknife: spread.jackknife },
    score:
      result.score === undefined
        ? null
        : {
            column: score?.column,
            score_fpr: score?.falsePositiveRate,
            ...thresholdFacts(result.score, options.z),
            controls_without_score: result.score.controlsWithoutScore,
            clean: result.score.clean === undefined ? null : thresholdFacts(result.score.clean, options.z),
            warnings: scoreWarnings(result.score),
          },
    axes: axesOf(result.axes),
    arc_snr_p50_relative_error: MEDIAN_RELATIVE_ERROR,
    groups: result.surfaces.size,
    files,
    figures: figures.map(({ name, title, caption }) => ({ title, caption, svg: `figures/${name}.svg` })),
  };
}

/** A threshold and the false-positive rate that it has, with its Wilson interval. */
function thresholdFacts({ threshold, rank, negatives, achieved }: ScoreThreshold, z: number) {
  const [low, high] = wilsonInterval(Math.round(achieved * negatives), negatives, z);
  return { threshold, rank, n_controls: negatives, achieved_fpr: achieved, achieved_fpr_low: low, achieved_fpr_high: high };
}

function scoreWarnings(score: NonNullable<Completeness['score']>): string[] {
  const { clean } = score;
  if (clean === undefined)
    return ['No clean control has a score: there is no threshold for clean injections, and none counts as recovered.'];
  return [
    { ...score, what: 'controls' },
    { ...clean, what: 'clean controls' },
  ].flatMap(({ what, expected, negatives }) =>
    expected < FEWEST_ABOVE
      ? [
          `score_fpr asks for ${Number(expected.toPrecision(3))} of ${counted(negatives)} ${what}, fewer than ${FEWEST_ABOVE}: the threshold is that of a few rows; score more controls or raise score_fpr.`,
        ]
      : [],
  );
}

const percent = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(2)} %`);
const counted = (rows: number) => rows.toLocaleString('en-US');

/** One or two lines for the terminal. */
export function summaryLines(experimentId: string, result: Completeness, maps: CompletenessMaps): string[] {
  const cell = maps.total.cells[0];
  if (cell === undefined) return [`${experimentId}: no injection among ${counted(result.counts.rows)} rows, nothing to measure`];
  const { ratio, spread } = cell;
  const sky = spread.jackknife === null ? '' : `, +- ${percent(spread.jackknife)} from ${spread.regions} regions`;
  const lines = [
    `${experimentId}: ${percent(ratio.value)} of ${counted(cell.valid)} valid clean injections recovered (${percent(ratio.low)} to ${percent(ratio.high)}${sky})`,
  ];
  if (result.score !== undefined) {
    const said = ({ threshold, achieved, negatives }: ScoreThreshold, what: string) =>
      `  score threshold ${threshold}, at or above it ${percent(achieved)} of ${counted(negatives)} ${what}`;
    const { clean } = result.score;
    lines.push(said(clean ?? result.score, clean === undefined ? 'controls' : 'clean controls'));
    lines.push(...scoreWarnings(result.score).map((warning) => `  ${warning}`));
  }
  return lines;
}
