/**
 * reduce-stamps on the device: one workgroup per plane writes a record, then the records are dealt out to the outputs.
 * Two passes because a stage may bind only eight storage buffers, and there are twelve arrays.
 */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import { FLOAT_REDUCTIONS, type ReduceStampsOptions } from './spec.ts';

const RECORD_BYTES = 4 * (FLOAT_REDUCTIONS.length + 1);
const DEAL_LANES = 64;
/** A grid dimension holds at most 65535 workgroups, so planes are laid out in rows of this many. */
const ROW_LENGTH = 32768;

export const gpu: GpuWrapper<ReduceStampsOptions> = {
  scratchBytesPerItem: (options) => options.planes * RECORD_BYTES,
  encode(recorder, options, inputs, outputs, count) {
    const blocks = count * options.planes;
    const records = recorder.scratch(blocks * RECORD_BYTES, 'reduce-stamps records');
    const sizes = [blocks, options.planes, options.height * options.width, options.badBits, ROW_LENGTH, 0, 0, 0];
    const uniform = recorder.uniform(new Uint32Array(sizes).buffer);
    const shader = 'reduce-stamps.wgsl';
    recorder.dispatch({
      shader,
      entry: 'reduce_planes',
      bindings: [
        { array: inputs.values, access: 'read' },
        { array: inputs.weights, access: 'read' },
        { array: inputs.mask, access: 'read' },
        { array: records, access: 'write' },
        { array: outputs.goodCount, access: 'write' },
        { array: outputs.significantCount, access: 'write' },
        { array: uniform, access: 'uniform' },
      ],
      grid: [Math.min(blocks, ROW_LENGTH), Math.ceil(blocks / ROW_LENGTH), 1],
    });
    recorder.dispatch({
      shader,
      entry: 'deal_records',
      bindings: [
        { array: records, access: 'read' },
        ...FLOAT_REDUCTIONS.map((name) => ({ array: outputs[name], access: 'write' as const })),
        { array: uniform, access: 'uniform' },
      ],
      grid: [Math.ceil(blocks / DEAL_LANES), 1, 1],
    });
  },
};
