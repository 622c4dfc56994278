/** Gaia sources with synthetic photometry, as a table holds them: checked columns, places in the working frame, magnitudes by band. */
import { ArcletError } from '../../../core/errors.ts';
import type { ColumnValues, TableBatch } from '../../../io/table.ts';
import type { Wcs } from '../../../sky/wcs/index.ts';
import { withTable } from '../../files/tables.ts';
import { movedPlace } from './epoch.ts';
import { type GaiaBox, inBox } from './select.ts';

/** Sources in the selection, in the order of the file. */
export interface GaiaSources {
  readonly id: readonly string[];
  /** Degrees, at the epoch of the images where proper motion is known. */
  readonly ra: readonly number[];
  readonly dec: readonly number[];
  /** Pixels of the working frame. */
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** mag_<band>, AB; NaN where there is none. */
  readonly magnitudes: ReadonlyMap<string, readonly number[]>;
}

export interface GaiaSelection {
  readonly sources: GaiaSources;
  readonly rows: number;
  /** Rows with phot_g_mean_mag within the limits. */
  readonly bright: number;
  /** Rows without a source_id or a place on the sky, and rows whose source_id stood before. */
  readonly nameless: number;
  readonly repeated: number;
  /** Sources in the selection that were moved. */
  readonly moved: number;
  /** Bands for which there is no mag_<band>. */
  readonly bandsWithout: readonly string[];
  /** Why proper motion was not applied; undefined where it was. */
  readonly unmoved: string | undefined;
}

export interface GaiaLimits {
  readonly magMin: number;
  readonly magMax: number;
  readonly box: GaiaBox;
  readonly wcs: Wcs;
  readonly bands: readonly string[];
  /** Every band needs its mag_<band>. */
  readonly requireBands: boolean;
  /** Keep the first of several rows of one source_id. */
  readonly dropRepeated: boolean;
  /** Julian epoch to which sources are moved. */
  readonly epochYear: number | undefined;
}

const NEEDED = ['source_id', 'ra', 'dec', 'phot_g_mean_mag'] as const;
const MOTION = ['pmra', 'pmdec', 'ref_epoch'] as const;

/**
 * Reads the sources of a Gaia table that lie within the magnitudes and the box.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID naming every column that is missing, or for a source_id that was written as a real number
 */
export async function readGaia(location: string, limits: GaiaLimits): Promise<GaiaSelection> {
  return withTable(location, undefined, async (table) => {
    const names = table.schema.columns.map(({ name }) => name);
    const bandsWithout = limits.bands.filter((band) => !names.includes(`mag_${band}`));
    checkColumns(location, names, [...NEEDED, ...(limits.requireBands ? limits.bands.map((band) => `mag_${band}`) : [])]);
    const known = limits.bands.filter((band) => names.includes(`mag_${band}`));
    const withoutMotion = MOTION.filter((name) => !names.includes(name));
    const unmoved =
      limits.epochYear === undefined
        ? 'no image has an epoch'
        : withoutMotion.length > 0
          ? `there is no column ${withoutMotion.join(', ')}`
          : undefined;
    const idType = table.schema.columns.find(({ name }) => name === 'source_id')?.type;
    const reader = new Reader(limits, known, unmoved === undefined ? limits.epochYear : undefined);
    const wanted = [...NEEDED, ...known.map((band) => `mag_${band}`), ...(unmoved === undefined ? MOTION : [])];
    for await (const batch of table.batches(wanted)) {
      if (idType === 'float64' || idType === 'float32') checkDigits(location, batch);
      reader.add(batch);
    }
    return { ...reader.counts, sources: reader.sources, bandsWithout, unmoved };
  });
}

/** Throws INPUT_INVALID naming all columns that are missing. */
function checkColumns(location: string, names: readonly string[], needed: readonly string[]): void {
  const missing = needed.filter((name) => !names.includes(name));
  if (missing.length === 0) return;
  throw new ArcletError('INPUT_INVALID', `${location} has no column ${missing.join(', ')}.`, {
    subject: location,
    remedy: `It has ${names.join(', ')}.`,
    data: { missing },
  });
}

