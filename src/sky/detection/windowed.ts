/** Positions and shapes weighted by a Gaussian window (SExtractor's XWIN_IMAGE, X2WIN_IMAGE and their kin; SExtractor manual, "Windowed positions"). */
import {
  APERTURE_ALL_MASKED,
  APERTURE_HAS_MASKED,
  APERTURE_INVALID,
  APERTURE_NON_POSITIVE,
  APERTURE_TRUNCATED,
} from './apertures.ts';
import { EllipseOverlap } from './apertures-overlap.ts';
import { type Column, checkPixels, type ImagePixels, type MaskOptions, PixelMask, reader, rowsOf } from './apertures-pixels.ts';

/** Radius of the window in standard deviations. */
const REACH = 4;
/** A step is twice the measured offset: the window halves the offset of an object of its own width. */
const GAIN = 2;
const MAX_ROUNDS = 16;
/** Offset in pixels below which the centre stands still. */
const SMALLEST_OFFSET = 1e-4;
/** Standard deviation of a Gaussian whose half-light radius is half a pixel, with SExtractor's rounding. */
const DEFAULT_MIN_SIGMA = (2 / 2.35) * 0.5;

export interface WindowedOptions extends MaskOptions {
  /** Points along each side of a pixel on the border of the window, default 11; 0 for the exact overlap. */
  readonly subpix?: number;
  /** Narrower windows are widened to this, in pixels. */
  readonly minSigma?: number;
}

export interface WindowedShapes {
  /** Position in pixels; the starting point where no light could be weighed. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /**
   * Second moments in pixels^2 of light times window about the position; NaN without light. A Gaussian of variance v under a window of variance w
   * has v w / (v + w).
   */
  readonly x2: Float64Array;
  readonly y2: Float64Array;
  readonly xy: Float64Array;
  /** Rounds taken; 16 when the position did not come to rest. */
  readonly rounds: Uint8Array;
  /** Sum of APERTURE_ flags of the last round. */
  readonly flag: Uint16Array;
}

/**
 * Centres and second moments under a Gaussian window that follows the centre. Masked pixels count as the mean of
 * the others in the window, as in SEP.
 *
 * Near brighter neighbours the window may walk away: compare with the start.
 *
 * @param x, y starting points in pixels
 * @param sigma standard deviation of the window in pixels: 2/2.35 of the half-light radius in SExtractor
 * @throws INPUT_INVALID when arrays do not belong together
 */
export function windowedShape(
  image: ImagePixels,
  x: Column,
  y: Column,
  sigma: Column,
  options: WindowedOptions = {},
): WindowedShapes {
  checkPixels(image, options);
  const rows = rowsOf({ x, y, sigma, segmentId: options.segmentId });
  const out = {
    x: new Float64Array(rows),
    y: new Float64Array(rows),
    x2: new Float64Array(rows).fill(Number.NaN),
    y2: new Float64Array(rows).fill(Number.NaN),
    xy: new Float64Array(rows).fill(Number.NaN),
    rounds: new Uint8Array(rows),
    flag: new Uint16Array(rows),
  };
  const [xs, ys, sigmas] = [x, y, sigma].map(reader);
  const least = options.minSigma ?? DEFAULT_MIN_SIGMA;
  const window = new GaussianWindow(image, options);
  for (let row = 0; row < rows; row++) {
    const width = Math.max(sigmas(row), least);
    window.x = xs(row);
    window.y = ys(row);
    if (Number.isFinite(window.x + window.y + width)) {
      window.settle(row, width);
      out.flag[row] = window.flag;
      out.rounds[row] = window.rounds;
      out.x2[row] = window.x2;
      out.y2[row] = window.y2;
      out.xy[row] = window.xy;
    } else {
      out.flag[row] = APERTURE_INVALID;
    }
    out.x[row] = window.x;
    out.y[row] = window.y;
  }
  return out;
}

class GaussianWindow {
  x = 0;
  y = 0;
  x2 = Number.NaN;
  y2 = Number.NaN;
  xy = Number.NaN;
  rounds = 0;
  flag = 0;
  readonly #image: ImagePixels;
  readonly #mask: PixelMask;
  readonly #disc: EllipseOverlap;
  /** exp(-dx^2 / 2 sigma^2) of the columns. */
  readonly #profile: Float64Array;

