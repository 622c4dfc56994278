/** From the tables to the hosts that may be sampled: joined, in their sets and splits, in strata, and without those that must not be used. */
import { ArcletError } from '../../../core/errors.ts';
import type { InjectConfig } from '../config.ts';
import { type Hosts, keepHosts, readHosts, SPLITS } from './hosts.ts';
import { readBricks, readSelections, type Selections, withBricks } from './joins.ts';
import { SkyZones } from './near.ts';
import type { Reason, Rejected } from './rejected.ts';
import { type HostSet, hostName } from './sampling.ts';
import { numberAt, requireColumn, withInput } from './source.ts';
import { nearOtherSplit, type Regions, regionsOf, UNKNOWN_SPLIT } from './splits.ts';
import { NO_BIN, strataOf } from './strata.ts';

export interface Prepared {
  readonly hosts: Hosts;
  readonly sets: readonly HostSet[];
  /** Index into SPLITS, per host. */
  readonly split: Uint8Array;
  readonly regionId: Int32Array;
  readonly splitBy: Regions['by'];
  readonly psfBin: Int8Array;
  readonly depthBin: Int8Array;
  /** Number of psf_bin x depth_bin, per host. */
  readonly stratum: Uint8Array;
  readonly rejected: Rejected;
  readonly warnings: readonly string[];
  /** For the record. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Reads and joins everything that the config names. Throws INPUT_UNREADABLE, INPUT_INVALID, CONFIG_INVALID. */
export async function prepareHosts(targets: string, config: InjectConfig): Promise<Prepared> {
  const warnings: string[] = [];
  const catalogue = await readHosts(targets, config.requireLrgFlag);
  const { rejected } = catalogue;
  const bricks = config.bricksTable === undefined ? undefined : await readBricks(config.bricksTable);
  const selections = config.regionSelections === undefined ? undefined : await readSelections(config.regionSelections);

  if (config.hostConditioned) requireShapes(catalogue.hosts, targets);
  let hosts = withoutDuplicates(catalogue.hosts, rejected);
  hosts = withFallbackSizes(withBricks(hosts, bricks), warnings);
  let regions = regionsOf(hosts, bricks, selections, config);
  const drop = (reason: Reason, isDropped: (host: number) => boolean) => {
    const keep = Uint8Array.from({ length: hosts.count }, (_, host) => (isDropped(host) ? 0 : 1));
    if (keep.every((kept) => kept === 1)) return;
    keep.forEach((kept, host) => {
      if (kept === 0) rejected.add(hosts.row[host], hosts.bricks[hosts.brick[host]], hosts.ra[host], hosts.dec[host], reason);
    });
    const kept = <T extends Float64Array | Int32Array | Uint8Array>(values: T) =>
      values.filter((_, host) => keep[host] === 1) as T;
    hosts = keepHosts(hosts, (host) => keep[host] === 1);
    regions = { ...regions, id: kept(regions.id), split: kept(regions.split), region: regions.region && kept(regions.region) };
  };

  if (regions.by === 'region' || selections !== undefined) {
    drop('region_missing', (host) => !Number.isInteger(regions.region?.[host] ?? Number.NaN));
  }
  drop('split_unknown', (host) => regions.split[host] === UNKNOWN_SPLIT);
  const isInSet = memberships(hosts, regions, selections, config);
  drop('no_selection_set', (host) => !isInSet(host));
  if (config.knownLenses !== undefined && config.knownLensRadiusArcsec > 0) {
    const lenses = await readPositions(config.knownLenses);
    const zones = new SkyZones(lenses.ra, lenses.dec, config.knownLensRadiusArcsec / 3600);
    drop('near_known_lens', (host) => zones.hasNear(hosts.ra[host], hosts.dec[host]));
  }
  const near = nearOtherSplit(hosts, regions.split, config.guardArcsec);
  drop('near_other_split', (host) => near[host] === 1);

  if (config.hostConditioned) noteShapeless(hosts, warnings);

  const psf = strataOf(hosts, 'psfsize_r');
  const depth = strataOf(hosts, 'psfdepth_r');
  const stratum = Uint8Array.from(psf.bin, (bin, host) => (bin - NO_BIN) * 5 + (depth.bin[host] - NO_BIN));
  const bySplit = SPLITS.map((name) => [name, 0] as [string, number]);
  for (const split of regions.split) bySplit[split][1]++;
  return {
    hosts,
    sets: setsOf(hosts, regions, selections, config),
    split: regions.split,
    regionId: regions.id,
    splitBy: regions.by,
    psfBin: psf.bin,
    depthBin: depth.bin,
    stratum,
    rejected,
    warnings,
    facts: {
      targets_rows: catalogue.rows,
      targets_without_flag: catalogue.unflagged,
      columns: catalogue.provenance,
      bricks_table_depth: bricks?.depthKind ?? null,
      hosts: hosts.count,
      hosts_by_split: Object.fromEntries(bySplit),
      split_by: regions.by,
      psf_edges_arcsec: psf.edges ?? null,
      depth_edges_mag: depth.edges ?? null,
      rejected: rejected.counts,
    },
  };
}

/** Throws CONFIG_INVALID where lenses are to have the shapes of hosts that have none. */
function requireShapes({ quantities }: Hosts, targets: string): void {
  const missing = (['shape_e1', 'shape_e2'] as const).filter((name) => quantities[name] === undefined);
  if (missing.length === 0) return;
  throw new ArcletError('CONFIG_INVALID', `host_conditioned is on, and ${targets} has no ${missing.join(', ')}.`, {
    subject: 'host_conditioned',
    remedy: 'Add the columns to the targets, or set host_conditioned to false.',
    data: { missing },
  });
}

function noteShapeless({ quantities, count }: Hosts, warnings: string[]): void {
  const [e1, e2] = [quantities.shape_e1, quantities.shape_e2];
  let shapeless = 0;
  for (let host = 0; host < count; host++) if (!Number.isFinite(e1?.[host]) || !Number.isFinite(e2?.[host])) shapeless++;
  if (shapeless === 0) return;
  warnings.push(
    `${shapeless} of ${count} hosts have no shape_e1, shape_e2: host_conditioned draws their lenses as the prior says.`,
  );
}

/** The first of the rows with one brick, position (to 1e-6 deg) and set stays. */
function withoutDuplicates(hosts: Hosts, rejected: Rejected): Hosts {
  const { brick, ra, dec, set } = hosts;
  const micro = (degrees: number) => Math.round(degrees * 1e6);
  const compare = (a: number, b: number) =>
    brick[a] - brick[b] || micro(dec[a]) - micro(dec[b]) || micro(ra[a]) - micro(ra[b]) || (set?.[a] ?? 0) - (set?.[b] ?? 0);
  const order = Uint32Array.from(brick, (_, host) => host).sort((a, b) => compare(a, b) || a - b);
  const keep = new Uint8Array(hosts.count).fill(1);
  for (let at = 1; at < order.length; at++) {
    const host = order[at];
    const isSame = (set?.[host] ?? 0) === (set?.[order[at - 1]] ?? 0) && hostName(hosts, host) === hostName(hosts, order[at - 1]);
    if (isSame) keep[host] = 0;
  }
  keep.forEach((kept, host) => {
    if (kept === 0) rejected.add(hosts.row[host], hosts.bricks[brick[host]], ra[host], dec[host], 'duplicate_target');
  });
  return keepHosts(hosts, (host) => keep[host] === 1);
}

/** PSF sizes in g and z fall back to r, as the originals do where a brick has no coverage. */
function withFallbackSizes(hosts: Hosts, warnings: string[]): Hosts {
  const reference = hosts.quantities.psfsize_r;
  if (reference === undefined) return hosts;
  const quantities = { ...hosts.quantities };
  for (const quantity of ['psfsize_g', 'psfsize_z'] as const) {
    const own = quantities[quantity];
    let filled = 0;
    const values = Float64Array.from(reference, (size, host) => {
      const value = own?.[host] ?? Number.NaN;
      if (value > 0) return value;
      if (size > 0) filled++;
      return size > 0 ? size : Number.NaN;
    });
    if (filled > 0)
      warnings.push(`${quantity} is psfsize_r for ${filled} of ${hosts.count} hosts, which have none of their own.`);
    quantities[quantity] = values;
  }
  quantities.psfsize_r = Float64Array.from(reference, (size) => (size > 0 ? size : Number.NaN));
  return { ...hosts, quantities };
}

function chosen(ids: readonly string[], wanted: readonly string[]): (id: string) => boolean {
  if (wanted.includes('*')) return () => true;
  const missing = wanted.filter((id) => !ids.includes(id));
  if (missing.length === 0) return (id) => wanted.includes(id);
  throw new ArcletError('CONFIG_INVALID', `There is no selection set '${missing[0]}'.`, {
    subject: 'selection_set_ids',
    remedy: `Choose among ${ids.join(', ')}, or * for all.`,
    data: { missing },
  });
}

/** True for hosts that are in a set which the config takes. */
function memberships(
  hosts: Hosts,
  regions: Regions,
  selections: Selections | undefined,
  config: InjectConfig,
): (host: number) => boolean {
  const sets = setsOf(hosts, regions, selections, config);
  return (host) => sets.some((set) => set.has(host));
}

/** Sets from the table of selections, else from the column selection_set_id, else one called `all`. */
function setsOf(hosts: Hosts, regions: Regions, selections: Selections | undefined, config: InjectConfig): HostSet[] {
  if (selections !== undefined) {
    const { region } = regions;
    if (region === undefined) {
      throw new ArcletError(
        'CONFIG_INVALID',
        'region_selections needs region_id, which neither the targets nor bricks_table has.',
        {
          subject: 'region_selections',
          remedy: 'Add region_id to one of them.',
        },
      );
    }
    const isChosen = chosen(
      selections.sets.map(({ id }) => id),
      config.selectionSetIds,
    );
    return selections.sets
      .filter(({ id }) => isChosen(id))
      .map(({ id, strategy, ranking, regions: members }) => ({
        id,
        strategy,
        ranking,
        has: (host) => members.has(region[host]),
      }));
  }
  const { set, setNames } = hosts;
  const isChosen = chosen(setNames, config.selectionSetIds);
  const named = setNames.map((id, index) => ({
    id,
    strategy: null,
    ranking: null,
    has: (host: number) => (set?.[host] ?? 0) === index,
  }));
  return named.filter(({ id }) => isChosen(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Positions of a table; rows without one are of no use here. */
async function readPositions(location: string): Promise<{ ra: Float64Array; dec: Float64Array }> {
  return withInput(location, async (table) => {
    const [raName, decName] = [requireColumn(table, 'right ascension', 'ra'), requireColumn(table, 'declination', 'dec')];
    const ra: number[] = [];
    const dec: number[] = [];
    for await (const batch of table.batches([raName, decName])) {
      for (let row = 0; row < batch.rows; row++) {
        const position = [numberAt(batch.columns[raName], row), numberAt(batch.columns[decName], row)];
        if (!position.every(Number.isFinite) || Math.abs(position[1]) > 90) continue;
        ra.push(position[0]);
        dec.push(position[1]);
      }
    }
    return { ra: Float64Array.from(ra), dec: Float64Array.from(dec) };
  });
}
