/** Tables of the demo scene: the truth, what an observer's catalogue says, and what Gaia says. */
import { type PhiloxKey, PhiloxStream } from '../../../core/rng.ts';
import type { ColumnValues, ScalarColumn, TableBatch, TableSchema } from '../../../io/table.ts';
import type { Wcs } from '../../../sky/wcs/index.ts';
import type { SceneBand } from './bands.ts';
import { fluxAdu } from './image.ts';
import { psfField, psfShape } from './psf.ts';
import { magnitudeAt, type SceneSource } from './sources.ts';
import { pixelIntegral } from './stars.ts';
import { YEARS_SINCE_GAIA } from './wcs.ts';

export interface Table {
  readonly schema: TableSchema;
  readonly batch: TableBatch;
}

/** A source with its place on the sky and the tables that it stands in. */
export interface Listed {
  readonly source: SceneSource;
  /** With leading zeros. */
  readonly id: string;
  /** deg, ICRS, at the epoch of the images. */
  readonly ra: number;
  readonly dec: number;
  readonly inFrame: boolean;
  readonly inCatalogue: boolean;
  /** '' where Gaia does not have it. */
  readonly gaiaId: string;
}

const CATALOGUE_TAG = 760;
const GAIA_TAG = 770;
/** AB magnitude at 600 nm of the faintest rows. */
const CATALOGUE_FAINTEST = 20.7;
/** Every so-many-th star is missing in the catalogue, so that Gaia can bring it; bright ones only, that it does. */
const LEFT_OUT = 20;
const LEFT_OUT_FAINTEST = 16.5;
/** Every so-many-th star of the catalogue has no fluxes, for Gaia to fill. */
const WITHOUT_FLUX = 9;
/** G of the faintest spectra of Gaia DR3. */
const GAIA_FAINTEST = 17.65;
/** Effective wavelength that stands for G. */
const G_NM = 620;
/** Zero point of the catalogue's fluxes. */
export const CATALOGUE_ZERO_POINT = 25;
const DEG = Math.PI / 180;
const MAS_DEG = 1 / 3.6e6;

/** All sources with their names and the tables that hold them. */
export function listSources(sources: readonly SceneSource[], wcs: Wcs, size: number): Listed[] {
  const { lonDeg, latDeg } = wcs.pixelsToWorld(
    Float64Array.from(sources, ({ x }) => x),
    Float64Array.from(sources, ({ y }) => y),
  );
  return sources.map((source, index): Listed => {
    const { x, y, type, mag } = source;
    const inFrame = Math.min(x, y) >= -0.5 && Math.max(x, y) < size - 0.5;
    const isLeftOut = type === 'STAR' && mag < LEFT_OUT_FAINTEST && index % LEFT_OUT === LEFT_OUT - 1;
    const inCatalogue = inFrame && mag < CATALOGUE_FAINTEST && !isLeftOut;
    const inGaia = type === 'STAR' && magnitudeAt(source, G_NM) < GAIA_FAINTEST;
    // As long as Gaia's own, which do not fit into a float64.
    const gaiaId = inGaia ? String(3_700_000_000_000_000_000n + BigInt(index) * 34_359_738_368n + 17n) : '';
    return {
      source,
      id: String(index + 1).padStart(6, '0'),
      ra: lonDeg[index],
      dec: latDeg[index],
      inFrame,
      inCatalogue,
      gaiaId,
    };
  });
}

/** A column and its value in a row. */
type Entry<Row> = readonly [column: ScalarColumn, value: (row: Row) => string | number | boolean | null];

function tableOf<Row>(rows: readonly Row[], entries: readonly Entry<Row>[], metadata?: Readonly<Record<string, string>>): Table {
  const columns = entries.map(([{ name, type, nullable }, value]): [string, ColumnValues] => {
    if (type === 'float64' && nullable !== true) return [name, Float64Array.from(rows, (row) => value(row) as number)];
    return [name, rows.map(value)];
  });
  const schema = { columns: entries.map(([column]) => column), ...(metadata && { metadata }) };
  return { schema, batch: { rows: rows.length, columns: Object.fromEntries(columns) } };
}

