/** Whether a file of a brick is what its name says, and the marker that a brick carries when all of its files are. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ArcletError } from '../../../core/errors.ts';
import type { ByteSource } from '../../../io/store/source.ts';
import type { Store } from '../../../io/store/store.ts';
import type { PlaneName } from './files.ts';
import { Plane } from './plane.ts';

export interface FileFacts {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/** Beside the files of a brick that is whole. */
export const BRICK_MARKER = '_SUCCESS';

const MarkerSchema = z.object({
  files: z.record(z.string(), z.object({ bytes: z.number(), sha256: z.string() })),
  source: z.string(),
  utc: z.string(),
});

export type BrickMarker = z.output<typeof MarkerSchema>;

/** The marker of a brick; undefined when there is none, or one of the originals, which is an empty file. */
export async function readBrickMarker(cache: Store, folder: string): Promise<BrickMarker | undefined> {
  const bytes = await cache.get(`${folder}/${BRICK_MARKER}`);
  try {
    return MarkerSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

export async function writeBrickMarker(cache: Store, folder: string, marker: BrickMarker): Promise<void> {
  await cache.put(`${folder}/${BRICK_MARKER}`, new TextEncoder().encode(`${JSON.stringify(marker, undefined, 1)}\n`));
}

/**
 * Reads the headers of a file, no pixels.
 *
 * @throws INPUT_INVALID when it is no FITS file, has no image of two axes, any of its HDUs is damaged or cut, or its header is that of
 * another band; INPUT_UNREADABLE
 */
export async function checkFile(location: string, name: PlaneName): Promise<void> {
  const plane = await Plane.open(location, name);
  try {
    const [problem] = plane.file.problems;
    const other = otherBand(plane);
    if (other !== undefined) {
      const [keyword, value] = other;
      throw new ArcletError(
        'INPUT_INVALID',
        `${location} is of band ${value} by its ${keyword}, and of band ${name.band} by its name.`,
        {
          subject: location,
          remedy: 'Fetch the file again.',
        },
      );
    }
    if (problem === undefined) return;
    throw new ArcletError('INPUT_INVALID', problem, { subject: location, remedy: 'Fetch the file again.' });
  } finally {
    await plane.close();
  }
}

/** A card that names another band than the file. Words of several letters are names of filters, of which nothing is known here. */
function otherBand({ name: { band }, file }: Plane): [keyword: string, value: string] | undefined {
  if (band === undefined) return undefined;
  for (const { header } of file.hdus) {
    for (const keyword of ['FILTER', 'BAND']) {
      const value = header.card(keyword)?.value;
      const [word] = typeof value === 'string' ? value.trim().split(/\s+/) : [''];
      if (/^[a-z]$/i.test(word) && word.toLowerCase() !== band.toLowerCase()) return [keyword, word];
    }
  }
  return undefined;
}

const PIECE_BYTES = 2 ** 20;

/** Bytes and SHA-256 of a source, which is read piece by piece. */
export async function digestOf(source: ByteSource, use?: (piece: Uint8Array) => Promise<void>): Promise<FileFacts> {
  const hash = createHash('sha256');
  for (let at = 0; at < source.size; at += PIECE_BYTES) {
    const piece = await source.read(at, Math.min(PIECE_BYTES, source.size - at));
    hash.update(piece);
    await use?.(piece);
  }
  return { bytes: source.size, sha256: hash.digest('hex') };
}

/** SHA-256 over the digests (hex) of all files in the order of their names: one number for a brick. */
export function digestOfAll(files: ReadonlyMap<string, FileFacts>): string {
  const hash = createHash('sha256');
  for (const [, { sha256 }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) hash.update(sha256);
  return hash.digest('hex');
}
