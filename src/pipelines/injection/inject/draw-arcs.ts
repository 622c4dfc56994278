/** Sends prepared rows through their chains, rows of one plan together, and hands each row its arc and sums. */
import { type PsfBank, packPsfBank } from '../../../../kernels/make-psf/bank.ts';
import type { TemplateBank } from '../../../../kernels/source-struct.ts';
import type { Engine, RunTimings } from '../../../engine/face.ts';
import type { HostInput } from '../../../engine/kernel.ts';
import { lensParameters } from '../../../sky/lensing/models.ts';
import { renderInputs } from '../render.ts';
import { planKey, planRow, type RenderPlan } from '../render-plan.ts';
import type { PreparedRow, PreparedRows } from '../render-rows.ts';
import { ArcChains } from './arc-chain.ts';
import type { PlanesOfRow } from './cut-rows.ts';
import type { Recipe } from './recipe.ts';

type Floats = Float32Array | Float64Array;

/** What is to be drawn of one row. */
export interface ArcJob {
  readonly row: PreparedRow;
  readonly pixels: PlanesOfRow;
  /** Lens centre in the stamp, px: where the core mask is. */
  readonly lensX: number;
  readonly lensY: number;
  /** Key of the row's noise. */
  readonly key: readonly [number, number];
}

export interface Arc {
  readonly plan: RenderPlan;
  /** [band, y, x], nanomaggies per pixel. */
  readonly arc: Floats;
  /** The arc before its shot noise; the same array where there is none. */
  readonly clean: Floats;
  /** Sum of the arc per band; the others are of the clean arc, see reduce-stamps. */
  readonly sum: Floats;
  readonly peakSnr: Floats;
  readonly goodSum: Floats;
  readonly goodVariance: Floats;
  readonly weightedSquare: Floats;
  readonly goodCount: ArrayLike<number>;
  readonly significantCount: ArrayLike<number>;
  /** Light on the stamp before coverage, core mask and noise, per band. */
  readonly lightSum: Floats;
  /** The same of the source without its lens and PSF. */
  readonly unlensedSum: Floats;
  readonly fluxErr: number;
}

export interface ArcTimings {
  uploadSeconds: number;
  computeSeconds: number;
  readbackSeconds: number;
}

const NO_PSF_BANK: PsfBank = packPsfBank([]);
const NO_TEMPLATES: TemplateBank = { images: new Float64Array(1), side: 1 };
const NO_LENS = lensParameters({ model: 'none' });

/** Draws the arcs of a batch of rows on an engine. One for a campaign: it keeps the chains. */
export class ArcPainter {
  readonly timings: ArcTimings = { uploadSeconds: 0, computeSeconds: 0, readbackSeconds: 0 };
  readonly #engine: Engine;
  readonly #recipe: Recipe;
  readonly #chains = new Map<number, ArcChains>();

  constructor(engine: Engine, recipe: Recipe) {
    this.#engine = engine;
    this.#recipe = recipe;
  }

  /** Arcs in the order of the jobs; all of one stamp size. Templates index `bank`. */
  async draw(jobs: readonly ArcJob[], size: number, bank: TemplateBank = NO_TEMPLATES): Promise<Arc[]> {
    const { choices, pixscaleArcsec } = this.#recipe;
    const groups = new Map<string, { plan: RenderPlan; places: number[] }>();
    jobs.forEach(({ row }, place) => {
      const plan = planRow(row, size, pixscaleArcsec, choices);
      const key = planKey(plan);
      const group = groups.get(key) ?? { plan, places: [] };
      group.places.push(place);
      groups.set(key, group);
    });
    const arcs: Arc[] = new Array(jobs.length);
    const draw = async ({ plan, places }: { plan: RenderPlan; places: number[] }): Promise<void> => {
      const rows = places.map((place) => jobs[place]);
      const drawn = await this.#run(plan, rows, bank);
      places.forEach((place, index) => {
        arcs[place] = drawn(index);
      });
    };
    // Groups wait for a slot of the engine, not for each other.
    await Promise.all([...groups.values()].map(draw));
    return arcs;
  }

