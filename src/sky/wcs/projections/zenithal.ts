/** Zenithal projections without free radius function: TAN, STG, SIN (also slant), ARC, ZEA (C&G 2002 sections 5.1.3-5.1.8). */
import { R0 } from '../angles.ts';
import { type Projection, type ProjectionFactory, zenithal } from './projection.ts';

/** Gnomonic: R = r0 cot theta. The hemisphere below the horizon has no image. */
export const tan: ProjectionFactory = () => ({
  code: 'TAN',
  theta0Deg: 90,
  deproject: (x, y, out) => {
    const scale = 1 / Math.sqrt(x * x + y * y + R0 * R0);
    out[0] = -y * scale;
    out[1] = x * scale;
    out[2] = R0 * scale;
    return true;
  },
  project: (n1, n2, n3, out) => {
    if (!(n3 > 0)) return false;
    const scale = R0 / n3;
    out[0] = n2 * scale;
    out[1] = -n1 * scale;
    return true;
  },
});

/** Stereographic: R = 2 r0 tan((90 - theta)/2). */
export const stg: ProjectionFactory = () => ({
  code: 'STG',
  theta0Deg: 90,
  deproject: (x, y, out) => {
    const t2 = (x * x + y * y) / (4 * R0 * R0);
    const scale = 1 / (R0 * (1 + t2));
    out[0] = -y * scale;
    out[1] = x * scale;
    out[2] = (1 - t2) / (1 + t2);
    return true;
  },
  project: (n1, n2, n3, out) => {
    const s = 1 + n3;
    if (!(s > 0)) return false;
    const scale = (2 * R0) / s;
    out[0] = n2 * scale;
    out[1] = -n1 * scale;
    return true;
  },
});

/** Zenithal equidistant: R = 90 - theta. */
export const arc: ProjectionFactory = () =>
  zenithal(
    'ARC',
    (c) => c,
    (r) => r,
  );

/** Zenithal equal-area: R = 2 r0 sin((90 - theta)/2). */
export const zea: ProjectionFactory = () => ({
  code: 'ZEA',
  theta0Deg: 90,
  deproject: (x, y, out) => {
    let t2 = (x * x + y * y) / (4 * R0 * R0);
    if (t2 > 1) {
      if (!(t2 < 1 + 1e-12)) return false;
      t2 = 1;
    }
    const scale = Math.sqrt(1 - t2) / R0;
    out[0] = -y * scale;
    out[1] = x * scale;
    out[2] = 1 - 2 * t2;
    return true;
  },
  project: (n1, n2, n3, out) => {
    const h = Math.sqrt(n1 * n1 + n2 * n2);
    // Below the equator 1 + n3 cancels, so the half-angle is taken from the other side.
    if (n3 >= 0) {
      const scale = R0 * Math.sqrt(2 / (1 + n3));
      out[0] = n2 * scale;
      out[1] = -n1 * scale;
      return true;
    }
    const r = R0 * Math.sqrt(2 * (1 - n3));
    out[0] = h === 0 ? 0 : (r * n2) / h;
    out[1] = h === 0 ? -r : (-r * n1) / h;
    return true;
  },
});

/** Orthographic (PV_1 = PV_2 = 0) or its slant generalisation, which is what a synthesis array on a plane makes; NCP is a case of it. */
export const sin: ProjectionFactory = (parameters) => {
  const xi = parameters.get(1, 0);
  const eta = parameters.get(2, 0);
  return xi === 0 && eta === 0 ? orthographic() : slant(xi, eta);
};

function orthographic(): Projection {
  return {
    code: 'SIN',
    theta0Deg: 90,
    deproject: (x, y, out) => {
      const px = x / R0;
      const py = y / R0;
      const r2 = px * px + py * py;
      if (!(r2 <= 1)) return false;
      out[0] = -py;
      out[1] = px;
      out[2] = Math.sqrt(1 - r2);
      return true;
    },
    project: (n1, n2, n3, out) => {
      if (!(n3 >= 0)) return false;
      out[0] = R0 * n2;
      out[1] = -R0 * n1;
      return true;
    },
  };
}

/** C&G 2002 eqs 41-46: x = r0 (cos theta sin phi + xi (1 - sin theta)), y = -r0 (cos theta cos phi - eta (1 - sin theta)). */
function slant(xi: number, eta: number): Projection {
  const a = xi * xi + eta * eta + 1;
  return {
    code: 'SIN',
    theta0Deg: 90,
    deproject: (x, y, out) => {
      const px = x / R0 - xi;
      const py = y / R0 - eta;
      // A quadratic for sin theta; the larger root that is a sine is the near side of the sphere.
      const b = xi * px + eta * py;
      const d = b * b - a * (px * px + py * py - 1);
      if (!(d >= 0)) return false;
      const root = Math.sqrt(d);
      let z = (-b + root) / a;
      if (z > 1 + 1e-12) z = (-b - root) / a;
      if (!(Math.abs(z) <= 1 + 1e-12)) return false;
      z = Math.min(1, Math.max(-1, z));
      out[0] = -(py + eta * z);
      out[1] = px + xi * z;
      out[2] = z;
      return true;
    },
    project: (n1, n2, n3, out) => {
      const h2 = n1 * n1 + n2 * n2;
      // Points behind the limb overlap the near side: tan theta < eta cos phi - xi sin phi.
      if (!(n3 >= eta * n1 - xi * n2)) return false;
      const depth = n3 > 0 ? h2 / (1 + n3) : 1 - n3;
      out[0] = R0 * (n2 + xi * depth);
      out[1] = -R0 * (n1 - eta * depth);
      return true;
    },
  };
}
