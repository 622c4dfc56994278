/** Degrees and radians; sines and cosines that are exact at multiples of 90 degrees, so that an unrotated sphere stays unrotated. */

export const DEG = Math.PI / 180;
/** Radius (degrees) of the generating sphere: 180/pi, r0 of Calabretta & Greisen 2002. */
export const R0 = 180 / Math.PI;

/** sin of degrees. */
export function sinDeg(deg: number): number {
  const quarter = (((deg % 360) + 360) % 360) / 90;
  if (Number.isInteger(quarter)) return [0, 1, 0, -1][quarter % 4];
  return Math.sin(deg * DEG);
}

/** cos of degrees. */
export function cosDeg(deg: number): number {
  return sinDeg(deg + 90);
}

/** A longitude in [0, 360). */
export function wrap360(deg: number): number {
  if (deg >= 0 && deg < 360) return deg;
  const wrapped = deg - 360 * Math.floor(deg / 360);
  return wrapped >= 360 ? 0 : wrapped;
}

/** A longitude in (-180, 180]. */
export function wrap180(deg: number): number {
  const wrapped = wrap360(deg);
  return wrapped > 180 ? wrapped - 360 : wrapped;
}
