/**
 * make-psf on the device: one workgroup per PSF.
 */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import { PSF_LAYOUT } from '../psf-struct.ts';
import { pixelRuleTable } from './quadrature.ts';
import { type MakePsfOptions, psfSide } from './spec.ts';

/** A grid dimension holds at most 65535 workgroups, so PSFs are laid out in rows of this many. */
const ROW_LENGTH = 32768;

export const gpu: GpuWrapper<MakePsfOptions> = {
  encode(recorder, options, inputs, outputs, count) {
    const psfs = count * options.bands;
    const { oversample, radius, bankSide } = options;
    const bankStamps = inputs.bank.byteLength / 4 / (bankSide * bankSide);
    const sizes = [psfs, psfSide(options), oversample, radius * oversample, bankSide, bankStamps];
    const uniform = new Uint32Array([...sizes, options.normalise === 'stamp' ? 1 : 0, ROW_LENGTH]);
    recorder.dispatch({
      shader: 'make-psf.wgsl',
      entry: 'make_psf',
      structs: [PSF_LAYOUT],
      bindings: [
        { array: inputs.psf, access: 'read' },
        { array: inputs.bank, access: 'read' },
        { array: recorder.constant('make-psf/pixel-rules', pixelRuleTable), access: 'read' },
        { array: outputs.psf, access: 'write' },
        { array: outputs.fluxLost, access: 'write' },
        { array: recorder.uniform(uniform.buffer), access: 'uniform' },
      ],
      grid: [Math.min(psfs, ROW_LENGTH), Math.ceil(psfs / ROW_LENGTH), 1],
    });
  },
};
