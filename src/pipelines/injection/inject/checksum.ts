/** SHA-256 of a file or object, read piece by piece. */
import { createHash } from 'node:crypto';
import { openSource } from '../../../io/store/store.ts';

const PIECE_BYTES = 2 ** 22;

/** Hexadecimal. Throws INPUT_UNREADABLE. */
export async function checksum(location: string): Promise<string> {
  const source = await openSource(location);
  try {
    const hash = createHash('sha256');
    for (let at = 0; at < source.size; at += PIECE_BYTES)
      hash.update(await source.read(at, Math.min(PIECE_BYTES, source.size - at)));
    return hash.digest('hex');
  } finally {
    await source.close();
  }
}

/** One SHA-256 of several checksums, whatever their order: the names of files may change, what is in them not. */
export function hashOf(checksums: readonly string[]): string {
  return createHash('sha256').update(checksums.toSorted().join(' ')).digest('hex');
}
