/** The walk over a file's HDUs: headers are read, data units are stepped over. */
import type { ByteSource } from '../store/source.ts';
import { CARD } from './card.ts';
import { damaged } from './damage.ts';
import { type GunzipOptions, gunzipSource, isGzip } from './gzip.ts';
import { BLOCK, FitsHeader, wholeBlocks } from './header.ts';
import { type HduLayout, type HduType, layoutOf } from './layout.ts';

/** Longest header that is searched for its END: 800 000 cards. */
const MAX_HEADER_BYTES = 64e6;
/** One read covers the headers of most compressed images: a remote file then costs one request. */
const HEADER_READ_BYTES = 10 * BLOCK;

export interface FitsHdu extends HduLayout {
  readonly index: number;
  /** EXTNAME as it stands; without one 'PRIMARY' for the first HDU, 'COMPRESSED_IMAGE' for such (as in astropy), else ''. */
  readonly name: string;
  /** EXTVER, 1 if it is not there. */
  readonly version: number;
  readonly type: HduType;
  readonly header: FitsHeader;
  readonly headerOffset: number;
  readonly dataOffset: number;
  readonly dataBytes: number;
  /** The file, inflated if it was gzipped: offsets count in it. */
  readonly source: ByteSource;
  /** The file ends before this data unit does; what is there can still be read. */
  readonly truncated: boolean;
}

export interface FitsFile {
  readonly source: ByteSource;
  readonly hdus: readonly FitsHdu[];
  /** What is wrong with the file although these HDUs can be used: a truncated data unit, bytes after the last HDU that are no header. */
  readonly problems: readonly string[];
  /** An HDU by index, or by EXTNAME (any case) and EXTVER. Throws INPUT_INVALID that lists what is there. */
  hdu(key: number | string, version?: number): FitsHdu;
  close(): Promise<void>;
}

/** Reads header bytes, keeping the last piece, because the next header often lies in it. */
class HeaderReader {
  readonly #source: ByteSource;
  #at = 0;
  #bytes = new Uint8Array(0) as Uint8Array;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Up to `length` bytes from `offset`, less at the end of the file. */
  async peek(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.min(length, this.#source.size - offset);
    if (offset < this.#at || offset + wanted > this.#at + this.#bytes.length) {
      this.#bytes = await this.#source.read(offset, Math.min(Math.max(wanted, HEADER_READ_BYTES), this.#source.size - offset));
      this.#at = offset;
    }
    return this.#bytes.subarray(offset - this.#at, offset - this.#at + wanted);
  }
}

/** Index of the END card in header bytes from `from` on, or -1. */
function findEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at + 8 <= bytes.length; at += CARD) {
    if (bytes[at] !== 0x45 || bytes[at + 1] !== 0x4e || bytes[at + 2] !== 0x44) continue;
    if (bytes.subarray(at + 3, at + 8).every((byte) => byte === 0x20)) return at;
  }
  return -1;
}

const startsWith = (bytes: Uint8Array, text: string): boolean =>
  bytes.length >= text.length && [...text].every((letter, at) => bytes[at] === letter.charCodeAt(0));

async function readHeader(reader: HeaderReader, offset: number, where: string): Promise<{ header: FitsHeader; bytes: number }> {
  let searched = 0;
  for (let length = HEADER_READ_BYTES; ; length *= 2) {
    const bytes = await reader.peek(offset, Math.min(length, MAX_HEADER_BYTES));
    const end = findEnd(bytes, searched);
    if (end >= 0) return { header: FitsHeader.parse(bytes.subarray(0, end), where), bytes: wholeBlocks(end + CARD) };
    searched = Math.floor(bytes.length / CARD) * CARD;
    if (bytes.length < length) throw damaged(where, `its header has no END in ${bytes.length} bytes`, { offset });
  }
}

const PACKED: readonly (readonly [magic: string, kind: string, tool: string])[] = [
  ['BZh', 'bzip2', 'bunzip2'],
  ['\x1f\x9d', 'compress (.Z)', 'uncompress'],
  ['PK\x03\x04', 'zip', 'unzip'],
  ['\xfd7zXZ', 'xz', 'unxz'],
];

