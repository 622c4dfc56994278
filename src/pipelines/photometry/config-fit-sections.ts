/** Sections of the fit config about PSFs and fits. Keys, defaults and meanings are those of tract7dt 0.6.1 (MIT); keys that only arclet has say so. */
import { z } from 'zod';
import { edgeObject } from '../schema.ts';
import { count, flag, nonNegative, place, positive, real, text, whole, workers } from './config-words.ts';

/** A stamp has a middle pixel. */
const odd = z
  .number()
  .int()
  .positive()
  .refine((size) => size % 2 === 1, { error: 'expected an odd number' });
const percent = z.number().min(0).max(100);

export const epsf = edgeObject({
  use_gaiaxp: flag.default(true).describe('take stars from inputs.gaiaxp_synphot_csv'),
  epsf_ngrid: count.default(7).describe('cells of the PSF grid along an axis'),
  ngrid: count.default(6).describe('patches of a cell along an axis'),
  skip_empty_epsf_patches: flag.default(true).describe('leave cells without sources out'),
  thresh_sigma: positive.default(10).describe('detection threshold, sigma of the sky'),
  minarea: count.default(25).describe('least area of a detection, px'),
  cutout_size: odd.default(61).describe('side of the cutout of a star, px'),
  edge_pad: whole.default(10).describe('px between cutouts and the edge of the cell'),
  min_sep: nonNegative.default(30).describe('least distance of two stars, px'),
  max_stars: count.default(30).describe('most stars of a cell'),
  q_range: z.tuple([real, real]).default([0.7, 1.3]).describe('bounds of the axis ratio a/b of detections'),
  psfstar_mode: z.enum(['sep', 'sep+gaia', 'gaia']).default('sep+gaia').describe('where stars come from'),
  gaia_mag_min: real.default(10).describe('brightest mag_<band> of a Gaia star, mag'),
  gaia_mag_max: real.default(30).describe('faintest mag_<band>, mag'),
  gaia_snap_to_sep: flag.default(true).describe('move Gaia stars to the detection near them'),
  gaia_forced_k_fwhm: positive.default(1.5).describe('radius of the aperture for their S/N, in FWHM'),
  gaia_forced_rmin_pix: positive.default(3).describe('its least, px'),
  gaia_forced_rmax_pix: positive.default(15).describe('its largest, px'),
  gaia_snr_min: nonNegative.default(20).describe('least S/N'),
  gaia_match_r_pix: nonNegative.default(5).describe('how near a detection is, px'),
  gaia_seed_sat_r: whole.default(5).describe('half side of the box searched for saturation, px'),
  gaia_seed_sat_div: positive.default(1.3).describe('pixels above SATURATE over this are too bright for a star'),
  oversamp: z
    .number()
    .int()
    .min(1)
    .max(8)
    .default(1)
    .describe("of tract7dt's builder: pixels of the PSF per pixel (profile tract7dt)"),
  maxiters: count.default(30).describe("of tract7dt's builder: most rounds (profile tract7dt)"),
  do_clip: flag.default(true).describe("of tract7dt's builder: clip at 5 sigma (profile tract7dt)"),
  recenter_boxsize: odd.default(9).describe("of tract7dt's builder: box of the centroid, px (profile tract7dt)"),
  final_psf_size: odd.default(55).describe('side of epsf.npy, px'),
  save_star_montage_max: whole.default(100).describe('most stars in a picture'),
  background_subtract_patch: flag.default(true).describe('subtract a background map from each cell'),
  background_boxsize: count.default(96).describe('its mesh, px'),
  background_filtersize: odd.default(9).describe('its median filter, meshes'),
  background_source_mask_sigma: nonNegative.default(3).describe('pixels this many sigma above the median are left out of it'),
  background_mask_dilate: whole.default(1).describe('px that these grow by'),
  star_local_bkg_subtract: flag.default(true).describe('subtract the level of an annulus from each star'),
  star_local_bkg_annulus_rin_pix: nonNegative.default(20).describe('its inner radius, px'),
  star_local_bkg_annulus_rout_pix: positive.default(30).describe('its outer radius, px'),
  star_local_bkg_sigma: positive.default(3).describe('its clipping, sigma'),
  star_local_bkg_minpix: count.default(30).describe('least pixels of it; with fewer nothing is subtracted'),
  save_patch_background_diagnostics: flag.default(true).describe('picture of the background'),
  save_star_local_background_diagnostics: flag.default(true).describe('picture of the annuli'),
  diagnostics_show_colorbar: flag.default(true).describe('colour bars in these'),
  save_growth_curve: flag.default(true).describe('growth curve, as picture and numbers'),
  save_residual_diagnostics: flag.default(true).describe('picture of residuals of the stars'),
  residual_diag_max_stars: whole.default(100).describe('most stars in it'),
  parallel_bands: flag.default(true).describe('bands at the same time'),
  max_workers: workers.default('auto').describe('workers; auto: one per core'),
  oversampling: z
    .union([z.literal('auto'), z.literal(1), z.literal(2), z.literal(3), z.literal(4)])
    .default('auto')
    .describe("of arclet's builder: nodes of the PSF per pixel; auto: by the FWHM (arclet)"),
  model_error: nonNegative.default(0.01).describe('error of the PSF itself as a part of its value (arclet)'),
  clip_sigma: positive.default(5).describe('pixels of stars further off than this many sigma do not count (arclet)'),
  rounds: count.default(8).describe("most rounds of arclet's builder (arclet)"),
  max_neighbour_flux: nonNegative
    .default(0.02)
    .describe(
      'most light of neighbours of a star of the PSF, over its own; beyond 2 FWHM they count by (2 FWHM / distance)^4 (arclet)',
    ),
  holdout_every: z.number().int().min(2).default(5).describe('every n-th star judges the PSF and does not make it (arclet)'),
  holdout_min_stars: count.default(8).describe('with fewer stars none is held out (arclet)'),
  interpolate: flag.default(true).describe('write the PSF as a function of position besides one PSF per cell (arclet)'),
});

