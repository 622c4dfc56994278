/** Cylindrical projections CYP, CEA, CAR, MER (C&G 2002 section 5.2). */
import { DEG, R0 } from '../angles.ts';
import { fromAngles, type ProjectionFactory, parameterError } from './projection.ts';

/** Plate carree: x = phi, y = theta. */
export const car: ProjectionFactory = () =>
  fromAngles(
    'CAR',
    0,
    (x, y, out) => {
      out[0] = x * DEG;
      out[1] = y * DEG;
      return true;
    },
    (phi, theta, out) => {
      out[0] = phi * R0;
      out[1] = theta * R0;
      return true;
    },
  );

/** Equal-area: y = r0 sin(theta) / lambda, PV_1 = lambda in (0, 1]. */
export const cea: ProjectionFactory = (parameters) => {
  const lambda = parameters.get(1, 1);
  if (!(lambda > 0 && lambda <= 1)) throw parameterError(parameters, 1, 'CEA', lambda, 'lambda within (0, 1]');
  return fromAngles(
    'CEA',
    0,
    (x, y, out) => {
      let s = (y * lambda) / R0;
      if (Math.abs(s) > 1) {
        if (!(Math.abs(s) < 1 + 1e-13)) return false;
        s = Math.sign(s);
      }
      out[0] = x * DEG;
      out[1] = Math.asin(s);
      return true;
    },
    (phi, theta, out) => {
      out[0] = phi * R0;
      out[1] = (R0 * Math.sin(theta)) / lambda;
      return true;
    },
  );
};

/** Mercator: y = r0 ln tan(45 + theta/2); the poles have no image. */
export const mer: ProjectionFactory = () =>
  fromAngles(
    'MER',
    0,
    (x, y, out) => {
      out[0] = x * DEG;
      out[1] = 2 * Math.atan(Math.exp(y / R0)) - Math.PI / 2;
      return true;
    },
    (phi, theta, out) => {
      if (!(Math.abs(theta) < Math.PI / 2 - 1e-15)) return false;
      out[0] = phi * R0;
      out[1] = R0 * Math.asinh(Math.tan(theta));
      return true;
    },
  );

/** Cylindrical perspective: PV_1 = mu, PV_2 = lambda (default 1 each). */
export const cyp: ProjectionFactory = (parameters) => {
  const mu = parameters.get(1, 1);
  const lambda = parameters.get(2, 1);
  if (!(lambda > 0)) throw parameterError(parameters, 2, 'CYP', lambda, 'lambda above 0');
  if (mu + lambda === 0) throw parameterError(parameters, 1, 'CYP', mu, 'mu other than -lambda');
  return fromAngles(
    'CYP',
    0,
    (x, y, out) => {
      const eta = y / (R0 * (mu + lambda));
      const s = (eta * mu) / Math.sqrt(eta * eta + 1);
      if (!(Math.abs(s) <= 1)) return false;
      out[0] = (x / lambda) * DEG;
      out[1] = Math.atan2(eta, 1) + Math.asin(s);
      return true;
    },
    (phi, theta, out) => {
      const s = mu + Math.cos(theta);
      if (!(s > 0)) return false;
      out[0] = lambda * phi * R0;
      out[1] = (R0 * (mu + lambda) * Math.sin(theta)) / s;
      return true;
    },
  );
};
