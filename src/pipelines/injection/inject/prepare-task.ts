/** A row of the manifest becomes the numbers that the kernels take: lens, source, flux and PSF, each with its convention applied. */
import { type PsfParameters, psfParameters } from '../../../../kernels/psf-struct.ts';
import { type SourceParameters, sersicSource, type TemplateBank, templateSource } from '../../../../kernels/source-struct.ts';
import { ArcletError } from '../../../core/errors.ts';
import { lensParameters } from '../../../sky/lensing/models.ts';
import { fluxFromMagnitude } from '../../../sky/photometry.ts';
import type { Task } from '../columns.ts';
import type { PreparedRow } from '../render-rows.ts';
import type { Recipe } from './recipe.ts';

/** Where a PSF size came from, as the originals number it. */
export const PSF_SOURCE = { map: 0, manifest: 1, referenceBand: 2, fallback: 3 } as const;

export interface PreparedTask {
  readonly row: PreparedRow;
  /** One per band; undefined without a PSF. */
  readonly psfSource: readonly (number | undefined)[];
  /** AB magnitude of the unlensed source, one per band. */
  readonly magnitudes: readonly number[];
}

/** What a row needs beside itself. */
export interface TaskSurroundings {
  readonly size: number;
  /** Target in the stamp, 0-based pixel centres. */
  readonly hostX: number;
  readonly hostY: number;
  /** Values of the psfsize maps at the target, arcsec, one per band: NaN without a map, 0 without coverage. */
  readonly psfsize: ArrayLike<number>;
  /** The row's template: its place in `bank`, and the pixel of the bank, arcsec. */
  readonly template?: { readonly bank: TemplateBank; readonly index: number; readonly pixscaleArcsec: number };
}

/** q of an ellipticity e = (1-q)/(1+q), not below 0.05: thinner ellipses are no galaxies, and no profile here is made for them. */
const axisRatio = (ellipticity: number): number => Math.max(0.05, (1 - ellipticity) / (1 + ellipticity));

/** r - i of a source as a share of its r - z: i lies at 0.78 of 0.64 .. 0.92 micrometres, and spectra of arcs are about linear between. */
const RI_SHARE_OF_RZ = 0.6;

/** AB magnitude of the source in a band, from r and the row's own colours. NaN where the row has none. */
export function sourceMagnitude(task: Task, band: string): number {
  const r =
    task['src_mag_r'] === null ? Number(task['rmag'] ?? Number.NaN) + Number(task['src_dmag']) : Number(task['src_mag_r']);
  if (band === 'g') return r + Number(task['src_gr']);
  if (band === 'i') return r - RI_SHARE_OF_RZ * Number(task['src_rz']);
  if (band === 'z') return r - Number(task['src_rz']);
  return r;
}

/**
 * @throws INPUT_INVALID naming the column: a value that is not finite, a PSF narrower than the pixels hold, a profile outside its range. The caller
 * makes it the row's reason.
 */
export function prepareTask(recipe: Recipe, task: Task, around: TaskSurroundings): PreparedTask {
  const { bands, pixscaleArcsec } = recipe;
  const { size } = around;
  const centre = (size - 1) / 2;
  const lensX = (around.hostX - centre) * pixscaleArcsec + finite(task, 'lens_x_arcsec');
  const lensY = (around.hostY - centre) * pixscaleArcsec + finite(task, 'lens_y_arcsec');
  if (task.lens_model !== 'SIE' && task.lens_model !== 'SIS')
    throw unusable(task, `lens_model is ${task.lens_model}, and lenses are SIE or SIS`);
  const shear = finite(task, 'shear');
  const shearPhi = finite(task, 'shear_phi_rad');
  const lens = lensParameters({
    model: task.lens_model === 'SIS' ? 'sis' : 'sie',
    thetaEArcsec: finite(task, 'theta_e_arcsec'),
    thetaEConvention: recipe.conventions.thetaE,
    q: task.lens_model === 'SIS' ? 1 : axisRatio(finite(task, 'lens_e')),
    phiRad: finite(task, 'lens_phi_rad'),
    xArcsec: lensX,
    yArcsec: lensY,
    gamma1: shear * Math.cos(2 * shearPhi),
    gamma2: shear * Math.sin(2 * shearPhi),
    kappaExt: 0,
  });
  const magnitudes = bands.map((band) => sourceMagnitude(task, band));
  const dark = magnitudes.findIndex((magnitude) => !Number.isFinite(magnitude));
  if (dark >= 0) throw unusable(task, `the source has no magnitude in ${bands[dark]}`);
  const psfs = bands.map((_, band) => bandPsf(recipe, task, around.psfsize, band));
  return {
    row: {
      lens,
      sources: [sourceOf(recipe, task, around, lensX, lensY)],
      flux: [magnitudes.map((magnitude) => fluxFromMagnitude(magnitude))],
      psfs: psfs.map(({ psf }) => psf),
    },
    psfSource: psfs.map(({ source }) => source),
    magnitudes,
  };
}

