import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isArcletError } from '../../src/core/errors.ts';
import { createGpuExecutor, type GpuEvent, type GpuExecutor } from '../../src/engine/gpu-executor.ts';
import type { HostArray } from '../../src/engine/kernel.ts';
import { packColumns } from '../../src/gpu/layout.ts';
import { openTestGpu } from '../support/gpu.ts';
import { POINT, single, TOY_SHADERS, TOYS } from './toy-kernels.ts';

const events: GpuEvent[] = [];
const open = (memoryBudgetBytes?: number): Promise<GpuExecutor> =>
  createGpuExecutor({
    open: openTestGpu,
    registry: TOYS,
    shaders: TOY_SHADERS,
    memoryBudgetBytes,
    onEvent: (event) => events.push(event),
  });

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

function points(count: number): Record<string, HostArray> {
  const item = Float64Array.from({ length: count }, (_, index) => index);
  return {
    x: item.map((value) => value / 3),
    id: Uint32Array.from(item, (value) => 0xffffffff - value),
    y: item.map((value) => -value * 1e-3),
    shift: Int32Array.from(item, (value) => -value),
    weight: item.map((value) => value ** 2),
  };
}

/** Twice `affine` with an intermediate that stays on the device. */
function affineChain(length: number): ReturnType<typeof single> {
  const [first] = single('affine', { length, scale: 2 }).steps;
  const [second] = single('affine', { length, scale: -0.5 }).steps;
  const steps = [
    { ...first, outputs: { out: 'middle' } },
    { ...second, inputs: { a: 'middle', table: 'table' } },
  ];
  return { steps: steps as unknown as ReturnType<typeof single>['steps'], keep: ['out'] };
}

function expectAffine(out: HostArray, a: ArrayLike<number>, table: ArrayLike<number>): void {
  const wrong = out.findIndex((value, at) => value !== -0.5 * (2 * a[at] + table[at % table.length]) + table[at % table.length]);
  expect(wrong).toBe(-1);
}

const caught = async (promise: Promise<unknown>): Promise<{ code?: string; message?: string }> =>
  promise.then(
    () => ({}),
    (error) => error,
  );

