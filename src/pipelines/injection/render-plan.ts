/**
 * How a row is rendered: cells per pixel, convolution method, padding. A plan depends on its row alone, never on the batch, so a row's pixels do
 * not depend on its neighbours; rows of one plan go through one chain.
 */

import { type ConvolveMethod, MAX_RANK, transformLength } from '../../../kernels/convolve-psf/options.ts';
import { PSF_KINDS, type PsfParameters } from '../../../kernels/psf-struct.ts';
import { AUTO_RULE, fixedRule, roundUpToTile } from '../../../kernels/render-lensed/options.ts';
import type { SamplingRule } from '../../../kernels/render-lensed/sampler.ts';
import { SOURCE_KIND, type SourceParameters } from '../../../kernels/source-struct.ts';
import { ArcletError } from '../../core/errors.ts';

export type ConvolveOversample = 'auto' | 1 | 2 | 3 | 4;

export interface RenderChoices {
  /** `auto`: adaptive; a number: at least that many samples per px and axis wherever there is light (1 to 32). */
  readonly oversample: 'auto' | number;
  /** Cells per px and axis in the convolution; `auto` keeps its error below 1e-3 of the peak. */
  readonly convolveOversample: ConvolveOversample;
  /** Convolution method; `auto` takes the cheapest that the PSFs allow. */
  readonly method: 'auto' | ConvolveMethod;
}

export interface RenderPlan {
  readonly size: number;
  readonly pixscaleArcsec: number;
  readonly bands: number;
  readonly components: number;
  readonly rule: SamplingRule;
  /** Cells per px and axis. */
  readonly oversample: number;
  readonly method: ConvolveMethod;
  /** Half-width of the PSF stamps, px. */
  readonly radius: number;
  /** Px rendered around the stamp, so that light from outside scatters in. */
  readonly pad: number;
  readonly grid: number;
  /** Length of the FFT; as long as it would be for the other methods too. */
  readonly length: number;
  readonly rank: number;
}

/** PSF radii are rounded up to a multiple of this, px, so that rows fall into few plans. */
const RADIUS_STEP = 8;

/**
 * Below this FWHM a PSF has power beyond half a cycle per px, and native samples do not hold it: 3.3e-4 of the peak at 3 px for a Gaussian,
 * and an error of the convolved stamp of 8e-4 of its peak for a Moffat of beta 3.5.
 */
const BAND_LIMIT_FWHM_PX = 3;

/** Terms of a separable PSF: a round Moffat is within 1e-4 of six (spec of convolve-psf; docs/kernels/convolve-psf.md). */
const SEPARABLE_RANK = 6;

/** Equivalent Gaussian FWHM along the narrow axis, px; infinite for bands without a PSF. */
export function narrowFwhmPx(psf: PsfParameters): number {
  if (psf.kind === PSF_KINDS.none) return Number.POSITIVE_INFINITY;
  if (psf.kind === PSF_KINDS.pixelised) return psf.fwhmPixels > 0 ? psf.fwhmPixels : Number.POSITIVE_INFINITY;
  return psf.fwhmPixels * Math.sqrt(psf.q);
}

/**
 * Cells per px that keep the convolution's error below 1e-3 of the peak, from 400 random rows against 4 cells per px (docs/kernels/convolve-psf.md
 * has the errors): one suffices for smooth sources under a wide PSF, compact cusps under a narrow one take three.
 */
export function autoOversample(
  sources: readonly SourceParameters[],
  psfs: readonly PsfParameters[],
  pixscaleArcsec: number,
): number {
  const fwhm = Math.min(...psfs.map(narrowFwhmPx));
  if (fwhm === Number.POSITIVE_INFINITY) return 1;
  let cells = fwhm < BAND_LIMIT_FWHM_PX ? 4 : fwhm < 3.4 ? 3 : 1;
  for (const source of sources) {
    if (source.kind === SOURCE_KIND.none) continue;
    const minorPx = 1 / (source.invV * pixscaleArcsec);
    const n = 1 / source.invN;
    const smooth =
      source.kind === SOURCE_KIND.sersic && fwhm >= 4.2 && ((n <= 1.5 && minorPx >= 0.8) || (n <= 2.5 && minorPx >= 1.2));
    if (!smooth) cells = Math.max(cells, 2);
    const cusp = source.kind === SOURCE_KIND.sersic && ((n > 1.5 && minorPx < 0.4) || n > 4);
    if (cusp && fwhm < 4.5) cells = Math.max(cells, 3);
  }
  return cells;
}

