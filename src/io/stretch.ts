/** From fluxes to colours: the asinh stretch of Lupton et al. 2004 (PASP 116, 133) and sheets of stamps. */
import type { Raster } from './png.ts';

/** Planes of one stamp, [y, x] with y up. */
export type Plane = Float32Array | Float64Array;

export interface Stretch {
  /** Flux per pixel that is drawn as black. */
  readonly black: number;
  /** Flux per pixel (mean of the planes) that is drawn as white. */
  readonly white: number;
  /** Softening: below white/softness the stretch is linear, above logarithmic. */
  readonly softness: number;
}

/**
 * A colour image of a stamp, y up in the planes, down in the raster.
 *
 * The mean intensity I goes to asinh(Q (I - black) / (white - black)) / asinh(Q), and every plane keeps its ratio to I, so that colours do
 * not bleach where it is bright; a pixel with a channel above 1 is scaled back as a whole (Lupton et al. 2004, section 2.1).
 * A pixel that is not finite in some plane is black.
 *
 * @param planes red, green, blue (or one plane for gray), each size*size
 */
export function colourStamp(planes: readonly [Plane, Plane, Plane] | readonly [Plane], size: number, stretch: Stretch): Raster {
  const channels = planes.length;
  const pixels = new Uint8Array(size * size * channels);
  const range = stretch.white - stretch.black;
  const scale = 1 / Math.asinh(stretch.softness);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const at = (size - 1 - y) * size + x;
      let intensity = 0;
      for (const plane of planes) intensity += (plane[at] - stretch.black) / range / channels;
      if (!Number.isFinite(intensity)) continue;
      const gain = intensity <= 0 ? 0 : (scale * Math.asinh(stretch.softness * intensity)) / intensity;
      let brightest = 1;
      for (const plane of planes) brightest = Math.max(brightest, ((plane[at] - stretch.black) / range) * gain);
      for (let channel = 0; channel < channels; channel++) {
        const value = ((planes[channel][at] - stretch.black) / range) * gain;
        pixels[(y * size + x) * channels + channel] = Math.round((255 * Math.max(0, value)) / brightest);
      }
    }
  }
  return { width: size, height: size, channels, pixels };
}

export interface StretchOptions {
  /** What part of the pixels may be brighter than white, counted from the faintest. Default 0.997. */
  readonly quantile?: number;
  /** Default 10. */
  readonly softness?: number;
  /**
   * Black in standard deviations of the sky above its level: the median and 1.4826 times the median absolute deviation of the intensity.
   * For observed images; -1 keeps the noise visible. Without it black is zero flux, as for rendered stamps.
   */
  readonly blackSigma?: number;
}

/** A stretch that shows a stamp well: white at the `quantile` of its mean intensity. Pixels not finite are left out; an empty stamp is black. */
export function stretchFor(
  planes: readonly Plane[],
  { quantile = 0.997, softness = 10, blackSigma }: StretchOptions = {},
): Stretch {
  const intensity = Float64Array.from(
    planes[0],
    (_, index) => planes.reduce((sum, plane) => sum + plane[index], 0) / planes.length,
  )
    .filter(Number.isFinite)
    .sort();
  const white = ranked(intensity, quantile);
  let black = 0;
  if (blackSigma !== undefined) {
    const level = ranked(intensity, 0.5);
    const deviation = intensity.map((value) => Math.abs(value - level)).sort();
    black = level + blackSigma * 1.4826 * ranked(deviation, 0.5);
  }
  return { black, white: white > black ? white : black + 1, softness };
}

/** The value below which the part `quantile` of sorted values lies; 0 of none. */
function ranked(sorted: Float64Array, quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] ?? 0;
}

/** `count` times as many pixels along each axis, each repeated: stamps are small, and browsers and viewers blur them. */
export function enlarge(raster: Raster, count: number): Raster {
  const { width, height, channels } = raster;
  const pixels = new Uint8Array(width * height * channels * count * count);
  for (let y = 0; y < height * count; y++) {
    for (let x = 0; x < width * count; x++) {
      const from = (Math.floor(y / count) * width + Math.floor(x / count)) * channels;
      const to = (y * width * count + x) * channels;
      for (let channel = 0; channel < channels; channel++) pixels[to + channel] = raster.pixels[from + channel];
    }
  }
  return { width: width * count, height: height * count, channels, pixels };
}

/** Rasters of one size on a sheet of `columns`, `gap` pixels of `background` between and around them, in reading order. */
export function sheet(rasters: readonly Raster[], columns: number, gap = 4, background = 24): Raster {
  const [{ width, height, channels }] = rasters;
  if (rasters.some((raster) => raster.width !== width || raster.height !== height || raster.channels !== channels)) {
    throw new RangeError('the rasters of a sheet are of one size and one number of channels');
  }
  const rows = Math.ceil(rasters.length / columns);
  const total = { width: gap + columns * (width + gap), height: gap + rows * (height + gap) };
  const pixels = new Uint8Array(total.width * total.height * channels).fill(background);
  rasters.forEach((raster, index) => {
    const left = gap + (index % columns) * (width + gap);
    const top = gap + Math.floor(index / columns) * (height + gap);
    for (let y = 0; y < height; y++) {
      const line = raster.pixels.subarray(y * width * channels, (y + 1) * width * channels);
      pixels.set(line, ((top + y) * total.width + left) * channels);
    }
  });
  return { ...total, channels, pixels };
}
