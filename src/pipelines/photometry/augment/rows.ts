/** The catalogue with what Gaia adds: matched ids, fluxes that were missing, rows of stars that it did not have. */
import { findSkyColumns, writeCsv } from '../../../io/csv.ts';
import { openStoreOf } from '../../../io/store/store.ts';
import type { TableBatch } from '../../../io/table.ts';
import type { CatalogueSource, LoadedField } from '../field.ts';
import { duplicateIds } from '../load-catalogue.ts';
import { isActive } from '../load-sources.ts';
import type { GaiaSources } from './gaia-table.ts';

export interface Additions {
  readonly gaia: GaiaSources;
  /** Gaia source of each row of the catalogue; -1 for none. */
  readonly matches: ArrayLike<number>;
  /** Gaia sources that become rows. */
  readonly injected: readonly number[];
  readonly bands: readonly string[];
  readonly zpRef: number;
  /** What stands in excluded_* of these rows: empty in tract7dt. */
  readonly injectedFlag: '' | 'False';
  /** Whether there is a column flag_duplicate_id, which tract7dt does not have. */
  readonly withDuplicates: boolean;
}

export interface AugmentedRows {
  readonly sources: readonly CatalogueSource[];
  /** Those of the catalogue in their order, then excluded_crop, excluded_saturation, excluded_any, flag_duplicate_id, gaia_source_id, then what injected rows need besides. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  /** Fluxes that were missing, and are Gaia's now. */
  readonly filled: number;
}

/** Scaled counts of an AB magnitude. */
const fluxOf = (magnitude: number, zpRef: number): number => 10 ** ((zpRef - magnitude) / 2.5);

const flag = (value: boolean): string => (value ? 'True' : 'False');

/** Rows of the catalogue, in their order, then those that are injected. Texts that nothing replaces stay as they are. */
export function augmentRows({ sources, columns }: LoadedField, subject: string, additions: Additions): AugmentedRows {
  const { gaia, matches, injected } = additions;
  const names = Object.keys(columns);
  const named = (word: string) => names.find((name) => name.trim().toUpperCase() === word);
  const idColumn = named('ID');
  const addedIds = injected.map((source) => (idColumn === undefined ? '' : `gaia_${gaia.id[source]}`));
  // A catalogue that was augmented before may have the name of a row that is injected.
  const duplicates = duplicateIds(sources.map(({ id }) => id).concat(addedIds));
  const isDuplicate = (row: number) => duplicates[row] === 1;
  const table = new Map<string, readonly string[]>(Object.entries(columns));
  const filled = fillFluxes(table, additions);
  const matchedIds = sources.map((_, row) => (matches[row] < 0 ? '' : gaia.id[matches[row]]));
  table.set(
    'excluded_crop',
    sources.map(({ excludedCrop }) => flag(excludedCrop)),
  );
  table.set(
    'excluded_saturation',
    sources.map(({ excludedSaturation }) => flag(excludedSaturation)),
  );
  table.set(
    'excluded_any',
    sources.map((source) => flag(!isActive(source))),
  );
  if (additions.withDuplicates)
    table.set(
      'flag_duplicate_id',
      Array.from(sources.keys(), (row) => flag(isDuplicate(row))),
    );
  table.set('gaia_source_id', matchedIds);
  const added = injected.map((source, index) => ({
    row: sources.length + index,
    id: addedIds[index],
    type: 'STAR',
    ra: gaia.ra[source],
    dec: gaia.dec[source],
    x: gaia.x[source],
    y: gaia.y[source],
    excludedCrop: false,
    excludedSaturation: false,
    duplicateId: isDuplicate(sources.length + index),
    gaiaSourceId: gaia.id[source],
  }));
  if (added.length > 0) {
    const sky = findSkyColumns(names, subject);
    const cells = new Map<string, readonly string[]>([
      [sky.ra, added.map(({ ra }) => String(ra))],
      [sky.dec, added.map(({ dec }) => String(dec))],
      [named('TYPE') ?? 'TYPE', added.map(({ type }) => type)],
      ['gaia_source_id', added.map(({ gaiaSourceId }) => gaiaSourceId)],
      ...additions.bands.map(
        (band) => [`FLUX_${band}`, injected.map((source) => injectedFlux(additions, band, source))] as const,
      ),
    ]);
    if (idColumn !== undefined)
      cells.set(
        idColumn,
        added.map(({ id }) => id),
      );
    for (const name of ['excluded_crop', 'excluded_saturation', 'excluded_any'])
      cells.set(
        name,
        added.map(() => additions.injectedFlag),
      );
    if (additions.withDuplicates)
      cells.set(
        'flag_duplicate_id',
        added.map(({ duplicateId }) => flag(duplicateId)),
      );
    for (const name of new Set([...table.keys(), ...cells.keys()])) {
      const above = table.get(name) ?? new Array<string>(sources.length).fill('');
      table.set(name, above.concat(cells.get(name) ?? new Array<string>(added.length).fill('')));
    }
  }
  const matched = sources.map((source, row) => ({ ...source, duplicateId: isDuplicate(row), gaiaSourceId: matchedIds[row] }));
  return { sources: [...matched, ...added], columns: Object.fromEntries(table), filled };
}

/** Fluxes of matched rows that are missing or 0, from Gaia's magnitudes. Changes the table, not its columns. */
function fillFluxes(table: Map<string, readonly string[]>, { gaia, matches, bands, zpRef }: Additions): number {
  let filled = 0;
  for (const band of bands) {
    const column = table.get(`FLUX_${band}`);
    const magnitudes = gaia.magnitudes.get(band);
    if (column === undefined || magnitudes === undefined) continue;
    const texts = column.map((text, row) => {
      const magnitude = matches[row] < 0 ? Number.NaN : magnitudes[matches[row]];
      // Number('') is 0, and what is no number is NaN.
      const isMissing = !(Math.abs(Number(text)) > 0);
      if (!isMissing || !Number.isFinite(magnitude)) return text;
      filled++;
      return String(fluxOf(magnitude, zpRef));
    });
    table.set(`FLUX_${band}`, texts);
  }
  return filled;
}

function injectedFlux({ gaia, zpRef }: Additions, band: string, source: number): string {
  const magnitude = gaia.magnitudes.get(band)?.[source] ?? Number.NaN;
  return Number.isFinite(magnitude) ? String(fluxOf(magnitude, zpRef)) : '0.0';
}

const ROWS_PER_BATCH = 2 ** 15;

/** Writes columns of text as CSV, whole or not at all. Throws OUTPUT_UNWRITABLE. */
export async function writeTexts(location: string, columns: AugmentedRows['columns']): Promise<void> {
  const names = Object.keys(columns);
  const rows = columns[names[0]].length;
  const batches = function* (): Generator<TableBatch> {
    for (let from = 0; from < rows; from += ROWS_PER_BATCH) {
      const to = Math.min(rows, from + ROWS_PER_BATCH);
      // An empty text is written as nothing rather than as two quotes.
      const part = names.map((name) => [name, columns[name].slice(from, to).map((text) => (text === '' ? null : text))] as const);
      yield { rows: to - from, columns: Object.fromEntries(part) };
    }
  };
  const schema = { columns: names.map((name) => ({ name, type: 'string' as const, nullable: true })) };
  const { store, key } = await openStoreOf(location);
  try {
    const sink = await store.sink(key);
    try {
      for await (const bytes of writeCsv(schema, batches())) await sink.write(bytes);
      await sink.finish();
    } catch (error) {
      await sink.abort();
      throw error;
    }
  } finally {
    await store.close();
  }
}