const number = (name: string, unit: string, description: string): ScalarColumn => ({ name, type: 'float64', unit, description });
const word = (name: string, description: string): ScalarColumn => ({ name, type: 'string', description });
const yes = (name: string, description: string): ScalarColumn => ({ name, type: 'bool', description });
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
/** An angle in degrees within [-90, 90). */
const halfTurn = (rad: number): number => ((((rad / DEG + 90) % 180) + 180) % 180) - 90;
const wrapped = (ra: number): number => ((ra % 360) + 360) % 360;

/** Everything about every source, also of those outside of the frame that shine into it. */
export function truthTable(rows: readonly Listed[], bands: readonly SceneBand[], size: number, key: PhiloxKey): Table {
  const ofBand = (band: SceneBand): Entry<Listed>[] => {
    const psf = psfField(band, size, key);
    const at = ({ source }: Listed) => psf(source.x, source.y);
    const peak = (row: Listed) => fluxAdu(row.source, band) * pixelIntegral(psfShape(at(row)), 0, 0);
    return [
      [number(`mag_${band.name}`, 'mag', 'AB'), ({ source }) => magnitudeAt(source, band.wavelengthNm)],
      [number(`flux_adu_${band.name}`, 'adu', 'total'), ({ source }) => fluxAdu(source, band)],
      [
        number(`psf_fwhm_px_${band.name}`, 'pix', 'Moffat of beta 3.5 before the pixel, geometric mean of the axes'),
        (row) => at(row).fwhmPx,
      ],
      [number(`psf_q_${band.name}`, '', 'its axis ratio'), (row) => at(row).q],
      [number(`psf_theta_deg_${band.name}`, 'deg', 'its major axis from +x to +y'), (row) => halfTurn(at(row).phi)],
      [
        yes(`saturated_${band.name}`, 'a star on the middle of a pixel would be at SATURATE'),
        (row) => row.source.type === 'STAR' && peak(row) >= band.saturateAdu,
      ],
    ];
  };
  const entries: Entry<Listed>[] = [
    [word('id', 'as in the catalogue'), ({ id }) => id],
    [word('type', 'STAR, EXP, DEV, SERSIC'), ({ source }) => source.type],
    [number('ra', 'deg', 'ICRS, at the epoch of the images'), ({ ra }) => ra],
    [number('dec', 'deg', 'ICRS'), ({ dec }) => dec],
    [number('x', 'pix', '0-based pixel centre'), ({ source }) => source.x],
    [number('y', 'pix', '0-based pixel centre'), ({ source }) => source.y],
    [yes('in_frame', 'its centre is in the images'), ({ inFrame }) => inFrame],
    [yes('in_catalogue', 'stands in catalogue.csv'), ({ inCatalogue }) => inCatalogue],
    [word('gaia_source_id', 'empty without a row in gaia_xp.csv'), ({ gaiaId }) => gaiaId],
    [number('mag_600', 'mag', 'AB at 600 nm'), ({ source }) => source.mag],
    [number('temperature_k', 'K', 'of the black body; 0 for galaxies'), ({ source }) => source.temperatureK],
    [number('redshift', '', '0 for stars'), ({ source }) => source.redshift],
    [number('sersic_n', '', '0 for stars'), ({ source }) => source.n],
    [number('re_px', 'pix', 'semi-major half-light radius; 0 for stars'), ({ source }) => source.radiusPx],
    [number('axis_ratio', '', 'minor / major'), ({ source }) => source.q],
    [number('theta_deg', 'deg', 'major axis from +x to +y'), ({ source }) => halfTurn(source.phi)],
    [number('pmra', 'mas/yr', 'with cos(dec)'), ({ source }) => source.pmRa],
    [number('pmdec', 'mas/yr', ''), ({ source }) => source.pmDec],
    ...bands.flatMap(ofBand),
  ];
  return tableOf(rows, entries, { content: 'truth of a synthetic field made by arclet demo scene' });
}

/**
 * The catalogue as an observer would have it: places off by 0.05 arcsec, fluxes by 5 %, shapes by a few percent, some bright stars missing, some
 * without fluxes. Fluxes are in counts of zero point 25.
 */
