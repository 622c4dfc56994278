/** Makes the aligned image of one band: every frame resampled to the disk, the frames combined; the file is written under its header later. */
import { coaddWhite, type StackFrame } from '../white-stack.ts';
import { type BandPlan, emptyBands } from './align-plan.ts';
import { type BandNumbers, bandNumbers, type UsedFrame } from './band-header.ts';
import { type FrameRow, resampledRow } from './frame-rows.ts';
import { Lattice } from './lattice.ts';
import { PixelBits } from './pixel-bits.ts';
import { Spool, type SpooledImage, type SpoolRows } from './spool.ts';
import { type BandBits, type BandWork, type SpooledFrame, spoolFrame } from './spool-frame.ts';
import type { TargetGrid } from './target.ts';

/** A band whose pixels are on the disk. */
export interface MadeBand {
  readonly used: readonly UsedFrame[];
  readonly numbers: BandNumbers;
  readonly rows: readonly FrameRow[];
  /** Pixels that are saturated, of those without data. */
  readonly saturated: PixelBits;
  /** Rows y0 .. y0 + count of the band. */
  rowsOf(y0: number, count: number): SpoolRows;
  close(): Promise<void>;
}

type ScaledFrame = SpooledFrame & UsedFrame;

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
  const { target, pixelArcsec, config } = work;
  const { fillSaturated } = config.resample;
  const bits: BandBits = {
    saturated: new PixelBits(target.width, target.height),
    spoiled: fillSaturated ? undefined : new PixelBits(target.width, target.height),
  };
  const spool = await Spool.open(work.place);
  try {
    const results: (SpooledFrame | FrameRow)[] = [];
    for (const placed of frames) results.push(await spoolFrame(placed, work, bits, spool));
    const made = results.filter((result): result is SpooledFrame => !('status' in result));
    if (made.length === 0) {
      const left = results.filter((result): result is FrameRow => 'status' in result);
      throw emptyBands([band], left.map(({ path, reason }) => ({ path, band, reason: String(reason) }))); // biome-ignore format: one line
    }
    // Of the first that is left: counts of one image alone stay on their own scale.
    const { zpAuto } = made[0].file;
    const used = made.map((frame) => ({ ...frame, fluxScale: 10 ** (-0.4 * (frame.file.zpAuto - zpAuto)) }));
    const rows = results.map((result) =>
      'status' in result ? result : resampledRow(used.find(({ placed }) => placed === result.placed) as ScaledFrame),
    );
    const { read, lattice } =
      used.length === 1
        ? { read: rowsOn(used[0], target), lattice: used[0].lattice }
        : await combine(used, work, spool.image(target.width));
    const numbers = bandNumbers(used, zpAuto, lattice, pixelArcsec, fillSaturated);
    const rowsOf = (y0: number, count: number) => withoutSpoiled(read(y0, count), bits.spoiled, y0, target.width);
    return { used, numbers, rows, saturated: bits.saturated, rowsOf, close: () => spool.close() };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

function withoutSpoiled(rows: SpoolRows, spoiled: PixelBits | undefined, y0: number, width: number): SpoolRows {
  const { image, invvar } = rows;
  spoiled?.eachIn(y0, image.length / width, (at) => {
    image[at] = invvar[at] = 0;
  });
  return rows;
}

/** Rows of the target from a frame that covers a box of it. */
function rowsOn({ placed: { box }, rows }: SpooledFrame, { width }: TargetGrid): (y0: number, count: number) => SpoolRows {
  return (y0, count) => {
    const [bottom, top] = [Math.max(y0, box.y0), Math.min(y0 + count, box.y0 + box.height)];
    const image = new Float32Array(count * width);
    const invvar = new Float32Array(count * width);
    if (top <= bottom) return { image, invvar };
    const own = rows.rows(bottom - box.y0, top - bottom);
    if (box.width === width && top - bottom === count) return own;
    for (let y = bottom; y < top; y++) {
      const [from, to] = [(y - bottom) * box.width, (y - y0) * width + box.x0];
      image.set(own.image.subarray(from, from + box.width), to);
      invvar.set(own.invvar.subarray(from, from + box.width), to);
    }
    return { image, invvar };
  };
}

/** The frames in one, on the scale of the first. */
async function combine(
  frames: readonly ScaledFrame[],
  { engine, config, target, signal, onRows }: BandWork,
  result: SpooledImage,
): Promise<{ read: (y0: number, count: number) => SpoolRows; lattice: Float32Array }> {
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
  return { read: (y0, count) => result.rows(y0, count), lattice: lattice.values };
}

/** Pixels and noise of the same rows are asked for one after the other, and read once. */
function stackFrame(frame: ScaledFrame, index: number, target: TargetGrid): StackFrame {
  const { file, fluxScale } = frame;
  const read = rowsOn(frame, target);
  let sigma: Float32Array = new Float32Array(0);
  return {
    band: `${file.band} ${index + 1}`,
    width: target.width,
    height: target.height,
    sigmaSky: 1,
    async rows(y0, count) {
      const { image, invvar } = read(y0, count);
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
