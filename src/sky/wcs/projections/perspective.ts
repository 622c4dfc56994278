/** Perspective zenithal projections AZP, SZP (C&G 2002 sections 5.1.1-5.1.2) and Airy's minimum-error projection AIR (5.1.7). */
import { cosDeg, DEG, R0, sinDeg } from '../angles.ts';
import { type ProjectionFactory, parameterError, zenithal } from './projection.ts';
import { solveBracketed } from './solve.ts';

/** Tilted perspective: PV_1 = mu (sphere radii), PV_2 = gamma (degrees). */
export const azp: ProjectionFactory = (parameters) => {
  const mu = parameters.get(1, 0);
  const gamma = parameters.get(2, 0);
  if (mu === -1) throw parameterError(parameters, 1, 'AZP', mu, 'mu other than -1');
  const cosGamma = cosDeg(gamma);
  if (cosGamma === 0) throw parameterError(parameters, 2, 'AZP', gamma, 'gamma other than +-90 degrees');
  const sinGamma = sinDeg(gamma);
  const tanGamma = sinGamma / cosGamma;
  return {
    code: 'AZP',
    theta0Deg: 90,
    deproject: (x, y, out) => {
      const yc = y * cosGamma;
      const r = Math.sqrt(x * x + yc * yc);
      const rho = r / (R0 * (mu + 1) + y * sinGamma);
      let sine = (rho * mu) / Math.sqrt(rho * rho + 1);
      if (Math.abs(sine) > 1) {
        if (!(Math.abs(sine) < 1 + 1e-13)) return false;
        sine = Math.sign(sine);
      }
      const psi = Math.atan2(1, rho);
      const omega = Math.asin(sine);
      let near = psi - omega;
      let far = psi + omega + Math.PI;
      if (near > Math.PI / 2 + 1e-14) near -= 2 * Math.PI;
      if (far > Math.PI / 2 + 1e-14) far -= 2 * Math.PI;
      const theta = Math.max(near, far);
      if (!(theta >= -Math.PI / 2 - 1e-13)) return false;
      const cos = Math.cos(theta);
      out[0] = r === 0 ? cos : (cos * -yc) / r;
      out[1] = r === 0 ? 0 : (cos * x) / r;
      out[2] = Math.sin(theta);
      return true;
    },
    project: (n1, n2, n3, out) => {
      const denominator = mu + n3 + n1 * tanGamma;
      // Divergence on one side, the limb seen from the point of projection on the other.
      if (!(denominator * Math.sign(mu + 1) > 0)) return false;
      if (Math.abs(mu) > 1 && !(n3 >= -1 / mu)) return false;
      const scale = (R0 * (mu + 1)) / denominator;
      out[0] = scale * n2;
      out[1] = (-scale * n1) / cosGamma;
      return true;
    },
  };
};

/** Slant perspective: PV_1 = mu, PV_2 = phi_c, PV_3 = theta_c (degrees). */
export const szp: ProjectionFactory = (parameters) => {
  const mu = parameters.get(1, 0);
  const phiC = parameters.get(2, 0);
  const thetaC = parameters.get(3, 90);
  const xp = -mu * cosDeg(thetaC) * sinDeg(phiC);
  const yp = mu * cosDeg(thetaC) * cosDeg(phiC);
  const zp = mu * sinDeg(thetaC) + 1;
  if (zp === 0) throw parameterError(parameters, 1, 'SZP', mu, 'a point of projection off the plane mu sin(theta_c) = -1');
  return {
    code: 'SZP',
    theta0Deg: 90,
    deproject: (x, y, out) => {
      const px = x / R0;
      const py = y / R0;
      const sx = (px - xp) / zp;
      const sy = (py - yp) / zp;
      const a = sx * sx + sy * sy + 1;
      const b = sx * (px - sx) + sy * (py - sy);
      const c = (px - sx) * (px - sx) + (py - sy) * (py - sy) - 1;
      const d = b * b - a * c;
      if (!(d >= 0)) return false;
      const root = Math.sqrt(d);
      let z = (-b + root) / a;
      if (z > 1 + 1e-12) z = (-b - root) / a;
      if (!(Math.abs(z) <= 1 + 1e-12)) return false;
      z = Math.min(1, Math.max(-1, z));
      out[0] = -(py - sy * (1 - z));
      out[1] = px - sx * (1 - z);
      out[2] = z;
      return true;
    },
    project: (n1, n2, n3, out) => {
      const depth = 1 - n3;
      const denominator = zp - depth;
      if (!(denominator * Math.sign(zp) > 0)) return false;
      // The limb seen from the point of projection P = (-yp, xp, 1 - zp): from outside the sphere the cap with P . n > 1 is hidden.
      if (Math.abs(mu) > 1 && !(xp * n2 - yp * n1 + (1 - zp) * n3 <= 1 + 1e-13)) return false;
      out[0] = (R0 * (zp * n2 - xp * depth)) / denominator;
      out[1] = (-R0 * (zp * n1 + yp * depth)) / denominator;
      return true;
    },
  };
};

/** Airy: PV_1 = theta_b (degrees, default 90), the edge within which the error is least. */
export const air: ProjectionFactory = (parameters) => {
  const thetaB = parameters.get(1, 90);
  if (!(thetaB > -90 && thetaB <= 90)) throw parameterError(parameters, 1, 'AIR', thetaB, 'theta_b within (-90, 90]');
  const xiB = ((90 - thetaB) / 2) * DEG;
  const edge = thetaB === 90 ? -0.5 : (0.5 * Math.log1p(-(Math.sin(xiB) ** 2))) / Math.tan(xiB) ** 2;
  const radius = (c: number): number => {
    const xi = c / 2;
    if (xi === 0) return 0;
    if (!(xi < Math.PI / 2)) return Number.NaN;
    const t = Math.tan(xi);
    return -2 * ((0.5 * Math.log1p(-(Math.sin(xi) ** 2))) / t + t * edge);
  };
  const end = Math.PI * (1 - 1e-12);
  return zenithal('AIR', radius, (r) => (r === 0 ? 0 : solveBracketed((c) => radius(c) - r, 0, end)));
};
