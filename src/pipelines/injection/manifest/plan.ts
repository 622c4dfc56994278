/** The rows of one experiment before anything is drawn: which host, set, config and replicate, in the order of the manifest, and cut into parts. */
import { limitSplits } from '../inject/limit.ts';
import { Growing } from './grow.ts';
import { type Hosts, SPLITS } from './hosts.ts';
import { CONTROL_CONFIG, EVERY_CONFIG, type Sample, type Tier } from './sampling.ts';

/** Rows in order of region_split, brickname, dec, ra, config_id, replicate, selection set. */
export interface RowPlan {
  readonly length: number;
  readonly host: Uint32Array;
  readonly set: Uint16Array;
  /** Index of a config, or CONTROL_CONFIG. */
  readonly config: Int32Array;
  readonly replicate: Uint16Array;
}

/** Numbers of hosts in the order of the manifest; hosts of one brick and position share one. Only of the hosts given. */
function ranksOf(hosts: Hosts, split: Uint8Array, wanted: Uint32Array): Map<number, number> {
  const order = Uint32Array.from(hosts.bricks, (_, brick) => brick).sort((a, b) =>
    hosts.bricks[a] < hosts.bricks[b] ? -1 : hosts.bricks[a] > hosts.bricks[b] ? 1 : 0,
  );
  const brickRank = new Uint32Array(order.length);
  order.forEach((brick, rank) => {
    brickRank[brick] = rank;
  });
  const { brick, dec, ra } = hosts;
  const compare = (a: number, b: number) =>
    split[a] - split[b] || brickRank[brick[a]] - brickRank[brick[b]] || dec[a] - dec[b] || ra[a] - ra[b];
  const sorted = Uint32Array.from(new Set(wanted)).sort((a, b) => compare(a, b) || a - b);
  const ranks = new Map<number, number>();
  let rank = 0;
  sorted.forEach((host, index) => {
    if (index > 0 && compare(sorted[index - 1], host) !== 0) rank++;
    ranks.set(host, rank);
  });
  return ranks;
}

export interface PlanOptions {
  readonly replicates: number;
  /** Replicates of positives: more than `replicates` where a pre-pass chooses among candidates. */
  readonly candidates: number;
  /** Only so many rows, the first of each split in proportion; 0 for all. */
  readonly limit: number;
}

/** Lays out the rows of a sample. */
export function planRows(sample: Sample, tier: Tier, hosts: Hosts, split: Uint8Array, options: PlanOptions): RowPlan {
  const ranks = ranksOf(hosts, split, sample.host);
  const rankOf = Float64Array.from(sample.host, (host) => ranks.get(host) ?? 0);
  const order = Uint32Array.from(sample.host, (_, entry) => entry).sort(
    (a, b) => rankOf[a] - rankOf[b] || sample.set[a] - sample.set[b],
  );
  const host = new Growing(new Uint32Array(0));
  const set = new Growing(new Uint16Array(0));
  const config = new Growing(new Int32Array(0));
  const replicate = new Growing(new Uint16Array(0));
  const every = tier.configs.map((_, index) => index);
  const replicatesOf = (choice: number) => (choice === CONTROL_CONFIG ? options.replicates : options.candidates);
  const held = new Map(SPLITS.map((_, index) => [index, 0]));
  sample.host.forEach((at, entry) => {
    const choice = sample.config[entry];
    held.set(split[at], (held.get(split[at]) ?? 0) + (choice === EVERY_CONFIG ? every.length : 1) * replicatesOf(choice));
  });
  const quota = limitSplits(held, options.limit);
  const left = new Map(quota);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && rankOf[order[to]] === rankOf[order[from]]) to++;
    const own = split[sample.host[order[from]]];
    if ((left.get(own) ?? 0) <= 0) {
      from = to;
      continue;
    }
    const before = host.length;
    // Hosts of one rank have one position, and so one choice of config.
    const choice = sample.config[order[from]];
    const replicates = replicatesOf(choice);
    for (const one of choice === EVERY_CONFIG ? every : [choice]) {
      for (let number = 0; number < replicates; number++) {
        for (let at = from; at < to; at++) {
          host.push(sample.host[order[at]]);
          set.push(sample.set[order[at]]);
          config.push(one);
          replicate.push(number);
        }
      }
    }
    left.set(own, (left.get(own) ?? 0) - (host.length - before));
    from = to;
  }
  const plan = {
    length: host.length,
    host: host.values(),
    set: set.values(),
    config: config.values(),
    replicate: replicate.values(),
  };
  // The last host of a split may have more rows than are left to it.
  return options.limit > 0
    ? keepRows(
        plan,
        leading(plan.length, (row) => split[plan.host[row]], quota),
      )
    : plan;
}

/** The rows of a plan for which `keep` is 1. */
export function keepRows(plan: RowPlan, keep: Uint8Array): RowPlan {
  const wanted = (_: number, row: number) => keep[row] === 1;
  const host = plan.host.filter(wanted);
  return {
    length: host.length,
    host,
    set: plan.set.filter(wanted),
    config: plan.config.filter(wanted),
    replicate: plan.replicate.filter(wanted),
  };
}

/** 1 for each row that is among the first of its split, as many as `quota` says. */
function leading(rows: number, splitOf: (row: number) => number, quota: ReadonlyMap<number, number>): Uint8Array {
  const left = new Map(quota);
  return Uint8Array.from({ length: rows }, (_, row) => {
    const own = left.get(splitOf(row)) ?? 0;
    left.set(splitOf(row), own - 1);
    return own > 0 ? 1 : 0;
  });
}

/** 1 for each row that a limit leaves: the first of each split, in proportion to its rows. 0 is no limit. */
export function withinLimit(rows: number, splitOf: (row: number) => number, limit: number): Uint8Array {
  const held = new Map<number, number>(SPLITS.map((_, index) => [index, 0]));
  for (let row = 0; row < rows; row++) held.set(splitOf(row), (held.get(splitOf(row)) ?? 0) + 1);
  return leading(rows, splitOf, limitSplits(held, limit));
}

/** Rows `from .. to` of a manifest: one row group, one future part. */
export interface RowGroup {
  readonly from: number;
  readonly to: number;
}

/**
 * Cuts rows into groups of one split and at most `partRows` rows. A brick is in one group, unless it alone has more rows: then it is cut into
 * equal pieces of its own.
 */
export function groupRows(
  rows: number,
  splitOf: (row: number) => number,
  brickOf: (row: number) => number,
  partRows: number,
): RowGroup[] {
  const groups: RowGroup[] = [];
  let open = 0;
  const close = (at: number) => {
    if (at > open) groups.push({ from: open, to: at });
    open = at;
  };
  for (let from = 0; from < rows; ) {
    let to = from + 1;
    while (to < rows && brickOf(to) === brickOf(from) && splitOf(to) === splitOf(from)) to++;
    if (from > open && (splitOf(from) !== splitOf(open) || to - open > partRows)) close(from);
    const pieces = Math.ceil((to - from) / partRows);
    if (pieces > 1) for (let piece = 1; piece <= pieces; piece++) close(from + Math.round(((to - from) * piece) / pieces));
    from = to;
  }
  close(rows);
  return groups;
}
