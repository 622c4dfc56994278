/** The source window in hand, in float64, with what is known of it as a whole. */
import { MIN_WEIGHT } from './options.ts';
import type { Window } from './sums.ts';

export class SourceWindow implements Window {
  readonly side: number;
  readonly taps: number;
  readonly values: Float64Array;
  readonly variances: Float64Array;
  readonly isGood: Float64Array;
  /** 1 where a bad pixel is among the taps^2 from a pixel on; stale without a bad pixel. */
  readonly badNear: Uint8Array;
  readonly #badInRow: Uint8Array;
  hasBad = false;
  /** The variance that all good pixels share, NaN when they differ. */
  sharedVariance = Number.NaN;

  constructor(side: number, taps: number) {
    const area = side * side;
    this.side = side;
    this.taps = taps;
    this.values = new Float64Array(area);
    this.variances = new Float64Array(area);
    this.isGood = new Float64Array(area);
    this.badNear = new Uint8Array(area);
    this.#badInRow = new Uint8Array(area);
  }

  /** Takes the window that starts at `start` of `pixels` and `weights`. Variances and `isGood` are set only where they will be asked for. */
  load(pixels: Float32Array, weights: Float32Array, start: number): void {
    const { values } = this;
    let lowest = Number.POSITIVE_INFINITY;
    let highest = 0;
    let bad = 0;
    for (let i = 0; i < values.length; i++) {
      const weight = weights[start + i];
      values[i] = pixels[start + i];
      if (weight < MIN_WEIGHT) bad++;
      else if (weight < lowest) lowest = weight;
      if (weight > highest) highest = weight;
    }
    this.sharedVariance = lowest === highest ? 1 / lowest : Number.NaN;
    this.hasBad = bad > 0;
    if (this.hasBad || lowest !== highest) this.#loadVariances(weights, start);
    if (this.hasBad) this.#markNeighbours();
  }

  #loadVariances(weights: Float32Array, start: number): void {
    const { values, variances, isGood } = this;
    for (let i = 0; i < values.length; i++) {
      const weight = weights[start + i];
      const good = weight >= MIN_WEIGHT;
      if (!good) values[i] = 0;
      variances[i] = good ? 1 / weight : 0;
      isGood[i] = good ? 1 : 0;
    }
  }

  /** Along rows from the right, the next bad pixel; then rows are joined upwards. */
  #markNeighbours(): void {
    const { side, taps, isGood, badNear } = this;
    const inRow = this.#badInRow;
    for (let y = 0; y < side; y++) {
      let next = Number.POSITIVE_INFINITY;
      for (let at = (y + 1) * side - 1; at >= y * side; at--) {
        if (isGood[at] === 0) next = at;
        inRow[at] = next - at < taps ? 1 : 0;
      }
    }
    badNear.set(inRow);
    for (let tap = 1; tap < taps; tap++) {
      const shift = tap * side;
      for (let at = 0; at + shift < badNear.length; at++) badNear[at] |= inRow[at + shift];
    }
  }
}
