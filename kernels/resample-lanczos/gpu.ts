/** resample-lanczos on the device: one invocation per output pixel, groups of 8 x 8 so that neighbours read the same lines of the window. */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import { controlSide, mostMissing, positionBits, type ResampleLanczosOptions, tapsOf } from './options.ts';
import { weightTable } from './weights.ts';

const GROUP = 8;

export const gpu: GpuWrapper<ResampleLanczosOptions> = {
  encode(recorder, options, inputs, outputs, count) {
    const { interpolation, conserve, tile, step, window, stretch } = options;
    const groups = Math.ceil(tile / GROUP);
    recorder.dispatch({
      shader: 'resample-lanczos.wgsl',
      entry: 'resample_tiles',
      overrides: {
        TILE: tile,
        STEP: step,
        WINDOW: window,
        TAPS: tapsOf(options),
        CONTROL_SIDE: controlSide(options),
        POSITION_BITS: positionBits(options),
        MOST_MISSING: mostMissing(options),
        CONSERVE_FLUX: conserve === 'flux' ? 1 : 0,
      },
      bindings: [
        { array: inputs['pixels'], access: 'read' },
        { array: inputs['weights'], access: 'read' },
        { array: inputs['control'], access: 'read' },
        {
          array: recorder.constant(`resample-lanczos/${interpolation} ${stretch}`, () => weightTable(options)),
          access: 'read',
        },
        { array: outputs['image'], access: 'write' },
        { array: outputs['invvar'], access: 'write' },
        { array: outputs['mask'], access: 'write' },
      ],
      grid: [groups, groups, count],
    });
  },
};
