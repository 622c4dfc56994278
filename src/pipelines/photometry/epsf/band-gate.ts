/** What the cells of a band say together: stars have one width over a frame, and many judges see what a few cannot. */
import { ACCEPT_LIMITS, type Acceptance, type Estimate, epsfFwhm, solveModes, type Verdict } from '../../../sky/epsf/index.ts';
import type { CellOutcome } from './cell-types.ts';
import { medianOf } from './medians.ts';

/** Largest difference of a PSF's FWHM from the band's or the header's, as a part of it: seeing changes over a field by less, galaxies are wider. */
const WIDTH_LIMIT = 0.25;
/** Fewest other cells whose median width counts. */
const LEAST_CELLS = 3;
/** Largest flux bias of a band: it goes into its zero point, which the stars of all cells make together. */
const BAND_LIMIT = ACCEPT_LIMITS.fluxBias / 2;

export interface BandGate {
  readonly verdict: Verdict;
  readonly cells: number;
  readonly stars: number;
  /** Matched flux over flux, less 1, of the held-out stars of all cells that were not rejected, each with its cell's PSF. */
  readonly bias: Estimate;
  /** Flux within 4 FWHM over the fitted one, less 1, of the same stars. */
  readonly aperture: Estimate;
  /** Median over cells, px; NaN without any. */
  readonly fwhmPx: number;
}

/**
 * What is wrong with a PSF's width. Where nobody agrees with it, it is no PSF; where one of two does, nobody can tell.
 *
 * @param others FWHM of the other cells of the band, px
 */
export function widthProblem(
  fwhmPx: number,
  others: readonly number[],
  headerPx: number | undefined,
): { verdict: 'rejected' | 'untested'; reason: string } | undefined {
  const witnesses: { name: string; width: number }[] = [];
  if (others.length >= LEAST_CELLS)
    witnesses.push({ name: `the median of ${others.length} other cells`, width: medianOf(others) });
  if (headerPx !== undefined) witnesses.push({ name: 'the header', width: headerPx });
  const against = witnesses.filter(({ width }) => Math.abs(fwhmPx / width - 1) > WIDTH_LIMIT);
  if (against.length === 0) return undefined;
  const said = against.map(({ name, width }) => `${width.toFixed(2)} px by ${name}`).join(', ');
  return {
    verdict: against.length === witnesses.length ? 'rejected' : 'untested',
    reason: `The FWHM is ${fwhmPx.toFixed(2)} px, ${said}; the limit is ${100 * WIDTH_LIMIT} %.`,
  };
}

/** Judges cells by the band: their gates with what the others add. `headerPx`: FWHM of the header. */
export function judgeBand(
  outcomes: readonly CellOutcome[],
  headerPx: number | undefined,
): { cells: CellOutcome[]; band: BandGate } {
  const widths = outcomes.map(({ epsf }) => (epsf === undefined ? Number.NaN : epsfFwhm(epsf)));
  const measured = outcomes.map((cell, k) => {
    const others = widths.filter((width, n) => n !== k && Number.isFinite(width));
    const problem = Number.isFinite(widths[k]) ? widthProblem(widths[k], others, headerPx) : undefined;
    if (problem === undefined) return cell;
    return { ...withVerdict(cell, problem.verdict, problem.reason), isWide: problem.verdict === 'rejected' };
  });
  const band = poolBand(measured, medianOf(widths));
  if (band.verdict !== 'rejected') return { cells: measured, band };
  const reason = `The stars of all cells together find fluxes off by ${percent(band.bias)}; the limit is ${(100 * BAND_LIMIT).toFixed(2)} %.`;
  const isOpen = (cell: CellOutcome) => cell.gate.acceptance?.verdict === 'untested';
  return { cells: measured.map((cell) => (isOpen(cell) ? withVerdict(cell, 'rejected', reason) : cell)), band };
}

export const percent = ({ value, error }: Estimate): string => `${(100 * value).toFixed(2)} +- ${(100 * error).toFixed(2)} %`;

/** An opinion with one more reason against the PSF; what was rejected before stays so. */
export function worsened(acceptance: Acceptance, found: 'rejected' | 'untested', reason: string): Acceptance {
  const verdict = acceptance.verdict === 'rejected' ? 'rejected' : found;
  // What could not be told matters no more once something has failed.
  const before = verdict === 'rejected' && acceptance.verdict === 'untested' ? [] : acceptance.reasons;
  return { ...acceptance, verdict, reasons: [...before, reason] };
}

function withVerdict(cell: CellOutcome, found: 'rejected' | 'untested', reason: string): CellOutcome {
  const { acceptance } = cell.gate;
  return acceptance === undefined ? cell : { ...cell, gate: { ...cell.gate, acceptance: worsened(acceptance, found, reason) } };
}

function poolBand(cells: readonly CellOutcome[], fwhmPx: number): BandGate {
  const used = cells.flatMap(({ gate: { heldOut, acceptance } }) =>
    heldOut && acceptance !== undefined && acceptance.verdict !== 'rejected' ? acceptance : [],
  );
  const { bias } = solveModes(used.flatMap(({ evidence }) => evidence ?? []));
  let sum = 0;
  let weights = 0;
  for (const { aperture } of used) {
    if (!(aperture.error > 0) || !Number.isFinite(aperture.value)) continue;
    sum += aperture.value / aperture.error ** 2;
    weights += 1 / aperture.error ** 2;
  }
  const off = Math.abs(bias.value);
  const isKnown = bias.error <= BAND_LIMIT / 2 && off <= BAND_LIMIT;
  return {
    verdict: off > BAND_LIMIT + 3 * bias.error ? 'rejected' : isKnown ? 'accepted' : 'untested',
    cells: used.length,
    stars: used.reduce((all, { starsUsed }) => all + starsUsed, 0),
    bias,
    aperture: weights > 0 ? { value: sum / weights, error: 1 / Math.sqrt(weights) } : { value: Number.NaN, error: Number.NaN },
    fwhmPx,
  };
}

/** For meta.json and the summary. */
export function bandFacts({ verdict, cells, stars, bias, aperture, fwhmPx }: BandGate): Record<string, unknown> {
  return {
    verdict,
    ncells: cells,
    nstars: stars,
    flux_bias: bias.value,
    flux_bias_error: bias.error,
    aperture_difference: aperture.value,
    aperture_difference_error: aperture.error,
    fwhm_median_pix: fwhmPx,
  };
}
