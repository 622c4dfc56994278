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
  const second = new Float64Array(width);
  const third = new Float64Array(width);
  const fifth = new Float64Array(width);
  const medians: [number[], number[], number[]] = [[], [], []];
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
    if (count === 0) continue;
    if (count2 > 0) medians[0].push(median(second, count2));
    medians[1].push(median(third, count));
    medians[2].push(median(fifth, count));
  }
  // Median of |d| to the standard deviation of one pixel, for white Gaussian noise.
  const noise2 = 1.0483579 * middleOf(medians[0]);
  const noise3 = 0.6052697 * middleOf(medians[1]);
  const noise5 = 0.1772048 * middleOf(medians[2]);
  let least = noise3;
  if (noise2 !== 0 && noise2 < least) least = noise2;
  if (noise5 !== 0 && noise5 < least) least = noise5;
  return least;
}

function middleOf(values: number[]): number {
  if (values.length === 0) return 0;
  values.sort((a, b) => a - b);
  return (values[(values.length - 1) >> 1] + values[values.length >> 1]) / 2;
}

/** The lower median of the first `count` values, which it reorders (Hoare's selection, median of three). */
function median(values: Float64Array, count: number): number {
  const wanted = (count - 1) >> 1;
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
