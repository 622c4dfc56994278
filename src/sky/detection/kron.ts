/** Kron radii: the mean distance of an object's light from its centre (Kron 1980, ApJS 43, 305), in units of its ellipse. */
import {
  APERTURE_ALL_MASKED,
  APERTURE_HAS_MASKED,
  APERTURE_INVALID,
  APERTURE_NON_POSITIVE,
  APERTURE_TRUNCATED,
  type EllipseColumns,
} from './apertures.ts';
import { ellipseCoefficients } from './apertures-ellipse.ts';
import { type Column, checkPixels, type ImagePixels, type MaskOptions, PixelMask, reader, rowsOf } from './apertures-pixels.ts';

export interface KronRadii {
  /** In units of the semi-axes: the ellipse of the Kron radius has semi-axes radius a and radius b. 0 where there is no light to measure. */
  readonly radius: Float64Array;
  /** Sum of APERTURE_ flags. */
  readonly flag: Uint16Array;
}

/**
 * Kron radii: sum of r I(r) over sum of I(r), r being the distance in units of the ellipse, over the pixels whose middle lies within `r` times
 * the ellipse (Bertin & Arnouts 1996, section 7.3; SExtractor takes r = 6 and sums the flux within 2.5 Kron radii).
 *
 * A sum that is not positive gives 0 with APERTURE_NON_POSITIVE, as does an aperture that is all masked.
 *
 * @param x, y centres in pixels
 * @param ellipse semi-axes in pixels and angles in radians
 * @throws INPUT_INVALID when arrays do not belong together
 */
export function kronRadius(
  image: ImagePixels,
  x: Column,
  y: Column,
  ellipse: EllipseColumns,
  r: Column = 6,
  options: MaskOptions = {},
): KronRadii {
  checkPixels(image, options);
  const rows = rowsOf({ x, y, a: ellipse.a, b: ellipse.b, theta: ellipse.theta, r, segmentId: options.segmentId });
  const radius = new Float64Array(rows).fill(Number.NaN);
  const flag = new Uint16Array(rows);
  const [xs, ys, as, bs, thetas, rs] = [x, y, ellipse.a, ellipse.b, ellipse.theta, r].map(reader);
  const mask = new PixelMask(options);
  const sums = { distance: 0, light: 0, pixels: 0, masked: 0, truncated: false };
  for (let row = 0; row < rows; row++) {
    const coefficients = ellipseCoefficients(as(row), bs(row), thetas(row));
    const valid = as(row) > 0 && bs(row) > 0 && rs(row) >= 0;
    if (!valid || !Number.isFinite(xs(row) + ys(row) + rs(row) + coefficients.cxy + coefficients.cxx + coefficients.cyy)) {
      flag[row] = APERTURE_INVALID;
      continue;
    }
    mask.turnTo(row);
    sumWithin(image, mask, xs(row), ys(row), coefficients, rs(row), sums);
    if (sums.truncated) flag[row] |= APERTURE_TRUNCATED;
    if (sums.masked > 0) flag[row] |= APERTURE_HAS_MASKED;
    if (sums.pixels === 0) flag[row] |= APERTURE_ALL_MASKED;
    else if (sums.distance <= 0 || sums.light <= 0) flag[row] |= APERTURE_NON_POSITIVE;
    radius[row] = sums.pixels > 0 && sums.distance > 0 && sums.light > 0 ? sums.distance / sums.light : 0;
  }
  return { radius, flag };
}

function sumWithin(
  image: ImagePixels,
  mask: PixelMask,
  x: number,
  y: number,
  { cxx, cyy, cxy }: { cxx: number; cyy: number; cxy: number },
  r: number,
  sums: { distance: number; light: number; pixels: number; masked: number; truncated: boolean },
): void {
  const { data, width, height } = image;
  const wide = r / Math.sqrt(cxx - (0.25 * cxy * cxy) / cyy);
  const tall = r / Math.sqrt(cyy - (0.25 * cxy * cxy) / cxx);
  const widest = r / Math.sqrt(cxx);
  const slant = (-0.5 * cxy) / cxx;
  const limit = r * r;
  const checked = mask.active;
  let distance = 0;
  let light = 0;
  let pixels = 0;
  let masked = 0;
  const y1 = Math.min(height - 1, Math.floor(y + tall));
  for (let iy = Math.max(0, Math.ceil(y - tall)); iy <= y1; iy++) {
    const dy = iy - y;
    // The chord of this row, a little wider; its ends are then moved to the first and last pixel within.
    const v = dy / tall;
    const half = widest * Math.sqrt(Math.max(0, 1 - v * v)) + 0.01;
    const middle = x + slant * dy;
    const square = cyy * dy * dy;
    const across = cxy * dy;
    let x0 = Math.max(0, Math.ceil(middle - half));
    let x1 = Math.min(width - 1, Math.floor(middle + half));
    while (x0 <= x1 && ((x0 - x) * cxx + across) * (x0 - x) + square > limit) x0++;
    while (x0 <= x1 && ((x1 - x) * cxx + across) * (x1 - x) + square > limit) x1--;
    if (!checked) {
      // Two sums at once: one alone waits for itself at every pixel.
      let rowDistance = 0;
      let rowLight = 0;
      let moreDistance = 0;
      let moreLight = 0;
      let ix = x0;
      for (const start = iy * width; ix < x1; ix += 2) {
        // The absolute value is for the middle of needles, where rounding may leave less than nothing.
        const dx = ix - x;
        const next = dx + 1;
        const value = data[start + ix];
        const other = data[start + ix + 1];
        rowDistance += Math.sqrt(Math.abs((dx * cxx + across) * dx + square)) * value;
        moreDistance += Math.sqrt(Math.abs((next * cxx + across) * next + square)) * other;
        rowLight += value;
        moreLight += other;
      }
      if (ix === x1) {
        const dx = ix - x;
        const value = data[iy * width + ix];
        rowDistance += Math.sqrt(Math.abs((dx * cxx + across) * dx + square)) * value;
        rowLight += value;
      }
      rowLight += moreLight;
      // Else a pixel is not finite, and each is looked at.
      if (rowLight - rowLight === 0) {
        distance += rowDistance + moreDistance;
        light += rowLight;
        pixels += Math.max(0, x1 - x0 + 1);
        continue;
      }
    }
    for (let ix = x0; ix <= x1; ix++) {
      const dx = ix - x;
      const pixel = iy * width + ix;
      const value = data[pixel];
      if (!(value - value === 0) || (checked && mask.masks(pixel))) {
        masked++;
        continue;
      }
      distance += Math.sqrt(Math.abs((dx * cxx + across) * dx + square)) * value;
      light += value;
      pixels++;
    }
  }
  sums.distance = distance;
  sums.light = light;
  sums.pixels = pixels;
  sums.masked = masked;
  sums.truncated = x - wide < -0.5 || y - tall < -0.5 || x + wide > width - 0.5 || y + tall > height - 0.5;
}
