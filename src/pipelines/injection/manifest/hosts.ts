/** Host galaxies of the targets as columns, and how they are read from catalogues of any kind. */

import type { TableBatch } from '../../../io/table.ts';
import { NANOMAGGY_ZERO_POINT } from '../../../sky/photometry.ts';
import { typeDepths } from './depths.ts';
import { Growing, growingFloats, Names } from './grow.ts';
import { placeFault } from './place.ts';
import { Rejected } from './rejected.ts';
import { type InputTable, numberAt, requireColumn, textAt, withInput } from './source.ts';

/** Quantities of a host that a catalogue may have; NaN where it does not. */
export const QUANTITIES = [
  'zmag',
  'w1mag',
  'rz',
  'zw1',
  'psfsize_g',
  'psfsize_r',
  'psfsize_z',
  'psfdepth_r',
  'ebv',
  'shape_e1',
  'shape_e2',
] as const;
export type Quantity = (typeof QUANTITIES)[number];

export const SPLITS = ['test', 'train', 'val'] as const;
export type Split = (typeof SPLITS)[number];

/** Hosts column by column; `count` of each. */
export interface Hosts {
  readonly count: number;
  /** Row in the targets, from 0. */
  readonly row: Float64Array;
  /** Index into `bricks`. */
  readonly brick: Int32Array;
  readonly bricks: readonly string[];
  /** Degrees. */
  readonly ra: Float64Array;
  readonly dec: Float64Array;
  readonly rmag: Float64Array;
  /** Only the quantities that the catalogue has. */
  readonly quantities: Readonly<Partial<Record<Quantity, Float64Array>>>;
  /** From the column region_id; NaN where it is empty. */
  readonly region?: Float64Array;
  /** From the column region_split: index into {@link SPLITS}, 255 for another word. */
  readonly split?: Uint8Array;
  /** From the column selection_set_id: index into `setNames`. */
  readonly set?: Uint16Array;
  readonly setNames: readonly string[];
}

/** What reading the targets found. */
export interface Catalogue {
  readonly hosts: Hosts;
  /** Rows of the table. */
  readonly rows: number;
  /** Rows that the flag column left out. */
  readonly unflagged: number;
  /** Where each quantity came from: 'flux_r / mw_transmission_r'. */
  readonly provenance: Readonly<Record<string, string>>;
  readonly rejected: Rejected;
}

type Read = (batch: TableBatch, row: number) => number;

interface Reader {
  readonly from: string;
  readonly columns: readonly string[];
  readonly read: Read;
}

const plain = (name: string): Reader => ({
  from: name,
  columns: [name],
  read: (batch, row) => numberAt(batch.columns[name], row),
});

/** A magnitude from a magnitude column, or from a flux in nanomaggies, dereddened where the transmission is known. */
function magnitudeReader(table: InputTable, band: string, names: readonly string[]): Reader | undefined {
  const magnitude = table.find(...names);
  if (magnitude !== undefined) return plain(magnitude);
  const flux = table.find(`flux_${band}`);
  if (flux === undefined) return undefined;
  const transmission = table.find(`mw_transmission_${band}`);
  const toMagnitude = (value: number) => (value > 0 ? NANOMAGGY_ZERO_POINT - 2.5 * Math.log10(value) : Number.NaN);
  if (transmission === undefined) {
    return { from: flux, columns: [flux], read: (batch, row) => toMagnitude(numberAt(batch.columns[flux], row)) };
  }
  return {
    from: `${flux} / ${transmission}`,
    columns: [flux, transmission],
    read: (batch, row) => toMagnitude(numberAt(batch.columns[flux], row) / numberAt(batch.columns[transmission], row)),
  };
}

function quantityReaders(table: InputTable): Map<Quantity, Reader> {
  const readers = new Map<Quantity, Reader>();
  const add = (quantity: Quantity, reader: Reader | undefined) => {
    if (reader !== undefined) readers.set(quantity, reader);
  };
  const named = (...names: string[]) => {
    const found = table.find(...names);
    return found === undefined ? undefined : plain(found);
  };
  add('zmag', magnitudeReader(table, 'z', ['zmag', 'mag_z']));
  add('w1mag', magnitudeReader(table, 'w1', ['w1mag', 'mag_w1']));
  for (const quantity of QUANTITIES) if (!readers.has(quantity)) add(quantity, named(quantity));
  return readers;
}

/**
 * Reads targets as a stream. Rows without a usable position, brick or r magnitude are left out and listed.
 *
 * @param flag column that must be 1, if any
 * @throws INPUT_INVALID when a needed column is not there, INPUT_UNREADABLE
 */
export async function readHosts(location: string, flag: string | undefined): Promise<Catalogue> {
  return withInput(location, (table) => hostsOf(table, flag));
}

