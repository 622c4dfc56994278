/** What rendering takes and gives, as plain data: for the stage, its writers and its callers. */
import type { TemplateBank } from '../../../kernels/source-struct.ts';
import type { RunTimings } from '../../engine/face.ts';

export interface RenderOptions {
  /** Samples per pixel side where it matters; `auto` holds the flux error under its bound. Default auto. */
  readonly oversample?: 'auto' | number;
  /** Grid of the convolution, samples per pixel side; `auto` holds the error under 1e-3 of the peak. Default auto. */
  readonly convolveOversample?: 'auto' | 1 | 2 | 3 | 4;
  /** How to convolve; `auto` picks the cheapest that is accurate enough. Default auto. */
  readonly method?: 'auto' | 'direct' | 'separable' | 'fft';
  /** Also the maps of the lens. Default false. */
  readonly maps?: boolean;
  /** Templates, when the rows name a bank by its path; see readRows. */
  readonly bank?: TemplateBank;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number | undefined }) => void;
  readonly signal?: AbortSignal;
}

/** Float32Array from the GPU, Float64Array from the CPU. */
export type Floats = Float32Array | Float64Array;

export interface Stamps {
  readonly data: Floats;
  /** [row, band, y, x] */
  readonly shape: readonly [number, number, number, number];
}

/** Maps of the lens of every row, each [row, y, x]; deflections in arcsec, the others dimensionless. */
export interface LensMaps {
  readonly alphaX: Floats;
  readonly alphaY: Floats;
  readonly kappa: Floats;
  readonly gamma1: Floats;
  readonly gamma2: Floats;
  readonly magnification: Floats;
}

/** How one row was drawn: sampling, convolution, PSF radius and width used ... */
export type RowPlan = Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>;

export interface RenderResult {
  readonly size: number;
  readonly bands: readonly string[];
  /** Lensed light before any PSF, nanomaggies per pixel. */
  readonly lensed: Stamps;
  /** Lensed light after the PSF. */
  readonly convolved: Stamps;
  /** The source as it would be without the lens, no PSF. */
  readonly unlensed: Stamps;
  /** Estimated relative error of the lensed flux, [row]. */
  readonly fluxErr: Floats;
  /** [row] */
  readonly plan: readonly RowPlan[];
  readonly maps?: LensMaps;
  readonly timings?: RunTimings;
}
