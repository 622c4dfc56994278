/** Unfinished files of runs that were killed. No reader sees them, but they fill the disk: every kill may leave a part's worth. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { TEMPORARY_NAME } from '../../../io/atomic.ts';

/** A file that nobody has written to for so long is nobody's: other shards write to theirs every few seconds. */
const STALE_MS = 3600_000;

/** Deletes temporary files below a folder that were last written to more than an hour ago. Objects in a bucket have none. */
export async function clearLeftovers(folder: string): Promise<void> {
  if (folder.includes('://')) return;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile() || !TEMPORARY_NAME.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    // Its owner may finish it at this moment: then there is nothing to delete.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true }).catch(() => undefined);
  }
}