export function catalogueTable(rows: readonly Listed[], bands: readonly SceneBand[], key: PhiloxKey): Table {
  const listed = rows.filter(({ inCatalogue }) => inCatalogue);
  const drawn = listed.map((row) => {
    const random = new PhiloxStream(key, [0, Number(row.id), CATALOGUE_TAG]);
    const isStar = row.source.type === 'STAR';
    const [east, north] = [0.05 * random.normal(), 0.05 * random.normal()];
    const shape = [random.normal(), random.normal(), random.normal()];
    const hasFlux = !(isStar && row.gaiaId !== '' && Number(row.id) % WITHOUT_FLUX === 0);
    const fluxes = bands.map(({ wavelengthNm }) => {
      const flux = 10 ** (0.4 * (CATALOGUE_ZERO_POINT - magnitudeAt(row.source, wavelengthNm)));
      return flux * (1 + 0.05 * random.normal());
    });
    return { ...row, isStar, east, north, shape, hasFlux, fluxes };
  });
  type Row = (typeof drawn)[number];
  const entries: Entry<Row>[] = [
    [word('ID', ''), ({ id }) => id],
    [number('RA', 'deg', ''), ({ ra, dec, east }) => rounded(wrapped(ra + east / 3600 / Math.cos(dec * DEG)), 8)],
    [number('DEC', 'deg', ''), ({ dec, north }) => rounded(Math.max(-90, Math.min(90, dec + north / 3600)), 8)],
    [word('TYPE', ''), ({ source }) => source.type],
    [
      number('ELL', '', ''),
      ({ isStar, source, shape }) => (isStar ? 0 : rounded(Math.min(0.9, Math.max(0, 1 - source.q + 0.03 * shape[0])), 4)),
    ],
    [
      number('THETA', 'deg', ''),
      ({ isStar, source, shape }) => (isStar ? 0 : rounded(halfTurn(source.phi + 3 * DEG * shape[1]), 3)),
    ],
    [
      { ...number('Re', 'pix', ''), nullable: true },
      ({ isStar, source, shape }) => (isStar ? null : rounded(source.radiusPx * Math.exp(0.08 * shape[2]), 4)),
    ],
    ...bands.map(
      ({ name }, index): Entry<Row> => [
        { ...number(`FLUX_${name}`, '', ''), nullable: true },
        ({ hasFlux, fluxes }) => (hasFlux ? rounded(fluxes[index], 4) : null),
      ],
    ),
  ];
  return tableOf(drawn, entries);
}

/**
 * Gaia's stars with synthetic photometry in the bands: at Gaia's epoch, so that proper motions are to be applied, with errors of 0.1 mas to 1 mas
 * and 4 to 15 mmag.
 */
export function gaiaTable(rows: readonly Listed[], bands: readonly SceneBand[], key: PhiloxKey): Table {
  const drawn = rows
    .filter(({ gaiaId }) => gaiaId !== '')
    .map((row) => {
      const random = new PhiloxStream(key, [0, Number(row.id), GAIA_TAG]);
      const { pmRa, pmDec } = row.source;
      const g = magnitudeAt(row.source, G_NM);
      const faintness = 10 ** (0.2 * Math.max(0, g - 13));
      const placeMas = 0.1 * faintness;
      const back = -YEARS_SINCE_GAIA;
      const east = pmRa * back + placeMas * random.normal();
      const north = pmDec * back + placeMas * random.normal();
      const error = Math.min(0.015, 0.004 * Math.sqrt(faintness));
      const magnitudes = bands.map(({ wavelengthNm }) => magnitudeAt(row.source, wavelengthNm) + error * random.normal());
      return { ...row, g: g + 0.001 * random.normal(), east, north, magnitudes };
    });
  type Row = (typeof drawn)[number];
  const entries: Entry<Row>[] = [
    [word('source_id', ''), ({ gaiaId }) => gaiaId],
    [number('ra', 'deg', ''), ({ ra, dec, east }) => rounded(wrapped(ra + (east * MAS_DEG) / Math.cos(dec * DEG)), 10)],
    [number('dec', 'deg', ''), ({ dec, north }) => rounded(Math.max(-90, Math.min(90, dec + north * MAS_DEG)), 10)],
    [number('ref_epoch', 'yr', ''), () => 2016],
    [number('pmra', 'mas/yr', ''), ({ source }) => rounded(source.pmRa, 3)],
    [number('pmdec', 'mas/yr', ''), ({ source }) => rounded(source.pmDec, 3)],
    [number('phot_g_mean_mag', 'mag', ''), ({ g }) => rounded(g, 4)],
    ...bands.map(
      ({ name }, index): Entry<Row> => [number(`mag_${name}`, 'mag', ''), ({ magnitudes }) => rounded(magnitudes[index], 4)],
    ),
  ];
  return tableOf(drawn, entries);
}
