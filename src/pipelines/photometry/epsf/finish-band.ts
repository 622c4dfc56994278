/** When all cells of a band are done: fallbacks for those without a good PSF, the files of all, the file to interpolate from. */
import { encodeNpy } from '../../../io/npy.ts';
import { type Epsf, epsfFwhm, fitCutouts, type StarCutout } from '../../../sky/epsf/index.ts';
import type { FitConfig } from '../config.ts';
import type { EpsfCell, Frame } from '../field.ts';
import { inFolder, putObject } from '../places.ts';
import { type BandGate, bandFacts, judgeBand, widthProblem, worsened } from './band-gate.ts';
import { bandCells, writeBandCells } from './basis.ts';
import { cellQuality } from './cell-qa.ts';
import type { CellOutcome, FrameOutcome } from './cell-types.ts';
import { CELLS_FILE, FRAME_FILES } from './clear-cell.ts';
import { PsfFigures } from './figures.ts';
import { candidatesFor, chooseFallback, type Fallback, frameStars, ownPsfProblem, type PsfSource } from './frame-psf.ts';
import { gateFacts } from './gate-facts.ts';
import type { Bench } from './workers.ts';

/** A cell as summary and page have it. */
export interface FinishedCell {
  readonly band: string;
  readonly tag: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly source: PsfSource | 'none';
  /** Of the gate, on its own PSF. */
  readonly verdict: string;
  /** What is wrong with its own PSF; undefined when nothing is. */
  readonly problem: string | undefined;
  readonly fwhmPx: number;
  readonly stamp: Float32Array | undefined;
}

const json = (value: unknown) => new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
const npy = (stamp: Float32Array, size: number) => Buffer.concat(encodeNpy({ data: stamp, shape: [size, size] }));

/**
 * Writes epsf.npy and meta.json of every cell of a band. Profile tract7dt keeps a cell's own PSF whatever the gate says, and gives cells without
 * one none.
 */
export async function finishBand(
  frame: Frame,
  grid: readonly EpsfCell[],
  outcomes: readonly CellOutcome[],
  config: FitConfig,
  bench: Bench,
): Promise<FinishedCell[]> {
  const { profile, epsf: settings, patchRun, moffatPsf } = config;
  const folder = inFolder(config.outputs.epsfDir, frame.band);
  const isArclet = profile === 'arclet';
  const { cells, band } = judgeBand(outcomes, frame.fwhmPx);
  const problems = new Map(cells.map((cell) => [cell.tag, problemOf(cell, isArclet, patchRun.minEpsfNstarsForUse)]));
  const own = new Map(cells.flatMap((cell) => (problems.get(cell.tag) === undefined ? [[cell.tag, cell.epsf] as const] : [])));
  const neighbours = isArclet ? bandCells(grid, own) : undefined;
  const needed = isArclet && own.size < cells.length;
  const whole = needed ? await framePsf(frame, cells, config, bench, folder) : undefined;
  const options = {
    frame: whole,
    neighbours,
    fwhmPx: frame.fwhmPx ?? patchRun.fallbackDefaultFwhmPix,
    fwhmFrom: frame.fwhmPx === undefined ? 'patch_run.fallback_default_fwhm_pix' : 'of the header',
    beta: moffatPsf.beta,
    size: settings.finalPsfSize,
  };
  const writer = new CellWriter(frame.band, folder, config, band);
  const finished: FinishedCell[] = [];
  const given = new Map<string, Epsf>();
  for (const cell of cells) {
    const problem = problems.get(cell.tag);
    const fallback =
      problem === undefined || !isArclet ? undefined : chooseFallback(cell, candidatesFor(middleOf(cell.tag, grid), options));
    const epsf = fallback?.candidate.epsf ?? cell.epsf;
    if (epsf !== undefined) given.set(cell.tag, epsf);
    finished.push(await writer.write(cell, problem, fallback));
  }
  // What stands in epsf.npy, a fallback too, is the PSF at the middle of its cell.
  const between = isArclet && settings.interpolate ? bandCells(grid, given) : undefined;
  if (between !== undefined) await writeBandCells(inFolder(folder, CELLS_FILE), between);
  return finished;
}

function middleOf(wanted: string, grid: readonly EpsfCell[]): { x: number; y: number } {
  const { x0, y0, width, height } = grid.find(({ tag }) => tag === wanted)!;
  return { x: x0 + width / 2, y: y0 + height / 2 };
}

function problemOf(cell: CellOutcome, isArclet: boolean, least: number): string | undefined {
  if (isArclet) return ownPsfProblem(cell, least);
  return cell.stamp === undefined ? String(cell.meta['error'] ?? 'no PSF') : undefined;
}

