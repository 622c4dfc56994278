/**
 * The inverse H-transform with its rounding, and the smoothing of coefficients of lossy tiles (White 1992; hinv and hsmooth of hcompress).
 *
 * Rounding is part of the format: only with the same one does a lossless tile give back its pixels. The bit tricks of the integer
 * formulation are written as floors and parities of float64, which are exact for all integers below 2^53.
 */

/** Nearest multiple of `step` (a power of 2); halves go away from zero for positive values and towards zero for negative ones. */
function toMultiple(value: number, step: number): number {
  const half = Math.floor(step / 2);
  return Math.floor((value + (value >= 0 ? half : Math.max(half - 1, 0))) / step) * step;
}

/** 1 when the bit that is worth `step` is set in `value`, a multiple of `step`. */
function isOdd(value: number, step: number): number {
  const units = value / step;
  return units - 2 * Math.floor(units / 2);
}

/**
 * Coefficients to pixels, in place.
 *
 * @param a `slow * fast` coefficients in rows of `fast`; the low quarter of each level in front
 * @param smoothScale scale of a tile to smooth, 0 for none
 */
export function inverseTransform(a: Float64Array, slow: number, fast: number, smoothScale: number): void {
  const size = Math.max(slow, fast);
  const levels = size <= 1 ? 0 : 32 - Math.clz32(size - 1);
  const moved = new Float64Array(Math.max((slow >> 1) * fast, fast));
  // Worth of the bit that h0 keeps, of the one that hx and hy keep, and of the one that hc keeps.
  let bit1 = 2 ** levels;
  let bit0 = bit1 / 2;
  a[0] = toMultiple(a[0], 2 * bit1);
  for (let level = levels - 1; level >= 0; level--) {
    const rows = Math.ceil(slow / 2 ** level);
    const columns = Math.ceil(fast / 2 ** level);
    interleave(a, rows, columns, fast, moved);
    if (smoothScale > 1) smooth(a, rows, columns, fast, Math.floor(smoothScale / 2));
    expandLevel(a, rows, columns, fast, bit0, bit1, level === 0 ? 4 : 2);
    bit1 = bit0;
    bit0 = Math.max(Math.floor(bit0 / 2), 1);
  }
}

/** The one value of all pixels when every coefficient but the first is 0: {@link inverseTransform} without the pixels. */
export function inverseOfSum(sum: number, slow: number, fast: number): number {
  const size = Math.max(slow, fast);
  const levels = size <= 1 ? 0 : 32 - Math.clz32(size - 1);
  let value = toMultiple(sum, 2 ** (levels + 1));
  for (let level = levels - 1; level >= 0; level--) value = Math.floor(value / (level === 0 ? 4 : 2));
  return value;
}

/** 2 x 2 sums and differences to 2 x 2 values over a block of `rows` x `columns`; sums are divided by `divisor`. */
function expandLevel(
  a: Float64Array,
  rows: number,
  columns: number,
  stride: number,
  bit0: number,
  bit1: number,
  divisor: number,
): void {
  const evenRows = rows - (rows % 2);
  const evenColumns = columns - (columns % 2);
  for (let i = 0; i < evenRows; i += 2) {
    let at = stride * i;
    let under = at + stride;
    for (let j = 0; j < evenColumns; j += 2, at += 2, under += 2) {
      let h0 = a[at];
      let hx = a[under];
      let hy = a[at + 1];
      let hc = a[under + 1];
      if (hx === 0 && hy === 0 && hc === 0) {
        // Most of a mask: nothing but the sum.
        h0 = Math.floor(h0 / divisor);
        a[at] = h0;
        a[at + 1] = h0;
        a[under] = h0;
        a[under + 1] = h0;
        continue;
      }
      hx = toMultiple(hx, bit1);
      hy = toMultiple(hy, bit1);
      hc = toMultiple(hc, bit0);
      const low0 = isOdd(hc, bit0) * bit0;
      hx += hx >= 0 ? -low0 : low0;
      hy += hy >= 0 ? -low0 : low0;
      // Bit 1 of hc ^ hx ^ hy.
      const parity = isOdd(Math.floor(hc / bit1), 1) + isOdd(Math.floor(hx / bit1), 1) + isOdd(Math.floor(hy / bit1), 1);
      const low1 = (parity % 2) * bit1;
      if (h0 >= 0 || low0 !== 0) h0 += low0 - low1;
      else h0 += low1;
      a[under + 1] = Math.floor((h0 + hx + hy + hc) / divisor);
      a[under] = Math.floor((h0 + hx - hy - hc) / divisor);
      a[at + 1] = Math.floor((h0 - hx + hy - hc) / divisor);
      a[at] = Math.floor((h0 - hx - hy + hc) / divisor);
    }
    if (evenColumns < columns) expandPair(a, at, under, bit1, divisor);
  }
  if (evenRows < rows) {
    let at = stride * evenRows;
    for (let j = 0; j < evenColumns; j += 2, at += 2) expandPair(a, at, at + 1, bit1, divisor);
    if (evenColumns < columns) a[at] = Math.floor(a[at] / divisor);
  }
}

