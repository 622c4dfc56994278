/** Gaia sources with synthetic photometry that count for a field: within magnitudes and box, with their places in the working frame. */
import type { Wcs } from '../../../sky/wcs/index.ts';
import { type GaiaRows, withGaia } from './gaia-rows.ts';
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

/**
 * Reads the sources of a Gaia table that lie within the magnitudes and the box.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID naming every column that is missing, or for a source_id that was written as a real number
 */
export async function readGaia(location: string, limits: GaiaLimits): Promise<GaiaSelection> {
  return withGaia(location, { ...limits, named: true }, async ({ bandsWithout, unmoved, batches }) => {
    const selector = new Selector(limits);
    for await (const rows of batches()) selector.add(rows);
    return { ...selector.counts, sources: selector.sources, bandsWithout, unmoved };
  });
}

class Selector {
  readonly #limits: GaiaLimits;
  readonly #seen = new Set<string>();
  readonly counts = { rows: 0, bright: 0, nameless: 0, repeated: 0, moved: 0 };
  readonly sources = {
    id: [] as string[],
    ra: [] as number[],
    dec: [] as number[],
    x: [] as number[],
    y: [] as number[],
    magnitudes: new Map<string, number[]>(),
  };

  constructor(limits: GaiaLimits) {
    this.#limits = limits;
  }

  add({ rows, id, g, ra, dec, moved, magnitudes }: GaiaRows): void {
    const { wcs, box, magMin, magMax, dropRepeated } = this.#limits;
    const { counts, sources } = this;
    const { x, y } = wcs.worldToPixels(ra, dec);
    const kept = Array.from(magnitudes, ([band, from]) => {
      const to = sources.magnitudes.get(band) ?? [];
      sources.magnitudes.set(band, to);
      return { from, to };
    });
    counts.rows += rows;
    for (let k = 0; k < rows; k++) {
      if (!(g[k] >= magMin && g[k] <= magMax)) continue;
      counts.bright++;
      if (id[k] === '' || !Number.isFinite(ra[k]) || !(Math.abs(dec[k]) <= 90)) {
        counts.nameless++;
        continue;
      }
      if (!inBox(box, x[k], y[k])) continue;
      if (dropRepeated && this.#seen.size === this.#seen.add(id[k]).size) {
        counts.repeated++;
        continue;
      }
      counts.moved += moved[k];
      sources.id.push(id[k]);
      sources.ra.push(ra[k]);
      sources.dec.push(dec[k]);
      sources.x.push(x[k]);
      sources.y.push(y[k]);
      for (const { from, to } of kept) to.push(from[k]);
    }
  }
}
