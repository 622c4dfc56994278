/** Collects the passes of one batch as data. */
import { ArcletError } from '../core/errors.ts';
import { type BufferPool, USAGE } from '../gpu/pool.ts';
import { writeSmall } from '../gpu/transfer.ts';
import { BatchMemory } from './gpu-memory.ts';
import type { DeviceArray, PassDescription, PassRecorder } from './kernel.ts';

/** Tables made once per key and kept with the device. */
export class ConstantTables {
  readonly #device: GPUDevice;
  readonly #memory: BatchMemory;
  readonly #byKey = new Map<string, DeviceArray>();

  constructor(device: GPUDevice, pool: BufferPool) {
    this.#device = device;
    this.#memory = new BatchMemory(pool);
  }

  get(key: string, make: () => Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): DeviceArray {
    let array = this.#byKey.get(key);
    if (array === undefined) {
      const data = make();
      array = this.#memory.array(data.byteLength, `constant ${key}`);
      writeSmall(this.#device, array.buffer, data);
      this.#byKey.set(key, array);
    }
    return array;
  }

  release(): void {
    this.#memory.release();
  }
}

/** The recorder handed to a kernel's `encode`. */
export class Recorder implements PassRecorder {
  readonly passes: PassDescription[] = [];
  readonly limits: GPUSupportedLimits;
  readonly #device: GPUDevice;
  readonly #memory: BatchMemory;
  readonly #constants: ConstantTables;

  constructor(device: GPUDevice, memory: BatchMemory, constants: ConstantTables) {
    this.#device = device;
    this.limits = device.limits;
    this.#memory = memory;
    this.#constants = constants;
  }

  dispatch(pass: PassDescription): void {
    const most = this.limits.maxComputeWorkgroupsPerDimension;
    if (!pass.grid.every((size) => Number.isInteger(size) && size >= 1 && size <= most)) {
      throw new ArcletError(
        'GPU_LIMIT',
        `${pass.shader}#${pass.entry} wants a grid of ${pass.grid.join(' x ')}, each must be 1 to ${most}`,
        {
          subject: pass.shader,
          data: { grid: pass.grid },
        },
      );
    }
    this.passes.push(pass);
  }

  scratch(byteLength: number, label: string): DeviceArray {
    const whole = Math.max(4, 4 * Math.ceil(byteLength / 4));
    const most = this.limits.maxStorageBufferBindingSize;
    if (whole > most) {
      throw new ArcletError('GPU_LIMIT', `scratch '${label}' needs ${whole} bytes, the device binds at most ${most}`, {
        subject: label,
        remedy: 'Use smaller batches.',
      });
    }
    return this.#memory.array(whole, `scratch ${label}`);
  }

  constant(key: string, make: () => Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): DeviceArray {
    return this.#constants.get(key, make);
  }

  uniform(data: ArrayBuffer): DeviceArray {
    // WGSL rounds uniform blocks up to 16 bytes.
    const padded = new Uint8Array(Math.max(16, 16 * Math.ceil(data.byteLength / 16)));
    padded.set(new Uint8Array(data));
    const { buffer } = this.#memory.acquire(padded.byteLength, USAGE.uniform | USAGE.copyTarget, 'uniform');
    writeSmall(this.#device, buffer, padded);
    return { buffer, byteOffset: 0, byteLength: padded.byteLength };
  }
}
