/** Files of an aligned band: image, inverse variances, and what they were made from. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { isArcletError } from '../../../core/errors.ts';
import { FitsHeader } from '../../../io/fits/index.ts';
import { openSource, openStoreOf } from '../../../io/store/store.ts';
import { canonicalJson } from '../../layered-config.ts';
import type { FitConfig } from '../config.ts';
import { openRowImage, type RowImage } from '../load-wcs.ts';
import { getObject, inFolder, putObject } from '../places.ts';
import type { MadeBand } from './align-band.ts';
import type { BandPlan } from './align-plan.ts';
import { bandHeader } from './band-header.ts';
import type { FrameRow } from './frame-rows.ts';
import type { TargetGrid } from './target.ts';

/** Places of a band's files in the folder of aligned images. */
export interface BandPlaces {
  readonly image: string;
  readonly weight: string;
  readonly note: string;
}

export const ALIGNED_FOLDER = 'aligned';

export function bandPlaces(folder: string, band: string): BandPlaces {
  return {
    image: inFolder(folder, `${band}.fits`),
    weight: inFolder(inFolder(folder, 'weight'), `${band}.fits`),
    note: inFolder(folder, `${band}.json`),
  };
}

/** Hash of all that the files of a band follow from. Images are known by place, size, time and header: reading them would take as long as the work. */
export async function bandKey(
  { band, frames }: BandPlan,
  target: TargetGrid,
  { resample }: FitConfig,
  version: string,
): Promise<string> {
  const { interpolation, minGoodWeight, combine, fillSaturated } = resample;
  const images = await Promise.all(
    frames.map(async ({ file: { path, header, zpAuto, skySigma, gain, saturate, peeingPx, seeingArcsec } }) => {
      // Objects elsewhere have no such time.
      const written = await stat(path).then(
        ({ mtimeMs, size }) => ({ mtimeMs, size }),
        () => null,
      );
      const numbers = [zpAuto, skySigma, gain, saturate, peeingPx, seeingArcsec].map(String);
      return { path, written, numbers, header: sha256(header.records().join('')) };
    }),
  );
  const grid = { cards: target.header.records(), width: target.width, height: target.height };
  return sha256(canonicalJson({ version, band, interpolation, minGoodWeight, combine, fillSaturated, grid, images }));
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** What is remembered of a band. */
export interface BandNote {
  readonly key: string;
  readonly summary: string;
  readonly warnings: readonly string[];
  readonly frames: readonly FrameRow[];
  /** Bytes of the image and of the weights. */
  readonly bytes: readonly [number, number];
}

/** The note of a band that was made under the same key of all of its images, and whose files are there in full length. */
export async function keptBand(places: BandPlaces, key: string): Promise<BandNote | undefined> {
  try {
    const note = JSON.parse(new TextDecoder().decode(await getObject(places.note))) as BandNote;
    if (note.key !== key) return undefined;
    // What could not be read may be readable now, with the same size and time.
    if (note.frames.some(({ status }) => status === 'unreadable')) return undefined;
    const bytes = await bytesOf(places);
    return bytes.every((length, index) => length === note.bytes[index]) ? note : undefined;
  } catch (error) {
    // Missing, cut off or by hand: it is made again.
    if (isArcletError(error) || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Throws INPUT_UNREADABLE where one is missing. */
async function bytesOf({ image, weight }: BandPlaces): Promise<[number, number]> {
  const sizeOf = async (place: string): Promise<number> => {
    const source = await openSource(place);
    await source.close();
    return source.size;
  };
  return [await sizeOf(image), await sizeOf(weight)];
}

/** Writes the files of a band, and gives the note. It comes last, and the one before goes first: files without it are made again. */
export async function writeBand(
  places: BandPlaces,
  made: MadeBand,
  target: TargetGrid,
  pixelArcsec: number,
  words: readonly string[],
  facts: Omit<BandNote, 'bytes'>,
): Promise<BandNote> {
  const { store, key } = await openStoreOf(places.note);
  try {
    await store.delete(key);
  } finally {
    await store.close();
  }
  const header = bandHeader(target, made.used, made.numbers, pixelArcsec, words);
  const weight = await openRowImage(places.weight, target, weightHeader(target, header), []);
  try {
    const image = await openRowImage(places.image, target, header, []);
    try {
      await writeRows(made, target, image, weight);
      await weight.finish();
      await image.finish();
    } catch (error) {
      await image.abort();
      throw error;
    }
  } catch (error) {
    await weight.abort();
    throw error;
  }
  const note: BandNote = { ...facts, bytes: await bytesOf(places) };
  await putObject(places.note, new TextEncoder().encode(`${JSON.stringify(note, undefined, 1)}\n`));
  return note;
}

function weightHeader(target: TargetGrid, header: FitsHeader): FitsHeader {
  const own = FitsHeader.of([
    { keyword: 'FILTER', value: header.text('FILTER') },
    { keyword: 'HISTORY', value: 'inverse variance of each pixel on its own, 1/ADU^2; 0: no data' },
  ]);
  return new FitsHeader([...target.header.cards, ...own.cards]);
}

const PIECE_BYTES = 2 ** 20;

async function writeRows(made: MadeBand, { width, height }: TargetGrid, images: RowImage, weights: RowImage): Promise<void> {
  const { saturated, numbers } = made;
  const step = Math.max(1, Math.floor(PIECE_BYTES / (4 * width)));
  for (let y0 = 0; y0 < height; y0 += step) {
    const { image, invvar } = made.rowsOf(y0, Math.min(step, height - y0));
    for (let at = 0; at < image.length; at++) {
      if (invvar[at] > 0) continue;
      image[at] = saturated.has(at % width, y0 + Math.floor(at / width)) ? numbers.saturate : Number.NaN;
    }
    await weights.write(invvar);
    await images.write(image);
  }
}
