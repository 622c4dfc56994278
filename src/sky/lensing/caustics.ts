/**
 * Critical curves, caustics and cuts, and what follows from them: areas, cross sections, image counts.
 *
 * SIE and SIS with shear and sheet have closed forms (Kormann et al. 1994; Keeton et al. 2000): with m = 1 - kappa_ext, gamma = (G1, G2) in the
 * lens frame, t the polar angle and D = sqrt(q^2 cos^2 t + sin^2 t), the tangential critical curve is
 * r_c = b (m - G1 cos 2t - G2 sin 2t) / (D (m^2 - gamma^2)); there is no radial one, but the deflection near the centre, which depends on t only,
 * bounds the sources with a second image: the cut. Other models are marched along rays from the centre with the Hessian.
 */
import { ArcletError } from '../../core/errors.ts';
import { clipByConvex, type Polygon, polygonArea, smoothCurveArea, windingNumber } from '../../core/polygon.ts';
import { isothermalDeflection } from './isothermal.ts';
import { deflect, hessian, inverseMagnification, LENS_KIND, type LensParameters } from './models.ts';

/** Curves in the pixel frame, arcsec. `critical` lies in the lens plane, `caustic` and `inner` in the source plane. */
export interface CausticCurves {
  /** Tangential critical curve; null where the lens is nowhere critical. */
  readonly critical: Polygon | null;
  /** Tangential caustic. */
  readonly caustic: Polygon | null;
  /** Cut of a singular isothermal lens, radial caustic of a softer one; null where there is none. */
  readonly inner: Polygon | null;
  /** `unbounded`: the deflection diverges at the centre (point mass, EPL steeper than isothermal) and every source has its second image. */
  readonly innerKind: 'cut' | 'radial' | 'none' | 'unbounded';
}

/** Source-plane areas (but `critical`), arcsec^2. */
export interface CausticAreas {
  /** Inside the tangential critical curve: pi theta_E^2 of the effective Einstein radius. */
  readonly critical: number;
  readonly caustic: number;
  readonly inner: number;
  /** Inside both: four bright images. */
  readonly quad: number;
  /** Inside `inner` only: two. */
  readonly double: number;
  /** Inside the caustic only: three images on one side (naked cusp). */
  readonly naked: number;
}

/**
 * Critical curve, caustic and cut or radial caustic.
 * @param samples vertices per curve, even; areas of closed-form curves are good to about (20/samples)^4
 * Throws INPUT_INVALID for an isothermal lens whose shear and sheet alone reach m^2 <= gamma^2 (no closed critical curve).
 */
export function causticCurves(lens: LensParameters, samples = 720): CausticCurves {
  if (lens.kind === LENS_KIND.none || lens.b === 0) {
    if (lens.kind !== LENS_KIND.nfw) return { critical: null, caustic: null, inner: null, innerKind: 'none' };
  }
  if (lens.kind === LENS_KIND.sie || lens.kind === LENS_KIND.sis) return isothermalCurves(lens, samples);
  return marchedCurves(lens, samples);
}

function emptyPolygon(samples: number): { x: Float64Array; y: Float64Array } {
  return { x: new Float64Array(samples), y: new Float64Array(samples) };
}

function isothermalCurves(lens: LensParameters, samples: number): CausticCurves {
  const { cosPhi, sinPhi, q, b } = lens;
  const cos2 = cosPhi * cosPhi - sinPhi * sinPhi;
  const sin2 = 2 * cosPhi * sinPhi;
  const g1 = cos2 * lens.gamma1 + sin2 * lens.gamma2;
  const g2 = cos2 * lens.gamma2 - sin2 * lens.gamma1;
  const m = 1 - lens.kappaExt;
  const determinant = m * m - g1 * g1 - g2 * g2;
  if (!(determinant > 0 && m > 0)) {
    throw new ArcletError(
      'INPUT_INVALID',
      `Shear ${Math.hypot(g1, g2)} with external convergence ${lens.kappaExt} is itself critical.`,
      {
        subject: 'gamma1',
        remedy: 'Keep the external shear below 1 - kappaExt.',
      },
    );
  }
  const critical = emptyPolygon(samples);
  const caustic = emptyPolygon(samples);
  const cut = emptyPolygon(samples);
  const alpha = new Float64Array(2);
  const place = (curve: Polygon, k: number, u: number, v: number): void => {
    curve.x[k] = lens.x + cosPhi * u - sinPhi * v;
    curve.y[k] = lens.y + sinPhi * u + cosPhi * v;
  };
  for (let k = 0; k < samples; k++) {
    const t = (2 * Math.PI * k) / samples;
    const c = Math.cos(t);
    const s = Math.sin(t);
    const bracket = m - g1 * (c * c - s * s) - g2 * 2 * s * c;
    const radius = (b * bracket) / (Math.sqrt(q * q * c * c + s * s) * determinant);
    isothermalDeflection(lens, c, s, alpha);
    place(critical, k, radius * c, radius * s);
    place(caustic, k, radius * ((m - g1) * c - g2 * s) - alpha[0], radius * ((m + g1) * s - g2 * c) - alpha[1]);
    place(cut, k, -alpha[0], -alpha[1]);
  }
  return { critical, caustic, inner: cut, innerKind: 'cut' };
}

const RAY_STEPS = 160;

/** Radii between `outer` and 1e-5 of it where det A changes sign, at most two, outermost first. */
function signChanges(determinantAt: (radius: number) => number, outer: number): number[] {
  const found: number[] = [];
  const ratio = 1e-5 ** (1 / RAY_STEPS);
  let radius = outer;
  let value = determinantAt(radius);
  for (let k = 0; k < RAY_STEPS && found.length < 2; k++) {
    const next = radius * ratio;
    const nextValue = determinantAt(next);
    if (value > 0 !== nextValue > 0) found.push(bisect(determinantAt, next, radius, nextValue > 0));
    radius = next;
    value = nextValue;
  }
  return found;
}

