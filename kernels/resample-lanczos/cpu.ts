/** Float64 twin of resample-lanczos. */
import { Recent } from '../../src/core/recent.ts';
import type { CpuTwin } from '../../src/engine/kernel.ts';
import { COUNT_BITS, controlSide, type ResampleLanczosOptions, tapsOf } from './options.ts';
import type { Tables } from './sums.ts';
import { resampleTile } from './tile.ts';
import { weightTable } from './weights.ts';
import { SourceWindow } from './window.ts';

/** Of the last few option sets: tables of a kernel serve windows of any size. */
const tables = new Recent<Tables>();
const windows = new Recent<SourceWindow>();

function makeTables(options: ResampleLanczosOptions): Tables {
  const taps = tapsOf(options);
  const weights = Float64Array.from(weightTable(options));
  const rows = Array.from({ length: weights.length / taps }, (_, phase) => weights.subarray(phase * taps, (phase + 1) * taps));
  return {
    taps,
    weights,
    squares: weights.map((weight) => weight * weight),
    counts: weights.map((weight) => Math.trunc(Math.abs(weight) * 2 ** COUNT_BITS)),
    squareSums: Float64Array.from(rows, (row) => row.reduce((sum, weight) => sum + weight * weight, 0)),
    hasZero: Uint8Array.from(rows, (row) => (row.includes(0) ? 1 : 0)),
  };
}

export const cpu: CpuTwin<ResampleLanczosOptions> = (options, inputs, outputs, count) => {
  const pixels = inputs['pixels'] as Float32Array;
  const weights = inputs['weights'] as Float32Array;
  const control = inputs['control'] as Int32Array;
  const image = outputs['image'] as Float32Array;
  const invvar = outputs['invvar'] as Float32Array;
  const mask = outputs['mask'] as Uint32Array;
  const { interpolation, stretch, window: side } = options;
  const taps = tapsOf(options);
  const ofKernel = tables.get({ interpolation, stretch }, () => makeTables(options));
  const window = windows.get({ side, taps }, () => new SourceWindow(side, taps));
  const block = 2 * controlSide(options) ** 2;
  const area = options.tile ** 2;
  for (let item = 0; item < count; item++) {
    window.load(pixels, weights, item * side * side);
    const tile = {
      image: image.subarray(item * area, (item + 1) * area),
      invvar: invvar.subarray(item * area, (item + 1) * area),
      mask: mask.subarray(item * area, (item + 1) * area),
    };
    resampleTile(options, ofKernel, window, control.subarray(item * block, (item + 1) * block), tile);
  }
};
