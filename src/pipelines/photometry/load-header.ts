/** What the headers of the images say: keywords that photometry needs, each checked, and where the pixels are. */
import { basename } from 'node:path';
import { ArcletError, isArcletError } from '../../core/errors.ts';
import { nearest } from '../../core/nearest.ts';
import { type FitsFile, type FitsHdu, type FitsHeader, imageInfo, isStructural } from '../../io/fits/index.ts';
import { openFitsFile } from '../../io/fits/node.ts';
import { type Wcs, wcsFromHeader } from '../../sky/wcs/index.ts';
import type { FitConfig } from './config.ts';
import type { HeaderNumber } from './config-sections.ts';

/** One image file, open, before anything of its pixels is read. */
export interface ImageFile {
  readonly path: string;
  readonly file: FitsFile;
  /** The first HDU with an image: the primary one, or the first extension of a file whose primary HDU is empty. */
  readonly hdu: FitsHdu;
  /** Cards of that HDU, then those that only the primary HDU has. */
  readonly header: FitsHeader;
  /** [y, x] of the full image. */
  readonly shape: readonly [number, number];
  /** Axes of length 1 before these two. */
  readonly leadingAxes: number;
  readonly wcs: Wcs;
  /** FILTER, or what inputs.filter_overrides says. */
  readonly band: string;
  readonly zpAuto: number;
  /** ADU. */
  readonly skySigma: number;
  /** e-/ADU. */
  readonly gain: number;
  /** ADU; Infinity where there is none. */
  readonly saturate: number;
  readonly peeingPx: number | undefined;
  readonly seeingArcsec: number | undefined;
}

/** What stays of an image whose file was closed again. */
export type ImageHeader = Omit<ImageFile, 'file' | 'hdu'>;

/** Something wrong with one file, as a clause after its name. */
export interface FileProblem {
  readonly path: string;
  readonly what: string;
  readonly remedy: string;
}

/** A header that was read: the image if it has pixels and a WCS (numbers that are wrong are NaN), what is wrong, and what is only odd. */
export interface HeaderReport {
  readonly path: string;
  readonly image: ImageFile | undefined;
  readonly problems: readonly FileProblem[];
  readonly warnings: readonly string[];
}

const ADD_KEY =
  'Correct the headers, or give the values in inputs.header_defaults (numbers) and inputs.filter_overrides (FILTER).';
/** A band is the name of a folder and the end of a column's name. */
const BAD_BAND = /[/\\\p{Cc}]|^\.{1,2}$/u;

/** Opens an image and checks its header. Every fault is a problem of the report; the file stays open where there is an image. */
export async function readImageHeader(
  path: string,
  { filterOverrides, headerDefaults }: FitConfig['inputs'],
): Promise<HeaderReport> {
  let file: FitsFile;
  try {
    file = await openFitsFile(path);
  } catch (error) {
    return { path, image: undefined, warnings: [], problems: [problemOf(path, error)] };
  }
  const problems: FileProblem[] = [];
  const warnings = file.problems.map((problem) => `${path}: ${problem}`);
  const wrong = (what: string, remedy = ADD_KEY) => problems.push({ path, what, remedy });
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      problems.push(problemOf(path, error));
      return undefined;
    }
  };
  const found = attempt(() => imageOf(file, path));
  const header = found?.header ?? file.hdus[0].header;
  const number = (key: HeaderNumber): number | undefined | 'wrong' => {
    const card = header.card(key);
    const value = card?.value;
    if (card === undefined || (card.problem === undefined && value === undefined)) return headerDefaults[key];
    const read =
      typeof value === 'bigint' ? Number(value) : typeof value === 'string' ? Number(value.trim() || Number.NaN) : value;
    return typeof read === 'number' && Number.isFinite(read) ? read : 'wrong';
  };
  const shownValue = (key: string) => JSON.stringify(header.card(key)?.value ?? header.card(key)?.problem ?? null);
  const required = (key: HeaderNumber, unit: string, isFine: (value: number) => boolean, wanted: string): number => {
    const value = number(key);
    if (value === undefined) wrong(`${key} (${unit}) is missing`);
    else if (value === 'wrong' || !isFine(value))
      wrong(`${key} is ${value === 'wrong' ? shownValue(key) : value}, expected ${wanted}`);
    else return value;
    return Number.NaN;
  };
  const optional = (key: HeaderNumber): number | undefined => {
    const value = number(key);
    if (value === undefined || (value !== 'wrong' && value > 0)) return value as number | undefined;
    warnings.push(`${path}: ${key} is ${value === 'wrong' ? shownValue(key) : value}, no positive number, and is not used.`);
    return undefined;
  };
  const own = header.card('FILTER')?.value;
  const band = String(filterOverrides[basename(path)] ?? filterOverrides[path] ?? own ?? '').trim();
  if (band === '') wrong(`FILTER is ${own === undefined ? 'missing' : 'blank'}`);
  else if (BAD_BAND.test(band)) wrong(`FILTER is ${JSON.stringify(band)}, which is no name of a folder`);
  const zpAuto = required('ZP_AUTO', 'mag', () => true, 'a number');
  const skySigma = required('SKYSIG', 'ADU', (value) => value > 0, 'a number above 0');
  const gain = required('EGAIN', 'e-/ADU', (value) => value > 0, 'a number above 0');
  const saturate = optional('SATURATE');
  if (saturate === undefined) warnings.push(`${path}: no SATURATE: no pixel counts as saturated.`);
  const peeingPx = optional('PEEING');
  const seeingArcsec = optional('SEEING');
  const wcs = found && attempt(() => celestialWcs(header, path));
  warnings.push(...(wcs?.notes ?? []).map((note) => `${path}: ${note}`));
  if (found === undefined || wcs === undefined) {
    await file.close();
    return { path, image: undefined, problems, warnings };
  }
  const image: ImageFile = {
    path,
    file,
    ...found,
    wcs,
    band,
    zpAuto,
    skySigma,
    gain,
    saturate: saturate ?? Number.POSITIVE_INFINITY,
    peeingPx,
    seeingArcsec,
  };
  return { path, image, problems, warnings };
}

