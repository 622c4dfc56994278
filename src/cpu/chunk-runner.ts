/** Runs all steps of a program on a range of items. Intermediates are local to the runner and used again. */
import { ArcletError } from '../core/errors.ts';
import { makeArray, type NumericArray, type Program, type Twin, type TwinLookup, type WireValue } from './program.ts';

function slice(value: WireValue, from: number, to: number): WireValue {
  if (ArrayBuffer.isView(value)) return value.subarray(from, to);
  return Object.fromEntries(Object.entries(value).map(([field, column]) => [field, column.subarray(from, to)]));
}

export class ChunkRunner {
  readonly #program: Program;
  readonly #twins: Twin[];
  readonly #locals = new Map<string, NumericArray>();

  /** Throws KERNEL_UNKNOWN when the lookup lacks a step's twin. */
  constructor(program: Program, lookup: TwinLookup) {
    this.#program = program;
    this.#twins = program.steps.map((step) => {
      const twin = lookup(step.twin);
      if (twin === undefined) {
        throw new ArcletError('KERNEL_UNKNOWN', `No CPU twin is registered as '${step.twin}'.`, { subject: step.twin });
      }
      return twin;
    });
  }

  #local(name: string, elements: number, count: number): NumericArray {
    let array = this.#locals.get(name);
    if (array === undefined || array.length < elements * count) {
      array = makeArray(this.#program.wires[name].kind, elements * count);
      this.#locals.set(name, array);
    }
    return array.subarray(0, elements * count) as NumericArray;
  }

  /** `wires` holds the whole batch of every wire that is not local; items `start .. start+count` are computed. */
  run(wires: Readonly<Record<string, WireValue>>, start: number, count: number): void {
    const ranges: Record<string, WireValue> = {};
    for (const [name, wire] of Object.entries(this.#program.wires)) {
      if (wire.role === 'shared') ranges[name] = wires[name];
      else if (wire.role === 'local') ranges[name] = this.#local(name, wire.elements, count);
      else ranges[name] = slice(wires[name], start * wire.elements, (start + count) * wire.elements);
    }
    this.#program.steps.forEach((step, index) => {
      const inputs: Record<string, WireValue> = {};
      for (const [name, wire] of Object.entries(step.inputs)) inputs[name] = ranges[wire];
      const outputs: Record<string, NumericArray> = {};
      for (const [name, wire] of Object.entries(step.outputs)) outputs[name] = ranges[wire] as NumericArray;
      this.#twins[index](step.options as never, inputs, outputs, count);
    });
  }
}
