/** background-mesh on the device: one workgroup per mesh. */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import { CROWDED, CUT, MAX_BINS, MAX_ROUNDS, NARROWEST, SETTLED } from '../../src/sky/detection/background-histogram.ts';
import { BINS_PER_PIXEL, FIRST_CUT, GOOD_PART, HALF_RANGE } from '../../src/sky/detection/background-mesh.ts';
import { type BackgroundMeshOptions, meshWords } from './spec.ts';

const LANES = 128;
/** A grid dimension holds at most 65535 workgroups, so items are laid out in rows of this many. */
const ROW_LENGTH = 32768;

export const gpu: GpuWrapper<BackgroundMeshOptions> = {
  encode(recorder, { pixels }, inputs, outputs, count) {
    const bins = Math.min(MAX_BINS, Math.floor(BINS_PER_PIXEL * pixels + 1));
    // Bins of a lane: an even number, since two share a word.
    const chunk = 2 * Math.ceil(bins / (2 * LANES));
    recorder.dispatch({
      shader: 'background-mesh.wgsl',
      entry: 'measure_meshes',
      overrides: {
        PIXELS: pixels,
        WORDS: meshWords(pixels),
        CHUNK: chunk,
        HISTOGRAM_WORDS: (LANES * chunk) / 2,
        GOOD_PART,
        FIRST_CUT,
        HALF_RANGE,
        BINS_PER_PIXEL,
        MAX_BINS,
        CUT,
        MAX_ROUNDS,
        SETTLED,
        NARROWEST,
        CROWDED,
      },
      bindings: [
        { array: inputs['pixels'], access: 'read' },
        { array: inputs['bad'], access: 'read' },
        { array: inputs['area'], access: 'read' },
        { array: outputs['level'], access: 'write' },
        { array: outputs['rms'], access: 'write' },
        { array: outputs['mean'], access: 'write' },
        { array: outputs['median'], access: 'write' },
        { array: outputs['good'], access: 'write' },
        { array: recorder.uniform(new Uint32Array([count, ROW_LENGTH, 0, 0]).buffer), access: 'uniform' },
      ],
      grid: [Math.min(count, ROW_LENGTH), Math.ceil(count / ROW_LENGTH), 1],
    });
  },
};
