/** A sample of the stamps: which rows, and their pixels one row group at a time. */
import { SmallestKeys } from '../../../core/statistics.ts';
import { decodeNpz } from '../../../io/npz.ts';
import type { ParquetTable } from '../../../io/parquet.ts';
import type { StampColumn, TableBatch } from '../../../io/table.ts';
import type { Dataset, DatasetPart } from '../../dataset.ts';
import { Rows } from '../check/rows.ts';
import { taskKey } from '../check/task-set.ts';

/** Stamps of each class that are looked at. */
export const STAMPS_A_CLASS = 4000;
/** Row groups that are read for them: a campaign of 10^7 rows has 5,000 of 100 MB, and the sample would touch them all. */
const MOST_GROUPS = 200;

interface Group {
  readonly part: DatasetPart;
  readonly index: number;
}

/** A stamp of the sample, before its pixels are gone again. */
export interface SampledStamp {
  readonly rows: Rows;
  readonly row: number;
  readonly isControl: boolean;
  /** Hash of the host's place, the same for all rows of a host. */
  readonly hostKey: number;
  readonly size: number;
  /** Pixels [y, x] of a plane and band, such as `image_r`; undefined where the row has no such plane. */
  plane(name: string): Float32Array | undefined;
}

/** A number in [0, 1) of a text. */
export function hashOf(text: string): number {
  const words = new Uint32Array(2);
  taskKey(text, words);
  return (words[0] * 2 ** 21 + (words[1] >>> 11)) / 2 ** 53;
}

/** Groups by the hash of their place, at most {@link MOST_GROUPS}. */
async function chooseGroups(dataset: Dataset): Promise<Group[]> {
  const chosen = new SmallestKeys<Group>(MOST_GROUPS);
  for (const part of dataset.parts) {
    await dataset.withPart(part, async (table) => {
      table.rowGroups.forEach((_, index) => {
        chosen.add(hashOf(`${part.key}#${index}`), { part, index });
      });
    });
  }
  return chosen.entries().map(([, group]) => group);
}

const SELECTING = ['task_seed64', 'is_control', 'cutout_ok'];
const known = (table: ParquetTable, names: readonly string[]) => {
  const there = new Set(table.schema.columns.map(({ name }) => name));
  return names.filter((name) => there.has(name));
};

/** Rows with cutout_ok 1, at most {@link STAMPS_A_CLASS} of each class, as row numbers by group. */
async function chooseRows(dataset: Dataset, groups: readonly Group[]): Promise<Map<Group, number[]>> {
  const classes = [0, 1].map(() => new SmallestKeys<{ group: Group; row: number }>(STAMPS_A_CLASS));
  for (const group of groups) {
    await dataset.withPart(group.part, async (table) => {
      const rows = new Rows(await table.readRowGroup(group.index, known(table, SELECTING)), group.part.partitions);
      const [keys, control, ok] = [rows.keys(), rows.numbers('is_control'), rows.numbers('cutout_ok')];
      for (let row = 0; row < rows.count; row++)
        if (ok[row] === 1) classes[control[row] === 1 ? 1 : 0].add(keys[row], { group, row });
    });
  }
  const byGroup = new Map<Group, number[]>();
  for (const [, { group, row }] of classes.flatMap((one) => one.entries()))
    byGroup.set(group, [...(byGroup.get(group) ?? []), row]);
  return byGroup;
}

/** Pixels of a row from columns of stamps, or from the originals' archive. */
function planesOf(
  batch: TableBatch,
  shapes: ReadonlyMap<string, StampColumn>,
  row: number,
): { size: number; plane: SampledStamp['plane'] } | undefined {
  const archive = batch.columns['stamp_npz']?.[row];
  if (archive instanceof Uint8Array) {
    const arrays = decodeNpz(archive, `stamp_npz of row ${row}`);
    const [first] = Object.values(arrays);
    return { size: first.shape[0], plane: (name) => arrays[name]?.data as Float32Array | undefined };
  }
  const [shape] = shapes.values();
  if (shape === undefined) return undefined;
  const pixels = shape.shape[0] * shape.shape[1];
  const plane = (name: string) =>
    shapes.has(name) ? (batch.columns[name] as Float32Array).subarray(row * pixels, (row + 1) * pixels) : undefined;
  return { size: shape.shape[0], plane };
}

/**
 * Hands each stamp of the sample to `use`; its pixels are good until the next. Chosen by hash, so the same for any order of the parts.
 *
 * @param columns of numbers that are wanted beside the pixels
 * @param planes such as `image_r`; those that the dataset lacks are left out
 */
export async function forEachStamp(
  dataset: Dataset,
  columns: readonly string[],
  planes: readonly string[],
  use: (stamp: SampledStamp) => void,
): Promise<void> {
  const byGroup = await chooseRows(dataset, await chooseGroups(dataset));
  for (const [group, chosen] of byGroup) {
    await dataset.withPart(group.part, async (table) => {
      const wanted = new Set(planes);
      const shapes = new Map(table.schema.columns.flatMap((column) => (column.type === 'stamp' && wanted.has(column.name) ? [[column.name, column] as const] : []))); // biome-ignore format: one map
      const names = [...new Set([...SELECTING, 'brickname', 'ra', 'dec', ...columns, 'stamp_npz', ...shapes.keys()])];
      const batch = await table.readRowGroup(group.index, known(table, names));
      const rows = new Rows(batch, group.part.partitions);
      const [control, ra, dec] = ['is_control', 'ra', 'dec'].map((name) => rows.numbers(name));
      for (const row of chosen.sort((a, b) => a - b)) {
        const found = planesOf(batch, shapes, row);
        if (found !== undefined) use({ rows, row, isControl: control[row] === 1, hostKey: hostKey(ra[row], dec[row]), ...found });
      }
    });
  }
}

/** The same for all rows of a host. */
export function hostKey(raDeg: number, decDeg: number): number {
  return hashOf(`${raDeg.toFixed(6)}|${decDeg.toFixed(6)}`);
}
