/**
 * Named prior sets of the nuisance draws. One stream per quantity (draws.ts).
 *
 * `dhs_gen1` .. `dhs_gen5`: the frozen draws of the public DarkHaloScope pipeline. Its generations draw alike; they differ in the meaning of
 * theta_e (the `conventions` preset) and in the source (`source_mode`). `srg_2026`: its successor's, measured on 388 real lens annuli.
 */
import type { InjectConfig } from '../config.ts';
import type { TaskDraws } from './draws.ts';
import type { GridConfig } from './grids.ts';

export type PriorName = InjectConfig['prior'];

/** Parameters of one injection. Angles in radians counter-clockwise from +x. */
export interface Nuisance {
  readonly srcDmag: number;
  readonly srcMagR: number;
  readonly srcReffArcsec: number;
  readonly srcN: number;
  readonly srcE: number;
  readonly srcPhiRad: number;
  readonly srcGr: number;
  readonly srcRz: number;
  readonly shear: number;
  readonly shearPhiRad: number;
  readonly lensE: number;
  readonly lensPhiRad: number;
  readonly lensXArcsec: number;
  readonly lensYArcsec: number;
  readonly templateU: number;
}

/** Shape of a host's light as Tractor writes it; NaN where it has none. */
export interface HostShape {
  readonly e1: number;
  readonly e2: number;
}

const clip = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
const toE = (q: number): number => (1 - q) / (1 + q);
const foldAxis = (angle: number): number => ((angle % Math.PI) + Math.PI) % Math.PI;

/** Radii of the disc of sources in units of theta_E. */
export function discRadii(prior: PriorName): readonly [inner: number, outer: number] {
  return prior === 'srg_2026' ? [0.1, 0.4] : [0, 0.8];
}

/**
 * The lens after its host: q = clip(q_host + N(0, 0.05), 0.5, 1), major axis along the light. Tractor's position angle
 * 0.5 atan2(e2, e1) is East of North, a quarter turn from +x where East is left. Undefined for a host without a shape; a round host has a
 * q and no axis.
 */
function lensOfHost(shape: HostShape, draws: TaskDraws): { lensE: number; lensPhiRad: number | undefined } | undefined {
  const modulus = Math.hypot(shape.e1, shape.e2);
  if (!(modulus < 1)) return undefined;
  const host = (1 - modulus) / (1 + modulus);
  const q = clip(host + 0.05 * draws.stream('lens_shape').normal(), 0.5, 1);
  return {
    lensE: toE(q),
    lensPhiRad: modulus === 0 ? undefined : foldAxis(0.5 * Math.atan2(shape.e2, shape.e1) + Math.PI / 2),
  };
}

/** Draws the nuisance parameters of one row. `shape`: of the host, where the lens is to follow it. */
export function drawNuisance(
  prior: PriorName,
  grid: GridConfig,
  hostMagR: number,
  shape: HostShape | undefined,
  draws: TaskDraws,
): Nuisance {
  const axis = () => Math.PI * draws.stream('lens_phi').uniform();
  const following = shape === undefined ? undefined : lensOfHost(shape, draws);
  const common = {
    srcPhiRad: 2 * Math.PI * draws.stream('src_phi').uniform(),
    templateU: draws.stream('template').uniform(),
    lensPhiRad: following?.lensPhiRad ?? axis(),
  };
  if (prior !== 'srg_2026') {
    return {
      ...common,
      srcDmag: grid.srcDmag,
      srcMagR: hostMagR + grid.srcDmag,
      srcReffArcsec: grid.srcReffArcsec,
      srcN: 1,
      srcE: grid.srcE,
      srcGr: clip(0.2 + 0.2 * draws.stream('src_gr').normal(), -0.5, 1.5),
      srcRz: clip(0.1 + 0.2 * draws.stream('src_rz').normal(), -0.5, 1.5),
      shear: grid.shear,
      shearPhiRad: Math.PI * draws.stream('shear').uniform(),
      lensE: following?.lensE ?? 0.05 + 0.45 * draws.stream('lens_shape').uniform(),
      lensXArcsec: 0,
      lensYArcsec: 0,
    };
  }
  const shear = draws.stream('shear');
  const gamma1 = 0.05 * shear.normal();
  const gamma2 = 0.05 * shear.normal();
  const centre = draws.stream('lens_centre');
  const srcMagR = draws.stream('src_mag_r').between(23, 26);
  return {
    ...common,
    srcDmag: srcMagR - hostMagR,
    srcMagR,
    srcReffArcsec: draws.stream('src_reff').between(0.15, 0.5),
    srcN: draws.stream('src_n').between(0.5, 2),
    srcE: toE(draws.stream('src_q').between(0.3, 1)),
    srcGr: 1.15 + 0.3 * draws.stream('src_gr').normal(),
    srcRz: 0.85 + 0.2 * draws.stream('src_rz').normal(),
    shear: Math.hypot(gamma1, gamma2),
    shearPhiRad: foldAxis(0.5 * Math.atan2(gamma2, gamma1)),
    lensE: following?.lensE ?? toE(draws.stream('lens_shape').between(0.5, 1)),
    lensXArcsec: 0.05 * centre.normal(),
    lensYArcsec: 0.05 * centre.normal(),
  };
}
