/**
 * Sums of pixels in circles, ellipses and annuli, with exact or sampled overlap at the border and the flags and mask correction of SEP
 * (Barbary 2016, JOSS 1, 58): what is masked counts as the mean of the rest of the aperture.
 *
 * ```ts
 * const { flux, err, flag } = sumCircle({ data, width, height }, xs, ys, 5, { err: rmsMap, mask, gain: 1.5 });
 * ```
 */
import { ellipseCoefficients } from './apertures-ellipse.ts';
import { EllipseOverlap } from './apertures-overlap.ts';
import {
  type Column,
  type CorrectionOptions,
  checkPixels,
  type ImagePixels,
  type MaskOptions,
  type NoiseOptions,
  reader,
  rowsOf,
} from './apertures-pixels.ts';
import { ApertureSummer } from './apertures-sum.ts';

export type { Column, CorrectionOptions, ImagePixels, MaskOptions, NoiseOptions, Pixels } from './apertures-pixels.ts';

/** The aperture reaches beyond the image. */
export const APERTURE_TRUNCATED = 16;
/** Some of it is masked, or not finite. */
export const APERTURE_HAS_MASKED = 32;
/** All of it is. */
export const APERTURE_ALL_MASKED = 64;
/** A sum that a result is divided by is not positive. */
export const APERTURE_NON_POSITIVE = 128;
/** Position or size are no numbers, a radius is negative, or an axis is not positive: results are NaN. SEP ends with an error here. */
export const APERTURE_INVALID = 256;

export interface ApertureOptions extends MaskOptions, NoiseOptions, CorrectionOptions {
  /** Points along each side of a pixel on the border, default 5; 0 for the exact overlap. */
  readonly subpix?: number;
}

/** One value per aperture. */
export interface ApertureSums {
  readonly flux: Float64Array;
  /** Standard deviation of the flux; 0 without noise and gain. NaN where the flux is NaN. */
  readonly err: Float64Array;
  /** Pixels of the image in the aperture, masked ones included. */
  readonly area: Float64Array;
  /** Pixels of it that were masked. */
  readonly maskedArea: Float64Array;
  /** Sum of APERTURE_ flags. */
  readonly flag: Uint16Array;
}

/** Semi-axes in pixels and angle from +x towards +y in radians. */
export interface EllipseColumns {
  readonly a: Column;
  readonly b: Column;
  readonly theta: Column;
}

/**
 * Sums within circles of radius `r` pixels around (x, y).
 *
 * @throws INPUT_INVALID when arrays do not belong together. A bad aperture is no error but a row with a flag.
 */
export function sumCircle(image: ImagePixels, x: Column, y: Column, r: Column, options: ApertureOptions = {}): ApertureSums {
  return sumAll(image, { x, y, rin: 0, rout: r }, undefined, options);
}

/** Sums between circles of radius `rin` and `rout` pixels around (x, y). Otherwise as {@link sumCircle}. */
export function sumAnnulus(
  image: ImagePixels,
  x: Column,
  y: Column,
  rin: Column,
  rout: Column,
  options: ApertureOptions = {},
): ApertureSums {
  return sumAll(image, { x, y, rin, rout }, undefined, options);
}

/** Sums within ellipses with semi-axes r a and r b. Otherwise as {@link sumCircle}. */
export function sumEllipse(
  image: ImagePixels,
  x: Column,
  y: Column,
  ellipse: EllipseColumns,
  r: Column = 1,
  options: ApertureOptions = {},
): ApertureSums {
  return sumAll(image, { x, y, rin: 0, rout: r }, ellipse, options);
}

/** Sums between the ellipses with semi-axes rin (a, b) and rout (a, b). Otherwise as {@link sumCircle}. */
export function sumEllipticalAnnulus(
  image: ImagePixels,
  x: Column,
  y: Column,
  ellipse: EllipseColumns,
  rin: Column,
  rout: Column,
  options: ApertureOptions = {},
): ApertureSums {
  return sumAll(image, { x, y, rin, rout }, ellipse, options);
}

function sumAll(
  image: ImagePixels,
  place: { x: Column; y: Column; rin: Column; rout: Column },
  ellipse: EllipseColumns | undefined,
  options: ApertureOptions,
): ApertureSums {
  checkPixels(image, options);
  const rows = rowsOf({ ...place, ...ellipse, segmentId: options.segmentId });
  const sums = {
    flux: new Float64Array(rows).fill(Number.NaN),
    err: new Float64Array(rows).fill(Number.NaN),
    area: new Float64Array(rows),
    maskedArea: new Float64Array(rows),
    flag: new Uint16Array(rows),
  };
  const [x, y, rin, rout] = [place.x, place.y, place.rin, place.rout].map(reader);
  const [a, b, theta] = [ellipse?.a ?? 1, ellipse?.b ?? 1, ellipse?.theta ?? 0].map(reader);
  const summer = new ApertureSummer(image, options);
  const subpix = options.subpix ?? 5;
  const outer = new EllipseOverlap(image.width, subpix);
  const inner = new EllipseOverlap(image.width, subpix);
  const gain = options.gain ?? 0;
  for (let row = 0; row < rows; row++) {
    const hole = rin(row);
    const valid = hole >= 0 && rout(row) >= hole && a(row) > 0 && b(row) > 0;
    const { cxx, cyy, cxy } = ellipse === undefined ? CIRCLE : ellipseCoefficients(a(row), b(row), theta(row));
    outer.set(x(row), y(row), cxx, cyy, cxy, rout(row));
    if (!valid || !outer.isFinite) {
      sums.flag[row] = APERTURE_INVALID;
      continue;
    }
    if (hole > 0) inner.set(x(row), y(row), cxx, cyy, cxy, hole);
    summer.sum(row, outer, hole > 0 ? inner : undefined);
    const masked = summer.maskedArea;
    sums.area[row] = summer.area;
    sums.maskedArea[row] = masked;
    if (outer.crosses(image)) sums.flag[row] |= APERTURE_TRUNCATED;
    let corrected = 1;
    if (masked > 0) {
      sums.flag[row] |= APERTURE_HAS_MASKED;
      if (summer.usedArea === 0) sums.flag[row] |= APERTURE_ALL_MASKED;
      if (options.correctMasked ?? true) {
        if (summer.usedArea === 0) continue;
        corrected = summer.area / summer.usedArea;
      }
    }
    const flux = summer.flux * corrected;
    const poisson = gain > 0 && flux > 0 ? flux / gain : 0;
    sums.flux[row] = flux;
    sums.err[row] = Math.sqrt(summer.variance * corrected + poisson);
  }
  return sums;
}

const CIRCLE = { cxx: 1, cyy: 1, cxy: 0 };
