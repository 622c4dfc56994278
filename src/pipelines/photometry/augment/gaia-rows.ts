/** The one reader of Gaia tables: columns found and checked, places at the epoch of the images, magnitudes by band. */
import { ArcletError } from '../../../core/errors.ts';
import type { ColumnValues, TableBatch, TableSchema } from '../../../io/table.ts';
import { columnNamed, type OpenTable, withTable } from '../../files/tables.ts';
import { movedPlace } from './epoch.ts';

export interface GaiaWants {
  readonly bands: readonly string[];
  /** source_id and phot_g_mean_mag are needed as well as ra and dec. */
  readonly named: boolean;
  /** Every band needs its mag_<band>. */
  readonly requireBands: boolean;
  /** Julian epoch to which sources are moved; undefined: they stay. */
  readonly epochYear: number | undefined;
}

/** Rows as they stand in the file. */
export interface GaiaRows {
  readonly rows: number;
  /** Text without spaces about it; empty where there is none. No items unless names are wanted. */
  readonly id: readonly string[];
  /** phot_g_mean_mag; NaN where there is none, and unless names are wanted. */
  readonly g: Float64Array;
  /** Degrees, at the epoch of the images where proper motion is known; NaN where the file has none. */
  readonly ra: Float64Array;
  readonly dec: Float64Array;
  /** 1 for rows that were moved. */
  readonly moved: Uint8Array;
  /** mag_<band>, AB; NaN where there is none. */
  readonly magnitudes: ReadonlyMap<string, Float64Array>;
}

export interface GaiaTable {
  /** Bands for which there is no mag_<band>. */
  readonly bandsWithout: readonly string[];
  /** Why proper motion is not applied; undefined where it is. */
  readonly unmoved: string | undefined;
  /** All rows, once, in order. */
  batches(): AsyncGenerator<GaiaRows>;
}

const MOTION = ['pmra', 'pmdec', 'ref_epoch'] as const;

/**
 * Opens a Gaia table and hands it to `use`. Names of columns may be in any case, but that of a band counts: g and G are two filters.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID naming every column that is missing, or (while reading) for a source_id that was written as a real number
 */
export async function withGaia<T>(location: string, wants: GaiaWants, use: (table: GaiaTable) => Promise<T>): Promise<T> {
  return withTable(location, undefined, (table) => {
    const { schema } = table;
    const magnitudes = new Map<string, string>();
    for (const band of wants.bands) {
      const name = magnitudeColumn(schema, band);
      if (name !== undefined) magnitudes.set(band, name);
    }
    const bandsWithout = wants.bands.filter((band) => !magnitudes.has(band));
    const named = ['ra', 'dec', ...(wants.named ? ['source_id', 'phot_g_mean_mag'] : [])];
    const missing = [
      ...named.filter((name) => columnNamed(schema, name) === undefined),
      ...(wants.requireBands ? bandsWithout.map((band) => `mag_${band}`) : []),
    ];
    if (missing.length > 0) throw missingColumns(location, schema, missing);
    const withoutMotion = MOTION.filter((name) => columnNamed(schema, name) === undefined);
    const unmoved =
      wants.epochYear === undefined
        ? 'no image has an epoch'
        : withoutMotion.length > 0
          ? `there is no column ${withoutMotion.join(', ')}`
          : undefined;
    const columns = [...named, ...(unmoved === undefined ? MOTION : [])].map((name) => columnNamed(schema, name)?.name ?? name);
    const reader = new Reader(location, schema, wants, magnitudes, unmoved === undefined ? wants.epochYear : undefined);
    return use({ bandsWithout, unmoved, batches: () => reader.read(table, [...columns, ...magnitudes.values()]) });
  });
}

function magnitudeColumn({ columns }: TableSchema, band: string): string | undefined {
  const names = columns.map(({ name }) => name);
  const isAlike = (name: string) => name.slice(0, 4).toLowerCase() === 'mag_' && name.slice(4) === band;
  return names.find((name) => name === `mag_${band}`) ?? names.find(isAlike);
}