function problemOf(path: string, error: unknown): FileProblem {
  if (!isArcletError(error)) throw error;
  const what = error.message.replace(/\.$/, '').replace(`${path} cannot be read`, 'cannot be read').replace(`${path}: `, '');
  return { path, what, remedy: error.remedy ?? 'Fetch or make the file again.' };
}

type Found = Pick<ImageFile, 'hdu' | 'header' | 'shape' | 'leadingAxes'>;

/** Throws INPUT_INVALID when no HDU has an image of two axes. */
function imageOf(file: FitsFile, path: string): Found {
  const hdu = file.hdus.find(
    ({ type, axes }) => type === 'COMPRESSED_IMAGE' || ((type === 'PRIMARY' || type === 'IMAGE') && axes.length > 0),
  );
  const invalid = (what: string, remedy: string) =>
    new ArcletError('INPUT_INVALID', `${path}: ${what}.`, { subject: path, remedy });
  if (hdu === undefined) throw invalid('no HDU has an image', 'Name a file with an image of two axes.');
  const { shape } = imageInfo(hdu);
  const leadingAxes = shape.length - 2;
  if (leadingAxes < 0 || shape.slice(0, leadingAxes).some((length) => length !== 1)) {
    throw invalid(`the image has the shape [${shape}]`, 'Give images of two axes.');
  }
  if (hdu.truncated) throw invalid('the file ends before its last pixel', 'Fetch the file again.');
  const header = hdu.header.clone();
  const primary = file.hdus[0].header;
  if (hdu.index > 0) {
    for (const { keyword, value, comment, type } of primary.cards) {
      if (type === 'commentary' || isStructural(keyword.toUpperCase()) || header.has(keyword)) continue;
      header.append({ keyword, value, comment, type });
    }
  }
  return { hdu, header, shape: [shape[leadingAxes], shape[leadingAxes + 1]], leadingAxes };
}

/** Throws INPUT_INVALID for a header without a celestial WCS, or with a wrong one. */
function celestialWcs(header: FitsHeader, path: string): Wcs {
  const wcs = wcsFromHeader(header);
  if (wcs.celestial !== undefined) return wcs;
  throw new ArcletError('INPUT_INVALID', `${path}: there is no celestial WCS (CTYPE1, CTYPE2).`, {
    subject: path,
    remedy: 'Solve the astrometry first, and write the WCS into the header.',
  });
}

/** Throws CONFIG_INVALID for an override of a file that is not in the image list. */
export function checkOverrides({ images, inputs }: FitConfig): void {
  const names = [...images, ...images.map((path) => basename(path))];
  const strange = Object.keys(inputs.filterOverrides).find((name) => !names.includes(name));
  if (strange === undefined) return;
  const like = nearest(
    strange,
    images.map((path) => basename(path)),
  );
  throw new ArcletError(
    'CONFIG_INVALID',
    `inputs.filter_overrides names ${strange}, which is not in the image list, did you mean ${like}?`,
    {
      subject: 'inputs.filter_overrides',
      remedy: `Give file names as they stand in ${inputs.imageListFile}.`,
    },
  );
}
