/** Stage `inject` (4c): cuts every row of the manifest out of its brick, draws its arc, adds it, measures it, writes it. */
import { throwIfAborted } from '../../engine/batches.ts';
import { inOrder } from '../in-order.ts';
import { writeRunConfig } from '../record.ts';
import { defineStage, type Failure, type StageContext, type StageResult } from '../stage.ts';
import { INJECT_KEYS, type InjectConfig } from './config.ts';
import { type Chunk, chunksOf } from './inject/chunks.ts';
import type { InjectedRow, Injector } from './inject/injector.ts';
import { openInjector } from './inject/open-injector.ts';
import { type Part, PartStatus, planParts } from './inject/parts.ts';
import { checkFirstBricks } from './inject/preflight.ts';
import { recipeOf } from './inject/recipe.ts';
import { openPartWriter, type PartWriter, type PartWriterOptions } from './inject/write-part.ts';
import { datasetFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';
import { openManifest } from './manifest/read.ts';

/** Chunks under way: one being cut, one being drawn, one being written. */
const CHUNKS_AT_ONCE = 3;
const FAILURES_KEPT = 100;

/** Failures that say something of the sky, not of the run: the stamp cannot be used, and nothing went wrong. */
const UNUSABLE = /^(OUTSIDE_BRICK|NOT_FINITE|NO_COVERAGE):/;

export const injectStage = defineStage<InjectConfig>({
  name: 'inject',
  aliases: ['4c'],
  summary:
    'cut every row of the manifest out of its brick, draw its arc through the PSF, add it, measure it, write stamps and metrics',
  keys: keysOfInject(),
  run,
});

function keysOfInject(): string[] {
  const others =
    /^(targets|bricks_table|region_selections|known_lens|tiers|grid_|custom_grid|n_per|n_total|control_frac|unpaired|replicates|stamp_sizes|bandsets|selection_set_ids|require_lrg|max_total|split_|healpix|guard|val_frac|test_frac|prior|placement|target_arc|host_cond|recovery|quality|psfsize_bin|psfdepth_bin|ci_z|interval|score|write_psf|http|fetch|compact|coadd_base|include_psf|cache_part|test_limit)/;
  return Object.keys(INJECT_KEYS).filter((key) => !others.test(key));
}

/** What a campaign has come to. */
interface Tally {
  rows: number;
  injected: number;
  controls: number;
  failed: number;
  unusable: number;
  partsWritten: number;
  bytes: number;
  writeSeconds: number;
  readonly failures: Failure[];
}

async function run(context: StageContext, config: InjectConfig): Promise<StageResult> {
  const { output } = requireKeys(config, 'inject', ['output', 'coadd_cache']);
  const layout = { output, variant: config.variant, manifestsSubdir: config.manifestsSubdir };
  const recipe = recipeOf(config);
  const manifest = await openManifest({ ...layout, experimentId: config.experimentId });
  const begin = performance.now();
  const tally: Tally = {
    rows: 0,
    injected: 0,
    controls: 0,
    failed: 0,
    unusable: 0,
    partsWritten: 0,
    bytes: 0,
    writeSeconds: 0,
    failures: [],
  };
  const force = context.force || config.force;
  let skipped = 0;
  let skippedRows = 0;
  const { injector, close } = await openInjector(context, config, recipe);
  try {
    for (const experimentId of manifest.experiments) {
      await writeRunConfig(context, layout, experimentId, { source_mode: config.sourceMode, seed_base: config.seedBase });
      const dataset = await manifest.dataset(experimentId);
      try {
        const all = await planParts(experimentId, dataset);
        const mine = all.filter(({ number }) => number % context.shard.count === context.shard.index);
        const todo = await new PartStatus(layout, context.record.configHash, config.metricsOnly).missing(mine, force);
        skipped += mine.length - todo.length;
        skippedRows += mine.reduce((sum, { rows }) => sum + rows, 0) - todo.reduce((sum, { rows }) => sum + rows, 0);
        const target = tally.rows + todo.reduce((sum, { rows }) => sum + rows, 0);
        if (todo.length > 0 && !force) await checkFirstBricks(config, dataset, todo);
        const writing: PartWriterOptions = {
          config: layout,
          recipe,
          stampFormat: config.stampFormat,
          configHash: context.record.configHash,
          version: context.version,
        };
        const chunks = chunksOf(dataset, todo, context.signal);
        await injectChunks(context, injector, writing, chunks, tally, target);
      } finally {
        await dataset.close();
      }
    }
  } finally {
    await close();
  }
  throwIfAborted(context.signal, tally.rows);
  return resultOf(config, layout, manifest.experiments, injector, tally, {
    skipped,
    skippedRows,
    wall: (performance.now() - begin) / 1000,
  });
}

/** Draws chunks and writes them part by part, in order. When it fails the part in hand leaves nothing behind. */
async function injectChunks(
  context: StageContext,
  injector: Injector,
  writing: PartWriterOptions,
  chunks: AsyncGenerator<Chunk>,
  tally: Tally,
  target: number,
): Promise<void> {
  let open: { part: Part; writer: PartWriter } | undefined;
  try {
    for await (const { item, result } of inOrder(chunks, CHUNKS_AT_ONCE, ({ tasks }) => injector.inject(tasks))) {
      const begin = performance.now();
      open ??= { part: item.part, writer: await openPartWriter(writing, item.part, item.tasks[0].stamp_size) };
      await open.writer.write(result);
      if (item.last) {
        tally.bytes += (await open.writer.finish()).bytes;
        tally.partsWritten++;
        open = undefined;
      }
      tally.writeSeconds += (performance.now() - begin) / 1000;
      count(tally, result);
      context.log.progress('injecting rows', tally.rows, target);
    }
  } finally {
    await open?.writer.abort();
  }
}

function count(tally: Tally, rows: readonly InjectedRow[]): void {
  for (const { metrics, arc } of rows) {
    tally.rows++;
    if (metrics['is_control'] === 1) tally.controls++;
    if (arc !== undefined) tally.injected++;
    const failure = metrics['failure'] as string | null;
    if (failure === null) continue;
    if (UNUSABLE.test(failure)) tally.unusable++;
    else tally.failed++;
    if (tally.failures.length < FAILURES_KEPT) tally.failures.push({ subject: String(metrics['task_id']), reason: failure });
  }
}

function resultOf(
  config: InjectConfig,
  layout: Parameters<typeof datasetFolder>[0],
  experiments: readonly string[],
  injector: Injector,
  tally: Tally,
  { skipped, skippedRows, wall }: { skipped: number; skippedRows: number; wall: number },
): StageResult {
  const { timings, painter } = injector;
  const { rows, injected, controls, failed, unusable, partsWritten, bytes } = tally;
  const rate = wall > 0 ? rows / wall : 0;
  const summary = [
    `${rows} rows in ${partsWritten} parts, ${rate.toFixed(rate < 10 ? 1 : 0)} rows/s: ${injected} injected, ${controls} controls, ${unusable} unusable stamps, ${failed} failed`,
  ];
  if (skipped > 0) summary.push(`${skipped} parts (${skippedRows} rows) were there already`);
  for (const { subject, reason } of tally.failures.slice(0, 5)) summary.push(`  ${subject.slice(0, 12)}… ${reason}`);
  return {
    outcome: failed > 0 ? 'failed-rows' : 'done',
    counts: {
      rows,
      injected,
      controls,
      failed,
      unusable,
      parts_written: partsWritten,
      parts_skipped: skipped,
      bytes_written: bytes,
      bytes_read: timings.bytes,
      tiles_decoded: timings.tiles,
    },
    seconds: {
      wall,
      read: timings.readSeconds,
      decode: timings.decodeSeconds,
      upload: painter.timings.uploadSeconds,
      compute: painter.timings.computeSeconds,
      readback: painter.timings.readbackSeconds,
      measure: timings.measureSeconds,
      encode_and_write: tally.writeSeconds,
    },
    failures: tally.failures,
    outputs: experiments.map((id) => datasetFolder(layout, config.metricsOnly ? 'metrics' : 'stamps', id)),
    summary,
  };
}
