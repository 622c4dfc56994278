/** Resamples one image to the disk, and tells what came of it. */
import { tapsOf } from '../../../../kernels/resample-lanczos/options.ts';
import { ArcletError, isArcletError } from '../../../core/errors.ts';
import type { Engine } from '../../../engine/face.ts';
import type { FitConfig } from '../config.ts';
import type { PixelBox } from '../field.ts';
import { type ImageFile, type ImageHeader, readImageHeader } from '../load-header.ts';
import { resampleFrame } from '../resample.ts';
import { type PlacedFrame, resampleOptions } from './align-plan.ts';
import type { UsedFrame } from './band-header.ts';
import { type FrameFacts, type FrameRow, leftOutRow } from './frame-rows.ts';
import { frameSource } from './frame-source.ts';
import { Lattice } from './lattice.ts';
import type { PixelBits } from './pixel-bits.ts';
import { Saturation } from './saturation.ts';
import type { Spool, SpooledImage, SpoolRows } from './spool.ts';
import type { TargetGrid } from './target.ts';

export interface BandWork {
  readonly engine: Engine;
  readonly config: FitConfig;
  readonly target: TargetGrid;
  readonly pixelArcsec: number;
  readonly signal: AbortSignal;
  /** Files that are being made lie beside this one. */
  readonly place: string;
  /** Rows that were done, of all that there are in this band. */
  readonly onRows: (rows: number) => void;
}

/** A frame that was resampled: rows of its box on the disk. */
export interface SpooledFrame extends Omit<UsedFrame, 'fluxScale'>, FrameFacts {
  readonly rows: SpooledImage;
  readonly placed: PlacedFrame;
}

/** What frames of a band do to its pixels. */
export interface BandBits {
  readonly saturated: PixelBits;
  /** Pixels that are lost because one frame is saturated there; undefined where the others fill them. */
  readonly spoiled: PixelBits | undefined;
}

/** Resamples one frame to the spool, or says why not. The file is open meanwhile. Throws OUTPUT_UNWRITABLE, ABORTED. */
export async function spoolFrame(
  placed: PlacedFrame,
  work: BandWork,
  bits: BandBits,
  spool: Spool,
): Promise<SpooledFrame | FrameRow> {
  const { path, band } = placed.file;
  try {
    const image = await openAgain(placed.file, work.config);
    try {
      return await resampleTo(spool.image(placed.box.width), image, placed, work, bits);
    } finally {
      await image.file.close();
    }
  } catch (error) {
    if (!isArcletError(error) || !error.code.startsWith('INPUT_')) throw error;
    return { ...leftOutRow({ path, band, reason: error.message.replace(/\.$/, '') }), status: 'unreadable' };
  }
}

/** Throws INPUT_UNREADABLE where the file is no longer what was planned with. */
async function openAgain({ path, shape, header }: ImageHeader, { inputs }: FitConfig): Promise<ImageFile> {
  const { image, problems } = await readImageHeader(path, inputs);
  const isSame = (found: ImageFile): boolean =>
    found.shape.every((length, axis) => length === shape[axis]) && found.header.records().join() === header.records().join();
  if (image !== undefined && problems.length === 0 && isSame(image)) return image;
  await image?.file.close();
  const what = problems.length > 0 ? problems.map((problem) => problem.what).join(', ') : 'it was changed during the run';
  throw new ArcletError('INPUT_UNREADABLE', `${path}: ${what}.`, { subject: path, remedy: 'Run again once the file is whole.' });
}

async function resampleTo(
  rows: SpooledImage,
  image: ImageFile,
  placed: PlacedFrame,
  { engine, config, target, signal, onRows }: BandWork,
  bits: BandBits,
): Promise<SpooledFrame | FrameRow> {
  const { file, box, grid } = placed;
  const source = frameSource(image, (x, y) => saturation.add(x, y));
  const resampled = resampleFrame(engine, source, grid, resampleOptions(config, signal));
  const { plan, counts } = resampled;
  const saturation = new Saturation(source, grid, tapsOf(plan));
  const lattice = new Lattice(target);
  const levels = new Lattice(target);
  let good = 0;
  let anyInvvar = 0;
  for await (const { y0, rows: height, ...pixels } of resampled.bands) {
    saturation.project();
    spoil(pixels, saturation, { ...box, y0: box.y0 + y0, height }, y0, bits);
    for (let at = 0; at < pixels.invvar.length; at++) {
      if (!(pixels.invvar[at] > 0)) continue;
      good++;
      anyInvvar = pixels.invvar[at];
    }
    await rows.append(pixels);
    const part = { x0: box.x0, y0: box.y0 + y0, width: box.width, height };
    lattice.add(pixels.invvar, part);
    levels.add(pixels.image, part);
    onRows(height);
  }
  if (good === 0) return leftOutRow({ path: file.path, band: file.band, reason: NO_GOOD_PIXEL });
  return {
    file,
    areaRatio: plan.areaRatio,
    noiseUnderestimate: plan.noiseUnderestimate,
    lattice: lattice.values,
    typicalInvvar: lattice.median() || anyInvvar,
    rows,
    placed,
    coverage: good / (target.width * target.height),
    level: levels.median(lattice),
    saturatedPixels: saturation.count,
    positionErrorPx: counts.maxPositionErrorPx,
  };
}

const NO_GOOD_PIXEL = 'none of its good pixels lies on the target grid';

/** Takes away what is saturated, in rows of a frame's box that begin at `y0` in it and at `part` in the target. */
function spoil(
  { image, invvar }: SpoolRows,
  { spoiled, saturated }: Saturation,
  part: PixelBox,
  y0: number,
  bits: BandBits,
): void {
  spoiled.eachIn(y0, part.height, (at) => {
    const [x, y] = [at % part.width, Math.floor(at / part.width)];
    image[at] = invvar[at] = 0;
    bits.spoiled?.set(part.x0 + x, part.y0 + y);
    if (saturated.has(x, y0 + y)) bits.saturated.set(part.x0 + x, part.y0 + y);
  });
}
