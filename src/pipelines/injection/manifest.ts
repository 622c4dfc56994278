/** Stage `manifest` (4a): plans every row of a campaign, with everything that decides its pixels frozen. docs/inject-manifest.md says how. */
import { ArcletError } from '../../core/errors.ts';
import { openStore } from '../../io/store/store.ts';
import { defineStage, type StageContext, type StageResult } from '../stage.ts';
import type { InjectConfig } from './config.ts';
import { joinLocation, manifestFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';
import type { Measure } from './manifest/arc-snr.ts';
import { isManifest } from './manifest/given-keys.ts';
import { writePlanned } from './manifest/planned.ts';
import { type ManifestMarker, readMarker } from './manifest/read.ts';
import { REJECTED_SCHEMA } from './manifest/rejected.ts';
import { inputChecksum, withInput } from './manifest/source.ts';
import { writeMarker, writeTable } from './manifest/write.ts';
import { writeGiven } from './manifest/write-given.ts';
import type { Written } from './manifest/written.ts';

const KEYS = [
  'targets',
  'output',
  'variant',
  'experiment_id',
  'manifests_subdir',
  'bricks_table',
  'region_selections',
  'known_lenses',
  'known_lens_radius_arcsec',
  'bands',
  'tiers',
  'grid_debug',
  'grid_grid',
  'grid_train',
  'custom_grid',
  'n_per_config_debug',
  'n_per_config_grid',
  'n_total_train_per_split',
  'control_frac_debug',
  'control_frac_grid',
  'control_frac_train',
  'unpaired_controls',
  'replicates',
  'stamp_sizes',
  'bandsets',
  'selection_set_ids',
  'require_lrg_flag',
  'max_total_tasks_soft',
  'seed_base',
  'split_seed',
  'split_by',
  'healpix_nside',
  'guard_arcsec',
  'val_frac',
  'test_frac',
  'split_tolerance',
  'prior',
  'placement',
  'target_arc_snr',
  'target_arc_snr_candidates',
  'host_conditioned',
  'conventions',
  'theta_e_convention',
  'part_rows',
  'test_limit',
  'force',
];

export const manifestStage = defineStage<InjectConfig>({
  name: 'manifest',
  aliases: ['4a'],
  summary: 'plan every row of the campaign: host, lens, source, control, split, with all draws frozen',
  keys: KEYS,
  run: (context, config) => makeManifest(context, config, lazyMeasure),
});

/** The pre-pass draws and measures rows: its kernels are loaded only when it is asked for. */
const lazyMeasure: Measure = async function* (context, config, batches) {
  const { measureTasks } = await import('./measure.ts');
  yield* measureTasks(context, config, batches);
};

/** Runs the stage with a way to measure candidates. Throws CONFIG_INVALID, INPUT_UNREADABLE, INPUT_INVALID, OUTPUT_UNWRITABLE, ABORTED. */
export async function makeManifest(context: StageContext, config: InjectConfig, measure: Measure): Promise<StageResult> {
  const { targets, output } = requireKeys(config, 'manifest', ['targets', 'output']);
  const folder = manifestFolder({ output, variant: config.variant, manifestsSubdir: config.manifestsSubdir });
  const inputs = await checksums(targets, config);
  await context.record.note({ inputs });
  const store = await openStore(folder);
  try {
    const force = context.force || config.force;
    const before = force ? undefined : await readMarker(store);
    if (before !== undefined) return isDone(before, inputs, context, folder);
    const written = (await withInput(targets, async (table) => isManifest(table)))
      ? await writeGiven(context, config, targets, store)
      : await writePlanned(context, config, targets, store, measure);
    await writeTable(store, 'rejected.parquet', REJECTED_SCHEMA, written.rejected.batches());
    await context.record.note({ ...written.facts, manifest_warnings: written.warnings });
    await writeMarker(store, {
      config_hash: context.record.configHash,
      inputs,
      version: context.version,
      experiments: [...written.experiments],
    });
    return resultOf(written, folder, context);
  } finally {
    await store.close();
  }
}

async function checksums(targets: string, config: InjectConfig): Promise<Record<string, string>> {
  const { bricksTable, regionSelections, knownLenses } = config;
  const named = { targets, bricks_table: bricksTable, region_selections: regionSelections, known_lenses: knownLenses };
  const sums: Record<string, string> = {};
  for (const [key, location] of Object.entries(named)) {
    if (location !== undefined) sums[key] = await inputChecksum(location);
  }
  return sums;
}

/** A manifest that is there: of this config and these inputs it is done, else it must not be lost by mistake. */
function isDone(marker: ManifestMarker, inputs: Record<string, string>, context: StageContext, folder: string): StageResult {
  const keys = new Set([...Object.keys(inputs), ...Object.keys(marker.inputs)]);
  const changed = [...keys].filter((key) => inputs[key] !== marker.inputs[key]);
  const isOtherConfig = marker.config_hash !== context.record.configHash;
  if (isOtherConfig || changed.length > 0) {
    const why = isOtherConfig ? 'another config' : `other files for ${changed.join(' and ')}`;
    throw new ArcletError('CONFIG_INVALID', `${folder} holds a finished manifest of ${why}.`, {
      subject: folder,
      remedy: 'Choose another variant, or give --force to plan it again.',
      data: { found: marker.config_hash, wanted: context.record.configHash, changed },
    });
  }
  const rows = marker.experiments.reduce((sum, experiment) => sum + experiment.rows, 0);
  return {
    outcome: 'done',
    counts: { experiments: marker.experiments.length, rows, skipped: marker.experiments.length },
    outputs: [folder],
    summary: [`The manifest of this config is there: ${rows} rows in ${marker.experiments.length} experiments.`],
  };
}

function resultOf(written: Written, folder: string, context: StageContext): StageResult {
  const { experiments, rejected, warnings } = written;
  const rows = experiments.reduce((sum, experiment) => sum + experiment.rows, 0);
  for (const warning of warnings) context.log.info('manifest_warning', warning);
  const left = Object.entries(rejected.counts).map(([reason, count]) => `${reason} ${count}`);
  return {
    // Targets that cannot be used are no failure of the run: they are listed, and every row that was planned is there.
    outcome: 'done',
    counts: { experiments: experiments.length, rows, bricks: written.bricks, rejected: rejected.count },
    seconds: written.seconds,
    failures: rejected.sentences(100),
    outputs: [folder, joinLocation(folder, 'bricks_manifest.parquet'), joinLocation(folder, 'rejected.parquet')],
    summary: [
      ...experiments.map((experiment) => `${experiment.experiment_id}: ${experiment.rows} rows`),
      ...written.summary,
      ...(left.length === 0 ? [] : [`Left out: ${left.join(', ')} (rejected.parquet).`]),
      ...warnings.map((warning) => `Note: ${warning}`),
    ],
  };
}