function sourceOf(recipe: Recipe, task: Task, around: TaskSurroundings, lensX: number, lensY: number): SourceParameters {
  const xArcsec = lensX + finite(task, 'src_x_arcsec');
  const yArcsec = lensY + finite(task, 'src_y_arcsec');
  if (around.template === undefined) {
    return sersicSource(
      {
        n: finite(task, 'src_n'),
        rEffArcsec: finite(task, 'src_reff_arcsec'),
        rEffConvention: recipe.conventions.halfLight,
        bnConvention: recipe.conventions.bn,
        q: axisRatio(finite(task, 'src_e')),
        phiRad: finite(task, 'src_phi_rad'),
        xArcsec,
        yArcsec,
      },
      recipe.pixscaleArcsec,
    );
  }
  const { bank, index, pixscaleArcsec } = around.template;
  const phiRad = recipe.template.rotate ? 2 * Math.PI * finite(task, 'template_u') : 0;
  return templateSource(
    { template: index, templatePixscaleArcsec: pixscaleArcsec, phiRad, xArcsec, yArcsec },
    bank,
    recipe.pixscaleArcsec,
  );
}

/** The PSF of a band: from the map at the target, else the manifest, else the reference band, else the fallback. */
function bandPsf(
  recipe: Recipe,
  task: Task,
  maps: ArrayLike<number>,
  band: number,
): { psf: PsfParameters; source: number | undefined } {
  const { psf, pixscaleArcsec, conventions } = recipe;
  if (psf.model === 'none') return { psf: psfParameters({ model: 'none' }, pixscaleArcsec), source: undefined };
  const own = measuredSize(recipe, task, maps, band);
  const reference = own ?? measuredSize(recipe, task, maps, recipe.reference);
  const source = own?.source ?? (reference === undefined ? PSF_SOURCE.fallback : PSF_SOURCE.referenceBand);
  const fwhmArcsec = reference?.size ?? psf.fallbackArcsec;
  const description =
    psf.model === 'moffat'
      ? ({ model: 'moffat', fwhmArcsec, beta: psf.beta, sizeSemantics: conventions.psfSize } as const)
      : ({ model: 'gaussian', fwhmArcsec } as const);
  return { psf: psfParameters(description, pixscaleArcsec), source };
}

function measuredSize(
  recipe: Recipe,
  task: Task,
  maps: ArrayLike<number>,
  band: number,
): { size: number; source: number } | undefined {
  const map = recipe.psf.useMaps ? maps[band] : Number.NaN;
  if (Number.isFinite(map) && map > 0) return { size: map, source: PSF_SOURCE.map };
  const manifest = Number((task as Readonly<Record<string, unknown>>)[`psfsize_${recipe.bands[band]}`] ?? Number.NaN);
  return Number.isFinite(manifest) && manifest > 0 ? { size: manifest, source: PSF_SOURCE.manifest } : undefined;
}

function finite(task: Task, column: string): number {
  const value = (task as Readonly<Record<string, unknown>>)[column];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw unusable(task, `${column} is ${String(value)}`);
}

function unusable(task: Task, why: string): ArcletError {
  return new ArcletError('INPUT_INVALID', `Row ${task.task_id} cannot be drawn: ${why}.`, {
    subject: task.task_id,
    remedy: 'Correct the row of the manifest.',
  });
}
