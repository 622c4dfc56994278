/** Runs the benches: ceilings of the backend first, then the kernels, then whole rows. */
import { kernelOf } from '../src/engine/chain.ts';
import type { Engine } from '../src/engine/face.ts';
import { type Ceilings, measureCpu } from './cpu-ceilings.ts';
import { type BenchRow, benchKernel } from './kernels.ts';
import { benchRender, type RenderBenchRow } from './render.ts';

/** Beside the slugs of kernels: the whole chain. */
const RENDER = 'render';

export interface BenchReport {
  readonly backend: string;
  readonly ceilings: Ceilings;
  readonly rows: readonly BenchRow[];
  /** Whole rows through every kernel; measured unless other kernels are named. */
  readonly render: readonly RenderBenchRow[];
}

export interface RunBenchOptions {
  readonly items: number;
  readonly seconds: number;
  /** What the engine was opened with. */
  readonly adapter?: string;
  readonly onProgress?: (what: string) => void;
}

/**
 * Measures the kernels named (all their cases) and, as `render`, the whole chain; without a name every kernel in its most expensive case and
 * the chain.
 * Throws KERNEL_UNKNOWN, with the nearest slug, before anything is measured.
 */
export async function runBench(engine: Engine, slugs: readonly string[], options: RunBenchOptions): Promise<BenchReport> {
  const named = slugs.filter((slug) => slug !== RENDER);
  const kernels = slugs.length > 0 ? named.map((slug) => kernelOf(engine.registry, slug)) : Object.values(engine.registry);
  const { backend, workers, adapter } = engine.info;
  const name = backend === 'cpu' ? `cpu, ${workers === 0 ? 'one thread' : `${workers} workers`}` : (adapter ?? 'gpu');
  options.onProgress?.(`ceilings of ${name}`);
  const ceilings = backend === 'cpu' ? await measureCpu(workers) : await gpuCeilings(options.adapter);
  const rows: BenchRow[] = [];
  for (const kernel of kernels) {
    options.onProgress?.(kernel.spec.slug);
    const { items, seconds } = options;
    rows.push(...(await benchKernel(kernel, engine, name, ceilings, { items, seconds, allCases: slugs.length > 0 })));
  }
  const wanted = slugs.length === 0 || named.length < slugs.length;
  if (wanted) options.onProgress?.(RENDER);
  return { backend: name, ceilings, rows, render: wanted ? await benchRender(engine, options.items) : [] };
}

/** On a device of its own, so that the engine's pools do not take part. */
async function gpuCeilings(adapter = 'auto'): Promise<Ceilings> {
  const [{ openNodeGpu }, { measureGpu }] = await Promise.all([import('../src/gpu/node.ts'), import('./gpu-ceilings.ts')]);
  const context = await openNodeGpu(adapter);
  try {
    return await measureGpu(context);
  } finally {
    context.device.destroy();
  }
}
