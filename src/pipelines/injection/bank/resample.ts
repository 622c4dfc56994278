/** Onto the pixels of the bank: areas of overlap, so that light is conserved. */
import type { Point } from './light.ts';
import type { Size } from './segment.ts';

/**
 * A square of `side` pixels around `centre`, each `scale` input pixels wide, its centre at ((side - 1)/2, (side - 1)/2). Every output pixel
 * holds the light of the input under it, pixels taken as squares of even brightness. What lies outside of the square is left out.
 *
 * With scale 1 the centre is taken to the nearest whole (or, with an even side, half) pixel instead, so that pixels are copied and their
 * noise stays what it was: the light is then centred to half a pixel.
 */
export function resample(image: Float64Array, size: Size, centre: Point, scale: number, side: number): Float64Array {
  const start = (at: number) => {
    const exact = at - (scale * (side - 1)) / 2;
    return scale === 1 ? Math.round(exact) : exact;
  };
  const columns = overlaps(start(centre.x), scale, side, size.width);
  const rows = overlaps(start(centre.y), scale, side, size.height);
  const wide = new Float64Array(size.height * side);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < side; x++) {
      const { first, shares } = columns[x];
      let sum = 0;
      for (let at = 0; at < shares.length; at++) sum += shares[at] * image[y * size.width + first + at];
      wide[y * side + x] = sum;
    }
  }
  const out = new Float64Array(side * side);
  for (let y = 0; y < side; y++) {
    const { first, shares } = rows[y];
    for (let at = 0; at < shares.length; at++) {
      for (let x = 0; x < side; x++) out[y * side + x] += shares[at] * wide[(first + at) * side + x];
    }
  }
  return out;
}

interface Overlap {
  readonly first: number;
  /** Of the input pixels from `first` on, the part of each that lies in the output pixel. */
  readonly shares: readonly number[];
}

/** `start`: where the centre of output pixel 0 lies on the input. */
function overlaps(start: number, scale: number, side: number, length: number): Overlap[] {
  return Array.from({ length: side }, (_, pixel) => {
    const [low, high] = [start + (pixel - 0.5) * scale + 0.5, start + (pixel + 0.5) * scale + 0.5];
    const first = Math.max(0, Math.floor(low));
    const end = Math.min(length, Math.ceil(high));
    const shares = [];
    for (let at = first; at < end; at++) shares.push(Math.min(high, at + 1) - Math.max(low, at));
    return { first, shares };
  });
}
