/**
 * What the worker pool runs: a chain as plain data (it crosses a worker boundary), with every length already known.
 * The engine compiles chains to programs; nothing here knows a kernel.
 */

export type NumericArray = Float64Array | Float32Array | Uint32Array | Int32Array;
export type ColumnArrays = Record<string, NumericArray>;
export type WireValue = NumericArray | ColumnArrays;

/** A float64 twin: writes every element of its outputs, looks at nothing else. */
export type Twin = (
  options: never,
  inputs: Record<string, WireValue>,
  outputs: Record<string, NumericArray>,
  count: number,
) => void;

/** Finds a twin by slug. */
export type TwinLookup = (slug: string) => Twin | undefined;

export interface ProgramWire {
  /** `input`: per item, from the caller. `shared`: one for all items. `local`: stays in the worker. `kept`: given back. */
  readonly role: 'input' | 'shared' | 'local' | 'kept';
  readonly kind: 'f64' | 'f32' | 'u32' | 'i32';
  /** Field names of a struct wire (one f64 column each); absent for a plain array. */
  readonly columns?: readonly string[];
  /** Elements per item (of each column); 0 for a shared wire. */
  readonly elements: number;
}

export interface ProgramStep {
  readonly twin: string;
  readonly options: object;
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

export interface Program {
  readonly steps: readonly ProgramStep[];
  readonly wires: Readonly<Record<string, ProgramWire>>;
}

/** Bytes of an element. */
export const BYTES = { f64: 8, f32: 4, u32: 4, i32: 4 } as const;

function arraysOf(wire: ProgramWire): number {
  return wire.columns?.length ?? 1;
}

/** Bytes per item that wires of these roles take. */
export function bytesPerItem(program: Program, roles: readonly ProgramWire['role'][]): number {
  let bytes = 0;
  for (const wire of Object.values(program.wires)) {
    if (roles.includes(wire.role)) bytes += arraysOf(wire) * wire.elements * BYTES[wire.kind];
  }
  return bytes;
}

export function makeArray(kind: ProgramWire['kind'], length: number): NumericArray {
  if (kind === 'f64') return new Float64Array(length);
  if (kind === 'f32') return new Float32Array(length);
  return kind === 'u32' ? new Uint32Array(length) : new Int32Array(length);
}

export function viewArray(kind: ProgramWire['kind'], buffer: SharedArrayBuffer, offset: number, length: number): NumericArray {
  if (kind === 'f64') return new Float64Array(buffer, offset, length);
  if (kind === 'f32') return new Float32Array(buffer, offset, length);
  return kind === 'u32' ? new Uint32Array(buffer, offset, length) : new Int32Array(buffer, offset, length);
}

/** Words at the head of the control block: where to look for the next free chunk, and a flag that stops a batch. */
export const CONTROL_HINT = 0;
export const CONTROL_STOP = 1;
export const CONTROL_HEAD = 2;
/** State of a chunk; a positive value is 1 + the number of the worker that holds it. */
export const CHUNK_FREE = 0;
export const CHUNK_DONE = -1;

/**
 * Items a worker takes at a time: at most 16, at least eight turns per worker so that the last one does not run alone,
 * and intermediates of a chunk within 32 MiB.
 */
export function chunkItemsFor(program: Program, count: number, workers: number): number {
  const local = Math.max(1, bytesPerItem(program, ['local']));
  const byTurns = Math.ceil(count / (8 * Math.max(1, workers)));
  return Math.max(1, Math.min(16, byTurns, Math.floor((32 * 2 ** 20) / local)));
}

const align = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** Where the control block and the arrays of a batch lie in its one shared buffer; the same on both sides of the boundary. Lent wires lie elsewhere. */
export interface Arena {
  readonly bytes: number;
  readonly chunks: number;
  /** Views of a buffer: control words, then the wires of roles `input` and `kept`. */
  readonly views: (buffer: SharedArrayBuffer) => { control: Int32Array; wires: Record<string, WireValue> };
}

export function planArena(program: Program, count: number, chunkItems: number, lent: readonly string[] = []): Arena {
  const chunks = Math.ceil(count / chunkItems);
  let bytes = align(4 * (CONTROL_HEAD + chunks));
  const places: { name: string; wire: ProgramWire; offsets: number[] }[] = [];
  for (const [name, wire] of Object.entries(program.wires)) {
    if ((wire.role !== 'input' && wire.role !== 'kept') || lent.includes(name)) continue;
    const offsets = Array.from({ length: arraysOf(wire) }, () => {
      const offset = bytes;
      bytes = align(bytes + count * wire.elements * BYTES[wire.kind]);
      return offset;
    });
    places.push({ name, wire, offsets });
  }
  return {
    bytes,
    chunks,
    views: (buffer) => {
      const wires: Record<string, WireValue> = {};
      for (const { name, wire, offsets } of places) {
        const arrays = offsets.map((offset) => viewArray(wire.kind, buffer, offset, count * wire.elements));
        wires[name] = wire.columns ? Object.fromEntries(wire.columns.map((field, i) => [field, arrays[i]])) : arrays[0];
      }
      return { control: new Int32Array(buffer, 0, CONTROL_HEAD + chunks), wires };
    },
  };
}
