/** Runs chains on a GPU: a few batches in flight, each replayed once when the device is lost. */
import { ArcletError } from '../core/errors.ts';
import type { GpuContext } from '../gpu/context.ts';
import { defaultMemoryBudget } from '../gpu/limits.ts';
import type { ShaderSources } from '../gpu/shaders.ts';
import { type ResolvedChain, resolveChain } from './chain.ts';
import type { BatchResult, Chain, Executor } from './executor.ts';
import { bytesPerItem, labelOf, wireItemBytes } from './gpu-plan.ts';
import { type Batch, GpuSession, SessionLost } from './gpu-session.ts';
import type { HostInput, Registry } from './kernel.ts';

/** What is worth a line in the log. */
export type GpuEvent =
  | { readonly kind: 'device-lost'; readonly message: string }
  | { readonly kind: 'device-reopened'; readonly description: string }
  | { readonly kind: 'uncaptured-error'; readonly message: string }
  | { readonly kind: 'leak'; readonly buffers: readonly { label: string; byteLength: number }[] };

export interface GpuExecutorOptions {
  /** Opens the device; called again after it was lost. */
  readonly open: () => Promise<GpuContext>;
  readonly registry: Registry;
  readonly shaders: ShaderSources;
  /** Device memory for arrays, staging aside; default {@link defaultMemoryBudget}. */
  readonly memoryBudgetBytes?: number;
  readonly onEvent?: (event: GpuEvent) => void;
}

/** Upload of batch k+1, compute of k and readback of k-1 at the same time. */
const DEPTH = 3;
/** Of the budget; the other half is left to shared arrays, whose size is known only when they come. */
const SHARE_FOR_ITEMS = 0.5;
/** Most that rounding to size classes adds. */
const CLASS_SLACK = 1.25;

/** {@link createGpuExecutor} */
export class GpuExecutor implements Executor {
  readonly backend = 'gpu';
  readonly depth = DEPTH;
  readonly #options: GpuExecutorOptions;
  readonly #plans = new WeakMap<Chain, ResolvedChain>();
  readonly #gone = new WeakSet<GpuSession>();
  #live: GpuSession;
  #session: Promise<GpuSession>;
  #inFlight = 0;
  #closed = false;
  #waiting: (() => void)[] = [];

  constructor(options: GpuExecutorOptions, context: GpuContext) {
    this.#options = options;
    this.#live = this.#begin(context);
    this.#session = Promise.resolve(this.#live);
  }

  /** The device now in use; another one after a loss. */
  get context(): GpuContext {
    return this.#live.context;
  }

  /**
   * Largest batch: every array fits one binding, three batches fit half of the budget, and one workgroup an item fits the grid.
   * Throws GPU_LIMIT when not even one item does.
   */
  maxItems(chain: Chain): number {
    const plan = this.#plan(chain);
    const { maxStorageBufferBindingSize: binding, maxComputeWorkgroupsPerDimension: grid } = this.context.device.limits;
    let most = grid;
    for (const wire of Object.values(plan.wires)) {
      const bytes = wireItemBytes(wire);
      if (bytes > binding) {
        throw new ArcletError(
          'GPU_LIMIT',
          `one item of '${wire.name}' takes ${bytes} bytes, the device binds at most ${binding}`,
          {
            subject: wire.name,
            remedy: 'Use smaller items, or the cpu backend.',
            data: { byteLength: bytes, maxStorageBufferBindingSize: binding },
          },
        );
      }
      if (bytes > 0) most = Math.min(most, Math.floor(binding / bytes));
    }
    const budget = this.#live.budgetBytes;
    const itemBytes = CLASS_SLACK * bytesPerItem(plan);
    if (itemBytes > budget) {
      throw new ArcletError(
        'GPU_LIMIT',
        `one item of ${labelOf(plan)} takes ${itemBytes} bytes, the memory budget is ${budget}`,
        {
          subject: labelOf(plan),
          remedy: 'Use a larger memory budget, smaller items, or the cpu backend.',
          data: { byteLength: itemBytes, budgetBytes: budget },
        },
      );
    }
    if (itemBytes > 0) most = Math.min(most, Math.floor((SHARE_FOR_ITEMS * budget) / (DEPTH * itemBytes)));
    return Math.max(1, most);
  }

