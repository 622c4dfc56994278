/**
 * arclet for Node.
 *
 * @example
 * import { openEngine } from 'arclet';
 * const engine = await openEngine({ backend: 'auto' });
 * console.log(engine.info.backend, engine.info.reason);
 * await engine.close();
 */
import { availableParallelism } from 'node:os';
import { KERNELS } from '../kernels/index.ts';
import { spawnNodeWorker } from './cpu/node.ts';
import { openEngine as openEngineIn } from './engine/engine.ts';
import type { EngineEnvironment, EngineOptions } from './engine/environment.ts';
import type { Engine } from './engine/face.ts';

/** Beside this module both in the source tree and in dist/, where the extension differs. */
const workerEntry = new URL(`../kernels/worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Node's environment. The GPU side (Dawn, the shader texts) is loaded only when a GPU is asked for. */
export const nodeEnvironment: EngineEnvironment = {
  registry: KERNELS,
  shaders: async () => (await import('../kernels/shaders.generated.ts')).SHADERS,
  openGpu: async (choice) => (await import('./gpu/node.ts')).openNodeGpu(choice),
  spawnWorker: () => spawnNodeWorker(workerEntry),
  parallelism: availableParallelism(),
};

/** Opens an engine in Node; see {@link openEngineIn} for what it throws. */
export function openEngine(options: EngineOptions = {}): Promise<Engine> {
  return openEngineIn(options, nodeEnvironment);
}

export { ArcletError, type ErrorCode, isArcletError } from './core/errors.ts';
export type { DoneBatch, SourceBatch } from './engine/batches.ts';
export type { EngineEvent, EngineOptions } from './engine/environment.ts';
export type { Chain, ChainStep } from './engine/executor.ts';
export type { Engine, EngineInfo, RunOptions, RunResult, RunTimings } from './engine/face.ts';
export type { Columns, HostArray, HostInput } from './engine/kernel.ts';

// Pipelines, each by the name of its stage.
export { renderLensed } from './pipelines/injection/render.ts';
export type { RenderOptions, RenderResult } from './pipelines/injection/result.ts';
export { parseRows, type RowsFile } from './pipelines/injection/rows.ts';
