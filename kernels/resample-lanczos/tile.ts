/** One tile: positions between control points, in whole numbers as on the device, and the pixels there. */
import {
  controlSide,
  mostMissing,
  NO_DATA,
  NO_POSITION,
  PARTIAL,
  PHASE_BITS,
  positionBits,
  type ResampleLanczosOptions,
} from './options.ts';
import { type GoodSums, sumsAnywhere, sumsInside, type Tables, weightedSum } from './sums.ts';
import type { SourceWindow } from './window.ts';

/** Output of one item, tile^2 each. */
export interface Tile {
  readonly image: Float32Array;
  readonly invvar: Float32Array;
  readonly mask: Uint32Array;
}

/** Resamples the loaded window to a tile. `control`: [row, column, (x, y)], whole 2^-14 px. */
export function resampleTile(
  options: ResampleLanczosOptions,
  tables: Tables,
  window: SourceWindow,
  control: Int32Array,
  out: Tile,
): void {
  const sums: GoodSums = { value: 0, weight: 0, variance: 0, missing: 0, isPartial: false };
  const side = controlSide(options);
  for (let row = 0; row + 1 < side; row++) {
    for (let column = 0; column + 1 < side; column++) {
      const at = 2 * (row * side + column);
      const next = at + 2 * side;
      if (
        control[at] === NO_POSITION ||
        control[at + 2] === NO_POSITION ||
        control[next] === NO_POSITION ||
        control[next + 2] === NO_POSITION
      ) {
        leaveCell(options, row, column, out);
      } else {
        resampleCell(options, tables, window, sums, control, at, next, (row * options.tile + column) * options.step, out);
      }
    }
  }
}

function leaveCell({ tile, step }: ResampleLanczosOptions, row: number, column: number, { image, invvar, mask }: Tile): void {
  for (let v = 0; v < step; v++) {
    const from = (row * step + v) * tile + column * step;
    image.fill(0, from, from + step);
    invvar.fill(0, from, from + step);
    mask.fill(NO_DATA, from, from + step);
  }
}

/** The cell whose corners stand at `at`, `at + 2`, `next`, `next + 2`; `first` is its first pixel in the tile. */
function resampleCell(
  options: ResampleLanczosOptions,
  tables: Tables,
  window: SourceWindow,
  sums: GoodSums,
  control: Int32Array,
  at: number,
  next: number,
  first: number,
  { image, invvar, mask }: Tile,
): void {
  const { tile, step } = options;
  const { taps, weights, squares, squareSums, hasZero } = tables;
  const { side, values, variances, badNear, hasBad, sharedVariance } = window;
  const isShared = !Number.isNaN(sharedVariance);
  const conservesFlux = options.conserve === 'flux';
  const most = mostMissing(options);
  const bits = positionBits(options);
  const drop = bits - PHASE_BITS;
  const low = 2 ** bits - 1;
  const round = 1 << (drop - 1);
  const unit = 2 ** -bits;
  // A single tap is that of the nearest pixel.
  const half = taps === 1 ? 1 << (bits - 1) : 0;
  const reach = taps === 1 ? 0 : taps / 2 - 1;
  const last = side - taps;
  for (let v = 0; v < step; v++) {
    const leftX = control[at] * (step - v) + control[next] * v;
    const leftY = control[at + 1] * (step - v) + control[next + 1] * v;
    const alongX = control[at + 2] * (step - v) + control[next + 2] * v - leftX;
    const alongY = control[at + 3] * (step - v) + control[next + 3] * v - leftY;
    let x = (leftX * step + half) | 0;
    let y = (leftY * step + half) | 0;
    for (let u = 0; u < step; u++) {
      const column = (x >> bits) - reach;
      const row = (y >> bits) - reach;
      const phaseX = ((x & low) + round) >> drop;
      const phaseY = ((y & low) + round) >> drop;
      x = (x + alongX) | 0;
      y = (y + alongY) | 0;
      const rowX = phaseX * taps;
      const rowY = phaseY * taps;
      const corner = row * side + column;
      const to = first + v * tile + u;
      let value: number;
      let variance: number;
      let weight = 1;
      let bit = 0;
      const isInside = column >= 0 && column <= last && row >= 0 && row <= last;
      if (isInside && !(hasBad && badNear[corner] === 1)) {
        value = weightedSum(values, corner, side, weights, rowX, rowY, taps);
        variance = isShared
          ? sharedVariance * squareSums[phaseX] * squareSums[phaseY]
          : weightedSum(variances, corner, side, squares, rowX, rowY, taps);
      } else {
        if (isInside && hasZero[phaseX] + hasZero[phaseY] === 0) sumsInside(window, corner, tables, rowX, rowY, sums);
        else sumsAnywhere(window, column, row, tables, rowX, rowY, sums);
        if (sums.missing > most) {
          image[to] = 0;
          invvar[to] = 0;
          mask[to] = NO_DATA;
          continue;
        }
        value = sums.value;
        weight = sums.weight;
        variance = sums.variance;
        bit = sums.isPartial ? PARTIAL : 0;
      }
      let area = 1;
      if (conservesFlux) {
        const upX = (control[next] - control[at]) * (step - u) + (control[next + 2] - control[at + 2]) * u;
        const upY = (control[next + 1] - control[at + 1]) * (step - u) + (control[next + 3] - control[at + 3]) * u;
        area = Math.abs(alongX * upY - alongY * upX) * unit * unit;
      }
      image[to] = (value / weight) * area;
      invvar[to] = (weight * weight) / (variance * area * area);
      mask[to] = bit;
    }
  }
}
