/**
 * Lens models in float64: deflection and its derivatives in the pixel frame. beta = theta - alpha(theta); lengths in arcsec.
 *
 * The numbers in `LensParameters` come from `lensParameters`; the WGSL twins are shaders/lib/lens/*.wgsl.
 */
import { eplDeflection, eplShear } from './epl.ts';
import { isothermalDeflection, isothermalShear, sisDeflection } from './isothermal.ts';
import { nfwDeflection, nfwShear } from './nfw.ts';
import { LENS_KIND, type LensParameters } from './parameters.ts';
import { pointDeflection, pointShear } from './point.ts';

export {
  LENS_KIND,
  LENS_KINDS,
  type LensDescription,
  type LensModel,
  type LensParameters,
  lensParameters,
} from './parameters.ts';

/** Writes the deflection at (x, y) into out[0], out[1]. */
export type Deflector = (x: number, y: number, out: Float64Array) => void;

type Local = (lens: LensParameters, x: number, y: number, out: Float64Array) => void;

const nothing: Local = (_lens, _x, _y, out) => {
  out.fill(0);
};

/** By kind, in the order of LENS_KINDS. */
const DEFLECTIONS: readonly Local[] = [
  nothing,
  pointDeflection,
  sisDeflection,
  isothermalDeflection,
  isothermalDeflection,
  eplDeflection,
  nfwDeflection,
];
const SHEARS: readonly Local[] = [nothing, pointShear, isothermalShear, isothermalShear, isothermalShear, eplShear, nfwShear];

function deflectWith(local: Local, lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const { cosPhi, sinPhi, gamma1, gamma2, kappaExt } = lens;
  const dx = x - lens.x;
  const dy = y - lens.y;
  local(lens, cosPhi * dx + sinPhi * dy, cosPhi * dy - sinPhi * dx, out);
  const u = out[0];
  const v = out[1];
  out[0] = cosPhi * u - sinPhi * v + (kappaExt + gamma1) * dx + gamma2 * dy;
  out[1] = sinPhi * u + cosPhi * v + gamma2 * dx + (kappaExt - gamma1) * dy;
}

/**
 * Total deflection (lens, external shear and convergence, both about the lens centre) at (x, y), arcsec, into out[0], out[1].
 * Finite everywhere, also at the centre of singular models.
 */
export function deflect(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  deflectWith(DEFLECTIONS[lens.kind], lens, x, y, out);
}

/** {@link deflect} with the model looked up once: for loops over many rays of one lens. */
export function makeDeflector(lens: LensParameters): Deflector {
  // SIE and NIE are what renders spend their time on: a call site of its own stays monomorphic and is inlined.
  if (lens.kind === LENS_KIND.sie || lens.kind === LENS_KIND.nie) {
    return (x, y, out) => deflectWith(isothermalDeflection, lens, x, y, out);
  }
  const local = DEFLECTIONS[lens.kind];
  return (x, y, out) => deflectWith(local, lens, x, y, out);
}

/**
 * Convergence and shear at (x, y), external parts included: kappa, gamma1, gamma2 into out[0..2]. Closed forms for every model.
 */
export function convergenceShear(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  const { cosPhi, sinPhi } = lens;
  const dx = x - lens.x;
  const dy = y - lens.y;
  SHEARS[lens.kind](lens, cosPhi * dx + sinPhi * dy, cosPhi * dy - sinPhi * dx, out);
  const shear1 = out[1];
  const shear2 = out[2];
  const cos2 = cosPhi * cosPhi - sinPhi * sinPhi;
  const sin2 = 2 * sinPhi * cosPhi;
  out[0] += lens.kappaExt;
  out[1] = cos2 * shear1 - sin2 * shear2 + lens.gamma1;
  out[2] = sin2 * shear1 + cos2 * shear2 + lens.gamma2;
}

/** Derivatives of the total deflection at (x, y): a_xx, a_xy (= a_yx), a_yy into out[0..2], dimensionless. */
export function hessian(lens: LensParameters, x: number, y: number, out: Float64Array): void {
  convergenceShear(lens, x, y, out);
  const kappa = out[0];
  const gamma1 = out[1];
  out[0] = kappa + gamma1;
  out[1] = out[2];
  out[2] = kappa - gamma1;
}

/** det(d beta / d theta) from {@link hessian}'s output: 1/mu, signed by parity. */
export function inverseMagnification(h: ArrayLike<number>): number {
  return (1 - h[0]) * (1 - h[2]) - h[1] * h[1];
}
