/** Opens a field: headers, common grid, catalogue. Everything that can be told without reading pixels is checked here, and told in one error. */
import { ArcletError } from '../../core/errors.ts';
import { inOrder } from '../in-order.ts';
import { alignmentProblems, coverageProblems } from './checks.ts';
import type { FitConfig } from './config.ts';
import type { LoadedField, PixelBox } from './field.ts';
import { checkBands, type FieldCatalogue, readFieldCatalogue } from './load-catalogue.ts';
import { boxWcs, type ImageFrame, imageFrame } from './load-frames.ts';
import { checkOverrides, type FileProblem, type ImageFile, readImageHeader } from './load-header.ts';
import { scanRows } from './load-scan.ts';
import { outsideOf, type Places, placesOf, SaturationProbe, sourcesOf } from './load-sources.ts';

/** The images of a field, open. */
export interface FieldImages {
  /** By band name. */
  readonly frames: readonly ImageFrame[];
  /** The first of the image list: the WCS of the field is its. */
  readonly first: ImageFile;
  readonly box: PixelBox;
  readonly wcs: LoadedField['wcs'];
  readonly pixscaleArcsec: number;
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export const AUTO_READERS = 8;
const PROBLEMS_TOLD = 5;

/** What the headers of a config's images say, in the order of the list. */
export interface ImageHeaders<T> {
  readonly files: readonly T[];
  readonly problems: FileProblem[];
  readonly warnings: readonly string[];
}

/**
 * Opens the images a few at a time. `take` is handed each that has pixels and a WCS, and closes it or sees to it that somebody does.
 *
 * @throws CONFIG_INVALID for overrides of files that are not there
 */
export async function readHeaders<T>(config: FitConfig, take: (image: ImageFile) => Promise<T>): Promise<ImageHeaders<T>> {
  checkOverrides(config);
  const workers = config.performance.framePrepWorkers;
  const atOnce = Math.min(config.images.length, workers === 'auto' ? AUTO_READERS : workers);
  const read = async (path: string) => {
    const { image, problems, warnings } = await readImageHeader(path, config.inputs);
    return { files: image === undefined ? [] : [await take(image)], problems, warnings };
  };
  const files: T[] = [];
  const problems: FileProblem[] = [];
  const warnings: string[] = [];
  for await (const { result } of inOrder(config.images, atOnce, read)) {
    files.push(...result.files);
    problems.push(...result.problems);
    warnings.push(...result.warnings);
  }
  return { files, problems, warnings };
}

/**
 * Opens the images and checks headers, shapes, WCS and bands. Cheap: a worker thread may open the field again.
 *
 * @throws INPUT_INVALID with every fault of every file; CONFIG_INVALID for a crop that leaves nothing, or overrides of files that are not there
 */
export async function openImages(config: FitConfig): Promise<FieldImages> {
  const { files, problems, warnings } = await readHeaders(config, async (image) => image);
  const close = async () => {
    await Promise.all(files.map(({ file }) => file.close()));
  };
  try {
    if (files.length > 1) problems.push(...alignmentProblems(files, config));
    if (problems.length > 0) throw imageError(problems, config);
    const [first] = files;
    const box = workingBox(config, first.shape);
    const { wcs, pixscaleArcsec } = boxWcs(first, box);
    const short = coverageProblems(files, stackedBox(config, box, first.shape));
    if (short.length > 0) throw imageError(short, config);
    const frames = files.map((file) => imageFrame(file, box, config.imageScaling.zpRef, pixscaleArcsec));
    frames.sort((a, b) => (a.band < b.band ? -1 : 1));
    return { frames, first, box, wcs, pixscaleArcsec, warnings, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** All problems in one error: the first few in its message, every one in its data. */
export function imageError(problems: readonly FileProblem[], { images }: FitConfig): ArcletError {
  const byPath = Map.groupBy(problems, ({ path }) => path);
  const told = [...byPath].slice(0, PROBLEMS_TOLD).map(([path, of]) => `${path}: ${of.map(({ what }) => what).join(', ')}`);
  const more = byPath.size > PROBLEMS_TOLD ? `; and ${byPath.size - PROBLEMS_TOLD} more` : '';
  return new ArcletError(
    'INPUT_INVALID',
    `${byPath.size} of ${images.length} images cannot be used: ${told.join('; ')}${more}.`,
    {
      subject: problems[0].path,
      remedy: [...new Set(problems.map(({ remedy }) => remedy))].join(' '),
      data: { problems: problems.map(({ path, what }) => ({ path, what })) },
    },
  );
}

/** The images without the margin. Throws CONFIG_INVALID when nothing is left. */
export function workingBox({ crop }: FitConfig, [height, width]: readonly [number, number]): PixelBox {
  if (!crop.enabled) return { x0: 0, y0: 0, width, height };
  const { margin } = crop;
  const box = { x0: margin, y0: margin, width: width - 2 * margin, height: height - 2 * margin };
  if (box.width > 0 && box.height > 0) return box;
  throw new ArcletError('CONFIG_INVALID', `A crop margin of ${margin} px leaves nothing of images of ${width} x ${height} px.`, {
    subject: 'crop.margin',
    remedy: 'Give a smaller crop.margin, or crop.enabled: false.',
    data: { margin, width, height },
  });
}

/** What is stacked of images of this shape: the working frame, or all of it where there is a picture of what the crop leaves out. */
export function stackedBox({ crop }: FitConfig, box: PixelBox, [height, width]: readonly [number, number]): PixelBox {
  return crop.enabled && crop.plotPreCrop ? { x0: 0, y0: 0, width, height } : box;
}

/** A field whose pixels have not been looked at. */
export interface InspectedField {
  readonly images: FieldImages;
  readonly catalogue: FieldCatalogue;
  readonly places: Places;
  readonly warnings: readonly string[];
}

/** Opens images and catalogue. Throws as {@link openImages} and readFieldCatalogue, and INPUT_INVALID for FLUX_ columns that are not the bands. */
export async function inspectField(config: FitConfig): Promise<InspectedField> {
  // The catalogue first: with its faults no file need stay open.
  const catalogue = await readFieldCatalogue(config.inputs.inputCatalog);
  const images = await openImages(config);
  try {
    const bands = images.frames.map(({ band }) => band);
    checkBands(config.inputs.inputCatalog, catalogue.bands, bands);
    const places = placesOf(images.wcs, catalogue);
    return { images, catalogue, places, warnings: [...catalogue.warnings, ...images.warnings] };
  } catch (error) {
    await images.close();
    throw error;
  }
}

/** The probe of a field; undefined where the saturation cut is off. */
export function probeOf({ places }: InspectedField, { sourceSaturationCut }: FitConfig): SaturationProbe | undefined {
  return sourceSaturationCut.enabled ? new SaturationProbe(places, sourceSaturationCut.radiusPix) : undefined;
}

/** The field, once the probe has seen all rows of all frames. */
export function fieldOf(inspected: InspectedField, config: FitConfig, probe: SaturationProbe | undefined): LoadedField {
  const { images, catalogue, places } = inspected;
  const { frames, box, wcs, pixscaleArcsec, close } = images;
  const none = new Uint8Array(catalogue.rows);
  // The original flags nothing when it does not crop, and then fits nothing at these places either.
  const crop = config.crop.enabled || config.profile === 'arclet' ? outsideOf(places, box) : none;
  const bands = frames.map(({ band }) => band);
  const saturation = probe?.flags(bands, config.sourceSaturationCut.requireAllBands) ?? none;
  const sources = sourcesOf(catalogue, places, { crop, saturation });
  return { frames, box, wcs, pixscaleArcsec, sources, columns: catalogue.columns, close };
}

const CHUNK_BYTES = 16e6;

/**
 * Opens a field with all flags of its sources. Reads every frame once, by rows, when the saturation cut is on; see load.ts for the stage, which
 * makes the white stack in the same pass.
 *
 * @throws as {@link inspectField}
 */
export async function openField(config: FitConfig): Promise<LoadedField> {
  const inspected = await inspectField(config);
  try {
    const probe = probeOf(inspected, config);
    if (probe !== undefined) {
      for (const frame of inspected.images.frames) {
        const step = Math.max(1, Math.floor(CHUNK_BYTES / (5 * frame.width)));
        for (let y0 = 0; y0 < frame.height; y0 += step) {
          const count = Math.min(step, frame.height - y0);
          const rows = { y0, count, x0: 0, stride: frame.width };
          probe.look(frame.band, scanRows(await frame.rows(y0, count), rows, inspected.images.box));
        }
      }
    }
    return fieldOf(inspected, config, probe);
  } catch (error) {
    await inspected.images.close();
    throw error;
  }
}
