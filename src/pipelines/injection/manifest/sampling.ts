/** Which hosts a tier takes, and which of them are controls. */
import type { InjectConfig } from '../config.ts';
import { digestKey, keyedUniform, PURPOSE } from './draws.ts';
import { type GridConfig, gridOf } from './grids.ts';
import { Growing } from './grow.ts';
import { type Hosts, SPLITS, type Split } from './hosts.ts';

export type TierName = InjectConfig['tiers'][number];

export interface Tier {
  readonly name: TierName;
  readonly gridName: InjectConfig['gridTrain'];
  readonly configs: readonly GridConfig[];
  /** Hosts per (selection set, split). */
  readonly hosts: number;
  readonly controlFrac: number;
  /** True: every host with every config of the grid; false: one config each. */
  readonly crossed: boolean;
}

/** The tiers of a config. Throws CONFIG_INVALID for a grid that is not there. */
export function tiersOf(config: InjectConfig): Tier[] {
  const { gridDebug, gridGrid, gridTrain } = config;
  const all: Record<TierName, Omit<Tier, 'name' | 'configs'>> = {
    debug: { gridName: gridDebug, hosts: config.nPerConfigDebug, controlFrac: config.controlFracDebug, crossed: true },
    grid: { gridName: gridGrid, hosts: config.nPerConfigGrid, controlFrac: config.controlFracGrid, crossed: true },
    train: { gridName: gridTrain, hosts: config.nTotalTrainPerSplit, controlFrac: config.controlFracTrain, crossed: false },
  };
  return [...new Set(config.tiers)].map((name) => ({ name, ...all[name], configs: gridOf(config, all[name].gridName) }));
}

/** A selection set and which hosts are in it. */
export interface HostSet {
  readonly id: string;
  readonly strategy: string | null;
  readonly ranking: string | null;
  has(host: number): boolean;
}

/** Numbers that a host is sampled by, of nothing but its brick and position (to 1e-6 deg) and the split seed. */
export interface HostHashes {
  /** Order within a stratum, order within a split, choice of a config, control or not: uniforms. */
  readonly stratum: Float64Array;
  readonly sample: Float64Array;
  readonly config: Float64Array;
  readonly control: Float64Array;
}

/** What a host is known by: `brickname|ra|dec` to six decimals of degrees. */
export const hostName = (hosts: Hosts, host: number): string =>
  `${hosts.bricks[hosts.brick[host]]}|${hosts.ra[host].toFixed(6)}|${hosts.dec[host].toFixed(6)}`;

export function hostHashes(hosts: Hosts, seed: number): HostHashes {
  const hashes = {
    stratum: new Float64Array(hosts.count),
    sample: new Float64Array(hosts.count),
    config: new Float64Array(hosts.count),
    control: new Float64Array(hosts.count),
  };
  for (let host = 0; host < hosts.count; host++) {
    const [low, high] = digestKey(hostName(hosts, host));
    hashes.stratum[host] = keyedUniform(low, high, seed, PURPOSE.stratum);
    hashes.sample[host] = keyedUniform(low, high, seed, PURPOSE.sample);
    hashes.config[host] = keyedUniform(low, high, seed, PURPOSE.config);
    hashes.control[host] = keyedUniform(low, high, seed, PURPOSE.control);
  }
  return hashes;
}

/** Marks in {@link Sample.config}: crossed with every config, and an unpaired control. */
export const EVERY_CONFIG = -1;
export const CONTROL_CONFIG = -2;

/** Hosts that a tier takes: one entry per (host, set). */
export interface Sample {
  readonly host: Uint32Array;
  readonly set: Uint16Array;
  /** Index of a config, {@link EVERY_CONFIG} or {@link CONTROL_CONFIG}. */
  readonly config: Int32Array;
  /** Splits that have more hosts than the tier takes, in some set. */
  readonly capped: readonly Split[];
  /** Sets and splits that have fewer hosts, or controls, than asked for. */
  readonly short: readonly {
    readonly set: string;
    readonly split: string;
    readonly wanted: number;
    readonly found: number;
    readonly what: 'hosts' | 'controls';
  }[];
}

/** psf_bin x depth_bin. A quarter of a quarter of the hosts is what each stratum gives. */
const STRATA = 16;

