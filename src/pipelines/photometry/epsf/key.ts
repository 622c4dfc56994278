/** What the PSFs of a band follow from: while its hash is the same they are kept. */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { camel } from '../../schema.ts';
import type { FitConfig } from '../config.ts';
import type { EpsfCell, Frame, LoadedField, PixelBox } from '../field.ts';
import type { Seeds } from './gaia-seeds.ts';

/** Sections and keys of the config, by dotted path, that the stage reads; the most exact path counts, here and in {@link EPSF_IGNORES}. */
export const EPSF_READS: readonly string[] = [
  'profile',
  'epsf',
  'patch_run.min_epsf_nstars_for_use',
  'patch_run.fallback_default_fwhm_pix',
  'moffat_psf.beta',
];

/** Those from which no PSF follows, or only through what is hashed besides: frames, sources, Gaia stars. (Of plotting only pictures do.) */
export const EPSF_IGNORES: readonly string[] = [
  'inputs',
  'outputs',
  'image_scaling',
  'crop',
  'overlay',
  'checks',
  'resample',
  'source_saturation_cut',
  'logging',
  'plotting',
  'performance',
  'epsf.ngrid',
  'epsf.parallel_bands',
  'epsf.max_workers',
  'patches',
  'patch_inputs',
  'patch_run.enable_multi_band_simultaneous_fitting',
  'patch_run.python_exe',
  'patch_run.resume',
  'patch_run.max_workers',
  'patch_run.threads_per_process',
  'patch_run.gal_model',
  'patch_run.n_opt_iters',
  'patch_run.dlnp_stop',
  'patch_run.r_ap',
  'patch_run.eps_flux',
  'patch_run.sersic_n_init',
  'patch_run.re_fallback_pix',
  'patch_run.psf_model',
  'patch_run.psf_fallback_model',
  'patch_run.ncircular_gaussian_n',
  'patch_run.hybrid_psf_n',
  'patch_run.gaussian_mixture_n',
  'patch_run.fallback_stamp_radius_pix',
  'patch_run.cutout_size',
  'patch_run.cutout_max_sources',
  'patch_run.cutout_start',
  'patch_run.cutout_data_p_lo',
  'patch_run.cutout_data_p_hi',
  'patch_run.cutout_model_p_lo',
  'patch_run.cutout_model_p_hi',
  'patch_run.cutout_resid_p_abs',
  'patch_run.no_cutouts',
  'patch_run.no_patch_overview',
  'patch_run.flag_maxiter_margin',
  'moffat_psf.fwhm_default_pix',
  'moffat_psf.radius_pix',
  'moffat_psf.module_path',
  'merge',
  'zp',
];

type Tree = Readonly<Record<string, unknown>>;

/** The values that the stage reads, by dotted path. */
export function epsfConfig(config: FitConfig): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const path of EPSF_READS) {
    const names = path.split('.').map(camel);
    const value = names.reduce<unknown>((tree, name) => (tree as Tree)[name], config);
    if (typeof value !== 'object' || value === null) values[path] = value;
    else for (const [key, inner] of Object.entries(value)) values[`${path}.${key}`] = inner;
  }
  for (const path of EPSF_IGNORES) {
    const [section, key = ''] = path.split('.');
    delete values[`${section}.${camel(key)}`];
  }
  return values;
}

/** Hash of where the sources of a catalogue are and what they are; '' under profile tract7dt, which does not ask. */
export function sourcesHash({ sources }: LoadedField, { profile }: FitConfig): string {
  if (profile === 'tract7dt') return '';
  const hash = createHash('sha256');
  hash.update(Float64Array.from(sources, ({ x }) => x)).update(Float64Array.from(sources, ({ y }) => y));
  return hash.update(sources.map(({ type }) => type).join('\n')).digest('hex');
}

/** What the PSFs of one band follow from. */
export interface BandFacts {
  readonly version: string;
  readonly config: FitConfig;
  readonly frame: Frame;
  readonly box: PixelBox;
  readonly cells: readonly EpsfCell[];
  readonly seeds: Seeds | undefined;
  /** {@link sourcesHash}. */
  readonly sources: string;
  /** FLUX_<band> of the catalogue. */
  readonly fluxes: readonly string[] | undefined;
}

/** Where what makes PSFs stands, seen from here: beside each other both in the source and in dist/. */
const CODE = ['./', '../../../sky/epsf/', '../../../sky/detection/'];

let code: Promise<string> | undefined;

/** SHA-256 of what makes PSFs: from one version to the next a working copy changes without another number. */
function codeHash(): Promise<string> {
  code ??= hashCode();
  return code;
}

async function hashCode(): Promise<string> {
  const hash = createHash('sha256');
  for (const place of CODE) {
    const folder = fileURLToPath(new URL(place, import.meta.url));
    const names = (await readdir(folder)).filter((name) => /(?<!\.d)\.(ts|js)$/.test(name)).sort();
    const texts = await Promise.all(names.map((name) => readFile(`${folder}${name}`, 'utf8')));
    for (const [index, name] of names.entries()) hash.update(`${name}\n${texts[index]}\0`);
  }
  return hash.digest('hex');
}

export async function bandKey({ version, config, frame, box, cells, seeds, sources, fluxes }: BandFacts): Promise<string> {
  const { band, path, width, height, scale, sigmaSky, saturation, gainElectronsPerAdu, fwhmPx } = frame;
  // An image that was made anew under the same name; objects elsewhere have no such time.
  const written = await stat(path).then(
    ({ mtimeMs, size }) => ({ mtimeMs, size }),
    () => undefined,
  );
  const facts = {
    written,
    config: epsfConfig(config),
    version,
    code: await codeHash(),
    band,
    path,
    box,
    width,
    height,
    scale,
    sigmaSky,
    saturation,
    gainElectronsPerAdu,
    fwhmPx,
    cells: cells.map(({ tag }) => tag),
    sources,
  };
  const hash = createHash('sha256').update(JSON.stringify(facts));
  for (const column of seeds === undefined ? [] : [seeds.x, seeds.y]) hash.update(column);
  if (sources !== '' && fluxes !== undefined) hash.update(fluxes.join('\n'));
  return hash.digest('hex');
}
