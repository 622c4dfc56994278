/** Metrics of rows that are not written: the pre-pass of samplings that aim at a distribution of arc_snr. */
import { inOrder } from '../in-order.ts';
import type { StageContext } from '../stage.ts';
import type { Task, TaskValue } from './columns.ts';
import type { InjectConfig } from './config.ts';
import { openInjector } from './inject/open-injector.ts';
import { recipeOf } from './inject/recipe.ts';

const BATCHES_AT_ONCE = 3;

/** Metrics rows (columns of metricsColumns) of each batch, in order. Rows that cannot be injected come with their `failure`. */
export async function* measureTasks(
  context: StageContext,
  config: InjectConfig,
  batches: AsyncIterable<readonly Task[]> | Iterable<readonly Task[]>,
): AsyncGenerator<readonly Readonly<Record<string, TaskValue>>[]> {
  const recipe = recipeOf({ ...config, metricsOnly: true, planes: [] });
  const { injector, close } = await openInjector(context, config, recipe);
  try {
    for await (const { result } of inOrder(batches, BATCHES_AT_ONCE, (tasks) => injector.inject(tasks))) {
      yield result.map(({ metrics }) => metrics);
    }
  } finally {
    await close();
  }
}
