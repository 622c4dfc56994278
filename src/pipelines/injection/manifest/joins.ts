/** Tables that are joined to the targets: bricks (sizes, depths, regions) and selections of regions. */
import { ArcletError } from '../../../core/errors.ts';
import { type DepthKind, typeDepths } from './depths.ts';
import { type Hosts, type Quantity, SPLITS, type Split } from './hosts.ts';
import { numberAt, requireColumn, textAt, withInput } from './source.ts';

/** Quantities that a brick knows for all of its hosts. */
const BRICK_QUANTITIES = ['psfsize_g', 'psfsize_r', 'psfsize_z', 'psfdepth_r', 'ebv'] as const;
type BrickQuantity = (typeof BRICK_QUANTITIES)[number];

export interface BrickTable {
  readonly row: ReadonlyMap<string, number>;
  readonly quantities: Readonly<Partial<Record<BrickQuantity, Float64Array>>>;
  readonly region?: readonly number[];
  readonly split?: readonly number[];
  /** What psfdepth_r was taken for. */
  readonly depthKind: DepthKind;
}

/** Reads the table of bricks. Throws INPUT_INVALID without brickname, and for a brick that stands twice. */
export async function readBricks(location: string): Promise<BrickTable> {
  return withInput(location, async (table) => {
    const name = requireColumn(table, 'brick', 'brickname');
    const present = BRICK_QUANTITIES.flatMap((quantity) => {
      const column = table.find(quantity);
      return column === undefined ? [] : [{ quantity, column, values: [] as number[] }];
    });
    const regionName = table.find('region_id');
    const splitName = table.find('region_split');
    const row = new Map<string, number>();
    const region: number[] = [];
    const split: number[] = [];
    const columns = [
      name,
      ...present.map(({ column }) => column),
      ...[regionName, splitName].filter((found) => found !== undefined),
    ];
    for await (const batch of table.batches(columns)) {
      for (let index = 0; index < batch.rows; index++) {
        const brick = textAt(batch.columns[name], index);
        if (row.has(brick)) {
          throw new ArcletError('INPUT_INVALID', `${location} has the brick ${brick} twice.`, {
            subject: location,
            remedy: 'Leave one row per brick.',
          });
        }
        row.set(brick, row.size);
        for (const { column, values } of present) values.push(numberAt(batch.columns[column], index));
        if (regionName !== undefined) region.push(numberAt(batch.columns[regionName], index));
        if (splitName !== undefined) split.push(SPLITS.indexOf(textAt(batch.columns[splitName], index) as Split));
      }
    }
    const quantities: Partial<Record<BrickQuantity, Float64Array>> = {};
    for (const { quantity, values } of present) quantities[quantity] = Float64Array.from(values);
    const depths = quantities.psfdepth_r;
    const depthColumn = table.find('psfdepth_r');
    return {
      row,
      quantities,
      ...(regionName === undefined ? {} : { region }),
      ...(splitName === undefined ? {} : { split }),
      depthKind: depths === undefined ? 'absent' : typeDepths(depths, depthColumn && table.unit(depthColumn)),
    };
  });
}

/** One selection set and its regions. */
export interface Selection {
  readonly id: string;
  readonly strategy: string | null;
  readonly ranking: string | null;
  readonly regions: ReadonlySet<number>;
}

export interface Selections {
  readonly sets: readonly Selection[];
  /** Split by region, where the table says it: index into {@link SPLITS}. */
  readonly splitOf?: ReadonlyMap<number, number>;
}

/** Reads the table of selections. Throws INPUT_INVALID without selection_set_id and region_id. */
export async function readSelections(location: string): Promise<Selections> {
  return withInput(location, async (table) => {
    const idName = requireColumn(table, 'selection set', 'selection_set_id');
    const regionName = requireColumn(table, 'region', 'region_id');
    const [strategyName, rankingName, splitName] = ['selection_strategy', 'ranking_mode', 'region_split'].map((name) =>
      table.find(name),
    );
    const columns = [idName, regionName, strategyName, rankingName, splitName].filter((name) => name !== undefined);
    const sets = new Map<string, { strategy: string | null; ranking: string | null; regions: Set<number> }>();
    const splitOf = new Map<number, number>();
    for await (const batch of table.batches(columns)) {
      for (let index = 0; index < batch.rows; index++) {
        const text = (name: string | undefined) => (name === undefined ? '' : textAt(batch.columns[name], index));
        const id = text(idName);
        const region = numberAt(batch.columns[regionName], index);
        const set = sets.get(id) ?? {
          strategy: text(strategyName) || null,
          ranking: text(rankingName) || null,
          regions: new Set(),
        };
        set.regions.add(region);
        sets.set(id, set);
        if (splitName !== undefined) splitOf.set(region, SPLITS.indexOf(text(splitName) as Split));
      }
    }
    const ordered = [...sets].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      sets: ordered.map(([id, set]) => ({ id, ...set })),
      ...(splitName === undefined ? {} : { splitOf }),
    };
  });
}

/** Values of a quantity for every host: its own where it has one above 0, else its brick's; NaN where neither is. */
export function withBricks(hosts: Hosts, bricks: BrickTable | undefined): Hosts {
  if (bricks === undefined) return hosts;
  const rowOfBrick = Int32Array.from(hosts.bricks, (name) => bricks.row.get(name) ?? -1);
  const quantities: Partial<Record<Quantity, Float64Array>> = { ...hosts.quantities };
  for (const [quantity, values] of Object.entries(bricks.quantities) as [BrickQuantity, Float64Array][]) {
    const own = hosts.quantities[quantity];
    const joined = new Float64Array(hosts.count);
    for (let host = 0; host < hosts.count; host++) {
      const row = rowOfBrick[hosts.brick[host]];
      const isOwn = own !== undefined && Number.isFinite(own[host]) && (quantity === 'ebv' || own[host] > 0);
      joined[host] = isOwn ? own[host] : row < 0 ? Number.NaN : values[row];
    }
    quantities[quantity] = joined;
  }
  return { ...hosts, quantities };
}
