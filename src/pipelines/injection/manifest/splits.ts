/** Regions and splits of the hosts, guards between splits, and how far the splits are from their shares. */
import { ArcletError } from '../../../core/errors.ts';
import { ang2pixNest, checkNside } from '../../../sky/healpix.ts';
import type { InjectConfig } from '../config.ts';
import { keyedUniform, PURPOSE } from './draws.ts';
import { type Hosts, SPLITS, type Split } from './hosts.ts';
import type { BrickTable, Selections } from './joins.ts';
import { SkyZones } from './near.ts';

export type SplitBy = 'column' | 'region' | 'healpix';

const [TEST, TRAIN, VAL] = [0, 1, 2];
export const UNKNOWN_SPLIT = 255;

/** Where every host lies. */
export interface Regions {
  readonly by: SplitBy;
  /** Region of the catalogue, for joins; NaN where it has none. Undefined where no table knows regions. */
  readonly region: Float64Array | undefined;
  /** What region_id will say: the catalogue's region, or the HEALPix cell; -1 where the catalogue has none. */
  readonly id: Int32Array;
  /** Index into SPLITS, or {@link UNKNOWN_SPLIT}. */
  readonly split: Uint8Array;
}

/** Split of a region or cell: u < test -> test, < test + val -> val, else train; u is Philox of (region, seed). */
export function splitOfRegion(region: number, seed: number, testFrac: number, valFrac: number): number {
  const u = keyedUniform(region >>> 0, Math.floor(region / 2 ** 32) >>> 0, seed, PURPOSE.split);
  return u < testFrac ? TEST : u < testFrac + valFrac ? VAL : TRAIN;
}

const perBrick = (hosts: Hosts, bricks: BrickTable, values: readonly number[], missing: number): Float64Array => {
  const ofBrick = Float64Array.from(hosts.bricks, (name) => values[bricks.row.get(name) ?? -1] ?? missing);
  return Float64Array.from(hosts.brick, (brick) => ofBrick[brick]);
};

/** Regions and splits by the config. Throws CONFIG_INVALID where what `split_by` asks for is not in the tables. */
export function regionsOf(
  hosts: Hosts,
  bricks: BrickTable | undefined,
  selections: Selections | undefined,
  config: InjectConfig,
): Regions {
  checkNside(config.healpixNside);
  const region = hosts.region ?? (bricks?.region === undefined ? undefined : perBrick(hosts, bricks, bricks.region, Number.NaN));
  const fromTable =
    hosts.split ??
    (bricks?.split !== undefined
      ? Uint8Array.from(perBrick(hosts, bricks, bricks.split, -1), (split) => (split < 0 ? UNKNOWN_SPLIT : split))
      : selections?.splitOf !== undefined && region !== undefined
        ? Uint8Array.from(region, (id) => {
            const split = selections.splitOf?.get(id) ?? -1;
            return split < 0 ? UNKNOWN_SPLIT : split;
          })
        : undefined);
  const auto: SplitBy = fromTable !== undefined ? 'column' : region !== undefined ? 'region' : 'healpix';
  const by = config.splitBy === 'auto' ? auto : config.splitBy;
  const missing =
    by === 'column' && fromTable === undefined ? 'region_split' : by === 'region' && region === undefined ? 'region_id' : '';
  if (missing !== '') {
    throw new ArcletError('CONFIG_INVALID', `split_by is ${by}, and neither the targets nor bricks_table has ${missing}.`, {
      subject: 'split_by',
      remedy: `Add the column ${missing}, or set split_by to healpix.`,
    });
  }
  const useCells = by === 'healpix' || region === undefined;
  const id = new Int32Array(hosts.count);
  for (let host = 0; host < hosts.count; host++) {
    id[host] = useCells
      ? ang2pixNest(config.healpixNside, hosts.ra[host], hosts.dec[host])
      : Number.isInteger(region?.[host])
        ? region[host]
        : -1;
  }
  if (by === 'column') return { by, region, id, split: fromTable as Uint8Array };
  const known = new Map<number, number>();
  const split = new Uint8Array(hosts.count);
  for (let host = 0; host < hosts.count; host++) {
    let found = known.get(id[host]);
    if (found === undefined) {
      found = splitOfRegion(id[host], config.splitSeed, config.testFrac, config.valFrac);
      known.set(id[host], found);
    }
    split[host] = found;
  }
  return { by, region, id, split };
}

/** Which hosts are nearer than the guard to a host of another split; all of them on both sides of a border. */
export function nearOtherSplit(hosts: Hosts, split: Uint8Array, guardArcsec: number): Uint8Array {
  const near = new Uint8Array(hosts.count);
  if (!(guardArcsec > 0)) return near;
  const zones = new SkyZones(hosts.ra, hosts.dec, guardArcsec / 3600, split);
  for (let host = 0; host < hosts.count; host++) {
    near[host] = zones.hasNear(hosts.ra[host], hosts.dec[host], split[host]) ? 1 : 0;
  }
  return near;
}

export interface SplitShare {
  readonly split: Split;
  readonly hosts: number;
  readonly rows: number;
  readonly hostShare: number;
  readonly rowShare: number;
  /** What the config asks for. */
  readonly wanted: number;
}

/** Hosts and rows per split beside what was wanted. */
export function splitShares(
  hosts: readonly number[],
  rows: readonly number[],
  config: Pick<InjectConfig, 'valFrac' | 'testFrac'>,
): SplitShare[] {
  const total = (values: readonly number[]) =>
    Math.max(
      1,
      values.reduce((sum, value) => sum + value, 0),
    );
  const wanted = { test: config.testFrac, train: 1 - config.testFrac - config.valFrac, val: config.valFrac };
  return SPLITS.map((split, index) => ({
    split,
    hosts: hosts[index],
    rows: rows[index],
    hostShare: hosts[index] / total(hosts),
    rowShare: rows[index] / total(rows),
    wanted: wanted[split],
  }));
}
