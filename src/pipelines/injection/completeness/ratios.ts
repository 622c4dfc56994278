/** From counters to fractions with their errors. */
import { binomialInterval, effectiveCount, type IntervalKind, jackknifeRatio } from '../../../core/intervals.ts';
import type { Groups } from './groups.ts';

export type Subset = 'All' | 'Clean';

export interface IntervalOptions {
  readonly interval: IntervalKind;
  /** Standard deviations. */
  readonly z: number;
}

/** A fraction that was counted; all null where nothing was tried. */
export interface Ratio {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
}

const NONE: Ratio = { value: null, low: null, high: null };

/** `successes` of `trials`, which need not be whole. */
export function ratioOf(successes: number, trials: number, { interval, z }: IntervalOptions): Ratio {
  if (!(trials > 0)) return NONE;
  const [low, high] = binomialInterval(interval, successes, trials, z);
  return { value: successes / trials, low, high };
}

/** Recovered of valid in one group. */
export function completenessOf(groups: Groups, id: number, subset: Subset, options: IntervalOptions): Ratio {
  return ratioOf(groups.count(id, `recovered${subset}`), groups.count(id, `valid${subset}`), options);
}

/**
 * The same with every row counted by its cross-section weight: the fraction of the population that the weights stand for. The interval is
 * that of as many rows without weights as would know it as well.
 */
export function weightedOf(groups: Groups, id: number, subset: Subset, options: IntervalOptions): Ratio & { effective: number } {
  const [weights, squares] = [groups.sum(id, `w${subset}`), groups.sum(id, `w2${subset}`)];
  const effective = effectiveCount(weights, squares);
  if (effective === 0) return { ...NONE, effective };
  // Sums of the same weights in another order may exceed each other by a rounding.
  const value = Math.min(1, groups.sum(id, `wRecovered${subset}`) / weights);
  return { ...ratioOf(value * effective, effective, options), effective };
}

/** A fraction from region to region. */
export interface Spread {
  /** Regions with valid rows. */
  readonly regions: number;
  /** Mean and sample standard deviation of the regions' own fractions, each counting once. */
  readonly mean: number | null;
  readonly std: number | null;
  /** Delete-one-region jackknife error of the pooled fraction. */
  readonly jackknife: number | null;
}

const finite = (value: number) => (Number.isFinite(value) ? value : null);

/** Over the groups `members`, one per region. */
export function spreadOf(groups: Groups, members: ArrayLike<number>, subset: Subset): Spread {
  const successes = Float64Array.from(members, (id) => groups.count(id, `recovered${subset}`));
  const trials = Float64Array.from(members, (id) => groups.count(id, `valid${subset}`));
  const { error, blocks } = jackknifeRatio(successes, trials);
  let [sum, squares] = [0, 0];
  for (let at = 0; at < trials.length; at++) if (trials[at] > 0) sum += successes[at] / trials[at];
  const mean = sum / blocks;
  for (let at = 0; at < trials.length; at++) if (trials[at] > 0) squares += (successes[at] / trials[at] - mean) ** 2;
  return { regions: blocks, mean: finite(mean), std: finite(Math.sqrt(squares / (blocks - 1))), jackknife: finite(error) };
}
