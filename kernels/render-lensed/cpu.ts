/** Float64 twin of render-lensed. */
import { Recent } from '../../src/core/recent.ts';
import type { Columns, CpuTwin } from '../../src/engine/kernel.ts';
import { lensAt } from '../lens-struct.ts';
import { sourceAt } from '../source-struct.ts';
import { ERROR_SCALE, lensedGrid, planeGrid, type RenderLensedOptions } from './options.ts';
import { CellSampler } from './sampler.ts';

interface Workspace {
  readonly lensed: CellSampler;
  readonly unlensed: CellSampler;
  readonly planeSide: number;
}

/** Samplers and scratch of the last few option sets; a worker renders thousands of rows with one. */
const workspaces = new Recent<Workspace>();

function makeWorkspace(options: RenderLensedOptions): Workspace {
  const flat = planeGrid(options);
  return {
    lensed: new CellSampler(lensedGrid(options), options.rule),
    unlensed: new CellSampler(flat, options.rule),
    planeSide: flat.grid,
  };
}

export const cpu: CpuTwin<RenderLensedOptions> = (options, inputs, outputs, count) => {
  const { size, components, bands, oversample, grid, templateSide } = options;
  const work = workspaces.get(options, () => makeWorkspace(options));
  const lenses = inputs['lens'] as Columns;
  const sources = inputs['source'] as Columns;
  const fluxes = inputs['flux'] as Float64Array;
  const bank = inputs['bank'] as Float64Array;
  const cells = outputs['cells'] as Float64Array;
  const lensed = outputs['lensed'] as Float64Array;
  const unlensed = outputs['unlensed'] as Float64Array;
  const fluxErr = outputs['flux_err'] as Float64Array;
  const cellCount = (grid * oversample) ** 2;
  const stamp = size * size;
  lensed.fill(0, 0, count * bands * stamp);
  unlensed.fill(0, 0, count * bands * stamp);
  for (let item = 0; item < count; item++) {
    const lens = lensAt(lenses, item);
    let bound = 0;
    let total = 0;
    for (let component = 0; component < components; component++) {
      const index = item * components + component;
      const source = sourceAt(sources, index);
      const flux = fluxes.subarray(index * bands, (index + 1) * bands);
      const target = cells.subarray(index * cellCount, (index + 1) * cellCount);
      const plain = work.lensed.render(lens, source, bank, templateSide);
      work.lensed.centredCells(target);
      const plane = work.unlensed.render(null, source, bank, templateSide);
      let weight = 0;
      for (const value of flux) weight += Math.abs(value);
      bound += weight * work.lensed.errorBound;
      total += weight * work.lensed.flux;
      addCells(options, plain, flux, lensed, item * bands * stamp);
      addPlane(options, plane, work.planeSide, flux, unlensed, item * bands * stamp);
    }
    fluxErr[item] = total > 0 ? (ERROR_SCALE * bound) / total : 0;
  }
};

/** Sums cells to the stamp's pixels and adds them to every band. */
function addCells(
  options: RenderLensedOptions,
  cells: Float64Array,
  flux: Float64Array,
  out: Float64Array,
  offset: number,
): void {
  const { size, pad, oversample: k, grid, bands } = options;
  const side = grid * k;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      let sum = 0;
      const first = (y + pad) * k * side + (x + pad) * k;
      for (let j = 0; j < k; j++) for (let i = 0; i < k; i++) sum += cells[first + j * side + i];
      for (let band = 0; band < bands; band++) out[offset + (band * size + y) * size + x] += flux[band] * sum;
    }
  }
}

function addPlane(
  options: RenderLensedOptions,
  plane: Float64Array,
  planeSide: number,
  flux: Float64Array,
  out: Float64Array,
  offset: number,
): void {
  const { size, bands } = options;
  for (let band = 0; band < bands; band++) {
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) out[offset + (band * size + y) * size + x] += flux[band] * plane[y * planeSide + x];
    }
  }
}
