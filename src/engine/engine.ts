/**
 * One face over GPU and CPU: opens a backend, checks what it is given, cuts it into batches and runs chains of kernels.
 *
 * The result of an item does not depend on batch size, order or shard: the same bits on one backend, within the kernels'
 * tolerances across backends.
 */
import { ArcletError, isArcletError } from '../core/errors.ts';
import type { GpuContext, GpuInfo } from '../gpu/context.ts';
import { type DoneBatch, inFlight, type Piece, type SourceBatch, throwIfAborted } from './batches.ts';
import { type ResolvedChain, resolveChain } from './chain.ts';
import { createCpuExecutor } from './cpu-executor.ts';
import type { EngineEnvironment, EngineOptions, GpuExecutorLike } from './environment.ts';
import type { BatchResult, Chain, Executor } from './executor.ts';
import type { Engine, EngineInfo, RunOptions, RunResult, RunTimings } from './face.ts';
import type { GpuEvent } from './gpu-executor.ts';
import { checkInputs, sliceInputs } from './inputs.ts';
import type { HostArray, HostInput, Registry } from './kernel.ts';

const BATCH_ITEMS = 1024;

function nameOf(info: GpuInfo): string {
  return info.description || info.device || info.vendor || 'unnamed adapter';
}

class ArcletEngine implements Engine {
  info: EngineInfo;
  executor: GpuExecutorLike;
  readonly registry: Registry;
  readonly #options: EngineOptions;
  readonly #environment: EngineEnvironment;
  #fallback: Promise<Executor> | undefined;

  constructor(options: EngineOptions, environment: EngineEnvironment, executor: GpuExecutorLike, info: EngineInfo) {
    this.#options = options;
    this.#environment = environment;
    this.registry = environment.registry;
    this.executor = executor;
    this.info = info;
  }

  async run(chain: Chain, inputs: Record<string, HostInput>, count: number, options: RunOptions = {}): Promise<RunResult> {
    const begin = performance.now();
    const resolved = resolveChain(chain, this.registry);
    checkInputs(resolved, inputs, count);
    throwIfAborted(options.signal, 0);
    const step = this.#batchItems(chain, options);
    const pieces = function* (): Generator<Piece> {
      for (let firstItem = 0; firstItem < count; firstItem += step) {
        const items = Math.min(step, count - firstItem);
        yield { inputs: sliceInputs(resolved, inputs, firstItem, items), count: items, firstItem };
      }
    };
    const timings = noTimings();
    let outputs: Record<string, HostArray> | undefined;
    for await (const batch of this.#pump(chain, pieces(), options)) {
      addTimings(timings, batch);
      if (batch.count === count) outputs = batch.outputs;
      else {
        outputs ??= emptyLike(batch.outputs, resolved, count);
        for (const [wire, array] of Object.entries(batch.outputs)) {
          outputs[wire].set(array, batch.firstItem * resolved.wires[wire].elements);
        }
      }
      options.onProgress?.({ done: batch.firstItem + batch.count, total: count });
    }
    timings.wallSeconds = (performance.now() - begin) / 1000;
    return { outputs: outputs ?? noItems(resolved, this.info.backend), timings };
  }

  async *stream(
    chain: Chain,
    source: AsyncIterable<SourceBatch> | Iterable<SourceBatch>,
    options: RunOptions = {},
  ): AsyncGenerator<DoneBatch, void, undefined> {
    const resolved = resolveChain(chain, this.registry);
    throwIfAborted(options.signal, 0);
    const pieces = this.#cut(resolved, source, options);
    for await (const batch of this.#pump(chain, pieces, options)) {
      options.onProgress?.({ done: batch.firstItem + batch.count, total: undefined });
      yield batch;
    }
  }

  memory(): { heldBytes: number; inUseBytes: number } {
    return this.executor.memory();
  }

  async close(): Promise<void> {
    await this.executor.close();
  }

