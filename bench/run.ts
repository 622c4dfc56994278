/** Runs the benches: ceilings of the backend first, then the kernels. */
import { kernelOf } from '../src/engine/chain.ts';
import type { Engine } from '../src/engine/face.ts';
import { type Ceilings, measureCpu } from './cpu-ceilings.ts';
import { type BenchRow, benchKernel } from './kernels.ts';

export interface BenchReport {
  readonly backend: string;
  readonly ceilings: Ceilings;
  readonly rows: readonly BenchRow[];
}

export interface RunBenchOptions {
  readonly items: number;
  readonly seconds: number;
  /** What the engine was opened with. */
  readonly adapter?: string;
  readonly onProgress?: (what: string) => void;
}

/**
 * Measures the kernels named (all their cases), or every kernel in its most expensive case.
 * Throws KERNEL_UNKNOWN, with the nearest slug, before anything is measured.
 */
export async function runBench(engine: Engine, slugs: readonly string[], options: RunBenchOptions): Promise<BenchReport> {
  const kernels = slugs.length > 0 ? slugs.map((slug) => kernelOf(engine.registry, slug)) : Object.values(engine.registry);
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
  return { backend: name, ceilings, rows };
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
