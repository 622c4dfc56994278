/**
 * Stamps out of bricks, by tile and in worker threads.
 *
 * ```ts
 * const reader = openBrickReader({ cache: 'bricks', bands: ['g', 'r', 'z'], usePsfsizeMaps: true, workers: 2 });
 * const { failed, image, invvar, mask, inside, finite } = await reader.cutouts('0591m305', [{ raDeg: 59.1, decDeg: -30.48 }], 64);
 * await reader.close();
 * ```
 */
import { Worker } from 'node:worker_threads';
import { ArcletError } from '../../../core/errors.ts';
import type { Cutouts, CutoutTarget } from './cutouts.ts';
import { BrickSession, type SessionOptions } from './session.ts';
import { WorkerLine } from './worker-line.ts';

export type { Cutouts, CutoutTarget } from './cutouts.ts';

export interface BrickReader {
  /**
   * Stamps of all bands around targets of one brick, in the order of the targets. Requests of one brick are answered one after the other by
   * one thread, those of others meanwhile; a thread keeps decoded tiles, so rows sorted by declination decode each tile about once.
   *
   * @param size side of the stamps, px
   * @returns cutouts whose `failed` says what is wrong with the brick, if so, and whose `reason` what is wrong with a row
   * @throws USAGE for a size that is no positive whole number, ABORTED after `close`
   */
  cutouts(brick: string, targets: readonly CutoutTarget[], size: number): Promise<Cutouts>;
  /** Answers what is in hand, then ends the threads and closes the files. */
  close(): Promise<void>;
}

export interface BrickReaderOptions {
  /** Folder or s3:// with `<brick>/` or `<brick[:3]>/<brick>/`. */
  readonly cache: string;
  readonly bands: readonly string[];
  readonly usePsfsizeMaps: boolean;
  /** Threads; 0 cuts in the calling thread. */
  readonly workers: number;
  /** Decoded tiles that each thread keeps, bytes, about. Default 96 MiB. */
  readonly cacheBytes?: number;
}

const CACHE_BYTES = 96 * 2 ** 20;
/** Garbage of cutting is small and dies at once; left alone, V8 lets each thread's nursery grow. */
const NURSERY_MB = 8;
/** Beside this module both in the source tree and in dist/, where the extension differs. */
const workerEntry = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Opens the bricks of a cache; nothing is read before the first request. Close it. */
export function openBrickReader(options: BrickReaderOptions): BrickReader {
  const { cache, bands, usePsfsizeMaps, workers, cacheBytes = CACHE_BYTES } = options;
  const session: SessionOptions = { cache, bands: [...bands], usePsfsizeMaps, cacheBytes };
  if (workers === 0) return inThisThread(session);
  const spawn = () => new Worker(workerEntry, { workerData: session, resourceLimits: { maxYoungGenerationSizeMb: NURSERY_MB } });
  return overLines(Array.from({ length: workers }, () => new WorkerLine(spawn, bands)));
}

function inThisThread(options: SessionOptions): BrickReader {
  const session = new BrickSession(options);
  let isClosed = false;
  return {
    async cutouts(brick, targets, size) {
      const columns = columnsOf(targets, size);
      if (isClosed) throw new ArcletError('ABORTED', 'The bricks are closed.');
      return session.cutouts(brick, columns.raDeg, columns.decDeg, size);
    },
    async close() {
      isClosed = true;
      await session.close();
    },
  };
}

/** A brick stays with the line it came to first: there its files are open and its tiles decoded. */
export function overLines(lines: readonly WorkerLine[]): BrickReader {
  const lineOf = new Map<string, WorkerLine>();
  return {
    async cutouts(brick, targets, size) {
      const columns = columnsOf(targets, size);
      let line = lineOf.get(brick);
      if (line === undefined) {
        line = lines.reduce((least, other) => (other.load < least.load ? other : least));
        lineOf.set(brick, line);
      }
      return line.request({ brick, ...columns, size });
    },
    async close() {
      await Promise.all(lines.map((line) => line.close()));
    },
  };
}

function columnsOf(targets: readonly CutoutTarget[], size: number): { raDeg: Float64Array; decDeg: Float64Array } {
  if (!(Number.isSafeInteger(size) && size > 0)) {
    throw new ArcletError('USAGE', `A stamp of ${size} px cannot be cut.`, { remedy: 'Give a positive whole number of pixels.' });
  }
  return {
    raDeg: Float64Array.from(targets, ({ raDeg }) => raDeg),
    decDeg: Float64Array.from(targets, ({ decDeg }) => decDeg),
  };
}
