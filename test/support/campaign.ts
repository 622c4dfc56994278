/** Whole campaigns through the stages, as `arclet inject` runs them, on the CPU in this thread. */
import { existsSync } from 'node:fs';
import { openEngine } from '../../src/index.ts';
import { openDataset } from '../../src/pipelines/dataset.ts';
import type { TaskValue } from '../../src/pipelines/injection/columns.ts';
import type { InjectConfig } from '../../src/pipelines/injection/config.ts';
import { loadInjectConfig } from '../../src/pipelines/injection/load-config.ts';
import { INJECT_STAGES, recordLocationOf } from '../../src/pipelines/injection/stages.ts';
import type { ConfigInput } from '../../src/pipelines/layered-config.ts';
import { type FinishedStage, type LoadedConfig, runStage, type StageHost } from '../../src/pipelines/runner.ts';
import type { Stage } from '../../src/pipelines/stage.ts';

const SHARD = { index: 0, count: 1 };

function host(recordLocation: string | undefined): StageHost {
  return {
    log: { info: () => {}, progress: () => {} },
    version: '0.0.0',
    shard: SHARD,
    force: false,
    signal: new AbortController().signal,
    openEngine: () => openEngine({ backend: 'cpu', workers: 0 }),
    recordLocation,
  };
}

/** Runs a stage that is no part of a campaign, without a record. */
export function runAlone<C>(stage: Stage<C>, loaded: LoadedConfig<C>): Promise<FinishedStage> {
  return runStage(stage, loaded, host(undefined));
}

export interface Campaign {
  readonly config: InjectConfig;
  /** By the name of the stage. */
  readonly finished: Readonly<Record<string, FinishedStage>>;
}

/** Runs these stages in their order. */
export async function runCampaign(input: ConfigInput, stages: readonly string[]): Promise<Campaign> {
  const loaded = await loadInjectConfig(input);
  const finished: Record<string, FinishedStage> = {};
  for (const entry of INJECT_STAGES.filter(({ name }) => stages.includes(name)))
    finished[entry.name] = await runStage(await entry.load(), loaded, host(recordLocationOf(entry, loaded.config, SHARD)));
  return { config: loaded.config, finished };
}

/** A row of a dataset; the value of a stamp column is its pixels. */
export type DatasetRow = Readonly<Record<string, TaskValue | Float32Array | Uint8Array>>;

/** All rows of a folder of parts. */
export async function readRows(location: string): Promise<DatasetRow[]> {
  if (!existsSync(location)) return [];
  const dataset = await openDataset(location);
  const rows: DatasetRow[] = [];
  try {
    const shapes = new Map<string, number>();
    for (const { name, ...column } of (await dataset.schema()).columns)
      if (column.type === 'stamp')
        shapes.set(
          name,
          column.shape.reduce((product, side) => product * side, 1),
        );
    for await (const batch of dataset.batches()) {
      for (let row = 0; row < batch.rows; row++) {
        const cells = Object.entries(batch.columns).map(([name, values]) => {
          const pixels = shapes.get(name);
          if (pixels === undefined) return [name, (values as ArrayLike<TaskValue>)[row]];
          return [name, (values as Float32Array).slice(row * pixels, (row + 1) * pixels)];
        });
        rows.push(Object.fromEntries(cells));
      }
    }
  } finally {
    await dataset.close();
  }
  return rows;
}
