/** What resampling will make of the images of a config: one grid, the bands, and which images have a place in them. Reads headers only. */
import { MAX_BANDS } from '../../../../kernels/coadd-white/spec.ts';
import { ArcletError, isArcletError } from '../../../core/errors.ts';
import { duplicateBands } from '../checks.ts';
import type { FitConfig } from '../config.ts';
import type { PixelBox } from '../field.ts';
import { imageError, readHeaders } from '../load-field.ts';
import type { FileProblem, ImageFile, ImageHeader } from '../load-header.ts';
import { boxOn, partOf } from './placement.ts';
import { type Grid, planResampling, type ResampleOptions, requireSameFrame } from './plan.ts';
import { isOnGrid, type TargetGrid, targetGrid } from './target.ts';

export interface PlacedFrame {
  readonly file: ImageHeader;
  /** The part of the target that it may cover, and its grid. */
  readonly box: PixelBox;
  readonly grid: Grid;
}

export interface BandPlan {
  readonly band: string;
  readonly frames: readonly PlacedFrame[];
  /** The one image is on the target's grid already and is taken as it is. */
  readonly asItIs: boolean;
}

/** An image that has no part in its band. */
export interface LeftOut {
  readonly path: string;
  readonly band: string;
  readonly reason: string;
}

export interface AlignmentPlan {
  readonly target: TargetGrid;
  /** In the order of the image list. */
  readonly bands: readonly BandPlan[];
  readonly leftOut: readonly LeftOut[];
  readonly warnings: readonly string[];
}

const NOWHERE = 'it does not meet the target grid';

/** How images are resampled; flux is conserved, since zero points are of counts. */
export function resampleOptions({ resample, performance }: FitConfig, signal?: AbortSignal): ResampleOptions {
  const { interpolation, minGoodWeight } = resample;
  // The other half is for the coadd.
  return { interpolation, minGoodWeight, conserve: 'flux', memoryBudgetBytes: performance.memoryBudget / 2, signal };
}

/**
 * Reads the headers of the images and places them on the target. Files are closed again: there may be more than a process can hold open, and gzipped ones
 * stand in memory while they are.
 *
 * @throws INPUT_INVALID with every fault of every file, bands without an image on the target, and as targetGrid; CONFIG_INVALID for overrides of files
 * that are not there
 */
export async function planAlignment(config: FitConfig): Promise<AlignmentPlan> {
  const { files, problems, warnings } = await readHeaders(config, closed);
  if (!config.resample.combineSameFilter)
    problems.push(...duplicateBands(files, 'Set resample.combine_same_filter: true, or give each'));
  problems.push(...tooMany(files));
  if (problems.length > 0) throw imageError(problems, config);
  const target = await targetGrid(files, config);
  const placed = files.map((file) => placeOn(target, file, config, problems));
  if (problems.length > 0) throw imageError(problems, config);
  return { target, ...bandsOf(files, placed, target, config), warnings };
}

async function closed({ file, hdu: _, ...header }: ImageFile): Promise<ImageHeader> {
  await file.close();
  return header;
}

/** The kernel combines so many and no more. */
function tooMany(files: readonly ImageHeader[]): FileProblem[] {
  const bands = [...Map.groupBy(files, ({ band }) => band)].filter(([, of]) => of.length > MAX_BANDS);
  return bands.map(([band, of]) => ({
    path: of[MAX_BANDS].path,
    what: `it is one of ${of.length} images of ${band}, and at most ${MAX_BANDS} are combined`,
    remedy: 'Combine them in groups first.',
  }));
}

/** Undefined where the image does not meet the target. What cannot be resampled at all is a problem. */
function placeOn(target: TargetGrid, file: ImageHeader, config: FitConfig, problems: FileProblem[]): PlacedFrame | undefined {
  const { wcs, shape, path } = file;
  const source: Grid = { wcs, width: shape[1], height: shape[0] };
  try {
    requireSameFrame(wcs, target.wcs);
    const box = boxOn(target, source);
    if (box === undefined) return undefined;
    const grid = partOf(target, box);
    planResampling(source, grid, resampleOptions(config));
    return { file, box, grid };
  } catch (error) {
    if (!isArcletError(error)) throw error;
    problems.push({ path, what: error.message.replace(/\.$/, ''), remedy: error.remedy ?? '' });
    return undefined;
  }
}

function bandsOf(
  files: readonly ImageHeader[],
  placed: readonly (PlacedFrame | undefined)[],
  target: TargetGrid,
  { checks }: FitConfig,
): { bands: BandPlan[]; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const bands: BandPlan[] = [];
  for (const [band, indices] of Map.groupBy(files.keys(), (index) => files[index].band)) {
    const frames = indices.flatMap((index) => placed[index] ?? []);
    const without = indices.filter((index) => placed[index] === undefined);
    leftOut.push(...without.map((index) => ({ path: files[index].path, band, reason: NOWHERE })));
    const [only] = frames;
    const asItIs = frames.length === 1 && isOnGrid(only.file, target.header, [target.height, target.width], checks.wcsTolerance);
    bands.push({ band, frames, asItIs });
  }
  const empty = bands.filter(({ frames }) => frames.length === 0).map(({ band }) => band);
  if (empty.length > 0) throw emptyBands(empty, leftOut);
  return { bands, leftOut };
}

/** Bands of which no image is left. */
export function emptyBands(bands: readonly string[], leftOut: readonly LeftOut[]): ArcletError {
  const of = leftOut.filter(({ band }) => bands.includes(band));
  const told = of.slice(0, 5).map(({ path, reason }) => `${path}: ${reason}`);
  const more = of.length > 5 ? `; and ${of.length - 5} more` : '';
  return new ArcletError('INPUT_INVALID', `No image is left for ${bands.join(', ')}: ${told.join('; ')}${more}.`, {
    subject: of[0]?.path,
    remedy: 'Choose a resample.target that they cover, mend the images, or take them off the image list.',
    data: { bands, leftOut: of },
  });
}
