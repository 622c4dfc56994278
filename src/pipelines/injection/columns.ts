/**
 * Columns of the manifest and of the metrics, by the originals' names; ours are added behind them. One list each: the manifest writes all of its
 * columns, the metrics carry them on and add their own, so that no path can write a row of fewer fields (lesson 4 of the originals).
 */
import type { ScalarColumn, ScalarType } from '../../io/table.ts';

/** `arc`: null where there is no arc, so in every control. */
type Entry = readonly [name: string, type: ScalarType, nullable: 0 | 1 | 'arc', unit: string, description: string];

const column = ([name, type, nullable, unit, description]: Entry): ScalarColumn => ({
  name,
  type,
  ...(nullable !== 0 ? { nullable: true } : {}),
  ...(unit === '' ? {} : { unit }),
  description,
});

const TASK: readonly Entry[] = [
  ['task_id', 'string', 0, '', 'SHA-256 of experiment|set|split|brick|ra|dec|config|replicate, hex'],
  ['experiment_id', 'string', 0, '', '<tier>_stamp<size>_bands<bandset>_grid<grid>'],
  ['selection_set_id', 'string', 0, '', 'set of regions or strata the host was drawn for'],
  ['selection_strategy', 'string', 1, '', 'how the set was chosen'],
  ['ranking_mode', 'string', 1, '', 'how the set was ranked'],
  ['region_id', 'int32', 0, '', 'region (or HEALPix cell) that decides the split'],
  ['region_split', 'string', 0, '', 'train, val or test'],
  ['brickname', 'string', 0, '', 'RRRRsDDD'],
  ['ra', 'float64', 0, 'deg', 'of the host'],
  ['dec', 'float64', 0, 'deg', 'of the host'],
  ['zmag', 'float64', 1, 'mag', 'host'],
  ['rmag', 'float64', 1, 'mag', 'host'],
  ['w1mag', 'float64', 1, 'mag', 'host'],
  ['rz', 'float64', 1, 'mag', 'r - z of the host'],
  ['zw1', 'float64', 1, 'mag', 'z - W1 of the host'],
  ['psfsize_g', 'float64', 1, 'arcsec', 'of the brick, fallback for the map'],
  ['psfsize_r', 'float64', 1, 'arcsec', 'of the brick, fallback for the map'],
  ['psfsize_z', 'float64', 1, 'arcsec', 'of the brick, fallback for the map'],
  ['psfdepth_r', 'float64', 1, 'mag', '5 sigma point-source depth of the brick'],
  ['ebv', 'float64', 1, 'mag', 'E(B-V)'],
  ['psf_bin', 'int32', 1, '', 'quartile of psfsize_r over the bricks'],
  ['depth_bin', 'int32', 1, '', 'quartile of psfdepth_r over the bricks'],
  ['config_id', 'string', 0, '', '<grid>_<index>_te.._dm.._rf.._e.._sh.., CONTROL for unpaired controls'],
  ['theta_e_arcsec', 'float64', 0, 'arcsec', 'Einstein radius in the convention of the run; 0 for controls'],
  ['src_dmag', 'float64', 0, 'mag', 'source r minus host r'],
  ['src_reff_arcsec', 'float64', 0, 'arcsec', 'half-light radius in the convention of the run'],
  ['src_e', 'float64', 0, '', 'ellipticity of the source, q = (1-e)/(1+e)'],
  ['shear', 'float64', 0, '', 'modulus of the external shear'],
  ['stamp_size', 'int32', 0, 'pixel', 'side of the stamp'],
  ['bandset', 'string', 0, '', 'bands by letter'],
  ['replicate', 'int32', 0, '', ''],
  ['is_control', 'int32', 0, '', '1: nothing is injected'],
  ['task_seed64', 'int64', 0, '', 'first 64 bits of SHA-256(task_id|seed_base), signed'],
  ['src_x_arcsec', 'float64', 0, 'arcsec', 'source from the lens centre, +x right'],
  ['src_y_arcsec', 'float64', 0, 'arcsec', 'source from the lens centre, +y up'],
  ['src_phi_rad', 'float64', 0, 'rad', 'source major axis, counter-clockwise from +x'],
  ['shear_phi_rad', 'float64', 0, 'rad', 'shear direction'],
  ['src_gr', 'float64', 0, 'mag', 'g - r of the source'],
  ['src_rz', 'float64', 0, 'mag', 'r - z of the source'],
  ['lens_model', 'string', 0, '', 'SIE, SIS or CONTROL'],
  ['lens_e', 'float64', 0, '', 'ellipticity of the lens, q = (1-e)/(1+e)'],
  ['lens_phi_rad', 'float64', 0, 'rad', 'lens major axis'],
  ['ab_zp_nmgy', 'float64', 0, 'mag', 'AB magnitude of one nanomaggy'],
  ['pipeline_version', 'string', 0, '', ''],
  // Ours.
  ['tier', 'string', 0, '', 'debug, grid or train'],
  ['prior', 'string', 0, '', 'named prior set that the draws are from'],
  ['src_n', 'float64', 0, '', 'Sersic index'],
  ['src_mag_r', 'float64', 'arc', 'mag', 'unlensed source in r: rmag + src_dmag, or drawn by the prior'],
  ['lens_x_arcsec', 'float64', 0, 'arcsec', 'lens centre from the host (centre jitter), +x right'],
  ['lens_y_arcsec', 'float64', 0, 'arcsec', 'lens centre from the host, +y up'],
  ['template_u', 'float64', 0, '', 'uniform draw: rotation of a template is 2 pi u where the config asks for one'],
  ['n_images', 'int32', 'arc', '', 'images of the source centre, from the caustics; null for controls'],
  [
    'cross_section_weight',
    'float64',
    0,
    'arcsec^2',
    'source-plane area that the placement drew from: reweights a biased set to a population',
  ],
  ['theta_e_effective_arcsec', 'float64', 'arc', 'arcsec', 'sqrt(area inside the tangential critical curve / pi)'],
  ['healpix', 'int64', 1, '', 'nested cell of split_by healpix'],
];

