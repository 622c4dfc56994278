/**
 * Runs programs over workers. A batch lives in one SharedArrayBuffer (a slot): control words, inputs (those that the caller has in shared memory
 * stay there), kept outputs. Slots are used again, so memory stays flat; kept outputs are copied out once. Measured for 64 MiB of output (one worker writing it, Node 24,
 * 2-core VM): copying out 44 ms with memory flat; handing over a fresh shared buffer per batch 130 ms, and 20 batches held 1.1 GiB,
 * because a shared buffer lives until every worker has collected its view.
 */
import { ArcletError } from '../core/errors.ts';
import { BatchState } from './batch-state.ts';
import { LentBuffers, type LentPlace } from './lent-arrays.ts';
import { type Arena, chunkItemsFor, type NumericArray, type Program, planArena, type WireValue } from './program.ts';
import { SharedArrays } from './shared-arrays.ts';
import type { FromWorker, ToWorker } from './worker-loop.ts';

/** A worker as the pool sees it; src/cpu/node.ts makes one of a worker thread. */
export interface WorkerHandle {
  post(message: ToWorker): void;
  onMessage(listener: (message: FromWorker) => void): void;
  /** Called once, when the worker has ended for any reason. */
  onExit(listener: (reason: string) => void): void;
  /** A busy worker keeps the process alive. */
  setBusy(busy: boolean): void;
  terminate(): Promise<void>;
}

export interface PoolOptions {
  readonly spawn: () => WorkerHandle;
  readonly workers: number;
  /** How many batches may hold a slot at once. */
  readonly depth: number;
  /** Told when a worker died. */
  readonly onDeath?: (message: string) => void;
}

export interface PoolResult {
  readonly outputs: Record<string, WireValue>;
  readonly uploadSeconds: number;
  readonly computeSeconds: number;
  readonly readbackSeconds: number;
}

interface Seat {
  handle: WorkerHandle;
  ready: boolean;
  /** What this worker has been sent, e.g. `slot 2.1`. */
  sent: Set<string>;
}

interface Slot {
  readonly id: number;
  /** Grows by one whenever the buffer is replaced. */
  generation: number;
  buffer: SharedArrayBuffer;
  busy: boolean;
}

/** One batch with all it needs. */
interface Job {
  readonly slot: Slot;
  readonly arena: Arena;
  readonly program: Program;
  readonly inputs: Readonly<Record<string, WireValue>>;
  /** Inputs that are not copied. */
  readonly lent: ReadonlyMap<string, LentPlace>;
  readonly count: number;
  readonly chunkItems: number;
  readonly firstItem: number;
}

const PROGRAMS_KEPT = 16;
/** Arrays that came back and wait to be used again. */
const SPARES_KEPT = 8;
const seconds = (since: number): number => (performance.now() - since) / 1000;

