/**
 * Tables of fitted galaxies: the COSMOS fits that come with GalSim (`sersicfit`, `bulgefit`), its sample of Sersic parameters as text, and any
 * table with an index, a half-light radius and a shape.
 */
import { ArcletError } from '../../../core/errors.ts';
import { openSource } from '../../../io/store/store.ts';
import { toMajorHalfLight } from '../../../sky/conventions.ts';
import { sersicScale } from '../../../sky/profiles/sersic.ts';
import { endingOf } from '../../files/open.ts';
import { type OpenTable, withTable } from '../../files/tables.ts';
import type { Candidate, Loaded, SourceOptions } from './candidate.ts';
import { refused } from './rules.ts';
import type { ParametricGalaxy, SersicComponent } from './sersic-template.ts';

type Row = Readonly<Record<string, unknown>>;

/** Pixel of the COSMOS mosaics in which sersicfit and bulgefit count their radii, arcsec. */
const COSMOS_PIXEL_ARCSEC = 0.03;

/** Candidates of a table of fits, row by row. Throws INPUT_UNREADABLE; INPUT_INVALID where its columns are no galaxies. */
export async function* galaxyCandidates(location: string, options: SourceOptions): AsyncGenerator<Candidate> {
  const isText = ['.asc', '.txt', '.dat'].includes(endingOf(location));
  const rows = isText ? await readColumnsOfText(location) : await withTable(location, undefined, (table) => cells(table));
  const read = dialectOf(location, Object.keys(rows[0] ?? {}), options);
  for (const [row, values] of rows.entries()) {
    const load = async (): Promise<Loaded> => {
      const galaxy = read(values);
      return typeof galaxy === 'string' ? refused('BAD_FIT', galaxy) : { galaxy };
    };
    yield { source: `${location} row ${row}`, load };
  }
}

/** Rows of a table with the columns that are wanted and there, by their own names. */
export async function cells(table: OpenTable, wanted?: readonly string[]): Promise<Row[]> {
  const names = table.schema.columns
    .filter(({ name, type }) => type !== 'stamp' && type !== 'list' && (wanted === undefined || wanted.includes(name)))
    .map(({ name }) => name);
  const rows: Row[] = [];
  for await (const batch of table.batches(names)) {
    for (let row = 0; row < batch.rows; row++) {
      rows.push(Object.fromEntries(names.map((name) => [name, batch.columns[name][row]])));
    }
  }
  return rows;
}

/** Text in columns between blanks; the first line starts with # and names them, units in brackets (`half_light_radius [arcsec]`). */
async function readColumnsOfText(location: string): Promise<Row[]> {
  const source = await openSource(location);
  const text = await source.read(0, source.size).then((bytes) => new TextDecoder().decode(bytes)).finally(() => source.close()); // biome-ignore format: one chain
  const lines = text.split(/\r?\n/);
  const head = lines.find((line) => line.startsWith('#')) ?? '';
  const names = head.slice(1).replace(/\[[^\]]*\]/g, ' ').split(/\s+/).filter((name) => name !== ''); // biome-ignore format: one chain
  return lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const values = line.trim().split(/\s+/);
      return Object.fromEntries(names.map((name, at) => [name, Number(values[at] ?? Number.NaN)]));
    });
}

type Read = (row: Row) => ParametricGalaxy | string;

function dialectOf(location: string, names: readonly string[], { radiusConvention }: SourceOptions): Read {
  const known = new Map(names.map((name) => [name.toLowerCase(), name]));
  if (known.has('sersicfit_0')) return readCosmosFit;
  const find = (...among: string[]) => among.map((name) => known.get(name)).find((name) => name !== undefined);
  const n = find('n_sersic', 'sersic_n', 'n');
  const radius = find('half_light_radius_arcsec', 'hlr_arcsec', 'reff_arcsec', 'half_light_radius');
  const q = find('q', 'axis_ratio');
  const shear = find('|gal_g|', 'gal_g');
  const degrees = find('position_angle_deg', 'phi_deg');
  const angle = degrees ?? find('position_angle_rad', 'phi_rad', 'gal_angle');
  const flux = find('flux');
  if (n === undefined || radius === undefined || (q === undefined && shear === undefined)) {
    throw new ArcletError('INPUT_INVALID', `${location} has no columns of Sersic galaxies.`, {
      subject: location,
      remedy: `Give n_sersic, half_light_radius_arcsec and q (or |gal_g|); it has ${names.slice(0, 20).join(', ') || 'none'}.`,
    });
  }
  return (row) => {
    const g = Number(row[shear as string]);
    const axisRatio = q !== undefined ? Number(row[q]) : (1 - g) / (1 + g);
    const turn = angle === undefined ? 0 : Number(row[angle]) * (degrees === undefined ? 1 : Math.PI / 180);
    const majorArcsec = toMajorHalfLight(Number(row[radius]), axisRatio, radiusConvention);
    const part = { n: Number(row[n]), majorArcsec, axisRatio, positionAngleRad: turn, flux: flux === undefined ? 1 : Number(row[flux]) }; // biome-ignore format: one component
    return galaxyOf([part]);
  };
}

/**
 * A row of the COSMOS fits. Where `use_bulgefit` says so the galaxy is a bulge and a disc, else one Sersic profile; radii are major axes in
 * pixels of 0.03 arcsec, angles from the x axis (GalSim, scene.COSMOSCatalog).
 */
function readCosmosFit(row: Row): ParametricGalaxy | string {
  const number = (name: string) => Number(row[name]);
  if (row.viable_sersic !== undefined && number('viable_sersic') === 0) return 'viable_sersic is 0';
  const part = (fit: string, at: number): SersicComponent => {
    const [intensity, radius, n, axisRatio, angle] = [0, 1, 2, 3, 7].map((offset) => number(`${fit}_${at + offset}`));
    // The flux in the unit of the fit, from the brightness at the half-light radius.
    const usable = radius > 0 && axisRatio > 0 && axisRatio <= 1 && n >= 0.3 && n <= 8;
    const flux = usable ? intensity / sersicScale(n, radius, axisRatio).effectiveBrightness : Number.NaN;
    return { n, majorArcsec: radius * COSMOS_PIXEL_ARCSEC, axisRatio, positionAngleRad: angle, flux };
  };
  return galaxyOf(number('use_bulgefit') === 1 ? [part('bulgefit', 0), part('bulgefit', 8)] : [part('sersicfit', 0)]);
}

/** The galaxy, or what is wrong with its numbers. */
function galaxyOf(components: readonly SersicComponent[]): ParametricGalaxy | string {
  for (const { n, majorArcsec, axisRatio, positionAngleRad, flux } of components) {
    if (!(n >= 0.3 && n <= 8)) return `the Sersic index ${n} is outside 0.3..8`;
    if (!(majorArcsec > 0 && Number.isFinite(majorArcsec))) return `the half-light radius ${majorArcsec} is not positive`;
    if (!(axisRatio > 0 && axisRatio <= 1)) return `the axis ratio ${axisRatio} is outside 0..1`;
    if (!Number.isFinite(positionAngleRad)) return 'the position angle is not finite';
    if (!(flux > 0 && Number.isFinite(flux))) return `the flux ${flux} is not positive`;
  }
  return { components };
}
