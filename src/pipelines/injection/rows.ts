/**
 * ROWS.json: what `arclet render` draws. One row is one stamp in every band: a lens (or none), one or more source components and a PSF
 * per band. Keys are snake_case with units in the file and camelCase in {@link RowsFile}; unknown keys are errors.
 *
 * Positions are arcsec from the stamp's centre ((size-1)/2 in both axes), x right, y up; angles radians counter-clockwise from +x;
 * fluxes nanomaggies of the unlensed source.
 */
import { z } from 'zod';
import { ArcletError } from '../../core/errors.ts';
import type { LensDescription } from '../../sky/lensing/models.ts';
import { edgeObject, type Problem, problemsOf, strictObject } from '../schema.ts';

/** Farther than any stamp reaches, and well inside what float32 squares. */
const FARTHEST_ARCSEC = 1e5;
const arcsec = (what: string) => z.number().gte(-FARTHEST_ARCSEC).lte(FARTHEST_ARCSEC).describe(`${what}, arcsec`);
const axisRatio = (what: string) => z.number().gt(0).lte(1).describe(`${what}: minor to major axis, in (0, 1]`);
const angle = z.number().default(0).describe('position angle of the major axis, rad counter-clockwise from +x');
const position = { x_arcsec: arcsec('centre, from the stamp centre').default(0), y_arcsec: arcsec('centre').default(0) };

const lensCommon = {
  ...position,
  gamma1: z.number().default(0).describe('external shear about the lens centre, component along x'),
  gamma2: z.number().default(0).describe('external shear, component along the diagonal'),
  kappa_ext: z.number().default(0).describe('external convergence about the lens centre'),
};
const thetaE = { theta_e_arcsec: z.number().gte(0).describe('Einstein radius, arcsec') };
const elliptical = {
  ...thetaE,
  theta_e_convention: z
    .enum(['product', 'minor', 'major', 'square_mean'])
    .default('product')
    .describe('what theta_e_arcsec means for an ellipse; product: sqrt(area inside the critical curve / pi)'),
  q: axisRatio('axis ratio of the convergence').gte(0.01),
  phi_rad: angle,
};

const Lens = z.discriminatedUnion('model', [
  edgeObject({ model: z.literal('SIS'), ...thetaE, ...lensCommon }),
  edgeObject({ model: z.literal('SIE'), ...elliptical, ...lensCommon }),
  edgeObject({
    model: z.literal('NIE'),
    ...elliptical,
    core_arcsec: z.number().gte(0).describe('core radius, arcsec'),
    ...lensCommon,
  }),
  edgeObject({
    model: z.literal('EPL'),
    ...elliptical,
    q: axisRatio('axis ratio of the convergence').gte(0.05),
    gamma: z.number().gte(1.1).lte(2.9).describe('3-D density slope, 2 is isothermal'),
    ...lensCommon,
  }),
  edgeObject({ model: z.literal('POINT'), ...thetaE, ...lensCommon }),
  edgeObject({
    model: z.literal('NFW'),
    rs_arcsec: z.number().gte(1e-3).describe('scale radius, arcsec'),
    kappa_s: z.number().gte(0).describe('convergence scale rho_s r_s / Sigma_crit'),
    ...lensCommon,
  }),
]);

const flux = z.record(z.string(), z.number().gte(-1e30).lte(1e30)).describe('unlensed flux by band, nanomaggies');

const Source = z.discriminatedUnion('model', [
  edgeObject({
    model: z.literal('sersic'),
    n: z.number().gte(0.3).lte(8).describe('Sersic index, in [0.3, 8]'),
    r_eff_arcsec: z.number().gt(0).describe('half-light radius, arcsec'),
    r_eff_convention: z
      .enum(['major', 'circularised'])
      .default('major')
      .describe('r_eff_arcsec is the semi-major axis of the half-light ellipse, or sqrt(a b)'),
    q: axisRatio('axis ratio').default(1),
    phi_rad: angle,
    ...position,
    flux,
  }),
  edgeObject({
    model: z.literal('template'),
    template: z.number().int().gte(0).describe('index into the bank'),
    pixscale_arcsec: z.number().gt(0).default(0.03).describe('pixel of the template in the source plane, arcsec'),
    phi_rad: z.number().default(0).describe('rotation of the template, rad counter-clockwise'),
    ...position,
    flux,
  }),
]);

