/**
 * A chain of kernels whose intermediates never leave the device (or the worker), and the face that both backends show.
 */
import type { HostArray, HostInput } from './kernel.ts';

/** One kernel of a chain. `inputs` and `outputs` map the kernel's array names to wire names of the chain. */
export interface ChainStep {
  readonly kernel: string;
  readonly options: object;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

/** Wires that no step makes are the chain's inputs; `keep` names those that are read back. */
export interface Chain {
  readonly steps: readonly ChainStep[];
  readonly keep: readonly string[];
}

/** What a batch cost, seconds. Device time only where the adapter has timestamps. */
export interface BatchTimings {
  uploadSeconds: number;
  computeSeconds: number;
  readbackSeconds: number;
  deviceSeconds?: number;
}

export interface BatchResult {
  readonly outputs: Record<string, HostArray>;
  readonly timings: BatchTimings;
  /** Takes the outputs back for batches to come, where the backend has use for them: whoever calls it must not look at them again. */
  readonly recycle?: () => void;
}

/** Runs one batch of a chain. The engine keeps a few in flight, so transfers overlap with compute. */
export interface Executor {
  readonly backend: 'gpu' | 'cpu';
  /** Largest batch that the granted limits and the byte budget allow for this chain (>= 1, or a GPU_LIMIT error that says why not). */
  maxItems(chain: Chain): number;
  /** How many batches may be in flight at once. */
  readonly depth: number;
  /** `firstItem` only numbers the items in messages. */
  runBatch(chain: Chain, inputs: Record<string, HostInput>, count: number, firstItem?: number): Promise<BatchResult>;
  /** Bytes now held by pools: flat over a long run. */
  memory(): { heldBytes: number; inUseBytes: number };
  close(): Promise<void>;
}
