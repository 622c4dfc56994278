/** inject-stamp on the device: one invocation for four pixels. */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import { CORE_LAYOUT, type InjectStampOptions } from './spec.ts';

const LANES = 64;
const PIXELS_PER_LANE = 4;
/** A grid dimension holds at most 65535 workgroups, so planes fill rows of this many. */
const ROW_LENGTH = 32768;

export const gpu: GpuWrapper<InjectStampOptions> = {
  encode(recorder, { bands, size, noise }, inputs, outputs, count) {
    const planes = count * bands;
    recorder.dispatch({
      shader: 'inject-stamp.wgsl',
      entry: 'inject_stamps',
      structs: [CORE_LAYOUT],
      overrides: { NOISE: noise ? 1 : 0 },
      bindings: [
        { array: inputs['convolved'], access: 'read' },
        { array: inputs['weights'], access: 'read' },
        { array: inputs['core'], access: 'read' },
        { array: inputs['gain'], access: 'read' },
        { array: inputs['gain_per_invvar'], access: 'read' },
        { array: inputs['key'], access: 'read' },
        { array: outputs['arc'], access: 'write' },
        { array: recorder.uniform(new Uint32Array([planes, bands, size, ROW_LENGTH]).buffer), access: 'uniform' },
      ],
      grid: [Math.ceil(size ** 2 / (LANES * PIXELS_PER_LANE)), Math.min(planes, ROW_LENGTH), Math.ceil(planes / ROW_LENGTH)],
    });
  },
};
