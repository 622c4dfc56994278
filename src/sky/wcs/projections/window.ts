/** Cylindrical maps whose pixels reach beyond native longitude +-180 (section 7.3.4 of C&G 2002; what wcslib's cylfix repairs). */
import { cosDeg, sinDeg } from '../angles.ts';
import type { Projection } from './projection.ts';

/** Width on the map of one degree of native longitude, or undefined for a projection that is not cylindrical. */
export function cylindricalScale(code: string, lambda: number): number | undefined {
  if (code === 'CAR' || code === 'CEA' || code === 'MER') return 1;
  return code === 'CYP' ? lambda : undefined;
}

/** The same map, its 360 degrees of longitude centred on `phiDeg` instead of 0. */
export function centredOn(projection: Projection, phiDeg: number, scale: number): Projection {
  const shift = phiDeg * scale;
  const cos = cosDeg(phiDeg);
  const sin = sinDeg(phiDeg);
  return {
    ...projection,
    deproject: (x, y, out) => {
      if (!projection.deproject(x - shift, y, out)) return false;
      const [a, b] = out;
      out[0] = a * cos - b * sin;
      out[1] = a * sin + b * cos;
      return true;
    },
    project: (n1, n2, n3, out) => {
      if (!projection.project(n1 * cos + n2 * sin, n2 * cos - n1 * sin, n3, out)) return false;
      out[0] += shift;
      return true;
    },
  };
}
