/** Makes the aligned image of one band: every frame resampled to the disk, the frames combined, and the file written under its header. */
import { isArcletError } from '../../../core/errors.ts';
import type { Engine } from '../../../engine/face.ts';
import type { FitConfig } from '../config.ts';
import { resampleFrame } from '../resample.ts';
import { coaddWhite, type StackFrame } from '../white-stack.ts';
import { type BandPlan, emptyBands, type LeftOut, type PlacedFrame, resampleOptions } from './align-plan.ts';
import { type BandNumbers, bandNumbers, type UsedFrame } from './band-header.ts';
import { frameSource, markSaturated, PixelBits } from './frame-source.ts';
import { Lattice } from './lattice.ts';
import { Spool, type SpoolRows } from './spool.ts';
import type { TargetGrid } from './target.ts';

/** What became of one image, as frames.csv has it. */
export interface FrameRow {
  readonly path: string;
  readonly band: string;
  readonly status: 'resampled' | 'as_it_is' | 'left_out';
  readonly reason: string | null;
  readonly fluxScale: number | null;
  /** Area of an output pixel, pixels of the image. */
  readonly areaRatio: number | null;
  readonly noiseFactor: number | null;
  /** Median noise of an output pixel, ADU of the band. */
  readonly skySigma: number | null;
  /** Share of the target's pixels. */
  readonly coverage: number | null;
  /** Median of its pixels, ADU of the band: the sky that was not subtracted. */
  readonly level: number | null;
  readonly saturatedPixels: number | null;
  readonly positionErrorPx: number | null;
}

export const leftOutRow = ({ path, band, reason }: LeftOut): FrameRow => ({
  path,
  band,
  status: 'left_out',
  reason,
  fluxScale: null,
  areaRatio: null,
  noiseFactor: null,
  skySigma: null,
  coverage: null,
  level: null,
  saturatedPixels: null,
  positionErrorPx: null,
});

/** A band whose pixels are on the disk. */
export interface MadeBand {
  readonly used: readonly UsedFrame[];
  readonly numbers: BandNumbers;
  readonly rows: readonly FrameRow[];
  /** Pixels that are saturated wherever they were looked at. */
  readonly saturated: PixelBits;
  /** Rows of the band; without waiting, for writers of files. */
  rowsNow(y0: number, count: number): SpoolRows;
  close(): Promise<void>;
}

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
interface SpooledFrame extends UsedFrame {
  readonly spool: Spool;
  readonly placed: PlacedFrame;
  readonly row: FrameRow;
}

/** Rows that a band takes: of its frames, and of the target for combining them. */
export function rowsOfBand({ frames, asItIs }: BandPlan, { height }: TargetGrid): number {
  if (asItIs) return 0;
  return frames.reduce((sum, { box }) => sum + box.height, 0) + (frames.length > 1 ? height : 0);
}

/**
 * Resamples and combines the images of a band. An image that cannot be read, or turns out to cover nothing, is left out.
 *
 * @throws INPUT_INVALID when none is left; OUTPUT_UNWRITABLE; ABORTED
 */
