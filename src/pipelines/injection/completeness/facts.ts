/** Columns of the metrics as completeness needs them: plain arrays, a missing value NaN, whatever the originals or we wrote. */
import { ArcletError } from '../../../core/errors.ts';
import type { TableBatch } from '../../../io/table.ts';

/** A numeric column with NaN for what is missing; all NaN when the batch lacks it. Typed arrays are not copied. */
export function numbersOf(batch: TableBatch, name: string): ArrayLike<number> {
  const values = batch.columns[name];
  if (values instanceof Float64Array || values instanceof Int32Array || values instanceof Float32Array) return values;
  const numbers = new Float64Array(batch.rows).fill(Number.NaN);
  for (let row = 0; values !== undefined && row < batch.rows; row++) {
    const value = values[row];
    // Flags may be booleans, counts 64-bit integers.
    if (value !== null && value !== undefined && typeof value !== 'string') numbers[row] = Number(value);
  }
  return numbers;
}

/** A text column; null where the batch lacks it. */
export function textsOf(batch: TableBatch, name: string): readonly (string | null)[] {
  const values = batch.columns[name];
  if (values === undefined) return new Array<null>(batch.rows).fill(null);
  return Array.from(values as ArrayLike<unknown>, (value) => (value === null || value === undefined ? null : String(value)));
}

/** Names of the columns that are read. */
export interface MetricsNames {
  readonly required: readonly string[];
  readonly optional: readonly string[];
}

export function metricsNames(band: string, bands: readonly string[], scoreColumn: string | undefined): MetricsNames {
  return {
    required: [
      'lens_model',
      'theta_e_arcsec',
      'src_dmag',
      'src_reff_arcsec',
      'cutout_ok',
      'arc_snr',
      'region_split',
      'region_id',
    ],
    optional: [
      'task_id',
      'selection_set_id',
      'ranking_mode',
      `psf_fwhm_used_${band}`,
      `psfsize_${band}`,
      'psfdepth_r',
      'bad_pixel_frac',
      'wise_brightmask_frac',
      'cross_section_weight',
      'src_mag_r',
      'rmag',
      ...bands.map((one) => `psf_source_${one}`),
      ...(scoreColumn === undefined ? [] : [scoreColumn]),
    ],
  };
}

/** Throws INPUT_INVALID naming the columns that a table of metrics lacks. */
export function checkMetrics(location: string, present: ReadonlySet<string>, { required }: MetricsNames): void {
  const missing = required.filter((name) => !present.has(name));
  if (missing.length === 0) return;
  throw new ArcletError('INPUT_INVALID', `The metrics in ${location} have no column ${missing.join(', ')}.`, {
    subject: location,
    remedy: 'Run the inject stage again; early runs of the originals wrote only some of the columns.',
    data: { missing },
  });
}

/** What completeness is measured over, one row each; NaN for what is missing. */
export interface MetricsColumns {
  readonly rows: number;
  readonly lensModel: readonly (string | null)[];
  readonly split: readonly (string | null)[];
  readonly selectionSet: readonly (string | null)[];
  readonly rankingMode: readonly (string | null)[];
  readonly region: ArrayLike<number>;
  readonly thetaE: ArrayLike<number>;
  readonly dmag: ArrayLike<number>;
  readonly reff: ArrayLike<number>;
  readonly cutoutOk: ArrayLike<number>;
  readonly arcSnr: ArrayLike<number>;
  readonly psfUsed: ArrayLike<number>;
  readonly psfsize: ArrayLike<number>;
  readonly depth: ArrayLike<number>;
  readonly badPixelFrac: ArrayLike<number>;
  readonly wiseFrac: ArrayLike<number>;
  readonly weight: ArrayLike<number>;
  readonly sourceMag: ArrayLike<number>;
  readonly hostMag: ArrayLike<number>;
}

export function metricsColumnsOf(batch: TableBatch, band: string): MetricsColumns {
  const numbers = (name: string) => numbersOf(batch, name);
  const texts = (name: string) => textsOf(batch, name);
  return {
    rows: batch.rows,
    lensModel: texts('lens_model'),
    split: texts('region_split'),
    selectionSet: texts('selection_set_id'),
    rankingMode: texts('ranking_mode'),
    region: numbers('region_id'),
    thetaE: numbers('theta_e_arcsec'),
    dmag: numbers('src_dmag'),
    reff: numbers('src_reff_arcsec'),
    cutoutOk: numbers('cutout_ok'),
    arcSnr: numbers('arc_snr'),
    psfUsed: numbers(`psf_fwhm_used_${band}`),
    psfsize: numbers(`psfsize_${band}`),
    depth: numbers('psfdepth_r'),
    badPixelFrac: numbers('bad_pixel_frac'),
    wiseFrac: numbers('wise_brightmask_frac'),
    weight: numbers('cross_section_weight'),
    sourceMag: numbers('src_mag_r'),
    hostMag: numbers('rmag'),
  };
}
