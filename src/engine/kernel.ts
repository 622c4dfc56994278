/**
 * What a kernel is: plain data. A spec (the contract), a float64 CPU twin, and a GPU wrapper that records passes.
 *
 * Every array has a leading item axis (`perItem`) or is shared by all items of a batch (a template bank, a table).
 * Items never look at each other, so the result of an item does not depend on batch size, order or shard.
 */
import type { StructLayout } from '../gpu/layout.ts';

/** A numeric array on the host. The twins compute in float64; the GPU gives float32. */
export type HostArray = Float64Array | Float32Array | Uint32Array | Int32Array;

/** An array of structs, column by column: one entry per field of the layout. */
export type Columns = Record<string, HostArray>;

export type HostInput = HostArray | Columns;

/**
 * `float` is f32 on the GPU and f64 in the twin; a struct is packed on the GPU and stays in f64 columns in the twin. `f32` is a Float32Array in
 * the twin too: for pixels that are float32 in their files, where widening would cost a bandwidth-bound twin half its speed.
 */
export type ElementKind = 'float' | 'f32' | 'u32' | 'i32' | { readonly struct: StructLayout };

export interface ArraySpec<O = never> {
  readonly kind: ElementKind;
  /** True: one block of `shape` per item. False: one block for the whole batch, kept on the device between batches. */
  readonly perItem: boolean;
  /** Shape of a block, C order, in elements (structs count as one element). A shared array may give -1 for a free first axis. */
  readonly shape: (options: O) => readonly number[];
  readonly unit: string;
  readonly doc: string;
}

/** How far the GPU may be from the twin, and why that far. */
export interface Tolerance {
  /**
   * `exact`: bit equal. `absolute`: |d| <= value in the array's unit. `relative`: |d| <= value |twin|.
   * `of-peak`: |d| <= value times the largest |twin| in the item's block.
   */
  readonly kind: 'exact' | 'absolute' | 'relative' | 'of-peak';
  readonly value: number;
  readonly why: string;
}

/** One set of options with inputs for `count` items. */
export interface SampleCase<O = never> {
  readonly label: string;
  readonly options: O;
  readonly count: number;
  readonly inputs: Record<string, HostInput>;
}

export interface KernelSpec<O = never> {
  readonly slug: string;
  /** One line for tables and `arclet doctor`. */
  readonly title: string;
  readonly inputs: Readonly<Record<string, ArraySpec<O>>>;
  readonly outputs: Readonly<Record<string, ArraySpec<O>>>;
  /** One entry per output. */
  readonly tolerances: Readonly<Record<string, Tolerance>>;
  /**
   * Random valid inputs, `count` items in all spread over the cases, every variant present. Same seed, same sample.
   */
  readonly sample: (count: number, seed: number) => SampleCase<O>[];
  /** Arithmetic and compulsory traffic for `count` items: what the roofline is drawn from. */
  readonly cost: (options: O, count: number) => { flops: number; bytes: number };
}

/**
 * The float64 twin. Pure, no I/O, worker-safe. Arrays start at the first item; `float` outputs are Float64Array.
 * Output arrays are NOT cleared beforehand: the twin writes every element.
 */
export type CpuTwin<O = never> = (
  options: O,
  inputs: Record<string, HostInput>,
  outputs: Record<string, HostArray>,
  count: number,
) => void;

/** A piece of device memory. */
export interface DeviceArray {
  readonly buffer: GPUBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

export type Access = 'read' | 'write' | 'uniform';

/** One compute pass as data. Bindings are bound in order to @group(0) @binding(0..). */
export interface PassDescription {
  /** Path below shaders/, e.g. `render-lensed.wgsl`. */
  readonly shader: string;
  readonly entry: string;
  /** Layouts whose text replaces the shader's `//#struct Name` lines. */
  readonly structs?: readonly StructLayout[];
  /** Pipeline overridable constants. */
  readonly overrides?: Readonly<Record<string, number>>;
  readonly bindings: readonly { readonly array: DeviceArray; readonly access: Access }[];
  /** Workgroups; each dimension <= 65535. */
  readonly grid: readonly [number, number, number];
}

/** Records the passes of one batch. Nothing is compiled or run until the executor submits. */
export interface PassRecorder {
  dispatch(pass: PassDescription): void;
  /** Device memory for this batch only, not cleared; goes back to the pool when the batch is done. */
  scratch(byteLength: number, label: string): DeviceArray;
  /** A table that stays on the device as long as the engine: made once per key. */
  constant(key: string, make: () => Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): DeviceArray;
  /** A small uniform block (multiple of 16 bytes) for this batch. */
  uniform(data: ArrayBuffer): DeviceArray;
  readonly limits: GPUSupportedLimits;
}

export interface GpuWrapper<O = never> {
  /** Records the passes that turn `inputs` into `outputs` for `count` items. */
  readonly encode: (
    recorder: PassRecorder,
    options: O,
    inputs: Record<string, DeviceArray>,
    outputs: Record<string, DeviceArray>,
    count: number,
  ) => void;
  /** Scratch bytes that `encode` takes per item, for batch sizing. */
  readonly scratchBytesPerItem?: (options: O) => number;
}

export interface Kernel<O = never> {
  readonly spec: KernelSpec<O>;
  readonly cpu: CpuTwin<O>;
  readonly gpu: GpuWrapper<O>;
}

// biome-ignore lint/suspicious/noExplicitAny: the registry holds kernels of every option type
export type AnyKernel = Kernel<any>;

/** Slug -> kernel. */
export type Registry = Readonly<Record<string, AnyKernel>>;
