/** filter-matched on the device: a workgroup filters 16 x 16 pixels from its own memory, so each pixel is read about once. */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import type { FilterMatchedOptions } from './spec.ts';

const SIDE = 16;

export const gpu: GpuWrapper<FilterMatchedOptions> = {
  encode(recorder, options, inputs, outputs, count) {
    const { width, height, kernelWidth, kernelHeight, matched } = options;
    recorder.dispatch({
      shader: 'filter-matched.wgsl',
      entry: 'filter_tiles',
      overrides: {
        WIDTH: width,
        HEIGHT: height,
        KERNEL_WIDTH: kernelWidth,
        KERNEL_HEIGHT: kernelHeight,
        MATCHED: matched ? 1 : 0,
        BLOCK_PIXELS: (SIDE + kernelWidth - 1) * (SIDE + kernelHeight - 1),
        WEIGHT_PIXELS: matched ? (SIDE + kernelWidth - 1) * (SIDE + kernelHeight - 1) : 1,
      },
      bindings: [
        { array: inputs['kernel'], access: 'read' },
        { array: inputs['data'], access: 'read' },
        { array: inputs['weights'], access: 'read' },
        { array: outputs['filtered'], access: 'write' },
        { array: outputs['significance'], access: 'write' },
      ],
      grid: [Math.ceil(width / SIDE), Math.ceil(height / SIDE), count],
    });
  },
};
