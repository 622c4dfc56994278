/** Whole rows, from parameters to convolved stamps in the host's memory: what a training set or an injection run pays. */
import { PhiloxStream, philoxKey } from '../src/core/rng.ts';
import type { Engine } from '../src/engine/face.ts';
import { renderLensed } from '../src/pipelines/injection/render.ts';
import { parseRows, type RowsFile } from '../src/pipelines/injection/rows.ts';

export interface RenderBenchRow {
  readonly label: string;
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
}

const SEED = 3;
const BANDS = ['g', 'r', 'z'];

/** size x size x 3 stamps of Sersic sources behind SIE and shear with a Moffat PSF per band, spread as in the accuracy figures. */
export function benchRows(count: number, size = 64, fwhmArcsec: readonly [number, number] = [1, 1.6]): RowsFile {
  const random = new PhiloxStream(philoxKey(SEED));
  const perBand = <T>(make: () => T) => Object.fromEntries(BANDS.map((band) => [band, make()]));
  return parseRows({
    grid: { size, pixscale_arcsec: 0.262 },
    bands: BANDS,
    rows: Array.from({ length: count }, () => ({
      lens: {
        model: 'SIE',
        theta_e_arcsec: random.between(0.3, 2.5),
        q: random.between(0.5, 1),
        phi_rad: random.between(0, Math.PI),
        gamma1: random.between(-0.07, 0.07),
        gamma2: random.between(-0.07, 0.07),
      },
      source: {
        model: 'sersic',
        n: random.between(0.5, 4),
        r_eff_arcsec: random.between(0.06, 0.5),
        q: random.between(0.4, 1),
        phi_rad: random.between(0, Math.PI),
        x_arcsec: random.between(-0.4, 0.4),
        y_arcsec: random.between(-0.4, 0.4),
        flux: perBand(() => random.between(1, 10)),
      },
      psf: perBand(() => ({ model: 'moffat', fwhm_arcsec: random.between(...fwhmArcsec), size_semantics: 'fwhm' })),
    })),
  });
}

/** Rows per second at full accuracy and with the native convolution grid; the best of three runs after a warm-up. */
export async function benchRender(engine: Engine, rows: number): Promise<RenderBenchRow[]> {
  const file = benchRows(rows);
  const result: RenderBenchRow[] = [];
  for (const convolveOversample of ['auto', 1] as const) {
    await renderLensed(engine, file, { convolveOversample });
    let seconds = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 3; run++) {
      const begin = performance.now();
      await renderLensed(engine, file, { convolveOversample });
      seconds = Math.min(seconds, (performance.now() - begin) / 1000);
    }
    result.push({ label: `convolve-oversample ${convolveOversample}`, rows, seconds, rowsPerSecond: rows / seconds });
  }
  return result;
}