/** What the manifest holds for each row: everything that decides its pixels, frozen. */
export const MANIFEST_COLUMNS: readonly ScalarColumn[] = TASK.map(column);

const METRICS: readonly Entry[] = [
  [
    'cutout_ok',
    'int32',
    0,
    '',
    '1: image and inverse variance of every band are inside the brick, finite, and not all without coverage',
  ],
  ['arc_snr', 'float64', 'arc', '', 'largest arc * sqrt(invvar) of good pixels, arc without shot noise, reference band: a peak'],
  ['arc_snr_sum', 'float64', 'arc', '', 'sum(arc) / sqrt(sum(1/invvar)) over good pixels, reference band'],
  [
    'total_injected_flux_r',
    'float64',
    'arc',
    'nanomaggy',
    'sum of the arc as written (with its shot noise, if any), reference band',
  ],
  ['bad_pixel_frac', 'float64', 1, '', 'pixels with one of bad_bits; null when the mask is not fully inside'],
  ['wise_brightmask_frac', 'float64', 1, '', 'pixels with one of the WISE bits'],
  ['metrics_ok', 'int32', 0, '', '1: mask valid, cutout_ok, and control or arc_snr not null'],
  ['metrics_only', 'int32', 0, '', '1: no stamps were written'],
  [
    'magnification',
    'float64',
    'arc',
    '',
    'sum(arc) / sum(unlensed source through the same PSF on the same stamp), reference band',
  ],
  ['tangential_stretch', 'float64', 'arc', '', '1/(1 - kappa - |gamma|) at the brightest pixel of the arc, absolute'],
  ['radial_stretch', 'float64', 'arc', '', '1/(1 - kappa + |gamma|) at the brightest pixel of the arc, absolute'],
  ['expected_arc_radius', 'float64', 'arc', 'arcsec', 'theta_e_effective_arcsec'],
  ['physics_valid', 'int32', 0, '', '0: magnification not finite or not above 0'],
  [
    'physics_warnings',
    'string',
    1,
    '',
    'words separated by ;: unresolved, low_snr, high_magnification ..., or why the row failed',
  ],
  ['source_mode', 'string', 0, '', 'sersic or template'],
  ['cosmos_index', 'int32', 'arc', '', 'template of the bank'],
  ['cosmos_hlr_arcsec', 'float64', 'arc', 'arcsec', 'radius about the lens centre that holds half of the arc, reference band'],
  // Ours.
  ['arc_snr_mf', 'float64', 'arc', '', 'sqrt(sum(arc^2 invvar)) over good pixels, reference band: matched filter'],
  ['arc_area_pix', 'int32', 'arc', 'pixel', 'good pixels with arc * sqrt(invvar) > 1, reference band'],
  ['render_flux_err', 'float64', 'arc', '', 'estimated relative error of the rendered flux'],
  ['oversample', 'int32', 'arc', '', 'cells per pixel and axis of the convolution'],
  ['psf_size_semantics', 'string', 1, '', 'nea or fwhm: what the PSF size was taken to mean'],
  ['stamp_x0', 'int32', 1, 'pixel', 'first column of the stamp in the brick, 0-based'],
  ['stamp_y0', 'int32', 1, 'pixel', 'first row of the stamp in the brick'],
  ['host_x', 'float64', 1, 'pixel', 'target in the stamp, 0-based pixel centres; the lens is centred here (plus jitter)'],
  ['host_y', 'float64', 1, 'pixel', 'target in the stamp'],
  ['failure', 'string', 1, '', 'error code and sentence when the row could not be made; null otherwise'],
];

