/** `test_limit`: the first rows of an experiment, of its splits in proportion to their rows, so that a small campaign has all of them. */
import type { Part } from './parts.ts';

/**
 * Rows of each split that a limit leaves, at most `limit` together and at most what a split has: each gets its share rounded down, and
 * what is left goes to the largest remainders, the earlier split first; none is without a row where the limit allows one each. 0 is no limit.
 */
export function limitSplits<Split>(rows: ReadonlyMap<Split, number>, limit: number): Map<Split, number> {
  const total = [...rows.values()].reduce((sum, held) => sum + held, 0);
  if (limit === 0 || total <= limit) return new Map(rows);
  const shares = [...rows].map(([split, held]) => ({ split, exact: (held * limit) / total }));
  const kept = new Map(shares.map(({ split, exact }) => [split, Math.floor(exact)]));
  const left = limit - [...kept.values()].reduce((sum, share) => sum + share, 0);
  const byRemainder = shares.toSorted((a, b) => (b.exact % 1) - (a.exact % 1));
  for (const { split } of byRemainder.slice(0, left)) kept.set(split, (kept.get(split) ?? 0) + 1);
  const splits = [...rows.values()].filter((held) => held > 0).length;
  // A split of too small a share takes its row from the largest.
  for (const [split, held] of rows) {
    if (held === 0 || kept.get(split) !== 0 || limit < splits) continue;
    const [largest, most] = [...kept].reduce((best, one) => (one[1] > best[1] ? one : best));
    kept.set(largest, most - 1).set(split, 1);
  }
  return kept;
}

/** The leading parts of each split with as many rows as a limit leaves; the last of a split may be cut short. Numbers stay those of the plan. */
export function limitParts(parts: readonly Part[], limit: number): Part[] {
  const rows = new Map<string, number>();
  for (const part of parts) rows.set(part.split, (rows.get(part.split) ?? 0) + part.rows);
  const left = limitSplits(rows, limit);
  return parts.flatMap((part) => {
    const wanted = Math.min(part.rows, left.get(part.split) ?? 0);
    left.set(part.split, (left.get(part.split) ?? 0) - wanted);
    return wanted === 0 ? [] : [{ ...part, rows: wanted }];
  });
}
