/**
 * Stage `load`: images and catalogue checked, sources flagged, white stack, its noise, the WCS of the working frame, pictures. Every frame is read
 * once, by rows, within the memory budget.
 */
import { createHash } from 'node:crypto';
import { readInput } from '../../io/atomic.ts';
import { openSource } from '../../io/store/store.ts';
import { inOrder } from '../in-order.ts';
import type { StageContext } from '../stage.ts';
import { checkGaia } from './augment/check-gaia.ts';
import type { FitConfig } from './config.ts';
import type { LoadedField } from './field.ts';
import { fieldOf, type InspectedField, inspectField, probeOf } from './load-field.ts';
import { activeCells, isActive, nothingToFit } from './load-sources.ts';
import { boxHeader, writeWcsSnapshot } from './load-wcs.ts';
import { type Pictures, stackWhite } from './load-white.ts';
import { drawOverlay, sourceMarks } from './overlay.ts';
import type { Picture } from './overlay-picture.ts';
import { inFolder, putObject, WCS_FILE, WHITE_FILE, WHITE_SIGMA_FILE } from './places.ts';
import type { PartResult } from './stages.ts';
import type { WhiteStackSummary } from './white-stack.ts';

/**
 * Loads a field. The field's files stay open until it is closed.
 *
 * @throws as inspectField; INPUT_UNREADABLE, INPUT_INVALID for a Gaia table that later stages cannot use; INPUT_INVALID for images without a good pixel; CONFIG_INVALID for a budget below one row; OUTPUT_UNWRITABLE; ABORTED
 */
export async function loadField(context: StageContext, config: FitConfig): Promise<PartResult> {
  const { log } = context;
  const begin = performance.now();
  const inspected = await inspectField(config);
  const { images } = inspected;
  try {
    for (const warning of inspected.warnings) log.info('warning', `warning: ${warning}`);
    // The stages that read it come after the white stack, which takes minutes.
    await checkGaia(config, images.frames.map(({ band }) => band)); // biome-ignore format: one line
    await context.record.note(await inputFacts(config, inspected));
    const probe = probeOf(inspected, config);
    const checked = performance.now();
    const { summary, pictures, pictureBytes } = await stackWhite(context, config, inspected, probe);
    const stacked = performance.now();
    const field = fieldOf(inspected, config, probe);
    const outputs = await writeOutputs(config, inspected, field, pictures);
    const counts = countsOf(field, config);
    const nothing = nothingToFit(
      counts['sources'],
      counts['excluded_crop'],
      counts['sources'] - counts['active'] - counts['excluded_crop'],
    );
    if (nothing !== undefined) log.info('warning', `warning: ${nothing}`);
    const seconds = {
      check: (checked - begin) / 1000,
      white: (stacked - checked) / 1000,
      pictures: (performance.now() - stacked) / 1000,
    };
    const lines = summaryOf(field, counts, { ...summary, pictureBytes }, config);
    for (const line of lines) log.info('loaded', line);
    return { field, counts, seconds, outputs, summary: lines };
  } catch (error) {
    await images.close();
    throw error;
  }
}

/** What the record keeps of the inputs. Images are known by their size: reading them twice for a checksum would double the stage. */
async function inputFacts(
  { inputs, images }: FitConfig,
  { images: { frames } }: InspectedField,
): Promise<Record<string, unknown>> {
  const sha256 = async (path: string) =>
    createHash('sha256')
      .update(await readInput(path))
      .digest('hex');
  const sizes = await Promise.all(
    images.map(async (path) => {
      const source = await openSource(path);
      await source.close();
      return source.size;
    }),
  );
  const facts = images.map((path, index) => {
    const frame = frames.find((of) => of.path === path);
    return { path, bytes: sizes[index], band: frame?.band, zp_auto: frame?.zpAuto, scale: frame?.scale };
  });
  const texts = [
    inputs.inputCatalog,
    inputs.imageListFile,
    ...(inputs.gaiaxpSynphotCsv === null ? [] : [inputs.gaiaxpSynphotCsv]),
  ];
  const local = texts.filter((path) => !path.includes('://'));
  const sums = await Promise.all(local.map(async (path) => [path, await sha256(path).catch(() => null)] as const));
  return { inputs: { images: facts, sha256: Object.fromEntries(sums) } };
}