/** At an odd edge only a sum (at `low`) and a difference (at `high`) are there. */
function expandPair(a: Float64Array, low: number, high: number, bit1: number, divisor: number): void {
  const difference = toMultiple(a[high], bit1);
  const low1 = isOdd(difference, bit1) * bit1;
  const h0 = a[low] + (a[low] >= 0 ? -low1 : low1);
  a[high] = Math.floor((h0 + difference) / divisor);
  a[low] = Math.floor((h0 - difference) / divisor);
}

/** Sums and differences, each in its half, to alternating places, along both axes. */
function interleave(a: Float64Array, rows: number, columns: number, stride: number, moved: Float64Array): void {
  const half = (columns + 1) >> 1;
  for (let i = 0; i < rows; i++) {
    const row = stride * i;
    for (let j = half; j < columns; j++) moved[j - half] = a[row + j];
    for (let j = half - 1; j >= 1; j--) a[row + 2 * j] = a[row + j];
    for (let j = half; j < columns; j++) a[row + 2 * (j - half) + 1] = moved[j - half];
  }
  // Whole rows at a time: columns one by one would walk the memory crosswise.
  const halfRows = (rows + 1) >> 1;
  for (let i = halfRows; i < rows; i++) moved.set(a.subarray(stride * i, stride * i + columns), (i - halfRows) * columns);
  for (let i = halfRows - 1; i >= 1; i--) a.copyWithin(2 * i * stride, i * stride, i * stride + columns);
  for (let i = halfRows; i < rows; i++) {
    const from = (i - halfRows) * columns;
    a.set(moved.subarray(from, from + columns), (2 * (i - halfRows) + 1) * stride);
  }
}

/** Half of `value` clipped: a change of at most `most` that brings `units` coefficients closer to `slope`. */
function step(slope: number, low: number, high: number, coefficient: number, units: number, most: number): number {
  const wanted = Math.max(Math.min(slope, high), low) - coefficient * units;
  return Math.max(Math.min(Math.trunc(wanted / units), most), -most);
}

/**
 * Moves differences towards what the sums of the neighbours suggest, by at most half the scale, which is all that
 * digitising can have changed. The outermost blocks stay.
 */
function smooth(a: Float64Array, rows: number, columns: number, stride: number, most: number): void {
  const two = 2 * stride;
  for (let i = 2; i < rows - 2; i += 2) {
    for (let j = 0, at = stride * i; j < columns; j += 2, at += 2) slopeAlong(a, at, two, at + stride, most);
  }
  for (let i = 0; i < rows; i += 2) {
    for (let j = 2, at = stride * i + 2; j < columns - 2; j += 2, at += 2) slopeAlong(a, at, 2, at + 1, most);
  }
  for (let i = 2; i < rows - 2; i += 2) {
    for (let j = 2, at = stride * i + 2; j < columns - 2; j += 2, at += 2) {
      const hmm = a[at - two - 2];
      const hpm = a[at + two - 2];
      const hmp = a[at - two + 2];
      const hpp = a[at + two + 2];
      const h0 = a[at];
      const hx2 = 2 * a[at + stride];
      const hy2 = 2 * a[at + 1];
      const high =
        16 *
        Math.min(
          Math.max(hpp - h0, 0) - hx2 - hy2,
          Math.max(h0 - hpm, 0) + hx2 - hy2,
          Math.max(h0 - hmp, 0) - hx2 + hy2,
          Math.max(hmm - h0, 0) + hx2 + hy2,
        );
      const low =
        16 *
        Math.max(
          Math.min(hpp - h0, 0) - hx2 - hy2,
          Math.min(h0 - hpm, 0) + hx2 - hy2,
          Math.min(h0 - hmp, 0) - hx2 + hy2,
          Math.min(hmm - h0, 0) + hx2 + hy2,
        );
      const corner = at + stride + 1;
      if (low < high) a[corner] += step(hpp + hmm - hmp - hpm, low, high, a[corner], 64, most);
    }
  }
}

/** One difference at `target` towards the slope of the sums at `at - reach`, `at` and `at + reach`, kept monotonic. */
function slopeAlong(a: Float64Array, at: number, reach: number, target: number, most: number): void {
  const before = a[at] - a[at - reach];
  const after = a[at + reach] - a[at];
  const high = 4 * Math.max(Math.min(after, before), 0);
  const low = 4 * Math.min(Math.max(after, before), 0);
  if (low < high) a[target] += step(before + after, low, high, a[target], 8, most);
}
