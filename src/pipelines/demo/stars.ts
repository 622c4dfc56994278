/** Stars: the Moffat of the place's PSF size, a halo around bright ones, and the circles that bright ones are masked with. */
import { moffatAlpha, moffatFwhmFromSize, moffatPeak } from '../../sky/profiles/moffat.ts';
import { MOFFAT_BETA, PIXSCALE_ARCSEC } from './bands.ts';
import type { Frame } from './mixtures.ts';

/** alpha in pixels of the PSF whose noise-equivalent size is `psfSizeArcsec`. */
export function psfAlpha(psfSizeArcsec: number): number {
  return moffatAlpha(moffatFwhmFromSize(psfSizeArcsec, MOFFAT_BETA, 'nea'), MOFFAT_BETA) / PIXSCALE_ARCSEC;
}

/** Adds a star, out to where it falls below `faintest` flux per pixel. */
export function drawStar(frame: Frame, x: number, y: number, flux: number, alpha: number, faintest: number): void {
  const peak = flux * moffatPeak(alpha, MOFFAT_BETA);
  const reach = alpha * (peak / faintest) ** (1 / (2 * MOFFAT_BETA));
  overDisc(frame, x, y, reach, (r2) => {
    const t = 1 + r2 / (alpha * alpha);
    return peak / (t * t * t * Math.sqrt(t));
  });
}

/** Flux of the halo within its core, per flux of the star, and the core's radius, pixels (5 arcsec). */
const HALO_PART = 0.004;
const HALO_CORE = 19;

/** Adds the halo of a bright star: I ~ (1 + r^2/19^2)^-1.25 as stars' wings fall outside their core (King 1971), led to 0 at `reach` pixels. */
export function drawHalo(frame: Frame, x: number, y: number, flux: number, reach: number): void {
  const peak = (HALO_PART * flux) / (Math.PI * HALO_CORE * HALO_CORE);
  overDisc(frame, x, y, reach, (r2) => {
    const t = 1 + r2 / (HALO_CORE * HALO_CORE);
    const fade = 1 - r2 / (reach * reach);
    return (peak * fade * fade) / (t * Math.sqrt(Math.sqrt(t)));
  });
}

function overDisc({ width, height, pixels }: Frame, x: number, y: number, reach: number, value: (r2: number) => number): void {
  eachRow(width, height, x, y, reach, (row, from, to) => {
    const dy2 = (row - y) * (row - y);
    for (let column = from; column <= to; column++) pixels[row * width + column] += value((column - x) * (column - x) + dy2);
  });
}

/** Sets bits within a circle. */
export function maskDisc(
  mask: Int32Array,
  width: number,
  height: number,
  x: number,
  y: number,
  radius: number,
  bits: number,
): void {
  eachRow(width, height, x, y, radius, (row, from, to) => {
    for (let at = row * width + from; at <= row * width + to; at++) mask[at] |= bits;
  });
}

/** The stretches of rows that lie within a circle and the frame. */
function eachRow(
  width: number,
  height: number,
  x: number,
  y: number,
  radius: number,
  use: (row: number, from: number, to: number) => void,
): void {
  const top = Math.min(height - 1, Math.floor(y + radius));
  for (let row = Math.max(0, Math.ceil(y - radius)); row <= top; row++) {
    const half = Math.sqrt(radius * radius - (row - y) * (row - y));
    use(row, Math.max(0, Math.ceil(x - half)), Math.min(width - 1, Math.floor(x + half)));
  }
}

/** Stars brighter than this are masked as MEDIUM, within {@link maskRadius}; those of {@link BRIGHT_MAG} also as BRIGHT within half of it. */
export const MEDIUM_MAG = 16;
export const BRIGHT_MAG = 13;

/** Radius of a star's mask, pixels: the survey's radius-magnitude relation, 150 x 2.5^((11 - G)/3), at most 1800. */
export function maskRadius(mag: number): number {
  return Math.min(1800, 150 * 2.5 ** ((11 - mag) / 3));
}

/** Stars brighter than this in W1 (AB) spoil WISE photometry around them. */
export const WISE_MAG = 12.5;

/** Radius of the W1 mask, pixels; that of W2 is 0.8 of it. 45 arcsec at magnitude 11, half of that three magnitudes fainter. */
export function wiseRadius(w1mag: number): number {
  return (45 / PIXSCALE_ARCSEC) * 10 ** (-0.1 * (w1mag - 11));
}
