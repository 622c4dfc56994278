/** The CPU backend: compiles chains to programs and runs them over the worker pool, or in the calling thread (`workers: 0`). */

import { ArcletError, isArcletError } from '../core/errors.ts';
import { ChunkRunner } from '../cpu/chunk-runner.ts';
import { type WorkerHandle, WorkerPool } from '../cpu/pool.ts';
import { bytesPerItem, chunkItemsFor, makeArray, type Program, type ProgramWire, type WireValue } from '../cpu/program.ts';
import { type ResolvedChain, resolveChain } from './chain.ts';
import type { BatchResult, Chain, Executor } from './executor.ts';
import type { HostArray, HostInput, Registry } from './kernel.ts';

export interface CpuExecutorOptions {
  readonly registry: Registry;
  /** 0 computes in the calling thread. */
  readonly workers: number;
  /** Needed when `workers` > 0. */
  readonly spawn?: () => WorkerHandle;
  /** For the batches in flight; default 512 MiB. */
  readonly memoryBudgetBytes?: number;
  readonly onEvent?: (message: string) => void;
}

const DEPTH = 2;
/** The calling thread lets timers and input through after this long, milliseconds. */
const YIELD_AFTER = 16;

/** A chain as plain data for the pool. */
export function compileProgram({ chain, wires }: ResolvedChain): Program {
  const program: Record<string, ProgramWire> = {};
  for (const wire of Object.values(wires)) {
    const role = wire.isInput ? (wire.perItem ? 'input' : 'shared') : wire.isKept ? 'kept' : 'local';
    const isStruct = typeof wire.kind !== 'string';
    const kind = isStruct || wire.kind === 'float' ? 'f64' : wire.kind;
    program[wire.name] = {
      role,
      kind,
      elements: wire.perItem ? wire.elements : 0,
      ...(isStruct ? { columns: wire.kind.struct.fields.map((field) => field.name) } : {}),
    };
  }
  const steps = chain.steps.map(({ kernel, options, inputs, outputs }) => ({ twin: kernel, options, inputs, outputs }));
  return { steps, wires: program };
}

/** A float input in the form that twins read: float64, struct columns too; float32 for `f32`. Itself when it already is. */
function toTwinInput(value: HostInput, wire: ProgramWire): WireValue {
  const widen = (array: HostArray): HostArray => (array instanceof Float64Array ? array : Float64Array.from(array));
  if (ArrayBuffer.isView(value)) {
    if (wire.kind === 'f32') return value instanceof Float32Array ? value : new Float32Array(value);
    return wire.kind === 'f64' ? widen(value) : value;
  }
  return Object.fromEntries(wire.columns!.map((field) => [field, widen(value[field])]));
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

class CpuExecutor implements Executor {
  readonly backend = 'cpu';
  readonly depth: number;
  readonly #options: CpuExecutorOptions;
  readonly #pool: WorkerPool | undefined;
  readonly #programs = new WeakMap<Chain, Program>();
  readonly #widened = new WeakMap<object, WireValue>();

  constructor(options: CpuExecutorOptions) {
    this.#options = options;
    const { workers, spawn, onEvent } = options;
    this.depth = workers > 0 ? DEPTH : 1;
    if (workers > 0) {
      if (!spawn) throw new ArcletError('WORKER_FAILED', `${workers} CPU workers were asked for where none can be started.`);
      this.#pool = new WorkerPool({ spawn, workers, depth: DEPTH, onDeath: onEvent });
    }
  }

  #program(chain: Chain): Program {
    let program = this.#programs.get(chain);
    if (program === undefined) {
      program = compileProgram(resolveChain(chain, this.#options.registry));
      this.#programs.set(chain, program);
    }
    return program;
  }

  maxItems(chain: Chain): number {
    const budget = this.#options.memoryBudgetBytes ?? 512 * 2 ** 20;
    const perItem = bytesPerItem(this.#program(chain), ['input', 'kept']);
    return Math.max(1, Math.floor(budget / (this.depth * Math.max(1, perItem))));
  }

  async runBatch(chain: Chain, inputs: Record<string, HostInput>, count: number, firstItem = 0): Promise<BatchResult> {
    const program = this.#program(chain);
    if (!this.#pool) return this.#runHere(program, inputs, count, firstItem);
    const pool = this.#pool;
    const { outputs, ...timings } = await pool.run(program, inputs, count, firstItem);
    return { outputs: outputs as Record<string, HostArray>, timings, recycle: () => pool.recycle(outputs) };
  }

  #shared(value: HostInput, wire: ProgramWire): WireValue {
    let widened = this.#widened.get(value);
    if (widened === undefined) {
      widened = toTwinInput(value, wire);
      this.#widened.set(value, widened);
    }
    return widened;
  }

  async #runHere(program: Program, inputs: Record<string, HostInput>, count: number, firstItem: number): Promise<BatchResult> {
    const begin = performance.now();
    const wires: Record<string, WireValue> = {};
    const outputs: Record<string, HostArray> = {};
    for (const [name, wire] of Object.entries(program.wires)) {
      if (wire.role === 'input') wires[name] = toTwinInput(inputs[name], wire);
      else if (wire.role === 'shared') wires[name] = this.#shared(inputs[name], wire);
      else if (wire.role === 'kept') wires[name] = outputs[name] = makeArray(wire.kind, count * wire.elements);
    }
    const computing = performance.now();
    const runner = new ChunkRunner(program, (slug) => this.#options.registry[slug]?.cpu);
    const chunk = chunkItemsFor(program, count, 1);
    let breath = computing;
    for (let start = 0; start < count; start += chunk) {
      const items = Math.min(chunk, count - start);
      try {
        runner.run(wires, start, items);
      } catch (error) {
        throw twinError(error, firstItem + start, items);
      }
      if (performance.now() - breath > YIELD_AFTER) {
        await macrotask();
        breath = performance.now();
      }
    }
    const uploadSeconds = (computing - begin) / 1000;
    return { outputs, timings: { uploadSeconds, computeSeconds: (performance.now() - computing) / 1000, readbackSeconds: 0 } };
  }

  memory(): { heldBytes: number; inUseBytes: number } {
    return this.#pool?.memory() ?? { heldBytes: 0, inUseBytes: 0 };
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }
}

function twinError(error: unknown, firstItem: number, itemCount: number): ArcletError {
  if (isArcletError(error)) return error;
  const items = itemCount === 1 ? `item ${firstItem}` : `items ${firstItem}-${firstItem + itemCount - 1}`;
  const message = error instanceof Error ? error.message : String(error);
  return new ArcletError('WORKER_FAILED', `A CPU twin threw on ${items}: ${message}`, {
    subject: items,
    data: { firstItem, itemCount },
    cause: error,
  });
}

/** Opens the CPU backend. Throws WORKER_FAILED when workers are asked for where none can be started. */
export function createCpuExecutor(options: CpuExecutorOptions): Executor {
  return new CpuExecutor(options);
}