/** 19 digits do not fit into a float64: two stars would share one name. */
function checkDigits(location: string, { columns }: TableBatch): void {
  const first = Array.prototype.findIndex.call(columns['source_id'], (value: unknown) => Number.isFinite(value));
  if (first < 0) return;
  throw new ArcletError('INPUT_INVALID', `${location}: source_id stands as real numbers, which have lost its last digits.`, {
    subject: location,
    remedy: 'Write source_id as whole numbers or as text (pandas: read it with dtype str).',
    data: { value: Number(columns['source_id'][first]) },
  });
}

const numbersOf = (values: ColumnValues, rows: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, k) => (values[k] === null || values[k] === '' ? Number.NaN : Number(values[k])));

class Reader {
  readonly #limits: GaiaLimits;
  readonly #bands: readonly string[];
  readonly #epochYear: number | undefined;
  readonly #seen = new Set<string>();
  readonly #magnitudes: number[][];
  readonly counts = { rows: 0, bright: 0, nameless: 0, repeated: 0, moved: 0 };
  readonly sources: {
    id: string[];
    ra: number[];
    dec: number[];
    x: number[];
    y: number[];
    magnitudes: Map<string, number[]>;
  };

  constructor(limits: GaiaLimits, bands: readonly string[], epochYear: number | undefined) {
    this.#limits = limits;
    this.#bands = bands;
    this.#epochYear = epochYear;
    this.#magnitudes = bands.map(() => []);
    const magnitudes = new Map(bands.map((band, b) => [band, this.#magnitudes[b]]));
    this.sources = { id: [], ra: [], dec: [], x: [], y: [], magnitudes };
  }

  add({ rows, columns }: TableBatch): void {
    const { wcs, box, magMin, magMax, dropRepeated } = this.#limits;
    const column = (name: string) => numbersOf(columns[name], rows);
    const [ra, dec, g] = ['ra', 'dec', 'phot_g_mean_mag'].map(column);
    const before = [ra, dec].map((values) => values.slice());
    this.#move(ra, dec, columns, rows);
    const { x, y } = wcs.worldToPixels(ra, dec);
    const magnitudes = this.#bands.map((band) => column(`mag_${band}`));
    this.counts.rows += rows;
    for (let k = 0; k < rows; k++) {
      if (!(g[k] >= magMin && g[k] <= magMax)) continue;
      this.counts.bright++;
      const id = String(columns['source_id'][k] ?? '').trim();
      if (id === '' || id === 'NaN' || !Number.isFinite(ra[k]) || !(Math.abs(dec[k]) <= 90)) {
        this.counts.nameless++;
        continue;
      }
      if (!inBox(box, x[k], y[k])) continue;
      if (dropRepeated && this.#seen.size === this.#seen.add(id).size) {
        this.counts.repeated++;
        continue;
      }
      if (before[0][k] !== ra[k] || before[1][k] !== dec[k]) this.counts.moved++;
      const { sources } = this;
      sources.id.push(id);
      sources.ra.push(ra[k]);
      sources.dec.push(dec[k]);
      sources.x.push(x[k]);
      sources.y.push(y[k]);
      for (const [b, of] of magnitudes.entries()) this.#magnitudes[b].push(of[k]);
    }
  }

  /** Moves places to the epoch of the images; rows without proper motion stay. */
  #move(ra: Float64Array, dec: Float64Array, columns: TableBatch['columns'], rows: number): void {
    if (this.#epochYear === undefined) return;
    const [pmra, pmdec, from] = MOTION.map((name) => numbersOf(columns[name], rows));
    for (let k = 0; k < rows; k++) {
      if (Number.isFinite(ra[k] + dec[k] + pmra[k] + pmdec[k] + from[k]))
        [ra[k], dec[k]] = movedPlace(ra[k], dec[k], pmra[k], pmdec[k], this.#epochYear - from[k]);
    }
  }
}
