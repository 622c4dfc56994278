/** Checks and writes a manifest that is given as targets. */
import type { Store } from '../../../io/store/store.ts';
import type { StageContext } from '../../stage.ts';
import type { InjectConfig } from '../config.ts';
import { guardRows } from './campaign.ts';
import { givenBatches } from './given.ts';
import { readGivenKeys } from './given-keys.ts';
import { withInput } from './source.ts';
import { clearManifest, type WrittenExperiment, writeBricks, writeExperiment } from './write.ts';
import { factsOf, refuseEmpty, type Written } from './written.ts';

/** Makes the parts of every experiment. The caller sets the marker. Throws CONFIG_INVALID, INPUT_INVALID before anything is written. */
export async function writeGiven(context: StageContext, config: InjectConfig, targets: string, store: Store): Promise<Written> {
  const start = performance.now();
  return withInput(targets, async (table) => {
    const keys = await readGivenKeys(table, config);
    const sizes = keys.experiments.map(({ id, order }) => ({
      experiment: { id },
      rows: config.testLimit > 0 ? Math.min(order.length, config.testLimit) : order.length,
    }));
    guardRows(
      sizes.reduce((sum, { rows }) => sum + rows, 0),
      config.maxTotalTasksSoft,
      sizes,
    );
    const readSeconds = (performance.now() - start) / 1000;
    refuseEmpty(sizes, targets, keys.rejected);
    await clearManifest(store);
    const experiments: WrittenExperiment[] = [];
    const bricks = new Map<string, ReadonlyMap<string, number>>();
    for (const [index, experiment] of keys.experiments.entries()) {
      const batches = givenBatches(context, config, table, keys, experiment);
      const written = await writeExperiment(store, experiment.id, batches, sizes[index].rows, factsOf(context));
      experiments.push(written.experiment);
      bricks.set(experiment.id, written.byBrick);
    }
    refuseEmpty(experiments, targets, keys.rejected);
    return {
      experiments,
      bricks: await writeBricks(store, bricks),
      rejected: keys.rejected,
      warnings: [],
      facts: { targets_kind: 'manifest', targets_rows: keys.rows, rejected: keys.rejected.counts },
      seconds: { read: readSeconds, write: (performance.now() - start) / 1000 - readSeconds },
      summary: [`The targets are a manifest of ${keys.rows} rows, taken as it is.`],
    };
  });
}
