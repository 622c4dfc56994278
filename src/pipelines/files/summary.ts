/** Running statistics of numbers that come in pieces: counts, extremes and mean, in constant memory. */
import type { NumberArray } from '../../io/fits/index.ts';

/** Values of a row, about, whose plain sum is exact enough before it is added with its rounding error kept. */
const RUN = 4096;

export class Summary {
  n = 0;
  finite = 0;
  nan = 0;
  /** Of finite values; undefined as long as there are none. 64 bit integers keep all their digits. */
  min: number | bigint | undefined;
  max: number | bigint | undefined;
  #sum = 0;
  /** What was lost in adding to #sum (Neumaier 1974, ZAMM 54, 39). */
  #lost = 0;

  /** Adds values; where `valid` is 0 a value is undefined and counts as NaN does. */
  add(values: NumberArray, valid?: Uint8Array): void {
    this.n += values.length;
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) this.#addBig(values, valid);
    else
      for (let start = 0; start < values.length; start += RUN)
        this.#addRun(values, start, Math.min(values.length, start + RUN), valid);
  }

  /** Mean of the finite values; undefined when there are none. */
  get mean(): number | undefined {
    return this.finite === 0 ? undefined : (this.#sum + this.#lost) / this.finite;
  }

  #addRun(values: Exclude<NumberArray, BigInt64Array | BigUint64Array>, start: number, end: number, valid?: Uint8Array): void {
    let sum = 0;
    let min = Number.POSITIVE_INFINITY;
    let max = Number.NEGATIVE_INFINITY;
    let finite = 0;
    let nan = 0;
    for (let at = start; at < end; at++) {
      const value = values[at];
      // x - x is 0 for finite x alone.
      if (value - value !== 0 || valid?.[at] === 0) {
        if (Number.isNaN(value) || valid?.[at] === 0) nan++;
        continue;
      }
      finite++;
      sum += value;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.finite += finite;
    this.nan += nan;
    if (finite === 0) return;
    this.#widen(min, max);
    this.#accumulate(sum);
  }

  #addBig(values: BigInt64Array | BigUint64Array, valid?: Uint8Array): void {
    for (let at = 0; at < values.length; at++) {
      if (valid?.[at] === 0) {
        this.nan++;
        continue;
      }
      this.finite++;
      this.#widen(values[at], values[at]);
      this.#accumulate(Number(values[at]));
    }
  }

  #widen(min: number | bigint, max: number | bigint): void {
    if (this.min === undefined || min < this.min) this.min = min;
    if (this.max === undefined || max > this.max) this.max = max;
  }

  #accumulate(value: number): void {
    const sum = this.#sum + value;
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
  }
}
