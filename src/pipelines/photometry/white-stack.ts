/**
 * The white stack of a field: rows of all frames in, rows of the combined image out, a chunk at a time, so that memory depends on the budget and
 * not on the size or number of the frames. Reading and packing of a chunk goes on while the engine combines the ones before.
 */
import { type CoaddWhiteOptions, type Combine, maskWords } from '../../../kernels/coadd-white/spec.ts';
import { ArcletError } from '../../core/errors.ts';
import type { SourceBatch } from '../../engine/batches.ts';
import type { Chain } from '../../engine/executor.ts';
import type { Engine } from '../../engine/face.ts';
import { inOrder } from '../in-order.ts';
import type { FramePixels } from './field.ts';
import { type ChunkLayout, ChunkPacker, type PackedChunk } from './white-pack.ts';

/** What is stacked of a frame; a `Frame` is one. */
export interface StackFrame {
  readonly band: string;
  readonly width: number;
  readonly height: number;
  /** Scaled sky noise, one number for the frame; not looked at where there is `sigmaRows`. */
  readonly sigmaSky: number;
  /** Scaled pixels [y, x]; bad ones (all that are not finite among them) are not 0 in `bad`. Not asked for where the options have `fill`. */
  rows(y0: number, count: number): Promise<FramePixels>;
  /** Scaled noise of each pixel of these rows, where it is not the same all over; outside 1e-18 to 1e15 it means no coverage. All frames have it or none. */
  sigmaRows?(y0: number, count: number): Promise<Float32Array>;
}

export interface WhiteStackOptions {
  /** Bytes for frames, chunks and the engine's copies of them; the engine's own device memory is not counted. */
  readonly memoryBudgetBytes: number;
  /** Default `mean`. */
  readonly combine?: Combine;
  /** `clipped`: what is kept, see the kernel. Default 4. */
  readonly clipSigma?: number;
  /** Default 0.3, as SWarp's CLIP_AMPFRAC. */
  readonly clipFraction?: number;
  /** Default 5. */
  readonly clipIterations?: number;
  /** Weights are 1 / max(sigma^2, varianceFloor). Default 0; tract7dt has 1e-12. */
  readonly varianceFloor?: number;
  /**
   * Puts all frames into a chunk with packStored, in the place of their `rows`; a few chunks at once. All frames have one sigma each then.
   */
  readonly fill?: (chunk: PackedChunk, layout: ChunkLayout) => Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (rowsDone: number, rows: number) => void;
}

/** Rows y0 .. y0 + rows of the stack, [y, x]; valid until the sink is done with them. */
export interface WhiteRows {
  readonly y0: number;
  readonly rows: number;
  /** Scaled counts; NaN where no band is good. */
  readonly white: Float32Array;
  /** Standard deviation of `white`; Infinity where no band is good. */
  readonly sigma: Float32Array;
  /** Bands that went in. */
  readonly count: Uint16Array;
}

export interface WhiteStackSummary {
  readonly width: number;
  readonly height: number;
  readonly bands: number;
  readonly rowsPerChunk: number;
  readonly chunks: number;
  /** What the chunks in hand take at most; within the budget. */
  readonly plannedBytes: number;
  /** Pixels without a good band. */
  readonly emptyPixels: number;
  /** Where the time went: waiting for rows, combining (the two overlap), and the sink. */
  readonly seconds: { readonly read: number; readonly combine: number; readonly write: number };
}

/** Frames whose rows are asked for at the same time. */
const READERS = 4;
/** Chunks that are filled or wait for the engine: while one is combined and another written, threads that read have work. */
const CHUNKS_AHEAD = 3;
/** A chunk that stays in the cache from packing to combining: a third more pixels per second than 32 MiB (20 bands, 4096 px wide). */
const CHUNK_BYTES = 8 * 2 ** 20;
/** Of many wide frames a chunk is larger, so that reads do not become small and tiles of compressed images are not decoded too often. */
const LEAST_ROWS = 16;
/** Pixels of an item: 16 KiB of a plane, so that the sums of a run stay in the first cache. */
const RUN_PIXELS = 4096;

/** How a stack is cut. */
export interface ChunkPlan {
  readonly rowsPerChunk: number;
  readonly runPixels: number;
  readonly plannedBytes: number;
}

/**
 * Rows per chunk that the budget allows for `bands` frames of `width` x `height` with `depth` batches in flight.
 * Throws CONFIG_INVALID when one row is too much.
 */
