/** Intervals of fractions that were counted, and errors of ratios that vary from field to field. */
import { ArcletError } from './errors.ts';
import { betaIInverse, erfc } from './special.ts';

export type IntervalKind = 'wilson' | 'jeffreys';
export type Interval = readonly [low: number, high: number];

function checkCounts(successes: number, trials: number, z: number): void {
  if (successes >= 0 && successes <= trials && trials < Infinity && z > 0) return;
  throw new ArcletError('INPUT_INVALID', `There is no interval of ${successes} in ${trials} at ${z} sigma.`, {
    subject: 'interval',
    remedy: 'Give 0 <= successes <= trials and z above 0.',
    data: { successes, trials, z },
  });
}

/**
 * Score interval of Wilson (1927, JASA 22, 209): fractions p whose distance from the observed one is at most z sigma(p).
 * Counts need not be whole (effective counts of weighted rows). Of no trials it is [0, 1].
 *
 * @param z standard normal quantile, 1.96 for 95 %
 * @throws INPUT_INVALID unless 0 <= successes <= trials and z > 0
 */
export function wilsonInterval(successes: number, trials: number, z: number): Interval {
  checkCounts(successes, trials, z);
  if (trials === 0) return [0, 1];
  const p = successes / trials;
  const z2 = (z * z) / trials;
  const middle = p + z2 / 2;
  const half = z * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials));
  // At the ends middle and half are equal but for rounding.
  const low = successes === 0 ? 0 : (middle - half) / (1 + z2);
  const high = successes === trials ? 1 : (middle + half) / (1 + z2);
  return [low, high];
}

/**
 * Equal-tailed interval of the posterior Beta(k + 1/2, n - k + 1/2) of Jeffreys' prior, with the ends 0 at k = 0 and 1 at k = n (Brown,
 * Cai & DasGupta 2001, Statistical Science 16, 101, section 4). Counts need not be whole. Of no trials it is [0, 1].
 *
 * @param z its coverage is that of z standard deviations of a normal distribution, erf(z / sqrt 2)
 * @throws INPUT_INVALID unless 0 <= successes <= trials and z > 0
 */
export function jeffreysInterval(successes: number, trials: number, z: number): Interval {
  checkCounts(successes, trials, z);
  const tail = 0.5 * erfc(z / Math.SQRT2);
  const [a, b] = [successes + 0.5, trials - successes + 0.5];
  // The upper tail is asked of the mirrored distribution: 1 - tail would round away.
  const low = successes === 0 ? 0 : betaIInverse(a, b, tail);
  const high = successes === trials ? 1 : 1 - betaIInverse(b, a, tail);
  return [low, high];
}

/** The interval of that name. Throws as {@link wilsonInterval}. */
export function binomialInterval(kind: IntervalKind, successes: number, trials: number, z: number): Interval {
  return kind === 'wilson' ? wilsonInterval(successes, trials, z) : jeffreysInterval(successes, trials, z);
}

/** What {@link jackknifeRatio} finds. */
export interface JackknifeRatio {
  /** sum(successes) / sum(trials); NaN without trials. */
  readonly ratio: number;
  /** Standard error from block to block; NaN unless at least two blocks have trials. */
  readonly error: number;
  /** Blocks with trials. */
  readonly blocks: number;
}

/**
 * Error of a pooled ratio by leaving out one block (region of the sky) at a time: sqrt((m - 1) / m sum (p_i - mean p)^2) over the m blocks
 * that have trials (Tukey 1958; as for survey regions in Norberg et al. 2009, MNRAS 396, 19, eq. 5).
 *
 * @param successes per block, as long as `trials`
 */
export function jackknifeRatio(successes: ArrayLike<number>, trials: ArrayLike<number>): JackknifeRatio {
  let [sumSuccesses, sumTrials, blocks] = [0, 0, 0];
  for (let block = 0; block < trials.length; block++) {
    sumSuccesses += successes[block];
    sumTrials += trials[block];
    if (trials[block] > 0) blocks++;
  }
  const ratio = sumSuccesses / sumTrials;
  if (blocks < 2) return { ratio, error: Number.NaN, blocks };
  let [mean, spread, seen] = [0, 0, 0];
  for (let block = 0; block < trials.length; block++) {
    if (!(trials[block] > 0)) continue;
    const left = (sumSuccesses - successes[block]) / (sumTrials - trials[block]);
    const step = left - mean;
    mean += step / ++seen;
    spread += step * (left - mean);
  }
  return { ratio, error: Math.sqrt(((blocks - 1) / blocks) * spread), blocks };
}

/** Trials without weights that would know a fraction as well as these with weights: (sum w)^2 / sum w^2 (Kish 1965, Survey Sampling, 11.7). */
export function effectiveCount(sumOfWeights: number, sumOfSquares: number): number {
  return sumOfSquares > 0 ? (sumOfWeights * sumOfWeights) / sumOfSquares : 0;
}
