/**
 * The config of an injection campaign: one flat object for all stages, keys as the originals spell them (inject configs of Gen5 are read as they
 * are). Words are lenient where theirs were: lists may be comma-separated text, flags 0 or 1, and their names of files are aliases of ours.
 */
import { z } from 'zod';
import {
  BN_CONVENTIONS,
  EINSTEIN_RADIUS_CONVENTIONS,
  HALF_LIGHT_CONVENTIONS,
  PSF_SIZE_CONVENTIONS,
} from '../../sky/conventions.ts';
import { edgeObject, listOfText } from '../schema.ts';
import { PLANES } from './columns.ts';

/** A list, or the text or number that stands for one. */
const list = <T extends z.ZodType>(item: T) => z.preprocess(listOfText, z.array(item));
/** Numbers may come as text from flags. Nothing else becomes one: z.coerce would make 0 of null, true and empty text. */
const number = z.preprocess(
  (value) => (typeof value === 'string' && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value) ? Number(value) : value),
  z.number(),
);
const whole = number.pipe(z.number().int().gte(0));
const positive = number.pipe(z.number().int().gte(1));
const fraction = number.pipe(z.number().gte(0).lte(1));
/** true, false, 1, 0, or these as text. */
const flag = z.preprocess(
  (value) =>
    value === 1 || value === '1' || value === 'true' ? true : value === 0 || value === '0' || value === 'false' ? false : value,
  z.boolean(),
);
const location = z.string().min(1);
const numbers = list(number).pipe(z.array(z.number()).min(1));
const perBand = z.record(z.string(), number.pipe(z.number().gte(0)));

const GRID_NAMES = ['grid_small', 'grid_medium', 'grid_full', 'grid_sota', 'custom'] as const;
const grid = (fallback: (typeof GRID_NAMES)[number]) => z.enum(GRID_NAMES).default(fallback);

export const TIERS = ['debug', 'grid', 'train'] as const;
export const PRIORS = ['dhs_gen1', 'dhs_gen2', 'dhs_gen3', 'dhs_gen4', 'dhs_gen5', 'srg_2026'] as const;

/** Bands in which a source has a magnitude: from r and its two colours. */
export const SOURCE_BANDS = ['g', 'r', 'i', 'z'] as const;

