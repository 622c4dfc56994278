/** Keys of `arclet detect`, with the words and defaults of SExtractor (Bertin & Arnouts 1996, A&AS 117, 393) and SEP (Barbary 2016, JOSS 1, 58). */
import { z } from 'zod';
import { ArcletError } from '../../../core/errors.ts';
import { type ConfigInput, type ConfigSpec, layerConfig, parseLayers } from '../../layered-config.ts';
import { effectiveOf, loadedConfig } from '../../plain-config.ts';
import type { LoadedConfig } from '../../runner.ts';
import { camel, edgeObject, listOfText } from '../../schema.ts';

/** Numbers may come as text from flags; nothing else becomes one. */
const number = z.preprocess(
  (value) => (typeof value === 'string' && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value) ? Number(value) : value),
  z.number(),
);
const positive = number.pipe(z.number().positive());
const nonNegative = number.pipe(z.number().nonnegative());
const count = number.pipe(z.number().int().positive());
/** true, false, 1, 0, or these as text. */
const flag = z.preprocess(
  (value) =>
    value === 1 || value === '1' || value === 'true' ? true : value === 0 || value === '0' || value === 'false' ? false : value,
  z.boolean(),
);
const radii = z.preprocess(listOfText, z.array(positive).min(1)).optional();
const place = z.string().min(1);
/** The HDU of a file: its number may come as one. */
const hdu = z.preprocess((value) => (typeof value === 'number' ? String(value) : value), z.string().min(1)).optional();

export const DETECT_KEYS = {
  image: place.describe('FITS image of two axes, also .fz and .gz; path or s3://'),
  hdu: hdu.describe('HDU of the image by number, EXTNAME or EXTNAME,EXTVER; else the first with an image'),
  out: place.describe('table, by its ending: .csv, .tsv, .parquet, .arrow, .arrows or .fits'),
  threshold_sigma: positive.default(1.5).describe('detection threshold, standard deviations of the noise'),
  minarea_px: count.default(5).describe('least pixels of a detection'),
  noise: z
    .enum(['global', 'map'])
    .default('global')
    .describe('without invvar and sigma_map: the median noise of the background meshes, or its map'),
  invvar: place.optional().describe('FITS map of the inverse variance; pixels at 0 or below are not used'),
  sigma_map: place.optional().describe('FITS map of the standard deviation, in place of invvar'),
  noise_hdu: hdu.describe('HDU of invvar or sigma_map; else the first with an image'),
  mask: place.optional().describe('FITS map, not 0 where a pixel must not be used'),
  mask_hdu: hdu.describe('HDU of the mask; else the first with an image'),
  subtract_background: flag.default(true).describe('0: the image has no sky left'),
  background_mesh_px: count.default(64).describe('side of a background mesh, px'),
  background_filter_meshes: count.default(3).describe('side of the median filter, meshes; 1: none'),
  background_interpolation: z
    .enum(['sextractor', 'natural'])
    .default('sextractor')
    .describe('between meshes: the spline of SExtractor and SEP, or the natural one that arclet fit takes'),
  kernel: z.enum(['pyramid', 'none']).default('pyramid').describe('detection filter: 3 x 3 px (1 2 1, 2 4 2, 1 2 1), or none'),
  kernel_fwhm_px: number
    .pipe(z.number().positive().lte(50))
    .optional()
    .describe('Gaussian detection filter of this FWHM, px, in place of kernel'),
  kernel_file: place.optional().describe('detection filter from a .conv file of SExtractor, in place of kernel'),
  filter_type: z
    .enum(['matched', 'conv'])
    .default('matched')
    .describe('with a noise map: pixels weighed by their variance (SEP), or the plain filter (SExtractor)'),
  deblend_nthresh: number.pipe(z.number().int().gte(1).lte(256)).default(32).describe('levels of the deblending tree'),
  deblend_cont: number
    .pipe(z.number().gte(0).lte(1))
    .default(0.005)
    .describe('part of the flux that a branch needs to be an object; 1: nothing is split'),
  clean: flag.default(true).describe("take out what a brighter neighbour's wing accounts for"),
  clean_param: positive.default(1).describe('Moffat exponent of that wing; smaller cleans more'),
  max_objects: count.default(5_000_000).describe('more are an error: the threshold is in the noise'),
  saturate_adu: positive.optional().describe('pixels at or above are saturated, units of the image; else SATURATE of the header'),
  gain_e_per_adu: nonNegative
    .optional()
    .describe(
      'electrons per unit of the image, for the noise of the sources themselves; else EGAIN or GAIN of the header; 0: none',
    ),
  zero_point_ab_mag: number.optional().describe('AB magnitude of one unit of flux; else ZP_AUTO of the header'),
  aperture_radius_px: radii.describe('circular apertures, radii in px; without any: 5'),
  aperture_radius_arcsec: radii.describe('more of them, radii in arcsec (needs a WCS)'),
  neighbours: z
    .enum(['leave-out', 'mean', 'keep'])
    .default('leave-out')
    .describe(
      'pixels of other objects, and masked ones, in an aperture: count as sky, as the mean of the rest, or neighbours count as they are (masked ones as the mean), as in SEP without a segmentation',
    ),
  kron_factor: positive.default(2.5).describe('flux_auto is summed within this many Kron radii'),
  kron_min_radius_px: positive.default(1.75).describe('where the Kron ellipse is smaller, a circle of this radius, px'),
  id_prefix: z.string().default('det-').describe('IDs are this and a number from 1'),
  background: place.optional().describe('write the background here (FITS)'),
  background_rms: place.optional().describe('write its noise map here (FITS)'),
  segmentation: place.optional().describe('write the number of the object at every pixel here (FITS), 0 where there is none'),
  picture: place.optional().describe('draw the image with an ellipse around every object here (PNG)'),
} as const;

