/** Gaia stars that may make PSFs: within the frame and within the magnitudes of the config, by band. */
import type { Wcs } from '../../../sky/wcs/index.ts';
import { withGaia } from '../augment/gaia-rows.ts';
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
  /** Why stars stay at the epoch of the table; undefined where they were moved. */
  readonly unmoved: string | undefined;
}

interface FrameArea {
  readonly wcs: Wcs;
  readonly width: number;
  readonly height: number;
}

const NONE: Seeds = { x: new Float64Array(0), y: new Float64Array(0) };

/**
 * Reads ra, dec (deg) and mag_<band> of a Gaia table.
 *
 * @param epochYear Julian epoch of the images, to which stars are moved; undefined: they stay
 * @throws INPUT_UNREADABLE; INPUT_INVALID when it has no ra or dec. Rows without position or magnitude are no seeds.
 */
export async function readSeeds(
  location: string,
  bands: readonly string[],
  area: FrameArea,
  settings: Pick<EpsfSettings, 'gaiaMagMin' | 'gaiaMagMax'>,
  epochYear: number | undefined,
): Promise<GaiaSeeds> {
  const wants = { bands, named: false, requireBands: false, epochYear };
  return withGaia(location, wants, async ({ bandsWithout, unmoved, batches }) => {
    const known = bands.filter((band) => !bandsWithout.includes(band));
    const found = new Map(known.map((band) => [band, { x: [] as number[], y: [] as number[] }]));
    for await (const { rows, ra, dec, magnitudes } of batches()) {
      const { x, y } = area.wcs.worldToPixels(ra, dec);
      for (const [band, magnitude] of magnitudes) {
        const seeds = found.get(band)!;
        for (let k = 0; k < rows; k++) {
          const inFrame = x[k] >= -0.5 && x[k] < area.width - 0.5 && y[k] >= -0.5 && y[k] < area.height - 0.5;
          if (!inFrame || !(magnitude[k] >= settings.gaiaMagMin && magnitude[k] <= settings.gaiaMagMax)) continue;
          seeds.x.push(x[k]);
          seeds.y.push(y[k]);
        }
      }
    }
    const byBand = new Map([...found].map(([band, { x, y }]) => [band, { x: Float64Array.from(x), y: Float64Array.from(y) }]));
    return { byBand, without: bandsWithout, unmoved };
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
