/**
 * lens-maps on the device: one invocation per pixel.
 */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import { LENS_LAYOUT } from '../lens-struct.ts';
import type { LensMapsOptions } from './spec.ts';

const LANES = 64;
/** A grid dimension holds at most 65535 workgroups, so items fill rows of this many. */
const ROW_LENGTH = 32768;

export const gpu: GpuWrapper<LensMapsOptions> = {
  encode(recorder, options, inputs, outputs, count) {
    const uniform = new ArrayBuffer(16);
    new Uint32Array(uniform).set([options.size, count, ROW_LENGTH]);
    new Float32Array(uniform)[3] = options.pixscaleArcsec;
    const maps = ['alpha_x', 'alpha_y', 'kappa', 'gamma1', 'gamma2', 'inverse_magnification'];
    recorder.dispatch({
      shader: 'lens-maps.wgsl',
      entry: 'lens_maps',
      structs: [LENS_LAYOUT],
      bindings: [
        { array: inputs.lens, access: 'read' },
        ...maps.map((name) => ({ array: outputs[name], access: 'write' as const })),
        { array: recorder.uniform(uniform), access: 'uniform' },
      ],
      grid: [Math.ceil(options.size ** 2 / LANES), Math.min(count, ROW_LENGTH), Math.ceil(count / ROW_LENGTH)],
    });
  },
};