/** The keys, before aliases and presets. */
export const INJECT_KEYS = {
  // Where things are.
  targets: location
    .optional()
    .describe(
      'target list: CSV, Parquet or FITS (Tractor, sweep), or a manifest; brickname, ra, dec and a magnitude or flux in r are needed',
    ),
  coadd_cache: location.optional().describe('folder of bricks, <brick>/ or <brick[:3]>/<brick>/, path or s3://'),
  output: location.optional().describe('folder of all results, path or s3://'),
  variant: z
    .string()
    .regex(/^[A-Za-z0-9._-]+$/)
    .default('v1')
    .describe('name of this variant, a folder'),
  experiment_id: z
    .string()
    .optional()
    .describe('only this experiment; of one experiment whose manifest has another name, its new name'),
  manifests_subdir: z.string().default('manifests').describe('folder of the manifests below phase4a/<variant>'),
  coadd_base_url: location
    .optional()
    .describe(
      'where missing bricks are fetched from: folder, http(s) or s3, with <brick[:3]>/<brick>/ below; the survey has https://portal.nersc.gov/cfs/cosmo/data/legacysurvey/dr10/south/coadd',
    ),
  bricks_table: location
    .optional()
    .describe('table of bricks: brickname, psfsize_r, psfdepth_r, ebv; region_id and region_split if known'),
  region_selections: location
    .optional()
    .describe('table of selections: selection_set_id, region_id, region_split, selection_strategy, ranking_mode'),
  template_bank: location.optional().describe('bank of galaxy templates, HDF5 (images, meta/...) or .npz'),
  known_lenses: location.optional().describe('table with ra, dec of known lenses: hosts near them are left out'),
  known_lens_radius_arcsec: number.default(20).describe('how near, arcsec'),
  // What is drawn.
  bands: list(z.string().min(1)).default(['g', 'r', 'z']).describe('bands of the stamps'),
  reference_band: z.string().default('r').describe('band of the metrics that have no band in their name'),
  pixscale_arcsec: number.default(0.262).describe('pixel scale of the bricks, arcsec per pixel'),
  tiers: list(z.enum(TIERS))
    .default(['debug', 'grid', 'train'])
    .describe('debug: few hosts x every config; grid: more; train: many hosts, one config each'),
  grid_debug: grid('grid_small').describe('grid of the debug tier'),
  grid_grid: grid('grid_medium').describe('grid of the grid tier'),
  grid_train: grid('grid_small').describe('grid of the train tier'),
  custom_grid: edgeObject({
    theta_e_arcsec: numbers,
    src_dmag: numbers,
    src_reff_arcsec: numbers,
    src_e: numbers.default([0]),
    shear: numbers.default([0]),
  })
    .optional()
    .describe('axes of the grid called custom'),
  n_per_config_debug: positive.default(5).describe('hosts per (selection set, split), debug tier'),
  n_per_config_grid: positive.default(25).describe('hosts per (selection set, split), grid tier'),
  n_total_train_per_split: positive.default(200_000).describe('hosts per (selection set, split), train tier'),
  control_frac_debug: fraction.default(0).describe('share of controls'),
  control_frac_grid: fraction.default(0.1).describe('share of controls'),
  control_frac_train: fraction.default(0.5).describe('share of controls'),
  unpaired_controls: flag.default(true).describe('controls from hosts of their own; false: hosts of positives too'),
  replicates: positive.default(2).describe('rows per (host, config), each with its own draws'),
  stamp_sizes: list(positive).default([64]).describe('sides, pixels: 16 to 512, even or odd'),
  bandsets: list(z.string()).optional().describe('sets of bands by letter, default all bands together'),
  selection_set_ids: list(z.string()).default(['*']).describe('sets to take, * for all'),
  require_lrg_flag: z.string().optional().describe('only targets whose column of this name is 1'),
  max_total_tasks_soft: whole.default(30_000_000).describe('refuse to plan more rows; 0 for no limit'),
  seed_base: whole.default(42).describe('seed of every draw'),
  split_seed: whole.default(13).describe('seed of the splits and of the sampling of hosts'),
  split_by: z
    .enum(['auto', 'column', 'region', 'healpix'])
    .default('auto')
    .describe('auto: region_split if the targets have it, else region_id, else healpix'),
  healpix_nside: positive.default(64).describe('nside of the cells of split_by healpix, a power of two'),
  guard_arcsec: number.default(0).describe('hosts nearer than this to a host of another split are left out, arcsec'),
  val_frac: fraction.default(0.15).describe('share of the validation split'),
  test_frac: fraction.default(0.15).describe('share of the test split'),
  split_tolerance: fraction.default(0.05).describe('how far a split may be from its share before check says so'),
  prior: z.enum(PRIORS).default('dhs_gen5').describe('named prior set of the nuisance draws'),
  placement: z
    .enum(['disc', 'quad', 'double', 'cut'])
    .default('disc')
    .describe('where sources go: the disc of the originals, or uniform in the area with 4, 2 or at least 2 images'),
  target_arc_snr: z
    .union([z.literal('off'), z.literal('log_uniform'), edgeObject({ edges: numbers, weights: numbers })])
    .default('off')
    .describe('histogram of arc_snr that a metrics-only pre-pass samples to; log_uniform is from 0.8 to 80'),
  target_arc_snr_candidates: positive.default(4).describe('candidates per row of the pre-pass'),
  host_conditioned: flag
    .default(false)
    .describe(
      'shape of the lens from the shape of the host (shape_e1, shape_e2): clip(q + N(0, 0.05), 0.5, 1), same position angle',
    ),
  // How it is drawn.
  conventions: z
    .enum(['arclet', 'dhs', 'dhs_gen5', 'lenstronomy', 'galsim'])
    .default('arclet')
    .describe('preset of the four conventions below'),
  theta_e_convention: z.enum(EINSTEIN_RADIUS_CONVENTIONS).optional().describe('what theta_e_arcsec means for an ellipse'),
  r_eff_convention: z.enum(HALF_LIGHT_CONVENTIONS).optional().describe('what src_reff_arcsec means'),
  bn_convention: z.enum(BN_CONVENTIONS).optional().describe('how b_n is computed'),
  psf_size_semantics: z
    .enum(PSF_SIZE_CONVENTIONS)
    .optional()
    .describe('nea: psfsize maps (FWHM of the Gaussian of equal noise area); fwhm'),
  psf_model: z.enum(['moffat', 'gaussian', 'none']).default('moffat').describe('shape of the PSF'),
  moffat_beta: number.default(3.5).describe('exponent'),
  use_psfsize_maps: flag.default(true).describe('PSF size at the target from the psfsize maps where there are some'),
  psf_fallback_arcsec: number.default(1.4).describe('PSF size where neither map nor manifest knows one, arcsec'),
  source_mode: z.enum(['sersic', 'template', 'cosmos']).default('sersic').describe("cosmos is the originals' word for template"),
  template_salt: z.string().default('').describe('salt of the choice of template'),
  template_index: z.enum(['blake2b', 'sha256']).default('blake2b').describe('hash of task_id + salt that chooses the template'),
  template_pixscale_arcsec: number.optional().describe('pixel of the templates, default what the bank says'),
  template_rotate: flag.default(false).describe('rotate templates by the angle drawn in the manifest'),
  core_mask_radius: number.default(0).describe('no arc within this radius of the lens centre, pixels'),
  gain: z
    .union([z.literal('none'), z.literal('invvar_sky'), perBand, number.transform((value) => value)])
    .default('none')
    .describe(
      'Poisson noise of the arc: electrons per nanomaggy (one number or by band), invvar_sky: from invvar and sky_mag_arcsec2; none: no noise',
    ),
  sky_mag_arcsec2: perBand
    .default({ g: 22, r: 21, i: 20, z: 18.6 })
    .describe('sky brightness for gain invvar_sky, mag per square arcsec'),
  oversample: z
    .union([z.literal('auto'), positive])
    .default('auto')
    .describe('samples per pixel side'),
  convolve_oversample: z
    .union([z.literal('auto'), positive])
    .default('auto')
    .describe('cells per pixel side in the convolution'),
  bad_bits: z
    .union([z.enum(['default', 'dhs']), whole, list(whole)])
    .default('default')
    .describe(
      'maskbits that make a pixel bad: default bits 1-7 and 10-11, dhs adds 0 and leaves 2 4 5 7 out; or a value, or a list of bits',
    ),
  wise_bits: z
    .union([whole, list(whole)])
    .default([8, 9])
    .describe('maskbits of wise_brightmask_frac'),
  // What is written.
  planes: list(z.enum(Object.keys(PLANES) as (keyof typeof PLANES)[]))
    .default(['injected'])
    .describe('planes of the stamps'),
  stamp_format: z
    .enum(['columns', 'npz'])
    .default('columns')
    .describe("a float32 column per plane and band, or the originals' stamp_npz"),
  metrics_only: flag.default(false).describe('no stamps'),
  part_rows: positive.default(2000).describe('rows of a part, about; a part is what a rerun skips'),
  test_limit: whole.default(0).describe('only so many rows of each experiment, of its splits in proportion; 0 for all'),
  force: flag.default(false).describe('do again what is done'),
  // Completeness and checks.
  recovery_snr_thresh: number.default(5).describe('arc_snr from which the built-in rule recovers'),
  recovery_theta_over_psf: number.default(0.8).describe('theta_E over PSF FWHM from which the built-in rule recovers'),
  quality_bad_pixel_max: fraction.default(0.2).describe('largest bad_pixel_frac of a clean row'),
  quality_wise_max: fraction.default(0.2).describe('largest wise_brightmask_frac of a clean row'),
  psfsize_bin_width: number.default(0.1).describe('arcsec'),
  psfdepth_bin_width: number.default(0.25).describe('mag'),
  ci_z: number.default(1.96).describe('standard deviations of the intervals'),
  interval: z.enum(['wilson', 'jeffreys']).default('wilson').describe('interval of recovered fractions'),
  score_column: z.string().optional().describe('column of detector scores to use instead of the built-in rule'),
  score_table: location.optional().describe('table with task_id and score_column, where the metrics do not hold it'),
  score_fpr: fraction.default(0.01).describe('false-positive rate on controls that sets the score threshold'),
  write_psf_provenance: flag.default(true).describe('table of where PSF sizes came from'),
  // Fetching.
  http_timeout_s: positive.default(180).describe('of one request, s'),
  fetch_at_once: positive.default(8).describe('files fetched at once'),
  // Compaction.
  compact_input: location.optional().describe('stamps to compact, default those of this variant'),
  compact_output: location.optional().describe('where to, default phase4p5/<variant>'),
  compact_partitions: positive.default(200).describe('parts per split after compaction, at most'),
  // Read and recorded, without effect on the result.
  stage: z.string().optional().describe('recorded only: the command says the stage'),
  generation: z.string().optional().describe('recorded only'),
  component: z.string().optional().describe('recorded only'),
  description: z.string().optional().describe('recorded only'),
  created_utc: z.string().optional().describe('recorded only'),
  skip_if_exists: flag.default(true).describe('accepted: finished parts of the same config are always skipped'),
  include_psfsize: flag.default(true).describe('cache the psfsize maps too'),
  cache_partitions: positive.optional().describe('accepted: arclet fetches as many files at once as fetch_at_once says'),
  sweep_partitions: positive.optional().describe('accepted: parts are cut by part_rows'),
};