describe('gpu executor', () => {
  let executor: GpuExecutor;
  beforeAll(async () => {
    executor = await open();
  });
  afterAll(() => executor.close());

  it('gives a struct back bit for bit, in more than one upload chunk', async () => {
    // 20 bytes each: 300 000 points fill a 4 MiB staging chunk and a part of the next.
    const count = 300_000;
    const columns = points(count);
    const { outputs, timings } = await executor.runBatch(single('identity'), { points: columns }, count);
    const packed = new ArrayBuffer(count * POINT.byteSize);
    packColumns(POINT, columns, packed, 0, count);
    expect(Buffer.compare(Buffer.from(outputs['words'].buffer), Buffer.from(packed))).toBe(0);
    expect(timings.computeSeconds).toBeGreaterThan(0);
  });

  it('keeps the intermediate of a chain on the device, runs many batches at a time and holds no more memory at the end', async () => {
    const chain = affineChain(4);
    const table = Float64Array.of(1, 2, 3, 4);
    const batch = async (seed: number): Promise<void> => {
      const count = 1000;
      const a = Float64Array.from({ length: 4 * count }, (_, index) => (index + seed) % 1024);
      const { outputs } = await executor.runBatch(chain, { a, table }, count);
      expect(outputs['out']).toBeInstanceOf(Float32Array);
      expectAffine(outputs['out'], a, table);
    };
    await Promise.all(Array.from({ length: 8 }, (_, seed) => batch(seed)));
    const { heldBytes, inUseBytes } = executor.memory();
    for (let seed = 0; seed < 12; seed++) await batch(seed);
    expect(executor.memory().heldBytes).toBeLessThanOrEqual(heldBytes);
    expect(executor.memory().inUseBytes).toBe(inUseBytes);
  });

  it('uploads a shared array once and gives its memory back when the host array is gone', async () => {
    const own = await open();
    const chain = affineChain(4);
    const a = new Float64Array(4).fill(3);
    const run = async (): Promise<void> => {
      const table = new Float64Array(2 ** 16).fill(2);
      expectAffine((await own.runBatch(chain, { a, table }, 1)).outputs['out'], a, [2]);
      const before = own.memory().inUseBytes;
      // What is resident is not looked at again: this is how a second upload would show.
      table.fill(9);
      expectAffine((await own.runBatch(chain, { a, table }, 1)).outputs['out'], a, [2]);
      expect(own.memory().inUseBytes).toBe(before);
      expect(before).toBeGreaterThanOrEqual(4 * 2 ** 16);
    };
    await run();
    for (let round = 0; round < 50 && own.memory().inUseBytes >= 4 * 2 ** 16; round++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(own.memory().inUseBytes).toBeLessThan(4096);
    await own.close();
  });

  it('takes inputs in shared memory, which would crash the process through writeBuffer', async () => {
    const table = new Float32Array(new SharedArrayBuffer(16)).fill(5);
    const a = new Float64Array(new SharedArrayBuffer(8 * 4)).fill(7);
    const { outputs } = await executor.runBatch(affineChain(4), { a, table }, 1);
    expectAffine(outputs['out'], a, table);
  });

  it('reads back an output larger than one readback chunk', async () => {
    const length = 1 << 16;
    const count = 40;
    const a = new Float32Array(length * count).map((_, index) => index % 4096);
    const table = new Float32Array(length).map((_, index) => index % 128);
    const { outputs } = await executor.runBatch(affineChain(length), { a, table }, count);
    expectAffine(outputs['out'], a, table);
  });

  it('replays the batches in flight once when the device is lost', async () => {
    events.length = 0;
    const chain = affineChain(4);
    const table = Float64Array.of(1, 2, 3, 4);
    const a = Float64Array.from({ length: 40_000 }, (_, index) => index % 1024);
    const running = Array.from({ length: 5 }, () => executor.runBatch(chain, { a, table }, 10_000));
    setTimeout(() => executor.loseDeviceForTest(), 2);
    for (const { outputs } of await Promise.all(running)) expectAffine(outputs['out'], a, table);
    const { outputs } = await executor.runBatch(chain, { a, table }, 10_000);
    expectAffine(outputs['out'], a, table);
    expect(events.map(({ kind }) => kind)).toEqual(['device-lost', 'device-reopened']);
  });

  it('says DEVICE_LOST when the device goes a second time under the same batch', async () => {
    const losing = await createGpuExecutor({
      open: async () => {
        const context = await openTestGpu();
        setTimeout(() => context.device.destroy(), 0);
        return context;
      },
      registry: TOYS,
      shaders: TOY_SHADERS,
    });
    const error = await caught(losing.runBatch(single('identity'), { points: points(100_000) }, 100_000));
    expect(error.code).toBe('DEVICE_LOST');
    await losing.close();
  });

  it('shows a shader error at its file and line', async () => {
    const error = await caught(executor.runBatch(single('broken'), { points: points(1) }, 1));
    expect(error.code).toBe('SHADER_COMPILE');
    expect(error.message).toContain('broken.wgsl:3:13');
    expect(error.message).toContain('fn main() { missing_function(1.0); }');
  });

  it('makes a refused batch an error and goes on', async () => {
    const error = await caught(executor.runBatch(single('aliasing'), { points: points(1) }, 1));
    expect(error.code).toBe('GPU_VALIDATION');
    const { outputs } = await executor.runBatch(single('identity'), { points: points(1) }, 1);
    expect(outputs['words']).toHaveLength(5);
  });

  it('refuses inputs that break the contract', async () => {
    const table = new Float64Array(4);
    const codes = [
      await caught(executor.runBatch(affineChain(4), { table }, 1)),
      await caught(executor.runBatch(affineChain(4), { a: new Float64Array(9), table }, 2)),
      await caught(executor.runBatch(single('identity'), { points: { x: new Float64Array(1) } }, 1)),
      await caught(executor.runBatch({ steps: affineChain(4).steps, keep: ['nothing'] }, { a: new Float64Array(4), table }, 1)),
    ].map(({ code }) => code);
    expect(codes).toEqual(['KERNEL_CONTRACT', 'KERNEL_CONTRACT', 'KERNEL_CONTRACT', 'KERNEL_CONTRACT']);
  });

  it('sizes batches by the binding limit and the budget', async () => {
    const binding = executor.context.device.limits.maxStorageBufferBindingSize;
    expect(executor.maxItems(affineChain(4))).toBe(65_535);
    expect(executor.maxItems(affineChain(binding / 64))).toBeLessThanOrEqual(16);
    let error: unknown;
    try {
      executor.maxItems(affineChain(binding / 4 + 1));
    } catch (thrown) {
      error = thrown;
    }
    expect(isArcletError(error, 'GPU_LIMIT')).toBe(true);
  });

  it('lets batches wait for each other under a tight budget, and says when one alone is too large', async () => {
    // One batch takes about 0.4 MiB of the budget of 1 MiB, so three never fit at once.
    const tight = await open(2 ** 20);
    const table = Float64Array.of(1, 2, 3, 4);
    const a = new Float64Array(4 * 4000).map((_, index) => index % 512);
    const all = await Promise.all(Array.from({ length: 6 }, () => tight.runBatch(affineChain(4), { a, table }, 4000)));
    for (const { outputs } of all) expectAffine(outputs['out'], a, table);
    const error = await caught(tight.runBatch(affineChain(4), { a: new Float64Array(4 * 100_000), table }, 100_000));
    expect(error.code).toBe('GPU_OUT_OF_MEMORY');
    expect(tight.memory().inUseBytes).toBeLessThan(4096);
    await tight.close();
  });

  it('lets go of results once the caller has', async () => {
    const chain = affineChain(4);
    const inputs = { a: new Float64Array(4 * 20_000), table: new Float64Array(4) };
    const run = async (batches: number): Promise<number> => {
      for (let batch = 0; batch < batches; batch++) await executor.runBatch(chain, inputs, 20_000);
      collect();
      return process.memoryUsage().arrayBuffers;
    };
    const before = await run(10);
    await run(80);
    // What nobody holds goes when the collector comes to it, which takes a few turns on a busy machine.
    const settled = async (): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      collect();
      return process.memoryUsage().arrayBuffers - before;
    };
    let kept = await settled();
    for (let turn = 0; turn < 50 && kept > 8 * 2 ** 20; turn++) kept = await settled();
    // 0.3 MiB each, 24 MiB if they were kept.
    expect(kept).toBeLessThan(8 * 2 ** 20);
  });

  it('leaks nothing', async () => {
    events.length = 0;
    const own = await open();
    await own.runBatch(affineChain(4), { a: new Float64Array(4), table: new Float64Array(4) }, 1);
    await own.close();
    expect(events).toEqual([]);
    expect((await caught(own.runBatch(affineChain(4), { a: new Float64Array(4), table: new Float64Array(4) }, 1))).code).toBe(
      'ABORTED',
    );
  });
});
