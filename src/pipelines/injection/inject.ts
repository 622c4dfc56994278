/** Stage `inject` (4c): cuts every row of the manifest out of its brick, draws its arc, adds it, measures it, writes it. */
import { ArcletError } from '../../core/errors.ts';
import type { Dataset } from '../dataset.ts';
import { inOrder } from '../in-order.ts';
import { defineStage, type StageContext, type StageResult } from '../stage.ts';
import { type BrickIdentities, brickIdentities } from './bricks/identity.ts';
import type { InjectConfig } from './config.ts';
import { type Chunk, chunksOf } from './inject/chunks.ts';
import type { Injector } from './inject/injector.ts';
import { clearLeftovers } from './inject/leftovers.ts';
import { limitParts } from './inject/limit.ts';
import { openInjector } from './inject/open-injector.ts';
import { bandsOf, hashOfInputs, type Part, type PartOrigin, PartStatus, planParts } from './inject/parts.ts';
import { checkSomeBricks } from './inject/preflight.ts';
import { recipeOf } from './inject/recipe.ts';
import { writeRunConfig } from './inject/run-config.ts';
import { Tally } from './inject/tally.ts';
import { openPartWriter, type PartWriter, type PartWriterOptions } from './inject/write-part.ts';
import { datasetFolder, type LayoutConfig, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';
import { openManifest } from './manifest/read.ts';
import { inputChecksum } from './manifest/source.ts';

/** Chunks under way: one being cut, one being drawn, one being written. */
const CHUNKS_AT_ONCE = 3;

export const injectStage = defineStage<InjectConfig>({
  name: 'inject',
  aliases: ['4c'],
  summary:
    'cut every row of the manifest out of its brick, draw its arc through the PSF, add it, measure it, write stamps and metrics',
  keys: [
    ...['coadd_cache', 'output', 'variant', 'experiment_id', 'manifests_subdir', 'bands', 'reference_band', 'pixscale_arcsec'],
    ...['conventions', 'theta_e_convention', 'r_eff_convention', 'bn_convention', 'psf_size_semantics'],
    ...['psf_model', 'moffat_beta', 'use_psfsize_maps', 'psf_fallback_arcsec', 'core_mask_radius', 'gain', 'sky_mag_arcsec2'],
    ...['source_mode', 'template_bank', 'template_salt', 'template_index', 'template_pixscale_arcsec', 'template_rotate'],
    ...['oversample', 'convolve_oversample', 'bad_bits', 'wise_bits'],
    ...['planes', 'stamp_format', 'metrics_only', 'test_limit', 'force'],
  ],
  run,
});

async function run(context: StageContext, config: InjectConfig): Promise<StageResult> {
  const { output, templateBank } = requireKeys(config, 'inject', ['output', 'coadd_cache']);
  const layout = { output, variant: config.variant, manifestsSubdir: config.manifestsSubdir };
  const manifest = await openManifest({ ...layout, experimentId: config.experimentId });
  const usesBank = config.sourceMode !== 'sersic' && templateBank !== undefined;
  const inputs = { ...manifest.marker.inputs, ...(usesBank ? { [templateBank]: await inputChecksum(templateBank) } : {}) };
  await context.record.note({ inputs });
  const origin = {
    configHash: context.record.configHash,
    inputsHash: hashOfInputs(Object.values(inputs)),
    testLimit: config.testLimit,
  };
  await clearLeftovers(phaseFolder(layout, '4c'));
  const begin = performance.now();
  const tally = new Tally();
  for (const experimentId of manifest.experiments) {
    const dataset = await manifest.dataset(experimentId);
    try {
      await injectExperiment(context, config, layout, { experimentId, manifest: dataset, origin }, tally);
    } finally {
      await dataset.close();
    }
    // Before the next experiment, and before anything is called finished.
    stopIfAsked(context.signal, tally.rows);
  }
  const folders = manifest.experiments.map((id) => datasetFolder(layout, config.metricsOnly ? 'metrics' : 'stamps', id));
  return tally.result((performance.now() - begin) / 1000, folders);
}

async function injectExperiment(
  context: StageContext,
  config: InjectConfig,
  layout: LayoutConfig,
  { experimentId, manifest, origin }: { experimentId: string; manifest: Dataset; origin: PartOrigin },
  tally: Tally,
): Promise<void> {
  const { shard } = context;
  const force = context.force || config.force;
  const all = limitParts(await planParts(experimentId, manifest), config.testLimit);
  const mine = all.filter(({ number }) => number % shard.count === shard.index);
  if (mine.length === 0) return;
  const own = { ...config, bands: bandsOf(mine[0].bandset, config.bands) };
  const bricks = brickIdentities(config.coaddCache as string, own.bands, config.usePsfsizeMaps);
  const status = new PartStatus(layout, origin, config.metricsOnly, bricks);
  const todo = await status.missing(all, mine, force);
  tally.remake(status.damaged);
  tally.skip(mine.length - todo.length, rowsOf(mine) - rowsOf(todo));
  if (todo.length === 0) return;
  const recipe = recipeOf(own);
  const before = tally.counts();
  await context.engine();
  await writeRunConfig(context, layout, experimentId);
  if (!force) await checkSomeBricks(own, manifest, all);
  const { injector, close } = await openInjector(context, own, recipe);
  try {
    const { stampFormat } = config;
    const writing: PartWriterOptions = { config: layout, recipe, stampFormat, origin, version: context.version };
    const target = tally.rows + rowsOf(todo);
    await injectChunks(context, injector, writing, chunksOf(manifest, todo, context.signal), bricks, tally, target);
    tally.addTimings(injector);
  } finally {
    await close();
  }
  stopIfAsked(context.signal, tally.rows);
  // Of this experiment alone; of one shard of several its own record tells.
  const counts = Object.entries(tally.counts()).map(([name, count]) => [name, count - before[name]] as const);
  const finished = { finished_utc: new Date().toISOString(), ...Object.fromEntries(counts) };
  await writeRunConfig(context, layout, experimentId, shard.count === 1 ? finished : {});
}

/** After the part in hand, which is kept. */
function stopIfAsked({ aborted, reason }: AbortSignal, rows: number): void {
  if (!aborted) return;
  throw new ArcletError('ABORTED', `The run was stopped after ${rows} rows.`, {
    remedy: 'Run it again: finished parts are skipped.',
    cause: reason,
  });
}

const rowsOf = (parts: readonly Part[]): number => parts.reduce((sum, { rows }) => sum + rows, 0);

/** Draws chunks and writes them part by part, in order. When it fails the part in hand leaves nothing behind. */
async function injectChunks(
  context: StageContext,
  injector: Injector,
  writing: PartWriterOptions,
  chunks: AsyncGenerator<Chunk>,
  bricks: BrickIdentities,
  tally: Tally,
  target: number,
): Promise<void> {
  let open: { part: Part; writer: PartWriter } | undefined;
  try {
    for await (const { item, result } of inOrder(chunks, CHUNKS_AT_ONCE, ({ tasks }) => injector.inject(tasks))) {
      const begin = performance.now();
      open ??= { part: item.part, writer: await openPartWriter(writing, item.part, await bricks.ofAll(item.bricks)) };
      await open.writer.write(result);
      if (item.last) {
        tally.finishedPart((await open.writer.finish()).bytes);
        open = undefined;
      }
      tally.wrote((performance.now() - begin) / 1000, result);
      context.log.progress('injecting rows', tally.rows, target);
    }
  } finally {
    await open?.writer.abort();
  }
}
