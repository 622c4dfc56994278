/** Scaled integers back to floats, with the dither that was added taken off again (FITS Standard 4.0, 10.2; White, Pence, arXiv:1201.1340). */
import { DitherWalk } from './random.ts';
import { NULL_VALUE, type Quantization, ZERO_VALUE } from './types.ts';

/** What turns the integers of one tile into floats. */
export interface Unquantizer {
  readonly method: Quantization;
  readonly scale: number;
  readonly zero: number;
  /** Integer of undefined pixels, which become NaN. */
  readonly blank: number;
  /** The tile's dither; undefined without one. */
  readonly walk: DitherWalk | undefined;
}

/**
 * @param tile number of the tile from 0, in table order
 * @param blank ZBLANK; without one, the reserved value -2147483647 is undefined, because no writer uses it for a pixel
 */
export function unquantizer(
  method: Quantization,
  scale: number,
  zero: number,
  tile: number,
  dither0: number,
  blank = NULL_VALUE,
): Unquantizer {
  return { method, scale, zero, blank, walk: method === 'NO_DITHER' ? undefined : new DitherWalk(tile, dither0) };
}

/**
 * Integers `from .. from + count` of a tile to floats at `at` of `out`. Calls for one tile must come in growing order of `from`.
 * The order of the operations is cfitsio's, so that the bits are.
 */
export function unquantize(
  rule: Unquantizer,
  integers: Int32Array | Int16Array | Uint8Array,
  from: number,
  count: number,
  out: Float32Array | Float64Array,
  at: number,
): void {
  const { scale, zero, blank, walk } = rule;
  if (walk === undefined) {
    for (let index = 0; index < count; index++) {
      const value = integers[from + index];
      out[at + index] = value === blank ? Number.NaN : value * scale + zero;
    }
    return;
  }
  const { table } = walk;
  // No integer equals it under the first method, which keeps no exact zeros.
  const exactZero = rule.method === 'SUBTRACTIVE_DITHER_2' ? ZERO_VALUE : Number.NaN;
  for (let done = 0; done < count; ) {
    let random = walk.at(from + done);
    const end = Math.min(count, done + walk.left(random));
    for (; done < end; done++, random++) {
      const value = integers[from + done];
      if (value === blank) out[at + done] = Number.NaN;
      else if (value === exactZero) out[at + done] = 0;
      else out[at + done] = (value - table[random] + 0.5) * scale + zero;
    }
  }
}