function notFits(name: string, start: Uint8Array): never {
  const packed = PACKED.find(([magic]) => startsWith(start, magic));
  if (packed)
    throw damaged(name, `it is packed with ${packed[1]}, and only gzip is read`, undefined, `Unpack it with ${packed[2]}.`);
  throw damaged(name, `it is no FITS file: it does not start with SIMPLE`, undefined, 'Check the path.');
}

/**
 * Opens a FITS file: reads every header, no data. A gzipped one is inflated as it is read (see {@link gunzipSource}).
 *
 * A fault in the first header is an error; a fault behind it ends the walk and stands in `problems`, so that what is sound can be used.
 *
 * @throws INPUT_INVALID when it is no FITS file or its first header is damaged.
 */
export async function openFits(source: ByteSource, options: GunzipOptions = {}): Promise<FitsFile> {
  const start = await source.read(0, Math.min(8, source.size));
  const plain = isGzip(start) ? await gunzipSource(source, options) : source;
  const reader = new HeaderReader(plain);
  const first = await reader.peek(0, 8);
  if (!startsWith(first, 'SIMPLE')) notFits(plain.name, first);
  const hdus: FitsHdu[] = [];
  const problems: string[] = [];
  let offset = 0;
  while (offset < plain.size) {
    const where = `${plain.name}[${hdus.length}]`;
    if (hdus.length > 0 && !startsWith(await reader.peek(offset, 8), 'XTENSION')) {
      const left = plain.size - offset;
      const blank = left <= BLOCK && (await reader.peek(offset, left)).every((byte) => byte === 0 || byte === 0x20);
      if (!blank) problems.push(`${plain.name}: ${left} bytes from ${offset} on are no HDU.`);
      break;
    }
    try {
      const { header, bytes } = await readHeader(reader, offset, where);
      const hdu = makeHdu(plain, header, hdus.length, offset, offset + bytes);
      hdus.push(hdu);
      if (hdu.truncated)
        problems.push(`${where}: its data need ${hdu.dataBytes} bytes from ${hdu.dataOffset} on and the file has ${plain.size}.`);
      offset = hdu.dataOffset + wholeBlocks(hdu.dataBytes);
    } catch (error) {
      if (hdus.length === 0) throw error;
      problems.push((error as Error).message);
      break;
    }
  }
  return fitsFile(plain, hdus, problems);
}

function nameOf(header: FitsHeader, index: number, type: HduType): string {
  if (type !== 'COMPRESSED_IMAGE') return header.text('EXTNAME') ?? (index === 0 ? 'PRIMARY' : '');
  // fpack may write its own EXTNAME before the one that the image had.
  const names = header
    .all('EXTNAME')
    .filter((name) => typeof name === 'string' && name.trim() !== 'COMPRESSED_IMAGE') as string[];
  return names.at(-1)?.trim() ?? 'COMPRESSED_IMAGE';
}

function makeHdu(source: ByteSource, header: FitsHeader, index: number, headerOffset: number, dataOffset: number): FitsHdu {
  const layout = layoutOf(header, index);
  return {
    ...layout,
    index,
    name: nameOf(header, index, layout.type),
    version: header.integer('EXTVER', { fallback: 1 }),
    header,
    headerOffset,
    dataOffset,
    source,
    truncated: dataOffset + layout.dataBytes > source.size,
  };
}

function fitsFile(source: ByteSource, hdus: readonly FitsHdu[], problems: readonly string[]): FitsFile {
  return {
    source,
    hdus,
    problems,
    hdu(key, version) {
      const found =
        typeof key === 'number'
          ? hdus[key]
          : hdus.find((hdu) => hdu.name.toUpperCase() === key.toUpperCase() && (version ?? hdu.version) === hdu.version);
      if (found !== undefined) return found;
      const named = typeof key === 'number' ? `HDU ${key}` : `HDU '${key}'${version === undefined ? '' : ` version ${version}`}`;
      const there = hdus.map(({ index, name }) => (name === '' ? index : `${index} ${name}`)).join(', ');
      throw damaged(
        source.name,
        `it has no ${named}, there are ${hdus.length}: ${there}${problems.length > 0 ? ` (${problems[0]})` : ''}`,
        undefined,
        'Name one of these.',
      );
    },
    close: () => source.close(),
  };
}
