/** The metrics of one row, from its pixels and its arc. One builder for every kind of row: controls, injections and failures. */
import type { PsfParameters } from '../../../../kernels/psf-struct.ts';
import { modelFluxLost, PSF_KINDS } from '../../../../kernels/psf-struct.ts';
import { convergenceShear } from '../../../sky/lensing/models.ts';
import { MANIFEST_COLUMNS, metricsColumns, type TaskValue } from '../columns.ts';
import type { CutRow } from './cut-rows.ts';
import type { Arc } from './draw-arcs.ts';
import type { PreparedTask } from './prepare-task.ts';
import type { Recipe } from './recipe.ts';

export type MetricsRow = Record<string, TaskValue>;

/** What became of a row. */
export interface RowOutcome {
  readonly cut: CutRow;
  /** Undefined for controls and rows that could not be drawn. */
  readonly drawn?: { readonly prepared: PreparedTask; readonly arc: Arc };
  readonly templateIndex?: number;
  /** `CODE: sentence`; undefined when all went well. */
  readonly failure?: string;
}

/** Names of all metrics columns of a recipe, once. */
export function emptyMetrics(recipe: Recipe): MetricsRow {
  const manifest = new Set(MANIFEST_COLUMNS.map(({ name }) => name));
  const own = metricsColumns(recipe.bands).filter(({ name }) => !manifest.has(name));
  return Object.fromEntries(own.map(({ name }) => [name, null]));
}

/** All metrics columns of a row, filled or null. */
export function measureRow(recipe: Recipe, outcome: RowOutcome, empty: MetricsRow): MetricsRow {
  const { cut, drawn, failure, templateIndex } = outcome;
  const { task } = cut;
  const isControl = task.is_control === 1;
  const haveMask = cut.failed === undefined && cut.inside;
  const cutoutOk = failure === undefined;
  const row: MetricsRow = { ...task, ...empty };
  row['source_mode'] = recipe.sourceMode;
  row['metrics_only'] = recipe.metricsOnly ? 1 : 0;
  row['cutout_ok'] = cutoutOk ? 1 : 0;
  row['failure'] = failure ?? null;
  row['psf_size_semantics'] = recipe.psf.model === 'none' ? null : recipe.conventions.psfSize;
  row['physics_valid'] = 1;
  if (cut.failed === undefined) {
    row['stamp_x0'] = cut.x0;
    row['stamp_y0'] = cut.y0;
    row['host_x'] = cut.hostX;
    row['host_y'] = cut.hostY;
    const pixels = cut.mask.length;
    recipe.bands.forEach((band, index) => {
      row[`coverage_frac_${band}`] = shareOf(cut.invvar, index * pixels, pixels);
    });
  }
  if (haveMask) {
    row['bad_pixel_frac'] = bitShare(cut.mask, recipe.badBits);
    row['wise_brightmask_frac'] = bitShare(cut.mask, recipe.wiseBits);
  }
  if (templateIndex !== undefined) row['cosmos_index'] = templateIndex;
  if (drawn !== undefined) measureArc(recipe, row, cut, drawn.prepared, drawn.arc);
  row['metrics_ok'] = haveMask && cutoutOk && (isControl || row['arc_snr'] !== null) ? 1 : 0;
  return row;
}

function measureArc(recipe: Recipe, row: MetricsRow, cut: CutRow, prepared: PreparedTask, arc: Arc): void {
  const { bands, reference } = recipe;
  const { psfs } = prepared.row;
  bands.forEach((band, index) => {
    const { fwhmArcsec, kind } = psfs[index];
    row[`psf_fwhm_used_${band}`] = kind === PSF_KINDS.none ? null : fwhmArcsec;
    row[`psf_source_${band}`] = prepared.psfSource[index] ?? null;
    row[`src_mag_${band}_used`] = prepared.magnitudes[index];
    row[`arc_snr_mf_${band}`] = arc.goodCount[index] > 0 ? Math.sqrt(arc.weightedSquare[index]) : null;
  });
  row['total_injected_flux_r'] = arc.sum[reference];
  row['render_flux_err'] = arc.fluxErr;
  row['oversample'] = arc.plan.oversample;
  if (arc.goodCount[reference] > 0) {
    row['arc_snr'] = arc.peakSnr[reference];
    row['arc_snr_sum'] = arc.goodSum[reference] / Math.sqrt(arc.goodVariance[reference]);
    row['arc_snr_mf'] = Math.sqrt(arc.weightedSquare[reference]);
    row['arc_area_pix'] = arc.significantCount[reference];
  }
  const seenUnlensed = arc.unlensedSum[reference] * shareOnStamp(recipe, prepared, arc);
  const magnification = arc.lightSum[reference] / seenUnlensed;
  row['magnification'] = Number.isFinite(magnification) ? magnification : null;
  measureShape(recipe, row, cut, prepared, arc);
  row['expected_arc_radius'] = (row['theta_e_effective_arcsec'] as number | null) ?? null;
  judge(recipe, row, magnification);
}

/**
 * Share of a PSF centred on the source that lies on the stamp. The unlensed sum is of the sharp source; through the PSF this much of it would stay.
 * The PSF stamps hold all of the flux, so a source farther from the edge than they reach loses nothing.
 */
