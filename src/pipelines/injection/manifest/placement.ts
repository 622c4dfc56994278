/**
 * Where sources go, and what their images are: uniform in the disc of a prior, or in the area behind the lens with four, two or at least two
 * images, through the caustic curves of the isothermal ellipse with shear.
 */
import { type Polygon, smoothCurveArea, windingNumber } from '../../../core/polygon.ts';
import type { PhiloxStream } from '../../../core/rng.ts';
import { type CausticCurves, causticAreas, causticCurves } from '../../../sky/lensing/caustics.ts';
import type { LensParameters } from '../../../sky/lensing/parameters.ts';

export type PlacementName = 'disc' | 'quad' | 'double' | 'cut';

export interface Placed {
  /** Source from the lens centre, arcsec. */
  readonly x: number;
  readonly y: number;
  /** Images of the source centre. */
  readonly images: number;
  /** Source-plane area that was drawn from, arcsec^2. */
  readonly area: number;
}

/** Vertices per curve: areas to 1e-3 at q = 0.02, 5e-4 from q = 0.1, 5e-5 from q = 0.5. Points near a curve are counted on the fine one. */
const COARSE = 128;
const FINE = 1024;
/**
 * Largest distance of a coarse curve from the true one, as a share of its farthest vertex: measured up to 2.1e-3 for cuts and 6.2e-3 for
 * caustics, q from 0.02 to 0.99, shear to 0.3.
 */
const CHORD_ERROR = 7e-3;
/** Below this share of b^2 an area is rounding: round lenses without shear have no quad area. */
const NO_AREA = 1e-9;
const MOST_TRIES = 100_000;

/**
 * Area inside the tangential critical curve of an SIE or SIS with shear, arcsec^2, in closed form: with m = 1, gamma = (G1, G2) in the lens frame
 * and rho = (1-q)/(1+q), half the integral of r_c^2 (Kormann et al. 1994 with shear) is
 * pi b^2 / (q (1-gamma^2)^2) (1 - 2 G1 rho + (G1^2 (1+rho^2) + G2^2 (1-rho^2)) / 2), from int cos(nu)/(A - B cos u) du = 2 pi rho^n / q.
 */
export function isothermalCriticalArea(lens: LensParameters): number {
  const { cosPhi, sinPhi, q, b } = lens;
  const cos2 = cosPhi * cosPhi - sinPhi * sinPhi;
  const sin2 = 2 * cosPhi * sinPhi;
  const g1 = cos2 * lens.gamma1 + sin2 * lens.gamma2;
  const g2 = cos2 * lens.gamma2 - sin2 * lens.gamma1;
  const rho = (1 - q) / (1 + q);
  const determinant = 1 - g1 * g1 - g2 * g2;
  const shape = 1 - 2 * g1 * rho + 0.5 * (g1 * g1 * (1 + rho * rho) + g2 * g2 * (1 - rho * rho));
  return ((Math.PI * b * b) / (q * determinant * determinant)) * shape;
}

/**
 * True where the point is so close to an edge that the curve itself may pass on its other side. A chord is off by an eighth of the second difference
 * of the vertices, at a cusp too; four times that counts as close.
 */
function isNear({ x, y }: Polygon, px: number, py: number): boolean {
  const count = x.length;
  const second2 = (i: number): number => {
    const [before, after] = [i === 0 ? count - 1 : i - 1, i === count - 1 ? 0 : i + 1];
    const dx = x[before] - 2 * x[i] + x[after];
    const dy = y[before] - 2 * y[i] + y[after];
    return dx * dx + dy * dy;
  };
  let previous = second2(count - 1);
  for (let i = 0, j = count - 1; i < count; j = i++) {
    const own = second2(i);
    const limit2 = 0.25 * Math.max(own, previous);
    previous = own;
    const ex = x[i] - x[j];
    const ey = y[i] - y[j];
    const along = (px - x[j]) * ex + (py - y[j]) * ey;
    const length2 = ex * ex + ey * ey;
    const share = along <= 0 || length2 === 0 ? 0 : along >= length2 ? 1 : along / length2;
    const dx = px - x[j] - share * ex;
    const dy = py - y[j] - share * ey;
    if (dx * dx + dy * dy < limit2) return true;
  }
  return false;
}

/** Distances of the nearest and the farthest vertex from the centre of the lens. */
function rangeOf({ x, y }: Polygon): readonly [nearest: number, farthest: number] {
  let nearest = Number.POSITIVE_INFINITY;
  let farthest = 0;
  for (let k = 0; k < x.length; k++) {
    const distance2 = x[k] * x[k] + y[k] * y[k];
    if (distance2 < nearest) nearest = distance2;
    if (distance2 > farthest) farthest = distance2;
  }
  return [Math.sqrt(nearest), Math.sqrt(farthest)];
}

/** Caustic and cut of one lens centred at the origin; fine curves are made when a point needs them. */
class SourcePlane {
  readonly curves: CausticCurves;
  readonly #lens: LensParameters;
  readonly #caustic: readonly [number, number];
  readonly #cut: readonly [number, number];
  #fine: CausticCurves | undefined;

