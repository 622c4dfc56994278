/**
 * A Poisson count from one random word, by inversion of the distribution; shaders/lib/rng/poisson.wgsl does the same in float32.
 *
 * One word per count: neither the number of words nor their order depends on the mean, so counts of one word rise with the mean and float32
 * and float64 part only within rounding of a step. Below SEARCH_BELOW a sequential search (Devroye 1986, X.3.3); above, the normal quantile w of the
 * word through the expansion of the Poisson quantile in lambda^-1/2 (Giles 2016, ACM TOMS 42, 1, eq. 12)
 *   x = lambda + sqrt(lambda) w + (2 + w^2)/6 - (w + w^3/2) / (36 sqrt(lambda)),  count = floor(x).
 * A rounded Gaussian, its first two terms, has no skewness: at lambda = 12 its cumulative is off by 0.019, this one's by 3e-4.
 */

/** Means from here on go through the expansion. */
const SEARCH_BELOW = 12;
/** The search gives up in the upper tail at terms below this, where float32 no longer sees the sum change. */
const LAST_TERM = 2 ** -25;

const CENTRE = [3.3871327179, 50.434271938, 159.29113202, 59.10937472, 17.895169469, 78.757757664, 67.1875636] as const;
const TAIL = [1.4234372777, 2.75681539, 1.3067284816, 0.17023821103, 0.7370016425, 0.12021132975] as const;

/**
 * Standard normal that is exceeded with probability (word + 1/2) / 2^32, to 1e-7: PPND7 of Wichura (1988, Appl. Stat. 37, 477). Its last branch is for
 * probabilities below 1.4e-11, which a word of 32 bits does not reach.
 *
 * @param word u32
 */
export function normalOfWord(word: number): number {
  const upper = word >= 0x80000000;
  const tail = ((upper ? 0xffffffff - word : word) + 0.5) * 2 ** -32;
  const q = 0.5 - tail;
  let distance: number;
  if (q <= 0.425) {
    const r = 0.180625 - q * q;
    distance =
      (q * (((CENTRE[3] * r + CENTRE[2]) * r + CENTRE[1]) * r + CENTRE[0])) /
      (((CENTRE[6] * r + CENTRE[5]) * r + CENTRE[4]) * r + 1);
  } else {
    const r = Math.sqrt(-Math.log(tail)) - 1.6;
    distance = (((TAIL[3] * r + TAIL[2]) * r + TAIL[1]) * r + TAIL[0]) / ((TAIL[5] * r + TAIL[4]) * r + 1);
  }
  return upper ? -distance : distance;
}

/**
 * The Poisson count of mean `lambda` that is exceeded with probability below (word + 1/2) / 2^32: few for large words, many for small ones.
 *
 * @param lambda mean, >= 0
 * @param word u32, uniform
 */
export function poissonOfWord(lambda: number, word: number): number {
  if (lambda >= SEARCH_BELOW) {
    const w = normalOfWord(word);
    const root = Math.sqrt(lambda);
    return Math.max(0, Math.floor(lambda + root * w + (2 + w * w) / 6 - (w * (1 + 0.5 * w * w)) / (36 * root)));
  }
  const v = (word + 0.5) * 2 ** -32;
  let term = Math.exp(-lambda);
  let above = -Math.expm1(-lambda);
  let count = 0;
  while (v < above && (count < lambda || term > LAST_TERM)) {
    count++;
    term *= lambda / count;
    above -= term;
  }
  return count;
}