function shareOnStamp(recipe: Recipe, prepared: PreparedTask, arc: Arc): number {
  const psf: PsfParameters = prepared.row.psfs[recipe.reference];
  if (psf.kind === PSF_KINDS.none) return 1;
  const [source] = prepared.row.sources;
  const half = arc.plan.size / 2;
  const x = Math.abs(source.x) / recipe.pixscaleArcsec;
  const y = Math.abs(source.y) / recipe.pixscaleArcsec;
  if (Math.max(x, y) + arc.plan.radius <= half || Math.max(x, y) >= half) return 1;
  return 1 - modelFluxLost({ ...psf, dx: x, dy: y }, half);
}

/** Where the arc is brightest, what the lens does there, and the radius that holds half of its light. */
function measureShape(recipe: Recipe, row: MetricsRow, cut: CutRow, prepared: PreparedTask, arc: Arc): void {
  const { size } = arc.plan;
  const pixels = size * size;
  const { lens } = prepared.row;
  const light = arc.clean.subarray(recipe.reference * pixels, (recipe.reference + 1) * pixels);
  let peak = 0;
  for (let pixel = 1; pixel < pixels; pixel++) if (light[pixel] > light[peak]) peak = pixel;
  if (!(light[peak] > 0)) return;
  const centre = (size - 1) / 2;
  const at = new Float64Array(3);
  const x = ((peak % size) - centre) * recipe.pixscaleArcsec;
  const y = (Math.floor(peak / size) - centre) * recipe.pixscaleArcsec;
  convergenceShear(lens, x, y, at);
  const gamma = Math.hypot(at[1], at[2]);
  row['tangential_stretch'] = finiteOrNull(Math.abs(1 / (1 - at[0] - gamma)));
  row['radial_stretch'] = finiteOrNull(Math.abs(1 / (1 - at[0] + gamma)));
  const lensX = cut.hostX + Number(cut.task['lens_x_arcsec']) / recipe.pixscaleArcsec;
  const lensY = cut.hostY + Number(cut.task['lens_y_arcsec']) / recipe.pixscaleArcsec;
  const radius = halfLightRadius(light, size, lensX, lensY);
  row['cosmos_hlr_arcsec'] = radius === undefined ? null : radius * recipe.pixscaleArcsec;
}

const finiteOrNull = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Width of the rings in which light is summed, px. */
const RING_PX = 0.05;

/** Radius about (x, y), px, within which half of the light lies; undefined without light. Rings of 0.05 px, linear within a ring. */
export function halfLightRadius(light: ArrayLike<number>, size: number, x: number, y: number): number | undefined {
  const rings = new Float64Array(Math.ceil((Math.SQRT2 * 2 * size) / RING_PX));
  let total = 0;
  for (let row = 0, at = 0; row < size; row++) {
    const dy2 = (row - y) ** 2;
    for (let column = 0; column < size; column++, at++) {
      const flux = light[at];
      if (flux === 0) continue;
      total += flux;
      rings[Math.min(rings.length - 1, Math.floor(Math.sqrt((column - x) ** 2 + dy2) / RING_PX))] += flux;
    }
  }
  if (!(total > 0)) return undefined;
  let inside = 0;
  for (let ring = 0; ring < rings.length; ring++) {
    if (inside + rings[ring] >= total / 2 && rings[ring] > 0) return RING_PX * (ring + (total / 2 - inside) / rings[ring]);
    inside += rings[ring];
  }
  return undefined;
}

/** Einstein radius over PSF FWHM below which an arc is not resolved from its host. */
const RESOLVED = 0.5;
const MOST_MAGNIFIED = 1000;

/** Words of the originals on what a row is worth, and ours on what went wrong with it. */
function judge(recipe: Recipe, row: MetricsRow, magnification: number): void {
  const words: string[] = [];
  const thetaE = row['theta_e_arcsec'] as number;
  const fwhm = row[`psf_fwhm_used_${recipe.bands[recipe.reference]}`] as number | null;
  const resolution = fwhm === null ? Number.POSITIVE_INFINITY : thetaE / fwhm;
  if (resolution < RESOLVED) words.push('unresolved');
  if (magnification > MOST_MAGNIFIED) words.push('high_magnification');
  if (row['arc_snr'] !== null && (row['arc_snr'] as number) < 0.2 * resolution ** 2 && fwhm !== null) words.push('low_snr');
  if (row['arc_snr'] === null) words.push('no_good_pixel');
  if (!(Number.isFinite(magnification) && magnification > 0)) {
    row['physics_valid'] = 0;
    words.push('magnification_invalid');
  }
  row['physics_warnings'] = words.length === 0 ? null : words.join(';');
}

function shareOf(values: Float32Array, start: number, length: number): number {
  let count = 0;
  for (let at = start; at < start + length; at++) if (values[at] > 0) count++;
  return count / length;
}

function bitShare(mask: Uint32Array, bits: number): number {
  let count = 0;
  for (let at = 0; at < mask.length; at++) if ((mask[at] & bits) !== 0) count++;
  return count / mask.length;
}
