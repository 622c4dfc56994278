/** The engine's environment with the test kernels; `handles` are the workers that were started. */
import { spawnNodeWorker } from '../../src/cpu/node.ts';
import type { WorkerHandle } from '../../src/cpu/pool.ts';
import type { EngineEnvironment } from '../../src/engine/environment.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { TINY, TINY_SHADERS } from './tiny.ts';

export function tinyEnvironment(
  changes: Partial<EngineEnvironment> = {},
): EngineEnvironment & { readonly handles: WorkerHandle[] } {
  const handles: WorkerHandle[] = [];
  return {
    registry: TINY,
    shaders: async () => TINY_SHADERS,
    openGpu: openNodeGpu,
    spawnWorker: () => {
      const handle = spawnNodeWorker(new URL('./tiny-worker.ts', import.meta.url));
      handles.push(handle);
      return handle;
    },
    parallelism: 2,
    ...changes,
    handles,
  };
}
