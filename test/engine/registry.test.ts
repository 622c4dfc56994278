import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KERNELS } from '../../kernels/index.ts';
import { chainOf, wiresOf } from '../../src/engine/compare.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { SampleCase } from '../../src/engine/kernel.ts';
import { openEngine } from '../../src/index.ts';

describe('the worker entry of the package', () => {
  const engines: Engine[] = [];
  beforeAll(async () => {
    engines.push(await openEngine({ backend: 'cpu', workers: 0 }), await openEngine({ backend: 'cpu', workers: 2 }));
  });
  afterAll(async () => {
    for (const engine of engines) await engine.close();
  });

  it.each(Object.keys(KERNELS))('%s: workers give the bits of the calling thread', async (slug) => {
    for (const sample of KERNELS[slug].spec.sample(8, 3) as SampleCase<object>[]) {
      const chain = chainOf(KERNELS[slug], sample.options);
      const [here, there] = await Promise.all(engines.map((engine) => engine.run(chain, wiresOf(sample.inputs), sample.count)));
      expect(there.outputs).toEqual(here.outputs);
    }
  });
});
