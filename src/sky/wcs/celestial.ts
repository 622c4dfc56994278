/** Projection plane <-> sky: one projection, its offset, and the rotation of the sphere. */
import { DEG, R0, wrap360 } from './angles.ts';
import type { Projection } from './projections/projection.ts';
import type { Sphere } from './sphere.ts';

export class CelestialTransform {
  readonly projection: Projection;
  readonly sphere: Sphere;
  /** Plane coordinates (degrees) of the fiducial point, zero unless PVi_0 asks for an offset. */
  readonly x0: number;
  readonly y0: number;
  readonly #vector = new Float64Array(3);

  constructor(projection: Projection, sphere: Sphere, offset: readonly [number, number]) {
    this.projection = projection;
    this.sphere = sphere;
    this.x0 = offset[0];
    this.y0 = offset[1];
  }

  /** Plane (degrees) -> longitude in [0, 360) and latitude (degrees) in out[0..1]; false outside the projection. */
  toSky(x: number, y: number, out: Float64Array): boolean {
    const n = this.#vector;
    // Squares of larger numbers overflow, and a direction of zero length would pass for the origin of longitude.
    if (!(Math.abs(x) + Math.abs(y) < 1e150)) return false;
    if (!this.projection.deproject(x + this.x0, y + this.y0, n)) return false;
    const r = this.sphere.rotation;
    const a = n[0];
    const b = n[1];
    const c = n[2];
    const cx = r[0] * a + r[1] * b + r[2] * c;
    const cy = r[3] * a + r[4] * b + r[5] * c;
    const cz = r[6] * a + r[7] * b + r[8] * c;
    const lon = Math.atan2(cy, cx) * R0;
    out[0] = wrap360(lon);
    out[1] = Math.atan2(cz, Math.sqrt(cx * cx + cy * cy)) * R0;
    return !Number.isNaN(out[0] + out[1]);
  }

  /** Longitude, latitude (degrees) -> plane (degrees) in out[0..1]; false where the projection has no image of the point. */
  toPlane(lonDeg: number, latDeg: number, out: Float64Array): boolean {
    if (!(latDeg >= -90 && latDeg <= 90)) return false;
    const lon = lonDeg * DEG;
    const lat = latDeg * DEG;
    const cosLat = Math.cos(lat);
    const a = cosLat * Math.cos(lon);
    const b = cosLat * Math.sin(lon);
    const c = Math.sin(lat);
    const r = this.sphere.rotation;
    const n1 = r[0] * a + r[3] * b + r[6] * c;
    const n2 = r[1] * a + r[4] * b + r[7] * c;
    const n3 = r[2] * a + r[5] * b + r[8] * c;
    if (!this.projection.project(n1, n2, n3, out)) return false;
    out[0] -= this.x0;
    out[1] -= this.y0;
    return Number.isFinite(out[0]) && Number.isFinite(out[1]);
  }
}
