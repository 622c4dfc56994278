/** Pseudo-cylindrical and related all-sky projections SFL, PAR, MOL, AIT (C&G 2002 section 5.3). */
import { DEG, R0 } from '../angles.ts';
import { fromAngles, type Projection, type ProjectionFactory } from './projection.ts';

/** x / width as a longitude, where the parallel has shrunk to a point only x = 0 is on the map. */
function longitude(x: number, width: number): number {
  if (width > 0) return x / width;
  return Math.abs(x) <= 1e-13 ? 0 : Number.NaN;
}

/** Sanson-Flamsteed: x = phi cos theta, y = theta. The old code GLS is this one with an offset. */
export const sfl: ProjectionFactory = () =>
  fromAngles(
    'SFL',
    0,
    (x, y, out) => {
      const theta = y * DEG;
      out[0] = longitude(x * DEG, Math.cos(theta));
      out[1] = theta;
      return true;
    },
    (phi, theta, out) => {
      out[0] = phi * R0 * Math.cos(theta);
      out[1] = theta * R0;
      return true;
    },
  );

/** Parabolic (Craster). */
export const par: ProjectionFactory = () =>
  fromAngles(
    'PAR',
    0,
    (x, y, out) => {
      const s = y / 180;
      if (!(Math.abs(s) <= 1)) return false;
      out[0] = longitude(x * DEG, 1 - 4 * s * s);
      out[1] = 3 * Math.asin(s);
      return true;
    },
    (phi, theta, out) => {
      const s = Math.sin(theta / 3);
      out[0] = phi * R0 * (1 - 4 * s * s);
      out[1] = 180 * s;
      return true;
    },
  );

/** 2 d - sin 2 d without cancellation at small d. */
function excess(d: number): number {
  if (d > 0.05) return 2 * d - Math.sin(2 * d);
  const d2 = d * d;
  return (4 / 3) * d * d2 * (1 - d2 / 5 + (2 * d2 * d2) / 105 - (d2 * d2 * d2) / 945);
}

/**
 * The polar distance d = pi/2 - gamma of the auxiliary angle with 2 gamma + sin 2 gamma = pi sin |theta|, that is
 * 2 d - sin 2 d = pi (1 - sin |theta|): written for the distance from the pole, where the usual form loses half of the digits.
 */
function molPolarDistance(target: number): number {
  let d = target < 1 ? Math.cbrt(0.75 * target) : target / 2;
  for (let step = 0; step < 60; step++) {
    const slope = 2 - 2 * Math.cos(2 * d);
    if (slope === 0) return d;
    const change = (excess(d) - target) / slope;
    d = Math.min(Math.PI / 2, Math.max(0, d - change));
    if (Math.abs(change) <= 1e-16 + 2e-16 * d) break;
  }
  return d;
}

/** Mollweide, equal-area. */
export const mol: ProjectionFactory = (): Projection =>
  fromAngles(
    'MOL',
    0,
    (x, y, out) => {
      const s = Math.abs(y) / (Math.SQRT2 * R0);
      if (!(s <= 1 + 1e-12)) return false;
      const cosGamma = Math.sqrt(Math.max(0, 1 - s * s));
      const d = Math.atan2(cosGamma, s);
      const below = excess(d) / Math.PI;
      out[0] = longitude((x / R0) * (Math.PI / (2 * Math.SQRT2)), cosGamma);
      out[1] = Math.sign(y) * Math.atan2(1 - below, Math.sqrt(below * (2 - below)));
      return true;
    },
    (phi, theta, out) => {
      const cos = Math.cos(theta);
      const sin = Math.abs(Math.sin(theta));
      const d = molPolarDistance((Math.PI * cos * cos) / (1 + sin));
      out[0] = R0 * ((2 * Math.SQRT2) / Math.PI) * phi * Math.sin(d);
      out[1] = Math.sign(theta) * Math.SQRT2 * R0 * Math.cos(d);
      return true;
    },
  );

/** Hammer-Aitoff, equal-area: C&G eqs 105-108, the inverse through a vector so that nothing is lost at the poles. */
export const ait: ProjectionFactory = (): Projection =>
  fromAngles(
    'AIT',
    0,
    (x, y, out) => {
      const u = x / (4 * R0);
      const v = y / (2 * R0);
      let z2 = 1 - u * u - v * v;
      if (z2 < 0.5) {
        if (!(z2 > 0.5 - 1e-13)) return false;
        z2 = 0.5;
      }
      const z = Math.sqrt(z2);
      const along = 2 * z2 - 1;
      const across = 2 * z * u;
      out[0] = 2 * Math.atan2(across, along);
      out[1] = Math.atan2(2 * z * v, Math.sqrt(along * along + across * across));
      return true;
    },
    (phi, theta, out) => {
      const cos = Math.cos(theta);
      const gamma = R0 * Math.sqrt(2 / (1 + cos * Math.cos(phi / 2)));
      out[0] = 2 * gamma * cos * Math.sin(phi / 2);
      out[1] = gamma * Math.sin(theta);
      return true;
    },
  );
