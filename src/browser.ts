/**
 * arclet for browsers: the same engine over `navigator.gpu`, the CPU twins in the calling thread (worker threads need shared memory,
 * which a page has only when it is cross-origin isolated).
 */
import { KERNELS } from '../kernels/index.ts';
import { SHADERS } from '../kernels/shaders.generated.ts';
import { ArcletError } from './core/errors.ts';
import { openEngine as openEngineIn } from './engine/engine.ts';
import type { EngineEnvironment, EngineOptions } from './engine/environment.ts';
import type { Engine } from './engine/face.ts';
import { type GpuContext, openGpuContext } from './gpu/context.ts';

/** A page cannot name an adapter: the browser chooses. `auto` declines a software adapter, as everywhere. */
async function openBrowserGpu(choice: string): Promise<GpuContext> {
  const gpu: GPU | undefined = globalThis.navigator?.gpu;
  if (gpu === undefined) {
    throw new ArcletError('GPU_UNAVAILABLE', 'This browser has no WebGPU.', {
      remedy: 'Use the cpu backend or another browser.',
    });
  }
  if (choice !== 'auto' && choice !== 'software') {
    throw new ArcletError('ADAPTER_NOT_FOUND', `The adapter '${choice}' cannot be chosen by name in a browser.`, {
      subject: choice,
    });
  }
  const context = await openGpuContext(gpu);
  if (context.info.isSoftware !== (choice === 'software')) {
    context.device.destroy();
    const kind = context.info.isSoftware ? 'software' : 'hardware';
    throw new ArcletError('GPU_UNAVAILABLE', `The browser offers a ${kind} adapter only.`, { remedy: 'Use the cpu backend.' });
  }
  return context;
}

const browserEnvironment: EngineEnvironment = {
  registry: KERNELS,
  shaders: async () => SHADERS,
  openGpu: openBrowserGpu,
  parallelism: 0,
};

/** Opens an engine in a browser; see {@link openEngineIn} for what it throws. */
export function openEngine(options: EngineOptions = {}): Promise<Engine> {
  return openEngineIn(options, browserEnvironment);
}

export { ArcletError, isArcletError } from './core/errors.ts';