/** Names of the originals and what they are here. */
export const INJECT_ALIASES: Readonly<Record<string, keyof typeof INJECT_KEYS>> = {
  parent_s3: 'targets',
  coadd_s3_cache_prefix: 'coadd_cache',
  output_s3: 'output',
  cosmos_bank_h5: 'template_bank',
  cosmos_salt: 'template_salt',
  bricks_with_region_s3: 'bricks_table',
  region_selections_s3: 'region_selections',
  compact_input_s3: 'compact_input',
  compact_output_s3: 'compact_output',
};

/** Keys that are places: relative ones start at the folder of the config file. */
export const LOCATION_KEYS: readonly (keyof typeof INJECT_KEYS)[] = [
  'targets',
  'coadd_cache',
  'output',
  'coadd_base_url',
  'bricks_table',
  'region_selections',
  'template_bank',
  'known_lenses',
  'score_table',
  'compact_input',
  'compact_output',
];

/** Keys that do not change a row's pixels or numbers: left out of the config hash, so that moving or renaming a run does not undo it. */
export const NEUTRAL_KEYS: readonly (keyof typeof INJECT_KEYS)[] = [
  ...LOCATION_KEYS,
  'variant',
  'manifests_subdir',
  'stage',
  'generation',
  'component',
  'description',
  'created_utc',
  'skip_if_exists',
  'include_psfsize',
  'cache_partitions',
  'sweep_partitions',
  'force',
  'http_timeout_s',
  'fetch_at_once',
  'compact_partitions',
  'recovery_snr_thresh',
  'recovery_theta_over_psf',
  'quality_bad_pixel_max',
  'quality_wise_max',
  'psfsize_bin_width',
  'psfdepth_bin_width',
  'ci_z',
  'interval',
  'score_column',
  'score_fpr',
  'write_psf_provenance',
  'max_total_tasks_soft',
  'split_tolerance',
];

export const InjectConfigSchema = edgeObject(INJECT_KEYS);
/** Checked and complete; keys in camelCase, places absolute. */
export type InjectConfig = z.output<typeof InjectConfigSchema>;
