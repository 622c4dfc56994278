/** `arclet inject completeness` (4d): which part of the injections would be found, where, and how well that is known. */
import { ArcletError, type ErrorCode, isArcletError } from '../../core/errors.ts';
import { openParquetWriter } from '../../io/parquet.ts';
import { openStore, type Store } from '../../io/store/store.ts';
import { figurePage } from '../../report/figures.ts';
import { openDataset } from '../dataset.ts';
import { defineStage, type Failure, type StageContext, type StageResult } from '../stage.ts';
import { completenessFigures } from './completeness/figures.ts';
import { completenessMaps, regionCounts } from './completeness/maps.ts';
import { mapsTable } from './completeness/maps-table.ts';
import { type CompletenessOptions, type MetricsSource, measureCompleteness } from './completeness/measure.ts';
import { readScores, type ScoreTable } from './completeness/scores.ts';
import { summaryLines, summaryOf } from './completeness/summary.ts';
import { pooledTable, provenanceTable, surfacesTable, type Table } from './completeness/tables.ts';
import type { InjectConfig } from './config.ts';
import { experimentsOf } from './experiments.ts';
import { datasetFolder, joinLocation, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';

/** What a config asks of completeness, without scores. */
export function completenessOptions(config: InjectConfig): Omit<CompletenessOptions, 'score'> {
  return {
    band: config.referenceBand,
    bands: config.bands,
    rule: {
      snrThreshold: config.recoverySnrThresh,
      thetaOverPsf: config.recoveryThetaOverPsf,
      badPixelMax: config.qualityBadPixelMax,
      wiseMax: config.qualityWiseMax,
    },
    psfBinWidth: config.psfsizeBinWidth,
    depthBinWidth: config.psfdepthBinWidth,
    interval: config.interval,
    z: config.ciZ,
  };
}

/**
 * Opens a dataset of metrics, hands it to `use` as something that can be read more than once, and closes it.
 *
 * @throws INPUT_INVALID, INPUT_UNREADABLE, and what `use` throws
 */
export async function withMetrics<T>(location: string, use: (source: MetricsSource) => Promise<T>): Promise<T> {
  const dataset = await openDataset(location);
  try {
    const { columns } = await dataset.schema();
    const names = [...columns.map(({ name }) => name), ...Object.keys(dataset.parts[0].partitions)];
    return await use({
      location,
      columns: new Set(names),
      batches: (wanted) => dataset.batches(wanted, { lenient: true }),
    });
  } finally {
    await dataset.close();
  }
}

type LocatedConfig = InjectConfig & { readonly output: string };

async function readScoreTable({ scoreTable, scoreColumn }: InjectConfig): Promise<ScoreTable | undefined> {
  if (scoreTable === undefined) return undefined;
  if (scoreColumn !== undefined) return readScores(scoreTable, scoreColumn);
  throw new ArcletError('CONFIG_INVALID', `score_table is ${scoreTable}, and score_column does not say which column.`, {
    subject: 'score_column',
    remedy: 'Add score_column.',
  });
}

async function writeTable(store: Store, key: string, table: Table): Promise<void> {
  const writer = openParquetWriter(await store.sink(key), table.schema);
  try {
    for (const batch of table.batches()) await writer.write(batch);
    await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

interface Seconds {
  measure: number;
  write: number;
}

/** One experiment: measured, written, drawn. */
async function runExperiment(
  context: StageContext,
  config: LocatedConfig,
  experimentId: string,
  scores: ScoreTable | undefined,
  seconds: Seconds,
) {
  const begin = performance.now();
  const { scoreColumn } = config;
  const options: CompletenessOptions = {
    ...completenessOptions(config),
    score: scoreColumn === undefined ? undefined : { column: scoreColumn, falsePositiveRate: config.scoreFpr, table: scores },
    signal: context.signal,
    progress: (rows) => context.log.progress(`rows of ${experimentId}`, rows, undefined),
  };
  const result = await withMetrics(datasetFolder(config, 'metrics', experimentId), (source) =>
    measureCompleteness(source, options),
  );
  const measured = performance.now();
  seconds.measure += (measured - begin) / 1000;
  const maps = completenessMaps(result, options);
  const rule = options.score === undefined ? options.rule.thetaOverPsf : undefined;
  const figures = await completenessFigures(maps, regionCounts(result), rule, options);
  const tables: Record<string, Table> = {
    'completeness_surfaces.parquet': surfacesTable(result, options),
    'completeness_surfaces_region_agg.parquet': pooledTable(result, options),
    'completeness_maps.parquet': mapsTable(maps),
    ...(config.writePsfProvenance ? { 'psf_provenance.parquet': provenanceTable(result) } : {}),
  };
  const folder = joinLocation(phaseFolder(config, '4d'), experimentId);
  const store = await openStore(folder);
  try {
    for (const [key, table] of Object.entries(tables)) await writeTable(store, key, table);
    const text = new TextEncoder();
    for (const { name, svg } of figures) await store.put(`figures/${name}.svg`, text.encode(svg));
    await removeOthers(store, [...figures.map(({ name }) => `figures/${name}.svg`), ...Object.keys(tables)]);
    const summary = summaryOf(experimentId, result, maps, options, figures, Object.keys(tables));
    const lines = summaryLines(experimentId, result, maps);
    const shown = figures.map(({ title, caption, svg }) => ({ title, caption, image: svg }));
    await store.put('completeness.html', text.encode(figurePage(`Completeness of ${experimentId}`, lines.join('. '), shown)));
    // Last: who reads it finds the files that it names.
    await store.put('completeness.json', text.encode(`${JSON.stringify(summary, null, 1)}\n`));
    seconds.write += (performance.now() - measured) / 1000;
    return { result, lines, outputs: [joinLocation(folder, 'completeness.html'), joinLocation(folder, 'completeness.json')] };
  } finally {
    await store.close();
  }
}

/** Figures and tables of an earlier run with other keys would be taken for this run's. */
async function removeOthers(store: Store, kept: readonly string[]): Promise<void> {
  for await (const { key } of store.list()) {
    if (/^figures\/.*\.svg$|\.parquet$/.test(key) && !kept.includes(key)) await store.delete(key);
  }
}

/** What ends the stage rather than one experiment of it. */
const ENDING: readonly ErrorCode[] = ['ABORTED', 'OUTPUT_UNWRITABLE'];

async function run(context: StageContext, config: InjectConfig): Promise<StageResult> {
  requireKeys(config, 'completeness', ['output']);
  const located = config as LocatedConfig;
  const experiments = await experimentsOf(located, 'metrics');
  const scores = await readScoreTable(config);
  await context.record.note({ experiments, ...(scores === undefined ? {} : { scores: scores.size }) });
  const counts = { experiments: 0, rows: 0, injections: 0, controls: 0, groups: 0 };
  const seconds: Seconds = { measure: 0, write: 0 };
  const failures: Failure[] = [];
  const [outputs, summary]: [string[], string[]] = [[], []];
  let first: unknown;
  for (const experimentId of experiments) {
    try {
      const { result, lines, outputs: written } = await runExperiment(context, located, experimentId, scores, seconds);
      counts.experiments++;
      counts.rows += result.counts.rows;
      counts.injections += result.counts.injections;
      counts.controls += result.counts.controls;
      counts.groups += result.surfaces.size;
      outputs.push(...written);
      summary.push(...lines);
    } catch (error) {
      if (!isArcletError(error) || ENDING.includes(error.code)) throw error;
      first ??= error;
      failures.push({ subject: experimentId, reason: `${error.code}: ${error.message}` });
      summary.push(`${experimentId}: not measured. ${error.message} ${error.remedy ?? ''}`.trimEnd());
    }
  }
  if (counts.experiments === 0) throw first;
  return {
    outcome: failures.length === 0 ? 'done' : 'failed-rows',
    counts: { ...counts, experiments_failed: failures.length },
    seconds: { ...seconds },
    failures,
    outputs,
    summary,
  };
}

/** Reads the metrics of every experiment and writes tables, figures and a summary to `<output>/phase4d/<variant>/<experiment_id>/`. */
export const completenessStage = defineStage<InjectConfig>({
  name: 'completeness',
  aliases: ['4d'],
  summary: 'Recovered fractions of the injections with their errors, over Einstein radius, source magnitude, PSF and depth.',
  keys: [
    'output',
    'variant',
    'experiment_id',
    'bands',
    'reference_band',
    'recovery_snr_thresh',
    'recovery_theta_over_psf',
    'quality_bad_pixel_max',
    'quality_wise_max',
    'psfsize_bin_width',
    'psfdepth_bin_width',
    'interval',
    'ci_z',
    'score_column',
    'score_table',
    'score_fpr',
    'write_psf_provenance',
  ],
  run,
});
