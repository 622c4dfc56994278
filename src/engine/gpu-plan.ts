/** What a chain needs on the device: every wire with its type and size, checked against the kernels' contracts. */
import { ArcletError } from '../core/errors.ts';
import type { StructLayout } from '../gpu/layout.ts';
import type { Chain, ChainStep } from './executor.ts';
import type { AnyKernel, ArraySpec, Columns, ElementKind, HostArray, HostInput, Registry } from './kernel.ts';

/** One array of a chain. */
export interface Wire {
  readonly name: string;
  readonly kind: ElementKind;
  readonly perItem: boolean;
  /** Elements of a block; for a shared array with a free first axis those of one row. */
  readonly blockElements: number;
  readonly hasFreeAxis: boolean;
  readonly elementBytes: number;
  readonly source: 'host' | 'step';
  readonly keep: boolean;
}

export interface PlannedStep {
  readonly step: ChainStep;
  readonly kernel: AnyKernel;
}

export interface ChainPlan {
  readonly label: string;
  readonly steps: readonly PlannedStep[];
  readonly wires: ReadonlyMap<string, Wire>;
}

export function structOf(kind: ElementKind): StructLayout | undefined {
  return typeof kind === 'object' ? kind.struct : undefined;
}

function describeKind(kind: ElementKind): string {
  return structOf(kind)?.name ?? (kind as string);
}

function contract(message: string, subject: string): ArcletError {
  return new ArcletError('KERNEL_CONTRACT', message, { subject });
}

/** Checks a chain and sizes its wires. Throws KERNEL_UNKNOWN or KERNEL_CONTRACT. */
export function planChain(chain: Chain, registry: Registry): ChainPlan {
  const label = chain.steps.map(({ kernel }) => kernel).join(' > ');
  const wires = new Map<string, Wire>();
  const steps = chain.steps.map((step) => {
    const kernel = registry[step.kernel];
    if (kernel === undefined) {
      const known = Object.keys(registry).join(', ');
      throw new ArcletError('KERNEL_UNKNOWN', `there is no kernel '${step.kernel}', known are: ${known}`, {
        subject: step.kernel,
      });
    }
    connect(step, kernel, 'inputs', wires, chain);
    connect(step, kernel, 'outputs', wires, chain);
    return { step, kernel };
  });
  for (const name of chain.keep) {
    const wire = wires.get(name);
    if (wire?.source !== 'step') throw contract(`chain ${label} keeps '${name}', which none of its steps makes`, name);
    if (structOf(wire.kind) !== undefined) throw contract(`chain ${label} keeps '${name}', an array of structs`, name);
  }
  return { label, steps, wires };
}

function connect(step: ChainStep, kernel: AnyKernel, side: 'inputs' | 'outputs', wires: Map<string, Wire>, chain: Chain): void {
  const specs = kernel.spec[side] as Readonly<Record<string, ArraySpec<unknown>>>;
  const names = step[side];
  for (const array of Object.keys(names)) {
    if (!Object.hasOwn(specs, array)) throw contract(`kernel ${step.kernel} has no '${array}' among its ${side}`, step.kernel);
  }
  for (const [array, spec] of Object.entries(specs)) {
    const name = names[array];
    if (name === undefined) throw contract(`kernel ${step.kernel} lacks a wire for '${array}' of its ${side}`, step.kernel);
    const wire = makeWire(name, spec, step.options, side === 'inputs' ? 'host' : 'step', chain.keep.includes(name));
    const before = wires.get(name);
    if (before !== undefined && side === 'outputs')
      throw contract(`kernel ${step.kernel} writes '${name}', which exists before it`, name);
    if (before === undefined) wires.set(name, wire);
    else checkSame(before, wire, `${step.kernel}.${array}`);
  }
}

function makeWire(name: string, spec: ArraySpec<unknown>, options: unknown, source: Wire['source'], keep: boolean): Wire {
  const shape = spec.shape(options);
  const hasFreeAxis = shape[0] === -1;
  if (hasFreeAxis && (spec.perItem || source === 'step'))
    throw contract(`'${name}' has a free axis, only shared inputs may`, name);
  const blockElements = (hasFreeAxis ? shape.slice(1) : shape).reduce((product, length) => product * length, 1);
  if (!Number.isInteger(blockElements) || blockElements < 0)
    throw contract(`'${name}' has the shape [${shape.join(', ')}]`, name);
  const elementBytes = structOf(spec.kind)?.byteSize ?? 4;
  return { name, kind: spec.kind, perItem: spec.perItem, blockElements, hasFreeAxis, elementBytes, source, keep };
}

function checkSame(made: Wire, wanted: Wire, reader: string): void {
  const differs =
    describeKind(made.kind) !== describeKind(wanted.kind) ||
    made.perItem !== wanted.perItem ||
    made.blockElements !== wanted.blockElements ||
    (made.source === 'host' && made.hasFreeAxis !== wanted.hasFreeAxis);
  if (!differs) return;
  const text = (wire: Wire): string =>
    `${wire.hasFreeAxis ? '-1 x ' : ''}${wire.blockElements} ${describeKind(wire.kind)} ${wire.perItem ? 'per item' : 'shared'}`;
  throw contract(`wire '${made.name}' is ${text(made)}, ${reader} wants ${text(wanted)}`, made.name);
}

/** Elements of a wire in a batch of `count` items; for a host input checked against the array that is given. Throws KERNEL_CONTRACT. */
export function elementsOf(wire: Wire, count: number, input: HostInput | undefined): number {
  const fixed = wire.perItem ? wire.blockElements * count : wire.blockElements;
  if (wire.source === 'step') return fixed;
  if (input === undefined) throw contract(`input '${wire.name}' is missing`, wire.name);
  const layout = structOf(wire.kind);
  const columns = layout === undefined ? { [wire.name]: input as HostArray } : (input as Columns);
  const names = layout === undefined ? [wire.name] : layout.fields.map(({ name }) => name);
  const lengths = names.map((name) => {
    const column = columns[name];
    if (!ArrayBuffer.isView(column)) throw contract(`input '${wire.name}' lacks the array '${name}'`, wire.name);
    return column.length;
  });
  const length = lengths[0];
  const odd = lengths.findIndex((other) => other !== length);
  if (odd >= 0)
    throw contract(`column '${names[odd]}' of '${wire.name}' has ${lengths[odd]} items, '${names[0]}' has ${length}`, wire.name);
  if (wire.hasFreeAxis ? length % wire.blockElements !== 0 : length !== fixed) {
    const wanted = wire.hasFreeAxis ? `a multiple of ${wire.blockElements}` : `${fixed}`;
    throw contract(`input '${wire.name}' has ${length} elements, ${wanted} are wanted for ${count} items`, wire.name);
  }
  return length;
}

/** Bytes to allocate and bind: WebGPU binds no empty range, and a runtime-sized array needs one element. */
export function bindingBytes(wire: Wire, elements: number): number {
  return Math.max(wire.elementBytes, elements * wire.elementBytes);
}

/** Device bytes per item of a batch with its readback and scratch, before rounding to size classes. */
export function bytesPerItem(plan: ChainPlan): number {
  let bytes = 0;
  for (const wire of plan.wires.values()) {
    if (wire.perItem) bytes += wire.blockElements * wire.elementBytes * (wire.keep ? 2 : 1);
  }
  for (const { step, kernel } of plan.steps) bytes += kernel.gpu.scratchBytesPerItem?.(step.options as never) ?? 0;
  return bytes;
}
