/** Conic projections COP, COE, COD, COO (C&G 2002 section 5.4): PV_1 = theta_a, PV_2 = eta (degrees), standard parallels theta_a -+ eta. */
import { cosDeg, DEG, R0, sinDeg } from '../angles.ts';
import { fromAngles, type Projection, type ProjectionFactory, type ProjectionParameters, parameterError } from './projection.ts';

interface Cone {
  /** Constant of the cone C: angle on the map per native longitude. */
  constant: number;
  /** Radius (degrees) of a parallel (radians), NaN where it has none; and the parallel of a radius. */
  radius: (theta: number) => number;
  parallel: (r: number) => number;
}

function standardParallels(parameters: ProjectionParameters, code: string): { thetaA: number; eta: number } {
  const thetaA = parameters.get(1, Number.NaN);
  const eta = parameters.get(2, 0);
  if (!(Math.abs(thetaA) <= 90 && thetaA !== 0))
    throw parameterError(parameters, 1, code, thetaA, 'theta_a within +-90 degrees and not 0');
  if (!(Math.abs(eta) < 90)) throw parameterError(parameters, 2, code, eta, 'eta within +-90 degrees');
  return { thetaA, eta };
}

function conic(code: string, thetaA: number, cone: Cone): Projection {
  const sign = Math.sign(thetaA);
  const y0 = cone.radius(thetaA * DEG);
  return fromAngles(
    code,
    thetaA,
    (x, y, out) => {
      const dy = y0 - y;
      const r = sign * Math.sqrt(x * x + dy * dy);
      out[0] = r === 0 ? 0 : Math.atan2(x / r, dy / r) / cone.constant;
      out[1] = cone.parallel(r);
      return true;
    },
    (phi, theta, out) => {
      const r = cone.radius(theta);
      if (!Number.isFinite(r)) return false;
      out[0] = r * Math.sin(cone.constant * phi);
      out[1] = y0 - r * Math.cos(cone.constant * phi);
      return true;
    },
  );
}

/** Perspective conic. */
export const cop: ProjectionFactory = (parameters) => {
  const { thetaA, eta } = standardParallels(parameters, 'COP');
  const scale = R0 * cosDeg(eta);
  const cot = cosDeg(thetaA) / sinDeg(thetaA);
  const sign = Math.sign(thetaA);
  return conic('COP', thetaA, {
    constant: sinDeg(thetaA),
    radius: (theta) => {
      const t = theta - thetaA * DEG;
      if (!(Math.abs(t) < Math.PI / 2)) return Number.NaN;
      const r = scale * (cot - Math.tan(t));
      return r * sign < 0 ? Number.NaN : r;
    },
    parallel: (r) => thetaA * DEG + Math.atan(cot - r / scale),
  });
};

/** Equal-area conic (Albers). */
export const coe: ProjectionFactory = (parameters) => {
  const { thetaA, eta } = standardParallels(parameters, 'COE');
  const s1 = sinDeg(thetaA - eta);
  const s2 = sinDeg(thetaA + eta);
  const gamma = s1 + s2;
  return conic('COE', thetaA, {
    constant: gamma / 2,
    radius: (theta) => (R0 * 2 * Math.sqrt(Math.max(0, 1 + s1 * s2 - gamma * Math.sin(theta)))) / gamma,
    parallel: (r) => {
      const half = r / (2 * R0);
      const s = 1 / gamma + (s1 * s2) / gamma - gamma * half * half;
      if (Math.abs(s) <= 1) return Math.asin(s);
      return Math.abs(s) < 1 + 1e-12 ? (Math.sign(s) * Math.PI) / 2 : Number.NaN;
    },
  });
};

/** Equidistant conic. */
export const cod: ProjectionFactory = (parameters) => {
  const { thetaA, eta } = standardParallels(parameters, 'COD');
  const cot = cosDeg(thetaA) / sinDeg(thetaA);
  const middle = eta === 0 ? R0 * cot : (eta * cosDeg(eta) * cot) / sinDeg(eta);
  return conic('COD', thetaA, {
    constant: eta === 0 ? sinDeg(thetaA) : (R0 * sinDeg(thetaA) * sinDeg(eta)) / eta,
    radius: (theta) => thetaA - theta * R0 + middle,
    parallel: (r) => (thetaA + middle - r) * DEG,
  });
};

/** Orthomorphic conic (Lambert). */
export const coo: ProjectionFactory = (parameters) => {
  const { thetaA, eta } = standardParallels(parameters, 'COO');
  const t1 = thetaA - eta;
  const t2 = thetaA + eta;
  const half = (theta: number): number => Math.tan(((90 - theta) / 2) * DEG);
  const constant = t1 === t2 ? sinDeg(t1) : Math.log(cosDeg(t2) / cosDeg(t1)) / Math.log(half(t2) / half(t1));
  const psi = (R0 * cosDeg(t1)) / (constant * half(t1) ** constant);
  if (!(Number.isFinite(psi) && constant !== 0))
    throw parameterError(parameters, 1, 'COO', thetaA, 'standard parallels short of the poles');
  return conic('COO', thetaA, {
    constant,
    radius: (theta) => psi * Math.max(0, Math.tan(Math.PI / 4 - theta / 2)) ** constant,
    parallel: (r) => Math.PI / 2 - 2 * Math.atan((r / psi) ** (1 / constant)),
  });
};
