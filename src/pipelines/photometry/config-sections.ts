/**
 * Sections of the fit config about files, images and catalogue. Keys, defaults and meanings are those of tract7dt 0.6.1
 * (github.com/7DimensionalTelescope/tract7dt, MIT); keys that only arclet has say so.
 */
import { z } from 'zod';
import { edgeObject, strictObject } from '../schema.ts';
import { bytes, count, flag, nonNegative, place, positive, real, text, whole, workers } from './config-words.ts';

/** Numbers that an image's header may hold for us. */
export const HEADER_NUMBERS = ['ZP_AUTO', 'SKYSIG', 'EGAIN', 'SATURATE', 'PEEING', 'SEEING'] as const;
export type HeaderNumber = (typeof HEADER_NUMBERS)[number];

export const inputs = edgeObject({
  tile_name: text.default('your_tile_name').describe('name of the field, for people'),
  input_catalog: place.describe(
    'catalogue of sources: CSV (or Parquet, FITS) with RA, DEC in degrees; ID, TYPE, FLUX_<band>, ELL, THETA, Re if known',
  ),
  image_list_file: place.describe('text file with one FITS path a line, one image per band; blank lines and # lines are skipped'),
  gaiaxp_synphot_csv: place
    .nullable()
    .default(null)
    .describe('Gaia XP synthetic photometry: source_id, ra, dec, phot_g_mean_mag, mag_<band>; null: none'),
  filter_overrides: z
    .record(z.string(), z.string().min(1))
    .default({})
    .describe('FILTER of files whose header has a wrong one or none, by file name (arclet)'),
  header_defaults: strictObject(
    Object.fromEntries(HEADER_NUMBERS.map((key) => [key, real.optional()])) as Record<HeaderNumber, z.ZodOptional<z.ZodNumber>>,
  )
    .default({})
    .describe(
      'header keywords of files that lack them: ZP_AUTO mag, SKYSIG ADU, EGAIN e-/ADU, SATURATE ADU, PEEING px, SEEING arcsec (arclet)',
    ),
});

export const outputs = edgeObject({
  work_dir: place.describe('folder of all results'),
  epsf_dir: place.default('EPSFs').describe('folder of effective PSFs'),
  patches_dir: place.default('patches').describe('folder of patch definitions'),
  patch_inputs_dir: place.default('patch_payloads').describe('folder of patch inputs'),
  tractor_out_dir: place.default('outputs').describe('folder of fits by patch'),
  final_catalog: place.default('output_catalog.csv').describe('merged catalogue'),
  cropped_images_dir: place.default('cropped_images').describe('folder of pictures of the crop'),
  overlay_dir: place.default('overlay').describe('folder of pictures with the catalogue on the white stack'),
});

export const imageScaling = edgeObject({
  zp_ref: real.default(25).describe('zero point that all bands are scaled to, mag (AB)'),
});

export const crop = edgeObject({
  enabled: flag.default(true).describe('cut the edges off'),
  margin: whole.default(500).describe('pixels that are cut off at every edge'),
  plot_pre_crop: flag.default(true).describe('picture of the whole white stack with the box'),
  plot_post_crop: flag.default(true).describe('picture of the white stack in the box'),
  display_downsample: count.default(4).describe('pixels of the image per pixel of the first picture, along an axis'),
  post_crop_display_downsample: count.default(4).describe('the same for the second picture'),
});

export const overlay = edgeObject({
  enabled: flag.default(true).describe('picture of the white stack with the catalogue'),
  downsample_full: count.default(4).describe('pixels of the image per pixel of the picture, along an axis'),
  zoom_enabled: flag.default(true).describe('the same of a part, at full resolution'),
  zoom_box: z
    .tuple([whole, whole, whole, whole])
    .default([4000, 5000, 4000, 5000])
    .describe('that part, [x0, x1, y0, y1], pixels of the working frame, half open'),
});

export const checks = edgeObject({
  require_wcs_alignment: flag.default(true).describe('all images must have the WCS of the first'),
  wcs_tolerance: edgeObject({
    crval: nonNegative.default(1e-6).describe('largest difference of CRVAL, deg'),
    crpix: nonNegative.default(1e-6).describe('of CRPIX, px'),
    cd: nonNegative.default(1e-9).describe('of CD (deg/px) and PC'),
    cdelt: nonNegative.default(1e-9).describe('of CDELT, deg/px'),
  })
    .prefault({})
    .describe('how far the keywords may differ'),
  require_same_shape: flag.default(true).describe('all images must have the shape of the first'),
});

