/**
 * The config of `arclet fit`: the YAML of tract7dt (0.6.1, and the spellings of 0.6.0), and what arclet adds. Keys are snake_case in sections in the
 * file, camelCase in sections here.
 */
import { z } from 'zod';
import { edgeObject } from '../schema.ts';
import { epsf, moffatPsf, patchRun } from './config-fit-sections.ts';
import {
  checks,
  crop,
  imageScaling,
  inputs,
  logging,
  merge,
  outputs,
  overlay,
  patches,
  patchInputs,
  performance,
  plotting,
  resample,
  sourceSaturationCut,
  zp,
} from './config-sections.ts';

export const PROFILES = ['arclet', 'tract7dt'] as const;
export type Profile = (typeof PROFILES)[number];

export const PROFILE = z
  .enum(PROFILES)
  .default('arclet')
  .describe('tract7dt: as the original does, also where arclet does better (arclet)');

/** Sections whose keys all have defaults may be left out. */
const FIT_SHAPE = {
  profile: PROFILE,
  inputs: inputs.describe('what is read'),
  outputs: outputs.describe('what is written'),
  image_scaling: imageScaling.prefault({}).describe('common flux scale'),
  crop: crop.prefault({}).describe('the working frame'),
  overlay: overlay.prefault({}).describe('pictures of the catalogue'),
  checks: checks.prefault({}).describe('what the images must have in common'),
  resample: resample.prefault({}).describe('images that are not aligned'),
  source_saturation_cut: sourceSaturationCut.prefault({}).describe('sources near saturated pixels'),
  logging: logging.prefault({}).describe('log file'),
  plotting: plotting.prefault({}).describe('pictures'),
  performance: performance.prefault({}).describe('memory and workers'),
  epsf: epsf.prefault({}).describe('effective PSFs'),
  patches: patches.prefault({}).describe('patches of the fit'),
  patch_inputs: patchInputs.prefault({}).describe('inputs of patches'),
  patch_run: patchRun.prefault({}).describe('fits'),
  moffat_psf: moffatPsf.prefault({}).describe('fallback PSF'),
  merge: merge.prefault({}).describe('merged catalogue'),
  zp: zp.prefault({}).describe('Gaia matches and zero points'),
};

/** The schema of the file, aliases resolved. */
export const FitFileSchema = edgeObject(FIT_SHAPE);

/** The config as stages take it: places absolute. */
export type FitConfig = z.output<typeof FitFileSchema> & {
  /** Images in the order of inputs.image_list_file, absolute. */
  readonly images: readonly string[];
};

/** Spellings of 0.6.0, by dotted path; null: accepted and without effect (the original never used them). */
export const FIT_ALIASES: Readonly<Record<string, string | null>> = {
  'crop.overlay_catalog': 'overlay.enabled',
  'crop.overlay_downsample_full': 'overlay.downsample_full',
  'crop.overlay_crop_box': 'overlay.zoom_box',
  'crop.overlay_crop_enabled': 'overlay.zoom_enabled',
  'crop.overlay_downsample_crop': null,
};

/** Keys that are places, by dotted path, and the folder that a relative one starts at. */
export const FIT_PLACES: Readonly<Record<string, 'config' | 'work'>> = {
  'inputs.input_catalog': 'config',
  'inputs.image_list_file': 'config',
  'inputs.gaiaxp_synphot_csv': 'config',
  'outputs.work_dir': 'config',
  'outputs.epsf_dir': 'work',
  'outputs.patches_dir': 'work',
  'outputs.patch_inputs_dir': 'work',
  'outputs.tractor_out_dir': 'work',
  'outputs.final_catalog': 'work',
  'outputs.cropped_images_dir': 'work',
  'outputs.overlay_dir': 'work',
  'logging.file': 'work',
  'merge.wcs_fits': 'config',
  'resample.target': 'config',
  'moffat_psf.module_path': 'config',
};

/** Words that stand for no place where a place may stand. */
export const FIT_WORDS: Readonly<Record<string, readonly string[]>> = {
  'logging.file': ['auto'],
  'resample.target': ['auto', 'first'],
};

/** Keys that change neither numbers nor files of numbers: left out of the hash. */
export const FIT_NEUTRAL: readonly string[] = [
  'inputs.tile_name',
  'logging',
  'performance',
  'plotting',
  'overlay',
  'crop.plot_pre_crop',
  'crop.plot_post_crop',
  'crop.display_downsample',
  'crop.post_crop_display_downsample',
  'epsf.max_workers',
  'epsf.parallel_bands',
  'patch_inputs.max_workers',
  'patch_run.max_workers',
  'patch_run.python_exe',
  'patch_run.threads_per_process',
];
