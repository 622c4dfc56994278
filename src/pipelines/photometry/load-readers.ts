/** Rows of frames, read, scaled and packed by threads: inflating, swapping and scaling pixels takes longer than stacking them. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ArcletError } from '../../core/errors.ts';
import type { FitConfig } from './config.ts';
import type { PixelBox } from './field.ts';
import { AUTO_READERS } from './load-field.ts';
import { BandFiller } from './load-fill.ts';
import type { ImageFrame } from './load-frames.ts';
import type { ReadAnswer, ReaderSetup, ReadRequest } from './load-reader-worker.ts';
import type { RowScan, ShownRows } from './load-scan.ts';
import type { ChunkLayout, PackedChunk } from './white-pack.ts';

export interface RowReaders {
  /**
   * Puts a box of the full image of every frame into a chunk, and tells what is in it of the working frame, by frame. Several chunks may be
   * filled at once.
   */
  fill(chunk: PackedChunk, layout: ChunkLayout, part: PixelBox, rows: ShownRows): Promise<readonly RowScan[]>;
  /** Threads that read; 0 where the calling one does. */
  readonly threads: number;
  close(): Promise<void>;
}

const entry = new URL(`./load-reader-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
/** A thread takes a fifth of a second to start. */
const LEAST_BYTES = 1e8;

/** Readers for these frames: performance.frame_prep_workers threads, none where there is little to read. An image is always read by the same thread. */
export function openReaders(config: FitConfig, frames: readonly ImageFrame[], box: PixelBox): RowReaders {
  const asked = config.performance.framePrepWorkers;
  const bytes = frames.reduce((sum, { fullWidth, fullHeight }) => sum + 4 * fullWidth * fullHeight, 0);
  const auto = bytes < LEAST_BYTES ? 0 : Math.min(AUTO_READERS, availableParallelism());
  const count = Math.min(frames.length, asked === 'auto' ? auto : asked);
  return count < 2 ? readHere(frames, box) : readInThreads(config, frames, box, count);
}

function readHere(frames: readonly ImageFrame[], box: PixelBox): RowReaders {
  const filler = new BandFiller(box);
  // One at a time: they use one memory.
  let last: Promise<unknown> = Promise.resolve();
  return {
    threads: 0,
    fill({ arrays }, layout, part, rows) {
      const filled = last.then(async () => {
        const scans: RowScan[] = [];
        for (const [band, { stored }] of frames.entries())
          scans.push(await filler.fill(stored, { arrays, layout, band, part, rows }));
        return scans;
      });
      last = filled.catch(() => undefined);
      return filled;
    },
    close: async () => undefined,
  };
}

interface Waiting {
  readonly resolve: (scans: readonly RowScan[]) => void;
  readonly reject: (error: ArcletError) => void;
}

/** A thread and the frames that it reads. */
class ReaderThread {
  readonly #bands: readonly number[];
  readonly #paths: readonly string[];
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  /** Numbers of arrays that the thread has. */
  readonly #known = new Set<number>();
  #id = 0;
  /** Why there is no thread any more. */
  #end: ArcletError | undefined;

  constructor(setup: ReaderSetup, frames: readonly ImageFrame[], bands: readonly number[]) {
    this.#bands = bands;
    this.#paths = bands.map((band) => frames[band].path);
    this.#worker = new Worker(entry, { workerData: setup });
    this.#worker.on('error', (error) => this.#died(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', (status) => this.#died(`exit status ${status}`));
    this.#worker.on('message', (answer: ReadAnswer) => {
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.type === 'filled') return waiting?.resolve(answer.scans);
      const { code, message, ...details } = answer.error;
      waiting?.reject(new ArcletError(code, message, details));
    });
  }

  /** An error comes before the exit that it leads to; one may die between two chunks, with nobody waiting. */
  #died(why: string): void {
    this.#end ??= new ArcletError('WORKER_DIED', `The thread that reads images died: ${why}.`, {
      remedy: 'Run again with a smaller performance.memory_budget or performance.frame_prep_workers: 1.',
    });
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#waiting.clear();
  }

  /** Puts its frames into a chunk; scans in the order of `bands`. Throws WORKER_DIED, and what the thread could not read. */
  fill({ arrays }: PackedChunk, layout: ChunkLayout, part: PixelBox, rows: ShownRows): Promise<readonly RowScan[]> {
    const { id: number } = arrays;
    const isKnown = this.#known.has(number);
    this.#known.add(number);
    const request: ReadRequest = {
      id: this.#id++,
      number,
      arrays: isKnown ? undefined : arrays,
      layout,
      bands: this.#bands,
      paths: this.#paths,
      part,
      rows,
    };
    return new Promise((resolve, reject) => {
      if (this.#end !== undefined) return reject(this.#end);
      this.#waiting.set(request.id, { resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function readInThreads(config: FitConfig, frames: readonly ImageFrame[], box: PixelBox, count: number): RowReaders {
  const setup: ReaderSetup = { inputs: config.inputs, zpRef: config.imageScaling.zpRef, box };
  const all = Array.from(frames.keys());
  const shares = Array.from({ length: count }, (_, index) => all.filter((band) => band % count === index));
  const threads = shares.map((bands) => new ReaderThread(setup, frames, bands));
  return {
    threads: count,
    async fill(chunk, layout, part, rows) {
      const parts = await Promise.all(threads.map((thread) => thread.fill(chunk, layout, part, rows)));
      return all.map((band) => parts[band % count][Math.floor(band / count)]);
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}
