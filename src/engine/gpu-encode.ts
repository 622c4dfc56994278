/** The single acts of a batch: pack an input, encode the passes, unpack an output. */
import { ArcletError } from '../core/errors.ts';
import { packColumns } from '../gpu/layout.ts';
import type { Pipeline } from '../gpu/pipelines.ts';
import type { PassTimer } from '../gpu/timing.ts';
import { copyReadback, type Readback, type Upload } from '../gpu/transfer.ts';
import type { Wire } from './chain.ts';
import { elementBytes, structOf } from './gpu-plan.ts';
import type { Columns, HostArray, HostInput, PassDescription } from './kernel.ts';

/** Packs `elements` elements of a host input into staging: structs column by column, `float` rounded to f32. */
export function uploadInput(upload: Upload, target: GPUBuffer, wire: Wire, host: HostInput, elements: number): Promise<void> {
  const { kind } = wire;
  const layout = structOf(kind);
  const fill = (range: ArrayBuffer, byteOffset: number, start: number, count: number): void => {
    if (layout !== undefined) {
      packColumns(layout, host as Columns, range, start, count, byteOffset);
    } else {
      const view =
        kind === 'u32'
          ? new Uint32Array(range, byteOffset, count)
          : kind === 'i32'
            ? new Int32Array(range, byteOffset, count)
            : new Float32Array(range, byteOffset, count);
      view.set((host as HostArray).subarray(start, start + count));
    }
  };
  return upload.write({ target, elementBytes: elementBytes(wire), elements, fill });
}

/** All passes in one compute pass: WebGPU orders dispatches that touch the same memory. */
export function encodePasses(
  device: GPUDevice,
  encoder: GPUCommandEncoder,
  passes: readonly PassDescription[],
  pipelines: readonly Pipeline[],
  timer: PassTimer | undefined,
): void {
  const compute = encoder.beginComputePass(timer === undefined ? {} : { timestampWrites: timer.writes });
  passes.forEach((pass, index) => {
    const { pipeline, bindGroupLayout } = pipelines[index];
    const entries = pass.bindings.map(({ array }, binding) => ({
      binding,
      resource: { buffer: array.buffer, offset: array.byteOffset, size: array.byteLength },
    }));
    compute.setPipeline(pipeline);
    compute.setBindGroup(0, device.createBindGroup({ label: `${pass.shader}#${pass.entry}`, layout: bindGroupLayout, entries }));
    compute.dispatchWorkgroups(...pass.grid);
  });
  compute.end();
}

/** The host array of a mapped readback. */
export function takeOutput({ kind }: Wire, elements: number, readback: Readback): HostArray {
  const out = kind === 'u32' ? new Uint32Array(elements) : kind === 'i32' ? new Int32Array(elements) : new Float32Array(elements);
  copyReadback(readback, new Uint8Array(out.buffer));
  return out;
}

/** The device's refusal of a batch as an error of ours. */
export function refused(label: string, error: GPUError): ArcletError {
  return new ArcletError('GPU_VALIDATION', `the device refused a batch of ${label}: ${error.message.split('\n')[0]}`, {
    subject: label,
    data: { message: error.message },
  });
}

/** Like Promise.all, but waits for all of them also when one rejects: none may still use what is then given back. */
export async function allDone<T extends readonly unknown[]>(promises: T): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
