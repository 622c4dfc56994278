/** Passes of render-lensed: lensed cells, unlensed planes, bands, error estimate. */
import type { GpuWrapper } from '../../src/engine/kernel.ts';
import { LENS_LAYOUT } from '../lens-struct.ts';
import { SOURCE_LAYOUT } from '../source-struct.ts';
import { ERROR_SCALE, lensedGrid, planeGrid, type RenderLensedOptions, TILE } from './options.ts';
import type { CellGrid } from './sampler.ts';

const shader = 'render-lensed.wgsl';
const finish = 'render-lensed-finish.wgsl';
const structs = [LENS_LAYOUT, SOURCE_LAYOUT];

function tiles(grid: number): number {
  return (grid / TILE) ** 2;
}

function sampleOverrides(options: RenderLensedOptions, cells: CellGrid, lensed: boolean): Record<string, number> {
  return {
    GRID: cells.grid,
    OVERSAMPLE: cells.oversample,
    COMPONENTS: options.components,
    TEMPLATE_SIDE: options.templateSide,
    LENSED: lensed ? 1 : 0,
    PIXSCALE: cells.pixscaleArcsec,
    ORIGIN: cells.originPx,
    TOLERANCE: options.rule.tolerance,
    COARSEST: options.rule.coarsestPx,
    FORCE_ABOVE: options.rule.forceAbove,
    FINEST: options.rule.finestPx,
  };
}

export const gpu: GpuWrapper<RenderLensedOptions> = {
  scratchBytesPerItem: (options) => {
    const flat = planeGrid(options).grid;
    const cells = (options.grid * options.oversample) ** 2;
    return options.components * (12 * flat * flat + 12 * cells + 8 * (tiles(flat) + tiles(options.grid)));
  },

  encode(recorder, options, inputs, outputs, count) {
    const { components, bands, size } = options;
    const bent = lensedGrid(options);
    const flat = planeGrid(options);
    const planes = recorder.scratch(4 * count * components * flat.grid * flat.grid, 'unlensed planes');
    const flatMoments = recorder.scratch(8 * count * components * flat.grid * flat.grid, 'unlensed moments');
    const side = bent.grid * bent.oversample;
    const cells = recorder.scratch(4 * count * components * side * side, 'plain cells');
    const moments = recorder.scratch(8 * count * components * side * side, 'cell moments');
    const partials = recorder.scratch(8 * count * components * tiles(bent.grid), 'lensed partials');
    const flatPartials = recorder.scratch(8 * count * components * tiles(flat.grid), 'unlensed partials');
    const read = [
      { array: inputs['lens'], access: 'read' },
      { array: inputs['source'], access: 'read' },
      { array: inputs['bank'], access: 'read' },
    ] as const;
    recorder.dispatch({
      shader,
      structs,
      entry: 'sample',
      overrides: sampleOverrides(options, bent, true),
      bindings: [
        ...read,
        { array: cells, access: 'write' },
        { array: partials, access: 'write' },
        { array: moments, access: 'write' },
      ],
      grid: [tiles(bent.grid), components, count],
    });
    recorder.dispatch({
      shader,
      structs,
      entry: 'sample',
      overrides: sampleOverrides(options, flat, false),
      bindings: [
        ...read,
        { array: planes, access: 'write' },
        { array: flatPartials, access: 'write' },
        { array: flatMoments, access: 'write' },
      ],
      grid: [tiles(flat.grid), components, count],
    });
    recorder.dispatch({
      shader: finish,
      entry: 'centre_cells',
      overrides: { GRID: bent.grid, OVERSAMPLE: bent.oversample, COMPONENTS: components },
      bindings: [
        { array: cells, access: 'read' },
        { array: moments, access: 'read' },
        { array: outputs['cells'], access: 'write' },
      ],
      grid: [Math.ceil((side * side) / 64), components, count],
    });
    recorder.dispatch({
      shader: finish,
      entry: 'mix_bands',
      overrides: {
        GRID: bent.grid,
        OVERSAMPLE: bent.oversample,
        COMPONENTS: components,
        SIZE: size,
        PAD: options.pad,
        BANDS: bands,
        PLANE_GRID: flat.grid,
      },
      bindings: [
        { array: cells, access: 'read' },
        { array: planes, access: 'read' },
        { array: inputs['flux'], access: 'read' },
        { array: outputs['lensed'], access: 'write' },
        { array: outputs['unlensed'], access: 'write' },
      ],
      grid: [Math.ceil((size * size) / 64), bands, count],
    });
    recorder.dispatch({
      shader: finish,
      entry: 'estimate_error',
      overrides: { GRID: bent.grid, COMPONENTS: components, BANDS: bands, ERROR_SCALE },
      bindings: [
        { array: partials, access: 'read' },
        { array: inputs['flux'], access: 'read' },
        { array: outputs['flux_err'], access: 'write' },
      ],
      grid: [count, 1, 1],
    });
  },
};
