/** All that lives with one opened device, and how one batch runs on it. After a device loss a new session takes its place. */
import { ArcletError, isArcletError } from '../core/errors.ts';
import type { GpuContext } from '../gpu/context.ts';
import { type Pipeline, PipelineCache } from '../gpu/pipelines.ts';
import { BufferPool, sizeClass } from '../gpu/pool.ts';
import type { ShaderSources } from '../gpu/shaders.ts';
import { BatchClock, PassTimer } from '../gpu/timing.ts';
import { mapReadback, prepareReadback, recordReadback, type Upload, UploadRing } from '../gpu/transfer.ts';
import type { ResolvedChain, Wire } from './chain.ts';
import type { BatchResult } from './executor.ts';
import { allDone, encodePasses, refused, takeOutput, uploadInput } from './gpu-encode.ts';
import { BatchMemory, MemoryGate } from './gpu-memory.ts';
import { bindingBytes, elementsOf, labelOf, scratchItemBytes, structOf } from './gpu-plan.ts';
import { ConstantTables, Recorder } from './gpu-recorder.ts';
import { type Resident, ResidentArrays } from './gpu-resident.ts';
import type { DeviceArray, HostArray, HostInput, PassDescription } from './kernel.ts';

export interface Batch {
  readonly plan: ResolvedChain;
  readonly inputs: Record<string, HostInput>;
  readonly count: number;
}

/** Rejections with this say that the device went away under a batch. */
export class SessionLost extends Error {}

/** What a batch holds while it runs. */
interface Holdings {
  readonly memory: BatchMemory;
  readonly residents: Resident[];
  readonly upload: Upload;
  timer?: PassTimer;
}

/** How long a failed batch waits for the news that its device was lost. */
const LOSS_GRACE_SECONDS = 0.05;

const kindKey = ({ kind }: Wire): string => structOf(kind)?.wgsl ?? (kind as string);
const seconds = (): number => performance.now() / 1000;
const sleep = (duration: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000 * duration));

export class GpuSession {
  readonly context: GpuContext;
  readonly #pool: BufferPool;
  readonly #ring: UploadRing;
  readonly #pipelines: PipelineCache;
  readonly #residents: ResidentArrays;
  readonly #constants: ConstantTables;
  readonly #gate: MemoryGate;
  readonly #clock = new BatchClock();
  #loss: SessionLost | undefined;
  /** The batches in flight. Not Promise.race with the loss: a long-lived promise would keep the result of every batch ever run. */
  readonly #onLoss = new Set<(loss: SessionLost) => void>();

