/** What a bank may be made of: stamps in FITS files, rows of RealGalaxy catalogues, rows of parametric fits. Pixels are read when asked for. */
import { ArcletError } from '../../../core/errors.ts';
import { type FitsFile, type FitsHdu, imageInfo, tableColumns } from '../../../io/fits/index.ts';
import { openStore } from '../../../io/store/store.ts';
import { endingOf, hasImage, isTable } from '../../files/open.ts';
import { type Candidate, loadStamp, type SourceOptions } from './candidate.ts';
import { galaxyCandidates } from './galaxy-tables.ts';
import { realGalaxyCandidates } from './real-galaxies.ts';
import { refused } from './rules.ts';
import type { FitsShelf } from './shelf.ts';

const FITS_ENDINGS = ['.fits', '.fit', '.fts', '.fz'];
const TABLE_ENDINGS = ['.csv', '.tsv', '.parquet', '.arrow', '.feather', '.asc', '.txt', '.dat'];

const plainName = (location: string): string => location.replace(/\.gz$/i, '');
const isFitsName = (location: string): boolean => FITS_ENDINGS.includes(endingOf(plainName(location)));

/**
 * Everything that the inputs offer, in their order; names of a folder in theirs. An input that cannot be opened throws; a file in a folder
 * that cannot becomes a candidate whose `load` says so.
 *
 * @throws INPUT_UNREADABLE, INPUT_INVALID
 */
export async function* candidatesOf(
  inputs: readonly string[],
  shelf: FitsShelf,
  options: SourceOptions,
): AsyncGenerator<Candidate> {
  for (const input of inputs) {
    if (isFitsName(input)) yield* fitsCandidates(input, await shelf.get(input), shelf, options);
    else if (TABLE_ENDINGS.includes(endingOf(input))) yield* galaxyCandidates(input, options);
    else yield* folderCandidates(input, shelf, options);
  }
}

async function* fitsCandidates(
  location: string,
  file: FitsFile,
  shelf: FitsShelf,
  options: SourceOptions,
): AsyncGenerator<Candidate> {
  const names = file.hdus.filter((hdu) => hdu.type === 'BINTABLE').flatMap((hdu) => tableColumns(hdu).map(({ name }) => name.toUpperCase())); // biome-ignore format: one list
  if (names.includes('GAL_FILENAME')) yield* realGalaxyCandidates(location, shelf, options);
  else if (file.hdus.some(isTable) && !file.hdus.some(hasImage)) yield* galaxyCandidates(location, options);
  else yield* stampCandidates(location, file, shelf, options);
}

async function* folderCandidates(location: string, shelf: FitsShelf, options: SourceOptions): AsyncGenerator<Candidate> {
  const store = await openStore(location);
  let count = 0;
  try {
    for await (const { key } of store.list()) {
      if (!isFitsName(key)) continue;
      count++;
      const path = `${location.replace(/\/+$/, '')}/${key}`;
      const file = await shelf.get(path).catch((error: Error) => error);
      if (file instanceof Error) yield { source: path, load: async () => refused('UNREADABLE', file.message) };
      else yield* stampCandidates(path, file, shelf, options);
    }
  } finally {
    await store.close();
  }
  if (count > 0) return;
  throw new ArcletError('INPUT_UNREADABLE', `${location} is no folder with FITS files.`, {
    subject: location,
    remedy: 'Name a folder of FITS stamps, a FITS file, or a table of galaxies.',
  });
}

/** One per image, or per plane of a cube. */
function* stampCandidates(location: string, file: FitsFile, shelf: FitsShelf, options: SourceOptions): Generator<Candidate> {
  let count = 0;
  for (const hdu of file.hdus) {
    if (!hasImage(hdu)) continue;
    count++;
    const shape = shapeOf(hdu);
    const name = `${location}[${hdu.index}]`;
    const planes = shape === undefined ? 1 : shape.slice(0, -2).reduce((a, b) => a * b, 1);
    for (let plane = 0; plane < planes; plane++) {
      const load = async () => loadStamp(await shelf.get(location), hdu.index, plane, options.inputPixscaleArcsec);
      yield { source: planes === 1 ? name : `${name}[${plane}]`, load };
    }
  }
  if (count === 0) yield { source: location, load: async () => refused('NO_IMAGE', 'no HDU with an image') };
}

/** Undefined where the header does not say; reading it then tells why. */
function shapeOf(hdu: FitsHdu): readonly number[] | undefined {
  try {
    return imageInfo(hdu).shape;
  } catch {
    return undefined;
  }
}
