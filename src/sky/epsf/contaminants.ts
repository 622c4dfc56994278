/** Faint neighbours beside a star, too faint for any pixel of theirs to stand out alone: found with a matched filter, and taken out. */
import { moffatAlpha } from '../profiles/moffat.ts';
import type { Noise } from './judge-stars.ts';
import { median, WINDOW } from './quality.ts';
import type { FitStar } from './stars.ts';

/** A neighbour is light of the PSF's width that is this many times its error, */
const SIGMAS = 5;
/** holds at least this part of the star's flux, */
const LEAST_SHARE = 0.01;
/** and is this many FWHM from the star: nearer by it is a blend, and the star's core shows it. */
const NEAREST = 0.9;
/** With more than this part of the flux within {@link CLOSE} FWHM it costs the star: what is left of it after masking tells little. */
const MOST_SHARE = 0.1;
const CLOSE = 2.5;
/** Fewer stars than this are not left out for a neighbour; its pixels are masked, as those of any other. */
const FEW = 4;
/** A neighbour's pixels are masked to where its light, a Moffat of this beta, falls to this many sigma, */
const BETA = 3.5;
const FAINT = 0.2;
/** between these radii in FWHM. */
const MASK = { least: 1, greatest: 3 };
/** Pixels nearer to the star than this many FWHM are not masked: they are what the PSF is made of. */
const CORE = 0.75;
/** Most neighbours of one star. */
const MOST = 12;

interface Filtered {
  /** Flux of a point source at each pixel over the star's, and its error; error 0 where nothing is known. */
  readonly share: Float64Array;
  readonly error: Float64Array;
}

/** Flux of a point source (a Gaussian of the PSF's FWHM) at every pixel of what the star's model leaves, in units of the star's flux. */
function matchedFilter(star: FitStar, noise: Noise, fwhm: number): Filtered {
  const { size, data, given, masked, model, flux, background } = star;
  const reach = Math.ceil(1.2 * fwhm);
  const kernel = new Float64Array(2 * reach + 1);
  for (let k = -reach; k <= reach; k++) kernel[k + reach] = Math.exp((-WINDOW * k * k) / (fwhm * fwhm));
  const total = kernel.reduce((sum, value) => sum + value, 0);
  for (let k = 0; k < kernel.length; k++) kernel[k] /= total;
  const squares = kernel.map((value) => value * value);
  const light = new Float64Array(data.length);
  const weights = new Float64Array(data.length);
  for (let k = 0; k < data.length; k++) {
    if (given[k] === 0 || masked[k] === 1) continue;
    const own = noise.modelError * flux * model[k];
    weights[k] = 1 / (noise.scale / given[k] + own * own);
    light[k] = weights[k] * (data[k] - background - flux * model[k]);
  }
  const share = convolved(light, size, kernel);
  const error = convolved(weights, size, squares);
  for (let k = 0; k < share.length; k++) {
    share[k] /= error[k] * flux;
    error[k] = 1 / (Math.sqrt(error[k]) * flux);
    if (!Number.isFinite(share[k])) error[k] = 0;
  }
  return { share, error };
}

/** Along rows, then columns, with a symmetric kernel; outside is 0. */
function convolved(image: Float64Array, size: number, kernel: Float64Array): Float64Array {
  const reach = (kernel.length - 1) / 2;
  const rows = new Float64Array(image.length);
  const out = new Float64Array(image.length);
  for (let d = -reach; d <= reach; d++) {
    const factor = kernel[d + reach];
    for (let j = 0; j < size; j++) {
      const last = j * size + Math.min(size, size - d);
      for (let k = j * size + Math.max(0, -d); k < last; k++) rows[k] += factor * image[k + d];
    }
  }
  for (let d = -reach; d <= reach; d++) {
    const factor = kernel[d + reach];
    const last = Math.min(size, size - d) * size;
    for (let k = Math.max(0, -d) * size; k < last; k++) out[k] += factor * rows[k + d * size];
  }
  return out;
}

/** Median share in the ring of a pixel's width at this distance from the star: halos, and galaxies, are light all around. */
function ringMedian({ share, error }: Filtered, star: FitStar, radius: number): number {
  const ring: number[] = [];
  for (let k = 0; k < share.length; k++) {
    const i = k % star.size;
    if (error[k] > 0 && Math.abs(Math.hypot(i - star.x, (k - i) / star.size - star.y) - radius) <= 0.5) ring.push(share[k]);
  }
  return ring.length > 0 ? median(ring) : 0;
}

