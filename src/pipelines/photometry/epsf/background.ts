/** The sky of a cell: sources are masked, a mesh background is measured on the rest and subtracted. */
import { isArcletError } from '../../../core/errors.ts';
import { measureBackground } from '../../../sky/detection/background.ts';
import type { CellTask } from './cell-types.ts';
import { meanOf, medianOfPixels } from './medians.ts';

export interface CellBackground {
  /** Level at every pixel; undefined where nothing was subtracted. */
  readonly level: Float32Array | undefined;
  /** Image less level. */
  readonly image: Float32Array;
  /** As meta.json has it. */
  readonly report: Readonly<Record<string, unknown>>;
}

/** Smallest mesh, px: fewer pixels have no mode. */
const LEAST_MESH = 8;

/**
 * Background of a cell. Pixels above median + background_source_mask_sigma sigma of the sky, grown by background_mask_dilate pixels, are left out.
 * A cell whose background cannot be measured keeps its pixels, and says so.
 */
export function subtractBackground(task: CellTask): CellBackground {
  const { section, image, bad, settings, frame } = task;
  const share = (mask: Uint8Array) => mask.reduce((sum, one) => sum + one, 0) / mask.length;
  if (!settings.backgroundSubtractPatch) return { level: undefined, image, report: nothing('disabled', share(bad)) };
  const level = medianOfPixels(image, bad) + settings.backgroundSourceMaskSigma * frame.sigmaSky;
  const bright = new Uint8Array(image.length);
  for (let k = 0; k < bright.length; k++) bright[k] = image[k] > level ? 1 : 0;
  const mask = dilate(bright, section.width, section.height, settings.backgroundMaskDilate);
  for (let k = 0; k < mask.length; k++) if (bad[k] !== 0) mask[k] = 1;
  const meshSize = Math.max(LEAST_MESH, settings.backgroundBoxsize);
  try {
    const background = measureBackground(
      { data: image, width: section.width, height: section.height },
      {
        mask,
        meshWidth: meshSize,
        meshHeight: meshSize,
        filterWidth: settings.backgroundFiltersize,
        filterHeight: settings.backgroundFiltersize,
        interpolation: task.profile === 'tract7dt' ? 'sextractor' : 'natural',
      },
    );
    const sky = background.levelMap() as Float32Array;
    if (background.filledMeshes === background.meshLevel.length || !background.meshLevel.every(Number.isFinite)) {
      return { level: undefined, image, report: nothing('error', share(mask), 'no good pixel') };
    }
    const every = new Uint8Array(sky.length);
    const noise = background.rmsMap() as Float32Array;
    return {
      level: sky,
      image: image.map((value, k) => value - sky[k]),
      report: {
        patch_bkg_median: medianOfPixels(sky, every),
        patch_bkg_mean: meanOf(sky),
        patch_bkg_rms_median: medianOfPixels(noise, every),
        patch_bkg_rms_mean: meanOf(noise),
        patch_bkg_mask_frac: share(mask),
        patch_bkg_status: 'ok',
      },
    };
  } catch (error) {
    if (!isArcletError(error)) throw error;
    return { level: undefined, image, report: nothing('error', share(mask), error.message) };
  }
}

function nothing(status: string, masked: number, error?: string): Record<string, unknown> {
  return {
    patch_bkg_median: 0,
    patch_bkg_mean: 0,
    patch_bkg_rms_median: null,
    patch_bkg_rms_mean: null,
    patch_bkg_mask_frac: masked,
    patch_bkg_status: status,
    ...(error === undefined ? {} : { patch_bkg_error: error }),
  };
}

/** A mask grown by `reach` pixels in all eight directions: `reach` rounds of a 3 x 3 dilation. */
export function dilate(mask: Uint8Array, width: number, height: number, reach: number): Uint8Array {
  if (reach === 0) return mask;
  const grow = (from: Uint8Array, lines: number, length: number, lineStep: number, step: number) => {
    const to = new Uint8Array(from.length);
    for (let line = 0; line < lines; line++) {
      let until = -1;
      // What lies ahead by up to `reach` counts too: look there first.
      for (let at = -reach; at < length; at++) {
        const ahead = at + reach;
        if (ahead < length && from[line * lineStep + ahead * step] !== 0) until = ahead + reach;
        if (at >= 0 && at <= until) to[line * lineStep + at * step] = 1;
      }
    }
    return to;
  };
  return grow(grow(mask, height, width, width, 1), width, height, 1, width);
}
