/** Dawn's null backend compiles and validates every pass and computes nothing: the check for machines without any driver. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGpuExecutor, type GpuExecutor } from '../../src/engine/gpu-executor.ts';
import { openNullGpu } from '../support/gpu.ts';
import { single, TOY_SHADERS, TOYS } from './toy-kernels.ts';

describe('null backend', () => {
  let executor: GpuExecutor;
  beforeAll(async () => {
    executor = await createGpuExecutor({ open: openNullGpu, registry: TOYS, shaders: TOY_SHADERS });
  });
  afterAll(() => executor.close());

  it('takes a valid batch', async () => {
    const inputs = { a: new Float64Array(8), table: new Float64Array(4) };
    const { outputs } = await executor.runBatch(single('affine', { length: 4, scale: 2 }), inputs, 2);
    expect(outputs['out']).toHaveLength(8);
  });

  it('refuses a batch that no device would take', async () => {
    const columns = Object.fromEntries(['x', 'id', 'y', 'shift', 'weight'].map((name) => [name, new Float64Array(1)]));
    await expect(executor.runBatch(single('aliasing'), { points: columns }, 1)).rejects.toMatchObject({ code: 'GPU_VALIDATION' });
    await expect(executor.runBatch(single('broken'), { points: columns }, 1)).rejects.toMatchObject({ code: 'SHADER_COMPILE' });
  });

  it('refuses a shared array larger than a binding, with both sizes', async () => {
    const most = executor.context.device.limits.maxStorageBufferBindingSize;
    const inputs = { a: new Float64Array(4), table: new Float32Array(most / 4 + 4) };
    await expect(executor.runBatch(single('affine', { length: 4, scale: 2 }), inputs, 1)).rejects.toMatchObject({
      code: 'BANK_TOO_LARGE',
      message: `'table' takes ${most + 16} bytes on the device, which binds at most ${most}`,
    });
  });
});
