/** The rows of parts in chunks: what is cut, drawn and written at once. */
import type { Dataset } from '../../dataset.ts';
import type { Task } from '../columns.ts';
import { tasksOf } from '../manifest/read.ts';
import type { Part } from './parts.ts';

export interface Chunk {
  readonly part: Part;
  readonly tasks: readonly Task[];
  /** The last of its part. */
  readonly last: boolean;
  /** Bricks of the whole part, each once. */
  readonly bricks: readonly string[];
}

/** Pixels of a chunk, all bands: three chunks with host, weights, arcs and their columns then stay well below a gigabyte. */
const CHUNK_PIXELS = 256 * 3 * 64 * 64;
/** Fewer rows leave workers and a device idle, more gain nothing. */
const FEWEST_ROWS = 16;
const MOST_ROWS = 256;

/** Rows of a chunk of stamps of this side and number of bands. */
export function chunkRows(stampSize: number, bands: number): number {
  return Math.max(FEWEST_ROWS, Math.min(MOST_ROWS, Math.floor(CHUNK_PIXELS / (bands * stampSize * stampSize))));
}

/** Chunks of all parts in order. After the signal has fired the part in hand is finished and no other is begun. */
export async function* chunksOf(manifest: Dataset, parts: readonly Part[], signal: AbortSignal): AsyncGenerator<Chunk> {
  for (const part of parts) {
    if (signal.aborted) return;
    const group = await manifest.withPart(part.source, async (table) => tasksOf(await table.readRowGroup(part.rowGroup)));
    const tasks = group.slice(0, part.rows);
    const bricks = [...new Set(tasks.map(({ brickname }) => brickname))];
    const rows = chunkRows(part.stampSize, part.bandset.length);
    for (let start = 0; start < tasks.length; start += rows) {
      const end = Math.min(tasks.length, start + rows);
      yield { part, tasks: tasks.slice(start, end), last: end === tasks.length, bricks };
    }
  }
}
