import { afterEach, describe, expect, it } from 'vitest';
import { ArcletError } from '../../src/core/errors.ts';
import type { SourceBatch } from '../../src/engine/batches.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { EngineEnvironment, EngineEvent, EngineOptions } from '../../src/engine/environment.ts';
import type { Chain } from '../../src/engine/executor.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { GpuContext } from '../../src/gpu/context.ts';
import { openTestGpu } from '../support/gpu.ts';
import { scaleInputs } from '../support/tiny.ts';
import { tinyEnvironment } from '../support/tiny-environment.ts';

const CHAIN: Chain = {
  steps: [
    {
      kernel: 'scale',
      options: { size: 3 },
      inputs: { gains: 'gains', values: 'values', table: 'table' },
      outputs: { scaled: 'scaled', tag: 'tag' },
    },
    { kernel: 'total', options: { size: 3 }, inputs: { values: 'scaled' }, outputs: { total: 'total' } },
  ],
  keep: ['total', 'tag'],
};

const opened: Engine[] = [];
async function open(options: EngineOptions, changes: Partial<EngineEnvironment> = {}): Promise<Engine> {
  const engine = await openEngine(options, tinyEnvironment(changes));
  opened.push(engine);
  return engine;
}
const openGpu = (): Promise<GpuContext> => openTestGpu();
const noGpu = (): Promise<GpuContext> => Promise.reject(new ArcletError('GPU_UNAVAILABLE', 'no adapter here'));

afterEach(async () => {
  for (const engine of opened.splice(0)) await engine.close();
});

/** `total` and `tag` by plain arithmetic. */
function wanted(count: number): { total: Float64Array; tag: Uint32Array } {
  const table = [0.25, 0.5, 0.75];
  const total = Float64Array.from({ length: count }, (_, item) => {
    let sum = 0;
    for (let i = 0; i < 3; i++)
      sum += 2 * Math.sin(1 + item) * Math.sin(1 + 3 * item + i) + 3 * Math.sin(1 + item) + table[item % 3];
    return sum;
  });
  return { total, tag: Uint32Array.from({ length: count }, (_, item) => 2 * item + 1) };
}

describe('a chain', () => {
  const backends: [string, EngineOptions][] = [
    ['the calling thread', { backend: 'cpu', workers: 0 }],
    ['two workers', { backend: 'cpu', workers: 2 }],
    ['the GPU', { backend: 'gpu' }],
  ];
  it.each(backends)('gives the same on %s, in one batch or in many', async (_, options) => {
    const engine = await open(options, { openGpu });
    const count = 203;
    const whole = await engine.run(CHAIN, scaleInputs(count, 3), count);
    const progress: number[] = [];
    const parts = await engine.run(CHAIN, scaleInputs(count, 3), count, {
      batchItems: 10,
      onProgress: ({ done }) => progress.push(done),
    });
    expect(parts.outputs).toEqual(whole.outputs);
    expect(progress).toEqual(Array.from({ length: 21 }, (_, i) => Math.min(203, 10 * (i + 1))));
    expect(whole.timings.batches).toBe(1);
    expect(parts.timings.batches).toBe(21);
    expect(parts.timings.wallSeconds).toBeGreaterThan(0);
    expect(whole.outputs['tag']).toEqual(wanted(count).tag);
    const { total } = wanted(count);
    for (let i = 0; i < count; i++) expect(Math.abs(whole.outputs['total'][i] - total[i])).toBeLessThan(1e-5);
  });

  it('of no items gives empty arrays', async () => {
    const engine = await open({ backend: 'cpu', workers: 0 });
    const { outputs } = await engine.run(CHAIN, scaleInputs(0, 3), 0);
    expect(outputs).toEqual({ total: new Float64Array(0), tag: new Uint32Array(0) });
  });

  it('keeps results that later batches do not touch', async () => {
    const engine = await open({ backend: 'cpu', workers: 2 });
    const first = await engine.run(CHAIN, scaleInputs(64, 3), 64);
    const copy = structuredClone(first.outputs);
    const other = scaleInputs(64, 3);
    (other['values'] as Float64Array).fill(9);
    await engine.run(CHAIN, other, 64);
    expect(first.outputs).toEqual(copy);
  });

  it('refuses bad input before it runs anything, naming the item', async () => {
    const engine = await open({ backend: 'cpu', workers: 0 });
    const inputs = scaleInputs(50, 3);
    (inputs['values'] as Float64Array)[3 * 41 + 2] = Number.NaN;
    await expect(engine.run(CHAIN, inputs, 50, { batchItems: 4 })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      data: { input: 'values', item: 41, element: 2 },
    });
  });

  it('stops when told to', async () => {
    const engine = await open({ backend: 'cpu', workers: 0 });
    const stop = new AbortController();
    const onProgress = (): void => stop.abort();
    const run = engine.run(CHAIN, scaleInputs(50, 3), 50, { batchItems: 10, signal: stop.signal, onProgress });
    await expect(run).rejects.toMatchObject({ code: 'ABORTED', data: { done: 10 } });
  });
});