const psfCommon = {
  includes_pixel: z
    .boolean()
    .default(true)
    .describe('true: the PSF was measured on pixels, sample it at pixel centres; false: integrate it over the pixel'),
};
const analyticPsf = {
  fwhm_arcsec: z.number().gt(0).describe('size, arcsec'),
  size_semantics: z
    .enum(['nea', 'fwhm'])
    .default('nea')
    .describe('nea: FWHM of the Gaussian with the same noise-equivalent area (survey psfsize maps); fwhm: the FWHM itself'),
  q: axisRatio('axis ratio').default(1),
  phi_rad: angle,
  ...psfCommon,
};

const Psf = z.discriminatedUnion('model', [
  edgeObject({ model: z.literal('none') }),
  edgeObject({ model: z.literal('gaussian'), ...analyticPsf }),
  edgeObject({ model: z.literal('moffat'), beta: z.number().gt(1).default(3.5).describe('exponent, > 1'), ...analyticPsf }),
  edgeObject({
    model: z.literal('pixel'),
    stamp: z
      .array(z.array(z.number()).min(1))
      .min(1)
      .describe('PSF stamp [y][x], a square with an odd side, centred on its middle sample'),
    oversampling: z.number().gt(0).default(1).describe('stamp samples per native pixel'),
    ...psfCommon,
  }),
]);

const Row = strictObject({
  lens: Lens.nullable().describe('null draws the source alone'),
  source: z.union([Source, z.array(Source).min(1)]).describe('one component or a list of them'),
  psf: z.record(z.string(), Psf).optional().describe('PSF by band; left out: none in every band'),
}).transform(({ lens, source, psf }) => ({ lens, sources: Array.isArray(source) ? source : [source], psf: psf ?? {} }));

/** The schema of a rows file, before the checks that need more than one key. */
export const RowsSchema = strictObject({
  grid: edgeObject({
    size: z.number().int().gte(4).lte(1024).describe('stamp side, pixels'),
    pixscale_arcsec: z.number().gt(0).describe('pixel scale, arcsec per pixel'),
  }),
  bands: z.array(z.string().min(1)).min(1).describe('band names, the order of the output'),
  bank: z
    .union([z.string(), z.array(z.array(z.array(z.number())))])
    .optional()
    .describe('templates [template][y][x], or the path of an .npz or .npy with them, relative to this file'),
  rows: z.array(Row).min(1),
});

export type RowsFile = z.output<typeof RowsSchema>;
/** The file as people write it. */
export type RowsInput = z.input<typeof RowsSchema>;
export type Row = RowsFile['rows'][number];
export type LensRow = NonNullable<Row['lens']>;
export type SourceRow = Row['sources'][number];
export type SersicRow = Extract<SourceRow, { model: 'sersic' }>;
export type TemplateRow = Extract<SourceRow, { model: 'template' }>;
export type PsfRow = Row['psf'][string];

/** The lens of a row as src/sky takes it. */
export function lensDescription(lens: LensRow | null): LensDescription {
  return lens === null ? { model: 'none' } : { ...lens, model: lens.model.toLowerCase() as Lowercase<LensRow['model']> };
}

/**
 * Checks and completes a rows file.
 *
 * @param json the file's text, or what it parses to
 * @param source how messages name it: a path
 * @throws ROWS_INVALID naming the row, the key and the value (all problems in `data.problems`); SOURCE_LARGER_THAN_STAMP
 */
export function parseRows(json: unknown, source = 'rows'): RowsFile {
  const value = typeof json === 'string' ? parseJson(json, source) : json;
  const parsed = RowsSchema.safeParse(value);
  if (!parsed.success) throw invalid(source, problemsOf(parsed.error, value));
  const problems = crossChecks(parsed.data);
  if (problems.length > 0) throw invalid(source, problems);
  parsed.data.rows.forEach((row, index) => {
    checkSourceSize(row, index, parsed.data, source);
  });
  return parsed.data;
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ArcletError('ROWS_INVALID', `${source} is not JSON: ${why}.`, {
      subject: source,
      remedy: 'Write it as strict JSON.',
      cause,
    });
  }
}

