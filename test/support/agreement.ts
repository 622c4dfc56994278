/**
 * The one test body of every kernel: the GPU gives what the twin gives, items do not know their batch, every pass validates.
 *
 * @example
 * agreementSuite('lens-maps', { count: 500, seed: 7 });
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chainOf, elementsOf, gather, gatherCase, type Worst, wiresOf, worstOf } from '../../src/engine/compare.ts';
import { openEngine } from '../../src/engine/engine.ts';
import type { EngineEnvironment } from '../../src/engine/environment.ts';
import type { Engine } from '../../src/engine/face.ts';
import type { AnyKernel, ArraySpec, HostArray, SampleCase } from '../../src/engine/kernel.ts';
import { nodeEnvironment } from '../../src/index.ts';
import { openNullGpu, openTestGpu } from './gpu.ts';

export interface AgreementOptions {
  /** Items in all, spread over the cases of the spec. Default 500. */
  readonly count?: number;
  readonly seed?: number;
  /** Items per case whose bits are compared between batchings. Default 24. */
  readonly bitItems?: number;
  /** For kernels that are not registered. */
  readonly environment?: EngineEnvironment;
}

type Outputs = Record<string, HostArray>;

function say(worst: Worst): string {
  const { output, ratio, item, element, gpu, twin } = worst;
  return `${output} ${ratio.toPrecision(3)} of the tolerance (item ${item}, element ${element}: ${gpu} against ${twin})`;
}

/** Index of the first element whose bits differ; -1 when none does. */
function firstDifference(a: HostArray, b: HostArray): number {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
}

function expectSameBits(what: string, got: Outputs, wanted: Outputs): void {
  for (const [name, array] of Object.entries(wanted)) {
    expect(`${what}, ${name}: ${firstDifference(got[name], array)}`).toBe(`${what}, ${name}: -1`);
  }
}

export function agreementSuite(slug: string, options: AgreementOptions = {}): void {
  const { count = 500, seed = 1, bitItems = 24, environment = nodeEnvironment } = options;
  const kernel: AnyKernel | undefined = environment.registry[slug];

  describe(`${slug}: agreement`, () => {
    if (kernel === undefined) {
      it('is registered', () => expect(Object.keys(environment.registry)).toContain(slug));
      return;
    }
    const { spec } = kernel;
    const samples = spec.sample(count, seed) as SampleCase<object>[];
    const engines: Record<string, Engine> = {};

    const run = async (
      engine: Engine,
      sample: SampleCase<object>,
      order?: readonly number[],
      batchItems?: number,
    ): Promise<Outputs> => {
      const inputs = order ? gatherCase(kernel, sample, order) : sample.inputs;
      const items = order?.length ?? sample.count;
      return (await engine.run(chainOf(kernel, sample.options), wiresOf(inputs), items, { batchItems })).outputs;
    };
    const gatherAll = (sample: SampleCase<object>, outputs: Outputs, order: readonly number[]): Outputs =>
      Object.fromEntries(
        Object.entries(outputs).map(([name, array]) => {
          const elements = elementsOf(spec.outputs[name] as ArraySpec<object>, sample.options);
          return [name, gather(array, elements, order)];
        }),
      );

    beforeAll(async () => {
      engines['cpu'] = await openEngine({ backend: 'cpu', workers: 0 }, environment);
      engines['gpu'] = await openEngine({ backend: 'gpu' }, { ...environment, openGpu: openTestGpu });
      engines['null'] = await openEngine({ backend: 'gpu' }, { ...environment, openGpu: openNullGpu });
    });
    afterAll(async () => {
      for (const engine of Object.values(engines)) await engine.close();
    });

    it('states a tolerance for every output and samples that add up', () => {
      expect(Object.keys(spec.tolerances).sort()).toEqual(Object.keys(spec.outputs).sort());
      expect(samples.reduce((sum, sample) => sum + sample.count, 0)).toBe(count);
    });

    it(`${count} random items: the GPU is within the tolerance of the twin`, async () => {
      const worst: Worst[] = [];
      for (const sample of samples) {
        const twin = await run(engines['cpu'], sample);
        const gpu = await run(engines['gpu'], sample);
        for (const [name, tolerance] of Object.entries(spec.tolerances)) {
          const elements = elementsOf(spec.outputs[name] as ArraySpec<object>, sample.options);
          const found = worstOf(name, tolerance, gpu[name], twin[name], elements);
          expect(found.ratio, `${sample.label}: ${say(found)}`).toBeLessThanOrEqual(1);
          worst.push(found);
        }
      }
      for (const name of Object.keys(spec.outputs)) {
        const ofName = worst.filter(({ output }) => output === name);
        const worstOfName = ofName.reduce((a, b) => (b.ratio > a.ratio ? b : a));
        console.log(`${slug}: ${say(worstOfName)}, ${spec.tolerances[name].kind} ${spec.tolerances[name].value}`);
      }
    });

    for (const backend of ['cpu', 'gpu'] as const) {
      it(`${backend}: the same bits for another batch size, order and shard`, async () => {
        for (const sample of samples) {
          const items = Array.from({ length: Math.min(bitItems, sample.count) }, (_, item) => item);
          const engine = engines[backend];
          const whole = await run(engine, sample, items);
          expectSameBits(`${sample.label}, batches of 5`, await run(engine, sample, items, 5), whole);
          const order = items.toReversed();
          expectSameBits(`${sample.label}, reversed`, await run(engine, sample, order), gatherAll(sample, whole, order));
          const half = Math.ceil(items.length / 2);
          for (const shard of [items.slice(0, half), items.slice(half)]) {
            if (shard.length === 0) continue;
            const what = `${sample.label}, shard from item ${shard[0]}`;
            expectSameBits(what, await run(engine, sample, shard), gatherAll(sample, whole, shard));
          }
        }
      });
    }

    it("every pass of every case validates on Dawn's null backend", async () => {
      for (const sample of samples) {
        const one = gatherCase(kernel, sample, [0]);
        await expect(engines['null'].run(chainOf(kernel, sample.options), wiresOf(one), 1)).resolves.toBeDefined();
      }
    });
  });
}
