/** Star cutouts, and first guesses of where each star is, how bright and how wide. */
import { median, WINDOW } from './quality.ts';

/** A square cutout around one star. */
export interface StarCutout {
  /** size x size pixel values, row-major, y up with the rows. */
  readonly data: ArrayLike<number>;
  /** Inverse variance of each pixel in data^-2; 0, negative or not finite = bad. */
  readonly weight: ArrayLike<number>;
  /** Pixels a side. */
  readonly size: number;
  /** Guess of the star's centre in pixels of the cutout, 0-based; good to about a pixel. */
  readonly x: number;
  readonly y: number;
}

/** A cutout being fitted. */
export interface FitStar {
  readonly index: number;
  readonly size: number;
  readonly data: Float64Array;
  /** Inverse variances as given, 0 = bad. */
  readonly given: Float64Array;
  /** Inverse variances in use: scaled, with the model's own error, 0 = bad or clipped. */
  readonly weight: Float64Array;
  readonly clipped: Uint8Array;
  /** Pixels of neighbours, clipped whatever the model says. */
  readonly masked: Uint8Array;
  /** Unit-flux PSF at the pixels, and its derivatives by x and y. */
  readonly model: Float64Array;
  readonly byX: Float64Array;
  readonly byY: Float64Array;
  readonly startX: number;
  readonly startY: number;
  x: number;
  y: number;
  flux: number;
  fluxError: number;
  background: number;
  /** Reduced chi-squared in the core, clipped pixels counted. */
  coreChi2: number;
  /** Why it does not count for the PSF; undefined while it does. */
  rejected?: string;
}

/** Pixels of the border ring whose median is the first background. */
const RING = 3;

/** Copies a cutout; what is not finite gets weight 0. Says what is wrong with one that cannot be fitted at all. */
export function openStar(cutout: StarCutout, index: number, fitBackground: boolean): FitStar {
  const { size } = cutout;
  const pixels = size * size;
  const star: FitStar = {
    index,
    size,
    data: new Float64Array(pixels),
    given: new Float64Array(pixels),
    weight: new Float64Array(pixels),
    clipped: new Uint8Array(pixels),
    masked: new Uint8Array(pixels),
    model: new Float64Array(pixels),
    byX: new Float64Array(pixels),
    byY: new Float64Array(pixels),
    startX: cutout.x,
    startY: cutout.y,
    x: cutout.x,
    y: cutout.y,
    flux: Number.NaN,
    fluxError: Number.NaN,
    background: 0,
    coreChi2: Number.NaN,
  };
  let good = 0;
  for (let k = 0; k < pixels; k++) {
    const value = cutout.data[k];
    const weight = cutout.weight[k];
    if (!Number.isFinite(value) || !(weight > 0) || weight === Number.POSITIVE_INFINITY) continue;
    star.data[k] = value;
    star.given[k] = weight;
    good++;
  }
  star.weight.set(star.given);
  if (good === 0) star.rejected = 'no good pixel';
  else if (!(cutout.x > 1 && cutout.x < size - 2 && cutout.y > 1 && cutout.y < size - 2))
    star.rejected = 'centre outside the cutout';
  if (star.rejected === undefined && fitBackground) {
    const ring: number[] = [];
    for (let k = 0; k < pixels; k++) {
      const i = k % size;
      const j = (k - i) / size;
      if (star.given[k] > 0 && Math.min(i, j, size - 1 - i, size - 1 - j) < RING) ring.push(star.data[k]);
    }
    if (ring.length > 0) star.background = median(ring);
  }
  return star;
}

/**
 * First width of a star: FWHM in pixels of the circle that has the area above half of the peak, grown from the brightest good pixel within 2 px
 * of the guess. NaN where there is no such pixel above the background.
 */
export function halfPeakWidth(star: FitStar): number {
  const { size, data, given } = star;
  let peak = Number.NEGATIVE_INFINITY;
  let at = -1;
  for (let j = Math.max(0, Math.round(star.y) - 2); j <= Math.min(size - 1, Math.round(star.y) + 2); j++) {
    for (let i = Math.max(0, Math.round(star.x) - 2); i <= Math.min(size - 1, Math.round(star.x) + 2); i++) {
      const k = j * size + i;
      if (given[k] > 0 && data[k] > peak) {
        peak = data[k];
        at = k;
      }
    }
  }
  const half = (peak + star.background) / 2;
  if (at < 0 || !(peak > half)) return Number.NaN;
  return areaWidth(size, size, at, (k) => given[k] > 0 && data[k] > half);
}

/**
 * FWHM in pixels of the circle that has the area of the pixels above half of a peak that hang together with it. Unlike moments of a detection it does
 * not grow with brightness.
 *
 * @param start pixel of the peak, in an image of width x height
 * @param isAbove whether a pixel is above half of the peak
 * @param most the search ends at this many pixels
 */
export function areaWidth(
  width: number,
  height: number,
  start: number,
  isAbove: (pixel: number) => boolean,
  most = Number.POSITIVE_INFINITY,
): number {
  const area = new Set([start]);
  // A Set goes on over what is added to it.
  for (const k of area) {
    if (area.size >= most) break;
    const i = k % width;
    for (const next of [i > 0 ? k - 1 : -1, i < width - 1 ? k + 1 : -1, k - width, k + width])
      if (next >= 0 && next < width * height && !area.has(next) && isAbove(next)) area.add(next);
  }
  return 2 * Math.sqrt(area.size / Math.PI);
}

/** Moves x, y to the Gaussian-windowed centroid (window of this FWHM, as XWIN of SExtractor); left where they were if it runs away from the guess. */
export function windowCentroid(star: FitStar, fwhm: number): void {
  const { size, data, given } = star;
  const width = WINDOW / (fwhm * fwhm);
  let { x, y } = star;
  for (let round = 0; round < 10; round++) {
    let sum = 0;
    let sumX = 0;
    let sumY = 0;
    const reach = Math.ceil(1.5 * fwhm) + 1;
    for (let j = Math.max(0, Math.round(y) - reach); j <= Math.min(size - 1, Math.round(y) + reach); j++) {
      for (let i = Math.max(0, Math.round(x) - reach); i <= Math.min(size - 1, Math.round(x) + reach); i++) {
        const k = j * size + i;
        if (given[k] === 0) continue;
        const value = (data[k] - star.background) * Math.exp(-width * ((i - x) ** 2 + (j - y) ** 2));
        sum += value;
        sumX += value * (i - x);
        sumY += value * (j - y);
      }
    }
    const moveX = (2 * sumX) / sum;
    const moveY = (2 * sumY) / sum;
    if (!(sum > 0) || !(Math.hypot(x + moveX - star.startX, y + moveY - star.startY) < 2)) return;
    x += moveX;
    y += moveY;
    if (Math.hypot(moveX, moveY) < 0.01) break;
  }
  star.x = x;
  star.y = y;
}

/** First flux: the sum within 1.25 FWHM, which holds about 0.9 of it. */
export function apertureGuess(star: FitStar, fwhm: number): void {
  let sum = 0;
  const radius = 1.25 * fwhm;
  for (let k = 0; k < star.data.length; k++) {
    const i = k % star.size;
    if (star.given[k] > 0 && Math.hypot(i - star.x, (k - i) / star.size - star.y) <= radius)
      sum += star.data[k] - star.background;
  }
  star.flux = sum / 0.9;
}
