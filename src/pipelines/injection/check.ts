/** `arclet inject check`: the preflight before a set is trained on, GO or NO-GO with the reasons. */
import { isArcletError } from '../../core/errors.ts';
import type { RunPage } from '../../report/run-page.ts';
import { defineStage, type StageContext, type StageResult } from '../stage.ts';
import { type Check, count, decide, overall, type Rule } from './check/checks.ts';
import type { LocatedConfig } from './check/context.ts';
import { examineExperiment } from './check/examine.ts';
import { checkFigures } from './check/figures.ts';
import { checkLines, VERDICT_HEAD, verdictRows, verdictTiles, writeReport } from './check/report.ts';
import type { InjectConfig } from './config.ts';
import { experimentsOf } from './experiments.ts';
import { joinLocation, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';
import { openManifest } from './manifest/read.ts';

interface ExperimentCheck {
  readonly experimentId: string;
  readonly rows: number;
  readonly checks: readonly Check[];
  readonly outputs: readonly string[];
}

/** Checks one experiment and writes check.json and check.html to `<output>/phasecheck/<variant>/<experiment_id>/`. Throws as examineExperiment, and OUTPUT_UNWRITABLE. */
async function checkExperiment(context: StageContext, config: LocatedConfig, experimentId: string): Promise<ExperimentCheck> {
  const examined = await examineExperiment(context, config, experimentId);
  const { checks, rates, splits, physics, distributions, parts } = examined;
  const compared = distributions.compared();
  const json = {
    experiment_id: experimentId,
    variant: config.variant,
    arclet: context.version,
    config_hash: context.record.configHash,
    checked_utc: new Date().toISOString(),
    verdict: overall(checks),
    rows: rates.rows,
    rows_ok: rates.ok,
    controls: rates.controls,
    checks,
    failures: rates.failures(),
    splits: splits.shares(),
    flux_by_theta_e: physics.fluxByTheta(),
    statistics: compared,
  };
  const charts = rates.rows > 0 ? await checkFigures(examined) : [];
  const page: RunPage = {
    title: `Check of ${experimentId}`,
    text: `Variant ${config.variant}: ${count(rates.rows)} rows in ${count(parts)} parts, ${count(rates.controls)} controls, ${count(rates.rows - rates.ok)} failed.`,
    headlines: verdictTiles(checks),
    sections: [
      { title: 'Checks', text: 'The gravest first. Each says its threshold, why it is there, and what was found.', blocks: [{ kind: 'verdicts', head: VERDICT_HEAD, rows: verdictRows(checks) }] }, // biome-ignore format: one section
      { title: 'Distributions', text: 'Figures of values are drawn from 20,000 rows chosen by hash, those of means from all rows.', blocks: [{ kind: 'charts', charts }] }, // biome-ignore format: one section
      {
        title: 'Beside the originals',
        text: 'Statistics of the run of the originals of January 2026 (train tier, grid_small, 10,627,158 rows), for comparison only: their PSF sizes were taken for the FWHM, and their magnifications below 1 were undersampling. Medians where nothing else is said.',
        blocks: [{ kind: 'table', head: ['statistic', 'this run', 'originals'], rows: compared.map(({ name, here, theirs }) => [name, here, theirs]) }], // biome-ignore format: one table
      },
      {
        title: 'Failed rows',
        text: rates.rows === rates.ok ? 'There are none.' : 'By reason, with an example of each.',
        blocks: [{ kind: 'table', head: ['rows', 'reason', 'example'], rows: rates.failures().map(({ rows, reason, example }) => [count(rows), reason, example]) }], // biome-ignore format: one table
      },
    ],
  };
  const outputs = await writeReport(joinLocation(phaseFolder(config, 'check'), experimentId), 'check', json, page);
  return { experimentId, rows: rates.rows, checks, outputs };
}

const PRESENT: Rule = {
  name: 'metrics-present',
  threshold: 'metrics of every experiment of the manifest',
  why: 'An experiment of which nothing was made is not seen by any check of rows.',
};

/** Experiments of the manifest that have no metrics; none where there is no manifest to ask. */
async function missingExperiments(config: LocatedConfig, there: readonly string[]): Promise<string[]> {
  if (config.experimentId !== undefined) return [];
  try {
    return (await openManifest(config)).experiments.filter((name) => !there.includes(name));
  } catch (error) {
    if (!isArcletError(error, 'INPUT_INVALID')) throw error;
    return [];
  }
}

async function run(context: StageContext, config: InjectConfig): Promise<StageResult> {
  const located = requireKeys(config, 'check', ['output']);
  const start = performance.now();
  const done: ExperimentCheck[] = [];
  const there = await experimentsOf(located, 'metrics');
  for (const experimentId of there) done.push(await checkExperiment(context, located, experimentId));
  for (const experimentId of await missingExperiments(located, there)) {
    done.push({ experimentId, rows: 0, checks: [decide(PRESENT, 'no-go', 0, 'There is no part.')], outputs: [] });
  }
  const all = done.flatMap(({ checks }) => checks);
  const held = (wanted: Check['verdict']) => all.filter(({ verdict }) => verdict === wanted).length;
  const refused = done.flatMap(({ experimentId, checks }) =>
    checks
      .filter(({ verdict }) => verdict === 'no-go')
      .map(({ name, value, detail }) => ({ subject: `${experimentId}: ${name}`, reason: `${value}. ${detail}` })),
  );
  return {
    outcome: overall(all) === 'no-go' ? 'no-go' : 'done',
    counts: {
      experiments: done.length,
      rows: done.reduce((sum, { rows }) => sum + rows, 0),
      checks_go: held('go'),
      checks_warn: held('warn'),
      checks_no_go: held('no-go'),
      checks_skipped: held('skipped'),
    },
    seconds: { check: (performance.now() - start) / 1000 },
    failures: refused.slice(0, 100),
    outputs: done.flatMap(({ outputs }) => outputs),
    summary: done.flatMap(({ experimentId, checks }) => checkLines(experimentId, checks)),
  };
}

/** Reads the metrics of every experiment of a variant; ends with `no-go` when any check says so. */
export const checkStage = defineStage<InjectConfig>({
  name: 'check',
  aliases: [],
  summary:
    'Says GO or NO-GO of a finished campaign: what is missing, doubled, null, impossible or out of proportion, each with its threshold and why.',
  keys: [
    'output',
    'variant',
    'experiment_id',
    'manifests_subdir',
    'bands',
    'reference_band',
    'tiers',
    'control_frac_debug',
    'control_frac_grid',
    'control_frac_train',
    'unpaired_controls',
    'val_frac',
    'test_frac',
    'split_tolerance',
    'guard_arcsec',
    'n_total_train_per_split',
    'source_mode',
    'psf_model',
    'use_psfsize_maps',
    'target_arc_snr',
    'test_limit',
    'metrics_only',
  ],
  run,
});
