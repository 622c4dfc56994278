/** HPX, the projection behind the HEALPix grid (Calabretta & Roukema 2007, MNRAS 381, 865): PV_1 = H facets (4), PV_2 = K rows (3). */
import { DEG, R0 } from '../angles.ts';
import { fromAngles, type ProjectionFactory, parameterError } from './projection.ts';

export const hpx: ProjectionFactory = (parameters) => {
  const facets = parameters.get(1, 4);
  const rows = parameters.get(2, 3);
  if (!(Number.isInteger(facets) && facets >= 1 && facets <= 1e6))
    throw parameterError(parameters, 1, 'HPX', facets, 'a positive integer H');
  if (!(Number.isInteger(rows) && rows >= 1 && rows <= 1e6))
    throw parameterError(parameters, 2, 'HPX', rows, 'a positive integer K');
  /** sin of the latitude where the polar caps begin, half a facet and the height of the equatorial zone, degrees. */
  const sinCap = (rows - 1) / rows;
  const halfFacet = 180 / facets;
  const capY = (90 * (rows - 1)) / facets;
  const topY = (90 * (rows + 1)) / facets;
  /** Longitude of the middle of the polar facet that holds `phi`. */
  const middle = (phi: number, north: boolean): number => {
    const omega = rows % 2 === 1 || north ? 1 : 0;
    return -180 + (2 * Math.floor(((phi + 180) * facets) / 360 + (1 - omega) / 2) + omega) * halfFacet;
  };
  return fromAngles(
    'HPX',
    0,
    (x, y, out) => {
      const height = Math.abs(y);
      if (height <= capY) {
        out[0] = x * DEG;
        out[1] = Math.asin((y * facets) / (90 * rows));
        return true;
      }
      if (!(height <= topY)) return false;
      const sigma = (rows + 1) / 2 - (height * facets) / 180;
      const centre = middle(x, y > 0);
      const offset = x - centre;
      // Between the teeth of the polar caps there is no sky.
      if (!(Math.abs(offset) <= sigma * halfFacet + 1e-12)) return false;
      const below = (sigma * sigma) / rows;
      out[0] = (sigma === 0 ? centre : centre + offset / sigma) * DEG;
      out[1] = Math.sign(y) * Math.atan2(1 - below, Math.sqrt(below * (2 - below)));
      return true;
    },
    (phiRad, theta, out) => {
      const phi = phiRad * R0;
      const sin = Math.sin(theta);
      if (Math.abs(sin) <= sinCap) {
        out[0] = phi;
        out[1] = ((90 * rows) / facets) * sin;
        return true;
      }
      const cos = Math.cos(theta);
      const sigma = Math.abs(cos) * Math.sqrt(rows / (1 + Math.abs(sin)));
      const centre = middle(phi >= 180 ? phi - 360 : phi, theta > 0);
      out[0] = centre + ((phi >= 180 ? phi - 360 : phi) - centre) * sigma;
      out[1] = Math.sign(theta) * halfFacet * ((rows + 1) / 2 - sigma);
      return true;
    },
  );
};