  /**
   * Runs one batch; more than {@link depth} at a time wait for their turn. Inputs must not change until it resolves, and a shared
   * input is uploaded once per host array: its contents must not change at all.
   *
   * Rejects with KERNEL_UNKNOWN, KERNEL_CONTRACT (wrong arrays), GPU_LIMIT, BANK_TOO_LARGE, GPU_OUT_OF_MEMORY, SHADER_IMPORT,
   * SHADER_COMPILE, GPU_VALIDATION, or DEVICE_LOST when the device is lost under it a second time.
   */
  async runBatch(chain: Chain, inputs: Record<string, HostInput>, count: number): Promise<BatchResult> {
    const batch: Batch = { plan: this.#plan(chain), inputs, count };
    if (!Number.isInteger(count) || count < 1) {
      throw new ArcletError('KERNEL_CONTRACT', `a batch of ${labelOf(batch.plan)} has ${count} items, it needs at least 1`);
    }
    while (this.#inFlight >= DEPTH) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#closed) throw new ArcletError('ABORTED', 'the GPU executor is closed');
    this.#inFlight++;
    try {
      return await this.#runTwice(batch);
    } finally {
      this.#inFlight--;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  memory(): { heldBytes: number; inUseBytes: number } {
    return this.#live.memory();
  }

  /** Waits for the batches in flight, then gives everything back; buffers that were not are told as a `leak` event. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#inFlight > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const buffers = this.#live.dispose();
    if (buffers.length > 0) this.#options.onEvent?.({ kind: 'leak', buffers });
  }

  /** Takes the device away from the batches in flight, as a driver reset would. */
  loseDeviceForTest(): void {
    this.context.device.destroy();
  }

  async #runTwice(batch: Batch): Promise<BatchResult> {
    for (let replay = false; ; replay = true) {
      const session = await this.#session;
      try {
        return await session.run(batch);
      } catch (error) {
        if (!(error instanceof SessionLost)) throw error;
        this.#replace(session, error);
        if (replay) {
          throw new ArcletError(
            'DEVICE_LOST',
            `the GPU was lost twice under one batch of ${labelOf(batch.plan)}: ${error.message}`,
            {
              subject: session.context.info.description,
              remedy: 'Use smaller batches, update the driver, or run with the cpu backend.',
              cause: error,
            },
          );
        }
      }
    }
  }

  /** The first batch that notices a loss opens the next device, the others wait for it. */
  #replace(lost: GpuSession, error: SessionLost): void {
    if (this.#gone.has(lost)) return;
    this.#gone.add(lost);
    this.#options.onEvent?.({ kind: 'device-lost', message: error.message });
    lost.dispose();
    this.#session = this.#reopen(error);
    this.#session.catch(() => {});
  }

  async #reopen(loss: SessionLost): Promise<GpuSession> {
    let context: GpuContext;
    try {
      context = await this.#options.open();
    } catch (cause) {
      throw new ArcletError('DEVICE_LOST', `the GPU was lost (${loss.message}) and no other could be opened`, {
        remedy: 'Check the driver, or run with the cpu backend.',
        cause,
      });
    }
    this.#live = this.#begin(context);
    this.#options.onEvent?.({ kind: 'device-reopened', description: context.info.description });
    return this.#live;
  }

  #begin(context: GpuContext): GpuSession {
    context.device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#options.onEvent?.({ kind: 'uncaptured-error', message: (event as GPUUncapturedErrorEvent).error.message });
    });
    const budget = this.#options.memoryBudgetBytes ?? defaultMemoryBudget(context.device.limits, context.info.isSoftware);
    return new GpuSession(context, this.#options.shaders, budget);
  }

  #plan(chain: Chain): ResolvedChain {
    let plan = this.#plans.get(chain);
    if (plan === undefined) {
      plan = resolveChain(chain, this.#options.registry);
      this.#plans.set(chain, plan);
    }
    return plan;
  }
}

/**
 * Opens the device and gives the executor. On Dawn's null backend batches are compiled and validated in full but compute nothing,
 * which is how every shader and variant is checked on machines without a GPU.
 */
export async function createGpuExecutor(options: GpuExecutorOptions): Promise<GpuExecutor> {
  return new GpuExecutor(options, await options.open());
}