  constructor(lens: LensParameters) {
    this.#lens = lens;
    this.curves = causticCurves(lens, COARSE);
    this.#caustic = rangeOf(this.curves.caustic as Polygon);
    this.#cut = rangeOf(this.curves.inner as Polygon);
  }

  /** A cusp reaches out of the cut. */
  get isNaked(): boolean {
    const caustic = this.curves.caustic as Polygon;
    const cut = this.curves.inner as Polygon;
    const nearest = (1 - CHORD_ERROR) * this.#cut[0];
    if (this.#caustic[1] < nearest) return false;
    return caustic.x.some((x, k) => Math.hypot(x, caustic.y[k]) > nearest && windingNumber(cut, x, caustic.y[k]) === 0);
  }

  #has(which: 'caustic' | 'inner', range: readonly [number, number], x: number, y: number): boolean {
    const radius = Math.hypot(x, y);
    const limit = CHORD_ERROR * range[1];
    if (radius > range[1] + limit) return false;
    // The cut is convex and holds the circle of its nearest vertices; a caustic holds none.
    if (which === 'inner' && radius < range[0] - limit) return true;
    const coarse = this.curves[which] as Polygon;
    if (!isNear(coarse, x, y)) return windingNumber(coarse, x, y) !== 0;
    this.#fine ??= causticCurves(this.#lens, FINE);
    return windingNumber(this.#fine[which] as Polygon, x, y) !== 0;
  }

  inCut(x: number, y: number): boolean {
    return this.#has('inner', this.#cut, x, y);
  }

  inCaustic(x: number, y: number): boolean {
    return this.#has('caustic', this.#caustic, x, y);
  }

  /** Images of a point source: 4 in cut and caustic, 2 in the cut, 3 in the caustic only, 1 outside. */
  images(x: number, y: number): number {
    return 1 + (this.inCut(x, y) ? 1 : 0) + (this.inCaustic(x, y) ? 2 : 0);
  }
}

/** Area that a placement draws from, arcsec^2. */
function areaOf(plane: SourcePlane, placement: Exclude<PlacementName, 'disc'>): number {
  if (placement !== 'cut' && plane.isNaked) return causticAreas(plane.curves)[placement];
  const cut = Math.abs(smoothCurveArea(plane.curves.inner as Polygon));
  if (placement === 'cut') return cut;
  const caustic = Math.abs(smoothCurveArea(plane.curves.caustic as Polygon));
  return placement === 'quad' ? caustic : cut - caustic;
}

/** True where a point is in the area that the placement names. */
function isWanted(plane: SourcePlane, placement: Exclude<PlacementName, 'disc'>, x: number, y: number): boolean {
  if (placement === 'quad') return plane.inCaustic(x, y) && plane.inCut(x, y);
  return plane.inCut(x, y) && (placement === 'cut' || !plane.inCaustic(x, y));
}

/** Range of a coordinate with room for the chords. */
function bounds(values: Float64Array): readonly [low: number, high: number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const margin = CHORD_ERROR * (high - low);
  return [low - margin, high + margin];
}

/**
 * Draws the position of a source.
 *
 * @param lens SIE or SIS centred at the origin, with b > 0
 * @param radii inner and outer radius of the disc, arcsec; read by `disc` only
 * @returns undefined where the area is nothing (four images of a round lens without shear)
 */
export function placeSource(
  lens: LensParameters,
  placement: PlacementName,
  radii: readonly [inner: number, outer: number],
  stream: PhiloxStream,
): Placed | undefined {
  const plane = new SourcePlane(lens);
  if (placement === 'disc') {
    const [inner2, outer2] = [radii[0] ** 2, radii[1] ** 2];
    const radius = Math.sqrt(inner2 + (outer2 - inner2) * stream.uniform());
    const angle = 2 * Math.PI * stream.uniform();
    const x = radius * Math.cos(angle);
    const y = radius * Math.sin(angle);
    return { x, y, images: plane.images(x, y), area: Math.PI * (outer2 - inner2) };
  }
  const area = areaOf(plane, placement);
  if (!(area > NO_AREA * lens.b * lens.b)) return undefined;
  const box = (placement === 'quad' ? plane.curves.caustic : plane.curves.inner) as Polygon;
  const [lowX, highX] = bounds(box.x);
  const [lowY, highY] = bounds(box.y);
  for (let attempt = 0; attempt < MOST_TRIES; attempt++) {
    const x = stream.between(lowX, highX);
    const y = stream.between(lowY, highY);
    if (isWanted(plane, placement, x, y)) return { x, y, images: plane.images(x, y), area };
  }
  return undefined;
}

/** Images of a source at (x, y), arcsec from the centre of an SIE or SIS that is centred at the origin. */
export function imagesAt(lens: LensParameters, x: number, y: number): number {
  return new SourcePlane(lens).images(x, y);
}