export async function makeBand({ band, frames }: BandPlan, work: BandWork): Promise<MadeBand> {
  const { target } = work;
  const saturated = new PixelBits(target.width, target.height);
  const spooled: SpooledFrame[] = [];
  const rows: FrameRow[] = [];
  const spools: Spool[] = [];
  const close = async () => {
    for (const spool of spools) await spool.close();
  };
  try {
    for (const placed of frames) {
      const made = await spoolFrame(placed, frames[0].file.zpAuto, work, saturated, spools);
      rows.push(made.row);
      if ('spool' in made) spooled.push(made);
    }
    if (spooled.length === 0)
      throw emptyBands(
        [band],
        rows.map(({ path, reason }) => ({ path, band, reason: String(reason) })),
      );
    if (spooled.length === 1) {
      const [only] = spooled;
      // Nothing to be combined with: counts stay on their own scale, also where the first image was left out.
      const used = { ...only, fluxScale: 1 };
      const numbers = bandNumbers([used], only.file.zpAuto, only.lattice, work.pixelArcsec);
      const rowsNow = (y0: number, count: number) =>
        onTarget(only, y0, count, target.width, (from, n) => only.spool.rowsNow(from, n));
      return { used: [used], numbers, rows, saturated, rowsNow, close };
    }
    const { result, lattice } = await combine(spooled, work, spools);
    const numbers = bandNumbers(spooled, frames[0].file.zpAuto, lattice, work.pixelArcsec);
    return { used: spooled, numbers, rows, saturated, rowsNow: (y0, count) => result.rowsNow(y0, count), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resamples one frame to a spool, or says why not. */
async function spoolFrame(
  placed: PlacedFrame,
  zpAuto: number,
  { engine, config, target, signal, place, onRows }: BandWork,
  saturated: PixelBits,
  spools: Spool[],
): Promise<SpooledFrame | { readonly row: FrameRow }> {
  const { file, box, grid } = placed;
  const own = new PixelBits(file.shape[1], file.shape[0]);
  const source = frameSource(file, own);
  const lattice = new Lattice(target);
  const levels = new Lattice(target);
  const spool = await Spool.open(place, box.width);
  spools.push(spool);
  const leave = (reason: string) => ({ row: leftOutRow({ path: file.path, band: file.band, reason }) });
  const resampled = resampleFrame(engine, source, grid, resampleOptions(config, signal));
  try {
    for await (const { y0, rows, image, invvar } of resampled.bands) {
      await spool.append({ image, invvar });
      const part = { x0: box.x0, y0: box.y0 + y0, width: box.width, height: rows };
      lattice.add(invvar, part);
      levels.add(image, part);
      onRows(rows);
    }
  } catch (error) {
    if (!isArcletError(error) || !error.code.startsWith('INPUT_')) throw error;
    return leave(error.message.replace(/\.$/, ''));
  }
  const { plan, counts } = resampled;
  const marked = markSaturated(source, own, target, plan.areaRatio, saturated);
  if (counts.noData === counts.pixels) return leave('none of its good pixels lies on the target grid');
  const fluxScale = 10 ** (-0.4 * (file.zpAuto - zpAuto));
  return {
    file,
    fluxScale,
    areaRatio: plan.areaRatio,
    noiseUnderestimate: plan.noiseUnderestimate,
    lattice: lattice.values,
    spool,
    placed,
    row: {
      path: file.path,
      band: file.band,
      status: 'resampled',
      reason: null,
      fluxScale,
      areaRatio: plan.areaRatio,
      noiseFactor: plan.noiseUnderestimate,
      skySigma: fluxScale / Math.sqrt(lattice.median()),
      coverage: (counts.pixels - counts.noData) / (target.width * target.height),
      level: fluxScale * levels.median(lattice),
      saturatedPixels: marked,
      positionErrorPx: counts.maxPositionErrorPx,
    },
  };
}

/** Rows y0 .. y0 + count of the target from a frame that covers a box of it. */
function onTarget(
  { placed: { box } }: SpooledFrame,
  y0: number,
  count: number,
  width: number,
  read: (y0: number, count: number) => SpoolRows,
): SpoolRows {
  const [bottom, top] = [Math.max(y0, box.y0), Math.min(y0 + count, box.y0 + box.height)];
  const image = new Float32Array(count * width);
  const invvar = new Float32Array(count * width);
  if (top <= bottom) return { image, invvar };
  const own = read(bottom - box.y0, top - bottom);
  if (box.width === width && top - bottom === count) return own;
  for (let y = bottom; y < top; y++) {
    const [from, to] = [(y - bottom) * box.width, (y - y0) * width + box.x0];
    image.set(own.image.subarray(from, from + box.width), to);
    invvar.set(own.invvar.subarray(from, from + box.width), to);
  }
  return { image, invvar };
}

/** The frames in one, on the scale of the first, in a spool of the target's rows. */
async function combine(
  frames: readonly SpooledFrame[],
  { engine, config, target, signal, place, onRows }: BandWork,
  spools: Spool[],
): Promise<{ result: Spool; lattice: Float32Array }> {
  const result = await Spool.open(place, target.width);
  spools.push(result);
  const lattice = new Lattice(target);
  let done = 0;
  await coaddWhite(
    engine,
    frames.map((frame, index) => stackFrame(frame, index, target)),
    async ({ y0, rows, white, sigma }) => {
      const invvar = new Float32Array(sigma.length);
      for (let at = 0; at < sigma.length; at++) invvar[at] = sigma[at] < Number.POSITIVE_INFINITY ? 1 / sigma[at] ** 2 : 0;
      await result.append({ image: white, invvar });
      lattice.add(invvar, { x0: 0, y0, width: target.width, height: rows });
    },
    {
      memoryBudgetBytes: config.performance.memoryBudget / 2,
      combine: config.resample.combine,
      signal,
      onProgress: (rows) => {
        onRows(rows - done);
        done = rows;
      },
    },
  );
  return { result, lattice: lattice.values };
}

/** Pixels and noise of the same rows are asked for one after the other, and read once. */
function stackFrame(frame: SpooledFrame, index: number, { width, height }: TargetGrid): StackFrame {
  const { spool, placed, fluxScale } = frame;
  let sigma: Float32Array = new Float32Array(0);
  return {
    band: `${frame.file.band} ${index + 1}`,
    width,
    height,
    sigmaSky: 1,
    async rows(y0, count) {
      const [bottom, top] = [Math.max(y0, placed.box.y0), Math.min(y0 + count, placed.box.y0 + placed.box.height)];
      const own = top > bottom ? await spool.rows(bottom - placed.box.y0, top - bottom) : undefined;
      const { image, invvar } = onTarget(frame, y0, count, width, () => own as SpoolRows);
      const bad = new Uint8Array(image.length);
      for (let at = 0; at < image.length; at++) {
        image[at] *= fluxScale;
        const weight = invvar[at];
        invvar[at] = weight > 0 ? fluxScale / Math.sqrt(weight) : Number.POSITIVE_INFINITY;
        bad[at] = weight > 0 ? 0 : 1;
      }
      sigma = invvar;
      return { image, bad };
    },
    sigmaRows: async () => sigma,
  };
}
