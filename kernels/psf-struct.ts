/**
 * A point-spread function as the kernels see it: plain numbers in native pixels, one struct per (item, band).
 *
 * Sizes arrive in arcseconds with a convention and leave in pixels without one: see {@link psfParameters}.
 */
import { FWHM_PER_SIGMA } from '../src/core/constants.ts';
import { ArcletError } from '../src/core/errors.ts';
import { struct } from '../src/gpu/layout.ts';
import type { PsfSizeConvention } from '../src/sky/conventions.ts';
import { moffatAlpha, moffatFwhmFromSize, moffatPeak } from '../src/sky/profiles/moffat.ts';
import { fluxOutsideSquare } from './make-psf/flux.ts';
import { MIN_BANK_STEP } from './make-psf/lanczos.ts';
import { MAX_ORDER, pixelQuadratureOrder } from './make-psf/quadrature.ts';

/** Values of `kind`. */
export const PSF_KINDS = { none: 0, gaussian: 1, moffat: 2, pixelised: 3 } as const;

export const PSF_LAYOUT = struct('Psf', {
  kind: 'u32',
  scale: 'f32',
  beta: 'f32',
  q: 'f32',
  cosPhi: 'f32',
  sinPhi: 'f32',
  dx: 'f32',
  dy: 'f32',
  amplitude: 'f32',
  includesPixel: 'u32',
  order: 'u32',
  truncation: 'u32',
  bankIndex: 'u32',
  bankStep: 'f32',
});

/** One PSF ready for evaluation. Lengths in native pixels. */
export interface PsfParameters {
  /** One of {@link PSF_KINDS}. */
  kind: number;
  /** sigma (Gaussian) or alpha (Moffat) of the round PSF of equal area. */
  scale: number;
  /** Moffat exponent > 1; 1 where it has no meaning. */
  beta: number;
  /** Minor over major axis: r^2 -> q u^2 + v^2/q with u along the major axis, which keeps the area. */
  q: number;
  /** Direction of the major axis, counter-clockwise from +x. */
  cosPhi: number;
  sinPhi: number;
  /** Offset of the PSF's centre from the centre sample. */
  dx: number;
  dy: number;
  /** Value of the infinite-plane PSF at its centre, fraction of flux per native pixel; bank units to that for a stamp. */
  amplitude: number;
  /** 1: the PSF holds the pixel response, so it is sampled at points. 0: it is integrated over a native pixel about each point. */
  includesPixel: number;
  /** Gauss-Legendre points per axis of that integral. */
  order: number;
  /** Samples beyond |x| or |y| = truncation (a whole number of native pixels) are zero: a square, as the reference stamps are. */
  truncation: number;
  /** Stamp of the bank, and its sample spacing, for pixelised PSFs. */
  bankIndex: number;
  bankStep: number;
  /** The FWHM used after the size convention, for the record; 0 where it has no meaning. */
  fwhmPixels: number;
  fwhmArcsec: number;
}

/** What every model may add: centre offset (native px), pixel response, and how far the stamp reaches. */
interface PsfCommon {
  dxPixels?: number;
  dyPixels?: number;
  /** Default true: an effective PSF (psfsize, ePSF, PSFEx) already holds the pixel response. */
  includesPixel?: boolean;
}

/** A PSF in the user's terms. */
export type PsfDescription =
  | { model: 'none' }
  | (PsfCommon & { model: 'gaussian'; fwhmArcsec: number; q?: number; phiRad?: number })
  | (PsfCommon & {
      model: 'moffat';
      fwhmArcsec: number;
      /** Default 3.5. */
      beta?: number;
      /** `nea` (default): fwhmArcsec is the FWHM of the Gaussian of equal noise-equivalent area, as Legacy Surveys' psfsize. `fwhm`: the profile's own. */
      sizeSemantics?: PsfSizeConvention;
      q?: number;
      phiRad?: number;
    })
  | (PsfCommon & {
      model: 'pixelised';
      bankIndex: number;
      /** Side of the bank's stamps, samples. */
      bankSide: number;
      /** Native pixels per sample of the stamp (1 / oversampling). */
      stepPixels: number;
      /** Sum over the stamp's samples, for the `infinite` normalisation. */
      sampleSum: number;
    });

/** How far stamps reach: as far as the flux outside is below `fluxLost` of the total, but not beyond `radiusPixels`. */
export interface TruncationLimits {
  fluxLost?: number;
  radiusPixels?: number;
}

