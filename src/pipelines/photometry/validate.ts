/** `arclet fit validate`: everything that a run would check before it reads a pixel, and nothing written. */
import { ArcletError, isArcletError } from '../../core/errors.ts';
import { defineStage, type Stage, type StageLog } from '../stage.ts';
import { checkGaia } from './augment/check-gaia.ts';
import type { FitConfig } from './config.ts';
import { checkBands, type FieldCatalogue, readFieldCatalogue } from './load-catalogue.ts';
import { openImages } from './load-field.ts';
import { nothingToFit, outsideOf, placesOf } from './load-sources.ts';
import { type PlannedImages, plannedImages } from './resample/preview.ts';

export const validateStage: Stage<FitConfig> = defineStage<FitConfig>({
  name: 'validate',
  aliases: [],
  summary: 'checks config, files, headers, WCS, bands and catalogue, and writes nothing',
  keys: [],
  async run({ log }, config) {
    const faults: ArcletError[] = [];
    const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await work();
      } catch (error) {
        if (!isArcletError(error)) throw error;
        faults.push(error);
        return undefined;
      }
    };
    const catalogue = await attempt(() => readFieldCatalogue(config.inputs.inputCatalog));
    const images = await attempt<PlannedImages>(() => (config.resample.enabled ? plannedImages(config) : openImages(config)));
    try {
      const bands = images?.frames.map(({ band }) => band) ?? [];
      if (catalogue && images) await attempt(async () => checkBands(config.inputs.inputCatalog, catalogue.bands, bands));
      const gaiaWarnings = await attempt(() => checkGaia(config, bands));
      for (const warning of [...(catalogue?.warnings ?? []), ...(images?.warnings ?? []), ...(gaiaWarnings ?? [])])
        log.info('warning', `warning: ${warning}`);
      if (faults.length > 0) throw together(faults);
      return report(log, catalogue as FieldCatalogue, images as PlannedImages);
    } finally {
      await images?.close();
    }
  },
});

/** One fault as it is; several in one error of the first one's kind. */
function together(faults: readonly ArcletError[]): ArcletError {
  if (faults.length === 1) return faults[0];
  return new ArcletError(faults[0].code, faults.map(({ message }) => message).join(' '), {
    subject: faults[0].subject,
    remedy: faults.flatMap(({ remedy }) => remedy ?? []).join(' '),
    data: { faults: faults.map(({ code, message, data }) => ({ code, message, data })) },
  });
}

function report(log: StageLog, catalogue: FieldCatalogue, images: PlannedImages) {
  const { frames, box, wcs, pixscaleArcsec, preparation } = images;
  const outside = outsideOf(placesOf(wcs, catalogue), box).reduce((sum, flag) => sum + flag, 0);
  const nothing = nothingToFit(catalogue.rows, outside, 0);
  if (nothing !== undefined) log.info('warning', `warning: ${nothing}`);
  return {
    outcome: 'done' as const,
    counts: { images: frames.length, sources: catalogue.rows, outside },
    outputs: [],
    summary: [
      ...(preparation === undefined ? [] : [preparation]),
      `${frames.length} bands: ${frames.map(({ band }) => band).join(', ')}`,
      `working frame ${box.width} x ${box.height} px from (${box.x0}, ${box.y0}), ${pixscaleArcsec.toFixed(4)} arcsec per px`,
      `${catalogue.rows} sources, ${catalogue.rows - outside} of them in the working frame`,
    ],
  };
}
