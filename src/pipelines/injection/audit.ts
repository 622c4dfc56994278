/** `arclet inject audit`: what in the stamps and columns gives the label away beside the arcs. */
import { isArcletError } from '../../core/errors.ts';
import { throwIfAborted } from '../../engine/batches.ts';
import type { RunPage } from '../../report/run-page.ts';
import { type Dataset, openDataset } from '../dataset.ts';
import { defineStage, type StageContext, type StageResult } from '../stage.ts';
import { ClassRows, type ColumnTest } from './audit/classes.ts';
import { auditFigures } from './audit/figures.ts';
import { readPixels } from './audit/pixels.ts';
import { noPlanes, planeChecks } from './audit/planes.ts';
import { noProbes, type Probed, probePixels } from './audit/probes.ts';
import { type Check, count, overall, short } from './check/checks.ts';
import { type Expected, expectedOf, type LocatedConfig } from './check/context.ts';
import { checkLines, VERDICT_HEAD, verdictRows, verdictTiles, writeReport } from './check/report.ts';
import { Rows } from './check/rows.ts';
import type { InjectConfig } from './config.ts';
import { experimentsOf } from './experiments.ts';
import { datasetFolder, joinLocation, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';

/** What an audit found. */
export interface Audited extends Probed {
  readonly rows: number;
  readonly stamps: number;
  readonly tests: readonly ColumnTest[];
}

/** Columns of both classes, from the metrics. */
async function readClasses(
  context: StageContext,
  dataset: Dataset,
  expected: Expected,
): Promise<{ classes: ClassRows; rows: number }> {
  const classes = new ClassRows(expected);
  let rows = 0;
  for await (const batch of dataset.batches(classes.columns, { lenient: true })) {
    throwIfAborted(context.signal, rows);
    classes.read(new Rows(batch, batch.part.partitions));
    rows += batch.rows;
    context.log.progress('rows', rows, undefined);
  }
  return { classes, rows };
}

/** Probes of the pixels; skipped, saying why, where there are none. */
async function readStamps(config: LocatedConfig, expected: Expected): Promise<Probed & { stamps: number }> {
  let dataset: Dataset;
  try {
    dataset = await openDataset(datasetFolder(config, 'stamps', expected.experimentId));
  } catch (error) {
    if (!isArcletError(error, 'INPUT_INVALID')) throw error;
    const reason = config.metricsOnly ? 'metrics_only: no stamps were written.' : `There are no stamps: ${error.message}`;
    return { checks: [...noPlanes(reason), ...noProbes(reason)], results: [], stamps: 0 };
  }
  try {
    const facts = await readPixels(dataset, expected);
    const { checks, results } = probePixels(facts, expected);
    return { checks: [...planeChecks(facts), ...checks], results, stamps: facts.stamps.length };
  } finally {
    await dataset.close();
  }
}

/**
 * Audits one experiment; writes nothing.
 *
 * @throws INPUT_INVALID when the experiment has no metrics or a part cannot be read; ABORTED
 */
export async function auditExperiment(context: StageContext, config: LocatedConfig, experimentId: string): Promise<Audited> {
  const expected = expectedOf(config, experimentId);
  const dataset = await openDataset(datasetFolder(config, 'metrics', experimentId));
  const { classes, rows } = await readClasses(context, dataset, expected).finally(() => dataset.close());
  const pixels = await readStamps(config, expected);
  const tests = classes.tests();
  return { rows, tests, stamps: pixels.stamps, results: pixels.results, checks: [...pixels.checks, ...classes.checks(tests)] };
}

async function writeAudit(
  context: StageContext,
  config: LocatedConfig,
  experimentId: string,
  audited: Audited,
): Promise<string[]> {
  const { checks, results, tests, rows, stamps } = audited;
  const json = {
    experiment_id: experimentId,
    variant: config.variant,
    arclet: context.version,
    config_hash: context.record.configHash,
    audited_utc: new Date().toISOString(),
    verdict: overall(checks),
    rows,
    stamps,
    checks,
    probes: results.map(({ name, title, features, positives, negatives, area, error, folds }) => ({ name, title, features, positives, negatives, auc: area, auc_error: error, auc_folds: folds })), // biome-ignore format: one record
    columns: tests.map((test) => ({ column: test.column, ks_distance: test.distance, p_value: test.pValue, injections: test.positives, controls: test.controls, median_injections: test.medianPositives, median_controls: test.medianControls })), // biome-ignore format: one record
  };
  const page: RunPage = {
    title: `Audit of ${experimentId}`,
    text: `Variant ${config.variant}: ${count(stamps)} stamps chosen by hash from ${count(rows)} rows. A probe is a logistic regression on the named pixels, its area under the ROC curve on hosts that it was not trained on.`,
    headlines: verdictTiles(checks),
    sections: [
      { title: 'Checks', text: 'The gravest first. Each says its threshold, why it is there, and what was found.', blocks: [{ kind: 'verdicts', head: VERDICT_HEAD, rows: verdictRows(checks) }] }, // biome-ignore format: one section
      { title: 'Figures', text: 'What the probes reach, and how far the columns of the classes are apart.', blocks: [{ kind: 'charts', charts: await auditFigures(results, tests) }] }, // biome-ignore format: one section
      {
        title: 'Probes',
        text: 'Areas with one standard error; injections against controls.',
        blocks: [{ kind: 'table', head: ['', 'probe', 'area', 'error', 'features', 'injections', 'controls'], rows: results.map(({ title, area, error, features, positives, negatives }, index) => [String(index + 1), title, area.toFixed(3), error.toFixed(3), count(features), count(positives), count(negatives)]) }], // biome-ignore format: one table
      },
      {
        title: 'Columns',
        text: 'Two-sample Kolmogorov-Smirnov tests of columns that say nothing of the arc, one row per host.',
        blocks: [{ kind: 'table', head: ['column', 'distance', 'p', 'injections', 'controls', 'median of injections', 'median of controls'], rows: tests.map((test) => [test.column, short(test.distance), test.pValue.toPrecision(2), count(test.positives), count(test.controls), short(test.medianPositives), short(test.medianControls)]) }], // biome-ignore format: one table
      },
    ],
  };
  return writeReport(joinLocation(phaseFolder(config, 'audit'), experimentId), 'audit', json, page);
}

async function run(context: StageContext, config: InjectConfig): Promise<StageResult> {
  const located = requireKeys(config, 'audit', ['output']);
  const start = performance.now();
  const [all, outputs, summary]: [Check[], string[], string[]] = [[], [], []];
  const counts = { experiments: 0, rows: 0, stamps: 0 };
  for (const experimentId of await experimentsOf(located, 'metrics')) {
    const audited = await auditExperiment(context, located, experimentId);
    outputs.push(...(await writeAudit(context, located, experimentId, audited)));
    summary.push(...checkLines(experimentId, audited.checks));
    all.push(...audited.checks);
    counts.experiments++;
    counts.rows += audited.rows;
    counts.stamps += audited.stamps;
  }
  const refused = all.filter(({ verdict }) => verdict === 'no-go');
  return {
    outcome: refused.length > 0 ? 'no-go' : 'done',
    counts: { ...counts, checks: all.length, checks_no_go: refused.length },
    seconds: { audit: (performance.now() - start) / 1000 },
    failures: refused.slice(0, 100).map(({ name, value, detail }) => ({ subject: name, reason: `${value}. ${detail}` })),
    outputs,
    summary,
  };
}

/** Probes the stamps and columns of every experiment of a variant; ends with `no-go` when a label can be had without its arc. */
export const auditStage = defineStage<InjectConfig>({
  name: 'audit',
  aliases: [],
  summary: 'Probes stamps and columns for what gives the label away beside the arc: cores, edges, hosts, quality of the sky.',
  keys: ['output', 'variant', 'experiment_id', 'bands', 'reference_band', 'pixscale_arcsec', 'tiers', 'metrics_only'],
  run,
});
