/** The one pass over the pixels of a field: white stack and its noise to files, saturated pixels to sources, pictures. */
import { ArcletError } from '../../core/errors.ts';
import type { StageContext } from '../stage.ts';
import type { FitConfig } from './config.ts';
import type { PixelBox } from './field.ts';
import { type InspectedField, stackedBox } from './load-field.ts';
import type { ImageFrame } from './load-frames.ts';
import { openReaders } from './load-readers.ts';
import type { SaturationProbe } from './load-sources.ts';
import { boxHeader, openRowImage, type RowImage } from './load-wcs.ts';
import { Picture } from './overlay-picture.ts';
import { deleteObject, inFolder, WHITE_FILE, WHITE_SIGMA_FILE } from './places.ts';
import type { ChunkLayout, PackedChunk } from './white-pack.ts';
import { coaddWhite, type StackFrame, type WhiteStackSummary } from './white-stack.ts';

/** What tract7dt bounds variances with. */
const VARIANCE_FLOOR = 1e-12;

export interface Pictures {
  readonly before: Picture | undefined;
  readonly after: Picture | undefined;
  readonly overlay: Picture | undefined;
  readonly zoom: Picture | undefined;
}

export interface Stacked {
  readonly summary: WhiteStackSummary;
  readonly pictures: Pictures;
  /** What the pictures hold; taken off the budget of the chunks. */
  readonly pictureBytes: number;
}

/**
 * White stack, saturation and pictures in one pass over the pixels; writes white.fits and white_sigma.fits of the working frame.
 *
 * @throws INPUT_INVALID for images without a good pixel; CONFIG_INVALID for a budget below one row; OUTPUT_UNWRITABLE; ABORTED
 */
export async function stackWhite(
  context: StageContext,
  config: FitConfig,
  inspected: InspectedField,
  probe: SaturationProbe | undefined,
): Promise<Stacked> {
  const { frames, box, first } = inspected.images;
  const stacked = stackedBox(config, box, first.shape);
  const [dx, dy] = [box.x0 - stacked.x0, box.y0 - stacked.y0];
  const goodPixels = new Map(frames.map(({ band }) => [band, 0]));
  const readers = openReaders(config, frames, box);
  const stackFrames = frames.map(
    (frame): StackFrame => ({
      band: frame.band,
      width: stacked.width,
      height: stacked.height,
      sigmaSky: frame.sigmaSky,
      rows: (y0, count) => frame.fullSection(stacked.x0, stacked.y0 + y0, stacked.width, count),
    }),
  );
  const fill = async (chunk: PackedChunk, layout: ChunkLayout): Promise<void> => {
    const { y0, rows } = chunk;
    const part = { x0: stacked.x0, y0: stacked.y0 + y0, width: stacked.width, height: rows };
    const scans = await readers.fill(chunk, layout, part, { y0: y0 - dy, count: rows, x0: dx, stride: stacked.width });
    for (const [index, { band }] of frames.entries()) {
      probe?.look(band, scans[index]);
      goodPixels.set(band, (goodPixels.get(band) ?? 0) + scans[index].good);
    }
  };
  const pictures = picturesOf(config, box, stacked);
  // Two of them may be one.
  const ofBox = [...new Set([pictures.after, pictures.overlay, pictures.zoom])].filter((picture) => picture !== undefined);
  const pictureBytes = [pictures.before, ...ofBox].reduce((sum, picture) => sum + (picture?.bytes ?? 0), 0);
  const header = boxHeader(first.header, box);
  // Many images have no one date.
  if (frames.length > 1) header.remove((keyword) => keyword === 'DATE-OBS' || keyword === 'MJD-OBS');
  const cards = [
    { keyword: 'BUNIT', value: 'adu', comment: 'scaled to the zero point ZP_REF' },
    { keyword: 'ZP_REF', value: config.imageScaling.zpRef, comment: 'zero point of the scale, mag', type: 'float' as const },
    { keyword: 'NBANDS', value: frames.length, comment: 'bands that were stacked' },
  ];
  const [whiteCut, sigmaCut] = [new RowCut(stacked.width), new RowCut(stacked.width)];
  const writers: RowImage[] = [];
  try {
    const engine = await context.engine();
    for (const name of [WHITE_FILE, WHITE_SIGMA_FILE])
      writers.push(await openRowImage(inFolder(config.outputs.workDir, name), box, header, cards));
    const [whiteFile, sigmaFile] = writers;
    const summary = await coaddWhite(
      engine,
      stackFrames,
      async ({ y0, rows, white, sigma }) => {
        pictures.before?.add(y0, rows, stacked.width, white);
        const inside = { ...box, x0: dx, y0: dy };
        const whitePart = whiteCut.rows(white, y0, rows, inside);
        const sigmaPart = sigmaCut.rows(sigma, y0, rows, inside);
        const writing = Promise.all([whiteFile.write(whitePart), sigmaFile.write(sigmaPart)]);
        const top = Math.max(0, y0 - dy);
        for (const picture of ofBox) picture.add(top, whitePart.length / box.width, box.width, whitePart);
        await writing;
      },
      {
        memoryBudgetBytes: Math.max(0, config.performance.memoryBudget - pictureBytes),
        fill,
        varianceFloor: config.profile === 'tract7dt' ? VARIANCE_FLOOR : 0,
        signal: context.signal,
        onProgress: (done, total) => context.log.progress('rows of the white stack', done, total),
      },
    );
    checkGood(frames, goodPixels, box);
    await finishBoth(config, whiteFile, sigmaFile);
    return { summary, pictures, pictureBytes };
  } catch (error) {
    for (const writer of writers) await writer.abort();
    throw error;
  } finally {
    await readers.close();
  }
}

