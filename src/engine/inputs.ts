/** Checks what the caller hands in, once, on the host: names, kinds, lengths, and no number that float32 cannot hold. */
import { ArcletError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import { kindName, type ResolvedChain, type Wire } from './chain.ts';
import type { Columns, HostArray, HostInput } from './kernel.ts';

const F32_MAX = 3.4028234663852886e38;
/** Shared inputs stay the same, so each is looked through once. */
const checkedShared = new WeakMap<object, Set<string>>();

function arrayName(value: unknown): string {
  return value === null || typeof value !== 'object' ? String(value) : value.constructor.name;
}

export function isHostArray(value: unknown): value is HostArray {
  return (
    value instanceof Float64Array || value instanceof Float32Array || value instanceof Uint32Array || value instanceof Int32Array
  );
}

function fits(value: unknown, kind: 'float' | 'f32' | 'u32' | 'i32'): value is HostArray {
  if (kind === 'float' || kind === 'f32') return value instanceof Float64Array || value instanceof Float32Array;
  return kind === 'u32' ? value instanceof Uint32Array : value instanceof Int32Array;
}

function contract(subject: string, message: string, data?: Record<string, unknown>): ArcletError {
  return new ArcletError('KERNEL_CONTRACT', message, { subject, data });
}

function checkLength(label: string, wire: Wire, length: number, count: number): void {
  const wanted = wire.perItem ? count * wire.elements : wire.elements;
  if (wire.freeFirstAxis ? length > 0 && length % wanted === 0 : length === wanted) return;
  const need = wire.freeFirstAxis
    ? `a multiple of ${wanted}`
    : wire.perItem
      ? `${wanted} (${count} items of ${wire.elements})`
      : `${wanted}`;
  throw contract(label, `Input '${label}' has ${length} elements, needs ${need}.`, { length, wanted });
}

/**
 * True when all are finite: a finite number times 0 is 0, others give NaN, which no sum forgets. Four sums, since each waits for its own last
 * addition: 0.4 ns a number in the cache, where comparing one by one takes 1.4.
 */
function isFinite32(column: Float32Array): boolean {
  const inFours = column.length - (column.length % 4);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < inFours; i += 4) {
    a += column[i] * 0;
    b += column[i + 1] * 0;
    c += column[i + 2] * 0;
    d += column[i + 3] * 0;
  }
  for (let i = inFours; i < column.length; i++) a += column[i] * 0;
  return a + b + c + d === 0;
}

/** Index of the first number that is NaN, infinite or beyond float32; -1 when all are well. */
function firstUnfit(column: HostArray): number {
  if (column instanceof Float32Array && isFinite32(column)) return -1;
  for (let i = 0; i < column.length; i++) if (!(Math.abs(column[i]) <= F32_MAX)) return i;
  return -1;
}

/** Index of the first number that the integer type cannot hold; -1 when all are well. */
function firstNotInteger(column: HostArray, type: 'u32' | 'i32'): number {
  if (type === 'u32' ? column instanceof Uint32Array : column instanceof Int32Array) return -1;
  const low = type === 'u32' ? 0 : -(2 ** 31);
  const high = type === 'u32' ? 2 ** 32 - 1 : 2 ** 31 - 1;
  for (let i = 0; i < column.length; i++) {
    const value = column[i];
    if (!(Number.isInteger(value) && value >= low && value <= high)) return i;
  }
  return -1;
}

function unfit(
  wire: Wire,
  field: string | undefined,
  column: HostArray,
  index: number,
  firstItem: number,
  type: string,
): ArcletError {
  const item = wire.perItem ? firstItem + Math.floor(index / wire.elements) : undefined;
  const element = wire.perItem ? index % wire.elements : index;
  const place = `${item === undefined ? '' : `item ${item}, `}element ${element}${field === undefined ? '' : `, field '${field}'`}`;
  return new ArcletError('INPUT_INVALID', `Input '${wire.name}', ${place}: ${column[index]} is not a ${type} number.`, {
    subject: wire.name,
    remedy: 'Mask or drop bad values before the engine; validity is carried by masks, never by NaN.',
    data: { input: wire.name, item, element, field, value: column[index] },
  });
}

