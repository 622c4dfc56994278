/**
 * What a projection is: a map between the plane (x, y in degrees, Calabretta & Greisen 2002, A&A 395, 1077) and the native sphere.
 * Directions are unit vectors (cos theta cos phi, cos theta sin phi, sin theta), because zenithal projections then need no
 * trigonometric function at all and nothing is lost near the poles.
 */
import { DEG, R0 } from '../angles.ts';
import { keywordError } from '../header.ts';

/** `out` is filled and true returned, or false where the point is outside the projection (then `out` means nothing). */
export type PlaneMap = (a: number, b: number, out: Float64Array) => boolean;

export interface Projection {
  readonly code: string;
  /** Native latitude (degrees) of the fiducial point; its native longitude is 0 in every projection. */
  readonly theta0Deg: number;
  /** Plane (degrees) -> native unit vector in out[0..2]. */
  readonly deproject: PlaneMap;
  /** Native unit vector -> plane (degrees) in out[0..1]. */
  readonly project: (n1: number, n2: number, n3: number, out: Float64Array) => boolean;
}

/** The PVi_m of the latitude axis: parameter m, or `fallback` when it is absent. */
export interface ProjectionParameters {
  get(m: number, fallback: number): number;
  /** Keyword of parameter m, for messages. */
  keyword(m: number): string;
}

export type ProjectionFactory = (parameters: ProjectionParameters) => Projection;

export function parameterError(parameters: ProjectionParameters, m: number, code: string, value: number, rule: string): Error {
  const keyword = parameters.keyword(m);
  return keywordError(keyword, `${keyword} is ${value}, but ${code} needs ${rule}.`, `Correct ${keyword}.`, { value });
}

/** Angles beyond a limit by less than this many degrees are rounding (the tolerance of wcslib). */
const ANGLE_TOLERANCE_DEG = 1e-12;

/**
 * A projection written in native angles (radians): `toAngles(x, y)` gives phi, theta in out[0..1]; `toPlane(phi, theta)` gives x, y.
 * A longitude beyond +-180 degrees or a latitude beyond +-90 is outside the projection.
 */
export function fromAngles(code: string, theta0Deg: number, toAngles: PlaneMap, toPlane: PlaneMap): Projection {
  const phiLimit = Math.PI + ANGLE_TOLERANCE_DEG * DEG;
  const thetaLimit = Math.PI / 2 + ANGLE_TOLERANCE_DEG * DEG;
  return {
    code,
    theta0Deg,
    deproject: (x, y, out) => {
      if (!toAngles(x, y, out)) return false;
      const phi = out[0];
      const theta = out[1];
      if (!(phi >= -phiLimit && phi <= phiLimit && theta >= -thetaLimit && theta <= thetaLimit)) return false;
      const cosTheta = Math.cos(theta);
      out[0] = cosTheta * Math.cos(phi);
      out[1] = cosTheta * Math.sin(phi);
      out[2] = Math.sin(theta);
      return true;
    },
    project: (n1, n2, n3, out) => toPlane(Math.atan2(n2, n1), Math.atan2(n3, Math.sqrt(n1 * n1 + n2 * n2)), out),
  };
}

/**
 * A zenithal projection given as R(colatitude) (both ways, radians and units of the sphere's radius): C&G section 5.1.
 * `radius` and `colatitude` answer NaN where they are not defined.
 */
export function zenithal(code: string, radius: (c: number) => number, colatitude: (r: number) => number): Projection {
  return {
    code,
    theta0Deg: 90,
    deproject: (x, y, out) => {
      const plane = Math.sqrt(x * x + y * y);
      const c = colatitude(plane / R0);
      if (!(c >= -ANGLE_TOLERANCE_DEG * DEG && c <= Math.PI + ANGLE_TOLERANCE_DEG * DEG)) return false;
      const sin = Math.sin(c);
      out[0] = plane === 0 ? sin : (-y / plane) * sin;
      out[1] = plane === 0 ? 0 : (x / plane) * sin;
      out[2] = Math.cos(c);
      return true;
    },
    project: (n1, n2, n3, out) => {
      const h = Math.sqrt(n1 * n1 + n2 * n2);
      const r = R0 * radius(Math.atan2(h, n3));
      if (Number.isNaN(r)) return false;
      out[0] = h === 0 ? 0 : (r * n2) / h;
      out[1] = h === 0 ? -r : (-r * n1) / h;
      return true;
    },
  };
}
