/** Gaia stars that may make PSFs: within the frame and within the magnitudes of the config, by band. */
import type { ColumnValues } from '../../../io/table.ts';
import type { Wcs } from '../../../sky/wcs/index.ts';
import { chooseColumns, withTable } from '../../files/tables.ts';
import type { EpsfSettings } from './cell-types.ts';

/** Pixels of the working frame, in the order of the file. */
export interface Seeds {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

export interface GaiaSeeds {
  readonly byBand: ReadonlyMap<string, Seeds>;
  /** Bands for which the file has no mag_<band>. */
  readonly without: readonly string[];
}

interface FrameArea {
  readonly wcs: Wcs;
  readonly width: number;
  readonly height: number;
}

const NONE: Seeds = { x: new Float64Array(0), y: new Float64Array(0) };

const numbersOf = (values: ColumnValues, rows: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, k) => (values[k] === null || values[k] === '' ? Number.NaN : Number(values[k])));

/**
 * Reads ra, dec (deg) and mag_<band> of a Gaia table.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID when it has no ra or dec. Rows without position or magnitude are no seeds.
 */
export async function readSeeds(
  location: string,
  bands: readonly string[],
  area: FrameArea,
  settings: EpsfSettings,
): Promise<GaiaSeeds> {
  return withTable(location, undefined, async (table) => {
    const names = new Set(table.schema.columns.map(({ name }) => name.toLowerCase()));
    const known = bands.filter((band) => names.has(`mag_${band}`.toLowerCase()));
    const columns = chooseColumns(location, table.schema, ['ra', 'dec', ...known.map((band) => `mag_${band}`)]).columns.map(
      ({ name }) => name,
    );
    const found = new Map(known.map((band) => [band, { x: [] as number[], y: [] as number[] }]));
    for await (const batch of table.batches(columns)) {
      const [ra, dec, ...magnitudes] = columns.map((name) => numbersOf(batch.columns[name], batch.rows));
      const { x, y } = area.wcs.worldToPixels(ra, dec);
      known.forEach((band, b) => {
        const seeds = found.get(band)!;
        for (let k = 0; k < batch.rows; k++) {
          const magnitude = magnitudes[b][k];
          const inFrame = x[k] >= -0.5 && x[k] < area.width - 0.5 && y[k] >= -0.5 && y[k] < area.height - 0.5;
          if (!inFrame || !(magnitude >= settings.gaiaMagMin && magnitude <= settings.gaiaMagMax)) continue;
          seeds.x.push(x[k]);
          seeds.y.push(y[k]);
        }
      });
    }
    return {
      byBand: new Map([...found].map(([band, { x, y }]) => [band, { x: Float64Array.from(x), y: Float64Array.from(y) }])),
      without: bands.filter((band) => !known.includes(band)),
    };
  });
}

/** Seeds within a box of the frame. */
export function seedsWithin(seeds: Seeds | undefined, box: { x0: number; y0: number; width: number; height: number }): Seeds {
  if (seeds === undefined) return NONE;
  const rows: number[] = [];
  for (let k = 0; k < seeds.x.length; k++) {
    const [x, y] = [seeds.x[k] - box.x0, seeds.y[k] - box.y0];
    if (x >= -0.5 && x < box.width - 0.5 && y >= -0.5 && y < box.height - 0.5) rows.push(k);
  }
  return { x: Float64Array.from(rows, (k) => seeds.x[k]), y: Float64Array.from(rows, (k) => seeds.y[k]) };
}
