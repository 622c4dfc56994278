/**
 * Reading a manifest. Its parts count only while the marker `_SUCCESS` stands beside the experiments: the stage removes the marker before it
 * touches a part and writes it after the last one, so that a reader sees a whole manifest or none.
 */
import { z } from 'zod';
import { ArcletError } from '../../../core/errors.ts';
import { openStore, type Store } from '../../../io/store/store.ts';
import type { TableBatch } from '../../../io/table.ts';
import { type Dataset, openDataset } from '../../dataset.ts';
import { MANIFEST_COLUMNS, type Task, type TaskValue } from '../columns.ts';
import { joinLocation, type LayoutConfig, manifestFolder } from '../layout.ts';

/** The marker of a finished manifest: JSON in the folder of the experiments. */
export const MANIFEST_MARKER = '_SUCCESS';

const MarkerSchema = z.object({
  config_hash: z.string(),
  /** SHA-256 of the targets and of every other table that was read. */
  inputs: z.record(z.string(), z.string()),
  version: z.string(),
  experiments: z.array(
    z.object({
      experiment_id: z.string(),
      rows: z.number(),
      rows_by_split: z.record(z.string(), z.number()),
      /** Of a catalogue: hosts that were sampled, before a pre-pass takes some away, and splits that had more than the tier takes. */
      hosts_by_split: z.record(z.string(), z.number()).optional(),
      capped_splits: z.array(z.string()).optional(),
      parts: z.array(z.object({ key: z.string(), rows: z.number(), row_groups: z.number() })),
    }),
  ),
});

/** What the marker says; keys as in the file. */
export type ManifestMarker = z.output<typeof MarkerSchema>;

/** The marker in an open manifest folder; undefined when there is none. Throws INPUT_INVALID when it is damaged. */
export async function readMarker(store: Store): Promise<ManifestMarker | undefined> {
  if (!(await store.exists(MANIFEST_MARKER))) return undefined;
  const text = new TextDecoder().decode(await store.get(MANIFEST_MARKER));
  try {
    return MarkerSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ArcletError('INPUT_INVALID', `${joinLocation(store.location, MANIFEST_MARKER)} is no marker of a manifest.`, {
      subject: store.location,
      remedy: 'Run `arclet inject manifest` with --force.',
      cause,
    });
  }
}

/** A finished manifest. */
export interface Manifest {
  /** Experiments by id: all of them, or the one that the config names. */
  readonly experiments: readonly string[];
  readonly marker: ManifestMarker;
  /** The parts of one experiment; each row group is one part of the results. Close it. Throws INPUT_INVALID when parts are missing. */
  dataset(experimentId: string): Promise<Dataset>;
}

/**
 * Opens the manifest of a config's output and variant.
 *
 * @throws INPUT_INVALID when there is none, or not the experiment that `experimentId` names
 */
export async function openManifest(config: LayoutConfig & { readonly experimentId?: string | undefined }): Promise<Manifest> {
  const folder = manifestFolder(config);
  const store = await openStore(folder);
  const marker = await readMarker(store).finally(() => store.close());
  if (marker === undefined) {
    throw new ArcletError('INPUT_INVALID', `${folder} holds no finished manifest.`, {
      subject: folder,
      remedy: 'Run `arclet inject manifest` first.',
    });
  }
  const all = marker.experiments.map(({ experiment_id }) => experiment_id);
  const { experimentId } = config;
  if (experimentId !== undefined && !all.includes(experimentId)) {
    throw new ArcletError('INPUT_INVALID', `The manifest has no experiment '${experimentId}'.`, {
      subject: experimentId,
      remedy: `Choose among ${all.join(', ')}.`,
    });
  }
  return {
    experiments: experimentId === undefined ? all : [experimentId],
    marker,
    async dataset(id) {
      const dataset = await openDataset(joinLocation(folder, id));
      const present = new Set(dataset.parts.map(({ key }) => key));
      const parts = marker.experiments.find(({ experiment_id }) => experiment_id === id)?.parts ?? [];
      const missing = parts.filter(({ key }) => !present.has(key));
      if (missing.length === 0) return dataset;
      await dataset.close();
      throw new ArcletError('INPUT_INVALID', `${missing.length} parts of ${id} are missing, the first is ${missing[0].key}.`, {
        subject: folder,
        remedy: 'Run `arclet inject manifest` with --force.',
      });
    },
  };
}

const NAMES = MANIFEST_COLUMNS.map(({ name }) => name);

/** The rows of a manifest batch; a column that the batch lacks is null. */
export function tasksOf(batch: TableBatch): Task[] {
  const columns = NAMES.map((name) => [name, batch.columns[name] as ArrayLike<TaskValue> | undefined] as const);
  return Array.from({ length: batch.rows }, (_, row) => {
    const task: Record<string, TaskValue> = {};
    for (const [name, values] of columns) task[name] = values === undefined ? null : values[row];
    return task as Task;
  });
}
