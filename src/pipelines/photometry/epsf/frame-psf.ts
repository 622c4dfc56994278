/** What a cell without a good PSF of its own gets: the PSF of the whole frame, that of its neighbours, or a Moffat profile. */
import {
  type Acceptance,
  acceptEpsf,
  type Epsf,
  epsfStamp,
  interpolateEpsf,
  splineCoefficients,
} from '../../../sky/epsf/index.ts';
import { moffatAlpha } from '../../../sky/profiles/moffat.ts';
import type { BandCells } from './basis.ts';
import { makeEpsf } from './build.ts';
import type { CellOutcome, FrameOutcome, FrameTask } from './cell-types.ts';

/** Where epsf.npy of a cell comes from; `cell-rejected`: its own, which the gate rejected and nothing else is better than. */
export type PsfSource = 'cell' | 'frame' | 'neighbours' | 'moffat' | 'cell-rejected';

/** Stars of the PSF of the whole frame, all cells together; more make it hardly better. */
const FRAME_STARS = 90;
const LEAST_PER_CELL = 2;

/** Most stars that one of `cells` cells may be asked for. */
export const mostStarsPerCell = (cells: number): number =>
  Math.max(LEAST_PER_CELL, Math.ceil((3 * FRAME_STARS) / Math.max(1, cells)));

/** The brightest stars of every cell, as many of each, in the order of cells. */
export function frameStars(cells: readonly CellOutcome[]): CellOutcome['best'][number][] {
  const filled = cells.filter(({ best }) => best.length > 0).length;
  const each = Math.max(LEAST_PER_CELL, Math.ceil(FRAME_STARS / Math.max(1, filled)));
  return cells.flatMap(({ best }) => best.slice(0, each));
}

/** The PSF of a whole frame from stars of its cells. */
export function makeFrame({ cutouts, profile, settings }: FrameTask): FrameOutcome {
  const { epsf, stamp, starsUsed, gate } = makeEpsf(cutouts, profile, settings);
  return { epsf, stamp, starsUsed, gate };
}

/**
 * What is wrong with a cell's own PSF: too few stars, or what the gate said; undefined when nothing is. An untested PSF stays: nothing speaks against
 * it, and what would take its place is not tested in this cell either.
 */
export function ownPsfProblem(cell: CellOutcome, leastStars: number): string | undefined {
  const used = Number(cell.meta['nstars_used']);
  if (cell.stamp === undefined) return String(cell.meta['error'] ?? 'no PSF');
  if (used < leastStars) return `${used} stars, ${leastStars} are needed`;
  const { acceptance } = cell.gate;
  return acceptance?.verdict === 'rejected' ? acceptance.reasons.join(' ') : undefined;
}

/** A PSF that may take the place of a cell's own. */
export interface Candidate {
  readonly source: PsfSource;
  readonly epsf: Epsf;
  readonly stamp: Float32Array;
  /** What it is, in words. */
  readonly text: string;
}

export interface FallbackOptions {
  readonly frame: FrameOutcome | undefined;
  /** PSFs of the other cells of the band; undefined where no cell has one. */
  readonly neighbours: BandCells | undefined;
  readonly fwhmPx: number;
  readonly fwhmFrom: string;
  readonly beta: number;
  readonly size: number;
}

/** In the order in which they are taken: whole frame (unless its own gate rejects it), neighbours, Moffat. `at` is the middle of the cell in px. */
export function candidatesFor(at: { x: number; y: number }, options: FallbackOptions): Candidate[] {
  const { frame, neighbours, fwhmPx, fwhmFrom, beta, size } = options;
  const candidates: Candidate[] = [];
  if (frame?.epsf !== undefined && frame.stamp !== undefined && frame.gate.acceptance?.verdict !== 'rejected') {
    const text = `the PSF of the whole frame, of ${frame.starsUsed} stars`;
    candidates.push({ source: 'frame', epsf: frame.epsf, stamp: frame.stamp, text });
  }
  if (neighbours !== undefined) {
    const { epsf, cells } = interpolateEpsf(neighbours, at.x, at.y);
    const around = neighbours.filled.get(cells[0].cell)?.length;
    const text = around === 1 ? 'the PSF of the one cell that has one' : `the PSFs of ${around} cells around`;
    candidates.push({ source: 'neighbours', epsf, stamp: Float32Array.from(epsfStamp(epsf, size).stamp), text });
  }
  const stamp = moffatStamp(fwhmPx, beta, size);
  const coefficients = splineCoefficients(Float64Array.from(stamp), size);
  const epsf = { side: size, oversampling: 1, coefficients, stampSize: size, fluxOutside: Number.NaN };
  const text = `a Moffat profile of FWHM ${fwhmPx.toFixed(2)} px (${fwhmFrom}), beta ${beta}`;
  return [...candidates, { source: 'moffat', epsf, stamp, text }];
}

/** What takes the place of a cell's own PSF, and what the cell's stars say of it. */
export interface Fallback {
  readonly candidate: Candidate;
  /** Undefined where there was no one to ask. */
  readonly acceptance: Acceptance | undefined;
}

/**
 * What a cell gets whose own PSF has a problem. Where stars rejected the PSF, the same stars are asked: the first candidate that they accept, or else
 * the one whose worst number is least beyond its limit; undefined when that is the cell's own. Without stars, or where the cell's own are too wide
 * to be stars, the first.
 */
export function chooseFallback(cell: CellOutcome, candidates: readonly Candidate[]): Fallback | undefined {
  const { acceptance, heldOut } = cell.gate;
  if (acceptance?.verdict !== 'rejected' || cell.jury.length === 0 || cell.isWide === true)
    return { candidate: candidates[0], acceptance: undefined };
  let best: Fallback | undefined;
  let least = acceptance.worst;
  for (const candidate of candidates) {
    const opinion = acceptEpsf(candidate.epsf, cell.jury, { heldOut });
    if (opinion.verdict === 'accepted') return { candidate, acceptance: opinion };
    if (!(opinion.worst < least)) continue;
    least = opinion.worst;
    best = { candidate, acceptance: opinion };
  }
  return best;
}

/** A Moffat profile at pixel centres, sum 1: (1 + r^2 / alpha^2)^-beta. */
export function moffatStamp(fwhm: number, beta: number, size: number): Float32Array {
  const alpha = moffatAlpha(fwhm, beta);
  const middle = (size - 1) / 2;
  const values = Float64Array.from({ length: size * size }, (_, k) => {
    const [x, y] = [(k % size) - middle, Math.floor(k / size) - middle];
    return (1 + (x * x + y * y) / (alpha * alpha)) ** -beta;
  });
  const sum = values.reduce((total, value) => total + value, 0);
  return Float32Array.from(values, (value) => value / sum);
}