describe('a stream', () => {
  it('looks through values unless it is told that they are finite; lengths are checked all the same', async () => {
    const engine = await open({ backend: 'cpu', workers: 0 });
    const inputs = scaleInputs(2, 3);
    (inputs['values'] as Float64Array)[4] = Number.NaN;
    const total = async (batch: SourceBatch) => {
      for await (const { outputs } of engine.stream(CHAIN, [batch])) return outputs['total'];
      return undefined;
    };
    await expect(total({ inputs, count: 2 })).rejects.toMatchObject({ code: 'INPUT_INVALID', data: { item: 1, element: 1 } });
    expect(await total({ inputs, count: 2, knownFinite: true })).toEqual(Float64Array.of(wanted(1).total[0], Number.NaN));
    await expect(total({ inputs, count: 3, knownFinite: true })).rejects.toMatchObject({ code: 'KERNEL_CONTRACT' });
  });

  async function* source(pieces: number): AsyncGenerator<SourceBatch> {
    const { table } = scaleInputs(1, 3);
    for (let i = 0; i < pieces; i++) yield { inputs: { ...scaleInputs(300, 3), table }, count: 300 };
  }

  it.each([
    ['cpu', 2],
    ['cpu', 0],
    ['gpu', undefined],
  ] as const)('keeps order and its memory flat: %s, workers %s', async (backend, workers) => {
    const engine = await open({ backend, workers }, { openGpu });
    const wantedTag = wanted(300).tag;
    let next = 0;
    let early = 0;
    for await (const batch of engine.stream(CHAIN, source(60), { batchItems: 200 })) {
      expect(batch.firstItem).toBe(next);
      expect(batch.outputs['tag']).toEqual(wantedTag.subarray(next % 300, (next % 300) + batch.count));
      next += batch.count;
      if (next === 6000) early = engine.memory().heldBytes;
    }
    expect(next).toBe(18000);
    expect(engine.memory().heldBytes).toBeLessThanOrEqual(early);
  });

  it('asks its source only for what is in flight, and may be left early', async () => {
    const engine = await open({ backend: 'cpu', workers: 2 });
    let asked = 0;
    const counting = (function* (): Generator<SourceBatch> {
      for (; ; asked++) yield { inputs: scaleInputs(10, 3), count: 10 };
    })();
    for await (const batch of engine.stream(CHAIN, counting)) if (batch.firstItem >= 50) break;
    expect(asked).toBeLessThanOrEqual(6 + engine.executor.depth);
  });

  it('numbers the items of a bad piece from the start of the stream', async () => {
    const engine = await open({ backend: 'cpu', workers: 0 });
    const bad = scaleInputs(10, 3);
    (bad['values'] as Float64Array)[3 * 4] = Number.POSITIVE_INFINITY;
    const pieces = [
      { inputs: scaleInputs(10, 3), count: 10 },
      { inputs: bad, count: 10 },
    ];
    const drain = async (): Promise<void> => {
      for await (const _ of engine.stream(CHAIN, pieces));
    };
    await expect(drain()).rejects.toMatchObject({ code: 'INPUT_INVALID', data: { item: 14 } });
  });
});

describe('the choice of backend', () => {
  it('auto takes the CPU where there is no hardware, and says why', async () => {
    const events: EngineEvent[] = [];
    const engine = await open({ onEvent: (event) => events.push(event) }, { openGpu: noGpu });
    expect(engine.info).toMatchObject({ backend: 'cpu', workers: 2, adapter: undefined, reason: 'no GPU: no adapter here' });
    expect(events).toEqual([{ kind: 'opened', message: 'backend cpu: no GPU: no adapter here' }]);
  });

  it('gpu without an adapter, or an adapter by name that is missing, is an error', async () => {
    await expect(open({ backend: 'gpu' }, { openGpu: noGpu })).rejects.toMatchObject({ code: 'GPU_UNAVAILABLE' });
    await expect(open({ adapter: 'no such adapter' })).rejects.toMatchObject({ code: 'ADAPTER_NOT_FOUND' });
  });

  it('refuses an adapter for the CPU and a fraction of a worker', async () => {
    await expect(open({ backend: 'cpu', adapter: 'software' })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(open({ backend: 'cpu', workers: 1.5 })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('a lost device', () => {
  /** A source that takes the device away while batches are in flight. */
  async function* losing(engine: Engine, at: readonly number[]): AsyncGenerator<SourceBatch> {
    for (let i = 0; i < 12; i++) {
      if (at.includes(i)) engine.executor.loseDeviceForTest?.();
      yield { inputs: scaleInputs(20, 3), count: 20 };
    }
  }
  async function collect(engine: Engine, at: readonly number[]): Promise<number[]> {
    const tags: number[] = [];
    for await (const { outputs } of engine.stream(CHAIN, losing(engine, at))) tags.push(...outputs['tag']);
    return tags;
  }
  const all = Array.from({ length: 12 }, () => [...wanted(20).tag]).flat();

  it('is opened again and its batches are computed anew', async () => {
    const events: EngineEvent[] = [];
    const engine = await open({ backend: 'gpu', onEvent: (event) => events.push(event) }, { openGpu });
    expect(await collect(engine, [5])).toEqual(all);
    expect(engine.info.backend).toBe('gpu');
    expect(events.filter(({ kind }) => kind === 'device').length).toBeGreaterThan(0);
  });

  /** Every device after the first is lost as soon as it is open. */
  function failing(): () => Promise<GpuContext> {
    let times = 0;
    return async () => {
      const context = await openTestGpu();
      if (times++ > 0) context.device.destroy();
      return context;
    };
  }

  it('a second time falls back to the CPU with auto, said aloud', async () => {
    const events: EngineEvent[] = [];
    const engine = await open({ onEvent: (event) => events.push(event) }, { openGpu: failing() });
    expect(engine.info.backend).toBe('gpu');
    expect(await collect(engine, [5])).toEqual(all);
    expect(engine.info.backend).toBe('cpu');
    expect(engine.info.reason).toMatch(/^fell back to the CPU: .*lost/);
    expect(events.filter(({ kind }) => kind === 'fallback')).toEqual([{ kind: 'fallback', message: engine.info.reason }]);
  });

  it('a second time is an error with gpu', async () => {
    const engine = await open({ backend: 'gpu' }, { openGpu: failing() });
    await expect(collect(engine, [5])).rejects.toMatchObject({ code: 'DEVICE_LOST' });
  });
});
