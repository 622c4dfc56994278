/** What an image covers on the sky: outline, area, scale of its pixels. */
import { ArcletError } from '../../core/errors.ts';
import { DEG, R0 } from './angles.ts';
import type { Wcs } from './wcs.ts';

const ARCSEC_PER_RAD = 3600 * R0;

/** Vertices in order, degrees, longitudes in [0, 360); edges are the short arcs between neighbours; the last joins the first. */
export interface SkyPolygon {
  lonDeg: Float64Array;
  latDeg: Float64Array;
}

export interface FootprintOptions {
  /** Width and height in pixels; default the lengths of the image's axes. */
  width?: number;
  height?: number;
  /** Through the outer edges of the pixels (default) or the centres of the corner pixels, as astropy's calc_footprint does. */
  at?: 'edges' | 'centres';
  /** Points per side, 1 (corners only) by default; more follow a curved outline. */
  pointsPerSide?: number;
}

/**
 * Outline of the image on the sky, counter-clockwise in pixels from the first corner. Throws INPUT_INVALID when the size is not known or a
 * point of the outline is not on the sky (an all-sky map has no outline).
 */
export function footprint(wcs: Wcs, options: FootprintOptions = {}): SkyPolygon {
  const [p, q] = wcs.celestial?.pixelAxes ?? [0, 1];
  const width = options.width ?? wcs.shape[p];
  const height = options.height ?? wcs.shape[q];
  const perSide = options.pointsPerSide ?? 1;
  if (!(width > 0 && height > 0 && Number.isInteger(perSide) && perSide >= 1 && perSide <= 1e6)) {
    throw new ArcletError(
      'INPUT_INVALID',
      `An outline of ${width} x ${height} pixels with ${perSide} points a side cannot be drawn.`,
      {
        subject: `NAXIS${p + 1}`,
        remedy: 'Give width and height in pixels.',
      },
    );
  }
  const [low, right, top] = options.at === 'centres' ? [0, width - 1, height - 1] : [-0.5, width - 0.5, height - 0.5];
  const corners = [
    [low, low],
    [right, low],
    [right, top],
    [low, top],
  ];
  const x = new Float64Array(4 * perSide);
  const y = new Float64Array(4 * perSide);
  for (let side = 0; side < 4; side++) {
    const [from, to] = [corners[side], corners[(side + 1) % 4]];
    for (let k = 0; k < perSide; k++) {
      x[side * perSide + k] = from[0] + ((to[0] - from[0]) * k) / perSide;
      y[side * perSide + k] = from[1] + ((to[1] - from[1]) * k) / perSide;
    }
  }
  const { lonDeg, latDeg, status, failed } = wcs.pixelsToWorld(x, y);
  if (failed > 0) {
    const k = status.findIndex((code) => code !== 0);
    throw new ArcletError(
      'INPUT_INVALID',
      `${failed} of ${x.length} points of the outline are not on the sky, first pixel (${x[k]}, ${y[k]}).`,
      {
        subject: 'footprint',
        remedy: 'Give the width and height of a part that lies on the sky.',
      },
    );
  }
  return { lonDeg, latDeg };
}

function unitVector(lonDeg: number, latDeg: number): [number, number, number] {
  const cos = Math.cos(latDeg * DEG);
  return [cos * Math.cos(lonDeg * DEG), cos * Math.sin(lonDeg * DEG), Math.sin(latDeg * DEG)];
}

type Vector = readonly [number, number, number];
const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const cross = (a: Vector, b: Vector): Vector => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/**
 * Area (square degrees) inside a polygon of great circles, smaller than a hemisphere: triangles from the first vertex, each by
 * tan(E/2) = a . (b x c) / (1 + a.b + b.c + c.a) (Eriksson 1990), written with differences so that small triangles keep their digits.
 */
export function footprintAreaDeg2(polygon: SkyPolygon): number {
  const n = polygon.lonDeg.length;
  const vertices = Array.from({ length: n }, (_, k) => unitVector(polygon.lonDeg[k], polygon.latDeg[k]));
  let sum = 0;
  for (let k = 1; k + 1 < n; k++) {
    const [a, b, c] = [vertices[0], vertices[k], vertices[k + 1]];
    const volume = dot(a, cross(minus(b, a), minus(c, a)));
    sum += 2 * Math.atan2(volume, 1 + dot(a, b) + dot(b, c) + dot(c, a));
  }
  return Math.abs(sum) * R0 * R0;
}

/** Size of one pixel on the sky, at one place. */
export interface PixelScale {
  /** Arcseconds of sky for one step along x and along y. */
  xArcsec: number;
  yArcsec: number;
  /** Position angle of the y axis, degrees from north through east (increasing longitude). */
  yPositionAngleDeg: number;
}

/** Steps of one pixel along x and y (arcsec) as vectors on the sky at a pixel, and the direction itself. */
function steps(wcs: Wcs, x: number, y: number): { along: Vector; up: Vector; here: Vector; latDeg: number; lonDeg: number } {
  const at = (px: number, py: number): Vector => unitVector(...wcs.pixelToWorld(px, py));
  const [lonDeg, latDeg] = wcs.pixelToWorld(x, y);
  return {
    along: minus(at(x + 0.5, y), at(x - 0.5, y)),
    up: minus(at(x, y + 0.5), at(x, y - 0.5)),
    here: unitVector(lonDeg, latDeg),
    latDeg,
    lonDeg,
  };
}

function reference(wcs: Wcs): [number, number] {
  const [p, q] = wcs.celestial?.pixelAxes ?? [0, 1];
  return [wcs.axes[p].crpix - 1, wcs.axes[q].crpix - 1];
}

/** Scale of the pixels at (x, y), default the reference pixel, with all distortions; NaN outside the projection. */
export function pixelScale(wcs: Wcs, x = reference(wcs)[0], y = reference(wcs)[1]): PixelScale {
  const { along, up, lonDeg, latDeg } = steps(wcs, x, y);
  const east: Vector = [-Math.sin(lonDeg * DEG), Math.cos(lonDeg * DEG), 0];
  const north = unitVector(lonDeg, latDeg + 90);
  const angle = Math.atan2(dot(up, east), dot(up, north)) * R0;
  return {
    xArcsec: Math.sqrt(dot(along, along)) * ARCSEC_PER_RAD,
    yArcsec: Math.sqrt(dot(up, up)) * ARCSEC_PER_RAD,
    yPositionAngleDeg: angle < 0 ? angle + 360 : angle,
  };
}

/** Solid angle (square arcseconds) of the pixel at (x, y), default the reference pixel, with all distortions; NaN outside the projection. */
export function pixelAreaArcsec2(wcs: Wcs, x = reference(wcs)[0], y = reference(wcs)[1]): number {
  const { along, up, here } = steps(wcs, x, y);
  return Math.abs(dot(here, cross(along, up))) * ARCSEC_PER_RAD ** 2;
}

/** Area (square degrees) of a pixel on the projection plane, |det CD|: what astropy calls proj_plane_pixel_area. */
export function planePixelAreaDeg2(wcs: Wcs): number {
  const [a, b, c, d] = wcs.planeMatrix;
  return Math.abs(a * d - b * c);
}
