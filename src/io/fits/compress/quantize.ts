/** Floats to scaled integers (White, Pence; Pence, Seaman and White 2009, PASP 121, 414; FITS Standard 4.0, 10.2). */
import { noiseOf } from './noise.ts';
import { DitherWalk } from './random.ts';
import { NULL_VALUE, type Quantization, ZERO_VALUE } from './types.ts';

/** Integers from -2147483647 on that stand for something else than a pixel. */
const RESERVED = 10;
const LARGEST = 2147483647;

export interface QuantizedTile {
  readonly integers: Int32Array;
  readonly scale: number;
  readonly zero: number;
  /** NaN are in it, as -2147483647. */
  readonly blank: boolean;
}

/**
 * Quantises one tile.
 *
 * @param pixels the tile, rows of `width`
 * @param level step: positive is the noise divided by it (4 is fpack's usual), negative an absolute step
 * @param tile number of the tile from 0, which with `dither0` (1 .. 10000) chooses the dither
 * @returns undefined when the tile cannot be quantised: infinite pixels, no noise to measure, or too many steps. It is then kept lossless
 */
export function quantizeTile(
  pixels: Float32Array | Float64Array,
  width: number,
  level: number,
  method: Quantization,
  tile: number,
  dither0: number,
): QuantizedTile | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let blank = false;
  for (let index = 0; index < pixels.length; index++) {
    const value = pixels[index];
    if (value < low) low = value;
    if (value > high) high = value;
    if (Number.isNaN(value)) blank = true;
  }
  const integers = new Int32Array(pixels.length);
  if (low > high) return { integers: integers.fill(NULL_VALUE), scale: 1, zero: 0, blank: true };
  const step = level < 0 ? -level : noiseOf(pixels, width) / level;
  // Also false for an infinite range, and for a step of 0 or NaN.
  if (!((high - low) / step <= 2 * LARGEST - RESERVED)) return undefined;
  const zero = zeroPoint(low, high, step, blank || method === 'SUBTRACTIVE_DITHER_2');
  if (method === 'NO_DITHER') {
    for (let index = 0; index < pixels.length; index++) {
      const value = pixels[index];
      integers[index] = Number.isNaN(value) ? NULL_VALUE : nearest((value - zero) / step);
    }
    return { integers, scale: step, zero, blank };
  }
  const walk = new DitherWalk(tile, dither0);
  const keepZeros = method === 'SUBTRACTIVE_DITHER_2';
  for (let done = 0; done < pixels.length; ) {
    const first = walk.at(done);
    const shift = first - done;
    const end = Math.min(pixels.length, done + walk.left(first));
    for (; done < end; done++) {
      const value = pixels[done];
      if (keepZeros && value === 0) integers[done] = ZERO_VALUE;
      else if (Number.isNaN(value)) integers[done] = NULL_VALUE;
      else integers[done] = nearest((value - zero) / step + walk.table[done + shift] - 0.5);
    }
  }
  return { integers, scale: step, zero, blank };
}

/**
 * Where the integers begin: beside the reserved ones when those occur, because a jump between neighbours costs bits;
 * else at 0, on a multiple of the step, so that compressing once more gives the same integers; or around 0 when there are too many.
 */
function zeroPoint(low: number, high: number, step: number, reserved: boolean): number {
  if (reserved) return low - step * (NULL_VALUE + RESERVED);
  if ((high - low) / step < LARGEST - RESERVED) return Math.trunc(low / step + 0.5) * step;
  return (low + high) / 2;
}

/** Nearest integer, halves away from zero. */
function nearest(value: number): number {
  return value >= 0 ? Math.floor(value + 0.5) : Math.ceil(value - 0.5);
}
