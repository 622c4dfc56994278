/** Draws one row again from the record and compares it with what was written. */
import { ArcletError } from '../../core/errors.ts';
import { npzBytes } from '../../io/npz.ts';
import { openStore } from '../../io/store/store.ts';
import type { Dataset } from '../dataset.ts';
import { openDataset } from '../dataset.ts';
import type { StageContext } from '../stage.ts';
import { PLANES, type Task, type TaskValue } from './columns.ts';
import type { InjectConfig } from './config.ts';
import type { InjectedRow } from './inject/injector.ts';
import { openInjector } from './inject/open-injector.ts';
import { bandsOf, type Part, planParts } from './inject/parts.ts';
import { type Recipe, recipeOf } from './inject/recipe.ts';
import { fillPlane } from './inject/write-part.ts';
import { datasetFolder, joinLocation, type LayoutConfig, partName, phaseFolder } from './layout.ts';
import { requireKeys } from './load-config.ts';
import { openManifest, tasksOf } from './manifest/read.ts';

export interface Replay {
  readonly matches: boolean;
  /** What was compared, and what differs. */
  readonly lines: readonly string[];
  /** The row's planes as .npz. */
  readonly written: string;
}

/** Between backends: float32 arcs agree to this of their peak, sums and metrics relative (specs of the kernels). */
const ACROSS_BACKENDS = 1e-3;

/**
 * Finds the row in the manifest, draws it with the config at hand and compares metrics and stamps with the written ones: bit for bit; what
 * differs is told with its size, and differences up to 1e-3 pass as those of another backend.
 *
 * @throws INPUT_INVALID when no manifest or no finished part has the row
 */
export async function replayTask(context: StageContext, config: InjectConfig, taskId: string): Promise<Replay> {
  const { output } = requireKeys(config, 'replay', ['output', 'coadd_cache']);
  const layout = { output, variant: config.variant, manifestsSubdir: config.manifestsSubdir };
  const manifest = await openManifest({ ...layout, experimentId: config.experimentId });
  for (const experimentId of manifest.experiments) {
    const dataset = await manifest.dataset(experimentId);
    try {
      const found = await findTask(dataset, await planParts(experimentId, dataset), taskId);
      if (found !== undefined) return await replayRow(context, config, layout, found);
    } finally {
      await dataset.close();
    }
  }
  throw new ArcletError('INPUT_INVALID', `No manifest of variant ${config.variant} has the task ${taskId}.`, {
    subject: taskId,
    remedy: 'Give the whole task_id of a row, as the metrics have it.',
  });
}

async function findTask(
  manifest: Dataset,
  parts: readonly Part[],
  taskId: string,
): Promise<{ part: Part; task: Task } | undefined> {
  for (const part of parts) {
    const task = await manifest.withPart(part.source, async (table) => {
      const { columns } = await table.readRowGroup(part.rowGroup, ['task_id']);
      const row = (columns['task_id'] as readonly string[]).indexOf(taskId);
      return row < 0 ? undefined : tasksOf(await table.readRowGroup(part.rowGroup))[row];
    });
    if (task !== undefined) return { part, task };
  }
  return undefined;
}

async function replayRow(
  context: StageContext,
  config: InjectConfig,
  layout: LayoutConfig,
  { part, task }: { part: Part; task: Task },
): Promise<Replay> {
  const own = { ...config, bands: bandsOf(part.bandset, config.bands) };
  const recipe = recipeOf(own);
  const { injector, close } = await openInjector(context, own, recipe);
  const [row] = await injector.inject([task]).finally(close);
  const stored = await storedRow(layout, part, task.task_id, recipe.metricsOnly ? 'metrics' : 'stamps');
  const differences = [...compareMetrics(row, stored), ...compareStamps(recipe, row, stored)];
  const worst = differences.reduce((most, { size }) => Math.max(most, size), 0);
  const engine = await context.engine();
  const lines = [
    `task ${task.task_id}, part ${part.number} of ${part.experimentId}, brick ${task.brickname}, on ${engine.info.adapter ?? 'the CPU'}`,
    ...(differences.length === 0 ? ['metrics and stamps are equal bit for bit'] : []),
    ...differences.map(({ name, text }) => `${name}: ${text}`),
    ...(differences.length > 0 && worst <= ACROSS_BACKENDS ? ['all within 1e-3: what two backends may differ by'] : []),
  ];
  const written = await writePlanes(layout, recipe, row);
  return { matches: worst <= ACROSS_BACKENDS, lines, written };
}

