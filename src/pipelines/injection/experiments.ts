/** Which experiments a variant holds. */
import { ArcletError } from '../../core/errors.ts';
import { openStore } from '../../io/store/store.ts';
import { type Dataset, joinLocation, type LayoutConfig, phaseFolder } from './layout.ts';

/**
 * Names of the experiments that have parts in a dataset, in order; or the one that the config names.
 *
 * @throws INPUT_INVALID when there is none
 */
export async function experimentsOf(
  config: LayoutConfig & { readonly experimentId?: string | undefined },
  dataset: Dataset,
): Promise<string[]> {
  if (config.experimentId !== undefined) return [config.experimentId];
  const folder = joinLocation(phaseFolder(config, '4c'), dataset);
  const store = await openStore(folder);
  const names = new Set<string>();
  try {
    for await (const { key } of store.list()) if (key.endsWith('.parquet')) names.add(key.split('/')[0]);
  } finally {
    await store.close();
  }
  if (names.size > 0) return [...names].sort();
  throw new ArcletError('INPUT_INVALID', `${folder} holds no experiment.`, {
    subject: folder,
    remedy: 'Run `arclet inject inject` first, or correct output and variant.',
  });
}