function invalid(source: string, problems: Problem[]): ArcletError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const where = first.path === '' ? '' : `${first.path}: `;
  return new ArcletError('ROWS_INVALID', `${source}: ${where}${first.message}${more}.`, {
    subject: first.path || source,
    remedy: 'Correct the key; `arclet render --help` lists every key with its unit and default.',
    data: { problems },
  });
}

/** What one key alone cannot tell: bands of fluxes and PSFs, shapes of stamps, templates without a bank. */
function crossChecks(file: RowsFile): Problem[] {
  const problems: Problem[] = [];
  const add = (path: string, message: string) => problems.push({ path, message, code: 'custom' });
  if (new Set(file.bands).size < file.bands.length) add('bands', `a band is named twice in ${file.bands.join(', ')}`);
  const perBand = (path: string, record: Record<string, unknown>, what: string) => {
    for (const band of file.bands) if (!Object.hasOwn(record, band)) add(path, `no ${what} for band '${band}'`);
    for (const band of Object.keys(record)) {
      if (!file.bands.includes(band)) add(path, `unknown key '${band}', the bands are ${file.bands.join(', ')}`);
    }
  };
  file.rows.forEach((row, r) => {
    row.sources.forEach((source, s) => {
      const path = `rows[${r}].source${row.sources.length > 1 ? `[${s}]` : ''}`;
      perBand(`${path}.flux`, source.flux, 'flux');
      if (source.model === 'template' && file.bank === undefined)
        add(`${path}.template`, 'a template needs a bank, and the file has none');
    });
    if (Object.keys(row.psf).length > 0) perBand(`rows[${r}].psf`, row.psf, 'PSF');
    for (const [band, psf] of Object.entries(row.psf)) {
      if (psf.model !== 'pixel') continue;
      const width = psf.stamp[0].length;
      const path = `rows[${r}].psf.${band}.stamp`;
      if (psf.stamp.some((line) => line.length !== width)) add(path, 'its lines are of different lengths');
      else if (width !== psf.stamp.length || width % 2 === 0)
        add(path, `it is ${psf.stamp.length} x ${width}, a stamp is a square with an odd side`);
      else if (psf.stamp.flat().reduce((a, b) => a + b, 0) <= 0) add(path, 'its sum is not above 0');
    }
  });
  return problems;
}

/** Half the light of a source larger than its stamp would fall outside and the row would say nothing of it. */
function checkSourceSize(row: Row, index: number, file: RowsFile, source: string): void {
  const half = (file.grid.size * file.grid.pixscaleArcsec) / 2;
  for (const component of row.sources) {
    if (component.model !== 'sersic') continue;
    checkSourceIsResolved(component, index, file, source);
    const major = component.rEffConvention === 'major' ? component.rEffArcsec : component.rEffArcsec / Math.sqrt(component.q);
    if (major <= half) continue;
    throw new ArcletError(
      'SOURCE_LARGER_THAN_STAMP',
      `${source}: rows[${index}]: the half-light radius ${major.toPrecision(4)} arcsec is larger than half the stamp, ${half.toPrecision(4)} arcsec.`,
      { subject: `rows[${index}]`, remedy: 'Enlarge grid.size or shrink r_eff_arcsec.', data: { index, major, half } },
    );
  }
}

/** Below this half-light radius, px, neither a lens nor a PSF tells a source from a point, and float32 rays do not resolve it. */
const SMALLEST_RADIUS_PX = 1e-3;

function checkSourceIsResolved(component: SersicRow, index: number, file: RowsFile, source: string): void {
  const radiusPx = component.rEffArcsec / file.grid.pixscaleArcsec;
  if (radiusPx >= SMALLEST_RADIUS_PX) return;
  throw new ArcletError(
    'ROWS_INVALID',
    `${source}: rows[${index}].source.r_eff_arcsec: ${component.rEffArcsec} arcsec is ${radiusPx.toPrecision(2)} px.`,
    {
      subject: `rows[${index}]`,
      remedy: `Give a half-light radius of at least ${SMALLEST_RADIUS_PX} px: smaller sources are points.`,
      data: { index, radiusPx },
    },
  );
}
