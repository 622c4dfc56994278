/**
 * Native sphere <-> celestial sphere: the rotation that CRVAL, LONPOLE, LATPOLE and the native fiducial point define
 * (Calabretta & Greisen 2002, sections 2.2-2.4).
 */
import { ArcletError } from '../../core/errors.ts';
import { cosDeg, R0, sinDeg, wrap180 } from './angles.ts';

export interface SphereParameters {
  /** Celestial coordinates of the fiducial point, degrees. */
  lonDeg: number;
  latDeg: number;
  /** Native coordinates of the fiducial point, degrees. */
  phi0Deg: number;
  theta0Deg: number;
  /** LONPOLE and LATPOLE; undefined takes the standard's defaults. */
  lonPoleDeg?: number;
  latPoleDeg?: number;
  /** Keywords for messages. */
  latKeyword: string;
  lonPoleKeyword: string;
}

export interface Sphere {
  /** Celestial longitude and latitude of the native pole and LONPOLE as used, degrees. */
  readonly poleLonDeg: number;
  readonly poleLatDeg: number;
  readonly lonPoleDeg: number;
  /** Row-major rotation, native unit vector -> celestial unit vector; its transpose goes back. */
  readonly rotation: Float64Array;
}

const TOLERANCE = 1e-10;

/** The rotation. Throws INPUT_INVALID when no pole satisfies the keywords. */
export function sphereRotation(p: SphereParameters): Sphere {
  if (!(Math.abs(p.latDeg) <= 90 + TOLERANCE)) {
    throw new ArcletError('INPUT_INVALID', `${p.latKeyword} is ${p.latDeg}, beyond a pole.`, {
      subject: p.latKeyword,
      remedy: `Give ${p.latKeyword} a latitude within +-90 degrees.`,
      data: { latDeg: p.latDeg },
    });
  }
  const lonPole = p.lonPoleDeg ?? wrap180((p.latDeg < p.theta0Deg ? 180 : 0) + p.phi0Deg);
  const { poleLon, poleLat } = p.theta0Deg === 90 ? { poleLon: p.lonDeg, poleLat: p.latDeg } : findPole(p, lonPole);
  return { poleLonDeg: poleLon, poleLatDeg: poleLat, lonPoleDeg: lonPole, rotation: rotationMatrix(poleLon, poleLat, lonPole) };
}

/** The celestial position of the native pole when the fiducial point is not there (C&G eqs 8-10 and the special cases after them). */
function findPole(p: SphereParameters, lonPole: number): { poleLon: number; poleLat: number } {
  const sinLat = sinDeg(p.latDeg);
  const cosLat = cosDeg(p.latDeg);
  const sinPhi = sinDeg(lonPole - p.phi0Deg);
  const cosPhi = cosDeg(lonPole - p.phi0Deg);
  const sinTheta = sinDeg(p.theta0Deg);
  const cosTheta = cosDeg(p.theta0Deg);
  const wanted = p.latPoleDeg ?? 90;
  const z = Math.hypot(cosTheta * cosPhi, sinTheta);
  const noPole = (): ArcletError =>
    new ArcletError(
      'INPUT_INVALID',
      `${p.lonPoleKeyword} = ${lonPole} leaves no place for the native pole with ${p.latKeyword} = ${p.latDeg} and theta0 = ${p.theta0Deg}.`,
      {
        subject: p.lonPoleKeyword,
        remedy: `Correct ${p.lonPoleKeyword} or ${p.latKeyword}.`,
        data: { lonPole, latDeg: p.latDeg, theta0Deg: p.theta0Deg },
      },
    );
  let poleLat: number;
  if (z < TOLERANCE) {
    if (Math.abs(sinLat) > TOLERANCE) throw noPole();
    poleLat = wanted;
  } else {
    let ratio = sinLat / z;
    if (Math.abs(ratio) > 1) {
      if (Math.abs(ratio) > 1 + TOLERANCE) throw noPole();
      ratio = Math.sign(ratio);
    }
    const u = R0 * Math.atan2(sinTheta, cosTheta * cosPhi);
    const v = R0 * Math.acos(ratio);
    const first = wrap180(u + v);
    const second = wrap180(u - v);
    const [near, far] = Math.abs(wanted - first) < Math.abs(wanted - second) ? [first, second] : [second, first];
    poleLat = Math.abs(near) < 90 + TOLERANCE ? near : far;
    if (!(Math.abs(poleLat) < 90 + TOLERANCE)) throw noPole();
    poleLat = Math.min(90, Math.max(-90, poleLat));
  }
  const scale = cosDeg(poleLat) * cosLat;
  if (Math.abs(scale) < TOLERANCE) {
    if (Math.abs(cosLat) < TOLERANCE) return { poleLon: p.lonDeg, poleLat };
    if (poleLat > 0) return { poleLon: p.lonDeg + lonPole - p.phi0Deg - 180, poleLat: 90 };
    return { poleLon: p.lonDeg - lonPole + p.phi0Deg, poleLat: -90 };
  }
  const x = (sinTheta - sinDeg(poleLat) * sinLat) / scale;
  const y = (sinPhi * cosTheta) / cosLat;
  if (x === 0 && y === 0) throw noPole();
  return { poleLon: p.lonDeg - R0 * Math.atan2(y, x), poleLat };
}

/** C&G eq 2 as a matrix. */
function rotationMatrix(poleLon: number, poleLat: number, lonPole: number): Float64Array {
  const ca = cosDeg(poleLon);
  const sa = sinDeg(poleLon);
  const cd = cosDeg(poleLat);
  const sd = sinDeg(poleLat);
  const cp = cosDeg(lonPole);
  const sp = sinDeg(lonPole);
  return Float64Array.of(
    -sa * sp - ca * sd * cp,
    sa * cp - ca * sd * sp,
    ca * cd,
    ca * sp - sa * sd * cp,
    -ca * cp - sa * sd * sp,
    sa * cd,
    cd * cp,
    cd * sp,
    sd,
  );
}