  #batchItems(chain: Chain, options: RunOptions): number {
    return Math.max(1, Math.min(this.executor.maxItems(chain), options.batchItems ?? BATCH_ITEMS));
  }

  async *#cut(
    resolved: ResolvedChain,
    source: AsyncIterable<SourceBatch> | Iterable<SourceBatch>,
    options: RunOptions,
  ): AsyncGenerator<Piece> {
    let firstItem = 0;
    for await (const { inputs, count, knownFinite } of source) {
      checkInputs(resolved, inputs, count, firstItem, knownFinite);
      for (let start = 0; start < count; ) {
        const items = Math.min(this.#batchItems(resolved.chain, options), count - start);
        yield { inputs: sliceInputs(resolved, inputs, start, items), count: items, firstItem };
        start += items;
        firstItem += items;
      }
    }
  }

  #pump(
    chain: Chain,
    pieces: AsyncIterable<Piece> | Iterable<Piece>,
    options: RunOptions,
  ): AsyncGenerator<DoneBatch, void, undefined> {
    return inFlight(
      pieces,
      (piece) => this.#runPiece(chain, piece),
      () => this.executor.depth,
      options.signal,
    );
  }

  async #runPiece(chain: Chain, { inputs, count, firstItem }: Piece): Promise<BatchResult> {
    const executor = this.executor;
    try {
      return await executor.runBatch(chain, inputs, count, firstItem);
    } catch (error) {
      // Whoever names an adapter wants that one or an error.
      const { backend = 'auto', adapter } = this.#options;
      const mayFallBack = backend === 'auto' && adapter === undefined && isArcletError(error, 'DEVICE_LOST');
      if (!mayFallBack) throw error;
      this.#fallback ??= this.#fallBack(error.message);
      return (await this.#fallback).runBatch(chain, inputs, count, firstItem);
    }
  }

  /** The executor has replayed once already: this is the second loss, and `auto` goes on without the device. */
  async #fallBack(message: string): Promise<Executor> {
    const lost = this.executor;
    const { executor, info } = openCpu(this.#options, this.#environment, `fell back to the CPU: ${message}`);
    this.executor = executor;
    this.info = info;
    this.#options.onEvent?.({ kind: 'fallback', message: info.reason });
    // Its device is gone; what close() has to say about that is known.
    await lost.close().catch(() => {});
    return executor;
  }
}

function noTimings(): RunTimings {
  return { uploadSeconds: 0, computeSeconds: 0, readbackSeconds: 0, wallSeconds: 0, batches: 0 };
}

function addTimings(total: RunTimings, { timings }: BatchResult): void {
  total.uploadSeconds += timings.uploadSeconds;
  total.computeSeconds += timings.computeSeconds;
  total.readbackSeconds += timings.readbackSeconds;
  if (timings.deviceSeconds !== undefined) total.deviceSeconds = (total.deviceSeconds ?? 0) + timings.deviceSeconds;
  total.batches++;
}

/** Arrays of `count` items, of the types that the backend gives. */
function emptyLike(
  arrays: Readonly<Record<string, HostArray>>,
  resolved: ResolvedChain,
  count: number,
): Record<string, HostArray> {
  const make = (wire: string, array: HostArray): HostArray => {
    const Kind = array.constructor as new (length: number) => HostArray;
    return new Kind(resolved.wires[wire].elements * count);
  };
  return Object.fromEntries(Object.entries(arrays).map(([wire, array]) => [wire, make(wire, array)]));
}

function noItems({ chain, wires }: ResolvedChain, backend: 'gpu' | 'cpu'): Record<string, HostArray> {
  const make = (kind: unknown): HostArray => {
    if (kind === 'u32') return new Uint32Array(0);
    if (kind === 'i32') return new Int32Array(0);
    return backend === 'gpu' || kind === 'f32' ? new Float32Array(0) : new Float64Array(0);
  };
  return Object.fromEntries(chain.keep.map((wire) => [wire, make(wires[wire].kind)]));
}

