/** The noise of a tile from differences of neighbours, which a smooth image does not touch (Pence, Seaman and White 2009, PASP 121, 414). */

/** Fewest pixels of a row that the fifth-order difference can use. */
const LEAST_PIXELS = 9;

/**
 * Standard deviation of the noise: the least of three estimates, from differences of 2nd, 3rd and 5th order over pixels two apart,
 * each the median over rows of the median of its absolute value. As cfitsio chooses it, so that a level means the same step.
 *
 * @param pixels rows of `width`; NaN are skipped
 * @returns 0 where all rows are constant or too short
 */
export function noiseOf(pixels: Float32Array | Float64Array, width: number): number {
  // Short rows are read as one.
  if (width < LEAST_PIXELS) width = pixels.length;
  if (width < LEAST_PIXELS) return 0;
  const rows = Math.floor(pixels.length / width);
  const good = new Float64Array(width);
  const orders = [new Differences(width, rows), new Differences(width, rows), new Differences(width, rows)];
  const [second, third, fifth] = orders.map((order) => order.values);
  for (let row = 0; row < rows; row++) {
    let length = 0;
    for (let index = row * width; index < (row + 1) * width; index++) {
      const value = pixels[index];
      if (value - value === 0) good[length++] = value;
    }
    let count2 = 0;
    let count = 0;
    for (let index = 4; index + 4 < length; index++) {
      const middle = good[index];
      const before = good[index - 2];
      const after = good[index + 2];
      const flat = middle === good[index + 1] && middle === after;
      if (!flat) second[count2++] = Math.abs(middle - after);
      // Stretches of one value are no noise: a border, a mask.
      if (flat && middle === good[index - 1] && middle === before) continue;
      third[count] = Math.abs(2 * middle - before - after);
      fifth[count++] = Math.abs(6 * middle - 4 * before - 4 * after + good[index - 4] + good[index + 4]);
    }
    orders[0].endRow(count2);
    orders[1].endRow(count);
    orders[2].endRow(count);
  }
  // Median of |d| to the standard deviation of one pixel, for white Gaussian noise.
  const noise2 = 1.0483579 * orders[0].middle();
  const noise3 = 0.6052697 * orders[1].middle();
  const noise5 = 0.1772048 * orders[2].middle();
  let least = noise3;
  if (noise2 !== 0 && noise2 < least) least = noise2;
  if (noise5 !== 0 && noise5 < least) least = noise5;
  return least;
}

/** Half the width of the window around the last row's median, in steps of float32: a quarter of an octave. */
const WINDOW = 2 ** 21;

/**
 * Absolute differences of one order: a row at a time in {@link values}, of which the median is kept.
 *
 * They are float32 and compared as the integers of the same bits, which for positive floats is the same order. So a median is found
 * without a branch that depends on data: rows resemble one another, so most often it lies in a window around the last one, and the
 * few values in the window are sorted out. This takes a fifth of the time of a selection on floats, which was most of encoding.
 */
class Differences {
  readonly values: Float32Array;
  readonly #bits: Int32Array;
  readonly #near: Int32Array;
  readonly #medians: Float32Array;
  readonly #medianBits: Int32Array;
  #rows = 0;

  constructor(width: number, rows: number) {
    this.values = new Float32Array(width);
    this.#bits = new Int32Array(this.values.buffer);
    this.#near = new Int32Array(width + 1);
    this.#medians = new Float32Array(rows);
    this.#medianBits = new Int32Array(this.#medians.buffer);
  }

  /** Keeps the lower median of the first `count` values; a row without any is left out. */
  endRow(count: number): void {
    if (count === 0) return;
    const wanted = (count - 1) >> 1;
    const last = this.#rows === 0 ? 0 : this.#medianBits[this.#rows - 1];
    this.#medianBits[this.#rows++] = nearMedian(this.#bits, count, wanted, last, this.#near) ?? select(this.#bits, count, wanted);
  }

  /** Median of the medians. */
  middle(): number {
    if (this.#rows === 0) return 0;
    const sorted = this.#medians.subarray(0, this.#rows).sort();
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  }
}

/** The value of rank `wanted` if it lies near `guess`. */
function nearMedian(bits: Int32Array, count: number, wanted: number, guess: number, near: Int32Array): number | undefined {
  // Both ends stay in the range of an integer, and differences with positive values too.
  const low = Math.max(guess - WINDOW, 0);
  const high = Math.min(guess + WINDOW, 0x7f800000);
  let below = 0;
  let found = 0;
  for (let index = 0; index < count; index++) {
    const value = bits[index];
    const isBelow = (value - low) >>> 31;
    near[found] = value;
    found += ((value - high) >>> 31) - isBelow;
    below += isBelow;
  }
  const rank = wanted - below;
  return rank >= 0 && rank < found ? select(near, found, rank) : undefined;
}

/** The value of rank `wanted` among the first `count`, which it reorders (Hoare's selection, median of three). */
function select(values: Int32Array, count: number, wanted: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const a = values[low];
    const b = values[(low + high) >> 1];
    const c = values[high];
    const pivot = a < b ? (b < c ? b : a < c ? c : a) : a < c ? a : b < c ? c : b;
    let left = low;
    let right = high;
    while (left <= right) {
      while (values[left] < pivot) left++;
      while (values[right] > pivot) right--;
      if (left > right) break;
      const moved = values[left];
      values[left++] = values[right];
      values[right--] = moved;
    }
    if (wanted <= right) high = right;
    else if (wanted >= left) low = left;
    else return values[wanted];
  }
  return values[wanted];
}
