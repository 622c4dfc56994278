/** What is to be compacted: parts of one experiment, alike, complete, and none too many. */
import { ArcletError } from '../../../core/errors.ts';
import type { ColumnSchema, TableSchema } from '../../../io/table.ts';
import type { Dataset, DatasetPart } from '../../dataset.ts';
import { partName } from '../layout.ts';

export interface InputPart {
  readonly part: DatasetPart;
  readonly split: string;
  readonly rows: number;
}

/** Parts of one experiment with one schema and one config hash. */
export interface Inputs {
  readonly location: string;
  readonly parts: readonly InputPart[];
  readonly columns: readonly ColumnSchema[];
  /** What the metadata of all parts say alike. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Names, types and shapes of the columns, as text that can be compared. */
  readonly signature: string;
}

const invalid = (location: string, message: string, remedy: string, data?: Record<string, unknown>) =>
  new ArcletError('INPUT_INVALID', message, { subject: location, remedy, ...(data === undefined ? {} : { data }) });

function signatureOf({ columns }: TableSchema): string {
  return JSON.stringify(
    columns.map((column) => [
      column.name,
      column.type,
      column.type === 'stamp' ? [column.shape, column.storage] : (column.nullable ?? false),
    ]),
  );
}

/** Throws INPUT_INVALID when a column that training needs is not there, or one is there that could not be written again. */
function checkColumns(
  location: string,
  columns: readonly ColumnSchema[],
  unread: readonly string[],
  kind: 'stamps' | 'metrics',
): void {
  const names = new Set(columns.map(({ name }) => name));
  const missing = ['task_id', 'is_control', 'cutout_ok'].filter((name) => !names.has(name));
  const pixels = names.has('stamp_npz') || columns.some(({ type }) => type === 'stamp');
  if (kind === 'stamps' && !pixels) missing.push('stamp_npz or image_<band>');
  if (missing.length > 0)
    throw invalid(location, `${location} has no column ${missing.join(', ')}.`, 'Name a folder of stamps.', { missing });
  const lost = [...unread, ...columns.flatMap(({ name, type }) => (type === 'list' ? [name] : []))];
  if (lost.length > 0)
    throw invalid(location, `${location} has nested columns, which are not written: ${lost.join(', ')}.`, 'Leave them out.');
}

/**
 * Reads the footers of all parts below a dataset that is one experiment.
 *
 * @throws INPUT_INVALID when parts differ in columns or config, lie in no folder of a split, or lack columns
 */
export async function readInputs(dataset: Dataset, kind: 'stamps' | 'metrics'): Promise<Inputs> {
  const { location } = dataset;
  const parts: InputPart[] = [];
  let first: { key: string; schema: TableSchema; signature: string } | undefined;
  let metadata: Record<string, string> = {};
  for (const part of dataset.parts) {
    const split = part.partitions['region_split'];
    if (split === undefined)
      throw invalid(location, `${part.key} is in no folder region_split=.`, 'Name the folder of an experiment.');
    await dataset.withPart(part, async ({ schema, rows, unread }) => {
      const signature = signatureOf(schema);
      if (first === undefined) {
        checkColumns(location, schema.columns, unread, kind);
        first = { key: part.key, schema, signature };
        metadata = { ...schema.metadata };
      }
      const [mine, theirs] = [schema.metadata?.['config_hash'], first.schema.metadata?.['config_hash']];
      if (mine !== theirs || signature !== first.signature) {
        const what = mine !== theirs ? `were made with two configs (${theirs} and ${mine})` : 'have not the same columns';
        const remedy = 'Run the inject stage again with --force, or move the parts of the other config away.';
        throw invalid(location, `${first.key} and ${part.key} ${what}.`, remedy);
      }
      for (const key of Object.keys(metadata)) if (schema.metadata?.[key] !== metadata[key]) delete metadata[key];
      parts.push({ part, split, rows });
    });
  }
  return { location, parts, columns: first!.schema.columns, metadata, signature: first!.signature };
}

/** A part that the manifest asks for. */
export interface ExpectedPart {
  readonly split: string;
  readonly number: number;
  readonly rows: number;
}

const listed = (keys: readonly string[]) =>
  `${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ` and ${keys.length - 5} more` : ''}`;

const INJECT_AGAIN = 'Run the inject stage for all shards; finished parts are skipped.';

/** Throws INPUT_INVALID that names the parts which are missing, too many, or of another number of rows than the manifest plans. */
export function checkAgainstManifest({ location, parts }: Inputs, expected: readonly ExpectedPart[]): void {
  const there = new Map(parts.map(({ part, rows }) => [part.key, rows]));
  const wanted = new Map(expected.map(({ split, number, rows }) => [partName(split, number), rows]));
  const missing = [...wanted.keys()].filter((key) => !there.has(key));
  if (missing.length > 0)
    throw invalid(location, `${missing.length} of ${wanted.size} parts are missing: ${listed(missing)}.`, INJECT_AGAIN, {
      missing,
    });
  const strange = [...there.keys()].filter((key) => !wanted.has(key));
  if (strange.length > 0)
    throw invalid(location, `${strange.length} parts are not in the manifest: ${listed(strange)}.`, 'Move them away: they are of another manifest.', { strange }); // biome-ignore format: one call
  const short = [...wanted].filter(([key, rows]) => there.get(key) !== rows).map(([key]) => key);
  if (short.length > 0)
    throw invalid(location, `${short.length} parts have not the rows that the manifest plans: ${listed(short)}.`, INJECT_AGAIN, { short }); // biome-ignore format: one call
}

/**
 * Without a manifest: throws INPUT_INVALID when numbers are missing between the first part, 0, and the last. Numbers run through all splits,
 * or begin again in each when one stands in two of them. Parts of other names (Spark's) have no such numbers: false is returned.
 */
export function checkNumbering({ location, parts }: Inputs): boolean {
  const numbered = parts.map(({ part, split }) => ({ split, number: /(?:^|\/)part-(\d+)\.parquet$/.exec(part.key)?.[1] }));
  if (numbered.some(({ number }) => number === undefined)) return false;
  const all = numbered.map(({ number }) => Number(number));
  const groups =
    new Set(all).size === all.length
      ? [['', all] as const]
      : [...Map.groupBy(numbered, ({ split }) => split)].map(
          ([split, own]) => [`region_split=${split}/`, own.map(({ number }) => Number(number))] as const,
        );
  const missing = groups.flatMap(([folder, numbers]) => {
    const there = new Set(numbers);
    const last = numbers.reduce((most, number) => Math.max(most, number), -1);
    return Array.from({ length: last + 1 }, (_, number) => number)
      .filter((number) => !there.has(number))
      .map((number) => `${folder}part-${String(number).padStart(5, '0')}`);
  });
  if (missing.length > 0)
    throw invalid(location, `${missing.length} parts are missing: ${listed(missing)}.`, INJECT_AGAIN, { missing });
  return true;
}
