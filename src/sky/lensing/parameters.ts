/**
 * How a lens is described by a user (typed conventions) and how it is held for evaluation (plain numbers, rotations and scales done once in f64).
 */
import { ArcletError } from '../../core/errors.ts';
import { type EinsteinRadiusConvention, isothermalScale } from '../conventions.ts';

/** Index of a model in this list is its `kind`, on the host and in WGSL. */
export const LENS_KINDS = ['none', 'point', 'sis', 'sie', 'nie', 'epl', 'nfw'] as const;

export type LensModel = (typeof LENS_KINDS)[number];

/** `kind` numbers by name. */
export const LENS_KIND: Readonly<Record<LensModel, number>> = { none: 0, point: 1, sis: 2, sie: 3, nie: 4, epl: 5, nfw: 6 };

/** A lens as users write it. Angles counter-clockwise from +x in radians; shear and external convergence act about the lens centre. */
export interface LensDescription {
  model: LensModel;
  /** Einstein radius, arcsec, in the sense of `thetaEConvention`. Needed by all models but `none` and `nfw`. */
  thetaEArcsec?: number;
  /** Default `product` (lenstronomy). Has no effect on round models. */
  thetaEConvention?: EinsteinRadiusConvention;
  /** Axis ratio minor/major of the convergence, 0.01..1 (EPL 0.05..1). Default 1. */
  q?: number;
  /** Position angle of the major axis of the mass. Default 0. */
  phiRad?: number;
  xArcsec?: number;
  yArcsec?: number;
  /** EPL only: logarithmic slope of the 3-D density, 1.1..2.9; 2 is isothermal (the default). */
  gamma?: number;
  /** NIE only: core s of psi = sqrt(q^2 (x^2 + s^2) + y^2), arcsec (lenstronomy's s_scale is s sqrt(q)). */
  coreArcsec?: number;
  /** NFW only: scale radius, arcsec. */
  rsArcsec?: number;
  /** NFW only: rho_s r_s / Sigma_crit. */
  kappaS?: number;
  /** External shear, components in the pixel frame. */
  gamma1?: number;
  gamma2?: number;
  /** External convergence (a sheet): alpha = kappaExt (theta - centre). */
  kappaExt?: number;
}

/** A lens ready for evaluation: numbers only, lengths in arcsec. Made by {@link lensParameters}. */
export interface LensParameters {
  /** Index into {@link LENS_KINDS}. */
  readonly kind: number;
  readonly x: number;
  readonly y: number;
  readonly cosPhi: number;
  readonly sinPhi: number;
  readonly q: number;
  /** Scale: kappa = b / (2 psi) for isothermal models, (2 - t)/2 (b/R)^t for EPL, theta_E for SIS and point, 0 otherwise. */
  readonly b: number;
  /** sqrt(1 - q^2), never below 1e-6 so that b/f stays finite; atan(f u)/f is then u to 1e-12. */
  readonly f: number;
  /** Core: the NIE's s; for the other models a softening that only keeps r = 0 finite (1e-11 isothermal, 1e-7 else). */
  readonly core: number;
  /** EPL: t = gamma - 1, the slope of kappa. 1 for the isothermal models. */
  readonly slope: number;
  /** EPL: terms of the angular series that reach 1e-10 relative. 0 for other models. */
  readonly eplTerms: number;
  readonly rs: number;
  readonly kappaS: number;
  readonly gamma1: number;
  readonly gamma2: number;
  readonly kappaExt: number;
}

const SMALLEST_F = 1e-6;
const ISOTHERMAL_CORE = 1e-11;
const SOFTENING = 1e-7;

function invalid(subject: string, message: string, remedy: string): never {
  throw new ArcletError('INPUT_INVALID', message, { subject, remedy });
}

function within(model: LensModel, name: string, value: number, low: number, high: number): number {
  if (!(value >= low && value <= high)) {
    invalid(
      `${model}.${name}`,
      `${name} of a ${model} lens is ${value}, outside ${low}..${high}.`,
      `Give ${name} within ${low}..${high}.`,
    );
  }
  return value;
}

function required(model: LensModel, name: string, value: number | undefined): number {
  if (value === undefined) invalid(`${model}.${name}`, `A ${model} lens needs ${name}.`, `Add ${name} to the lens.`);
  return within(model, name, value, 0, 1e4);
}

/**
 * Terms of the EPL series: the n-th is below F^n, F = (1-q)/(1+q) (Tessore & Metcalf 2015, eq. 28), so the rest after n is below F^n/(1-F).
 */
function eplSeriesTerms(q: number): number {
  const flattening = (1 - q) / (1 + q);
  if (flattening < 1e-12) return 1;
  return 1 + Math.ceil(Math.log(1e-10 * (1 - flattening)) / Math.log(flattening));
}

/**
 * Turns a description into numbers ready for evaluation. Throws INPUT_INVALID, naming the parameter, for values out of range.
 */
export function lensParameters(lens: LensDescription): LensParameters {
  const model = lens.model;
  if (!(model in LENS_KIND)) {
    invalid('model', `Lens model '${model}' is unknown.`, `Use one of ${LENS_KINDS.join(', ')}.`);
  }
  const elliptical = model === 'sie' || model === 'nie' || model === 'epl';
  const isothermal = model === 'sis' || model === 'sie' || model === 'nie';
  const q = elliptical ? within(model, 'q', lens.q ?? 1, model === 'epl' ? 0.05 : 0.01, 1) : 1;
  const hasThetaE = model !== 'none' && model !== 'nfw';
  const thetaE = hasThetaE ? required(model, 'thetaEArcsec', lens.thetaEArcsec) : 0;
  const phi = within(model, 'phiRad', lens.phiRad ?? 0, -1e3, 1e3);
  return {
    kind: LENS_KIND[model],
    x: within(model, 'xArcsec', lens.xArcsec ?? 0, -1e5, 1e5),
    y: within(model, 'yArcsec', lens.yArcsec ?? 0, -1e5, 1e5),
    cosPhi: elliptical ? Math.cos(phi) : 1,
    sinPhi: elliptical ? Math.sin(phi) : 0,
    q,
    b: elliptical ? isothermalScale(thetaE, q, lens.thetaEConvention ?? 'product') : thetaE,
    f: Math.max(SMALLEST_F, Math.sqrt((1 - q) * (1 + q))),
    core:
      model === 'nie'
        ? Math.max(ISOTHERMAL_CORE, required(model, 'coreArcsec', lens.coreArcsec))
        : isothermal
          ? ISOTHERMAL_CORE
          : SOFTENING,
    slope: model === 'epl' ? within(model, 'gamma', lens.gamma ?? 2, 1.1, 2.9) - 1 : 1,
    eplTerms: model === 'epl' ? eplSeriesTerms(q) : 0,
    rs: model === 'nfw' ? within(model, 'rsArcsec', lens.rsArcsec ?? Number.NaN, 1e-3, 1e4) : 1,
    kappaS: model === 'nfw' ? required(model, 'kappaS', lens.kappaS) : 0,
    gamma1: within(model, 'gamma1', lens.gamma1 ?? 0, -10, 10),
    gamma2: within(model, 'gamma2', lens.gamma2 ?? 0, -10, 10),
    kappaExt: within(model, 'kappaExt', lens.kappaExt ?? 0, -10, 10),
  };
}
