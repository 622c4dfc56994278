/** BON (Bonne) and PCO (polyconic): C&G 2002 section 5.5. */
import { cosDeg, DEG, R0, sinDeg } from '../angles.ts';
import { fromAngles, type ProjectionFactory, parameterError } from './projection.ts';
import { sfl } from './pseudocylindrical.ts';
import { solveBracketed } from './solve.ts';

/** Bonne's equal-area projection; PV_1 = theta_1 (degrees), which is SFL at 0. */
export const bon: ProjectionFactory = (parameters) => {
  const theta1 = parameters.get(1, Number.NaN);
  if (!(Math.abs(theta1) <= 90)) throw parameterError(parameters, 1, 'BON', theta1, 'theta_1 within +-90 degrees');
  if (theta1 === 0) return { ...sfl(parameters), code: 'BON' };
  const y0 = (R0 * cosDeg(theta1)) / sinDeg(theta1) + theta1;
  const sign = Math.sign(theta1);
  return fromAngles(
    'BON',
    0,
    (x, y, out) => {
      const dy = y0 - y;
      const r = sign * Math.sqrt(x * x + dy * dy);
      const theta = (y0 - r) * DEG;
      const cos = Math.cos(theta);
      out[0] = r === 0 || cos < 1e-16 ? 0 : (Math.atan2(x / r, dy / r) * r) / (R0 * cos);
      out[1] = theta;
      return true;
    },
    (phi, theta, out) => {
      const r = y0 - theta * R0;
      const a = r === 0 ? 0 : (R0 * phi * Math.cos(theta)) / r;
      out[0] = r * Math.sin(a);
      out[1] = y0 - r * Math.cos(a);
      return true;
    },
  );
};

/** Hassler's polyconic. */
export const pco: ProjectionFactory = () =>
  fromAngles(
    'PCO',
    0,
    (xDeg, yDeg, out) => {
      const x = xDeg * DEG;
      const y = yDeg * DEG;
      if (Math.abs(y) < 1e-14) {
        out[0] = x;
        out[1] = 0;
        return true;
      }
      // On the parallel theta the map is a circle: x^2 + (y - theta)^2 = 2 (y - theta) cot theta, with one root between 0 and y.
      const circle = (theta: number): number =>
        Math.sin(theta) * (x * x + (y - theta) * (y - theta)) - 2 * (y - theta) * Math.cos(theta);
      const end = Math.sign(y) * Math.min(Math.abs(y), Math.PI / 2);
      const theta = solveBracketed(circle, 0, end);
      if (Number.isNaN(theta)) return false;
      const sin = Math.sin(theta);
      const cos = Math.cos(theta);
      out[0] = Math.atan2(x * sin, cos - (y - theta) * sin) / sin;
      out[1] = theta;
      return true;
    },
    (phi, theta, out) => {
      const sin = Math.sin(theta);
      if (Math.abs(sin) < 1e-9) {
        // Second order of the limit theta -> 0.
        out[0] = phi * R0;
        out[1] = theta * R0 * (1 + (phi * phi) / 2);
        return true;
      }
      const cot = Math.cos(theta) / sin;
      const half = Math.sin((phi * sin) / 2);
      out[0] = R0 * cot * Math.sin(phi * sin);
      out[1] = R0 * (theta + cot * 2 * half * half);
      return true;
    },
  );