/** The stack appears last, and its noise goes again where it cannot: a stack never stands beside the noise of another one. */
async function finishBoth({ outputs }: FitConfig, white: RowImage, sigma: RowImage): Promise<void> {
  await sigma.finish();
  try {
    await white.finish();
  } catch (error) {
    await deleteObject(inFolder(outputs.workDir, WHITE_SIGMA_FILE));
    throw error;
  }
}

/** Cuts rows of an image of one width, in memory that is used again. */
class RowCut {
  readonly #width: number;
  #memory = new Float32Array(0);

  constructor(width: number) {
    this.#width = width;
  }

  /** Rows and columns of the box among rows y0 .. y0 + count; valid until the next call. */
  rows(pixels: Float32Array, y0: number, count: number, box: PixelBox): Float32Array {
    const width = this.#width;
    const top = Math.max(y0, box.y0);
    const bottom = Math.max(top, Math.min(y0 + count, box.y0 + box.height));
    if (box.width === width) return pixels.subarray((top - y0) * width, (bottom - y0) * width);
    const length = (bottom - top) * box.width;
    if (this.#memory.length < length) this.#memory = new Float32Array(length);
    for (let y = top; y < bottom; y++) {
      const from = (y - y0) * width + box.x0;
      this.#memory.set(pixels.subarray(from, from + box.width), (y - top) * box.width);
    }
    return this.#memory.subarray(0, length);
  }
}

/** Throws INPUT_INVALID naming the files that have no good pixel in the working frame. */
function checkGood(frames: readonly ImageFrame[], goodPixels: ReadonlyMap<string, number>, { width, height }: PixelBox): void {
  const empty = frames.filter(({ band }) => goodPixels.get(band) === 0);
  if (empty.length === 0) return;
  const names = empty.map(({ band, path }) => `${path} (${band})`).join(', ');
  throw new ArcletError('INPUT_INVALID', `${names}: none of ${width} x ${height} pixels of the working frame is good.`, {
    subject: empty[0].path,
    remedy: 'Every pixel is NaN or at least half of SATURATE: make the image again, or take it off the image list.',
    data: { paths: empty.map(({ path }) => path) },
  });
}

function picturesOf({ crop, overlay }: FitConfig, box: PixelBox, stacked: PixelBox): Pictures {
  const own: PixelBox = { x0: 0, y0: 0, width: box.width, height: box.height };
  const [x0, x1, y0, y1] = overlay.zoomBox;
  const zoom: PixelBox = { x0, y0, width: Math.min(x1, box.width) - x0, height: Math.min(y1, box.height) - y0 };
  const after = crop.enabled && crop.plotPostCrop ? new Picture(own, crop.postCropDisplayDownsample) : undefined;
  const whole = overlay.enabled ? new Picture(own, overlay.downsampleFull) : undefined;
  return {
    before: crop.enabled && crop.plotPreCrop ? new Picture(stacked, crop.displayDownsample) : undefined,
    after,
    overlay: after !== undefined && whole?.step === after.step ? after : whole,
    zoom: overlay.enabled && overlay.zoomEnabled && zoom.width > 0 && zoom.height > 0 ? new Picture(zoom, 1) : undefined,
  };
}