/**
 * Samples hosts for a tier: in each (set, split, psf_bin, depth_bin) the first ceil(n/16) by hash, of these the first n of the (set, split) by
 * another hash; where some strata have too few, hosts of the others fill up. Controls are hosts with hash < control_frac, in no set positives as
 * well, unless controls are paired (then rows are chosen, not hosts).
 *
 * @param stratum number of the host's stratum, 0 .. (hosts without a bin have strata of their own)
 */
export function sampleTier(
  tier: Tier,
  sets: readonly HostSet[],
  split: Uint8Array,
  stratum: Uint8Array,
  hashes: HostHashes,
  unpaired: boolean,
): Sample {
  const order = Uint32Array.from(split, (_, host) => host).sort((a, b) => hashes.stratum[a] - hashes.stratum[b] || a - b);
  const host = new Growing(new Uint32Array(0));
  const set = new Growing(new Uint16Array(0));
  const config = new Growing(new Int32Array(0));
  const short: Sample['short'][number][] = [];
  const capped = new Set<Split>();
  const controlFrac = unpaired ? tier.controlFrac : 0;
  const isControl = (at: number) => hashes.control[at] < controlFrac;
  // A crossed tier has few hosts of many rows each; a control has one row per replicate, so it takes as many hosts as makes the share right.
  const positives = tier.crossed ? Math.round(tier.hosts * (1 - controlFrac)) : tier.hosts;
  const perPositive = controlFrac < 1 ? controlFrac / (1 - controlFrac) : 0;
  const rowsOfPositives = tier.configs.length * positives;
  const controls = !tier.crossed
    ? 0
    : positives === 0
      ? tier.configs.length * tier.hosts
      : Math.round(rowsOfPositives * perPositive);

  sets.forEach((one, setIndex) => {
    const members = order.filter((at) => one.has(at));
    const add = (at: number) => {
      host.push(at);
      set.push(setIndex);
      config.push(
        isControl(at) ? CONTROL_CONFIG : tier.crossed ? EVERY_CONFIG : Math.floor(hashes.config[at] * tier.configs.length),
      );
    };
    SPLITS.forEach((splitName, splitIndex) => {
      const candidates = members.filter((at) => split[at] === splitIndex);
      if (candidates.length === 0) return;
      const pool = tier.crossed ? candidates.filter((at) => !isControl(at)) : candidates;
      const taken = stratified(pool, positives, stratum, hashes.sample);
      taken.forEach(add);
      if (taken.length < pool.length) capped.add(splitName);
      if (taken.length < positives)
        short.push({ set: one.id, split: splitName, wanted: positives, found: taken.length, what: 'hosts' });
      if (controls === 0) return;
      // As many as the positives that there really are call for.
      const wanted = positives === 0 ? controls : Math.round((taken.length / positives) * controls);
      const chosen = stratified(candidates.filter(isControl), wanted, stratum, hashes.sample);
      chosen.forEach(add);
      if (chosen.length < wanted) short.push({ set: one.id, split: splitName, wanted, found: chosen.length, what: 'controls' });
    });
  });
  return { host: host.values(), set: set.values(), config: config.values(), short, capped: [...capped] };
}

/** The sample of one (set, split) from its hosts in order of their first hash. */
function stratified(pool: Uint32Array, wanted: number, stratum: Uint8Array, second: Float64Array): Uint32Array {
  if (pool.length <= wanted) return pool;
  const quota = Math.ceil(wanted / STRATA);
  const used = new Uint32Array(256);
  const first = new Uint8Array(pool.length);
  for (let at = 0; at < pool.length; at++) if (used[stratum[pool[at]]]++ < quota) first[at] = 1;
  const chosen = pool.filter((_, at) => first[at] === 1);
  if (chosen.length < wanted) {
    const rest = pool.filter((_, at) => first[at] === 0).subarray(0, wanted - chosen.length);
    const both = new Uint32Array(wanted);
    both.set(chosen);
    both.set(rest, chosen.length);
    return both;
  }
  return chosen.sort((a, b) => second[a] - second[b] || a - b).subarray(0, wanted);
}

/** Rows of a sample with this many replicates, in one experiment. */
export function sampleRows(sample: Sample, tier: Tier, replicates: number): number {
  let rows = 0;
  for (const config of sample.config) rows += config === EVERY_CONFIG ? tier.configs.length : 1;
  return rows * replicates;
}
