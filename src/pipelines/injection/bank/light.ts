/** What is said of a template's light: half-light radius and clumpiness. */
import { type Size, smooth } from './segment.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Pixels are cut into so many cells a side where light is counted by radius. */
const CELLS = 5;
/** Rings of the curve of growth, per pixel. */
const RINGS = 20;

/**
 * Radius about `centre` within which half of the sum lies, in pixels, by a curve of growth over cells of 1/5 pixel in rings of 1/20 pixel,
 * linear within a ring. NaN where the sum is not positive. The image needs its sky taken off before.
 */
export function halfLightRadius(image: ArrayLike<number>, { width, height }: Size, centre: Point): number {
  const reach = Math.hypot(Math.max(centre.x, width - 1 - centre.x) + 1, Math.max(centre.y, height - 1 - centre.y) + 1);
  const rings = new Float64Array(Math.ceil(reach * RINGS) + 1);
  let total = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = image[y * width + x];
      if (value === 0) continue;
      total += value;
      const share = value / (CELLS * CELLS);
      for (let cy = 0; cy < CELLS; cy++) {
        const dy = y - centre.y + (cy + 0.5) / CELLS - 0.5;
        for (let cx = 0; cx < CELLS; cx++) {
          const dx = x - centre.x + (cx + 0.5) / CELLS - 0.5;
          rings[Math.floor(Math.sqrt(dx * dx + dy * dy) * RINGS)] += share;
        }
      }
    }
  }
  if (!(total > 0)) return Number.NaN;
  let within = 0;
  for (let ring = 0; ring < rings.length; ring++) {
    if (within + rings[ring] >= total / 2) return (ring + (total / 2 - within) / rings[ring]) / RINGS;
    within += rings[ring];
  }
  return Number.NaN;
}

/** Light-weighted mean position, pixels. */
export function centroid(image: ArrayLike<number>, { width }: Size): Point {
  let [sum, sumX, sumY] = [0, 0, 0];
  for (let pixel = 0; pixel < image.length; pixel++) {
    const value = image[pixel];
    sum += value;
    sumX += value * (pixel % width);
    sumY += value * Math.floor(pixel / width);
  }
  return { x: sumX / sum, y: sumY / sum };
}

/** Pixels of the Gaussian that clumpiness compares with. */
const CLUMP_SIGMA = 1;

/**
 * Sum of |I - I smoothed by a Gaussian of 1 pixel| over the sum of I. This definition gives the numbers known of the originals' banks: about
 * 0.98 for white noise cut at zero, 0.50 and 0.33 for noise correlated over 1 and 1.42 pixels, 0.010 for an exponential of Re 10 pixels.
 */
export function clumpiness(image: ArrayLike<number>, size: Size): number {
  const values = Float64Array.from(image);
  const smoothed = smooth(values, size, CLUMP_SIGMA);
  let [difference, sum] = [0, 0];
  for (let pixel = 0; pixel < values.length; pixel++) {
    difference += Math.abs(values[pixel] - smoothed[pixel]);
    sum += values[pixel];
  }
  return difference / sum;
}
