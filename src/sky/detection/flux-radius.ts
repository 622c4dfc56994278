/** Radii of circles that hold given parts of an object's light, such as the half-light radius (SExtractor's FLUX_RADIUS). */
import { ArcletError } from '../../core/errors.ts';
import { APERTURE_ALL_MASKED, APERTURE_HAS_MASKED, APERTURE_INVALID, APERTURE_TRUNCATED } from './apertures.ts';
import {
  type Column,
  type CorrectionOptions,
  checkPixels,
  type ImagePixels,
  type MaskOptions,
  PixelMask,
  reader,
  rowsOf,
} from './apertures-pixels.ts';

/** Steps of the growth curve. */
const STEPS = 64;

export interface FluxRadii {
  /** One radius in pixels for every row and part, the parts of one row together. */
  readonly radius: Float64Array;
  /** Sum of APERTURE_ flags, one per row. */
  readonly flag: Uint16Array;
}

export interface FluxRadiusOptions extends MaskOptions, CorrectionOptions {
  /** The flux that the parts are of; without it the flux within `rmax`. */
  readonly normFlux?: Column;
  /** Points along each side of a pixel, default 5. */
  readonly subpix?: number;
}

/**
 * Radii of circles around (x, y) within which the growth curve first reaches the given parts of the flux, linear between 64 even steps to `rmax`
 * pixels. A part that is not reached gives `rmax`; a flux that is not positive gives 0. A ring that is all masked adds nothing.
 *
 * @param fractions parts of the flux, each 0 or more
 * @throws INPUT_INVALID when arrays do not belong together or subpix is not a whole number of 1 or more
 */
export function fluxRadius(
  image: ImagePixels,
  x: Column,
  y: Column,
  rmax: Column,
  fractions: readonly number[],
  options: FluxRadiusOptions = {},
): FluxRadii {
  checkPixels(image, options);
  const { subpix = 5, normFlux } = options;
  if (!Number.isInteger(subpix) || subpix < 1) {
    throw new ArcletError('INPUT_INVALID', `A growth curve with ${subpix} points along a pixel cannot be made.`, {
      subject: 'subpix',
      remedy: 'Give a whole number of 1 or more.',
    });
  }
  const rows = rowsOf({ x, y, rmax, normFlux, segmentId: options.segmentId });
  const radius = new Float64Array(rows * fractions.length).fill(Number.NaN);
  const flag = new Uint16Array(rows);
  const [xs, ys, limits] = [x, y, rmax].map(reader);
  const norm = normFlux === undefined ? undefined : reader(normFlux);
  const mask = new PixelMask(options);
  const curve = new GrowthCurve(image, mask, subpix, options.correctMasked ?? true);
  for (let row = 0; row < rows; row++) {
    const limit = limits(row);
    if (!(limit > 0) || !Number.isFinite(xs(row) + ys(row) + limit)) {
      flag[row] = APERTURE_INVALID;
      continue;
    }
    mask.turnTo(row);
    curve.measure(xs(row), ys(row), limit);
    flag[row] = curve.flag;
    const total = norm === undefined ? curve.sums[STEPS - 1] : norm(row);
    fractions.forEach((part, i) => {
      radius[row * fractions.length + i] = curve.radiusOf(part * total, total, limit);
    });
  }
  return { radius, flag };
}

/** Light within each of the steps of one object. */
class GrowthCurve {
  readonly sums = new Float64Array(STEPS);
  flag = 0;
  readonly #image: ImagePixels;
  readonly #mask: PixelMask;
  readonly #subpix: number;
  readonly #correct: boolean;
  readonly #area = new Float64Array(STEPS);
  readonly #maskedArea = new Float64Array(STEPS);

  constructor(image: ImagePixels, mask: PixelMask, subpix: number, correct: boolean) {
    this.#correct = correct;
    this.#image = image;
    this.#mask = mask;
    this.#subpix = subpix;
  }

  measure(x: number, y: number, limit: number): void {
    const { data, width, height } = this.#image;
    this.sums.fill(0);
    this.#area.fill(0);
    this.#maskedArea.fill(0);
    const y1 = Math.min(height - 1, Math.floor(y + limit + 0.5));
    let masked = 0;
    let used = 0;
    for (let iy = Math.max(0, Math.floor(y - limit + 0.5)); iy <= y1; iy++) {
      // The nearest points of this row to the centre bound the chord.
      const near = Math.max(0, Math.abs(iy - y) - 0.5);
      const half = Math.sqrt(Math.max(0, limit * limit - near * near));
      const x1 = Math.min(width - 1, Math.floor(x + half + 0.5));
      for (let ix = Math.max(0, Math.floor(x - half + 0.5)); ix <= x1; ix++) {
        const pixel = iy * width + ix;
        const value = data[pixel];
        if (!(value - value === 0) || (this.#mask.active && this.#mask.masks(pixel))) {
          masked += this.#spread(ix - x, iy - y, limit, 0, this.#maskedArea);
        } else {
          used += this.#spread(ix - x, iy - y, limit, value, this.sums);
        }
      }
    }
    this.flag = 0;
    if (x - limit < -0.5 || y - limit < -0.5 || x + limit > width - 0.5 || y + limit > height - 0.5)
      this.flag |= APERTURE_TRUNCATED;
    if (masked > 0) this.flag |= APERTURE_HAS_MASKED | (used === 0 ? APERTURE_ALL_MASKED : 0);
    let sum = 0;
    for (let i = 0; i < STEPS; i++) {
      const area = this.#area[i];
      const lost = this.#maskedArea[i];
      if (lost > 0 && this.#correct) this.sums[i] = lost < area ? this.sums[i] * (area / (area - lost)) : 0;
      sum += this.sums[i];
      this.sums[i] = sum;
    }
  }

  /** Hands the points of one pixel to the rings that they fall into: `value` each, or their area where it is 0. Returns the points. */
  #spread(dx: number, dy: number, limit: number, value: number, into: Float64Array): number {
    const subpix = this.#subpix;
    const step = 1 / subpix;
    const share = step * step;
    const offset = 0.5 * (step - 1);
    const scale = STEPS / limit;
    const area = this.#area;
    const amount = into === this.#maskedArea ? share : share * value;
    let points = 0;
    let sy = dy + offset;
    for (let j = 0; j < subpix; j++, sy += step) {
      let sx = dx + offset;
      for (let i = 0; i < subpix; i++, sx += step) {
        const ring = Math.sqrt(sx * sx + sy * sy) * scale;
        if (ring >= STEPS) continue;
        into[ring | 0] += amount;
        area[ring | 0] += share;
        points++;
      }
    }
    return points;
  }

  /** Where the curve first reaches `target`. */
  radiusOf(target: number, total: number, limit: number): number {
    if (!(total > 0)) return 0;
    const sums = this.sums;
    let step = 0;
    while (step < STEPS && sums[step] < target) step++;
    if (step === STEPS) return limit;
    const before = step === 0 ? 0 : sums[step - 1];
    const gained = sums[step] - before;
    return ((step + (gained > 0 ? (target - before) / gained : 0)) * limit) / STEPS;
  }
}
