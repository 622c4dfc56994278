/** `arclet inject compact` (4p5): many parts of many shards become few, and it is proven that no row was lost or doubled. */
import { ArcletError, type ErrorCode, isArcletError } from '../../core/errors.ts';
import { throwIfAborted } from '../../engine/batches.ts';
import { openStore, type Store } from '../../io/store/store.ts';
import { openDataset } from '../dataset.ts';
import { defineStage, type Failure, type StageContext, type StageResult } from '../stage.ts';
import { checkAgainstManifest, checkNumbering, type Inputs, readInputs } from './compact/inputs.ts';
import { COMPACT_MARKER, type CompactedPart, ownParts, writePart } from './compact/merge.ts';
import { type PlannedPart, planParts } from './compact/plan.ts';
import { TaskChecksum } from './compact/task-hash.ts';
import type { InjectConfig } from './config.ts';
import { limitParts } from './inject/limit.ts';
import { LIMIT_KEY, planParts as planOfManifest } from './inject/parts.ts';
import { type Dataset as DatasetName, joinLocation, type LayoutConfig, manifestFolder, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';
import { MANIFEST_MARKER, openManifest } from './manifest/read.ts';

/** One folder of experiments, or one experiment, and where it goes. */
interface Job {
  readonly kind: DatasetName;
  readonly input: string;
  readonly output: string;
  /** Results of this config's manifest, against which they are checked. */
  readonly own: boolean;
}

function jobsOf(config: InjectConfig & LayoutConfig): Job[] {
  const base = phaseFolder(config, '4p5');
  if (config.compactInput !== undefined) {
    const output = config.compactOutput ?? joinLocation(base, 'stamps');
    return [{ kind: 'stamps', input: config.compactInput, output, own: false }];
  }
  return (['stamps', 'metrics'] as const).map((kind) => ({
    kind,
    input: joinLocation(phaseFolder(config, '4c'), kind),
    output: joinLocation(config.compactOutput ?? base, kind),
    own: true,
  }));
}

const folderOf = (location: string) => `${location.replace(/\/+$/, '')}/`;

/** Throws CONFIG_INVALID when one folder is within the other: parts would be read while they are written. */
function checkApart({ input, output }: Job): void {
  const [from, to] = [folderOf(input), folderOf(output)];
  if (!from.startsWith(to) && !to.startsWith(from)) return;
  throw new ArcletError('CONFIG_INVALID', `compact_output ${output} and the stamps in ${input} overlap.`, {
    subject: 'compact_output',
    remedy: 'Choose a folder beside the one that is read.',
  });
}

/** Folders below `location` that hold `region_split=...`: '' for itself. Empty when there are no parts at all. */
async function experimentsBelow(location: string): Promise<string[]> {
  const store = await openStore(location);
  try {
    const found = new Set<string>();
    for await (const { key } of store.list()) {
      const at = key.search(/(^|\/)region_split=/);
      if (key.endsWith('.parquet') && at >= 0) found.add(key.slice(0, at));
    }
    return [...found];
  } finally {
    await store.close();
  }
}

/** Throws INPUT_INVALID unless the parts are those of the manifest, or at least without gaps where there is none. Says which it was. */
async function checkComplete(
  config: InjectConfig & LayoutConfig,
  experimentId: string,
  inputs: Inputs,
  own: boolean,
): Promise<string> {
  const store = await openStore(manifestFolder(config));
  const planned = own && (await store.exists(MANIFEST_MARKER).finally(() => store.close()));
  // Parts of a limited run keep the numbers of the whole plan.
  const limit = inputs.metadata[LIMIT_KEY];
  if (!planned && limit !== undefined) return `of a run with test_limit ${limit}`;
  if (!planned) return checkNumbering(inputs) ? 'numbered without gaps' : 'not numbered';
  const manifest = await (await openManifest({ ...config, experimentId: undefined })).dataset(experimentId);
  try {
    checkAgainstManifest(inputs, limitParts(await planOfManifest(experimentId, manifest), config.testLimit));
  } finally {
    await manifest.close();
  }
  return 'those of the manifest';
}

interface Done {
  readonly inputs: number;
  readonly parts: readonly (PlannedPart & CompactedPart)[];
  readonly completeness: string;
  readonly output: string;
}

/** Compacts one experiment of a job. */
async function compactOne(
  context: StageContext,
  config: InjectConfig & LayoutConfig,
  job: Job,
  experiment: string,
): Promise<Done> {
  const [input, output] = [job.input, job.output].map((base) => (experiment === '' ? base : joinLocation(base, experiment)));
  const dataset = await openDataset(input);
  const inputs = await readInputs(dataset, job.kind).finally(() => dataset.close());
  const completeness = await checkComplete(config, experiment, inputs, job.own);
  const planned = planParts(inputs, config.compactPartitions);
  const [source, store] = [await openStore(input), await openStore(output)];
  try {
    const present = await ownParts(store);
    const isKept = ({ key, fingerprint, rows }: PlannedPart) => {
      const found = present.get(key);
      return !context.force && found?.fingerprint === fingerprint && found.rows === rows;
    };
    const stale = [...present.keys()].filter((key) => !planned.some((part) => part.key === key));
    if (stale.length > 0 || !planned.every(isKept)) await store.delete(COMPACT_MARKER);
    for (const key of stale) await store.delete(key);
    const total = planned.reduce((sum, { rows }) => sum + rows, 0);
    const parts: (PlannedPart & CompactedPart)[] = [];
    let rows = 0;
    for (const part of planned) {
      throwIfAborted(context.signal, rows);
      const kept = isKept(part);
      const done = kept ? { ...present.get(part.key)!, kept } : await writePart(source, inputs, part, store);
      parts.push({ ...part, rows: done.rows, checksum: done.checksum, kept });
      rows += part.rows;
      context.log.progress(`rows of ${job.kind} ${experiment}`.trimEnd(), rows, total);
    }
    await writeMarker(store, input, inputs, parts, completeness);
    return { inputs: inputs.parts.length, parts, completeness, output };
  } finally {
    await source.close();
    await store.close();
  }
}

/** Written last: who finds it finds a whole dataset. */
async function writeMarker(
  store: Store,
  input: string,
  inputs: Inputs,
  parts: Done['parts'],
  completeness: string,
): Promise<void> {
  const splits = [...Map.groupBy(parts, ({ split }) => split)].map(([split, own]) => {
    const checksum = new TaskChecksum();
    for (const part of own) checksum.merge(part.rows, part.checksum);
    return [split, { parts: own.length, rows: checksum.rows, task_checksum: checksum.digest }] as const;
  });
  const marker = {
    input,
    inputs: inputs.parts.length,
    inputs_are: completeness,
    config_hash: inputs.metadata['config_hash'] ?? null,
    splits: Object.fromEntries(splits),
  };
  await store.put(COMPACT_MARKER, new TextEncoder().encode(`${JSON.stringify(marker, null, 1)}\n`));
}

const counted = (number: number) => number.toLocaleString('en-US');

function linesOf({ kind }: Job, experiment: string, { inputs, parts, completeness, output }: Done): string[] {
  const splits = [...Map.groupBy(parts, ({ split }) => split)].map(
    ([split, own]) => `${split} ${counted(own.reduce((sum, { rows }) => sum + rows, 0))}`,
  );
  const kept = parts.filter((part) => part.kept).length;
  const there = kept === 0 ? '' : `, ${kept} of them there already`;
  return [
    `${kind} ${experiment}: ${counted(inputs)} parts (${completeness}) are ${counted(parts.length)} now${there}; rows ${splits.join(', ')}, equal before and after`,
    `  ${output}`,
  ];
}

/** What ends the stage rather than one experiment of it. */
const ENDING: readonly ErrorCode[] = ['ABORTED', 'OUTPUT_UNWRITABLE', 'CONFIG_INVALID'];

async function run(context: StageContext, config: InjectConfig): Promise<StageResult> {
  requireKeys(config, 'compact', ['output']);
  const located = config as InjectConfig & { readonly output: string };
  const jobs = jobsOf(located);
  jobs.forEach(checkApart);
  await context.record.note({ compact: jobs });
  const counts = { experiments: 0, parts_in: 0, parts_out: 0, parts_kept: 0, rows: 0, experiments_failed: 0 };
  const failures: Failure[] = [];
  const [outputs, summary]: [string[], string[]] = [[], []];
  const begin = performance.now();
  let first: unknown;
  for (const job of jobs) {
    const found = await experimentsBelow(job.input);
    const wanted = found.filter((name) => name === '' || config.experimentId === undefined || name === config.experimentId);
    if (wanted.length === 0) {
      if (job.kind === 'stamps' && config.metricsOnly && job.own) continue;
      // Says that the folder is empty, or names the experiment that is not there.
      await (
        await openDataset(config.experimentId === undefined ? job.input : joinLocation(job.input, config.experimentId))
      ).close();
    }
    for (const experiment of wanted) {
      try {
        const done = await compactOne(context, located, job, experiment);
        counts.experiments++;
        counts.parts_in += done.inputs;
        counts.parts_out += done.parts.length;
        counts.parts_kept += done.parts.filter(({ kept }) => kept).length;
        counts.rows += done.parts.reduce((sum, { rows }) => sum + rows, 0);
        outputs.push(done.output);
        summary.push(...linesOf(job, experiment, done));
      } catch (error) {
        if (!isArcletError(error) || ENDING.includes(error.code)) throw error;
        first ??= error;
        counts.experiments_failed++;
        failures.push({ subject: `${job.kind} ${experiment}`.trimEnd(), reason: `${error.code}: ${error.message}` });
        summary.push(`${job.kind} ${experiment}: not compacted. ${error.message} ${error.remedy ?? ''}`.trimEnd());
      }
    }
  }
  if (counts.experiments === 0) throw first;
  const seconds = { compact: (performance.now() - begin) / 1000 };
  return { outcome: failures.length === 0 ? 'done' : 'failed-rows', counts, seconds, failures, outputs, summary };
}

/** Reads `<output>/phase4c/<variant>` and writes `<output>/phase4p5/<variant>/{stamps,metrics}/<experiment_id>/region_split=<split>/`. */
export const compactStage = defineStage<InjectConfig>({
  name: 'compact',
  aliases: ['4p5'],
  summary: 'Merges the parts of stamps and metrics into fewer, larger ones per split, and proves that the same rows are in them.',
  keys: [
    'output',
    'variant',
    'experiment_id',
    'manifests_subdir',
    'metrics_only',
    'test_limit',
    'compact_input',
    'compact_output',
    'compact_partitions',
  ],
  run,
});