/** A pixel of a picture while it is drawn and packed: its colours, the same in lines, what they are packed into, and that as a file. */
const DRAWING_BYTES = 12;

async function writeOutputs(
  config: FitConfig,
  { images }: InspectedField,
  field: LoadedField,
  pictures: Pictures,
): Promise<string[]> {
  const { outputs, plotting, patchRun } = config;
  const outputsWritten = [WHITE_FILE, WHITE_SIGMA_FILE].map((name) => inFolder(outputs.workDir, name));
  const wcsPlace = inFolder(outputs.workDir, WCS_FILE);
  await writeWcsSnapshot(wcsPlace, boxHeader(images.first.header, images.box));
  outputsWritten.push(wcsPlace);
  const draw = async (place: string, title: string, picture: Picture | undefined, withSources: boolean) => {
    if (picture === undefined) return undefined;
    const { marks, notes } = withSources ? sourceMarks(field.sources, picture.box, patchRun.galModel) : { marks: [], notes: [] };
    const isWhole = picture === pictures.before;
    const outlines = isWhole ? [{ box: images.box, colour: '#00ff00', label: 'working frame' }] : [];
    await putObject(place, await drawOverlay({ title, picture, marks, notes, outlines, dpi: plotting.dpi }));
    return place;
  };
  const [crops, overlays] = [outputs.croppedImagesDir, outputs.overlayDir];
  const drawings = [
    [crops, 'white_before_crop.png', 'White stack before the crop', pictures.before, false],
    [crops, 'white_after_crop.png', 'White stack after the crop', pictures.after, false],
    [overlays, 'white_overlay.png', 'White stack and catalogue', pictures.overlay, true],
    [overlays, 'white_overlay_zoom.png', 'White stack and catalogue, a part', pictures.zoom, true],
  ] as const;
  // One is drawn while another thread packs the one before, where there is memory for both.
  const largest = Math.max(...drawings.map(([, , , picture]) => DRAWING_BYTES * (picture?.values.length ?? 0)));
  const atOnce = 2 * largest > config.performance.memoryBudget ? 1 : 2;
  const drawn = inOrder(drawings, atOnce, ([folder, name, title, picture, withSources]) =>
    draw(inFolder(folder, name), title, picture, withSources),
  );
  for await (const { result: place } of drawn) if (place !== undefined) outputsWritten.push(place);
  return outputsWritten;
}

function countsOf({ frames, sources, box }: LoadedField, { epsf }: FitConfig): Record<string, number> {
  return {
    images: frames.length,
    sources: sources.length,
    active: sources.filter(isActive).length,
    excluded_crop: sources.filter(({ excludedCrop }) => excludedCrop).length,
    excluded_saturation: sources.filter(({ excludedSaturation }) => excludedSaturation).length,
    duplicate_id: sources.filter(({ duplicateId }) => duplicateId).length,
    without_position: sources.filter(({ x, y }) => !Number.isFinite(x + y)).length,
    active_cells: activeCells(sources, box.width, box.height, epsf.epsfNgrid).size,
  };
}

const MIB = 2 ** 20;

function summaryOf(
  { frames, box }: LoadedField,
  counts: Record<string, number>,
  white: WhiteStackSummary & { readonly pictureBytes: number },
  { performance }: FitConfig,
): string[] {
  const flagged = `${counts['excluded_crop']} outside, ${counts['excluded_saturation']} near saturated pixels`;
  const chunks = `${white.chunks} chunks of ${white.rowsPerChunk} rows`;
  const mib = (bytes: number) => (bytes / MIB).toFixed(0);
  const held = `${mib(white.plannedBytes)} MiB and ${mib(white.pictureBytes)} MiB of pictures`;
  const planned = `${held} of a budget of ${mib(performance.memoryBudget)} MiB`;
  return [
    `${frames.length} bands (${frames.map(({ band }) => band).join(', ')}), working frame ${box.width} x ${box.height} px from (${box.x0}, ${box.y0})`,
    `${counts['active']} of ${counts['sources']} sources are fitted: ${flagged}`,
    `white stack: ${chunks}, ${planned}; process at most ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB so far`,
  ];
}
