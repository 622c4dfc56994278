/** The catalogue of a field: every row kept, every column as the text that stands in the file. */
import { ArcletError } from '../../core/errors.ts';
import { recordsOf } from '../../io/csv/records.ts';
import { findSkyColumns, readCsv } from '../../io/csv.ts';
import type { ByteSource } from '../../io/store/source.ts';
import type { TableBatch, TableSchema } from '../../io/table.ts';
import { isTsv, openTableSource, withTable } from '../files/tables.ts';

export interface FieldCatalogue {
  readonly rows: number;
  /** Names in the order of the file. */
  readonly names: readonly string[];
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** Degrees; NaN where the text is no number, or no place on the sky. */
  readonly ra: Float64Array;
  readonly dec: Float64Array;
  /** Empty without an ID column. */
  readonly id: readonly string[] | undefined;
  /** As {@link duplicateIds} says; no items without an ID column. */
  readonly duplicateId: Uint8Array;
  /** In capitals. */
  readonly type: readonly string[] | undefined;
  /** x of all FLUX_x columns. */
  readonly bands: readonly string[];
  readonly warnings: readonly string[];
}

const SNIFFED_BYTES = 2 ** 20;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads a catalogue, gzipped or not: CSV or TSV as text, so that IDs keep their leading zeros and values their digits; Parquet, Arrow and FITS tables as well.
 * RA and DEC may be in any case.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID for a file that is no table, or has no RA or DEC
 */
export async function readFieldCatalogue(path: string): Promise<FieldCatalogue> {
  const { names, columns, rows } = (await textTable(path)) ?? (await typedTable(path));
  const warnings: string[] = [];
  const sky = findSkyColumns(names, path);
  if (sky.ra !== 'RA' || sky.dec !== 'DEC') warnings.push(`${path}: columns ${sky.ra} and ${sky.dec} are taken for RA and DEC.`);
  const named = (wanted: string) => {
    const found = names.includes(wanted) ? wanted : names.find((name) => name.toUpperCase() === wanted);
    return found === undefined ? undefined : columns[found];
  };
  const ra = Float64Array.from(columns[sky.ra], degrees);
  const dec = Float64Array.from(columns[sky.dec], degrees);
  let nowhere = 0;
  for (let row = 0; row < rows; row++) {
    if (Math.abs(dec[row]) > 90 || Math.abs(ra[row]) > 360) ra[row] = Number.NaN;
    if (!Number.isFinite(ra[row] + dec[row])) nowhere++;
  }
  if (nowhere > 0)
    warnings.push(`${path}: ${nowhere} of ${rows} rows have no position (RA, DEC in degrees); they are kept and not fitted.`);
  const id = named('ID');
  const duplicateId = duplicateIds(id ?? []);
  if (id !== undefined) warnings.push(...duplicateWarnings(path, id, duplicateId));
  return {
    rows,
    names,
    columns,
    ra,
    dec,
    id,
    duplicateId,
    type: named('TYPE')?.map((type) => type.trim().toUpperCase()),
    bands: names.flatMap((name) => /^FLUX_(.+)$/.exec(name)?.[1].trim() ?? []),
    warnings,
  };
}

const degrees = (text: string): number => (NUMBER.test(text.trim()) ? Number(text) : Number.NaN);

const EXAMPLES = 3;

/** 1 for every row whose ID another row has as well, the first of them included. Rows without an ID share none. */
export function duplicateIds(id: readonly string[]): Uint8Array {
  const first = new Map<string, number>();
  const flags = new Uint8Array(id.length);
  for (const [row, name] of id.entries()) {
    const before = name === '' ? undefined : first.get(name);
    if (before === undefined) first.set(name, row);
    else flags[before] = flags[row] = 1;
  }
  return flags;
}

