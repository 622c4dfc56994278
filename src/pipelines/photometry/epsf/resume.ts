/** A band that is done is kept while nothing that its PSFs follow from has changed. */
import { isArcletError } from '../../../core/errors.ts';
import { decodeNpy } from '../../../io/npy.ts';
import { openSource } from '../../../io/store/store.ts';
import { inFolder, putObject } from '../places.ts';
import type { FinishedCell } from './finish-band.ts';

const BAND_FILE = 'band.json';

interface BandFile {
  readonly key: string;
  readonly cells: readonly (Omit<FinishedCell, 'stamp' | 'fwhmPx' | 'problem'> & {
    fwhmPx: number | null;
    problem: string | null;
  })[];
}

/** Says that a band is done. */
export async function keepBand(folder: string, key: string, cells: readonly FinishedCell[]): Promise<void> {
  const rows = cells.map(({ stamp: _, problem, ...row }) => ({ ...row, problem: problem ?? null }));
  await putObject(inFolder(folder, BAND_FILE), new TextEncoder().encode(`${JSON.stringify({ key, cells: rows })}\n`));
}

/** The cells of a band that was done under the same key and whose files are there; undefined otherwise. */
export async function keptBand(folder: string, key: string, size: number): Promise<FinishedCell[] | undefined> {
  try {
    const file = JSON.parse(new TextDecoder().decode(await read(inFolder(folder, BAND_FILE)))) as BandFile;
    if (file.key !== key) return undefined;
    const cells: FinishedCell[] = [];
    for (const cell of file.cells) {
      const place = inFolder(inFolder(folder, cell.tag), 'epsf.npy');
      const stamp = cell.source === 'none' ? undefined : (decodeNpy(await read(place), place).data as Float32Array);
      if (stamp !== undefined && stamp.length !== size * size) return undefined;
      cells.push({ ...cell, fwhmPx: cell.fwhmPx ?? Number.NaN, problem: cell.problem ?? undefined, stamp });
    }
    return cells;
  } catch (error) {
    // Missing, cut off or by hand: it is made again.
    if (isArcletError(error) || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function read(place: string): Promise<Uint8Array> {
  const source = await openSource(place);
  try {
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}
