/** Rows of frames, read and scaled by threads: inflating, swapping and scaling pixels takes longer than stacking them. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { ArcletError } from '../../core/errors.ts';
import type { FitConfig } from './config.ts';
import type { FramePixels, PixelBox } from './field.ts';
import type { ImageFrame } from './load-frames.ts';
import type { ReadAnswer, ReaderSetup, ReadRequest } from './load-reader-worker.ts';
import { type RowScan, type ShownRows, scanRows } from './load-scan.ts';

export interface ReadRows {
  readonly pixels: FramePixels;
  readonly scan: RowScan;
}

export interface RowReaders {
  /** A box of the full image of a frame, and what is in it of the working frame. */
  read(frame: ImageFrame, part: PixelBox, rows: ShownRows): Promise<ReadRows>;
  close(): Promise<void>;
}

const entry = new URL(`./load-reader-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
/** A thread takes a fifth of a second to start. */
const LEAST_BYTES = 1e8;
const AUTO_READERS = 8;

/** Readers for these frames: performance.frame_prep_workers threads, none where there is little to read. An image is always read by the same thread. */
export function openReaders(config: FitConfig, frames: readonly ImageFrame[], box: PixelBox): RowReaders {
  const asked = config.performance.framePrepWorkers;
  const bytes = frames.reduce((sum, { fullWidth, fullHeight }) => sum + 4 * fullWidth * fullHeight, 0);
  const auto = bytes < LEAST_BYTES ? 0 : Math.min(AUTO_READERS, availableParallelism());
  const count = Math.min(frames.length, asked === 'auto' ? auto : asked);
  return count < 2 ? readHere(box) : readInThreads(config, frames, box, count);
}

function readHere(box: PixelBox): RowReaders {
  return {
    async read(frame, { x0, y0, width, height }, rows) {
      const pixels = await frame.fullSection(x0, y0, width, height);
      return { pixels, scan: scanRows(pixels, rows, box) };
    },
    close: async () => undefined,
  };
}

interface Waiting {
  readonly resolve: (rows: ReadRows) => void;
  readonly reject: (error: ArcletError) => void;
}

function readInThreads(config: FitConfig, frames: readonly ImageFrame[], box: PixelBox, count: number): RowReaders {
  const setup: ReaderSetup = { inputs: config.inputs, zpRef: config.imageScaling.zpRef, box };
  const lines = Array.from({ length: count }, () => {
    const worker = new Worker(entry, { workerData: setup });
    const waiting = new Map<number, Waiting>();
    const died = (why: string) => {
      const error = new ArcletError('WORKER_DIED', `The thread that reads images died: ${why}.`, {
        remedy: 'Run again with a smaller performance.memory_budget or performance.frame_prep_workers: 1.',
      });
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    };
    worker.on('error', (error) => died(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (status) => died(`exit status ${status}`));
    worker.on('message', (answer: ReadAnswer) => {
      const found = waiting.get(answer.id);
      waiting.delete(answer.id);
      if (answer.type === 'rows') return found?.resolve(answer);
      const { code, message, ...details } = answer.error;
      found?.reject(new ArcletError(code, message, details));
    });
    return { worker, waiting };
  });
  const lineOf = new Map(frames.map(({ path }, index) => [path, lines[index % count]]));
  let id = 0;
  return {
    read({ path }, part, rows) {
      const line = lineOf.get(path) as (typeof lines)[number];
      const request: ReadRequest = { id: id++, path, part, rows };
      return new Promise((resolve, reject) => {
        line.waiting.set(request.id, { resolve, reject });
        line.worker.postMessage(request);
      });
    },
    async close() {
      await Promise.all(lines.map(({ worker }) => worker.terminate()));
    },
  };
}
