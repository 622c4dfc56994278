/** What this machine offers to arclet: Node, CPU, memory, adapters, what `auto` would take, and whether every kernel is right on each. */
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import type { EngineOptions } from '../../engine/environment.ts';
import type { Engine } from '../../engine/face.ts';
import type { AdapterListing } from '../../gpu/node.ts';
import { type SelfTestResult, selfTest } from './self-test.ts';

export interface AdapterReport extends AdapterListing {
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Why it could not be opened. */
  readonly error?: string;
}

export interface BackendReport {
  /** `cpu`, or the adapter's name. */
  readonly name: string;
  readonly kernels: readonly SelfTestResult[];
}

export interface DoctorReport {
  readonly arclet: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: { readonly model: string; readonly cores: number; readonly available: number };
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number };
  readonly adapters: readonly AdapterReport[];
  readonly auto: { readonly backend: 'gpu' | 'cpu'; readonly reason: string };
  readonly backends: readonly BackendReport[];
  /** True when every kernel is right on every backend that opens. */
  readonly ok: boolean;
}

/** What the doctor needs of the place it works in. */
export interface DoctorEnvironment {
  readonly version: string;
  readonly open: (options: EngineOptions) => Promise<Engine>;
  readonly listAdapters: () => Promise<readonly AdapterListing[]>;
  readonly onProgress?: (what: string) => void;
}

/** Looks at everything. An adapter that does not open is reported, not thrown. */
export async function examine({ version, open, listAdapters, onProgress }: DoctorEnvironment): Promise<DoctorReport> {
  const reference = await open({ backend: 'cpu', workers: 0 });
  const backends: BackendReport[] = [];
  const adapters: AdapterReport[] = [];
  const test = async (name: string, engine: Engine) => {
    const kernels: SelfTestResult[] = [];
    for (const kernel of Object.values(engine.registry)) {
      onProgress?.(`${kernel.spec.slug} on ${name}`);
      kernels.push(await selfTest(kernel, engine, reference));
    }
    backends.push({ name, kernels });
  };
  try {
    const pool = await open({ backend: 'cpu' });
    await test('cpu', pool).finally(() => pool.close());
    for (const adapter of await listAdapters()) {
      try {
        const engine = await open({ backend: 'gpu', adapter: adapter.name });
        adapters.push({ ...adapter, features: engine.info.gpu?.features ?? [], limits: engine.info.gpu?.limits ?? {} });
        await test(adapter.name, engine).finally(() => engine.close());
      } catch (error) {
        adapters.push({ ...adapter, features: [], limits: {}, error: error instanceof Error ? error.message : String(error) });
      }
    }
  } finally {
    await reference.close();
  }
  const chosen = await open({ backend: 'auto' });
  const { backend, reason } = chosen.info;
  await chosen.close();
  const processors = cpus();
  return {
    arclet: version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: { model: processors[0]?.model.trim() ?? 'unknown', cores: processors.length, available: availableParallelism() },
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    adapters,
    auto: { backend, reason },
    backends,
    ok: backends.every(({ kernels }) => kernels.every((kernel) => kernel.ok)),
  };
}