  /** The same rows without their lenses: what the survey would have seen of the source alone. */
  drawUnlensed(jobs: readonly ArcJob[], size: number, bank?: TemplateBank): Promise<Arc[]> {
    return this.draw(
      jobs.map((job) => ({ ...job, row: { ...job.row, lens: NO_LENS } })),
      size,
      bank,
    );
  }

  async #run(plan: RenderPlan, jobs: readonly ArcJob[], bank: TemplateBank): Promise<(index: number) => Arc> {
    const { badBits, gain, bands } = this.#recipe;
    let chains = this.#chains.get(bank.side);
    if (chains === undefined) {
      chains = new ArcChains({ badBits, noise: gain !== undefined, templateSide: bank.side, psfSide: NO_PSF_BANK.side });
      this.#chains.set(bank.side, chains);
    }
    const prepared: PreparedRows = { rows: jobs.map(({ row }) => row), bank, psfBank: NO_PSF_BANK };
    const inputs = { ...renderInputs(plan, prepared.rows, prepared), ...this.#surveyInputs(plan.size, jobs) };
    const { outputs, timings } = await this.#engine.run(chains.of(plan), inputs, jobs.length);
    addTimings(this.timings, timings);
    const planes = bands.length;
    const pixels = planes * plan.size * plan.size;
    const floats = (wire: string, index: number, length: number) =>
      (outputs[wire] as Floats).subarray(index * length, (index + 1) * length);
    const counts = (wire: string, index: number) => (outputs[wire] as Uint32Array).subarray(index * planes, (index + 1) * planes);
    return (index) => ({
      plan,
      arc: floats('arc', index, pixels),
      clean: floats(outputs['clean'] === undefined ? 'arc' : 'clean', index, pixels),
      sum: floats('arc_sum', index, planes),
      peakSnr: floats('arc_snr', index, planes),
      goodSum: floats('good_sum', index, planes),
      goodVariance: floats('good_variance', index, planes),
      weightedSquare: floats('weighted_square', index, planes),
      goodCount: counts('good_count', index),
      significantCount: counts('significant_count', index),
      lightSum: floats('light_sum', index, planes),
      unlensedSum: floats('unlensed_sum', index, planes),
      fluxErr: floats('flux_err', index, 1)[0],
    });
  }

  /** What the survey adds to the light: weights, mask, core and gain of each row. */
  #surveyInputs(size: number, jobs: readonly ArcJob[]): Record<string, HostInput> {
    const { bands, gain, coreRadiusPx } = this.#recipe;
    const pixels = size * size;
    // In the type that the backend computes with, so that nothing is converted again.
    const weights =
      this.#engine.info.backend === 'gpu'
        ? new Float32Array(jobs.length * bands.length * pixels)
        : new Float64Array(jobs.length * bands.length * pixels);
    const mask = new Uint32Array(jobs.length * pixels);
    jobs.forEach(({ pixels: { invvar, mask: bits } }, index) => {
      weights.set(invvar, index * bands.length * pixels);
      mask.set(bits, index * pixels);
    });
    const none = bands.map(() => 0);
    return {
      weights,
      mask,
      core: {
        x: Float64Array.from(jobs, ({ lensX }) => lensX),
        y: Float64Array.from(jobs, ({ lensY }) => lensY),
        radius: new Float64Array(jobs.length).fill(coreRadiusPx),
      },
      gain: Float64Array.from(jobs.flatMap(() => [...(gain?.constant ?? none)])),
      gain_per_invvar: Float64Array.from(jobs.flatMap(() => [...(gain?.perInvvar ?? none)])),
      key: Uint32Array.from(jobs.flatMap(({ key }) => [...key])),
    };
  }
}

function addTimings(total: ArcTimings, timings: RunTimings): void {
  total.uploadSeconds += timings.uploadSeconds;
  total.computeSeconds += timings.computeSeconds;
  total.readbackSeconds += timings.readbackSeconds;
}