export interface RowNeeds {
  readonly sources: readonly SourceParameters[];
  /** One per band. */
  readonly psfs: readonly PsfParameters[];
}

/** The plan of a row. Throws CONFIG_INVALID for choices that no plan can serve. */
export function planRow(needs: RowNeeds, size: number, pixscaleArcsec: number, choices: RenderChoices): RenderPlan {
  const { sources, psfs } = needs;
  checkChoices(choices);
  const blurred = psfs.filter((psf) => psf.kind !== PSF_KINDS.none);
  const reach = Math.max(1, ...blurred.map((psf) => psf.truncation));
  const radius = blurred.length === 0 ? 1 : Math.ceil(reach / RADIUS_STEP) * RADIUS_STEP;
  const pad = blurred.length === 0 ? 0 : radius;
  const grid = roundUpToTile(size + 2 * pad);
  const oversample =
    choices.convolveOversample === 'auto' ? autoOversample(sources, psfs, pixscaleArcsec) : choices.convolveOversample;
  const base = { size, pad, grid, oversample, radius, rank: SEPARABLE_RANK };
  const length = transformLength(base);
  return {
    size,
    pixscaleArcsec,
    bands: psfs.length,
    components: sources.length,
    rule: choices.oversample === 'auto' ? AUTO_RULE : fixedRule(choices.oversample),
    oversample,
    method: choices.method === 'auto' ? cheapestMethod({ ...base, length }, blurred) : choices.method,
    radius,
    pad,
    grid,
    length,
    rank: Math.min(SEPARABLE_RANK, MAX_RANK),
  };
}

function checkChoices({ oversample, convolveOversample }: RenderChoices): void {
  if (oversample !== 'auto' && !(Number.isInteger(oversample) && oversample >= 1 && oversample <= 32)) {
    throw new ArcletError('CONFIG_INVALID', `oversample is 'auto' or a whole number from 1 to 32, not ${oversample}.`, {
      subject: 'oversample',
      remedy: "Leave it at 'auto' unless you need uniform sampling.",
    });
  }
  if (convolveOversample !== 'auto' && ![1, 2, 3, 4].includes(convolveOversample)) {
    throw new ArcletError('CONFIG_INVALID', `convolve-oversample is 'auto', 1, 2, 3 or 4, not ${convolveOversample}.`, {
      subject: 'convolve-oversample',
      remedy: "Leave it at 'auto': it keeps the error below 1e-3 of the peak.",
    });
  }
}

/** FFT where native pixels hold the PSF; otherwise the cheaper of direct sums and separable terms, the latter for round PSFs only. */
function cheapestMethod(
  shape: { size: number; grid: number; oversample: number; radius: number; length: number },
  blurred: readonly PsfParameters[],
): ConvolveMethod {
  if (blurred.length === 0) return 'direct';
  const { size, grid, oversample: k, radius, length: M } = shape;
  const side = 2 * radius * k + 1;
  const direct = 2 * size * size * side * side;
  const separable = 2 * SEPARABLE_RANK * side * size * (k * grid + size);
  const line = 5 * M * Math.log2(M);
  const fft = ((k * k * grid) / 2 + (k * M) / 2 + (side / k + 2 * M + size) / 2) * line;
  const bandLimited = Math.min(...blurred.map(narrowFwhmPx)) >= BAND_LIMIT_FWHM_PX;
  const separates = blurred.every((psf) => psf.kind !== PSF_KINDS.pixelised && psf.q === 1);
  if (bandLimited && fft <= direct && (!separates || fft <= separable)) return 'fft';
  return separates && separable < direct ? 'separable' : 'direct';
}

/** Rows of equal key share a chain. */
export function planKey(plan: RenderPlan): string {
  return JSON.stringify(plan);
}
