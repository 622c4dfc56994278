import { afterEach, describe, expect, it } from 'vitest';
import { spawnNodeWorker } from '../../src/cpu/node.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { EngineEnvironment, EngineEvent } from '../../src/engine/environment.ts';
import type { Chain } from '../../src/engine/executor.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { HostArray } from '../../src/engine/kernel.ts';
import { tinyEnvironment } from '../support/tiny-environment.ts';

const FRAGILE: Chain = {
  steps: [
    { kernel: 'fragile', options: { size: 1 }, inputs: { values: 'values', lives: 'lives' }, outputs: { doubled: 'doubled' } },
  ],
  keep: ['doubled'],
};

let engine: Engine | undefined;
const events: EngineEvent[] = [];
async function open(environment: EngineEnvironment = tinyEnvironment(), workers = 2): Promise<Engine> {
  events.length = 0;
  engine = await openEngine({ backend: 'cpu', workers, onEvent: (event) => events.push(event) }, environment);
  return engine;
}
afterEach(async () => engine?.close());

const COUNT = 500;
const values = (changes: Record<number, number> = {}): Float64Array =>
  Object.assign(
    Float64Array.from({ length: COUNT }, (_, i) => i),
    changes,
  );
const doubled = (changes: Record<number, number> = {}): Float64Array => values(changes).map((value) => 2 * value);
const run = async (on: Engine, input: Float64Array, lives = 0): Promise<HostArray> =>
  (await on.run(FRAGILE, { values: input, lives: Float64Array.of(lives) }, COUNT)).outputs['doubled'];

describe('the worker pool', () => {
  it('reads inputs in shared memory where they lie, any part of it, and keeps none of its own for them', async () => {
    const on = await open();
    const shared = new Float64Array(new SharedArrayBuffer(8 * (COUNT + 3))).subarray(3);
    shared.set(values());
    expect(await run(on, shared)).toEqual(doubled());
    const lent = on.memory().heldBytes;
    // It is the same memory: what is put there later is seen later.
    shared[7] = 70;
    expect(await run(on, shared)).toEqual(doubled({ 7: 70 }));
    expect(await run(on, values())).toEqual(doubled());
    expect(on.memory().heldBytes).toBeGreaterThanOrEqual(lent);
    // Not the type that the twin reads: copied.
    const narrow = new Float32Array(new SharedArrayBuffer(4 * COUNT)).map((_, index) => index);
    expect(await run(on, narrow as unknown as Float64Array)).toEqual(doubled());
  });

  it('uses outputs again that were given back, and only those', async () => {
    const on = await open();
    const batches = (input: Float64Array) =>
      on.stream(FRAGILE, [{ inputs: { values: input, lives: Float64Array.of(0) }, count: COUNT }], { batchItems: COUNT });
    const outputs: HostArray[] = [];
    for (const giveBack of [false, true, false]) {
      for await (const batch of batches(values())) {
        outputs.push(batch.outputs['doubled']);
        if (giveBack) batch.recycle?.();
      }
    }
    expect(outputs[1]).not.toBe(outputs[0]);
    expect(outputs[2]).toBe(outputs[1]);
    expect(outputs[0]).toEqual(doubled());
  });

  it('computes the items of a dead worker again and replaces it', async () => {
    const environment = tinyEnvironment();
    const on = await open(environment);
    expect(await run(on, values({ 100: -4 }), 1)).toEqual(doubled({ 100: -4 }));
    expect(events.filter(({ kind }) => kind === 'worker')).toHaveLength(1);
    expect(await run(on, values())).toEqual(doubled());
    expect(environment.handles).toHaveLength(3);
  });

  it('names the items that kill workers, then goes on with others', async () => {
    const on = await open();
    const error = await run(on, values({ 100: -3 })).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'WORKER_DIED', data: { deaths: 2 } });
    const { firstItem, itemCount } = error.data;
    expect(firstItem).toBeLessThanOrEqual(100);
    expect(firstItem + itemCount).toBeGreaterThan(100);
    expect(itemCount).toBeLessThanOrEqual(16);
    expect(error.message).toContain(`items ${firstItem}-${firstItem + itemCount - 1}`);
    expect(await run(on, values())).toEqual(doubled());
  });

  it('survives a worker that is ended from outside, busy or idle', async () => {
    const environment = tinyEnvironment();
    const on = await open(environment);
    await run(on, values());
    await environment.handles[0].terminate();
    expect(await run(on, values())).toEqual(doubled());
    const running = run(on, values());
    await Promise.all(environment.handles.slice(1).map((handle) => handle.terminate()));
    expect(await running).toEqual(doubled());
  });

  it.each([1, 0])('says on which items a twin threw, and keeps the code of a tagged error: %d workers', async (workers) => {
    const on = await open(tinyEnvironment(), workers);
    const thrown = await run(on, values({ 321: -1 })).catch((error) => error);
    expect(thrown).toMatchObject({ code: 'WORKER_FAILED', cause: { message: 'minus one' } });
    expect(thrown.message).toMatch(/items \d+-\d+: minus one/);
    expect(thrown.data.firstItem).toBeLessThanOrEqual(321);
    expect(thrown.data.firstItem + thrown.data.itemCount).toBeGreaterThan(321);
    await expect(run(on, values({ 5: -2 }))).rejects.toMatchObject({
      code: 'ROWS_INVALID',
      message: 'minus two',
      subject: 'row',
    });
    expect(await run(on, values())).toEqual(doubled());
  });

  it('says that a worker cannot start', async () => {
    const nowhere = (): ReturnType<typeof spawnNodeWorker> => spawnNodeWorker(new URL('./no-such-module.ts', import.meta.url));
    const on = await open(tinyEnvironment({ spawnWorker: nowhere }));
    await expect(run(on, values())).rejects.toMatchObject({
      code: 'WORKER_FAILED',
      remedy: expect.stringContaining('--workers 0'),
    });
  });

  it('rejects what is in flight when it is closed', async () => {
    const on = await open();
    const running = run(on, values());
    await on.close();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('runs batches of several callers at once', async () => {
    const on = await open();
    const results = await Promise.all(Array.from({ length: 8 }, (_, i) => run(on, values({ 0: i }))));
    results.forEach((result, i) => {
      expect(result).toEqual(doubled({ 0: i }));
    });
  });

  it('holds a bounded number of shared arrays, and copies one again that was pushed out', async () => {
    const on = await open();
    const bank = (): Float64Array => new Float64Array(1000);
    const first = bank();
    first[0] = 1;
    const held = async (lives: Float64Array): Promise<number> => {
      await on.run(FRAGILE, { values: values(), lives }, COUNT);
      return on.memory().heldBytes;
    };
    const slot = (await held(first)) - 8000;
    for (let i = 0; i < 40; i++) expect(await held(bank())).toBeLessThanOrEqual(slot + 16 * 8000);
    const { outputs } = await on.run(FRAGILE, { values: values({ 7: -4 }), lives: first }, COUNT);
    expect(outputs['doubled']).toEqual(doubled({ 7: -4 }));
    expect(events.filter(({ kind }) => kind === 'worker')).toHaveLength(1);
  });
});
