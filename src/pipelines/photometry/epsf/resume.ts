/** A band that is done, and a cell of one that is not, are kept while nothing that their PSFs follow from has changed. */
import { deserialize, serialize } from 'node:v8';
import { isArcletError } from '../../../core/errors.ts';
import { decodeNpy } from '../../../io/npy.ts';
import { openSource } from '../../../io/store/store.ts';
import { inFolder, putObject } from '../places.ts';
import type { CellOutcome } from './cell-types.ts';
import { BAND_FILE, BESIDE_CELLS, inStore, OUTCOME_FILE } from './clear-cell.ts';
import type { FinishedCell } from './finish-band.ts';

interface BandFile {
  readonly key: string;
  /** Of the band, besides its cells'. */
  readonly files: readonly string[];
  readonly cells: readonly (Omit<FinishedCell, 'stamp' | 'fwhmPx' | 'problem'> & {
    fwhmPx: number | null;
    problem: string | null;
  })[];
}

/** Says that a band is done. */
export async function keepBand(folder: string, key: string, cells: readonly FinishedCell[]): Promise<void> {
  const rows = cells.map(({ stamp: _, problem, ...row }) => ({ ...row, problem: problem ?? null }));
  const files: string[] = [];
  await inStore(folder, async (store) => {
    for (const name of BESIDE_CELLS) if (await store.exists(name)) files.push(name);
  });
  await putObject(inFolder(folder, BAND_FILE), new TextEncoder().encode(`${JSON.stringify({ key, files, cells: rows })}\n`));
}

/** The cells of a band that was done under the same key and whose files are there; undefined otherwise. */
export async function keptBand(folder: string, key: string, size: number): Promise<FinishedCell[] | undefined> {
  try {
    const file = JSON.parse(new TextDecoder().decode(await read(inFolder(folder, BAND_FILE)))) as BandFile | null;
    if (file?.key !== key) return undefined;
    const names = [...file.files, ...file.cells.map(({ tag }) => `${tag}/meta.json`)];
    let isWhole = true;
    await inStore(folder, async (store) => {
      for (const name of names) isWhole &&= await store.exists(name);
    });
    if (!isWhole) return undefined;
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

/** Puts what came out of a cell beside its pictures, until its band is done. */
export async function keepCell(folder: string, key: string, outcome: CellOutcome): Promise<void> {
  await putObject(inFolder(folder, OUTCOME_FILE), serialize({ key, outcome }));
}

/** What an earlier run that was stopped made of a cell, under the same key; undefined otherwise. */
export async function keptCell(folder: string, key: string): Promise<CellOutcome | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await read(inFolder(folder, OUTCOME_FILE));
  } catch (error) {
    if (isArcletError(error)) return undefined;
    throw error;
  }
  try {
    const kept = deserialize(bytes) as { key: string; outcome: CellOutcome };
    return kept.key === key ? kept.outcome : undefined;
  } catch {
    // Of another Node, or not ours.
    return undefined;
  }
}

/** When the band is done its cells need no longer be kept one by one. */
export async function dropCells(folder: string, tags: readonly string[]): Promise<void> {
  await inStore(folder, async (store) => {
    for (const tag of tags) await store.delete(`${tag}/${OUTCOME_FILE}`);
  });
}

async function read(place: string): Promise<Uint8Array> {
  const source = await openSource(place);
  try {
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}
