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
}

/** Rows of a chunk: enough to keep workers and a device busy, few enough that three chunks with their pixels stay below 300 MB. */
const CHUNK_ROWS = 256;

/** Chunks of all parts in order. After the signal has fired the part in hand is finished and no other is begun. */
export async function* chunksOf(manifest: Dataset, parts: readonly Part[], signal: AbortSignal): AsyncGenerator<Chunk> {
  for (const part of parts) {
    if (signal.aborted) return;
    const tasks = await manifest.withPart(part.source, async (table) => tasksOf(await table.readRowGroup(part.rowGroup)));
    for (let start = 0; start < tasks.length; start += CHUNK_ROWS) {
      const end = Math.min(tasks.length, start + CHUNK_ROWS);
      yield { part, tasks: tasks.slice(start, end), last: end === tasks.length };
    }
  }
}
