/** Doctor and bench on the real registry's cheapest kernel, in this process. */
import { describe, expect, it } from 'vitest';
import { measureGpu } from '../../bench/gpu-ceilings.ts';
import { runBench } from '../../bench/run.ts';
import { KERNELS } from '../../kernels/index.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { EngineOptions } from '../../src/engine/environment.ts';
import type { AnyKernel } from '../../src/engine/kernel.ts';
import { openNodeGpu } from '../../src/gpu/node.ts';
import { nodeEnvironment } from '../../src/index.ts';
import { examine } from '../../src/pipelines/health/doctor.ts';

const sound = { 'lens-maps': KERNELS['lens-maps'] };
const opener = (registry: Record<string, AnyKernel>) => (options: EngineOptions) =>
  openEngine({ ...options, workers: 0 }, { ...nodeEnvironment, registry });
const SOFTWARE = { name: 'software', backend: 'vulkan', isSoftware: true };
const GONE = { name: 'no such adapter', backend: 'vulkan', isSoftware: false };

describe('doctor', () => {
  it('tests every kernel on every backend and reports an adapter that does not open', async () => {
    const report = await examine({ version: '1', open: opener(sound), listAdapters: async () => [SOFTWARE, GONE] });
    expect(report.ok).toBe(true);
    expect(report.backends.map(({ name, kernels }) => [name, kernels.map(({ slug, ok }) => [slug, ok])])).toEqual([
      ['cpu', [['lens-maps', true]]],
      ['software', [['lens-maps', true]]],
    ]);
    const [cpu, gpu] = report.backends.map(({ kernels }) => kernels[0]);
    expect(cpu.worst).toBe(0);
    expect(gpu.worst).toBeGreaterThan(0);
    expect(report.adapters[0].limits['maxBufferSize']).toBeGreaterThan(2 ** 27);
    expect(report.adapters[1].error).toContain('no such adapter');
    expect(report.auto.reason).not.toBe('');
  });

  it('says which output of a wrong kernel is wrong, and survives one that throws', async () => {
    const { spec, gpu } = KERNELS['lens-maps'];
    const wrong: AnyKernel = {
      spec,
      gpu,
      cpu: (options, inputs, outputs, count) => {
        KERNELS['lens-maps'].cpu(options, inputs, outputs, count);
        outputs['kappa'][0] += 1;
      },
    };
    const broken: AnyKernel = {
      spec: { ...spec, slug: 'broken' },
      gpu,
      cpu: () => {
        throw new RangeError('cannot');
      },
    };
    // The reference is opened first, and is right.
    let opened = 0;
    const open = (options: EngineOptions) =>
      opener(opened++ === 0 ? { ...sound, broken: { ...broken, cpu: sound['lens-maps'].cpu } } : { 'lens-maps': wrong, broken })(
        options,
      );
    const report = await examine({ version: '1', open, listAdapters: async () => [] });
    expect(report.ok).toBe(false);
    expect(report.backends[0].kernels.map(({ ok, detail }) => [ok, detail])).toEqual([
      [false, 'kappa'],
      [false, expect.stringContaining('cannot')],
    ]);
  });
});

describe('bench', () => {
  it('measures kernels against ceilings that are above them', async () => {
    const engine = await opener(sound)({ backend: 'cpu' });
    const report = await runBench(engine, ['lens-maps'], { items: 8, seconds: 0.05 });
    await engine.close();
    expect(report.backend).toBe('cpu, one thread');
    expect(report.ceilings.bytesPerSecond).toBeGreaterThan(1e8);
    expect(report.ceilings.flopsPerSecond).toBeGreaterThan(1e8);
    const [row] = report.rows;
    expect(row.itemsPerSecond).toBeCloseTo(8 / row.seconds);
    expect(row.ceilingShare).toBeGreaterThan(0);
    expect(row.ceilingShare).toBeLessThan(3);
  });

  it('measures the cases of the kernels that are named, and names the nearest of one that is not', async () => {
    const engine = await opener(sound)({ backend: 'cpu' });
    const report = await runBench(engine, ['lens-maps'], { items: 2, seconds: 0.01 });
    expect(report.rows.length).toBe(KERNELS['lens-maps'].spec.sample(64, 1).length);
    await expect(runBench(engine, ['lens-map'], { items: 2, seconds: 0.01 })).rejects.toMatchObject({ code: 'KERNEL_UNKNOWN' });
    await engine.close();
  });

  it('measures whole rows through every kernel', async () => {
    const engine = await opener(KERNELS)({ backend: 'cpu' });
    const { rows, render } = await runBench(engine, ['render'], { items: 4, seconds: 0.01 });
    await engine.close();
    expect(rows).toEqual([]);
    expect(render.map(({ label, rowsPerSecond }) => [label, rowsPerSecond > 1])).toEqual([
      ['convolve-oversample auto', true],
      ['convolve-oversample 1', true],
      ['auto, pixels left on the device', true],
    ]);
  });

  it('finds the ceilings of an adapter', async () => {
    const context = await openNodeGpu('software');
    const { bytesPerSecond, flopsPerSecond } = await measureGpu(context);
    context.device.destroy();
    expect(bytesPerSecond).toBeGreaterThan(1e7);
    expect(flopsPerSecond).toBeGreaterThan(1e7);
  });
});
