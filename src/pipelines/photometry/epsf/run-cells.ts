/** Cells of bands over benches: reads the pixels of each, hands them out, and finishes a band with its last cell. */
import { ArcletError, isArcletError, toPlainError } from '../../../core/errors.ts';
import type { Failure, StageContext } from '../../stage.ts';
import type { FitConfig } from '../config.ts';
import type { EpsfCell, Frame, PixelBox } from '../field.ts';
import { inFolder } from '../places.ts';
import type { CellOutcome, CellTask } from './cell-types.ts';
import { clearBand } from './clear-cell.ts';
import { type FinishedCell, finishBand } from './finish-band.ts';
import { mostStarsPerCell } from './frame-psf.ts';
import { type GaiaSeeds, seedsWithin } from './gaia-seeds.ts';
import { NEIGHBOUR_REACH } from './isolation.ts';
import { dropCells, keepBand, keepCell, keptCell } from './resume.ts';
import type { SourceIndex } from './source-index.ts';
import { type Bench, drain } from './workers.ts';

/** What is read for a cell: under profile arclet with a margin, so that stars at its edges can be cut out. */
export function sectionOf(cell: EpsfCell, frame: { width: number; height: number }, config: FitConfig): PixelBox {
  if (config.profile === 'tract7dt') return { x0: cell.x0, y0: cell.y0, width: cell.width, height: cell.height };
  const margin = Math.floor(config.epsf.cutoutSize / 2) + config.epsf.edgePad + 2;
  const x0 = Math.max(0, cell.x0 - margin);
  const y0 = Math.max(0, cell.y0 - margin);
  return {
    x0,
    y0,
    width: Math.min(frame.width, cell.x0 + cell.width + margin) - x0,
    height: Math.min(frame.height, cell.y0 + cell.height + margin) - y0,
  };
}

interface Job {
  readonly frame: Frame;
  readonly cell: EpsfCell;
}

/** What one run of the stage has in hand. */
export class CellRun {
  readonly #context: StageContext;
  readonly #config: FitConfig;
  readonly #cells: readonly EpsfCell[];
  readonly #grid: readonly EpsfCell[];
  readonly #seeds: GaiaSeeds | undefined;
  readonly #sources: SourceIndex;
  readonly #finished: Map<string, FinishedCell[]>;
  readonly #failures: Failure[];

  constructor(
    context: StageContext,
    config: FitConfig,
    cells: readonly EpsfCell[],
    grid: readonly EpsfCell[],
    seeds: GaiaSeeds | undefined,
    sources: SourceIndex,
    finished: Map<string, FinishedCell[]>,
    failures: Failure[],
  ) {
    this.#context = context;
    this.#config = config;
    this.#cells = cells;
    this.#grid = grid;
    this.#seeds = seeds;
    this.#sources = sources;
    this.#finished = finished;
    this.#failures = failures;
  }

  async bands(frames: readonly Frame[], benches: readonly Bench[], keys: ReadonlyMap<string, string>): Promise<void> {
    const { log, signal } = this.#context;
    const jobs: Job[] = frames.flatMap((frame) => this.#cells.map((cell) => ({ frame, cell })));
    const outcomes = new Map(frames.map(({ band }) => [band, [] as CellOutcome[]]));
    const bad = new Set<string>();
    for (const { band } of frames) await clearBand(inFolder(this.#config.outputs.epsfDir, band));
    let done = 0;
    const work = async (bench: Bench, { frame, cell }: Job) => {
      const { band } = frame;
      const outcome = bad.has(band) ? undefined : await this.#outcome(frame, cell, bench, keys.get(band)!, bad);
      if (outcome !== undefined) {
        // The PSF of the frame takes a few stars of each cell; the others' pixels need not stay.
        outcomes.get(band)!.push({ ...outcome, best: outcome.best.slice(0, mostStarsPerCell(this.#cells.length)) });
      }
      log.progress('ePSF cells', ++done, jobs.length);
      if (bad.has(band) || outcomes.get(band)!.length < this.#cells.length) return;
      const order = new Map(this.#cells.map(({ tag }, index) => [tag, index]));
      const cells = outcomes.get(band)!.sort((one, other) => order.get(one.tag)! - order.get(other.tag)!);
      outcomes.set(band, []);
      const finished = await finishBand(frame, this.#grid, cells, this.#config, bench);
      await keepBand(inFolder(this.#config.outputs.epsfDir, band), keys.get(band)!, finished);
      await dropCells(
        inFolder(this.#config.outputs.epsfDir, band),
        this.#cells.map(({ tag }) => tag),
      );
      this.#finished.set(band, finished);
      const own = finished.filter(({ source }) => source === 'cell').length;
      log.info('epsf', `ePSF ${band}: ${own} of ${finished.length} cells have a PSF of their own`);
    };
    await drain(benches, jobs, work, () => signal.aborted);
    if (signal.aborted) {
      throw new ArcletError('ABORTED', `The run was stopped after ${done} of ${jobs.length} ePSF cells.`, {
        subject: 'epsf',
        remedy: 'Run it again: bands and cells that are finished are skipped.',
        cause: signal.reason,
      });
    }
  }

  /** What came of a cell, in this run or one that was stopped; undefined where its image cannot be read. */
  async #outcome(frame: Frame, cell: EpsfCell, bench: Bench, key: string, bad: Set<string>): Promise<CellOutcome | undefined> {
    const folder = inFolder(inFolder(this.#config.outputs.epsfDir, frame.band), cell.tag);
    const kept = this.#context.force ? undefined : await keptCell(folder, key);
    if (kept !== undefined) return kept;
    const task = await this.#task(frame, cell, bad);
    if (task === undefined) return undefined;
    const outcome = await bench.cell(task);
    await keepCell(folder, key, outcome);
    return outcome;
  }

  async #task(frame: Frame, cell: EpsfCell, bad: Set<string>): Promise<CellTask | undefined> {
    const { epsf: settings } = this.#config;
    const { band, sigmaSky, saturation, fwhmPx, gainElectronsPerAdu, scale } = frame;
    const section = sectionOf(cell, frame, this.#config);
    try {
      const pixels = await frame.section(section.x0, section.y0, section.width, section.height);
      return {
        frame: { band, sigmaSky, saturation, gain: gainElectronsPerAdu / scale, fwhmPx },
        cell,
        section,
        image: pixels.image,
        bad: pixels.bad,
        known: this.#sources.near(section, (settings.cutoutSize - 1) / 2 + NEIGHBOUR_REACH, band),
        seeds: seedsWithin(this.#seeds?.byBand.get(band), section),
        profile: this.#config.profile,
        settings,
        folder: inFolder(inFolder(this.#config.outputs.epsfDir, band), cell.tag),
        dpi: this.#config.plotting.dpi,
      };
    } catch (error) {
      if (!isArcletError(error)) throw error;
      if (!bad.has(band)) this.#failures.push({ subject: band, reason: toPlainError(error).message });
      bad.add(band);
      return undefined;
    }
  }
}
