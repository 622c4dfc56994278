/** What the schema of the campaign's config cannot tell of one key alone: ranges, names that must be among others, keys that need each other. */
import type { Problem } from '../schema.ts';
import { type InjectConfig, SOURCE_BANDS } from './config.ts';

type Add = (path: string, message: string) => void;

/** Problems of a config whose values have the right types; `given` are the keys that somebody wrote. Empty when all is well. */
export function configProblems(config: InjectConfig, given: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const add: Add = (path, message) => problems.push({ path, message, code: 'custom' });
  checkLists(config, add);
  checkRanges(config, add);
  checkBands(config, given, add);
  checkPlan(config, add);
  return problems;
}

function checkRanges(config: InjectConfig, add: Add): void {
  const above = (path: string, value: number | undefined, least: number) => {
    if (value !== undefined && !(value > least)) add(path, `expected a number above ${least}, got ${value}`);
  };
  const from = (path: string, value: number, least: number) => {
    if (!(value >= least)) add(path, `expected a number of at least ${least}, got ${value}`);
  };
  above('pixscale_arcsec', config.pixscaleArcsec, 0);
  above('template_pixscale_arcsec', config.templatePixscaleArcsec, 0);
  above('psf_fallback_arcsec', config.psfFallbackArcsec, 0);
  // The flux of a Moffat profile is finite above 1.
  above('moffat_beta', config.moffatBeta, 1);
  above('psfsize_bin_width', config.psfsizeBinWidth, 0);
  above('psfdepth_bin_width', config.psfdepthBinWidth, 0);
  above('ci_z', config.ciZ, 0);
  from('known_lens_radius_arcsec', config.knownLensRadiusArcsec, 0);
  from('guard_arcsec', config.guardArcsec, 0);
  from('core_mask_radius', config.coreMaskRadius, 0);
  from('recovery_snr_thresh', config.recoverySnrThresh, 0);
  from('recovery_theta_over_psf', config.recoveryThetaOverPsf, 0);
  if (typeof config.gain === 'number') above('gain', config.gain, 0);
  else if (typeof config.gain === 'object')
    for (const [band, gain] of Object.entries(config.gain)) above(`gain.${band}`, gain, 0);
  if (typeof config.oversample === 'number' && config.oversample > 32)
    add('oversample', `expected "auto" or 1 to 32, got ${config.oversample}`);
  if (typeof config.convolveOversample === 'number' && config.convolveOversample > 4)
    add('convolve_oversample', `expected "auto" or 1 to 4, got ${config.convolveOversample}`);
  const { valFrac, testFrac } = config;
  if (!(valFrac + testFrac < 1))
    add('val_frac', `val_frac + test_frac is ${valFrac + testFrac}, which leaves nothing for train; expected below 1`);
  if (!Number.isInteger(Math.log2(config.healpixNside)) || config.healpixNside > 2 ** 29)
    add('healpix_nside', `expected a power of two up to 2^29, got ${config.healpixNside}`);
  for (const [index, size] of config.stampSizes.entries())
    if (size < 16 || size > 512) add(`stamp_sizes[${index}]`, `expected a size from 16 to 512, got ${size}`);
}

function checkBands(config: InjectConfig, given: readonly string[], add: Add): void {
  const { bands } = config;
  const among = bands.join(', ');
  const colourless = bands.find((band) => !(SOURCE_BANDS as readonly string[]).includes(band));
  if (colourless !== undefined) add('bands', `sources have magnitudes in ${SOURCE_BANDS.join(', ')} and not in '${colourless}'`);
  if (given.includes('reference_band') && !bands.includes(config.referenceBand))
    add('reference_band', `'${config.referenceBand}' is none of the bands ${among}`);
  for (const [index, set] of (config.bandsets ?? []).entries()) {
    // Bands of several letters can only be taken all together.
    const strange = set === bands.join('') ? [] : [...set].filter((letter) => !bands.includes(letter));
    if (strange.length > 0) add(`bandsets[${index}]`, `'${strange[0]}' of '${set}' is none of the bands ${among}`);
    else if (new Set(set).size < set.length && bands.every(({ length }) => length === 1))
      add(`bandsets[${index}]`, `'${set}' names a band twice`);
    else if (set === '') add(`bandsets[${index}]`, 'expected letters of bands, got ""');
  }
  const perBand = (path: string, record: Record<string, number>) => {
    for (const band of bands) if (!Object.hasOwn(record, band)) add(path, `no value for band '${band}'`);
  };
  if (typeof config.gain === 'object') perBand('gain', config.gain);
  if (config.gain === 'invvar_sky') perBand('sky_mag_arcsec2', config.skyMagArcsec2);
}

function checkLists(config: InjectConfig, add: Add): void {
  const lists: Record<string, readonly (string | number)[]> = {
    bands: config.bands,
    tiers: config.tiers,
    stamp_sizes: config.stampSizes,
    bandsets: config.bandsets ?? [],
    selection_set_ids: config.selectionSetIds,
    planes: config.planes,
  };
  for (const [path, items] of Object.entries(lists)) {
    const twice = items.find((item, index) => items.indexOf(item) !== index);
    if (twice !== undefined) add(path, `'${twice}' stands there twice`);
    if (items.length === 0 && !(path === 'planes' && config.metricsOnly)) add(path, 'expected at least one, got an empty list');
  }
}

function checkPlan(config: InjectConfig, add: Add): void {
  for (const tier of config.tiers) {
    const grid = { debug: config.gridDebug, grid: config.gridGrid, train: config.gridTrain }[tier];
    if (grid === 'custom' && config.customGrid === undefined)
      add('custom_grid', `grid_${tier} is custom, but custom_grid is missing`);
  }
  const { customGrid: grid, targetArcSnr: target } = config;
  if (grid !== undefined) {
    const each = (path: string, values: readonly number[], ok: (value: number) => boolean, expected: string) => {
      for (const value of values) if (!ok(value)) add(`custom_grid.${path}`, `expected ${expected}, got ${value}`);
    };
    each('theta_e_arcsec', grid.thetaEArcsec, (value) => value > 0, 'numbers above 0');
    each('src_reff_arcsec', grid.srcReffArcsec, (value) => value > 0, 'numbers above 0');
    each('src_e', grid.srcE, (value) => value >= 0 && value < 1, 'numbers from 0 to below 1');
    each('shear', grid.shear, (value) => value >= 0 && value < 1, 'numbers from 0 to below 1');
  }
  if (typeof target === 'object') {
    const { edges, weights } = target;
    if (edges.length !== weights.length + 1)
      add('target_arc_snr', `${edges.length} edges and ${weights.length} weights: expected one edge more than weights`);
    if (edges.some((edge, index) => edge < 0 || (index > 0 && edge <= edges[index - 1])))
      add('target_arc_snr.edges', `expected ascending numbers from 0, got ${edges.join(', ')}`);
    if (weights.some((weight) => weight < 0) || !weights.some((weight) => weight > 0))
      add('target_arc_snr.weights', `expected numbers of at least 0, one above 0, got ${weights.join(', ')}`);
  }
  if (config.sourceMode === 'template' && config.templateBank === undefined)
    add('template_bank', 'this key is missing (or cosmos_bank_h5): source_mode template draws from a bank');
  if (config.scoreTable !== undefined && config.scoreColumn === undefined)
    add('score_column', 'this key is missing: score_table does not say which column holds the scores');
}
