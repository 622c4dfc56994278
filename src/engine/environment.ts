/** What the engine needs of the place it runs in. Handed in, so the engine itself is the same in Node and in a browser. */
import type { WorkerHandle } from '../cpu/pool.ts';
import type { GpuContext } from '../gpu/context.ts';
import type { Executor } from './executor.ts';
import type { Registry } from './kernel.ts';

export interface EngineOptions {
  /** `auto` (default): a hardware adapter if there is one, else the CPU. */
  readonly backend?: 'auto' | 'gpu' | 'cpu';
  /** Part of an adapter's name, or `software`: a software adapter is used only when asked for by name. */
  readonly adapter?: string;
  /** CPU workers; 0 computes in the calling thread. Default: one per core. */
  readonly workers?: number;
  /** Bytes that batches in flight may hold. */
  readonly memoryBudgetBytes?: number;
  /** Told what a person should know: the choice of backend, a lost device, a dead worker. */
  readonly onEvent?: (event: EngineEvent) => void;
}

export interface EngineEvent {
  readonly kind: 'opened' | 'device' | 'fallback' | 'worker';
  readonly message: string;
}

/** The GPU backend; `loseDeviceForTest` destroys the device in a way that counts as a loss. */
export interface GpuExecutorLike extends Executor {
  loseDeviceForTest?(): void;
}

export interface EngineEnvironment {
  readonly registry: Registry;
  /** Shader texts by their path below shaders/; asked for only when a GPU is opened. */
  readonly shaders: () => Promise<Readonly<Record<string, string>>>;
  /** `auto`, `software`, `null` or part of an adapter's name. Rejects with GPU_UNAVAILABLE or ADAPTER_NOT_FOUND. */
  readonly openGpu: (choice: string) => Promise<GpuContext>;
  /** Starts a CPU worker; absent where there are none. */
  readonly spawnWorker?: () => WorkerHandle;
  /** Default number of CPU workers. */
  readonly parallelism: number;
}