async function hostsOf(table: InputTable, flag: string | undefined): Promise<Catalogue> {
  const brickName = requireColumn(table, 'brick', 'brickname');
  const raName = requireColumn(table, 'right ascension', 'ra');
  const decName = requireColumn(table, 'declination', 'dec');
  const rmagReader =
    magnitudeReader(table, 'r', ['rmag', 'mag_r']) ?? plain(requireColumn(table, 'r magnitude', 'rmag', 'mag_r', 'flux_r'));
  const flagName = flag === undefined ? undefined : requireColumn(table, 'flag of require_lrg_flag', flag);
  const [regionName, splitName, setName] = ['region_id', 'region_split', 'selection_set_id'].map((name) => table.find(name));
  const readers = quantityReaders(table);

  const columns = new Set([brickName, raName, decName, ...rmagReader.columns]);
  for (const name of [flagName, regionName, splitName, setName]) if (name !== undefined) columns.add(name);
  for (const reader of readers.values()) for (const name of reader.columns) columns.add(name);

  const rejected = new Rejected();
  const bricks = new Names();
  const sets = new Names();
  const row = growingFloats();
  const brick = new Growing(new Int32Array(0));
  const [ra, dec, rmag, region] = [growingFloats(), growingFloats(), growingFloats(), growingFloats()];
  const split = new Growing(new Uint8Array(0));
  const set = new Growing(new Uint16Array(0));
  const quantities = [...readers].map(([quantity, reader]) => ({ quantity, reader, values: growingFloats() }));
  let rows = 0;
  let unflagged = 0;

  for await (const batch of table.batches([...columns])) {
    for (let index = 0; index < batch.rows; index++, rows++) {
      if (flagName !== undefined && numberAt(batch.columns[flagName], index) !== 1) {
        unflagged++;
        continue;
      }
      const name = textAt(batch.columns[brickName], index);
      const raDeg = numberAt(batch.columns[raName], index);
      const decDeg = numberAt(batch.columns[decName], index);
      const r = rmagReader.read(batch, index);
      const reason = placeFault(name, raDeg, decDeg) ?? (Number.isFinite(r) ? undefined : 'r_missing');
      if (reason !== undefined) {
        rejected.add(rows, name, raDeg, decDeg, reason);
        continue;
      }
      row.push(rows);
      brick.push(bricks.number(name));
      ra.push(raDeg);
      dec.push(decDeg);
      rmag.push(r);
      for (const { reader, values } of quantities) values.push(reader.read(batch, index));
      if (regionName !== undefined) region.push(numberAt(batch.columns[regionName], index));
      if (splitName !== undefined) {
        const found = SPLITS.indexOf(textAt(batch.columns[splitName], index) as Split);
        split.push(found < 0 ? 255 : found);
      }
      if (setName !== undefined) set.push(sets.number(textAt(batch.columns[setName], index) || 'all'));
    }
  }
  const depths = quantities.find(({ quantity }) => quantity === 'psfdepth_r');
  const depthKind = depths && typeDepths(depths.values.values(), table.unit(depths.reader.from));
  const provenance = Object.fromEntries([
    ['rmag', rmagReader.from],
    ...quantities.map(({ quantity, reader }) => [quantity, reader.from]),
  ]);
  if (depthKind !== undefined) provenance.psfdepth_r += ` (${depthKind})`;
  const hosts: Hosts = {
    count: row.length,
    row: row.values(),
    brick: brick.values(),
    bricks: bricks.list,
    ra: ra.values(),
    dec: dec.values(),
    rmag: rmag.values(),
    quantities: Object.fromEntries(quantities.map(({ quantity, values }) => [quantity, values.values()])),
    ...(regionName === undefined ? {} : { region: region.values() }),
    ...(splitName === undefined ? {} : { split: split.values() }),
    ...(setName === undefined ? {} : { set: set.values() }),
    setNames: setName === undefined ? ['all'] : sets.list,
  };
  return { hosts, rows, unflagged, provenance, rejected };
}

/** The hosts for which `keep` says so, in the same order. */
export function keepHosts(hosts: Hosts, keep: (host: number) => boolean): Hosts {
  const kept: number[] = [];
  for (let host = 0; host < hosts.count; host++) if (keep(host)) kept.push(host);
  if (kept.length === hosts.count) return hosts;
  const take = <T extends Float64Array | Int32Array | Uint16Array | Uint8Array>(values: T): T => {
    const taken = new (values.constructor as new (length: number) => T)(kept.length);
    for (let index = 0; index < kept.length; index++) taken[index] = values[kept[index]];
    return taken;
  };
  const quantities = Object.entries(hosts.quantities).map(([name, values]) => [name, take(values)] as const);
  return {
    ...hosts,
    count: kept.length,
    row: take(hosts.row),
    brick: take(hosts.brick),
    ra: take(hosts.ra),
    dec: take(hosts.dec),
    rmag: take(hosts.rmag),
    quantities: Object.fromEntries(quantities),
    ...(hosts.region === undefined ? {} : { region: take(hosts.region) }),
    ...(hosts.split === undefined ? {} : { split: take(hosts.split) }),
    ...(hosts.set === undefined ? {} : { set: take(hosts.set) }),
  };
}
