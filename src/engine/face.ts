/** What a caller sees of an engine. */
import type { GpuInfo } from '../gpu/context.ts';
import type { DoneBatch, SourceBatch } from './batches.ts';
import type { Chain, Executor } from './executor.ts';
import type { HostArray, HostInput, Registry } from './kernel.ts';

/** What runs, and why; belongs in every run record. */
export interface EngineInfo {
  readonly backend: 'gpu' | 'cpu';
  /** Name of the adapter; undefined on the CPU. */
  readonly adapter: string | undefined;
  readonly gpu: GpuInfo | undefined;
  /** CPU workers; 0 is the calling thread. */
  readonly workers: number;
  /** One sentence. */
  readonly reason: string;
}

/** Where the time of a run went, seconds, summed over batches. Batches overlap, so the parts may add up to more than the wall. */
export interface RunTimings {
  uploadSeconds: number;
  computeSeconds: number;
  readbackSeconds: number;
  /** Only where the adapter has timestamps. */
  deviceSeconds?: number;
  wallSeconds: number;
  batches: number;
}

export interface RunOptions {
  readonly onProgress?: (progress: { readonly done: number; readonly total: number | undefined }) => void;
  readonly signal?: AbortSignal;
  /** Largest batch; default 1024, never more than the backend allows. */
  readonly batchItems?: number;
}

export interface RunResult {
  /** Kept wires, `count` blocks each. `float` is Float32Array from the GPU and Float64Array from the CPU. */
  readonly outputs: Record<string, HostArray>;
  readonly timings: RunTimings;
}

export interface Engine {
  readonly info: EngineInfo;
  readonly registry: Registry;
  /** The backend itself, for benches and tests. */
  readonly executor: Executor & { loseDeviceForTest?(): void };
  /**
   * Runs a chain on `count` items and gives the kept wires in full.
   * Throws KERNEL_UNKNOWN, KERNEL_CONTRACT, INPUT_INVALID before anything runs; ABORTED, DEVICE_LOST, WORKER_DIED ... after.
   */
  run(chain: Chain, inputs: Record<string, HostInput>, count: number, options?: RunOptions): Promise<RunResult>;
  /**
   * Runs a chain over a source without end: pieces of any length in, batches in the same order out, a few in flight. Memory stays flat.
   * A piece larger than a batch comes back in several.
   */
  stream(
    chain: Chain,
    source: AsyncIterable<SourceBatch> | Iterable<SourceBatch>,
    options?: RunOptions,
  ): AsyncGenerator<DoneBatch, void, undefined>;
  memory(): { heldBytes: number; inUseBytes: number };
  close(): Promise<void>;
}