export function planChunks(
  frames: { readonly bands: number; readonly width: number; readonly height: number; readonly hasSigmaRows: boolean },
  depth: number,
  memoryBudgetBytes: number,
): ChunkPlan {
  const { bands, width, height, hasSigmaRows } = frames;
  const inputBytes = 4 * (bands * (hasSigmaRows ? 2 : 1) + maskWords(bands));
  // float64 white and invvar and a count, in the engine's copy and in ours; then the rows that are written, and their bytes in the order of files.
  const outputBytes = 2 * 20;
  const writtenBytes = 10 + 8;
  const frameBytes = hasSigmaRows ? 9 : 5;
  // An engine on a device has a copy of its own of the `depth` chunks in its hands.
  const perPixel =
    (CHUNKS_AHEAD + 2 * depth) * inputBytes + depth * outputBytes + writtenBytes + Math.min(READERS, bands) * frameBytes;
  const runPixels = Math.min(RUN_PIXELS, 4 * Math.ceil((width * height) / 4));
  // The last run of a chunk is filled up.
  const rowsWithin = (bytes: number) => Math.floor((bytes / perPixel - runPixels) / width);
  const rowsPerChunk = Math.min(
    height,
    rowsWithin(memoryBudgetBytes),
    Math.max(LEAST_ROWS, Math.floor(CHUNK_BYTES / (inputBytes * width))),
  );
  if (rowsPerChunk < 1) {
    const needed = Math.ceil((perPixel * (width + runPixels)) / 2 ** 20);
    const given = (memoryBudgetBytes / 2 ** 20).toFixed(1);
    throw new ArcletError(
      'CONFIG_INVALID',
      `A row of ${bands} frames ${width} px wide needs ${needed} MiB to be stacked, the memory budget is ${given} MiB.`,
      {
        subject: 'memory_budget',
        remedy: 'Raise the memory budget.',
        data: { neededBytes: perPixel * (width + runPixels), memoryBudgetBytes },
      },
    );
  }
  return { rowsPerChunk, runPixels, plannedBytes: perPixel * (rowsPerChunk * width + runPixels) };
}

/** Throws INPUT_INVALID, naming the band, when frames do not fit together. */
function checkFrames(frames: readonly StackFrame[]): void {
  const invalid = (band: string, message: string): ArcletError => new ArcletError('INPUT_INVALID', message, { subject: band });
  const [first] = frames;
  if (first === undefined) throw invalid('frames', 'There is no frame to stack.');
  for (const { band, width, height, sigmaRows } of frames) {
    if (width !== first.width || height !== first.height) {
      const sizes = `${width} x ${height} px, that of ${first.band} ${first.width} x ${first.height}`;
      throw invalid(band, `The frame of ${band} has ${sizes}: frames are stacked pixel on pixel.`);
    }
    if ((sigmaRows === undefined) !== (first.sigmaRows === undefined)) {
      throw invalid(band, `Of ${band} and ${first.band} one has a sigma map and the other a single sigma.`);
    }
  }
}

const KEPT = ['white', 'invvar', 'count'] as const;

function chainOf(options: CoaddWhiteOptions): Chain {
  const same = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, name]));
  const inputs = same(['image', 'weights', 'mask']);
  return { steps: [{ kernel: 'coadd-white', options, inputs, outputs: same(KEPT) }], keep: KEPT };
}

/**
 * Stacks frames of one size and gives the rows to `sink`, from the first to the last, one call at a time.
 *
 * white = sum(w img) / sum(w) over good pixels, w = 1 / sigma^2 (inverse-variance weighting), or the weighted median or clipped mean; sigma is its
 * standard deviation. Throws INPUT_INVALID (no frames, sizes, sigma), CONFIG_INVALID (budget below one row), KERNEL_CONTRACT (more than 256
 * frames), ABORTED, and what frames and sink throw.
 */
