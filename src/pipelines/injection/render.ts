/**
 * Renders rows: plans each, groups rows of one plan, and sends every group through one chain whose intermediates stay on the device.
 *
 * @example
 * const engine = await openEngine({ backend: 'cpu' });
 * const result = await renderLensed(engine, parseRows(json));
 * // result.convolved.data: [row, band, y, x] in nanomaggies per pixel
 */
import { psfOffsetPixels, psfOversample } from '../../../kernels/convolve-psf/options.ts';
import { magnification } from '../../../kernels/lens-maps/spec.ts';
import { lensColumns } from '../../../kernels/lens-struct.ts';
import { checkPsfBank } from '../../../kernels/make-psf/bank.ts';
import { PSF_KINDS, psfColumns } from '../../../kernels/psf-struct.ts';
import { sourceColumns } from '../../../kernels/source-struct.ts';
import type { BatchTimings, Chain, ChainStep } from '../../engine/executor.ts';
import type { Engine, RunTimings } from '../../engine/face.ts';
import type { HostInput } from '../../engine/kernel.ts';
import { inlineBank } from './read-rows.ts';
import { planKey, planRow, type RenderPlan } from './render-plan.ts';
import { type PreparedRow, type PreparedRows, prepareRows } from './render-rows.ts';
import type { Floats, LensMaps, RenderOptions, RenderResult, RowPlan } from './result.ts';
import type { RowsFile } from './rows.ts';

/** The chain of a plan. `stamps` without a PSF in any band end at `lensed`. */
export function renderChain(plan: RenderPlan, sides: { template: number; psf: number }, maps: boolean): Chain {
  const { size, pad, grid, oversample, components, bands, pixscaleArcsec, rule, method, radius, length, rank } = plan;
  const steps: ChainStep[] = [
    {
      kernel: 'render-lensed',
      options: { size, pad, grid, oversample, components, bands, pixscaleArcsec, rule, templateSide: sides.template },
      inputs: { lens: 'lens', source: 'source', flux: 'flux', bank: 'bank' },
      outputs: { cells: 'cells', lensed: 'lensed', unlensed: 'unlensed', flux_err: 'flux_err' },
    },
  ];
  const keep = ['lensed', 'unlensed', 'flux_err'];
  if (pad > 0) {
    steps.push(
      {
        kernel: 'make-psf',
        options: { bands, oversample: psfOversample(plan), radius, normalise: 'stamp', bankSide: sides.psf },
        inputs: { psf: 'psf_parameters', bank: 'psf_bank' },
        outputs: { psf: 'psf', fluxLost: 'psf_flux_lost' },
      },
      {
        kernel: 'convolve-psf',
        options: { method, size, pad, grid, oversample, components, bands, radius, length, rank },
        inputs: { cells: 'cells', flux: 'flux', psf: 'psf', blurs: 'blurs', lensed: 'lensed' },
        outputs: { convolved: 'convolved' },
      },
    );
    keep.push('convolved', 'psf_flux_lost');
  }
  if (maps) {
    const outputs = Object.fromEntries(MAP_WIRES.map((name) => [name, name]));
    steps.push({ kernel: 'lens-maps', options: { size, pixscaleArcsec }, inputs: { lens: 'lens' }, outputs });
    keep.push(...MAP_WIRES);
  }
  return { steps, keep };
}

const MAP_WIRES = ['alpha_x', 'alpha_y', 'kappa', 'gamma1', 'gamma2', 'inverse_magnification'];

/** Packs rows of one plan into the chain's inputs. */
export function renderInputs(plan: RenderPlan, rows: readonly PreparedRow[], prepared: PreparedRows): Record<string, HostInput> {
  const inputs: Record<string, HostInput> = {
    lens: lensColumns(rows.map((row) => row.lens)),
    source: sourceColumns(rows.flatMap((row) => row.sources)),
    flux: Float64Array.from(rows.flatMap((row) => row.flux.flat())),
    bank: prepared.bank.images,
  };
  if (plan.pad === 0) return inputs;
  const offset = psfOffsetPixels(plan);
  const psfs = rows.flatMap((row) => row.psfs.map((psf) => ({ ...psf, dx: psf.dx + offset, dy: psf.dy + offset })));
  const psfParameters = psfColumns(psfs);
  checkPsfBank(psfParameters, prepared.psfBank.bank, prepared.psfBank.side);
  return {
    ...inputs,
    psf_parameters: psfParameters,
    psf_bank: prepared.psfBank.bank,
    blurs: Uint32Array.from(psfs, (psf) => (psf.kind === PSF_KINDS.none ? 0 : 1)),
  };
}

/** Chains under way at once, so that the last rows of one group do not leave workers idle. */
const GROUPS_AT_ONCE = 3;

/** Rows that share a plan, with their places in the file. */
interface Group {
  readonly plan: RenderPlan;
  readonly places: number[];
}

/**
 * Draws every row of a checked rows file (parseRows).
 *
 * @throws BANK_EMPTY, INPUT_INVALID, CONFIG_INVALID before anything runs; the engine's errors (DEVICE_LOST, WORKER_DIED, ABORTED ...) after
 */
