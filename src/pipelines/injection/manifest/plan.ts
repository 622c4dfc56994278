/** The rows of one experiment before anything is drawn: which host, set, config and replicate, in the order of the manifest, and cut into parts. */
import { Growing } from './grow.ts';
import type { Hosts } from './hosts.ts';
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
  /** Only the first rows; 0 for all. */
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
  const most = options.limit > 0 ? options.limit : Number.POSITIVE_INFINITY;
  const every = tier.configs.map((_, index) => index);
  for (let from = 0; from < order.length && host.length < most; ) {
    let to = from + 1;
    while (to < order.length && rankOf[order[to]] === rankOf[order[from]]) to++;
    // Hosts of one rank have one position, and so one choice of config.
    const choice = sample.config[order[from]];
    const replicates = choice === CONTROL_CONFIG ? options.replicates : options.candidates;
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
    from = to;
  }
  return firstRows(
    { length: host.length, host: host.values(), set: set.values(), config: config.values(), replicate: replicate.values() },
    most,
  );
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

/** The first rows of a plan. */
export function firstRows(plan: RowPlan, most: number): RowPlan {
  if (plan.length <= most) return plan;
  return {
    length: most,
    host: plan.host.subarray(0, most),
    set: plan.set.subarray(0, most),
    config: plan.config.subarray(0, most),
    replicate: plan.replicate.subarray(0, most),
  };
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