/** Median share at one place, from the centre, of the other stars: what all show there is the PSF's. 0 without any. */
function othersMedian(all: readonly Filtered[], stars: readonly FitStar[], which: number, dx: number, dy: number): number {
  const shares: number[] = [];
  stars.forEach((star, n) => {
    const i = Math.round(star.x + dx);
    const j = Math.round(star.y + dy);
    const k = j * star.size + i;
    if (n !== which && i >= 0 && j >= 0 && i < star.size && j < star.size && all[n].error[k] > 0) shares.push(all[n].share[k]);
  });
  return shares.length > 0 ? median(shares) : 0;
}

/**
 * Finds neighbours of the stars and marks their pixels in `masked`; stars with too bright and close a one are rejected, unless few would be left.
 * The stars must be fitted. Light that is as strong all around the star, or at the same place beside the others, is the PSF's and not a neighbour.
 * True if anything was masked or rejected.
 *
 * @param fwhm of the PSF, px
 */
export function takeOutNeighbours(stars: readonly FitStar[], noise: Noise, fwhm: number): boolean {
  const all = stars.map((star) => matchedFilter(star, noise, fwhm));
  const doomed: { star: FitStar; share: number; radius: number }[] = [];
  let found = false;
  stars.forEach((star, n) => {
    let close = { share: 0, radius: 0 };
    for (const { x, y, share } of neighboursOf(n, stars, all, fwhm)) {
      mask(star, noise, fwhm, x, y, share);
      found = true;
      const radius = Math.hypot(x - star.x, y - star.y);
      if (share > Math.max(MOST_SHARE, close.share) && radius <= CLOSE * fwhm) close = { share, radius };
    }
    if (close.share > 0) doomed.push({ star, ...close });
  });
  doomed.sort((a, b) => b.share - a.share);
  for (const { star, share, radius } of doomed.slice(0, Math.max(0, stars.length - FEW)))
    star.rejected = `neighbour of ${Math.round(100 * share)} % of its flux ${radius.toFixed(1)} px off`;
  return found;
}

/** Brightest first, none within the mask of another. */
function neighboursOf(n: number, stars: readonly FitStar[], all: readonly Filtered[], fwhm: number) {
  const star = stars[n];
  const { share, error } = all[n];
  const candidates: number[] = [];
  for (let k = 0; k < share.length; k++) {
    if (!(error[k] > 0 && share[k] >= LEAST_SHARE && share[k] >= SIGMAS * error[k])) continue;
    const i = k % star.size;
    const j = (k - i) / star.size;
    if (Math.hypot(i - star.x, j - star.y) < NEAREST * fwhm) continue;
    let top = true;
    for (let y = Math.max(0, j - 1); y <= Math.min(star.size - 1, j + 1); y++) {
      for (let x = Math.max(0, i - 1); x <= Math.min(star.size - 1, i + 1); x++)
        top &&= !(error[y * star.size + x] > 0 && share[y * star.size + x] > share[k]);
    }
    if (top) candidates.push(k);
  }
  const out: { x: number; y: number; share: number }[] = [];
  for (const k of candidates.sort((a, b) => share[b] - share[a])) {
    if (out.length === MOST) break;
    const x = k % star.size;
    const y = (k - x) / star.size;
    if (out.some((other) => Math.hypot(other.x - x, other.y - y) < MASK.least * fwhm)) continue;
    const radius = Math.hypot(x - star.x, y - star.y);
    const usual = Math.max(0, ringMedian(all[n], star, radius), othersMedian(all, stars, n, x - star.x, y - star.y));
    const excess = share[k] - usual;
    if (excess >= LEAST_SHARE && excess >= SIGMAS * error[k]) out.push({ x, y, share: excess });
  }
  return out;
}

/** Masks a neighbour to where a Moffat of beta {@link BETA} falls to {@link FAINT} sigma. */
function mask(star: FitStar, noise: Noise, fwhm: number, x: number, y: number, share: number): void {
  const { size, given, masked, flux } = star;
  const alpha = moffatAlpha(fwhm, BETA);
  const peak = (share * flux * (BETA - 1)) / (Math.PI * alpha * alpha);
  const weight = given[Math.round(y) * size + Math.round(x)];
  const sigma = Math.sqrt(noise.scale / (weight > 0 ? weight : median(Array.from(given).filter((value) => value > 0))));
  const faint = alpha * Math.sqrt(Math.max(0, (peak / (FAINT * sigma)) ** (1 / BETA) - 1));
  const radius = fwhm * Math.min(MASK.greatest, Math.max(MASK.least, faint / fwhm));
  for (let j = Math.max(0, Math.ceil(y - radius)); j <= Math.min(size - 1, Math.floor(y + radius)); j++) {
    for (let i = Math.max(0, Math.ceil(x - radius)); i <= Math.min(size - 1, Math.floor(x + radius)); i++) {
      if (Math.hypot(i - x, j - y) <= radius && Math.hypot(i - star.x, j - star.y) > CORE * fwhm) masked[j * size + i] = 1;
    }
  }
}