export class WorkerPool {
  readonly #options: PoolOptions;
  readonly #seats: (Seat | undefined)[];
  readonly #slots: Slot[] = [];
  readonly #waiting: ((slot: Slot) => void)[] = [];
  readonly #programs = new Map<string, number>();
  readonly #batches = new Map<number, BatchState>();
  readonly #shared: SharedArrays;
  readonly #lent: LentBuffers;
  readonly #spare: NumericArray[] = [];
  #nextId = 1;
  #lastDone = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#seats = Array.from({ length: options.workers }, () => undefined);
    this.#shared = new SharedArrays((id) => this.#drop('shared', id));
    this.#lent = new LentBuffers((id) => this.#drop('buffer', id));
  }

  /**
   * Runs `count` items. `inputs` holds input and shared wires (shared ones are sent once per object and taken as immutable). Inputs in shared
   * memory of the twin's own type are read where they lie, others copied: none may change before the end.
   * The outputs belong to the caller. `firstItem` only numbers the items in messages.
   * Throws WORKER_DIED (two deaths on the same items), WORKER_FAILED or the twin's own ArcletError, ABORTED after close().
   */
  async run(program: Program, inputs: Readonly<Record<string, WireValue>>, count: number, firstItem = 0): Promise<PoolResult> {
    const chunkItems = chunkItemsFor(program, count, this.#options.workers);
    const places = Object.entries(program.wires).map(([name, wire]) => [name, this.#lent.placeOf(inputs[name], wire)] as const);
    const lent = new Map(places.flatMap(([name, place]) => (place === undefined ? [] : [[name, place] as const])));
    const arena = planArena(program, count, chunkItems, [...lent.keys()]);
    const slot = await this.#takeSlot(arena.bytes);
    try {
      return await this.#runIn({ slot, arena, program, inputs, lent, count, chunkItems, firstItem });
    } catch (error) {
      // A worker may still write into the buffer of a batch that was given up.
      slot.buffer = new SharedArrayBuffer(0);
      throw error;
    } finally {
      this.#giveSlot(slot);
    }
  }

  async #runIn({ slot, arena, program, inputs, lent, count, chunkItems, firstItem }: Job): Promise<PoolResult> {
    const begin = performance.now();
    const { control, wires } = arena.views(slot.buffer);
    control.fill(0);
    const shared: Record<string, number> = {};
    const banks = new Map<number, WireValue>();
    for (const [name, wire] of Object.entries(program.wires)) {
      if (wire.role === 'shared') {
        shared[name] = this.#shared.idOf(inputs[name], wire);
        banks.set(shared[name], this.#shared.valueOf(shared[name]));
      } else if (wire.role === 'input' && !lent.has(name)) copyInto(wires[name], inputs[name]);
    }
    const lentPlaces = [...lent].map(([name, { buffer, byteOffset, length }]) => [name, { buffer, byteOffset, length }] as const);
    const uploadSeconds = seconds(begin);

    const posted = performance.now();
    const programId = this.#programId(program);
    const id = this.#nextId++;
    const state = new BatchState({ id, control, chunkItems, count, firstItem });
    this.#batches.set(id, state);
    state.post = (seat) => {
      const worker = this.#seat(seat);
      this.#send(worker, `program ${programId}`, { type: 'program', id: programId, program });
      this.#send(worker, `slot ${slot.id}.${slot.generation}`, { type: 'slot', id: slot.id, buffer: slot.buffer });
      for (const { buffer, memory } of lent.values())
        this.#send(worker, `buffer ${buffer}`, { type: 'buffer', id: buffer, buffer: memory });
      for (const [key, value] of banks) this.#send(worker, `shared ${key}`, { type: 'shared', id: key, value });
      worker.handle.setBusy(true);
      const base = { id, worker: seat, program: programId, slot: slot.id, count, chunkItems };
      worker.handle.post({ type: 'batch', ...base, shared, lent: Object.fromEntries(lentPlaces) });
    };
    try {
      if (this.#closed) throw closedError();
      state.start(Math.min(this.#seats.length, arena.chunks));
      await state.done;
    } finally {
      this.#batches.delete(id);
      if (this.#batches.size === 0) for (const seat of this.#seats) seat?.handle.setBusy(false);
    }
    // Batches overlap: the time since the one before ended is this one's own.
    const computeSeconds = seconds(Math.max(posted, this.#lastDone));
    this.#lastDone = performance.now();

    const outputs: Record<string, WireValue> = {};
    for (const [name, wire] of Object.entries(program.wires)) {
      if (wire.role === 'kept') outputs[name] = this.#copyOut(wires[name] as NumericArray);
    }
    return { outputs, uploadSeconds, computeSeconds, readbackSeconds: seconds(this.#lastDone) };
  }

  /** Bytes of the slots and shared arrays, and the part of it that batches in flight and shared arrays use. */
  memory(): { heldBytes: number; inUseBytes: number } {
    const sum = (slots: Slot[]): number => slots.reduce((bytes, slot) => bytes + slot.buffer.byteLength, this.#shared.bytes);
    const spare = this.#spare.reduce((bytes, array) => bytes + array.byteLength, 0);
    return { heldBytes: sum(this.#slots) + spare, inUseBytes: sum(this.#slots.filter((slot) => slot.busy)) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const state of this.#batches.values()) state.fail(closedError());
    await Promise.all(this.#seats.map((seat) => seat?.handle.terminate()));
    this.#slots.length = 0;
  }

  async #takeSlot(bytes: number): Promise<Slot> {
    let slot = this.#slots.find((each) => !each.busy);
    if (slot === undefined && this.#slots.length < this.#options.depth) {
      slot = { id: this.#slots.length, generation: 0, buffer: new SharedArrayBuffer(0), busy: false };
      this.#slots.push(slot);
    }
    if (slot === undefined) slot = await new Promise<Slot>((resolve) => this.#waiting.push(resolve));
    slot.busy = true;
    if (slot.buffer.byteLength < bytes) {
      slot.buffer = new SharedArrayBuffer(Math.ceil(Math.max(bytes, 1.25 * slot.buffer.byteLength) / 65536) * 65536);
      slot.generation++;
    }
    return slot;
  }

  #giveSlot(slot: Slot): void {
    const next = this.#waiting.shift();
    if (next) next(slot);
    else slot.busy = false;
  }

  /** Takes outputs back, for those of batches to come. */
  recycle(outputs: Readonly<Record<string, WireValue>>): void {
    for (const array of Object.values(outputs)) if (ArrayBuffer.isView(array)) this.#spare.push(array);
    this.#spare.splice(0, this.#spare.length - SPARES_KEPT);
  }

  #copyOut(array: NumericArray): NumericArray {
    const fits = (spare: NumericArray) => spare.constructor === array.constructor && spare.length === array.length;
    const index = this.#spare.findIndex(fits);
    if (index < 0) return array.slice();
    const [copy] = this.#spare.splice(index, 1);
    copy.set(array);
    return copy;
  }

  /** Number of a program; the ones not used for longest are forgotten, so that changing options does not fill the workers. */
  #programId(program: Program): number {
    const key = JSON.stringify(program);
    const id = this.#programs.get(key) ?? this.#nextId++;
    this.#programs.delete(key);
    this.#programs.set(key, id);
    if (this.#programs.size > PROGRAMS_KEPT) {
      const [oldest, oldId] = this.#programs.entries().next().value!;
      this.#programs.delete(oldest);
      this.#drop('program', oldId);
    }
    return id;
  }

  #send(seat: Seat, key: string, message: ToWorker): void {
    if (seat.sent.has(key)) return;
    seat.sent.add(key);
    seat.handle.post(message);
  }

  #drop(what: 'program' | 'shared' | 'buffer', id: number): void {
    for (const seat of this.#seats) if (seat?.sent.delete(`${what} ${id}`)) seat.handle.post({ type: 'drop', what, id });
  }

  #seat(index: number): Seat {
    const present = this.#seats[index];
    if (present) return present;
    const seat: Seat = { handle: this.#options.spawn(), ready: false, sent: new Set() };
    this.#seats[index] = seat;
    seat.handle.onMessage((message) => {
      if (message.type === 'ready') seat.ready = true;
      else this.#batches.get(message.batch)?.report(index, message);
    });
    seat.handle.onExit((reason) => this.#onExit(index, seat, reason));
    return seat;
  }

  #onExit(index: number, seat: Seat, reason: string): void {
    if (this.#seats[index] === seat) this.#seats[index] = undefined;
    if (this.#closed) return;
    if (!seat.ready) {
      const error = new ArcletError('WORKER_FAILED', `CPU worker ${index} could not start: ${reason}.`, {
        remedy: 'Run with --workers 0 to compute in the main thread.',
      });
      for (const state of this.#batches.values()) state.fail(error);
      return;
    }
    this.#options.onDeath?.(`CPU worker ${index} died (${reason}); its unfinished items are computed again.`);
    for (const state of this.#batches.values()) state.died(index, reason);
  }
}

function closedError(): ArcletError {
  return new ArcletError('ABORTED', 'The engine was closed while a batch was running.');
}

function columnsOf(value: WireValue): [string, Exclude<WireValue, Record<string, unknown>>][] {
  return ArrayBuffer.isView(value) ? [['', value]] : Object.entries(value);
}

/** Copies the fields that `target` has. */
function copyInto(target: WireValue, source: WireValue): void {
  const from = new Map(columnsOf(source));
  for (const [field, column] of columnsOf(target)) column.set(from.get(field)!);
}
