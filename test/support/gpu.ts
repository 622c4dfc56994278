/** Devices for tests: SwiftShader where it runs, else the platform's own adapter; and Dawn's null backend, which runs anywhere. */
import type { GpuContext } from '../../src/gpu/context.ts';
import { listAdapters, openNodeGpu } from '../../src/gpu/node.ts';

/** Opens the device that tests compute on: the one named in ARCLET_TEST_ADAPTER, else a software adapter, else any. */
export async function openTestGpu(): Promise<GpuContext> {
  const chosen = process.env['ARCLET_TEST_ADAPTER'];
  if (chosen !== undefined) return openNodeGpu(chosen);
  const adapters = await listAdapters();
  return openNodeGpu(adapters.some(({ isSoftware }) => isSoftware) ? 'software' : 'auto');
}

/** Opens Dawn's null backend: full validation, nothing computed. */
export function openNullGpu(): Promise<GpuContext> {
  return openNodeGpu('null');
}