const Keys = edgeObject(DETECT_KEYS);
export type DetectConfig = z.output<typeof Keys>;

export const DETECT_SPEC: ConfigSpec = {
  help: 'arclet detect --help',
  keys: DETECT_KEYS,
  aliases: {
    threshold: 'threshold_sigma',
    thresh: 'threshold_sigma',
    minarea: 'minarea_px',
    saturate: 'saturate_adu',
    gain: 'gain_e_per_adu',
    zero_point: 'zero_point_ab_mag',
  },
  locationKeys: [
    'image',
    'out',
    'invvar',
    'sigma_map',
    'mask',
    'kernel_file',
    'background',
    'background_rms',
    'segmentation',
    'picture',
  ],
};

/** Where results go: it does not change them. */
const NEUTRAL = ['out', 'background', 'background_rms', 'segmentation', 'picture'] as const;

/**
 * The config of `arclet detect` from file, flags and `--set`.
 *
 * @throws CONFIG_INVALID, CONFIG_UNKNOWN_KEY, INPUT_UNREADABLE, USAGE
 */
export async function loadDetectConfig(input: ConfigInput): Promise<LoadedConfig<DetectConfig>> {
  const layers = await layerConfig(DETECT_SPEC, input);
  const config = parseLayers(DETECT_SPEC, Keys, layers);
  checkTogether(config);
  const effective = effectiveOf(DETECT_SPEC, config);
  const unused =
    config.noise === 'map' && (config.invvar ?? config.sigmaMap) !== undefined
      ? ['noise: map has no effect: the noise is that of the map that is given.']
      : [];
  return loadedConfig(DETECT_SPEC, layers, config, effective, NEUTRAL, unused);
}

/** Throws CONFIG_INVALID for keys that exclude each other, and for two files in one place. */
function checkTogether(config: DetectConfig): void {
  const invalid = (subject: string, message: string, remedy: string) =>
    new ArcletError('CONFIG_INVALID', message, { subject, remedy });
  if (config.invvar !== undefined && config.sigmaMap !== undefined)
    throw invalid('sigma_map', 'invvar and sigma_map are both given.', 'Give one map of the noise.');
  if (config.kernelFwhmPx !== undefined && config.kernelFile !== undefined)
    throw invalid('kernel_file', 'kernel_fwhm_px and kernel_file are both given.', 'Give one detection filter.');
  const seen = new Map<string | undefined, string>();
  for (const key of DETECT_SPEC.locationKeys) {
    const where = config[camel(key) as keyof DetectConfig] as string | undefined;
    if (where === undefined) continue;
    const before = seen.get(where);
    // Two maps may come from one file; nothing is written over what is read.
    if (before !== undefined && [key, before].some((one) => (NEUTRAL as readonly string[]).includes(one)))
      throw invalid(key, `${where} is named twice, as ${before} and ${key}.`, 'Give every file a place of its own.');
    seen.set(where, key);
    const ending = key === 'picture' ? '.png' : IMAGE_KEYS.has(key) ? '.fits' : '';
    if (!where.toLowerCase().endsWith(ending))
      throw invalid(key, `${key} ${where} does not end in ${ending}.`, `Name a ${ending} file.`);
  }
}

/** Written as FITS. */
const IMAGE_KEYS: ReadonlySet<string> = new Set(['background', 'background_rms', 'segmentation']);
