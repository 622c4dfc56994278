/** What one check says, and how its numbers are written. */

/** `skipped`: there was nothing to check, and `detail` says why. */
export type Verdict = 'go' | 'warn' | 'no-go' | 'skipped';

export interface Check {
  /** kebab-case, the same in every run. */
  readonly name: string;
  readonly verdict: Verdict;
  /** What was found; null where nothing was measured. */
  readonly value: string | number | null;
  readonly threshold: string;
  /** Why this threshold, one sentence. */
  readonly why: string;
  /** What a reader needs to act: counts, examples, which part. May be empty. */
  readonly detail: string;
}

/** What a check is, whatever it finds. */
export type Rule = Pick<Check, 'name' | 'threshold' | 'why'>;

export function decide(rule: Rule, verdict: Verdict, value: Check['value'], detail = ''): Check {
  return { name: rule.name, verdict, value, threshold: rule.threshold, why: rule.why, detail };
}

export function skip(rule: Rule, reason: string): Check {
  return decide(rule, 'skipped', null, reason);
}

/** A count that has to be 0. */
export function none(rule: Rule, count: number, detail = ''): Check {
  return decide(rule, count === 0 ? 'go' : 'no-go', count, detail);
}

/** The gravest verdict of all: no-go, warn or go. */
export function overall(checks: readonly Check[]): 'go' | 'warn' | 'no-go' {
  const has = (wanted: Verdict) => checks.some(({ verdict }) => verdict === wanted);
  return has('no-go') ? 'no-go' : has('warn') ? 'warn' : 'go';
}

/** 12,345 */
export const count = (value: number): string => value.toLocaleString('en-US');

/** 98.7 %, and never 100 % or 0 % for what is only near to it. */
export function percent(part: number): string {
  if (!Number.isFinite(part)) return 'none';
  const text = (100 * part).toFixed(2);
  if (text === '100.00' && part < 1) return 'over 99.99 %';
  if (text === '0.00' && part > 0) return 'under 0.01 %';
  return `${Number(text)} %`;
}

/** Four digits. */
export const short = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : 'none');

/** Counts by name, largest first: `map 1,234, fallback 5`. At most `most`, then how many more. */
export function listCounts(counts: ReadonlyMap<string, number>, most = 8): string {
  const sorted = [...counts].filter(([, held]) => held > 0).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const shown = sorted.slice(0, most).map(([name, held]) => `${name} ${count(held)}`);
  return [...shown, ...(sorted.length > most ? [`and ${sorted.length - most} more`] : [])].join(', ');
}

export function increment(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}