  constructor(image: ImagePixels, options: WindowedOptions) {
    this.#image = image;
    this.#mask = new PixelMask(options);
    this.#disc = new EllipseOverlap(image.width, options.subpix ?? 11);
    this.#profile = new Float64Array(image.width);
  }

  settle(row: number, sigma: number): void {
    this.#mask.turnTo(row);
    this.x2 = Number.NaN;
    this.y2 = Number.NaN;
    this.xy = Number.NaN;
    for (this.rounds = 1; ; this.rounds++) {
      const offset = this.#round(sigma);
      if (!(offset >= SMALLEST_OFFSET) || this.rounds === MAX_ROUNDS) return;
    }
  }

  /** One step; the length of the measured offset in pixels, NaN when there was nothing to measure. */
  #round(sigma: number): number {
    const { data, width, height } = this.#image;
    const { x, y } = this;
    const disc = this.#disc;
    const mask = this.#mask;
    const profile = this.#profile;
    disc.set(x, y, 1, 1, 0, REACH * sigma);
    this.flag = disc.crosses(this.#image) ? APERTURE_TRUNCATED : 0;
    const sharpness = -0.5 / (sigma * sigma);
    const x1 = Math.min(width - 1, Math.floor(disc.right + 0.5));
    for (let ix = Math.max(0, Math.floor(disc.left + 0.5)); ix <= x1; ix++)
      profile[ix] = Math.exp(sharpness * (ix - x) * (ix - x));
    // Sums of weight times light, and of the weight of what is masked, each with its first moments; then the second ones.
    let light = 0;
    let lightX = 0;
    let lightY = 0;
    let lightXX = 0;
    let lightYY = 0;
    let lightXY = 0;
    // Light without the window, and where it was looked for.
    let bare = 0;
    let used = 0;
    let lost = 0;
    let lostX = 0;
    let lostY = 0;
    let lostXX = 0;
    let lostYY = 0;
    let lostXY = 0;
    const y1 = Math.min(height - 1, Math.floor(disc.top + 0.5));
    for (let iy = Math.max(0, Math.floor(disc.bottom + 0.5)); iy <= y1; iy++) {
      disc.row(iy);
      const { first, full, fullEnd, end, weights } = disc;
      const dy = iy - y;
      const height = Math.exp(sharpness * dy * dy);
      for (let ix = first; ix < end; ix++) {
        const covered = ix >= full && ix < fullEnd ? 1 : weights[ix];
        const weight = covered * height * profile[ix];
        const dx = ix - x;
        const pixel = iy * width + ix;
        const value = data[pixel];
        if (!(value - value === 0) || (mask.active && mask.masks(pixel))) {
          lost += weight;
          lostX += weight * dx;
          lostY += weight * dy;
          lostXX += weight * dx * dx;
          lostYY += weight * dy * dy;
          lostXY += weight * dx * dy;
          continue;
        }
        const weighed = weight * value;
        light += weighed;
        lightX += weighed * dx;
        lightY += weighed * dy;
        lightXX += weighed * dx * dx;
        lightYY += weighed * dy * dy;
        lightXY += weighed * dx * dy;
        bare += covered * value;
        used += covered;
      }
    }
    if (lost > 0) {
      this.flag |= APERTURE_HAS_MASKED;
      if (used === 0) {
        this.flag |= APERTURE_ALL_MASKED;
        return Number.NaN;
      }
      const mean = bare / used;
      light += mean * lost;
      lightX += mean * lostX;
      lightY += mean * lostY;
      lightXX += mean * lostXX;
      lightYY += mean * lostYY;
      lightXY += mean * lostXY;
    }
    if (!(light > 0)) {
      this.flag |= APERTURE_NON_POSITIVE;
      return Number.NaN;
    }
    const offsetX = lightX / light;
    const offsetY = lightY / light;
    this.x2 = lightXX / light - offsetX * offsetX;
    this.y2 = lightYY / light - offsetY * offsetY;
    this.xy = lightXY / light - offsetX * offsetY;
    this.x = x + GAIN * offsetX;
    this.y = y + GAIN * offsetY;
    return Math.hypot(offsetX, offsetY);
  }
}
