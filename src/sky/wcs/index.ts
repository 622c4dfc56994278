/**
 * World coordinate systems of FITS headers, without any I/O and without anything of arclet but its errors.
 *
 * ```ts
 * import { footprint, parseHeaderText, wcsFromHeader } from 'arclet/wcs';
 * const wcs = wcsFromHeader(parseHeaderText(text)); // or a Map, a plain record, a header of arclet/fits
 * const [raDeg, decDeg] = wcs.pixelToWorld(0, 0); // 0-based pixels, degrees
 * const { x, y, status, failed } = wcs.worldToPixels(raColumn, decColumn);
 * ```
 */
export type { AxisType, CelestialFrame } from './axes.ts';
export { type WcsOptions, wcsFromHeader } from './build.ts';
export { type AxisColumns, type PixelColumns, POINT_NOT_CONVERGED, POINT_OK, POINT_OUTSIDE, type SkyColumns } from './columns.ts';
export type { LookupSource, LookupTable } from './distortion/lookup.ts';
export {
  type FootprintOptions,
  footprint,
  footprintAreaDeg2,
  type PixelScale,
  pixelAreaArcsec2,
  pixelScale,
  planePixelAreaDeg2,
  type SkyPolygon,
} from './geometry.ts';
export { type HeaderLike, type HeaderValue, type HeaderView, parseHeaderText } from './header.ts';
export { applyEdits, binHeader, cutHeader, type HeaderEdits } from './subimage.ts';
export type { CoordinateTable, TableAddress, TableSource } from './tabular.ts';
export { type CelestialPart, Wcs, type WorldAxis } from './wcs.ts';