function bisect(f: (radius: number) => number, low: number, high: number, lowPositive: boolean): number {
  while (high - low > 1e-14 * high) {
    const middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    if (f(middle) > 0 === lowPositive) low = middle;
    else high = middle;
  }
  return 0.5 * (low + high);
}

function marchedCurves(lens: LensParameters, samples: number): CausticCurves {
  const h = new Float64Array(3);
  const alpha = new Float64Array(2);
  const outer = 20 * Math.max(lens.b, lens.kind === LENS_KIND.nfw ? lens.rs : 0);
  const critical = emptyPolygon(samples);
  const caustic = emptyPolygon(samples);
  const inner = emptyPolygon(samples);
  const unbounded = lens.kind === LENS_KIND.point || (lens.kind === LENS_KIND.epl && lens.slope > 1);
  // An EPL of exactly isothermal slope has a cut: its deflection close to the centre.
  const isothermalEpl = lens.kind === LENS_KIND.epl && lens.slope === 1;
  let radial = !unbounded;
  for (let k = 0; k < samples; k++) {
    const t = (2 * Math.PI * k) / samples;
    const c = Math.cos(t);
    const s = Math.sin(t);
    const determinantAt = (radius: number): number => {
      hessian(lens, lens.x + radius * c, lens.y + radius * s, h);
      return inverseMagnification(h);
    };
    const radii = signChanges(determinantAt, outer);
    if (radii.length === 0) return { critical: null, caustic: null, inner: null, innerKind: unbounded ? 'unbounded' : 'none' };
    const toSource = (curve: Polygon, radius: number): void => {
      const x = lens.x + radius * c;
      const y = lens.y + radius * s;
      deflect(lens, x, y, alpha);
      curve.x[k] = x - alpha[0];
      curve.y[k] = y - alpha[1];
    };
    critical.x[k] = lens.x + radii[0] * c;
    critical.y[k] = lens.y + radii[0] * s;
    toSource(caustic, radii[0]);
    if (isothermalEpl) toSource(inner, 1e-5 * lens.b);
    else if (radii.length > 1) toSource(inner, radii[1]);
    else radial = false;
  }
  if (isothermalEpl) return { critical, caustic, inner, innerKind: 'cut' };
  if (unbounded) return { critical, caustic, inner: null, innerKind: 'unbounded' };
  return { critical, caustic, inner: radial ? inner : null, innerKind: radial ? 'radial' : 'none' };
}

/**
 * Areas and cross sections. `inner` is convex for isothermal lenses (its tangent turns with t), so the caustic is clipped by it. Where ellipticity
 * and shear nearly cancel the caustic crosses itself and its area counts loops with their sign.
 */
export function causticAreas(curves: CausticCurves): CausticAreas {
  const { critical, caustic, inner } = curves;
  const causticArea = caustic === null ? 0 : Math.abs(smoothCurveArea(caustic));
  const innerArea = inner === null ? 0 : Math.abs(smoothCurveArea(inner));
  const naked = caustic === null || curves.innerKind === 'unbounded' ? 0 : nakedArea(caustic, inner, causticArea);
  const quad = causticArea - naked;
  return {
    critical: critical === null ? 0 : Math.abs(smoothCurveArea(critical)),
    caustic: causticArea,
    inner: innerArea,
    quad,
    double: curves.innerKind === 'unbounded' ? Number.POSITIVE_INFINITY : innerArea - quad,
    naked,
  };
}

/** Area of the caustic outside `inner`, extrapolated like the other areas from all and every other vertex (1e-7 of theta_E^2 at q = 0.3). */
function nakedArea(caustic: Polygon, inner: Polygon | null, causticArea: number): number {
  if (inner === null) return causticArea;
  if (caustic.x.every((x, k) => windingNumber(inner, x, caustic.y[k]) !== 0)) return 0;
  const convex = polygonArea(inner) > 0 ? inner : { x: inner.x.toReversed(), y: inner.y.toReversed() };
  const outside = (curve: Polygon, bound: Polygon): number =>
    Math.abs(polygonArea(curve)) - Math.abs(polygonArea(clipByConvex(curve, bound)));
  return (4 * outside(caustic, convex) - outside(everyOther(caustic), everyOther(convex))) / 3;
}

function everyOther({ x, y }: Polygon): Polygon {
  return { x: x.filter((_, k) => k % 2 === 0), y: y.filter((_, k) => k % 2 === 0) };
}

/**
 * How many images a point source at (x, y), arcsec, has; images at a singular centre, which have no flux, are not counted, the faint central
 * image of a cored lens is. SIE: 4 in cut and caustic, 2 in the cut, 3 in the caustic only, 1 outside.
 */
export function imageCount(curves: CausticCurves, x: number, y: number): number {
  const inCaustic = curves.caustic !== null && windingNumber(curves.caustic, x, y) !== 0;
  const inInner = curves.inner !== null && windingNumber(curves.inner, x, y) !== 0;
  const second = curves.innerKind === 'unbounded' ? 1 : !inInner ? 0 : curves.innerKind === 'cut' ? 1 : 2;
  return 1 + second + (inCaustic ? 2 : 0);
}

/** Effective Einstein radius sqrt(area inside the tangential critical curve / pi), arcsec; 0 for a lens that is nowhere critical. */
export function effectiveEinsteinRadius(lens: LensParameters): number {
  return Math.sqrt(causticAreas(causticCurves(lens)).critical / Math.PI);
}