/**
 * Narrowest FWHM that samples a quarter of a pixel apart hold to 1e-3 of the flux, native px. A PSF that includes the pixel cannot be narrower than
 * the pixel itself; one that is still to be integrated over it can.
 */
const NARROWEST_PIXELS = { withPixel: 0.9, withoutPixel: 0.6 };
const FLUX_LOST = 5e-4;
const RADIUS_PIXELS = 127;

/**
 * Turns a description into parameters for a pixel scale (arcsec per native pixel).
 *
 * Sizes: FWHM in arcsec. A Moffat's `nea` size S is the FWHM of the Gaussian with its noise-equivalent area
 * pi alpha^2 (2 beta - 1)/(beta - 1)^2 (legacypipe's psfsize), so its own FWHM is 0.8113 S at beta 3.5.
 * Throws INPUT_INVALID naming the key that is out of its domain (fwhm <= 0, beta <= 1, q outside (0, 1], not finite ...).
 */
export function psfParameters(description: PsfDescription, pixscaleArcsec: number, limits: TruncationLimits = {}): PsfParameters {
  const none: PsfParameters = {
    ...{ kind: PSF_KINDS.none, scale: 1, beta: 1, q: 1, cosPhi: 1, sinPhi: 0, dx: 0, dy: 0, amplitude: 1, includesPixel: 1 },
    ...{ order: 1, truncation: 0, bankIndex: 0, bankStep: 1, fwhmPixels: 0, fwhmArcsec: 0 },
  };
  positive('pixscaleArcsec', pixscaleArcsec);
  if (description.model === 'none') return none;
  const common = {
    dx: finite('dxPixels', description.dxPixels ?? 0),
    dy: finite('dyPixels', description.dyPixels ?? 0),
    includesPixel: (description.includesPixel ?? true) ? 1 : 0,
  };
  if (Math.abs(common.dx) > 1 || Math.abs(common.dy) > 1) {
    throw invalid('dxPixels', `a PSF's centre offset is at most 1 px, not (${common.dx}, ${common.dy})`);
  }
  let parameters: PsfParameters;
  if (description.model === 'pixelised') {
    const bankStep = positive('stepPixels', description.stepPixels);
    if (bankStep < MIN_BANK_STEP)
      throw invalid('stepPixels', `a PSF stamp holds at most ${1 / MIN_BANK_STEP} samples per pixel, not ${1 / bankStep}`);
    const amplitude = 1 / (positive('sampleSum', description.sampleSum) * bankStep * bankStep);
    // The Lanczos interpolant is one smooth piece per sample: three points in each leave 6e-5 of the peak.
    const order = Math.min(MAX_ORDER, Math.max(4, Math.ceil(3 / bankStep) + 2));
    const { bankIndex } = description;
    parameters = { ...none, ...common, kind: PSF_KINDS.pixelised, bankStep, amplitude, order, bankIndex };
    if (!Number.isInteger(bankIndex) || bankIndex < 0) throw invalid('bankIndex', `a bank index counts from 0, not ${bankIndex}`);
    const halfSide = (positive('bankSide', description.bankSide) - 1) / 2;
    parameters.truncation = Math.max(1, Math.min(limits.radiusPixels ?? RADIUS_PIXELS, Math.floor(halfSide * bankStep)));
    return parameters;
  }
  const q = positive('q', description.q ?? 1);
  if (q > 1) throw invalid('q', `an axis ratio is at most 1, not ${q}`);
  const phi = finite('phiRad', description.phiRad ?? 0);
  const shape = { ...none, ...common, q, cosPhi: Math.cos(phi), sinPhi: Math.sin(phi) };
  const size = positive('fwhmArcsec', description.fwhmArcsec);
  if (description.model === 'gaussian') {
    const fwhmPixels = size / pixscaleArcsec;
    const scale = fwhmPixels / FWHM_PER_SIGMA;
    const order = pixelQuadratureOrder(fwhmPixels * Math.sqrt(q), Number.POSITIVE_INFINITY);
    const amplitude = 1 / (2 * Math.PI * scale * scale);
    parameters = { ...shape, kind: PSF_KINDS.gaussian, scale, amplitude, order, fwhmPixels, fwhmArcsec: size };
  } else {
    const beta = finite('beta', description.beta ?? 3.5);
    if (beta <= 1) throw invalid('beta', `a Moffat with beta <= 1 has infinite flux: beta is ${beta}`);
    const fwhmArcsec = moffatFwhmFromSize(size, beta, description.sizeSemantics ?? 'nea');
    const fwhmPixels = fwhmArcsec / pixscaleArcsec;
    const scale = moffatAlpha(fwhmPixels, beta);
    const order = pixelQuadratureOrder(fwhmPixels * Math.sqrt(q), beta);
    const amplitude = moffatPeak(scale, beta);
    parameters = { ...shape, kind: PSF_KINDS.moffat, beta, scale, amplitude, order, fwhmPixels, fwhmArcsec };
  }
  const narrow = parameters.fwhmPixels * Math.sqrt(q);
  const narrowest = common.includesPixel ? NARROWEST_PIXELS.withPixel : NARROWEST_PIXELS.withoutPixel;
  if (narrow < narrowest) {
    throw invalid(
      'fwhmArcsec',
      `a PSF of ${narrow.toPrecision(3)} px (minor axis) is narrower than ${narrowest} px, which four samples a pixel do not hold; use model none`,
    );
  }
  parameters.truncation = truncationRadius(parameters, limits);
  return parameters;
}

