import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listAdapters, locateSoftwareAdapter, openNodeGpu } from '../../src/gpu/node.ts';
import { untar } from '../../src/gpu/software.node.ts';
import { BatchClock } from '../../src/gpu/timing.ts';

const linuxX64 = process.platform === 'linux' && process.arch === 'x64';

describe('adapters in Node', () => {
  it.runIf(linuxX64)('unpacks SwiftShader from the npm package', () => {
    const software = locateSoftwareAdapter();
    expect(existsSync(software?.icdPath ?? '')).toBe(true);
    expect(existsSync(software?.loaderPath ?? '')).toBe(true);
  });

  it.runIf(linuxX64)(
    'opens the software adapter by its kind and by a part of its name, with more than the default limits',
    async () => {
      for (const choice of ['software', 'swiftshader']) {
        const { info } = await openNodeGpu(choice);
        expect(info).toMatchObject({ isSoftware: true, backend: 'vulkan', architecture: 'swiftshader' });
        expect(info.limits['maxStorageBufferBindingSize']).toBe(2 ** 30);
        expect(info.limits['maxComputeWorkgroupStorageSize']).toBe(32768);
        expect(info.features).toContain('timestamp-query');
      }
    },
  );

  it('takes hardware only for auto', async () => {
    const hardware = (await listAdapters()).filter(({ isSoftware }) => !isSoftware);
    const opened = await openNodeGpu('auto').catch((error) => error);
    if (hardware.length > 0) expect(opened.info.isSoftware).toBe(false);
    else expect(opened).toMatchObject({ code: 'GPU_UNAVAILABLE', remedy: expect.stringContaining('cpu backend') });
  });

  it('names the adapters that exist when one is asked for that does not', async () => {
    const names = (await listAdapters()).map(({ name }) => name);
    const error = await openNodeGpu('no-such-adapter').catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'ADAPTER_NOT_FOUND', subject: 'no-such-adapter' });
    for (const name of names) expect(error.message).toContain(name);
  });

  it('finds nothing in a folder given that has no driver', () => {
    const folder = mkdtempSync(join(tmpdir(), 'arclet-test-'));
    process.env['ARCLET_SWIFTSHADER'] = folder;
    try {
      expect(locateSoftwareAdapter()).toBeUndefined();
    } finally {
      delete process.env['ARCLET_SWIFTSHADER'];
      rmSync(folder, { recursive: true });
    }
  });
});

describe('untar', () => {
  it('reads plain files, skips folders and stops at the end marker', () => {
    const header = (name: string, size: number, type: string): Uint8Array => {
      const block = new Uint8Array(512);
      const put = (text: string, at: number): void => block.set(new TextEncoder().encode(text), at);
      put(name, 0);
      put(`${size.toString(8).padStart(11, '0')}\0`, 124);
      put(type, 156);
      return block;
    };
    const body = (text: string): Uint8Array => {
      const block = new Uint8Array(512 * Math.ceil(text.length / 512));
      block.set(new TextEncoder().encode(text));
      return block;
    };
    const long = 'x'.repeat(700);
    const blocks = [
      header('d/', 0, '5'),
      header('d/a.txt', 3, '0'),
      body('abc'),
      header('b', 700, '\0'),
      body(long),
      new Uint8Array(1024),
    ];
    const archive = new Uint8Array(blocks.flatMap((block) => [...block]));
    const files = [...untar(archive)].map(([name, content]) => [name, new TextDecoder().decode(content)]);
    expect(files).toEqual([
      ['a.txt', 'abc'],
      ['b', long],
    ]);
  });
});

describe('batch clock', () => {
  it('sleeps for most of what it has learned, longer behind other batches, and not for short ones', () => {
    const clock = new BatchClock();
    const work = {};
    expect(clock.submitted(work, 10, 0)).toBe(0);
    clock.settled(work, 10, 0, 1);
    expect(clock.submitted(work, 10, 2)).toBeCloseTo(0.8, 9);
    expect(clock.submitted(work, 20, 2)).toBeCloseTo(2.4, 9);
    clock.settled(work, 10, 2, 3);
    clock.settled(work, 20, 2, undefined);
    expect(clock.submitted({}, 10, 4)).toBe(0);
    expect(clock.submitted(work, 0.05, 5)).toBe(0);
  });

  it('believes the device rather than the host, whose time includes the sleep', () => {
    const clock = new BatchClock();
    const work = {};
    clock.submitted(work, 10, 0);
    clock.settled(work, 10, 0, 9, 1);
    expect(clock.submitted(work, 10, 10)).toBeCloseTo(0.8, 9);
  });
});
