/** Medians of many pixels, and of few with clipping. */

/** Mean of the two middle values of sorted numbers, or the middle one; NaN of none. */
export function medianOfSorted(sorted: ArrayLike<number>): number {
  const half = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

export function medianOf(values: ArrayLike<number>): number {
  return medianOfSorted(Float64Array.from(values).filter(Number.isFinite).sort());
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let k = 0; k < values.length; k++) {
    if (!Number.isFinite(values[k])) continue;
    sum += values[k];
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}

const SAMPLE = 4096;

/**
 * Exact median of the finite pixels that are not masked; NaN of none. Only the values between two quantiles of a sample are sorted: a cell
 * has millions of pixels, and sorting all of them takes longer than finding its sources.
 */
export function medianOfPixels(image: Float32Array, bad: Uint8Array): number {
  const usable = (k: number) => bad[k] === 0 && image[k] - image[k] === 0;
  let count = 0;
  for (let k = 0; k < image.length; k++) if (usable(k)) count++;
  const step = Math.max(1, Math.floor(count / SAMPLE));
  const sample = new Float32Array(Math.ceil(count / step));
  let seen = 0;
  for (let k = 0; k < image.length; k++) if (usable(k) && seen++ % step === 0) sample[(seen - 1) / step] = image[k];
  sample.sort();
  const low = sample[Math.floor(0.4 * sample.length)];
  const high = sample[Math.floor(0.6 * sample.length)];
  let below = 0;
  let between = 0;
  for (let k = 0; k < image.length; k++) {
    if (!usable(k)) continue;
    if (image[k] < low) below++;
    else if (image[k] <= high) between++;
  }
  const first = ((count - 1) >> 1) - below;
  const last = (count >> 1) - below;
  // A sample that misses the middle (ordered pixels) is no reason to be wrong.
  const inside = first >= 0 && last < between;
  const picked = new Float32Array(inside ? between : count);
  let at = 0;
  for (let k = 0; k < image.length; k++) {
    if (usable(k) && (!inside || (image[k] >= low && image[k] <= high))) picked[at++] = image[k];
  }
  picked.sort();
  return inside ? (picked[first] + picked[last]) / 2 : medianOfSorted(picked);
}

/** What is left of values after up to `rounds` of clipping about the median by `sigma` standard deviations. Sorted. */
export function clipAboutMedian(values: ArrayLike<number>, sigma: number, rounds: number): Float64Array {
  let kept = Float64Array.from(values).sort();
  for (let round = 0; round < rounds && kept.length > 0; round++) {
    const mean = meanOf(kept);
    let squares = 0;
    for (const value of kept) squares += (value - mean) ** 2;
    const reach = sigma * Math.sqrt(squares / kept.length);
    const centre = medianOfSorted(kept);
    const next = kept.filter((value) => Math.abs(value - centre) <= reach);
    if (next.length === kept.length) break;
    kept = next;
  }
  return kept;
}
