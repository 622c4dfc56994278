import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERNELS } from '../../kernels/index.ts';
import type { RenderLensedOptions } from '../../kernels/render-lensed/options.ts';
import { chainOf, wiresOf } from '../../src/engine/compare.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { SampleCase } from '../../src/engine/kernel.ts';
import { nodeEnvironment } from '../../src/index.ts';
import { agreementSuite } from '../support/agreement.ts';
import { total } from '../support/draw.ts';
import { openTestGpu } from '../support/gpu.ts';

agreementSuite('render-lensed', { count: 500, seed: 11, bitItems: 8 });

describe('render-lensed: fluxes of 500 random rows', () => {
  let gpu: Engine;
  let cpu: Engine;
  beforeAll(async () => {
    gpu = await openEngine({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
    cpu = await openEngine({ backend: 'cpu', workers: 0 }, nodeEnvironment);
  });
  afterAll(async () => {
    await gpu.close();
    await cpu.close();
  });

  it('agree to 1e-5', async () => {
    const kernel = KERNELS['render-lensed'];
    for (const sample of kernel.spec.sample(500, 23) as SampleCase<RenderLensedOptions>[]) {
      const { options, inputs, count, label } = sample;
      const chain = chainOf(kernel, options);
      const twin = (await cpu.run(chain, wiresOf(inputs), count)).outputs;
      const got = (await gpu.run(chain, wiresOf(inputs), count)).outputs;
      const block = options.bands * options.size ** 2;
      for (let row = 0; row < count; row++) {
        const sum = (values: (typeof twin)[string]): number => total(values.subarray(row * block, (row + 1) * block));
        expect(Math.abs(sum(got['unlensed']) / sum(twin['unlensed']) - 1), `${label}, row ${row}, unlensed`).toBeLessThan(1e-5);
        expect(Math.abs(sum(got['lensed']) / sum(twin['lensed']) - 1), `${label}, row ${row}, lensed`).toBeLessThan(1e-5);
      }
    }
  }, 240_000);
});
