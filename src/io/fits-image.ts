/**
 * Writes arrays as FITS images: an empty primary HDU, then one named IMAGE extension each (FITS Standard 4.0, sections 3-4, 7.1).
 * Axes are reversed as FITS counts them: a C-order array [row, band, y, x] has NAXIS1 = x.
 */
import { writeFileAtomic } from './atomic.ts';

const BLOCK = 2880;

export type FitsValue = string | number | boolean;

/** One header line: keyword (at most 8 characters), value, comment. */
export type FitsCard = readonly [keyword: string, value: FitsValue, comment?: string];

export interface FitsImage {
  /** EXTNAME. */
  readonly name: string;
  readonly data: Float32Array | Float64Array | Int32Array;
  /** C order. */
  readonly shape: readonly number[];
  /** BUNIT, if the values have a unit. */
  readonly unit?: string;
  readonly cards?: readonly FitsCard[];
}

/** Writes the images atomically. Throws OUTPUT_UNWRITABLE; a RangeError when a card does not fit or a shape disagrees with its data. */
export async function writeFitsImages(
  path: string,
  images: readonly FitsImage[],
  primaryCards: readonly FitsCard[] = [],
): Promise<void> {
  await writeFileAtomic(path, encodeFits(images, primaryCards));
}

function* encodeFits(images: readonly FitsImage[], primaryCards: readonly FitsCard[]): Generator<Uint8Array> {
  yield encodeHeader([
    ['SIMPLE', true, 'conforms to the FITS standard'],
    ['BITPIX', 8],
    ['NAXIS', 0],
    ['EXTEND', true],
    ...primaryCards,
  ]);
  for (const image of images) {
    const count = image.shape.reduce((a, b) => a * b, 1);
    if (count !== image.data.length)
      throw new RangeError(`${image.name}: shape [${image.shape}] has ${count} values, got ${image.data.length}`);
    const axes = [...image.shape].reverse().map((extent, index): FitsCard => [`NAXIS${index + 1}`, extent]);
    const bitpix = image.data instanceof Float64Array ? -64 : image.data instanceof Float32Array ? -32 : 32;
    yield encodeHeader([
      ['XTENSION', 'IMAGE', 'image extension'],
      ['BITPIX', bitpix],
      ['NAXIS', image.shape.length],
      ...axes,
      ['PCOUNT', 0],
      ['GCOUNT', 1],
      ['EXTNAME', image.name],
      ...(image.unit === undefined ? [] : [['BUNIT', image.unit] as const]),
      ...(image.cards ?? []),
    ]);
    yield* encodeData(image.data);
  }
}

function encodeHeader(cards: readonly FitsCard[]): Uint8Array {
  const text = `${cards.map(encodeCard).join('')}${'END'.padEnd(80)}`;
  return new TextEncoder().encode(text.padEnd(Math.ceil(text.length / BLOCK) * BLOCK));
}

/** One 80 character card in fixed format. */
export function encodeCard([keyword, value, comment]: FitsCard): string {
  if (!/^[A-Z0-9_-]{1,8}$/.test(keyword)) throw new RangeError(`'${keyword}' is not a FITS keyword`);
  const text = encodeValue(keyword, value);
  const card = `${keyword.padEnd(8)}= ${text}${comment === undefined ? '' : ` / ${comment}`}`;
  if (!/^[ -~]*$/.test(card)) throw new RangeError(`card ${keyword} is not ASCII`);
  if (`${keyword.padEnd(8)}= ${text}`.length > 80) throw new RangeError(`the value of card ${keyword} is longer than a card`);
  return card.slice(0, 80).padEnd(80);
}

function encodeValue(keyword: string, value: FitsValue): string {
  if (typeof value === 'boolean') return (value ? 'T' : 'F').padStart(20);
  if (typeof value === 'string') return `'${value.replaceAll("'", "''").padEnd(8)}'`.padEnd(20);
  if (!Number.isFinite(value)) throw new RangeError(`card ${keyword} is ${value}: FITS has no such number`);
  // Every double survives: JavaScript prints the shortest text that reads back the same. FITS wants an upper-case E.
  return String(value).toUpperCase().padStart(20);
}

/** Big-endian bytes in pieces of 1 MiB, the last one zero-padded to a whole block. */
function* encodeData(data: FitsImage['data']): Generator<Uint8Array> {
  const width = data.BYTES_PER_ELEMENT;
  const perPiece = 2 ** 20 / width;
  for (let start = 0; start < data.length; start += perPiece) {
    const piece = Buffer.from(data.slice(start, start + perPiece).buffer);
    yield width === 8 ? piece.swap64() : piece.swap32();
  }
  const rest = (data.length * width) % BLOCK;
  if (rest > 0) yield new Uint8Array(BLOCK - rest);
}