type Stored = Readonly<Record<string, unknown>>;

async function storedRow(layout: LayoutConfig, part: Part, taskId: string, kind: 'metrics' | 'stamps'): Promise<Stored> {
  const folder = datasetFolder(layout, kind, part.experimentId);
  const dataset = await openDataset(joinLocation(folder, partName(part.split, part.number)));
  try {
    for await (const { columns, rows } of dataset.batches()) {
      const at = (columns['task_id'] as readonly string[]).indexOf(taskId);
      if (at < 0) continue;
      return Object.fromEntries(
        Object.entries(columns).map(([name, values]) => {
          const length = values.length / rows;
          return [name, length === 1 ? values[at] : (values as Float32Array).slice(at * length, (at + 1) * length)];
        }),
      );
    }
  } finally {
    await dataset.close();
  }
  throw new ArcletError('INPUT_INVALID', `${folder}/${partName(part.split, part.number)} does not have the task ${taskId}.`, {
    subject: taskId,
    remedy: 'Run the inject stage again: the part is of another manifest.',
  });
}

interface Difference {
  readonly name: string;
  readonly text: string;
  /** Relative to the value, or to the peak of a stamp; infinite where there is nothing to compare. */
  readonly size: number;
}

function compareMetrics({ metrics }: InjectedRow, stored: Stored): Difference[] {
  return Object.entries(metrics).flatMap(([name, value]) => {
    // The folder of the part says it.
    if (name === 'region_split') return [];
    const before = stored[name] as TaskValue | undefined;
    if (before === undefined) return [{ name, text: 'was not written', size: Number.POSITIVE_INFINITY }];
    if (Object.is(value, before) || value === before) return [];
    const both = typeof value === 'number' && typeof before === 'number';
    const size = both ? Math.abs(value - before) / Math.max(Math.abs(before), 1e-300) : Number.POSITIVE_INFINITY;
    return [{ name, text: `${String(value)}, written ${String(before)}`, size }];
  });
}

function compareStamps(recipe: Recipe, row: InjectedRow, stored: Stored): Difference[] {
  const size = row.cut.task.stamp_size;
  const pixels = size * size;
  return recipe.planes.flatMap((plane) => {
    const cube = new Float32Array(recipe.bands.length * pixels);
    fillPlane(recipe, plane, row, size, cube);
    return recipe.bands.flatMap((band, index): Difference[] => {
      const name = `${PLANES[plane]}_${band}`;
      const before = stored[name];
      // The originals' archives hold the same pixels; columns are what is compared.
      if (!(before instanceof Float32Array)) return [];
      const now = cube.subarray(index * pixels, (index + 1) * pixels);
      let peak = 0;
      let most = 0;
      let count = 0;
      for (let at = 0; at < pixels; at++) {
        peak = Math.max(peak, Math.abs(before[at]));
        if (Object.is(now[at], before[at])) continue;
        count++;
        most = Math.max(most, Math.abs(now[at] - before[at]));
      }
      if (count === 0) return [];
      return [
        { name, text: `${count} pixels differ, by at most ${(most / peak).toExponential(1)} of the peak`, size: most / peak },
      ];
    });
  });
}

/** The row's planes as one archive, for a look. */
async function writePlanes(layout: LayoutConfig, recipe: Recipe, row: InjectedRow): Promise<string> {
  const { task_id: taskId, stamp_size: size } = row.cut.task;
  const shape = [recipe.bands.length, size, size];
  const planes = (['host', 'injected', 'arc'] as const).map((plane) => {
    const data = new Float32Array(recipe.bands.length * size * size);
    fillPlane(recipe, plane, row, size, data);
    return [PLANES[plane], { data, shape }] as const;
  });
  const folder = phaseFolder(layout, 'replay');
  const store = await openStore(folder);
  try {
    await store.put(`${taskId}.npz`, npzBytes(taskId, Object.fromEntries(planes)));
  } finally {
    await store.close();
  }
  return joinLocation(folder, `${taskId}.npz`);
}
