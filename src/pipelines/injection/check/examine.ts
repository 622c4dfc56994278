/** Reads one experiment and gives what every check says of it; writes nothing. */
import { isArcletError } from '../../../core/errors.ts';
import { throwIfAborted } from '../../../engine/batches.ts';
import { openStore } from '../../../io/store/store.ts';
import { type Dataset, type DatasetPart, openDataset } from '../../dataset.ts';
import type { StageContext } from '../../stage.ts';
import { metricsColumns } from '../columns.ts';
import { datasetFolder, phaseFolder } from '../layout.ts';
import { openManifest } from '../manifest/read.ts';
import type { Check } from './checks.ts';
import { RowConsistency } from './consistency.ts';
import { type Expected, expectedOf, type LocatedConfig } from './context.ts';
import { ControlRows } from './controls.ts';
import { MetricCoverage } from './coverage.ts';
import { Distributions } from './distributions.ts';
import { HostIndex } from './hosts.ts';
import { examineParts, readableCheck } from './parts.ts';
import { ArcPhysics } from './physics.ts';
import { ValueRanges } from './ranges.ts';
import { RowRates } from './rates.ts';
import { type Examiner, Rows } from './rows.ts';
import { type SampledHosts, SplitRows } from './splits.ts';
import { examineStamps } from './stamps.ts';
import { examineTasks } from './tasks.ts';

/** What one experiment was found to be, and those who found it. */
export interface Examined {
  readonly expected: Expected;
  readonly parts: number;
  readonly checks: readonly Check[];
  readonly rates: RowRates;
  readonly controls: ControlRows;
  readonly physics: ArcPhysics;
  readonly splits: SplitRows;
  readonly distributions: Distributions;
}

/** Columns that are read row by row; task ids are read apart. */
function columnsOf(expected: Expected): Set<string> {
  return new Set(
    metricsColumns(expected.bands).flatMap(({ name }) => (name === 'config_id' || name === 'pipeline_version' ? [] : [name])),
  );
}

/** Reads parts row group by row group. Gives the parts that could be read to their end; the others are put on `broken`. */
async function readParts(
  dataset: Dataset,
  parts: readonly DatasetPart[],
  wanted: ReadonlySet<string>,
  examiners: readonly Examiner[],
  broken: string[],
  context: StageContext,
): Promise<DatasetPart[]> {
  const whole: DatasetPart[] = [];
  let rows = 0;
  for (const part of parts) {
    throwIfAborted(context.signal, rows);
    try {
      await dataset.withPart(part, async (table) => {
        const columns = table.schema.columns.flatMap(({ name }) => (wanted.has(name) ? [name] : []));
        for await (const batch of table.batches(columns)) {
          const read = new Rows(batch, part.partitions);
          for (const examiner of examiners) examiner.read(read);
          rows += batch.rows;
          context.log.progress('rows', rows, undefined);
        }
      });
      whole.push(part);
    } catch (error) {
      if (!isArcletError(error) || error.code === 'ABORTED') throw error;
      broken.push(`${part.key}: ${error.message}`);
    }
  }
  return whole;
}

/** The source_mode that the record of the run has; undefined without a record. */
async function recordedMode(config: LocatedConfig, experimentId: string): Promise<string | undefined> {
  const store = await openStore(phaseFolder(config, '4c'));
  const key = `run_config_${experimentId}.json`;
  try {
    if (!(await store.exists(key))) return undefined;
    const record = JSON.parse(new TextDecoder().decode(await store.get(key))) as { source_mode?: unknown };
    return typeof record.source_mode === 'string' ? record.source_mode : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await store.close();
  }
}

/** What the manifest sampled; undefined without one, or where it was given and not sampled. */
async function sampledHosts(config: LocatedConfig, experimentId: string): Promise<SampledHosts | undefined> {
  try {
    const { marker } = await openManifest({ ...config, experimentId });
    const own = marker.experiments.find(({ experiment_id }) => experiment_id === experimentId);
    if (own?.hosts_by_split === undefined) return undefined;
    return { bySplit: own.hosts_by_split, capped: own.capped_splits ?? [] };
  } catch (error) {
    if (!isArcletError(error, 'INPUT_INVALID')) throw error;
    return undefined;
  }
}

/**
 * Reads the metrics of one experiment, a row group at a time.
 *
 * @throws INPUT_INVALID when the experiment has no metrics; ABORTED
 */
export async function examineExperiment(context: StageContext, config: LocatedConfig, experimentId: string): Promise<Examined> {
  const expected = expectedOf(config, experimentId);
  const dataset = await openDataset(datasetFolder(config, 'metrics', experimentId));
  try {
    const hosts = new HostIndex();
    const rates = new RowRates();
    const controls = new ControlRows(expected, hosts);
    const coverage = new MetricCoverage(expected);
    const ranges = new ValueRanges(expected);
    const physics = new ArcPhysics(expected);
    const splits = new SplitRows(expected, hosts, await sampledHosts(config, experimentId));
    const consistency = new RowConsistency(expected, await recordedMode(config, experimentId));
    const distributions = new Distributions(expected);
    const parts = await examineParts(dataset, expected.bands, context.record.configHash);
    const examiners = [rates, splits, controls, coverage, ranges, physics, consistency, distributions];
    const whole = await readParts(dataset, parts.readable, columnsOf(expected), examiners, parts.broken, context);
    const tasks = await examineTasks(dataset, whole, parts.rows, expected);
    const stamps = await examineStamps(expected, dataset, whole);
    const ofRows = [rates, controls, coverage, ranges, physics, splits, consistency].flatMap((one) => one.checks());
    const checks = [readableCheck(parts.broken), ...parts.checks, ...stamps, ...tasks, ...ofRows];
    return { expected, parts: dataset.parts.length, checks, rates, controls, physics, splits, distributions };
  } finally {
    await dataset.close();
  }
}
