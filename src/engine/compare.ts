/** Compares the outputs of two backends by the tolerance of a spec, and cuts and reorders items. */
import type { Chain } from './executor.ts';
import type { AnyKernel, ArraySpec, HostArray, HostInput, SampleCase, Tolerance } from './kernel.ts';

/** The worst element of one output: `ratio` <= 1 is within the tolerance. */
export interface Worst {
  readonly output: string;
  readonly ratio: number;
  readonly item: number;
  readonly element: number;
  readonly gpu: number;
  readonly twin: number;
}

/** A chain of one kernel; output wires are called as the arrays, input wires `in:name`. */
export function chainOf(kernel: AnyKernel, options: object): Chain {
  const names = Object.keys(kernel.spec.outputs);
  return {
    steps: [
      {
        kernel: kernel.spec.slug,
        options,
        inputs: Object.fromEntries(Object.keys(kernel.spec.inputs).map((name) => [name, `in:${name}`])),
        outputs: Object.fromEntries(names.map((name) => [name, name])),
      },
    ],
    keep: names,
  };
}

export function wiresOf(inputs: Readonly<Record<string, HostInput>>): Record<string, HostInput> {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`in:${name}`, value]));
}

export function elementsOf(spec: ArraySpec<object>, options: object): number {
  return spec.shape(options).reduce((product, axis) => product * axis, 1);
}

/** The items `order[0], order[1], ...` of an array with `elements` per item. */
export function gather(array: HostArray, elements: number, order: readonly number[]): HostArray {
  const Kind = array.constructor as new (length: number) => HostArray;
  const out = new Kind(order.length * elements);
  for (const [to, from] of order.entries()) out.set(array.subarray(from * elements, (from + 1) * elements), to * elements);
  return out;
}

/** A sample case with the items in another order (or fewer of them). */
export function gatherCase(kernel: AnyKernel, sample: SampleCase<object>, order: readonly number[]): Record<string, HostInput> {
  const inputs: Record<string, HostInput> = {};
  for (const [name, value] of Object.entries(sample.inputs)) {
    const spec = kernel.spec.inputs[name] as ArraySpec<object>;
    if (!spec.perItem) inputs[name] = value;
    else {
      const elements = elementsOf(spec, sample.options);
      inputs[name] = ArrayBuffer.isView(value)
        ? gather(value, elements, order)
        : Object.fromEntries(Object.entries(value).map(([field, column]) => [field, gather(column, elements, order)]));
    }
  }
  return inputs;
}

function allowed(tolerance: Tolerance, twin: number, peak: number): number {
  if (tolerance.kind === 'exact') return 0;
  if (tolerance.kind === 'absolute') return tolerance.value;
  return tolerance.value * (tolerance.kind === 'relative' ? Math.abs(twin) : peak);
}

/** Element by element against the tolerance; a number that is not finite on either side is infinitely far off. */
export function worstOf(output: string, tolerance: Tolerance, gpu: HostArray, twin: HostArray, elements: number): Worst {
  if (gpu.length !== twin.length) throw new RangeError(`${output}: ${gpu.length} elements against ${twin.length}`);
  let worst: Worst = { output, ratio: 0, item: 0, element: 0, gpu: gpu[0], twin: twin[0] };
  for (let start = 0; start < twin.length; start += elements) {
    let peak = 0;
    for (let i = start; i < start + elements; i++) peak = Math.max(peak, Math.abs(twin[i]));
    for (let i = start; i < start + elements; i++) {
      const distance = Math.abs(gpu[i] - twin[i]);
      const ratio = distance === 0 ? 0 : distance / allowed(tolerance, twin[i], peak);
      if (ratio <= worst.ratio) continue;
      const bad = Number.isFinite(distance) ? ratio : Number.POSITIVE_INFINITY;
      worst = { output, ratio: bad, item: start / elements, element: i - start, gpu: gpu[i], twin: twin[i] };
      if (bad === Number.POSITIVE_INFINITY) return worst;
    }
  }
  return worst;
}
