/** When all cells of a band are done: fallbacks for those without a good PSF, the files of all, the file to interpolate from. */
import { encodeNpy } from '../../../io/npy.ts';
import { type Epsf, epsfFwhm } from '../../../sky/epsf/index.ts';
import type { FitConfig } from '../config.ts';
import type { EpsfCell, Frame } from '../field.ts';
import { inFolder, putObject } from '../places.ts';
import { bandCells, writeBandCells } from './basis.ts';
import { gateFacts } from './cell.ts';
import type { CellOutcome, FrameOutcome } from './cell-types.ts';
import { type Candidate, candidatesFor, chooseFallback, frameStars, ownPsfProblem, type PsfSource } from './frame-psf.ts';
import type { Bench } from './workers.ts';

/** A cell as summary and page have it. */
export interface FinishedCell {
  readonly band: string;
  readonly tag: string;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly source: PsfSource | 'none';
  readonly verdict: string;
  /** Why its own PSF is not used; undefined when it is. */
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
  const least = profile === 'tract7dt' ? 1 : patchRun.minEpsfNstarsForUse;
  const problems = new Map(outcomes.map((cell) => [cell.tag, problemOf(cell, profile, least)]));
  const own = new Map(outcomes.flatMap((cell) => (problems.get(cell.tag) === undefined ? [[cell.tag, cell.epsf] as const] : [])));
  const isArclet = profile === 'arclet';
  const neighbours = isArclet ? bandCells(grid, own) : undefined;
  const needed = isArclet && own.size < outcomes.length;
  const whole = needed ? await framePsf(frame, outcomes, config, bench, folder) : undefined;
  const options = {
    frame: whole,
    neighbours,
    fwhmPx: frame.fwhmPx ?? patchRun.fallbackDefaultFwhmPix,
    fwhmFrom: frame.fwhmPx === undefined ? 'patch_run.fallback_default_fwhm_pix' : 'of the header',
    beta: moffatPsf.beta,
    size: settings.finalPsfSize,
  };
  const finished: FinishedCell[] = [];
  const given = new Map<string, Epsf>();
  for (const cell of outcomes) {
    const problem = problems.get(cell.tag);
    const fallback =
      problem === undefined || !isArclet ? undefined : chooseFallback(cell, candidatesFor(middleOf(cell.tag, grid), options));
    const epsf = fallback?.epsf ?? cell.epsf;
    if (epsf !== undefined) given.set(cell.tag, epsf);
    finished.push(await writeCell(inFolder(folder, cell.tag), cell, problem, fallback, settings.finalPsfSize));
  }
  // What stands in epsf.npy, a fallback too, is the PSF at the middle of its cell.
  const between = isArclet && settings.interpolate ? bandCells(grid, given) : undefined;
  if (between !== undefined) await writeBandCells(inFolder(folder, 'epsf_cells.npz'), between);
  return finished;
}

function middleOf(wanted: string, grid: readonly EpsfCell[]): { x: number; y: number } {
  const { x0, y0, width, height } = grid.find(({ tag }) => tag === wanted)!;
  return { x: x0 + width / 2, y: y0 + height / 2 };
}

function problemOf(cell: CellOutcome, profile: FitConfig['profile'], least: number): string | undefined {
  if (profile === 'arclet') return ownPsfProblem(cell, least);
  return cell.stamp === undefined ? String(cell.meta['error'] ?? 'no PSF') : undefined;
}

async function framePsf(
  frame: Frame,
  outcomes: readonly CellOutcome[],
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
  const outcome = await bench.frame({ frame: facts, cutouts: frameStars(outcomes), profile, settings });
  const size = settings.finalPsfSize;
  if (outcome.stamp !== undefined) await putObject(inFolder(folder, 'epsf_frame.npy'), npy(outcome.stamp, size));
  await putObject(
    inFolder(folder, 'epsf_frame.json'),
    json({ band: frame.band, nstars_used: outcome.starsUsed, gate: gateFacts(outcome.gate) }),
  );
  return outcome;
}

async function writeCell(
  folder: string,
  cell: CellOutcome,
  problem: string | undefined,
  fallback: Candidate | undefined,
  size: number,
): Promise<FinishedCell> {
  const stamp = fallback?.stamp ?? cell.stamp;
  const source = fallback?.source ?? (stamp === undefined ? 'none' : 'cell');
  const meta = {
    ...cell.meta,
    psf_source: source,
    ...(problem === undefined ? {} : { psf_problem: problem }),
    ...(problem === undefined || stamp === undefined ? {} : { psf_fallback: fallback?.text ?? 'its own: nothing does better' }),
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
    verdict: String(gateFacts(cell.gate)['verdict']),
    problem,
    fwhmPx: cell.epsf === undefined ? Number.NaN : epsfFwhm(cell.epsf),
    stamp,
  };
}