  constructor(context: GpuContext, shaders: ShaderSources, budgetBytes: number) {
    this.context = context;
    const { device } = context;
    this.#pool = new BufferPool(device, budgetBytes);
    this.#ring = new UploadRing(device);
    this.#pipelines = new PipelineCache(device, shaders);
    this.#residents = new ResidentArrays(device, this.#pool, this.#ring);
    this.#constants = new ConstantTables(device, this.#pool);
    this.#gate = new MemoryGate(budgetBytes, this.#residents);
    context.lost.then(({ message }) => {
      this.#loss = new SessionLost(message);
      for (const reject of this.#onLoss) reject(this.#loss);
    });
  }

  get budgetBytes(): number {
    return this.#pool.budgetBytes;
  }

  memory(): { heldBytes: number; inUseBytes: number } {
    const { heldBytes, inUseBytes } = this.#pool.stats();
    return { heldBytes: heldBytes + this.#ring.heldBytes, inUseBytes };
  }

  /** Runs a batch; rejects with SessionLost as soon as the device is lost, even where Dawn leaves a promise pending. */
  async run(batch: Batch): Promise<BatchResult> {
    if (this.#loss !== undefined) throw this.#loss;
    const { promise, resolve, reject } = Promise.withResolvers<BatchResult>();
    this.#onLoss.add(reject);
    this.#run(batch).then(resolve, reject);
    try {
      return await promise;
    } catch (error) {
      if (error instanceof SessionLost || (isArcletError(error) && error.exitStatus !== 4)) throw error;
      // A map is rejected a little before the loss itself is reported.
      await sleep(LOSS_GRACE_SECONDS);
      throw this.#loss ?? error;
    } finally {
      this.#onLoss.delete(reject);
    }
  }

  /** Gives everything back and destroys the device; what batches still held is returned. */
  dispose(): { label: string; byteLength: number }[] {
    this.#residents.evict(() => false);
    this.#constants.release();
    this.#ring.dispose();
    const leaks = this.#pool.dispose();
    this.context.device.destroy();
    return leaks;
  }

  async #run(batch: Batch): Promise<BatchResult> {
    const { plan, inputs, count } = batch;
    const elements = new Map(Object.values(plan.wires).map((wire) => [wire.name, elementsOf(wire, count, inputs[wire.name])]));
    for (const wire of Object.values(plan.wires)) this.#checkBinding(wire, elements.get(wire.name)!);
    const giveBack = await this.#gate.reserve(() => this.#estimate(batch, elements), labelOf(plan));
    const holdings: Holdings = { memory: new BatchMemory(this.#pool), residents: [], upload: this.#ring.begin() };
    try {
      return await this.#runHolding(batch, elements, holdings);
    } finally {
      holdings.timer?.destroy();
      holdings.upload.end();
      holdings.memory.release();
      for (const resident of holdings.residents) this.#residents.done(resident);
      this.#pool.endBatch();
      giveBack();
    }
  }

  async #runHolding(batch: Batch, elements: ReadonlyMap<string, number>, holdings: Holdings): Promise<BatchResult> {
    const { plan, count } = batch;
    const { chain } = plan;
    const label = labelOf(plan);
    const { device } = this.context;
    const { memory, upload, residents } = holdings;
    const started = seconds();
    const arrays = this.#allocate(batch, elements, holdings);
    const passes = this.#record(plan, arrays, count, memory);
    const [pipelines] = await allDone([
      Promise.all(passes.map((pass) => this.#pipeline(pass))),
      this.#upload(batch, elements, arrays, upload),
      Promise.all(residents.map(({ ready }) => ready)),
      memory.check(),
    ]);

    const kept = chain.keep.map((name) => {
      const byteLength = 4 * elements.get(name)!;
      return { name, array: arrays.get(name)!, readback: prepareReadback(memory, byteLength, name) };
    });
    const timer = PassTimer.create(device, memory);
    holdings.timer = timer;
    const submitted = seconds();
    let done: number | undefined;
    let deviceSeconds: number | undefined;
    const wait = this.#clock.submitted(chain, count, submitted);
    try {
      // No await between here and the pop: scopes are a stack of the device, shared by all batches.
      device.pushErrorScope('validation');
      const encoder = device.createCommandEncoder({ label });
      upload.record(encoder);
      encodePasses(device, encoder, passes, pipelines, timer);
      for (const { readback, array } of kept) recordReadback(encoder, readback, array.buffer);
      timer?.record(encoder);
      device.queue.submit([encoder.finish()]);
      const refusal = await device.popErrorScope();
      if (refusal !== null) throw refused(label, refusal);
      if (wait > 0) await sleep(wait);
      await Promise.all(kept.map(({ readback }) => mapReadback(readback)));
      if (kept.length === 0) await device.queue.onSubmittedWorkDone();
      done = seconds();
      deviceSeconds = await timer?.read();
    } finally {
      this.#clock.settled(chain, count, submitted, done, deviceSeconds);
    }

    const outputs: Record<string, HostArray> = {};
    for (const { name, readback } of kept) outputs[name] = takeOutput(plan.wires[name], elements.get(name)!, readback);
    const timings = { uploadSeconds: submitted - started, computeSeconds: done - submitted, readbackSeconds: seconds() - done };
    return { outputs, timings: deviceSeconds === undefined ? timings : { ...timings, deviceSeconds } };
  }

  #checkBinding(wire: Wire, elements: number): void {
    const most = this.context.device.limits.maxStorageBufferBindingSize;
    const bytes = bindingBytes(wire, elements);
    if (bytes <= most) return;
    throw new ArcletError(
      wire.perItem ? 'GPU_LIMIT' : 'BANK_TOO_LARGE',
      `'${wire.name}' takes ${bytes} bytes on the device, which binds at most ${most}`,
      {
        subject: wire.name,
        remedy: wire.perItem ? 'Use smaller batches.' : 'Split the array, or run with the cpu backend.',
        data: { byteLength: bytes, maxStorageBufferBindingSize: most },
      },
    );
  }

  /** Bytes of the pool that the batch will take. */
  #estimate({ plan, inputs, count }: Batch, elements: ReadonlyMap<string, number>): number {
    let bytes = 0;
    for (const wire of Object.values(plan.wires)) {
      const resident = wire.isInput && !wire.perItem;
      if (resident && this.#residents.has(inputs[wire.name], kindKey(wire))) continue;
      bytes += sizeClass(bindingBytes(wire, elements.get(wire.name)!)) * (wire.isKept ? 2 : 1);
    }
    bytes += sizeClass(scratchItemBytes(plan) * count);
    return bytes;
  }

  #allocate(batch: Batch, elements: ReadonlyMap<string, number>, { memory, residents }: Holdings): Map<string, DeviceArray> {
    const arrays = new Map<string, DeviceArray>();
    for (const wire of Object.values(batch.plan.wires)) {
      const count = elements.get(wire.name)!;
      const byteLength = bindingBytes(wire, count);
      if (wire.isInput && !wire.perItem) {
        const host = batch.inputs[wire.name];
        const write = (upload: Upload, target: GPUBuffer): Promise<void> => uploadInput(upload, target, wire, host, count);
        const resident = this.#residents.use(host, kindKey(wire), byteLength, write, wire.name);
        residents.push(resident);
        arrays.set(wire.name, { buffer: resident.entry.buffer, byteOffset: 0, byteLength });
      } else {
        arrays.set(wire.name, memory.array(byteLength, wire.name));
      }
    }
    return arrays;
  }

  #record(plan: ResolvedChain, arrays: ReadonlyMap<string, DeviceArray>, count: number, memory: BatchMemory): PassDescription[] {
    const recorder = new Recorder(this.context.device, memory, this.#constants);
    const pick = (names: Readonly<Record<string, string>>): Record<string, DeviceArray> =>
      Object.fromEntries(Object.entries(names).map(([array, wire]) => [array, arrays.get(wire)!]));
    plan.chain.steps.forEach(({ options, inputs, outputs }, index) => {
      plan.kernels[index].gpu.encode(recorder, options as never, pick(inputs), pick(outputs), count);
    });
    return recorder.passes;
  }

  #pipeline({ shader, entry, structs, overrides, bindings }: PassDescription): Promise<Pipeline> {
    return this.#pipelines.get({ shader, entry, structs, overrides, accesses: bindings.map(({ access }) => access) });
  }

  async #upload(
    batch: Batch,
    elements: ReadonlyMap<string, number>,
    arrays: ReadonlyMap<string, DeviceArray>,
    upload: Upload,
  ): Promise<void> {
    for (const wire of Object.values(batch.plan.wires)) {
      if (!wire.isInput || !wire.perItem) continue;
      await uploadInput(upload, arrays.get(wire.name)!.buffer, wire, batch.inputs[wire.name], elements.get(wire.name)!);
    }
  }
}
