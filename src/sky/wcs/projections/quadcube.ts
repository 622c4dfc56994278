/** Quadrilateralised cubes TSC (tangential) and QSC (equal-area): C&G 2002 section 5.6. */
import type { Projection, ProjectionFactory } from './projection.ts';

/** Position on a face, each in [-1, 1], from direction cosines along the face's axes and its normal; and back (out = xi, eta, zeta). */
interface FaceMap {
  toFace(xi: number, eta: number, zeta: number, out: Float64Array): void;
  fromFace(chi: number, psi: number, out: Float64Array): void;
}

/** Centres of the faces in units of 45 degrees: north, then four along the equator, then south. */
const FACE_X = [0, 0, 2, 4, 6, 0];
const FACE_Y = [2, 0, 0, 0, 0, -2];

function cube(code: string, map: FaceMap): Projection {
  return {
    code,
    theta0Deg: 0,
    deproject: (x, y, out) => {
      let u = x / 45;
      const v = y / 45;
      const limit = 1 + 1e-13;
      if (!(Math.abs(u) <= limit ? Math.abs(v) <= 3 * limit : Math.abs(u) <= 7 * limit && Math.abs(v) <= limit)) return false;
      if (u < -limit) u += 8;
      let face = 1;
      if (u > 5) face = 4;
      else if (u > 3) face = 3;
      else if (u > 1) face = 2;
      else if (v > 1) face = 0;
      else if (v < -1) face = 5;
      map.fromFace(u - FACE_X[face], v - FACE_Y[face], out);
      const [xi, eta, zeta] = out;
      const n = [
        [-eta, xi, zeta],
        [zeta, xi, eta],
        [-xi, zeta, eta],
        [-zeta, -xi, eta],
        [xi, -zeta, eta],
        [eta, xi, -zeta],
      ][face];
      out.set(n);
      return true;
    },
    project: (l, m, n, out) => {
      const zeta = Math.max(n, l, m, -l, -m, -n);
      let face = 5;
      if (zeta === n) face = 0;
      else if (zeta === l) face = 1;
      else if (zeta === m) face = 2;
      else if (zeta === -l) face = 3;
      else if (zeta === -m) face = 4;
      const [xi, eta] = [
        [m, -l],
        [m, n],
        [-l, n],
        [-m, n],
        [l, n],
        [m, l],
      ][face];
      map.toFace(xi, eta, zeta, out);
      // The third face stands at x = 180 and the fourth at 270; wcslib, too, never moves them to negative x.
      out[0] = 45 * (FACE_X[face] + out[0]);
      out[1] = 45 * (FACE_Y[face] + out[1]);
      return true;
    },
  };
}

/** Gnomonic on each face. */
export const tsc: ProjectionFactory = () =>
  cube('TSC', {
    toFace: (xi, eta, zeta, out) => {
      out[0] = xi / zeta;
      out[1] = eta / zeta;
    },
    fromFace: (chi, psi, out) => {
      const zeta = 1 / Math.sqrt(1 + chi * chi + psi * psi);
      out[0] = chi * zeta;
      out[1] = psi * zeta;
      out[2] = zeta;
    },
  });

const TWELFTH = Math.PI / 12;

/** O'Neill & Laubscher's equal-area cube, C&G eqs 175-186; the two triangles of a face differ by exchange of the axes. */
export const qsc: ProjectionFactory = () =>
  cube('QSC', {
    toFace: (xi, eta, zeta, out) => {
      const swap = Math.abs(eta) > Math.abs(xi);
      const major = swap ? eta : xi;
      const omega = major === 0 ? 0 : (swap ? xi : eta) / major;
      const below = (xi * xi + eta * eta) / (1 + zeta);
      const u = Math.sign(major) * Math.sqrt(below / (1 - 1 / Math.sqrt(2 + omega * omega)));
      const v = (u / TWELFTH) * (Math.atan(omega) - Math.asin(omega / Math.sqrt(2 * (1 + omega * omega))));
      out[0] = swap ? v : u;
      out[1] = swap ? u : v;
    },
    fromFace: (chi, psi, out) => {
      const swap = Math.abs(psi) > Math.abs(chi);
      const u = swap ? psi : chi;
      const angle = u === 0 ? 0 : (TWELFTH * (swap ? chi : psi)) / u;
      const omega = Math.sin(angle) / (Math.cos(angle) - Math.SQRT1_2);
      const below = u * u * (1 - 1 / Math.sqrt(2 + omega * omega));
      const major = Math.sign(u) * Math.sqrt((below * (2 - below)) / (1 + omega * omega));
      out[0] = swap ? major * omega : major;
      out[1] = swap ? major : major * omega;
      out[2] = 1 - below;
    },
  });