function openCpu(
  options: EngineOptions,
  environment: EngineEnvironment,
  reason: string,
): { executor: Executor; info: EngineInfo } {
  const { registry, spawnWorker, parallelism } = environment;
  const workers = options.workers ?? (spawnWorker ? Math.max(1, parallelism) : 0);
  const executor = createCpuExecutor({
    registry,
    workers,
    spawn: spawnWorker,
    memoryBudgetBytes: options.memoryBudgetBytes,
    onEvent: (message) => options.onEvent?.({ kind: 'worker', message }),
  });
  return { executor, info: { backend: 'cpu', adapter: undefined, gpu: undefined, workers, reason } };
}

function sayEvent(event: GpuEvent): string {
  if (event.kind === 'leak') return `${event.buffers.length} device buffers were not given back`;
  if (event.kind === 'device-reopened') return `${event.description} was opened again; batches in flight are computed anew`;
  return event.kind === 'device-lost' ? `the device was lost: ${event.message}` : event.message;
}

async function openGpu(options: EngineOptions, environment: EngineEnvironment, choice: string): Promise<ArcletEngine> {
  let first: GpuContext | undefined = await environment.openGpu(choice);
  const gpu = first.info;
  const open = async (): Promise<GpuContext> => {
    const context = first ?? (await environment.openGpu(choice));
    first = undefined;
    return context;
  };
  // Loaded here, so that who only uses the CPU does not load it.
  const { createGpuExecutor } = await import('./gpu-executor.ts');
  const executor = await createGpuExecutor({
    open,
    registry: environment.registry,
    shaders: await environment.shaders(),
    memoryBudgetBytes: options.memoryBudgetBytes,
    onEvent: (event) => options.onEvent?.({ kind: 'device', message: sayEvent(event) }),
  });
  const adapter = nameOf(gpu);
  const reason =
    options.adapter === undefined ? `${adapter} is the hardware adapter` : `${adapter} was asked for ('${options.adapter}')`;
  return new ArcletEngine(options, environment, executor, { backend: 'gpu', adapter, gpu, workers: 0, reason });
}

/**
 * Opens an engine. Throws GPU_UNAVAILABLE (`gpu` without a hardware adapter), ADAPTER_NOT_FOUND (an adapter asked for by name),
 * USAGE (an adapter asked for together with the CPU).
 */
export async function openEngine(options: EngineOptions, environment: EngineEnvironment): Promise<Engine> {
  const backend = options.backend ?? 'auto';
  const { workers } = options;
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 0)) {
    throw new ArcletError('USAGE', `The number of workers must be a whole number >= 0, not ${workers}.`, { subject: 'workers' });
  }
  if (backend === 'cpu' && options.adapter !== undefined) {
    throw new ArcletError('USAGE', `The adapter '${options.adapter}' was asked for together with the cpu backend.`, {
      subject: 'adapter',
      remedy: 'Drop --adapter or use the gpu backend.',
    });
  }
  const engine = await openBackend(backend, options, environment);
  options.onEvent?.({ kind: 'opened', message: `backend ${engine.info.backend}: ${engine.info.reason}` });
  return engine;
}

async function openBackend(
  backend: 'auto' | 'gpu' | 'cpu',
  options: EngineOptions,
  environment: EngineEnvironment,
): Promise<Engine> {
  const cpu = (reason: string): Engine => {
    const { executor, info } = openCpu(options, environment, reason);
    return new ArcletEngine(options, environment, executor, info);
  };
  if (backend === 'cpu') return cpu('the CPU was asked for');
  try {
    return await openGpu(options, environment, options.adapter ?? 'auto');
  } catch (error) {
    // Whoever names an adapter wants that one or an error.
    if (backend === 'gpu' || options.adapter !== undefined) throw error;
    return cpu(`no GPU: ${error instanceof Error ? error.message : String(error)}`);
  }
}
