/** What stage `load` will find once the images are aligned, from headers alone. */

import type { FitConfig } from '../config.ts';
import type { FieldImages } from '../load-field.ts';
import { workingBox } from '../load-field.ts';
import { planAlignment } from './align-plan.ts';
import { partOf } from './placement.ts';
import { middleScale } from './target.ts';

export type PlannedImages = Pick<FieldImages, 'box' | 'wcs' | 'pixscaleArcsec' | 'warnings' | 'close'> & {
  /** By band name. */
  readonly frames: readonly { readonly band: string }[];
  /** What will be done to get there, where anything will be. */
  readonly preparation?: string;
};

/** Throws as planAlignment, and CONFIG_INVALID for a crop that leaves nothing of the target. */
export async function plannedImages(config: FitConfig): Promise<PlannedImages> {
  const { target, bands, leftOut, warnings } = await planAlignment(config);
  const box = workingBox(config, [target.height, target.width]);
  const grid = partOf(target, box);
  const left = leftOut.map(({ path, reason }) => `${path} is left out: ${reason}.`);
  const used = bands.reduce((sum, band) => sum + band.frames.length, 0);
  const ready = bands.filter(({ asItIs }) => asItIs).length;
  const frames = bands.map(({ band }) => ({ band })).sort((a, b) => (a.band < b.band ? -1 : 1));
  return {
    frames,
    box,
    wcs: grid.wcs,
    pixscaleArcsec: middleScale(grid),
    warnings: [...warnings, ...left],
    preparation: `${used - ready} of ${config.images.length} images are resampled to ${target.width} x ${target.height} px: ${target.from}`,
    // Nothing is open.
    close: async () => {},
  };
}
