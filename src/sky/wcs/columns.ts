/** Columns of coordinates and what became of each point. */
import { ArcletError } from '../../core/errors.ts';

/** The point was transformed. */
export const POINT_OK = 0;
/** The point is outside the projection (or the table) and has no counterpart. */
export const POINT_OUTSIDE = 1;
/** The distortion could not be inverted to 1e-8 pixels: the point is beyond where the polynomial makes sense. */
export const POINT_NOT_CONVERGED = 2;

/** Columns of sky positions. `status` is POINT_OK, POINT_OUTSIDE or POINT_NOT_CONVERGED (then the coordinates are NaN). */
export interface SkyColumns {
  lonDeg: Float64Array;
  latDeg: Float64Array;
  status: Uint8Array;
  /** How many have a status other than POINT_OK. */
  failed: number;
}

/** Columns of 0-based pixel positions, `status` and `failed` as in {@link SkyColumns}. */
export interface PixelColumns {
  x: Float64Array;
  y: Float64Array;
  status: Uint8Array;
  failed: number;
}

/** Columns of all axes, in the order of the header. */
export interface AxisColumns {
  columns: Float64Array[];
  status: Uint8Array;
  failed: number;
}

/** `one` for every pair of two columns; the coordinates of a point that failed are NaN. Throws INPUT_INVALID when the lengths differ. */
export function mapColumns(
  a: Float64Array,
  b: Float64Array,
  one: (a: number, b: number, out: Float64Array) => number,
): [Float64Array, Float64Array, Uint8Array, number] {
  if (a.length !== b.length) {
    throw new ArcletError('INPUT_INVALID', `Columns of ${a.length} and ${b.length} coordinates do not pair up.`, {
      remedy: 'Give columns of one length.',
    });
  }
  const first = new Float64Array(a.length);
  const second = new Float64Array(a.length);
  const status = new Uint8Array(a.length);
  const out = new Float64Array(2);
  let failed = 0;
  for (let k = 0; k < a.length; k++) {
    const code = one(a[k], b[k], out);
    status[k] = code;
    if (code !== POINT_OK) failed++;
    first[k] = code === POINT_OK ? out[0] : Number.NaN;
    second[k] = code === POINT_OK ? out[1] : Number.NaN;
  }
  return [first, second, status, failed];
}
