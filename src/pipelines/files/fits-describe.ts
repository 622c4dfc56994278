/** `arclet fits info`, `header` and `verify`: what stands in a file, and whether it is sound. */
import { isArcletError } from '../../core/errors.ts';
import {
  type ChecksumVerdict,
  compressedImageInfo,
  type FitsHdu,
  type HeaderValue,
  imageInfo,
  tableColumns,
  tableRows,
  verifyChecksums,
} from '../../io/fits/index.ts';
import { hasImage, hduNamed, isTable, withFits } from './open.ts';

export interface HduInfo {
  readonly index: number;
  readonly name: string;
  readonly version: number;
  readonly type: string;
  readonly cards: number;
  /** numpy order; [rows] of a table. */
  readonly shape: readonly number[];
  readonly dtype: string | null;
  readonly unit: string | null;
  /** Codec of a compressed image with its tiles, columns of a table, the reason when the header is damaged. */
  readonly detail: string;
  /** Bytes of the data unit in the (inflated) file. */
  readonly bytes: number;
}

export interface FileInfo {
  readonly file: string;
  readonly hdus: readonly HduInfo[];
  readonly problems: readonly string[];
}

/** The HDUs of a file; reads headers only. Throws INPUT_UNREADABLE, INPUT_INVALID. */
export async function fitsInfo(location: string): Promise<FileInfo> {
  return withFits(location, async (file) => ({ file: location, hdus: file.hdus.map(infoOf), problems: file.problems }));
}

function infoOf(hdu: FitsHdu): HduInfo {
  const { index, name, version, type, header, dataBytes: bytes } = hdu;
  const base = {
    index,
    name,
    version,
    type,
    cards: header.records().length,
    shape: [],
    dtype: null,
    unit: null,
    detail: '',
    bytes,
  };
  try {
    if (isTable(hdu)) return { ...base, shape: [tableRows(hdu)], detail: `${tableColumns(hdu).length} columns` };
    if (!hasImage(hdu)) return { ...base, detail: type === 'RANDOM_GROUPS' ? `${hdu.gcount} groups` : '' };
    const { shape, dtype, unit } = imageInfo(hdu);
    return { ...base, shape, dtype, unit: unit ?? null, detail: type === 'COMPRESSED_IMAGE' ? codecOf(hdu) : '' };
  } catch (error) {
    if (!isArcletError(error)) throw error;
    return { ...base, detail: error.message };
  }
}

function codecOf(hdu: FitsHdu): string {
  const { codec, quantize, tileShape } = compressedImageInfo(hdu.header, hdu.header.where);
  return `${codec}${quantize === 'NONE' ? '' : ` ${quantize}`}, tiles ${tileShape.join('x')}`;
}

export interface CardView {
  readonly keyword: string;
  readonly value: HeaderValue | null;
  readonly comment: string;
}

/** The header of one HDU (the first by default) or of all: lines of up to 80 characters, and the same as values. */
export async function fitsHeaders(
  location: string,
  hdu?: string,
): Promise<{ index: number; name: string; lines: string[]; cards: CardView[] }[]> {
  return withFits(location, async (file) =>
    (hdu === undefined ? file.hdus : [hduNamed(file, hdu)]).map(({ index, name, header }) => ({
      index,
      name,
      lines: header.records().map((line) => line.trimEnd()),
      cards: header.cards.map(({ keyword, value, comment }) => ({ keyword, value: value ?? null, comment })),
    })),
  );
}

export interface HduVerdict {
  readonly index: number;
  readonly name: string;
  /** Data against DATASUM, the HDU against CHECKSUM; 'unread' where the file ends too early. */
  readonly data: ChecksumVerdict | 'unread';
  readonly hdu: ChecksumVerdict | 'unread';
  readonly problems: readonly string[];
}

export interface FileVerdict {
  readonly file: string;
  /** No problem, and no checksum that is wrong. */
  readonly ok: boolean;
  readonly hdus: readonly HduVerdict[];
  readonly problems: readonly string[];
}

/** Checksums, values that cannot be read, declared sizes against the file. Throws INPUT_UNREADABLE, INPUT_INVALID. */
export async function fitsVerify(location: string): Promise<FileVerdict> {
  return withFits(location, async (file) => {
    const hdus: HduVerdict[] = [];
    for (const hdu of file.hdus) hdus.push(await verdictOf(hdu));
    const wrong = hdus.some(({ data, hdu, problems }) => data === 'wrong' || hdu === 'wrong' || problems.length > 0);
    return { file: location, ok: !wrong && file.problems.length === 0, hdus, problems: file.problems };
  });
}

async function verdictOf(hdu: FitsHdu): Promise<HduVerdict> {
  const { index, name, header } = hdu;
  const problems = header.cards.flatMap(({ keyword, problem }) => (problem === undefined ? [] : [`${keyword}: ${problem}`]));
  try {
    if (isTable(hdu)) tableColumns(hdu);
    else if (hasImage(hdu)) imageInfo(hdu);
  } catch (error) {
    if (!isArcletError(error)) throw error;
    problems.push(error.message);
  }
  if (hdu.truncated) return { index, name, data: 'unread', hdu: 'unread', problems };
  const { data, hdu: whole } = await verifyChecksums(hdu);
  return { index, name, data, hdu: whole, problems };
}