export async function renderLensed(engine: Engine, file: RowsFile, options: RenderOptions = {}): Promise<RenderResult> {
  const { oversample = 'auto', convolveOversample = 'auto', method = 'auto', maps = false, onProgress, signal } = options;
  const { bands, grid } = file;
  const inline = Array.isArray(file.bank) ? inlineBank(file.bank, 'bank') : undefined;
  const prepared = prepareRows(file, options.bank ?? inline);
  const groups = new Map<string, Group>();
  prepared.rows.forEach((row, place) => {
    const plan = planRow(row, grid.size, grid.pixscaleArcsec, { oversample, convolveOversample, method });
    const key = planKey(plan);
    const group = groups.get(key) ?? { plan, places: [] };
    group.places.push(place);
    groups.set(key, group);
  });

  const collected = new Collector(engine.info.backend, file, maps);
  const plans: RowPlan[] = new Array(prepared.rows.length);
  const sides = { template: prepared.bank.side, psf: prepared.psfBank.side };
  const begin = performance.now();
  let done = 0;
  const draw = async (group: Group): Promise<void> => {
    const { plan, places } = group;
    const rows = places.map((place) => prepared.rows[place]);
    const inputs = renderInputs(plan, rows, prepared);
    // Batch by batch, so that stamps are copied once: from where they arrive to where they belong.
    for await (const batch of engine.stream(renderChain(plan, sides, maps), [{ inputs, count: rows.length }], { signal })) {
      const placed = places.slice(batch.firstItem, batch.firstItem + batch.count);
      collected.add(batch.outputs as Record<string, Floats>, placed, batch.timings);
      placed.forEach((place, index) => {
        const lost = batch.outputs['psf_flux_lost']?.subarray(index * bands.length, (index + 1) * bands.length) ?? [];
        plans[place] = describePlan(plan, prepared.rows[place], Array.from(lost));
      });
      done += batch.count;
      onProgress?.({ done, total: prepared.rows.length });
    }
  };
  await eachOf([...groups.values()], GROUPS_AT_ONCE, draw);
  return { ...collected.result((performance.now() - begin) / 1000), size: grid.size, bands, plan: plans };
}

/** Runs `work` on all items, a few at a time; stops starting new ones at the first failure. */
async function eachOf<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      try {
        await work(items[next++]);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

function describePlan(plan: RenderPlan, row: PreparedRow, psfFluxLost: readonly number[]): RowPlan {
  const { oversample, method, radius, grid, pad, length, rule } = plan;
  return {
    sampling_tolerance: rule.tolerance,
    convolve_oversample: oversample,
    convolve_method: pad > 0 ? method : 'none',
    padded_grid_px: grid,
    psf_radius_px: pad > 0 ? radius : 0,
    fft_length: pad > 0 && method === 'fft' ? length : 0,
    psf_fwhm_arcsec: row.psfs.map((psf) => psf.fwhmArcsec),
    psf_flux_lost: psfFluxLost,
  };
}

/** Puts the groups' outputs back in the file's order. */
class Collector {
  private readonly stampShape: readonly [number, number, number, number];
  private readonly stamps: Record<'lensed' | 'convolved' | 'unlensed', Floats>;
  private readonly fluxErr: Floats;
  private readonly maps: Record<string, Floats> | undefined;
  private readonly timings: RunTimings = { uploadSeconds: 0, computeSeconds: 0, readbackSeconds: 0, wallSeconds: 0, batches: 0 };

  constructor(backend: 'gpu' | 'cpu', file: RowsFile, maps: boolean) {
    const rows = file.rows.length;
    const { size } = file.grid;
    const make = (length: number): Floats => (backend === 'gpu' ? new Float32Array(length) : new Float64Array(length));
    this.stampShape = [rows, file.bands.length, size, size];
    const stamp = rows * file.bands.length * size * size;
    this.stamps = { lensed: make(stamp), convolved: make(stamp), unlensed: make(stamp) };
    this.fluxErr = make(rows);
    this.maps = maps ? Object.fromEntries(MAP_WIRES.map((name) => [name, make(rows * size * size)])) : undefined;
  }

  add(outputs: Record<string, Floats>, places: readonly number[], timings: BatchTimings): void {
    const [, bands, size] = this.stampShape;
    scatter(outputs['lensed'], this.stamps.lensed, places, bands * size * size);
    scatter(outputs['convolved'] ?? outputs['lensed'], this.stamps.convolved, places, bands * size * size);
    scatter(outputs['unlensed'], this.stamps.unlensed, places, bands * size * size);
    scatter(outputs['flux_err'], this.fluxErr, places, 1);
    if (this.maps !== undefined) for (const name of MAP_WIRES) scatter(outputs[name], this.maps[name], places, size * size);
    addTimings(this.timings, timings);
  }

  result(wallSeconds: number): Pick<RenderResult, 'lensed' | 'convolved' | 'unlensed' | 'fluxErr' | 'maps' | 'timings'> {
    const stamps = (data: Floats): RenderResult['lensed'] => ({ data, shape: this.stampShape });
    return {
      lensed: stamps(this.stamps.lensed),
      convolved: stamps(this.stamps.convolved),
      unlensed: stamps(this.stamps.unlensed),
      fluxErr: this.fluxErr,
      maps: this.maps === undefined ? undefined : lensMaps(this.maps),
      timings: { ...this.timings, wallSeconds },
    };
  }
}

function lensMaps(wires: Record<string, Floats>): LensMaps {
  return {
    alphaX: wires['alpha_x'],
    alphaY: wires['alpha_y'],
    kappa: wires['kappa'],
    gamma1: wires['gamma1'],
    gamma2: wires['gamma2'],
    magnification: magnification(wires['inverse_magnification']),
  };
}

function scatter(from: Floats, to: Floats, places: readonly number[], block: number): void {
  places.forEach((place, index) => {
    to.set(from.subarray(index * block, (index + 1) * block), place * block);
  });
}

function addTimings(total: RunTimings, batch: BatchTimings): void {
  total.uploadSeconds += batch.uploadSeconds;
  total.computeSeconds += batch.computeSeconds;
  total.readbackSeconds += batch.readbackSeconds;
  if (batch.deviceSeconds !== undefined) total.deviceSeconds = (total.deviceSeconds ?? 0) + batch.deviceSeconds;
  total.batches += 1;
}
