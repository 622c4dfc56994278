/**
 * Stage `augment`: which rows of the catalogue are Gaia stars, and Gaia stars that the catalogue does not have as rows of their own, so that zero points
 * can be measured on them. After tract7dt (MIT); what profile arclet does otherwise is told in docs/photometry.md.
 */
import { parse } from 'node:path';
import type { StageContext } from '../stage.ts';
import { meanEpoch } from './augment/epoch.ts';
import { type GaiaSelection, readGaia } from './augment/gaia-table.ts';
import { gaiaPicture } from './augment/picture.ts';
import { augmentRows, writeTexts } from './augment/rows.ts';
import { saturatedPlaces } from './augment/saturation.ts';
import { gaiaBox, matchNearest, matchOneToOne } from './augment/select.ts';
import type { FitConfig } from './config.ts';
import type { LoadedField } from './field.ts';
import { isActive } from './load-sources.ts';
import { inFolder, putObject } from './places.ts';
import type { PartResult } from './stages.ts';

/**
 * Matches a loaded field with Gaia. Gives the field with `gaiaSourceId`, filled fluxes and injected rows, and writes `ZP/<catalogue>_with_Gaia.csv` and
 * `ZP/gaia_augmentation_overlay.png`. Without a Gaia table the field stays as it is.
 *
 * @throws INPUT_UNREADABLE; INPUT_INVALID for a Gaia table without the needed columns; OUTPUT_UNWRITABLE; ABORTED
 */
export async function augmentField(context: StageContext, config: FitConfig, field: LoadedField): Promise<PartResult> {
  const { inputs, imageScaling, outputs, profile, sourceSaturationCut, zp } = config;
  const location = inputs.gaiaxpSynphotCsv;
  if (location === null) {
    const line = 'no inputs.gaiaxp_synphot_csv: no Gaia source is matched or injected';
    context.log.info('warning', `warning: ${line}.`);
    return { field, counts: {}, outputs: [], summary: [line] };
  }
  const isOriginal = profile === 'tract7dt';
  const bands = field.frames.map(({ band }) => band);
  const active = field.sources.filter(isActive);
  const box = gaiaBox(
    { x: active.map(({ x }) => x), y: active.map(({ y }) => y) },
    zp.minBoxSizePix,
    field.box.width,
    field.box.height,
  );
  const epochYear = meanEpoch(field.frames, profile);
  const selection = await readGaia(location, {
    magMin: zp.gaiaMagMin,
    magMax: zp.gaiaMagMax,
    box,
    wcs: field.wcs,
    bands,
    requireBands: !isOriginal,
    dropRepeated: !isOriginal,
    epochYear,
  });
  const gaia = selection.sources;
  const rows = { ra: field.sources.map(({ ra }) => ra), dec: field.sources.map(({ dec }) => dec) };
  const matches = (isOriginal ? matchNearest : matchOneToOne)(rows, gaia, zp.matchRadiusArcsec / 3600);
  const matchedIds = new Set(Array.from(matches).flatMap((source) => gaia.id[source] ?? []));
  const unmatched = zp.injectGaiaSources ? Array.from(gaia.id.keys()).filter((source) => !matchedIds.has(gaia.id[source])) : [];
  const places = { x: unmatched.map((source) => gaia.x[source]), y: unmatched.map((source) => gaia.y[source]) };
  const hits = sourceSaturationCut.enabled
    ? await saturatedPlaces(field, places, sourceSaturationCut, context.signal)
    : new Uint8Array(unmatched.length);
  const injected = unmatched.filter((_, index) => hits[index] === 0);
  const saturated = unmatched.filter((_, index) => hits[index] === 1);
  const augmented = augmentRows(field, inputs.inputCatalog, {
    gaia,
    matches,
    injected,
    bands,
    zpRef: imageScaling.zpRef,
    injectedFlag: isOriginal ? '' : 'False',
    withDuplicates: !isOriginal,
  });
  const folder = inFolder(outputs.workDir, 'ZP');
  const table = inFolder(folder, `${parse(inputs.inputCatalog).name}_with_Gaia.csv`);
  await writeTexts(table, augmented.columns);
  const picture = inFolder(folder, 'gaia_augmentation_overlay.png');
  const shown = {
    sources: augmented.sources,
    originals: field.sources.length,
    saturated: saturated.map((source) => ({ x: gaia.x[source], y: gaia.y[source] })),
    selection: box,
  };
  await putObject(picture, await gaiaPicture(config, field, shown));
  const counts = {
    gaia_rows: selection.rows,
    gaia_selected: gaia.id.length,
    gaia_matched: matches.reduce((sum, source) => sum + +(source >= 0), 0),
    gaia_injected: injected.length,
    gaia_saturated: saturated.length,
    gaia_fluxes_filled: augmented.filled,
    duplicate_id: augmented.sources.filter(({ duplicateId }) => duplicateId).length,
  };
  for (const warning of warningsOf(location, selection, isOriginal)) context.log.info('warning', `warning: ${warning}`);
  const extent = `x ${box.x0} .. ${box.x1}, y ${box.y0} .. ${box.y1}`;
  const summary = [
    `Gaia: ${selection.bright} of ${selection.rows} sources have G ${zp.gaiaMagMin} .. ${zp.gaiaMagMax}, ${gaia.id.length} of them are in the box ${extent}`,
    `Gaia: ${counts.gaia_matched} of ${field.sources.length} rows matched within ${zp.matchRadiusArcsec} arcsec, ${augmented.filled} fluxes filled; ${injected.length} sources injected, ${saturated.length} near saturated pixels left out`,
  ];
  if (selection.unmoved === undefined)
    summary.push(`Gaia: ${selection.moved} sources moved to ${epochYear?.toFixed(3)}, the mean epoch of the images`);
  for (const line of summary) context.log.info('augmented', line);
  const { sources, columns } = augmented;
  return { field: { ...field, sources, columns }, counts, outputs: [table, picture], summary };
}

function warningsOf(location: string, selection: GaiaSelection, isOriginal: boolean): string[] {
  const { nameless, repeated, bandsWithout, unmoved, sources } = selection;
  return [
    ...(nameless > 0 ? [`${location}: ${nameless} rows have no source_id or no place on the sky and are left out.`] : []),
    ...(repeated > 0 ? [`${location}: ${repeated} rows have a source_id that stands before; the first of them counts.`] : []),
    ...(bandsWithout.length > 0
      ? [`${location} has no mag_ of ${bandsWithout.join(', ')}: injected rows have flux 0 there.`]
      : []),
    ...(unmoved !== undefined && !isOriginal ? [`Gaia sources stay at their catalogue's epoch: ${unmoved}.`] : []),
    ...(sources.id.length === 0 ? [`${location}: no source is within the magnitudes and the box.`] : []),
  ];
}
