/** What a chain takes on the device: sizes of wires, bindings and items. */
import { ArcletError } from '../core/errors.ts';
import type { StructLayout } from '../gpu/layout.ts';
import type { ResolvedChain, Wire } from './chain.ts';
import type { Columns, ElementKind, HostArray, HostInput } from './kernel.ts';

export function structOf(kind: ElementKind): StructLayout | undefined {
  return typeof kind === 'object' ? kind.struct : undefined;
}

/** Bytes of one element on the device. */
export function elementBytes(wire: Wire): number {
  return structOf(wire.kind)?.byteSize ?? 4;
}

/** `render-lensed > convolve-psf` */
export function labelOf({ chain }: ResolvedChain): string {
  return chain.steps.map(({ kernel }) => kernel).join(' > ');
}

/** Elements of a wire in a batch of `count` items; a host input must have exactly as many. Throws KERNEL_CONTRACT. */
export function elementsOf(wire: Wire, count: number, input: HostInput | undefined): number {
  const fixed = wire.perItem ? wire.elements * count : wire.elements;
  if (!wire.isInput) return fixed;
  const layout = structOf(wire.kind);
  const columns = layout === undefined ? { [wire.name]: input as HostArray } : ((input ?? {}) as Columns);
  let length: number | undefined;
  for (const name of layout === undefined ? [wire.name] : layout.fields.map((field) => field.name)) {
    const column = columns[name];
    const whole =
      ArrayBuffer.isView(column) && (wire.freeFirstAxis ? column.length % wire.elements === 0 : column.length === fixed);
    if (!whole || column.length !== (length ?? column.length)) {
      const wanted = length ?? (wire.freeFirstAxis ? `a multiple of ${wire.elements}` : fixed);
      const found = ArrayBuffer.isView(column) ? `has ${column.length} elements` : 'is missing';
      const path = layout === undefined ? name : `${wire.name}.${name}`;
      throw new ArcletError('KERNEL_CONTRACT', `input '${path}' ${found}, ${wanted} are wanted for ${count} items`, {
        subject: path,
      });
    }
    length = column.length;
  }
  return length ?? 0;
}

/** Bytes to allocate and bind: WebGPU binds no empty range, and a runtime-sized array has at least one element. */
export function bindingBytes(wire: Wire, elements: number): number {
  return Math.max(1, elements) * elementBytes(wire);
}

/** Bytes of one item of a wire, 0 for a shared one. */
export function wireItemBytes(wire: Wire): number {
  return wire.perItem ? wire.elements * elementBytes(wire) : 0;
}

/** Scratch bytes that the kernels of a chain announce for an item. */
export function scratchItemBytes({ chain, kernels }: ResolvedChain): number {
  return chain.steps.reduce(
    (sum, { options }, index) => sum + (kernels[index].gpu.scratchBytesPerItem?.(options as never) ?? 0),
    0,
  );
}

/** Device bytes per item of a batch with its readback and scratch, before rounding to size classes. */
export function bytesPerItem(plan: ResolvedChain): number {
  const wires = Object.values(plan.wires);
  return wires.reduce((sum, wire) => sum + wireItemBytes(wire) * (wire.isKept ? 2 : 1), scratchItemBytes(plan));
}