/** Per band: the PSF that was used and where it came from, coverage, matched-filter S/N and the unlensed flux. */
function bandEntries(band: string): Entry[] {
  return [
    [
      `psf_fwhm_used_${band}`,
      'float64',
      'arc',
      'arcsec',
      'FWHM of the PSF that was used, after the size convention; null for controls',
    ],
    [`psf_source_${band}`, 'int32', 'arc', '', '0 map, 1 manifest, 2 reference band, 3 fallback; null for controls'],
    [`coverage_frac_${band}`, 'float64', 1, '', 'pixels with invvar above 0'],
    [`arc_snr_mf_${band}`, 'float64', 'arc', '', 'sqrt(sum(arc^2 invvar)) over good pixels'],
    [`src_mag_${band}_used`, 'float64', 'arc', 'mag', 'AB magnitude of the unlensed source that was injected'],
  ];
}

/** Columns of a metrics part: the manifest's, then what injection measured. */
export function metricsColumns(bands: readonly string[]): readonly ScalarColumn[] {
  return [...TASK, ...METRICS, ...bands.flatMap(bandEntries)].map(column);
}

/** Columns of the metrics that say something of an arc: null in controls. */
export function arcColumns(bands: readonly string[]): readonly string[] {
  return [...TASK, ...METRICS, ...bands.flatMap(bandEntries)].flatMap(([name, , nullable]) => (nullable === 'arc' ? [name] : []));
}

/** Planes that a stamps part may hold, and the prefix of their columns: `image_r` is the injected stamp. */
export const PLANES = { injected: 'image', host: 'host', arc: 'arc', unlensed: 'unlensed', shuffled: 'shuffled' } as const;
export type PlaneName = keyof typeof PLANES;

export type TaskValue = number | bigint | string | null;

/** One row of the manifest by column name, in the file's spelling. */
export type Task = Readonly<Record<(typeof TASK)[number][0], TaskValue>> & {
  readonly task_id: string;
  readonly experiment_id: string;
  readonly region_split: string;
  readonly brickname: string;
  readonly bandset: string;
  readonly lens_model: string;
  readonly ra: number;
  readonly dec: number;
  readonly stamp_size: number;
  readonly is_control: number;
  readonly task_seed64: bigint;
};