function duplicateWarnings(path: string, id: readonly string[], flags: Uint8Array): string[] {
  const rows = [...flags.keys()].filter((row) => flags[row] === 1);
  if (rows.length === 0) return [];
  const byName = Map.groupBy(rows, (row) => id[row]);
  const examples = [...byName]
    .slice(0, EXAMPLES)
    .map(([name, of]) => `'${name}' in rows ${of.slice(0, EXAMPLES).map((row) => row + 1).join(', ')}${of.length > EXAMPLES ? ', ...' : ''}`); // biome-ignore format: one line
  const more = byName.size > EXAMPLES ? '; ...' : '';
  return [
    `${path}: ${rows.length} rows have an ID that another row has (${examples.join('; ')}${more}); they are kept and flagged, and told apart by their row.`,
  ];
}

interface TextTable {
  readonly names: readonly string[];
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly rows: number;
}

/** A CSV or TSV file with every column as text; undefined for another format. */
async function textTable(path: string): Promise<TextTable | undefined> {
  const source = await openTableSource(path);
  try {
    const start = await source.read(0, Math.min(512, source.size));
    if (
      start.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) ||
      /^(SIMPLE|PAR1|ARROW1)/.test(latin(start))
    )
      return undefined;
    const separator = isTsv(path) ? '\t' : ',';
    const header = await headerOf(source, separator);
    const types = Object.fromEntries(header.map((name) => [name, 'string'] as const));
    const { schema, batch } = await readCsv(source, { separator, types });
    return textOf(schema, [batch]);
  } finally {
    await source.close();
  }
}

const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes.subarray(0, 8));

/** Names in the header line, as readCsv calls them. */
async function headerOf(source: ByteSource, separator: string): Promise<string[]> {
  const start = async function* () {
    yield await source.read(0, Math.min(SNIFFED_BYTES, source.size));
  };
  try {
    for await (const { fields } of recordsOf(start(), separator))
      return fields.map(({ text }, index) => text.trim() || `column_${index + 1}`);
  } catch {
    // readCsv reads it again and says what is wrong.
  }
  return [];
}

async function typedTable(path: string): Promise<TextTable> {
  return withTable(path, undefined, async ({ schema, batches }) => {
    const scalar = { columns: schema.columns.filter(({ type }) => type !== 'stamp' && type !== 'list' && type !== 'bytes') };
    const all: TableBatch[] = [];
    for await (const batch of batches(scalar.columns.map(({ name }) => name))) all.push(batch);
    return textOf(scalar, all);
  });
}

function textOf(schema: TableSchema, batches: readonly TableBatch[]): TextTable {
  const names = schema.columns.map(({ name }) => name);
  const columns = Object.fromEntries(
    names.map((name) => {
      const values = batches.flatMap(({ columns: from }) => Array.from(from[name] as ArrayLike<unknown>, cellText));
      return [name, values] as const;
    }),
  );
  return { names, columns, rows: batches.reduce((sum, batch) => sum + batch.rows, 0) };
}

/** A missing value and NaN are empty, as in the CSV of pandas. */
function cellText(value: unknown): string {
  return value === null || value === undefined || Number.isNaN(value) ? '' : String(value);
}

/** Throws INPUT_INVALID when the catalogue has FLUX_x columns and not one for each band and no others. */
export function checkBands(path: string, catalogue: readonly string[], images: readonly string[]): void {
  if (catalogue.length === 0) return;
  const [inCatalogue, inImages] = [new Set(catalogue), new Set(images)];
  const catalogueOnly = [...inCatalogue].filter((band) => !inImages.has(band)).sort();
  const imageOnly = [...inImages].filter((band) => !inCatalogue.has(band)).sort();
  if (catalogueOnly.length + imageOnly.length === 0) return;
  throw new ArcletError(
    'INPUT_INVALID',
    `The FLUX_ columns of ${path} are not the bands of the images: only in the catalogue [${catalogueOnly}], only in the images [${imageOnly}].`,
    {
      subject: path,
      remedy: 'Rename, add or delete FLUX_ columns, or correct FILTER (inputs.filter_overrides).',
      data: { catalogueOnly, imageOnly },
    },
  );
}
