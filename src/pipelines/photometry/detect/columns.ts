/** The table of `arclet detect`: what each column is, in which unit. */
import type { ColumnSchema, ColumnValues, TableBatch, TableSchema } from '../../../io/table.ts';
import type { Measured } from './measure.ts';

/** A circular aperture. */
export interface Aperture {
  readonly radiusPx: number;
  /** As it was asked for: `5 px`, `3 arcsec`. */
  readonly label: string;
}

export interface TableFacts {
  readonly idPrefix: string;
  readonly apertures: readonly Aperture[];
  /** BUNIT. */
  readonly unit: string | undefined;
  /** AB magnitude of one unit of flux. */
  readonly zeroPoint: number | undefined;
  readonly kronFactor: number;
  readonly metadata: Readonly<Record<string, string>>;
}

interface FilledColumn {
  readonly column: ColumnSchema;
  readonly values: ColumnValues;
}

const MAG_ERROR = 2.5 / Math.LN10;

/** Schema and rows of the table. Magnitudes are NaN where the flux is not positive. */
export function tableOf(measured: Measured, facts: TableFacts): { schema: TableSchema; batch: TableBatch } {
  const { objects, sky } = measured;
  const { apertures, zeroPoint } = facts;
  const unit = facts.unit ?? 'ADU';
  const real = (name: string, values: Float64Array, columnUnit: string | undefined, description: string): FilledColumn => ({
    column: { name, type: 'float64', unit: columnUnit, description },
    values,
  });
  const whole = (name: string, values: Int32Array, columnUnit: string | undefined, description: string): FilledColumn => ({
    column: { name, type: 'int32', unit: columnUnit, description },
    values,
  });
  const each = (of: (row: number) => number) => Float64Array.from({ length: objects.count }, (_, row) => of(row));
  const fluxes = [
    { name: 'iso', flux: measured.fluxIso, err: measured.fluxIsoErr, what: 'pixels of the object' },
    { name: 'auto', flux: measured.fluxAuto, err: measured.fluxAutoErr, what: `${facts.kronFactor} Kron radii` },
    ...apertures.map(({ label }, index) => ({
      name: `aper_${index + 1}`,
      flux: measured.fluxAperture[index],
      err: measured.fluxApertureErr[index],
      what: `a circle of radius ${label}`,
    })),
  ];
  const filled: FilledColumn[] = [
    {
      column: { name: 'ID', type: 'string', description: 'prefix and number from 1, the number in the segmentation' },
      values: Array.from({ length: objects.count }, (_, row) => `${facts.idPrefix}${row + 1}`),
    },
    ...(sky === undefined
      ? []
      : [real('RA', sky.ra, 'deg', `right ascension of x_px, y_px (${sky.frame})`), real('DEC', sky.dec, 'deg', 'declination')]),
    real('x_px', objects.x, 'pix', 'barycentre; the middle of the first pixel is 0'),
    real('y_px', objects.y, 'pix', 'barycentre'),
    real('x_win_px', measured.xWin, 'pix', 'centre under a Gaussian window'),
    real('y_win_px', measured.yWin, 'pix', 'centre under a Gaussian window'),
    real('a_px', objects.a, 'pix', 'standard deviation along the major axis'),
    real('b_px', objects.b, 'pix', 'standard deviation along the minor axis'),
    real('theta_rad', objects.theta, 'rad', 'major axis, counter-clockwise from +x'),
    real(
      'q',
      each((row) => objects.b[row] / objects.a[row]),
      undefined,
      'b/a',
    ),
    ...fluxes.flatMap(({ name, flux, err, what }) => [
      real(`flux_${name}`, flux, unit, `flux within ${what}`),
      real(`flux_${name}_err`, err, unit, 'its standard deviation'),
    ]),
    real('kron_radius', measured.kronRadius, undefined, 'Kron radius in units of a_px, b_px; 0 where a circle stands in'),
    real('half_light_radius_px', measured.halfLightRadius, 'pix', 'circle with half of flux_auto, not corrected for seeing'),
    real('peak', objects.peak, unit, 'highest pixel above the background'),
    real('threshold', objects.thresh, unit, 'detection threshold at the object'),
    whole('npix', objects.npix, 'pix', 'pixels of the object'),
    real(
      'snr',
      each((row) => measured.fluxAuto[row] / measured.fluxAutoErr[row]),
      undefined,
      'flux_auto / flux_auto_err',
    ),
    whole('flags', measured.flags, undefined, 'sum of 1 split from a neighbour, 2 at the border, 4 saturated, 8 a line or a point; of flux_auto: 16 beyond the image, 32 some of it masked or of another object, 64 all, 128 not positive, 256 no ellipse'), // biome-ignore format: one thought
    ...apertures.map(({ label }, index) =>
      whole(`flags_aper_${index + 1}`, measured.apertureFlags[index], undefined, `16, 32, 64, 256 of the circle of ${label}`),
    ),
    {
      column: { name: 'saturated', type: 'bool', description: 'a pixel of the object is at or above the saturation level' },
      values: Array.from(measured.saturated, (value) => value === 1),
    },
    ...(zeroPoint === undefined
      ? []
      : fluxes.flatMap(({ name, flux, err }) => [
          real(
            `mag_${name}_ab`,
            each((row) => (flux[row] > 0 ? zeroPoint - 2.5 * Math.log10(flux[row]) : Number.NaN)),
            'mag',
            `AB magnitude of flux_${name}`,
          ),
          real(
            `mag_${name}_err`,
            each((row) => (flux[row] > 0 ? (MAG_ERROR * err[row]) / flux[row] : Number.NaN)),
            'mag',
            'its standard deviation',
          ),
        ])),
    // Names and units in which arclet fit and tract7dt take starting values of galaxies.
    real(
      'ELL',
      each((row) => 1 - objects.b[row] / objects.a[row]),
      undefined,
      '1 - b/a, where arclet fit starts',
    ),
    real(
      'THETA',
      each((row) => (objects.theta[row] * 180) / Math.PI),
      'deg',
      'theta_rad in degrees, where arclet fit starts',
    ),
    real('Re', measured.halfLightRadius, 'pix', 'half_light_radius_px, where arclet fit starts'),
  ];
  return {
    schema: { columns: filled.map(({ column }) => column), metadata: facts.metadata },
    batch: { rows: objects.count, columns: Object.fromEntries(filled.map(({ column, values }) => [column.name, values])) },
  };
}
