/** What a run of the ePSF stage takes, for tests: a config without pictures, a context, a field. */
import { join } from 'node:path';
import { type FitConfig, FitFileSchema } from '../../src/pipelines/photometry/config.ts';
import type { StageContext } from '../../src/pipelines/stage.ts';
import { psfField } from './psf-field.ts';

/** No pictures: they are drawn in one test only. */
const PLAIN = {
  save_star_montage_max: 0,
  save_growth_curve: false,
  save_residual_diagnostics: false,
  save_patch_background_diagnostics: false,
};

export function configIn(folder: string, epsf: Record<string, unknown>, more: Record<string, unknown> = {}): FitConfig {
  const file = FitFileSchema.parse({
    inputs: { input_catalog: 'catalogue.csv', image_list_file: 'images.txt' },
    outputs: { work_dir: folder, epsf_dir: join(folder, 'EPSFs') },
    plotting: { dpi: 75 },
    epsf: { epsf_ngrid: 2, minarea: 9, min_sep: 20, cutout_size: 31, edge_pad: 2, final_psf_size: 25, star_local_bkg_annulus_rin_pix: 11, star_local_bkg_annulus_rout_pix: 14, ...PLAIN, ...epsf },
    ...more,
  }); // biome-ignore format: one config
  return { ...file, images: [] };
}

export function contextOf(more: Partial<StageContext> = {}): { context: StageContext; messages: string[] } {
  const messages: string[] = [];
  const context = {
    signal: new AbortController().signal,
    log: { info: (_: string, message: string) => messages.push(message), progress: () => undefined },
    version: 'test',
    force: false,
    ...more,
  } as unknown as StageContext;
  return { context, messages };
}

export const FWHM = 3.2;

export const fieldOf = (more: Partial<Parameters<typeof psfField>[0]> = {}) =>
  psfField({ size: 400, bands: ['m400'], fwhm: () => FWHM, spacing: 40, snr: [100, 100], seed: 5, ...more });