/**
 * Smallest whole half-width (native px) of a square stamp that leaves out less than `limits.fluxLost` (default 5e-4) of
 * the infinite-plane flux, at most `limits.radiusPixels` (default 127), at least 1. Parameters of a Gaussian or Moffat; others keep theirs.
 */
export function truncationRadius(parameters: PsfParameters, limits: TruncationLimits = {}): number {
  if (parameters.kind !== PSF_KINDS.gaussian && parameters.kind !== PSF_KINDS.moffat) return parameters.truncation;
  const fluxLost = limits.fluxLost ?? FLUX_LOST;
  const cap = limits.radiusPixels ?? RADIUS_PIXELS;
  if (parameters.q === 1 && parameters.dx === 0 && parameters.dy === 0) {
    const halfWidth = parameters.scale * roundHalfWidth(parameters, fluxLost);
    return Math.min(cap, Math.max(1, Math.ceil(halfWidth - 0.5)));
  }
  let low = 0;
  let high = cap;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (modelFluxLost(parameters, middle + 0.5) < fluxLost) high = middle;
    else low = middle;
  }
  return high;
}

/** Half-widths in units of the scale, by model and loss: all centred round PSFs of one beta share one, and a survey has millions. */
const roundHalfWidths = new Map<string, number>();

/** Half-width, in units of `scale`, of the square that leaves out `fluxLost` of a centred round PSF. */
function roundHalfWidth(parameters: PsfParameters, fluxLost: number): number {
  const key = `${parameters.kind} ${parameters.beta} ${fluxLost}`;
  let found = roundHalfWidths.get(key);
  if (found === undefined) {
    if (roundHalfWidths.size > 4096) roundHalfWidths.clear();
    const unit = { ...parameters, scale: 1 };
    let low = 0;
    let high = 1;
    while (modelFluxLost(unit, high) >= fluxLost && high < 1e9) high *= 2;
    for (let step = 0; step < 50; step++) {
      const middle = 0.5 * (low + high);
      if (modelFluxLost(unit, middle) < fluxLost) high = middle;
      else low = middle;
    }
    found = high;
    roundHalfWidths.set(key, found);
  }
  return found;
}

/** Fraction of the flux of a Gaussian or Moffat outside the square of this half-width (native px) about the stamp's centre. */
export function modelFluxLost(parameters: PsfParameters, halfWidth: number): number {
  const beta = parameters.kind === PSF_KINDS.gaussian ? Number.POSITIVE_INFINITY : parameters.beta;
  return fluxOutsideSquare({ ...parameters, beta }, halfWidth);
}

/** Parameters as columns in the order given: item-major, then band. */
export function psfColumns(list: readonly PsfParameters[]): Record<string, Float64Array | Uint32Array> {
  const columns: Record<string, Float64Array | Uint32Array> = {};
  for (const { name, type } of PSF_LAYOUT.fields) {
    const column = type === 'u32' ? new Uint32Array(list.length) : new Float64Array(list.length);
    for (let i = 0; i < list.length; i++) column[i] = list[i][name as keyof PsfParameters];
    columns[name] = column;
  }
  return columns;
}

function invalid(key: string, message: string): ArcletError {
  return new ArcletError('INPUT_INVALID', message, { subject: `psf.${key}`, remedy: `Give psf.${key} a value in its domain.` });
}

function finite(key: string, value: number): number {
  if (!Number.isFinite(value)) throw invalid(key, `psf ${key} must be a finite number, not ${value}`);
  return value;
}

function positive(key: string, value: number): number {
  if (!(finite(key, value) > 0)) throw invalid(key, `psf ${key} must be positive, not ${value}`);
  return value;
}
