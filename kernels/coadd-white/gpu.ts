/** coadd-white on the device: one pass, each pixel of each band read once. */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import type { CoaddWhiteOptions } from './spec.ts';

const LANES = 64;
const PIXELS_PER_LANE = 4;
/** Value and weight of a sorted band. */
const CELL_BYTES = 8;
/** A grid dimension holds at most 65535 workgroups, so items are laid out in rows of this many. */
const ROW_LENGTH = 32768;

/** Lanes whose sorted bands fit into the workgroup memory: a power of two. */
function sortingLanes(bands: number, memoryBytes: number): number {
  let lanes = LANES;
  while (lanes > 1 && lanes * bands * CELL_BYTES > memoryBytes) lanes /= 2;
  return lanes;
}

export const gpu: GpuWrapper<CoaddWhiteOptions> = {
  encode(recorder, options, inputs, outputs, count) {
    const { bands, pixels, combine, weighting } = options;
    const isMean = combine === 'mean';
    const lanes = isMean ? LANES : sortingLanes(bands, recorder.limits.maxComputeWorkgroupStorageSize);
    const perGroup = isMean ? LANES * PIXELS_PER_LANE : lanes;
    recorder.dispatch({
      shader: 'coadd-white.wgsl',
      entry: isMean ? `mean_by_${weighting}` : 'combine_sorted',
      overrides: isMean
        ? { BANDS: bands }
        : {
            BANDS: bands,
            LANES: lanes,
            CELLS: lanes * bands,
            WEIGHT_PER_PIXEL: weighting === 'pixel' ? 1 : 0,
            CLIPPED: combine === 'clipped' ? 1 : 0,
            ...(combine === 'clipped'
              ? {
                  CLIP_SIGMA: options.clipSigma,
                  CLIP_FRACTION: options.clipFraction,
                  CLIP_ITERATIONS: options.clipIterations,
                }
              : {}),
          },
      bindings: [
        { array: inputs.image, access: 'read' },
        { array: inputs.weights, access: 'read' },
        { array: inputs.mask, access: 'read' },
        { array: outputs.white, access: 'write' },
        { array: outputs.invvar, access: 'write' },
        { array: outputs.count, access: 'write' },
        { array: recorder.uniform(new Uint32Array([count, pixels, ROW_LENGTH, 0]).buffer), access: 'uniform' },
      ],
      grid: [Math.ceil(pixels / perGroup), Math.min(count, ROW_LENGTH), Math.ceil(count / ROW_LENGTH)],
    });
  },
};