/** The PSF of the whole frame; one that is as wide as no cell and not the header is not accepted, whatever its stars say. */
async function framePsf(
  frame: Frame,
  cells: readonly CellOutcome[],
  { profile, epsf: settings }: FitConfig,
  bench: Bench,
  folder: string,
): Promise<FrameOutcome> {
  const facts = {
    band: frame.band,
    sigmaSky: frame.sigmaSky,
    saturation: frame.saturation,
    gain: frame.gainElectronsPerAdu / frame.scale,
    fwhmPx: frame.fwhmPx,
  };
  const made = await bench.frame({
    frame: facts,
    cutouts: frameStars(cells.filter(({ isWide }) => isWide !== true)),
    profile,
    settings,
  });
  const widths = cells.flatMap(({ epsf }) => (epsf === undefined ? [] : epsfFwhm(epsf)));
  const wide = made.epsf === undefined ? undefined : widthProblem(epsfFwhm(made.epsf), widths, frame.fwhmPx);
  const { acceptance, heldOut } = made.gate;
  const judged = acceptance === undefined || wide === undefined ? acceptance : worsened(acceptance, wide.verdict, wide.reason);
  const outcome = { ...made, gate: { heldOut, acceptance: judged } };
  const size = settings.finalPsfSize;
  if (outcome.stamp !== undefined) await putObject(inFolder(folder, FRAME_FILES.psf), npy(outcome.stamp, size));
  await putObject(
    inFolder(folder, FRAME_FILES.facts),
    json({ band: frame.band, nstars_used: outcome.starsUsed, gate: gateFacts(outcome.gate) }),
  );
  return outcome;
}

/** What meta.json says of a PSF; of the cell's own it goes to `own` where another takes its place. */
const OF_THE_PSF = ['epsf_shape', 'epsf_qa', 'growth_curve', 'residual_qa', 'gate'] as const;

class CellWriter {
  readonly #band: string;
  readonly #folder: string;
  readonly #config: FitConfig;
  readonly #gate: Record<string, unknown>;

  constructor(band: string, folder: string, config: FitConfig, gate: BandGate) {
    this.#band = band;
    this.#folder = folder;
    this.#config = config;
    this.#gate = bandFacts(gate);
  }

  async write(cell: CellOutcome, problem: string | undefined, fallback: Fallback | undefined): Promise<FinishedCell> {
    const { profile, epsf: settings, patchRun } = this.#config;
    const size = settings.finalPsfSize;
    const folder = inFolder(this.#folder, cell.tag);
    const stamp = fallback?.candidate.stamp ?? cell.stamp;
    const source = fallback?.candidate.source ?? sourceOf(cell, problem);
    const enough = profile === 'arclet' || Number(cell.meta['nstars_used']) >= patchRun.minEpsfNstarsForUse;
    const meta = {
      ...cell.meta,
      gate: gateFacts(cell.gate),
      ...(fallback === undefined ? {} : await this.#replaced(cell, fallback, folder)),
      gate_band: this.#gate,
      psf_source: source,
      usable: stamp !== undefined && enough,
      ...(problem === undefined ? {} : { psf_problem: problem }),
      ...(problem === undefined || stamp === undefined
        ? {}
        : { psf_fallback: fallback?.candidate.text ?? 'its own: nothing does better' }),
    };
    if (stamp !== undefined) await putObject(inFolder(folder, 'epsf.npy'), npy(stamp, size));
    if (fallback !== undefined && cell.stamp !== undefined)
      await putObject(inFolder(folder, 'epsf_rejected.npy'), npy(cell.stamp, size));
    // Last: a cell with a meta.json is whole.
    await putObject(inFolder(folder, 'meta.json'), json(meta));
    return {
      band: cell.band,
      tag: cell.tag,
      meta,
      source,
      verdict: cell.gate.acceptance?.verdict ?? 'none',
      problem,
      fwhmPx: cell.epsf === undefined ? Number.NaN : epsfFwhm(cell.epsf),
      stamp,
    };
  }

  /** Numbers and pictures of the PSF that takes the place of a cell's own; the own one's numbers go to `own`. */
  async #replaced(cell: CellOutcome, { candidate, acceptance }: Fallback, folder: string): Promise<Record<string, unknown>> {
    const { epsf, stamp, text } = candidate;
    const { epsf: settings, plotting } = this.#config;
    const gate = { acceptance, heldOut: acceptance !== undefined && cell.gate.heldOut };
    const fitted = acceptance === undefined ? [] : fittedWith(epsf, acceptance.fwhm, cell.jury);
    const figures = new PsfFigures({
      frame: { band: this.#band },
      cell: { tag: cell.tag },
      settings,
      dpi: plotting.dpi,
      folder,
    });
    if (cell.stamp !== undefined) await figures.epsf(cell.stamp, 'its own, not used', 'epsf_rejected.png');
    const before: Readonly<Record<string, unknown>> = { ...cell.meta, gate: gateFacts(cell.gate) };
    return {
      growth_curve: undefined,
      residual_qa: undefined,
      ...(await cellQuality({ epsf, stamp, fitted, gate, note: text }, settings, figures)),
      gate: gateFacts(gate),
      own: Object.fromEntries(OF_THE_PSF.flatMap((key) => (before[key] === undefined ? [] : [[key, before[key]]]))),
    };
  }
}

function sourceOf({ stamp }: CellOutcome, problem: string | undefined): FinishedCell['source'] {
  if (stamp === undefined) return 'none';
  return problem === undefined ? 'cell' : 'cell-rejected';
}

const fittedWith = (epsf: Fallback['candidate']['epsf'], fwhm: number, cutouts: readonly StarCutout[]) =>
  fitCutouts(epsf, cutouts, fwhm, true).map(({ index, x, y, flux, background }) => ({
    cutout: cutouts[index],
    x,
    y,
    flux,
    background,
  }));
