/** Static options of convolve-psf. */
import { fftLength } from '../../src/core/fft.ts';
import type { SpectralShape } from './spectral-tables.ts';

/** `fft` needs a PSF that native pixels sample well; `direct` and `separable` take any, at the cells' own spacing. */
export type ConvolveMethod = 'fft' | 'direct' | 'separable';

export interface ConvolvePsfOptions {
  readonly method: ConvolveMethod;
  /** Stamp side, px. */
  readonly size: number;
  /** Px of the cell grid below and left of the stamp; at least the PSF's radius where no light may be missed. */
  readonly pad: number;
  /** Side of the cell grid, px; at least size + pad + radius. */
  readonly grid: number;
  /** Cells per px and axis, 1 to 4. */
  readonly oversample: number;
  readonly components: number;
  readonly bands: number;
  /** Half-width of the PSF stamps, px. */
  readonly radius: number;
  /** `fft`: transform length from {@link transformLength}, or longer. */
  readonly length: number;
  /** `separable`: number of terms. */
  readonly rank: number;
}

/** Shortest transform in which no light wraps around into the stamp: the farthest cell from an output pixel plus the PSF's reach. */
export function transformLength({
  size,
  pad,
  grid,
  radius,
}: Pick<ConvolvePsfOptions, 'size' | 'pad' | 'grid' | 'radius'>): number {
  return fftLength(Math.max(grid, radius + Math.max(pad + size, grid - pad)));
}

/** Largest number of terms of a separable PSF. */
export const MAX_RANK = 8;

/** PSF samples per px that the method takes: native for `fft`, the cells' spacing for the others. */
export function psfOversample(options: Pick<ConvolvePsfOptions, 'method' | 'oversample'>): number {
  return options.method === 'fft' ? 1 : options.oversample;
}

/**
 * Offset of the PSF's centre from the centre sample, px. With an even number of cells a pixel's centre lies between cells, so the samples that
 * `direct` and `separable` need are half a cell off: the PSF is made that much off centre.
 */
export function psfOffsetPixels(options: Pick<ConvolvePsfOptions, 'method' | 'oversample'>): number {
  const samples = psfOversample(options);
  return samples % 2 === 0 ? 0.5 / samples : 0;
}

/** Side of the PSF stamps. */
export function psfStampSide(options: Pick<ConvolvePsfOptions, 'method' | 'oversample' | 'radius'>): number {
  return 2 * options.radius * psfOversample(options) + 1;
}

export function spectralShape(options: ConvolvePsfOptions): SpectralShape {
  const { size, pad, grid, oversample, length } = options;
  return { size, pad, grid, oversample, length };
}
