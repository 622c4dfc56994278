/** Which part of the field Gaia sources are taken from, and which of them are which rows of the catalogue. */
import { SkyTree } from '../../../sky/kd-tree.ts';

/** Pixels of the working frame, half open. */
export interface GaiaBox {
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
}

export interface Places {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
}

/**
 * The square about the middle of the extent of the places, as large as the extent and at least `minSize` px; shifted into the image where it sticks out,
 * and cut where the image is smaller (tract7dt, MIT). About the middle of the image where there is no place.
 */
export function gaiaBox({ x, y }: Places, minSize: number, width: number, height: number): GaiaBox {
  let [left, right, bottom, top] = [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  for (let row = 0; row < x.length; row++) {
    if (!Number.isFinite(x[row] + y[row])) continue;
    left = Math.min(left, x[row]);
    right = Math.max(right, x[row]);
    bottom = Math.min(bottom, y[row]);
    top = Math.max(top, y[row]);
  }
  const isEmpty = right < left;
  const [cx, cy] = isEmpty ? [width / 2, height / 2] : [(left + right) / 2, (bottom + top) / 2];
  const size = isEmpty ? minSize : Math.max(minSize, Math.ceil(Math.max(right - left, top - bottom)));
  const [x0, x1] = span(cx, size, width);
  const [y0, y1] = span(cy, size, height);
  return { x0, x1, y0, y1 };
}

function span(centre: number, size: number, length: number): [number, number] {
  let [from, to] = [centre - size / 2, centre + size / 2];
  if (from < 0) [from, to] = [0, to - from];
  if (to > length) [from, to] = [from - (to - length), length];
  return [Math.max(0, Math.floor(from)), Math.min(length, Math.ceil(to))];
}

export const inBox = ({ x0, x1, y0, y1 }: GaiaBox, x: number, y: number): boolean => x >= x0 && x < x1 && y >= y0 && y < y1;

export interface SkyPlaces {
  /** Degrees. */
  readonly ra: ArrayLike<number>;
  readonly dec: ArrayLike<number>;
}

/** The nearest Gaia source of each row within the radius, -1 for none: two rows may have one (tract7dt). */
export function matchNearest(rows: SkyPlaces, gaia: SkyPlaces, radiusDeg: number): Int32Array {
  const tree = new SkyTree(gaia.ra, gaia.dec);
  return Int32Array.from(
    { length: rows.ra.length },
    (_, row) => tree.nearest(rows.ra[row], rows.dec[row], radiusDeg)?.index ?? -1,
  );
}

/**
 * One Gaia source for each row at most, -1 for none, and one row for each source: pairs within the radius by increasing separation, equal ones in the
 * order of rows, then of sources.
 */
export function matchOneToOne(rows: SkyPlaces, gaia: SkyPlaces, radiusDeg: number): Int32Array {
  const tree = new SkyTree(gaia.ra, gaia.dec);
  const pairs: { readonly row: number; readonly source: number; readonly separation: number }[] = [];
  for (let row = 0; row < rows.ra.length; row++) {
    tree.within(rows.ra[row], rows.dec[row], radiusDeg, (source, separation) => pairs.push({ row, source, separation }));
  }
  pairs.sort((a, b) => a.separation - b.separation || a.row - b.row || a.source - b.source);
  const matches = new Int32Array(rows.ra.length).fill(-1);
  const taken = new Uint8Array(gaia.ra.length);
  for (const { row, source } of pairs) {
    if (matches[row] >= 0 || taken[source] === 1) continue;
    matches[row] = source;
    taken[source] = 1;
  }
  return matches;
}
