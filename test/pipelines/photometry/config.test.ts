import { mkdtemp, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FIT_KEYS, loadFitConfig } from '../../../src/pipelines/photometry/load-config.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fit-config-'));
  await writeFile(join(folder, 'images.txt'), '# images\n\na.fits\n  sub/b.fits  \n/data/c.fits\n');
});

const BASE = 'inputs:\n  input_catalog: cat.csv\n  image_list_file: images.txt\noutputs:\n  work_dir: work\n';
let files = 0;

async function load(yaml: string, input: object = {}, base = BASE) {
  const path = join(folder, `config${files++}.yaml`);
  await writeFile(path, `${base}${yaml}`);
  return loadFitConfig({ path, ...input });
}

describe('config of arclet fit', () => {
  it('has the defaults of tract7dt 0.6.1 and absolute places', async () => {
    const { config, effective, origin } = await load('');
    expect(config.inputs.inputCatalog).toBe(join(folder, 'cat.csv'));
    expect(config.images).toEqual([join(folder, 'a.fits'), join(folder, 'sub/b.fits'), '/data/c.fits']);
    expect(config.outputs.workDir).toBe(join(folder, 'work'));
    expect(config.outputs.epsfDir).toBe(join(folder, 'work/EPSFs'));
    expect(config.outputs.finalCatalog).toBe(join(folder, 'work/output_catalog.csv'));
    expect(config.logging.file).toBe('auto');
    expect(config.profile).toBe('arclet');
    expect(config.crop.margin).toBe(500);
    expect(config.epsf.qRange).toEqual([0.7, 1.3]);
    expect(config.patchRun.minEpsfNstarsForUse).toBe(2);
    expect(config.zp).toMatchObject({ enabled: true, gaiaMagMax: 18, minBoxSizePix: 3000 });
    expect(config.checks.wcsTolerance).toEqual({ crval: 1e-6, crpix: 1e-6, cd: 1e-9, cdelt: 1e-9 });
    expect(effective).toMatchObject({
      epsf: { epsf_ngrid: 7, star_local_bkg_annulus_rin_pix: 20 },
      inputs: { header_defaults: {} },
    });
    expect(origin['outputs.work_dir']).toBe('config');
    expect(origin['crop.margin']).toBe('default');
  });

  it('can be run again from what the record keeps of it', async () => {
    const first = await load('epsf:\n  thresh_sigma: 7\nprofile: tract7dt\n');
    const path = join(folder, 'again.json');
    await writeFile(path, JSON.stringify(first.effective));
    const again = await loadFitConfig({ path });
    expect(again.config).toEqual(first.config);
    expect(again.hash).toBe(first.hash);
  });

  it('expands ~, and paths below the work folder and beside the config', async () => {
    const yaml =
      'inputs:\n  input_catalog: ~/cat.csv\n  image_list_file: images.txt\noutputs:\n  work_dir: /w\n  overlay_dir: /o\nlogging:\n  file: my.log\n';
    const { config } = await load('', {}, yaml);
    expect(config.inputs.inputCatalog).toBe(join(homedir(), 'cat.csv'));
    expect(config.outputs.overlayDir).toBe('/o');
    expect(config.outputs.patchesDir).toBe('/w/patches');
    expect(config.logging.file).toBe('/w/my.log');
  });

  it('takes the spellings of 0.6.0, and says which are without effect', async () => {
    const { config, warnings } = await load(
      'crop:\n  overlay_catalog: false\n  overlay_downsample_full: 8\n  overlay_downsample_crop: 4\n  overlay_crop_box: [1, 2, 3, 4]\n  overlay_crop_enabled: false\nmerge:\n  wcs_fits: null\n',
    );
    expect(config.overlay).toEqual({ enabled: false, downsampleFull: 8, zoomEnabled: false, zoomBox: [1, 2, 3, 4] });
    expect(warnings).toEqual(['crop.overlay_downsample_crop is without effect.']);
  });

  it('refuses two spellings with two values', async () => {
    await expect(load('crop:\n  overlay_catalog: false\noverlay:\n  enabled: true\n')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('crop.overlay_catalog = false and overlay.enabled = true'),
    });
  });

  it.each([
    ['crop:\n  margn: 3\n', "unknown key 'crop.margn', did you mean 'crop.margin'?"],
    [
      'checks:\n  wcs_tolerance:\n    crvl: 1\n',
      "unknown key 'checks.wcs_tolerance.crvl', did you mean 'checks.wcs_tolerance.crval'?",
    ],
    ['zp:\n  cutout_start: 3\n', "did you mean 'patch_run.cutout_start'?"],
    ['espf:\n  ngrid: 3\n', "unknown key 'espf', did you mean 'epsf'?"],
  ])('refuses unknown keys: %j', async (yaml, message) => {
    await expect(load(yaml)).rejects.toMatchObject({ code: 'CONFIG_UNKNOWN_KEY', message: expect.stringContaining(message) });
  });

  it.each([
    ['crop:\n  margin: true\n', 'crop.margin: expected number, got true'],
    ['crop:\n  margin: 1.5\n', 'crop.margin: expected int'],
    ['crop:\n  enabled: 1\n', 'crop.enabled: expected boolean, got 1'],
    ['epsf:\n  q_range: 3\n', 'epsf.q_range: expected tuple, got 3'],
    ['epsf:\n  thresh_sigma: "10"\n', 'epsf.thresh_sigma: expected number, got "10"'],
    ['crop: 3\n', 'crop: expected object, got 3'],
    ['performance:\n  memory_budget: 2G\n', 'performance.memory_budget: expected bytes as a number or like 2GB'],
  ])('refuses wrong types: %j', async (yaml, message) => {
    await expect(load(yaml)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(message) });
  });

  it('takes whole numbers for real ones, and bytes with a unit', async () => {
    const { config } = await load('epsf:\n  thresh_sigma: 9\nperformance:\n  memory_budget: 1.5GB\n  frame_prep_workers: 3\n');
    expect(config.epsf.threshSigma).toBe(9);
    expect(config.performance.memoryBudget).toBe(1.5e9);
  });

  it('knows which key is missing', async () => {
    await expect(load('', {}, 'outputs:\n  work_dir: w\n')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('inputs: this key is missing'),
    });
  });

  it('takes --profile where the file says nothing, refuses it where it contradicts, and --set overrides', async () => {
    expect((await load('', { flags: { profile: 'tract7dt' } })).config.profile).toBe('tract7dt');
    await expect(load('profile: arclet\n', { flags: { profile: 'tract7dt' } })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const { config, overrides, origin } = await load('profile: arclet\n', {
      sets: ['profile=tract7dt', 'crop.margin=7', 'epsf.q_range=[0.9, 1.1]'],
    });
    expect(config).toMatchObject({ profile: 'tract7dt', crop: { margin: 7 }, epsf: { qRange: [0.9, 1.1] } });
    expect(overrides[0]).toEqual({ key: 'profile', value: 'tract7dt', instead_of: 'arclet', instead_of_origin: 'config' });
    expect(origin['crop.margin']).toBe('set');
    await expect(load('', { sets: ['crop.margn=7'] })).rejects.toMatchObject({ code: 'CONFIG_UNKNOWN_KEY' });
  });

  it('hashes what decides numbers', async () => {
    const base = await load('');
    expect((await load('performance:\n  memory_budget: 1GB\nlogging:\n  level: DEBUG\n')).hash).toBe(base.hash);
    expect((await load('crop:\n  margin: 499\n')).hash).not.toBe(base.hash);
    expect(
      (
        await load(
          'inputs:\n  input_catalog: cat.csv\n  image_list_file: images.txt\n  header_defaults: {EGAIN: 2}\noutputs:\n  work_dir: work\n',
          {},
          '',
        )
      ).hash,
    ).not.toBe(base.hash);
  });

  it('reads header defaults and filters by file name', async () => {
    const inputs =
      'inputs:\n  input_catalog: c\n  image_list_file: images.txt\n  filter_overrides: {a.fits: r}\n  header_defaults: {ZP_AUTO: 22.5}\noutputs: {work_dir: w}\n';
    const { config, effective } = await load('', {}, inputs);
    expect(config.inputs.filterOverrides).toEqual({ 'a.fits': 'r' });
    expect(config.inputs.headerDefaults).toEqual({ ZP_AUTO: 22.5 });
    expect(effective['inputs']).toMatchObject({ header_defaults: { ZP_AUTO: 22.5 }, filter_overrides: { 'a.fits': 'r' } });
    await expect(load('', { sets: ['inputs.header_defaults.ZPAUTO=1'] })).rejects.toMatchObject({
      code: 'CONFIG_UNKNOWN_KEY',
      message: expect.stringContaining("did you mean 'inputs.header_defaults.ZP_AUTO'"),
    });
  });

  it('needs images, and each once', async () => {
    await writeFile(join(folder, 'none.txt'), '# nothing\n');
    await writeFile(join(folder, 'twice.txt'), 'a.fits\n./a.fits\n');
    await writeFile(join(folder, 'image.txt'), `SIMPLE  =                    T${' '.repeat(50)}`);
    await writeFile(join(folder, 'bytes.txt'), new Uint8Array([0x61, 0xff, 0x0a, 0xff]));
    for (const [list, message] of [
      ['none.txt', 'names no image'],
      ['twice.txt', 'a.fits twice'],
      ['image.txt', 'is no text file'],
      ['bytes.txt', 'is no text file'],
    ]) {
      await expect(load('', { sets: [`inputs.image_list_file=${list}`] })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringContaining(message),
      });
    }
    await expect(load('', { sets: ['inputs.image_list_file=no.txt'] })).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('has every key of the originals, and no others but its own', () => {
    const theirs: Record<string, string> = {
      inputs: 'tile_name input_catalog image_list_file gaiaxp_synphot_csv',
      outputs: 'work_dir epsf_dir patches_dir patch_inputs_dir tractor_out_dir final_catalog cropped_images_dir overlay_dir',
      image_scaling: 'zp_ref',
      crop: 'enabled margin plot_pre_crop plot_post_crop display_downsample post_crop_display_downsample',
      overlay: 'enabled downsample_full zoom_enabled zoom_box',
      checks:
        'require_wcs_alignment wcs_tolerance.crval wcs_tolerance.crpix wcs_tolerance.cd wcs_tolerance.cdelt require_same_shape',
      source_saturation_cut: 'enabled radius_pix require_all_bands',
      logging: 'ignore_warnings level file format',
      plotting: 'dpi',
      performance: 'frame_prep_workers white_stack_workers',
      epsf: 'use_gaiaxp epsf_ngrid ngrid skip_empty_epsf_patches thresh_sigma minarea cutout_size edge_pad min_sep max_stars q_range psfstar_mode gaia_mag_min gaia_mag_max gaia_snap_to_sep gaia_forced_k_fwhm gaia_forced_rmin_pix gaia_forced_rmax_pix gaia_snr_min gaia_match_r_pix gaia_seed_sat_r gaia_seed_sat_div oversamp maxiters do_clip recenter_boxsize final_psf_size save_star_montage_max background_subtract_patch background_boxsize background_filtersize background_source_mask_sigma background_mask_dilate star_local_bkg_subtract star_local_bkg_annulus_rin_pix star_local_bkg_annulus_rout_pix star_local_bkg_sigma star_local_bkg_minpix save_patch_background_diagnostics save_star_local_background_diagnostics diagnostics_show_colorbar save_growth_curve save_residual_diagnostics residual_diag_max_stars parallel_bands max_workers',
      patches: 'halo_pix_min',
      patch_inputs:
        'save_patch_inputs skip_empty_patch include_wcs_in_payload max_workers gzip_compresslevel keep_payloads_in_memory',
      patch_run:
        'enable_multi_band_simultaneous_fitting python_exe resume max_workers threads_per_process gal_model n_opt_iters dlnp_stop r_ap eps_flux sersic_n_init re_fallback_pix psf_model psf_fallback_model min_epsf_nstars_for_use ncircular_gaussian_n hybrid_psf_n gaussian_mixture_n fallback_default_fwhm_pix fallback_stamp_radius_pix cutout_size cutout_max_sources cutout_start cutout_data_p_lo cutout_data_p_hi cutout_model_p_lo cutout_model_p_hi cutout_resid_p_abs no_cutouts no_patch_overview flag_maxiter_margin',
      moffat_psf: 'fwhm_default_pix beta radius_pix module_path',
      merge: 'pattern wcs_fits',
      zp: 'enabled inject_gaia_sources gaia_mag_min gaia_mag_max match_radius_arcsec min_box_size_pix clip_sigma clip_max_iters',
    };
    const paths = Object.entries(theirs).flatMap(([section, keys]) => keys.split(' ').map((key) => `${section}.${key}`));
    expect(paths.filter((path) => !FIT_KEYS.includes(path))).toEqual([]);
    expect(FIT_KEYS.filter((path) => !paths.includes(path))).toEqual([
      'profile',
      'inputs.filter_overrides',
      'inputs.header_defaults',
      ...[
        'enabled',
        'target',
        'extent',
        'pixel_scale_arcsec',
        'margin',
        'combine_same_filter',
        'combine',
        'interpolation',
        'min_good_weight',
        'fill_saturated',
      ].map((key) => `resample.${key}`),
      'performance.memory_budget',
      ...[
        'oversampling',
        'model_error',
        'clip_sigma',
        'rounds',
        'max_neighbour_flux',
        'holdout_every',
        'holdout_min_stars',
        'interpolate',
      ].map((key) => `epsf.${key}`),
    ]);
  });
});
