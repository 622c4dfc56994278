/** Checks a chain against the registry and works out every wire: who makes it, its kind and its length per item. */
import { ArcletError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import type { Chain, ChainStep } from './executor.ts';
import type { AnyKernel, ArraySpec, ElementKind, Registry } from './kernel.ts';

export interface Wire {
  readonly name: string;
  readonly kind: ElementKind;
  readonly perItem: boolean;
  /** Per item, or of the whole array when shared; a leading -1 is free. */
  readonly shape: readonly number[];
  /** Product of the shape (of the fixed axes when the first is free). */
  readonly elements: number;
  readonly unit: string;
  readonly freeFirstAxis: boolean;
  /** True when no step makes it. */
  readonly isInput: boolean;
  readonly isKept: boolean;
}

export interface ResolvedChain {
  readonly chain: Chain;
  readonly kernels: readonly AnyKernel[];
  readonly wires: Readonly<Record<string, Wire>>;
  /** Names of the wires that the caller gives. */
  readonly inputs: readonly string[];
}

/** `float`, `u32`, `i32` or `struct Name`. */
export function kindName(kind: ElementKind): string {
  return typeof kind === 'string' ? kind : `struct ${kind.struct.name}`;
}

function contract(message: string, data?: Record<string, unknown>): ArcletError {
  return new ArcletError('KERNEL_CONTRACT', message, { remedy: 'Compare the chain with the spec of the kernel.', data });
}

function didYouMean(name: string, known: Iterable<string>): string {
  const close = nearest(name, known);
  return close === undefined ? '' : ` (nearest: '${close}')`;
}

/** Throws KERNEL_UNKNOWN with the nearest slug. */
export function kernelOf(registry: Registry, slug: string): AnyKernel {
  const kernel = Object.hasOwn(registry, slug) ? registry[slug] : undefined;
  if (kernel) return kernel;
  const close = nearest(slug, Object.keys(registry));
  throw new ArcletError('KERNEL_UNKNOWN', `No kernel is called '${slug}'.`, {
    subject: slug,
    remedy: close === undefined ? 'The registry is empty.' : `Did you mean '${close}'?`,
    data: { nearest: close },
  });
}

function checkNames(step: ChainStep, side: 'inputs' | 'outputs', known: Readonly<Record<string, unknown>>): void {
  const label = side === 'inputs' ? 'input' : 'output';
  for (const name of Object.keys(step[side])) {
    if (!Object.hasOwn(known, name)) {
      throw contract(`Kernel ${step.kernel} has no ${label} '${name}'${didYouMean(name, Object.keys(known))}.`);
    }
  }
  for (const name of Object.keys(known)) {
    if (!Object.hasOwn(step[side], name)) throw contract(`${label} '${name}' of kernel ${step.kernel} has no wire.`);
  }
}

function describe(name: string, spec: ArraySpec<object>, options: object, isInput: boolean, isKept: boolean): Wire {
  const shape = spec.shape(options);
  const freeFirstAxis = !spec.perItem && shape[0] === -1;
  const fixed = freeFirstAxis ? shape.slice(1) : shape;
  if (!fixed.every((axis) => Number.isInteger(axis) && axis > 0)) {
    throw contract(`The shape [${shape.join(', ')}] of wire '${name}' is not made of positive whole numbers.`, { shape });
  }
  const elements = fixed.reduce((product, axis) => product * axis, 1);
  return { name, kind: spec.kind, perItem: spec.perItem, shape, elements, unit: spec.unit, freeFirstAxis, isInput, isKept };
}

/** Two ends of one wire must agree; a shared axis left free by one end agrees with any. */
function checkAgree(wire: Wire, other: Wire, kernel: string): void {
  if (wire.perItem !== other.perItem) {
    const say = (perItem: boolean): string => (perItem ? 'one block per item' : 'one block for all items');
    throw contract(`Wire '${wire.name}' holds ${say(wire.perItem)}, but kernel ${kernel} takes ${say(other.perItem)}.`);
  }
  const same =
    typeof wire.kind === 'string' || typeof other.kind === 'string'
      ? wire.kind === other.kind
      : wire.kind.struct.wgsl === other.kind.struct.wgsl;
  if (!same) {
    throw contract(`Wire '${wire.name}' holds ${kindName(wire.kind)}, but kernel ${kernel} takes ${kindName(other.kind)}.`);
  }
  if (wire.elements !== other.elements || wire.freeFirstAxis !== other.freeFirstAxis) {
    throw contract(
      `Wire '${wire.name}' has ${wire.elements} elements [${wire.shape.join(', ')}], ` +
        `but kernel ${kernel} takes ${other.elements} [${other.shape.join(', ')}].`,
      { made: wire.elements, taken: other.elements },
    );
  }
}

/**
 * Resolves a chain. Throws KERNEL_UNKNOWN for a slug that is not registered and KERNEL_CONTRACT for a wrong array name, an output
 * without a wire, a wire made twice or after its use, two ends that disagree (with both numbers), or an unknown `keep`.
 */
export function resolveChain(chain: Chain, registry: Registry): ResolvedChain {
  if (chain.steps.length === 0) throw contract('The chain has no steps.');
  if (chain.keep.length === 0) throw contract('The chain keeps no wire, so it has no result.');
  const kernels = chain.steps.map((step) => kernelOf(registry, step.kernel));
  const wires: Record<string, Wire> = {};
  const made = new Set<string>();
  chain.steps.forEach((step, index) => {
    const { spec } = kernels[index];
    checkNames(step, 'inputs', spec.inputs);
    checkNames(step, 'outputs', spec.outputs);
    for (const [array, name] of Object.entries(step.inputs)) {
      const seen = describe(name, spec.inputs[array], step.options, !made.has(name), false);
      if (Object.hasOwn(wires, name)) checkAgree(wires[name], seen, step.kernel);
      else wires[name] = seen;
    }
    for (const [array, name] of Object.entries(step.outputs)) {
      if (made.has(name)) throw contract(`Wire '${name}' is made twice, the second time by kernel ${step.kernel}.`);
      if (Object.hasOwn(wires, name)) throw contract(`Wire '${name}' is taken before kernel ${step.kernel} makes it.`);
      const output = spec.outputs[array];
      if (!output.perItem || typeof output.kind !== 'string') {
        throw contract(`Output '${array}' of kernel ${step.kernel} must be plain and per item.`);
      }
      made.add(name);
      wires[name] = describe(name, output, step.options, false, chain.keep.includes(name));
    }
  });
  for (const name of chain.keep) {
    if (!made.has(name)) throw contract(`'${name}' is to be kept, but no step makes it${didYouMean(name, made)}.`);
  }
  const inputs = Object.keys(wires).filter((name) => wires[name].isInput);
  return { chain, kernels, wires, inputs };
}