export async function coaddWhite(
  engine: Engine,
  frames: readonly StackFrame[],
  sink: (rows: WhiteRows) => void | Promise<void>,
  options: WhiteStackOptions,
): Promise<WhiteStackSummary> {
  checkFrames(frames);
  const { width, height } = frames[0];
  const bands = frames.length;
  const hasSigmaRows = frames[0].sigmaRows !== undefined;
  const plan = planChunks({ bands, width, height, hasSigmaRows }, engine.executor.depth, options.memoryBudgetBytes);
  const seconds = { read: 0, combine: 0, write: 0 };
  const kernelOptions: CoaddWhiteOptions = {
    bands,
    pixels: plan.runPixels,
    combine: options.combine ?? 'mean',
    weighting: hasSigmaRows ? 'pixel' : 'band',
    clipSigma: options.clipSigma ?? 4,
    clipFraction: options.clipFraction ?? 0.3,
    clipIterations: options.clipIterations ?? 5,
  };
  const packer = new ChunkPacker({
    bands,
    width,
    runPixels: plan.runPixels,
    rowsPerChunk: plan.rowsPerChunk,
    varianceFloor: options.varianceFloor ?? 0,
    sigmas: hasSigmaRows ? undefined : frames,
  });
  const waiting: PackedChunk[] = [];

  const fillFromRows = async (chunk: PackedChunk): Promise<void> => {
    const { y0, rows } = chunk;
    const read = async (frame: StackFrame) => [await frame.rows(y0, rows), await frame.sigmaRows?.(y0, rows)] as const;
    let band = 0;
    for await (const { result } of inOrder(frames, READERS, read)) packer.add(chunk, band++, ...result);
  };
  const { fill = fillFromRows } = options;
  const filled = async (y0: number): Promise<PackedChunk> => {
    const chunk = packer.begin(y0, Math.min(plan.rowsPerChunk, height - y0));
    await fill(chunk, { bands, runPixels: plan.runPixels });
    return chunk;
  };
  const starts = Array.from({ length: Math.ceil(height / plan.rowsPerChunk) }, (_, chunk) => chunk * plan.rowsPerChunk);

  async function* chunks(): AsyncGenerator<SourceBatch> {
    let since = performance.now();
    // Frames are taken at their word only where packing looks at every value.
    const knownFinite = options.fill !== undefined;
    for await (const { result: chunk } of inOrder(starts, options.fill === undefined ? 1 : CHUNKS_AHEAD, filled)) {
      seconds.read += (performance.now() - since) / 1000;
      waiting.push(chunk);
      yield { inputs: chunk.inputs, count: chunk.items, knownFinite };
      since = performance.now();
    }
  }

  const room = new RowsRoom(plan.rowsPerChunk * width);
  let done: WhiteRows | undefined;
  let itemsDone = 0;
  let emptyPixels = 0;
  const runOptions = { signal: options.signal, batchItems: Math.ceil((plan.rowsPerChunk * width) / plan.runPixels) };
  for await (const batch of engine.stream(chainOf(kernelOptions), chunks(), runOptions)) {
    const begin = performance.now();
    seconds.combine += batch.timings.computeSeconds;
    const chunk = waiting[0];
    done ??= room.rows(chunk.y0, chunk.rows, width);
    emptyPixels += takeRows(done, batch.outputs, itemsDone * plan.runPixels);
    batch.recycle?.();
    itemsDone += batch.count;
    if (itemsDone === chunk.items) {
      waiting.shift();
      packer.giveBack(chunk);
      await sink(done);
      options.onProgress?.(chunk.y0 + chunk.rows, height);
      done = undefined;
      itemsDone = 0;
    }
    seconds.write += (performance.now() - begin) / 1000;
  }
  return {
    width,
    height,
    bands,
    rowsPerChunk: plan.rowsPerChunk,
    chunks: starts.length,
    plannedBytes: plan.plannedBytes,
    emptyPixels,
    seconds,
  };
}

/** Memory for the rows of one chunk, used again for each. */
class RowsRoom {
  readonly #white: Float32Array;
  readonly #sigma: Float32Array;
  readonly #count: Uint16Array;

  constructor(pixels: number) {
    this.#white = new Float32Array(pixels);
    this.#sigma = new Float32Array(pixels);
    this.#count = new Uint16Array(pixels);
  }

  rows(y0: number, rows: number, width: number): WhiteRows {
    const [white, sigma] = [this.#white, this.#sigma].map((room) => room.subarray(0, rows * width));
    return { y0, rows, white, sigma, count: this.#count.subarray(0, rows * width) };
  }
}

/** Puts a batch at pixel `start` of its chunk, less what the last run was filled up with. Gives the number of pixels without a good band. */
function takeRows(to: WhiteRows, outputs: Readonly<Record<string, ArrayLike<number>>>, start: number): number {
  const { white, invvar, count } = outputs;
  const length = Math.min(white.length, to.white.length - start);
  let empty = 0;
  for (let pixel = 0; pixel < length; pixel++) {
    const isEmpty = !(invvar[pixel] > 0);
    to.white[start + pixel] = isEmpty ? Number.NaN : white[pixel];
    to.sigma[start + pixel] = isEmpty ? Number.POSITIVE_INFINITY : 1 / Math.sqrt(invvar[pixel]);
    to.count[start + pixel] = count[pixel];
    empty += +isEmpty;
  }
  return empty;
}
