/** ZPN: the zenithal projection whose radius is a polynomial of the colatitude (C&G 2002 section 5.1.9), up to degree 20. */
import { ArcletError } from '../../../core/errors.ts';
import { type ProjectionFactory, parameterError, zenithal } from './projection.ts';
import { solveBracketed } from './solve.ts';

const MAX_DEGREE = 20;

/** R = r0 sum P_m c^m, c the colatitude in radians. Used on the branch from the pole to where R stops growing. */
export const zpn: ProjectionFactory = (parameters) => {
  const p: number[] = [];
  for (let m = 0; m <= MAX_DEGREE; m++) p.push(parameters.get(m, 0));
  while (p.length > 0 && p[p.length - 1] === 0) p.pop();
  const degree = p.length - 1;
  if (degree < 1) {
    throw new ArcletError('INPUT_INVALID', 'ZPN has no coefficient beyond the constant.', {
      subject: parameters.keyword(1),
      remedy: `Give at least ${parameters.keyword(1)}.`,
    });
  }
  if (!(p[1] > 0) && degree > 1) throw parameterError(parameters, 1, 'ZPN', p[1], 'a positive linear coefficient');
  const radius = (c: number): number => {
    let sum = 0;
    for (let m = degree; m >= 0; m--) sum = sum * c + p[m];
    return sum;
  };
  const slope = (c: number): number => {
    let sum = 0;
    for (let m = degree; m >= 1; m--) sum = sum * c + m * p[m];
    return sum;
  };
  if (degree === 1) {
    return zenithal('ZPN', radius, (r) => (r - p[0]) / p[1]);
  }
  const limit = firstZero(slope);
  const rimRadius = radius(limit);
  const tolerance = 1e-13;
  return zenithal(
    'ZPN',
    (c) => (c > limit ? Number.NaN : radius(c)),
    (r) => {
      if (r <= p[0]) return r < p[0] - tolerance ? Number.NaN : 0;
      if (r >= rimRadius) return r > rimRadius + tolerance ? Number.NaN : limit;
      return solveBracketed((c) => radius(c) - r, 0, limit);
    },
  );
};

/** The first zero of a function that is positive at 0, in steps of a degree; pi where there is none. */
function firstZero(f: (c: number) => number): number {
  const step = Math.PI / 180;
  for (let k = 1; k <= 180; k++) {
    if (!(f(k * step) > 0)) return solveBracketed(f, (k - 1) * step, k * step);
  }
  return Math.PI;
}