export const patchRun = edgeObject({
  enable_multi_band_simultaneous_fitting: flag.default(true).describe('one position and shape for all bands'),
  python_exe: text.default('python').describe('without effect here'),
  resume: flag.default(false).describe('skip patches that are done'),
  max_workers: count.default(32).describe('patches at a time'),
  threads_per_process: count.default(1).describe('without effect here'),
  gal_model: z.enum(['dev', 'exp', 'sersic', 'star']).default('exp').describe('model of sources without TYPE'),
  n_opt_iters: count.default(20).describe('most steps of the optimiser'),
  dlnp_stop: positive.default(1e-6).describe('it stops when ln p grows by less'),
  r_ap: positive.default(5).describe('radius of the aperture for first fluxes, px'),
  eps_flux: positive.default(1e-4).describe('least first flux, scaled counts'),
  sersic_n_init: positive.default(3).describe('first Sersic index'),
  re_fallback_pix: positive.default(3).describe('half-light radius of sources without Re, px'),
  psf_model: z.enum(['pixelized', 'hybrid', 'gaussian_mixture_from_stamp']).default('pixelized').describe('how epsf.npy is used'),
  psf_fallback_model: z
    .enum(['moffat', 'ncircular_gaussian', 'gaussian_mixture'])
    .default('moffat')
    .describe('PSF of cells without one'),
  min_epsf_nstars_for_use: whole.default(2).describe('cells with fewer stars take the fallback'),
  ncircular_gaussian_n: z.number().int().min(1).max(3).default(3).describe('Gaussians of ncircular_gaussian'),
  hybrid_psf_n: count.default(9).describe('Gaussians of hybrid'),
  gaussian_mixture_n: count.default(4).describe('Gaussians of gaussian_mixture'),
  fallback_default_fwhm_pix: positive.default(4).describe('FWHM of the fallback without PEEING and SEEING, px'),
  fallback_stamp_radius_pix: positive.default(25).describe('radius of its stamp, px'),
  cutout_size: count.default(100).describe('side of cutouts in pictures, px'),
  cutout_max_sources: count.nullable().default(null).describe('most cutouts; null: all'),
  cutout_start: whole.default(0).describe('first source of these'),
  cutout_data_p_lo: percent.default(1).describe('black of data, percentile'),
  cutout_data_p_hi: percent.default(99).describe('white of data, percentile'),
  cutout_model_p_lo: percent.default(1).describe('black of the model, percentile'),
  cutout_model_p_hi: percent.default(99).describe('white of the model, percentile'),
  cutout_resid_p_abs: percent.default(99).describe('range of residuals, percentile of their size'),
  no_cutouts: flag.default(false).describe('no cutouts'),
  no_patch_overview: flag.default(false).describe('no picture of the patch'),
  flag_maxiter_margin: whole.default(0).describe('steps before n_opt_iters that count as having reached it'),
});

export const moffatPsf = edgeObject({
  fwhm_default_pix: positive.default(4).describe('without effect: see patch_run.fallback_default_fwhm_pix'),
  beta: positive.default(3.5).describe('beta of the fallback called moffat'),
  radius_pix: positive.default(25).describe('radius of its stamp, px'),
  module_path: place.nullable().default(null).describe('without effect'),
});