export const resample = edgeObject({
  enabled: flag
    .default(false)
    .describe('put images of different WCS or shape on one grid first; those of one FILTER are combined (arclet)'),
  target: place
    .default('auto')
    .describe(
      'that grid; auto: the one that all images share, else a tangent plane, north up, over all of them; first: the grid of the first image; or a FITS image or header text that has it',
    ),
  extent: z
    .enum(['union', 'intersection'])
    .default('union')
    .describe('target auto: the box around the images of all bands, or the box that is common to the boxes of the bands'),
  pixel_scale_arcsec: positive
    .nullable()
    .default(null)
    .describe('target auto: size of a pixel, arcsec; null: median of the images'),
  margin: whole.default(0).describe('target auto: further pixels at every edge'),
  combine_same_filter: flag.default(true).describe('several images of one FILTER become one; false: they are an error'),
  combine: z
    .enum(['mean', 'median', 'clipped'])
    .default('mean')
    .describe('how: mean with weights 1/SKYSIG^2 (scaled), median, or mean without outliers (4 sigma + 30 % of the value)'),
  interpolation: z.enum(['lanczos3', 'lanczos3-plain', 'bilinear', 'nearest']).default('lanczos3').describe('kernel'),
  min_good_weight: z
    .number()
    .positive()
    .max(1)
    .default(0.9)
    .describe('1 - the absolute weight that bad pixels may have under the kernel; a pixel with more is NaN'),
  fill_saturated: flag
    .default(false)
    .describe('what is saturated in some images of a FILTER is made of the others; false: it is saturated'),
});

export const sourceSaturationCut = edgeObject({
  enabled: flag.default(true).describe('flag sources near saturated pixels (excluded_saturation); they are kept and not fitted'),
  radius_pix: nonNegative.default(20).describe('how near, px'),
  require_all_bands: flag.default(false).describe('flag only where all bands are saturated, not any'),
});

export const logging = edgeObject({
  ignore_warnings: flag.default(true).describe("of Python's warnings; without effect here"),
  level: z
    .enum(['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'])
    .default('INFO')
    .describe('least level that is logged to the file'),
  file: place.nullable().default('auto').describe('auto: <work_dir>/<command>.log; null: none'),
  format: text
    .default('%(asctime)s | %(name)s | %(levelname)s | %(message)s')
    .describe('line of the log file; of the fields of Python: asctime, name, levelname, message'),
});

export const plotting = edgeObject({
  dpi: positive.default(300).describe('resolution of pictures: 300 is two picture pixels per point of text'),
});

export const performance = edgeObject({
  frame_prep_workers: workers
    .default('auto')
    .describe('threads that read images, and headers read at a time; auto: one per core, at most 8, none for small fields'),
  white_stack_workers: workers.default('auto').describe('without effect here: --workers is for all kernels'),
  memory_budget: bytes.default(2e9).describe('largest amount of pixels in memory at a time, bytes or like 2GB (arclet)'),
});

export const patches = edgeObject({
  halo_pix_min: whole.default(20).describe('least halo of a patch, px; it is max((epsf.final_psf_size - 1) / 2 + 2, this)'),
});

export const patchInputs = edgeObject({
  save_patch_inputs: flag.default(true).describe('write the inputs of patches'),
  skip_empty_patch: flag.default(true).describe('leave patches without sources out'),
  include_wcs_in_payload: flag.default(false).describe('write the WCS into each'),
  max_workers: count.default(16).describe('writers at a time'),
  gzip_compresslevel: z.number().int().min(0).max(9).default(1).describe('1 fast to 9 small'),
  keep_payloads_in_memory: flag.default(false).describe('keep them in memory as well'),
});

export const merge = edgeObject({
  pattern: text.default('*_cat_fit.csv').describe('names of the catalogues of patches'),
  wcs_fits: place
    .nullable()
    .default(null)
    .describe('0.6.0: file whose WCS gives RA_fit and DEC_fit; null: wcs.fits of the work folder'),
});

export const zp = edgeObject({
  enabled: flag.default(true).describe('match Gaia sources, and calibrate zero points with them'),
  inject_gaia_sources: flag.default(true).describe('add Gaia sources that match no row'),
  gaia_mag_min: real.default(8).describe('brightest phot_g_mean_mag, mag'),
  gaia_mag_max: real.default(18).describe('faintest phot_g_mean_mag, mag'),
  match_radius_arcsec: positive.default(3).describe('match radius, arcsec'),
  min_box_size_pix: whole.default(3000).describe('least side of the box that Gaia sources are taken from, px'),
  clip_sigma: positive.default(3).describe('clipping of zero points, in sigma of the MAD'),
  clip_max_iters: whole.default(10).describe('most rounds of clipping'),
});