function checkArray(wire: Wire, value: unknown, count: number, firstItem: number, knownFinite: boolean): void {
  const kind = wire.kind as 'float' | 'f32' | 'u32' | 'i32';
  const isFloat = kind === 'float' || kind === 'f32';
  if (!fits(value, kind)) {
    const wanted = isFloat ? 'Float64Array or Float32Array' : kind === 'u32' ? 'Uint32Array' : 'Int32Array';
    throw contract(wire.name, `Input '${wire.name}' is a ${arrayName(value)}, needs a ${wanted}.`);
  }
  checkLength(wire.name, wire, value.length, count);
  if (!isFloat || knownFinite) return;
  const bad = firstUnfit(value);
  if (bad >= 0) throw unfit(wire, undefined, value, bad, firstItem, 'finite float32');
}

function checkColumns(wire: Wire, value: unknown, count: number, firstItem: number): void {
  if (typeof wire.kind === 'string') return;
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) {
    throw contract(wire.name, `Input '${wire.name}' is a ${arrayName(value)}, needs columns of ${kindName(wire.kind)}.`);
  }
  for (const { name, type } of wire.kind.struct.fields) {
    const column = (value as Columns)[name];
    if (column === undefined) throw contract(wire.name, `Input '${wire.name}' has no column '${name}'.`);
    if (!isHostArray(column)) {
      throw contract(wire.name, `Column '${name}' of input '${wire.name}' is a ${arrayName(column)}, needs a typed array.`);
    }
    checkLength(`${wire.name}.${name}`, wire, column.length, count);
    const bad = type === 'f32' ? firstUnfit(column) : firstNotInteger(column, type);
    if (bad >= 0) throw unfit(wire, name, column, bad, firstItem, type === 'f32' ? 'finite float32' : type);
  }
}

/**
 * Checks the inputs of a chain for `count` items; `firstItem` numbers them in messages. With `knownFinite` plain arrays of floats are taken to hold
 * finite numbers.
 * Throws KERNEL_CONTRACT (missing or surplus wire, wrong kind or length, with both numbers) or INPUT_INVALID (input, item, field).
 */
export function checkInputs(
  resolved: ResolvedChain,
  inputs: Readonly<Record<string, HostInput>>,
  count: number,
  firstItem = 0,
  knownFinite = false,
): void {
  if (!Number.isInteger(count) || count < 0) throw contract('count', `A batch of ${count} items is not a whole number of items.`);
  for (const name of Object.keys(inputs)) {
    if (!resolved.inputs.includes(name)) {
      const close = nearest(name, resolved.inputs);
      throw contract(name, `The chain takes no input '${name}'${close === undefined ? '' : ` (nearest: '${close}')`}.`);
    }
  }
  for (const name of resolved.inputs) {
    const wire = resolved.wires[name];
    const value = inputs[name];
    if (value === undefined) {
      throw contract(name, `The chain's input '${name}' (${kindName(wire.kind)} [${wire.shape.join(', ')}]) is missing.`);
    }
    const signature = `${kindName(wire.kind)} ${wire.elements} ${wire.freeFirstAxis}`;
    if (!wire.perItem && checkedShared.get(value)?.has(signature)) continue;
    if (typeof wire.kind === 'string') checkArray(wire, value, count, firstItem, knownFinite);
    else checkColumns(wire, value, count, firstItem);
    if (!wire.perItem) checkedShared.set(value, (checkedShared.get(value) ?? new Set()).add(signature));
  }
}

/** Items `start .. start+count` of the per-item inputs, as views; shared inputs as they are. */
export function sliceInputs(
  resolved: ResolvedChain,
  inputs: Readonly<Record<string, HostInput>>,
  start: number,
  count: number,
): Record<string, HostInput> {
  const sliced: Record<string, HostInput> = {};
  for (const name of resolved.inputs) {
    const { perItem, elements } = resolved.wires[name];
    const value = inputs[name];
    const cut = (array: HostArray): HostArray => array.subarray(start * elements, (start + count) * elements);
    if (!perItem) sliced[name] = value;
    else if (isHostArray(value)) sliced[name] = cut(value);
    else sliced[name] = Object.fromEntries(Object.entries(value).map(([field, column]) => [field, cut(column)]));
  }
  return sliced;
}
