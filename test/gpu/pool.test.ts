import { beforeAll, describe, expect, it } from 'vitest';
import type { GpuContext } from '../../src/gpu/context.ts';
import { BufferPool, sizeClass, USAGE } from '../../src/gpu/pool.ts';
import { openNullGpu } from '../support/gpu.ts';

const STORAGE = USAGE.storage | USAGE.copySource;

describe('buffer pool', () => {
  let context: GpuContext;
  beforeAll(async () => {
    context = await openNullGpu();
  });

  it('rounds up by less than a quarter, to multiples of 4', () => {
    for (let bytes = 257; bytes < 1e7; bytes = Math.ceil(bytes * 1.013)) {
      const size = sizeClass(bytes);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(size).toBeLessThanOrEqual(1.25 * bytes);
      expect(size % 4).toBe(0);
      expect(sizeClass(size)).toBe(size);
    }
  });

  it('uses a buffer again for the same class and usage only', () => {
    const pool = new BufferPool(context.device, 2 ** 20);
    const first = pool.acquire(1000, STORAGE, 'first');
    const other = pool.acquire(1000, STORAGE, 'other');
    expect(other.buffer).not.toBe(first.buffer);
    pool.release(first);
    expect(pool.acquire(1000, STORAGE | USAGE.uniform, 'uniform').buffer).not.toBe(first.buffer);
    expect(pool.acquire(5000, STORAGE, 'large').buffer).not.toBe(first.buffer);
    expect(pool.acquire(1010, STORAGE, 'again').buffer).toBe(first.buffer);
    expect(pool.stats()).toMatchObject({ created: 4, reused: 1, idleBuffers: 0 });
  });

  it('gives idle memory up for a new size and refuses what passes the budget, with the numbers', () => {
    const pool = new BufferPool(context.device, 4096);
    pool.release(pool.acquire(4096, STORAGE, 'first'));
    const second = pool.acquire(2048, STORAGE, 'second');
    expect(pool.stats()).toMatchObject({ heldBytes: 2048, inUseBytes: 2048 });
    expect(() => pool.acquire(3072, STORAGE, 'third')).toThrow("'third' needs 3072 bytes with 2048 in use, the budget is 4096");
    pool.release(second);
    expect(pool.acquire(3072, STORAGE, 'third').capacity).toBe(3072);
  });

  it('destroys what no batch wanted for a while', () => {
    const pool = new BufferPool(context.device, 2 ** 20);
    pool.release(pool.acquire(4096, STORAGE, 'once'));
    for (let batch = 0; batch < 40; batch++) {
      pool.release(pool.acquire(256, STORAGE, 'always'));
      pool.endBatch();
    }
    expect(pool.stats()).toMatchObject({ heldBytes: 256, created: 2 });
  });

  it('names leaks and refuses a second release', () => {
    const pool = new BufferPool(context.device, 2 ** 20);
    const entry = pool.acquire(256, STORAGE, 'twice');
    pool.release(entry);
    expect(() => pool.release(entry)).toThrow(/'twice' .* released twice/);
    pool.acquire(1024, STORAGE, 'forgotten');
    expect(pool.dispose()).toEqual([{ label: 'forgotten', byteLength: 1024 }]);
  });

  it('refuses a buffer that the device never grants', () => {
    const pool = new BufferPool(context.device, 2 ** 40);
    const most = context.device.limits.maxBufferSize;
    expect(() => pool.acquire(most + 4, STORAGE, 'huge')).toThrow(
      `'huge' needs ${most + 4} bytes, the device grants ${most} a buffer`,
    );
  });
});
