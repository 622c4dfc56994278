/** A second's worth of every kernel on an engine, against the float64 twins in the calling thread. */
import { chainOf, elementsOf, type Worst, wiresOf, worstOf } from '../../engine/compare.ts';
import type { Engine } from '../../engine/face.ts';
import type { AnyKernel, ArraySpec, SampleCase } from '../../engine/kernel.ts';

export interface SelfTestResult {
  readonly slug: string;
  readonly items: number;
  readonly seconds: number;
  /** Largest error in units of the tolerance that the kernel's spec states; above 1 is a failure. */
  readonly worst: number;
  readonly ok: boolean;
  /** Which output was worst, or why the kernel did not run. */
  readonly detail: string;
}

const ITEMS = 16;
const SEED = 20_260_101;
const BUDGET_SECONDS = 1;

/**
 * Runs sample cases of one kernel until a second has passed (at least one case), and compares every output with the twin.
 * A kernel that fails to run is a result with its reason, never an exception.
 */
export async function selfTest(kernel: AnyKernel, engine: Engine, reference: Engine): Promise<SelfTestResult> {
  const { spec } = kernel;
  const begin = performance.now();
  const elapsed = () => (performance.now() - begin) / 1000;
  let items = 0;
  let worst: Worst | undefined;
  try {
    for (const sample of spec.sample(ITEMS, SEED) as SampleCase<object>[]) {
      if (items > 0 && elapsed() > BUDGET_SECONDS) break;
      if (sample.count === 0) continue;
      const found = await compareCase(kernel, sample, engine, reference);
      if (worst === undefined || found.ratio > worst.ratio) worst = found;
      items += sample.count;
    }
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { slug: spec.slug, items, seconds: elapsed(), worst: Number.POSITIVE_INFINITY, ok: false, detail };
  }
  const ratio = worst?.ratio ?? 0;
  return { slug: spec.slug, items, seconds: elapsed(), worst: ratio, ok: ratio <= 1, detail: worst?.output ?? '' };
}

async function compareCase(kernel: AnyKernel, sample: SampleCase<object>, engine: Engine, reference: Engine): Promise<Worst> {
  const { spec } = kernel;
  const chain = chainOf(kernel, sample.options);
  const inputs = wiresOf(sample.inputs);
  const twin = await reference.run(chain, inputs, sample.count);
  const got = await engine.run(chain, inputs, sample.count);
  const found = Object.entries(spec.tolerances).map(([name, tolerance]) => {
    const elements = elementsOf(spec.outputs[name] as ArraySpec<object>, sample.options);
    return worstOf(name, tolerance, got.outputs[name], twin.outputs[name], elements);
  });
  return found.reduce((a, b) => (b.ratio > a.ratio ? b : a));
}