function missingColumns(location: string, { columns }: TableSchema, missing: readonly string[]): ArcletError {
  return new ArcletError('INPUT_INVALID', `${location} has no column ${missing.join(', ')}.`, {
    subject: location,
    remedy: `Add or rename columns; it has ${columns.map(({ name }) => name).join(', ')}.`,
    data: { missing },
  });
}

const numbersOf = (values: ColumnValues, rows: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, k) => (values[k] === null || values[k] === '' ? Number.NaN : Number(values[k])));

class Reader {
  readonly #location: string;
  readonly #schema: TableSchema;
  readonly #wants: GaiaWants;
  readonly #magnitudes: ReadonlyMap<string, string>;
  readonly #epochYear: number | undefined;

  constructor(
    location: string,
    schema: TableSchema,
    wants: GaiaWants,
    magnitudes: ReadonlyMap<string, string>,
    epochYear: number | undefined,
  ) {
    this.#location = location;
    this.#schema = schema;
    this.#wants = wants;
    this.#magnitudes = magnitudes;
    this.#epochYear = epochYear;
  }

  async *read(table: OpenTable, columns: readonly string[]): AsyncGenerator<GaiaRows> {
    for await (const batch of table.batches(columns)) yield this.#rowsOf(batch);
  }

  #rowsOf(batch: TableBatch): GaiaRows {
    const { rows } = batch;
    const { named } = this.#wants;
    const [ra, dec] = [this.#numbers(batch, 'ra'), this.#numbers(batch, 'dec')];
    const moved = this.#move(ra, dec, batch);
    const magnitudes = new Map(
      Array.from(this.#magnitudes, ([band, name]) => [band, numbersOf(batch.columns[name], rows)] as const),
    );
    const g = named ? this.#numbers(batch, 'phot_g_mean_mag') : new Float64Array(rows).fill(Number.NaN);
    return { rows, id: named ? this.#names(batch) : [], g, ra, dec, moved, magnitudes };
  }

  #numbers({ columns, rows }: TableBatch, name: string): Float64Array {
    return numbersOf(columns[columnNamed(this.#schema, name)?.name ?? name], rows);
  }

  #names({ columns, rows }: TableBatch): string[] {
    const { name, type } = columnNamed(this.#schema, 'source_id') ?? { name: 'source_id', type: 'string' };
    const values = columns[name];
    if (type === 'float64' || type === 'float32') checkDigits(this.#location, values);
    return Array.from({ length: rows }, (_, k) => {
      const id = String(values[k] ?? '').trim();
      return id === 'NaN' ? '' : id;
    });
  }

  /** Moves places to the epoch of the images; rows without proper motion stay. Gives 1 for those that moved. */
  #move(ra: Float64Array, dec: Float64Array, batch: TableBatch): Uint8Array {
    const moved = new Uint8Array(batch.rows);
    if (this.#epochYear === undefined) return moved;
    const [pmra, pmdec, from] = MOTION.map((name) => this.#numbers(batch, name));
    for (let k = 0; k < batch.rows; k++) {
      if (!Number.isFinite(ra[k] + dec[k] + pmra[k] + pmdec[k] + from[k])) continue;
      const [toRa, toDec] = movedPlace(ra[k], dec[k], pmra[k], pmdec[k], this.#epochYear - from[k]);
      moved[k] = +(toRa !== ra[k] || toDec !== dec[k]);
      [ra[k], dec[k]] = [toRa, toDec];
    }
    return moved;
  }
}

/** 19 digits do not fit into a float64: two stars would share one name. */
function checkDigits(location: string, values: ColumnValues): void {
  const first = Array.prototype.findIndex.call(values, (value: unknown) => Number.isFinite(value));
  if (first < 0) return;
  throw new ArcletError('INPUT_INVALID', `${location}: source_id stands as real numbers, which have lost its last digits.`, {
    subject: location,
    remedy: 'Write source_id as whole numbers or as text (pandas: read it with dtype str).',
    data: { value: Number(values[first]) },
  });
}
