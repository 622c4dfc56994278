/**
 * Writes FITS files: images, binary tables and HDUs whose bytes are ready, in any order (FITS Standard 4.0, sections 3, 4.4, 7.1, 7.3).
 * Bytes are made piece by piece, so that a file never stands in memory a second time.
 */
import type { NewCard } from './card.ts';
import { Checksum, setChecksums } from './checksum.ts';
import { damaged } from './damage.ts';
import { type EncodedPart, isChecksum, withUserCards } from './encode-header.ts';
import { type ImageInput, imagePart } from './encode-image.ts';
import { type TableInput, tablePart } from './encode-table.ts';
import { FitsHeader, wholeBlocks } from './header.ts';

/** A multiple of 4, so that checksums see whole words. */
const PIECE_BYTES = 2 ** 20;

/** An HDU without data. */
export interface EmptyInput {
  readonly kind: 'empty';
  readonly name?: string;
  readonly header?: FitsHeader;
  readonly cards?: readonly NewCard[];
}

/** An HDU whose header and data stand ready: a compressed image, or an HDU of another file. With SIMPLE it can only come first. */
export interface RawInput {
  readonly kind: 'raw';
  readonly header: FitsHeader;
  /** The data unit without padding. Called once, or twice with checksums. */
  readonly data: () => Iterable<Uint8Array>;
}

export type HduInput = EmptyInput | ImageInput | TableInput | RawInput;

export interface EncodeOptions {
  /** Write DATASUM and CHECKSUM into every HDU; default true. */
  readonly checksums?: boolean;
}

/**
 * The bytes of a FITS file. The first HDU becomes the primary one if it is an image or empty; an empty primary HDU goes before it if not.
 *
 * @throws INPUT_INVALID when a card does not fit, a shape disagrees with its data, or a column cannot be written
 */
export function* encodeFits(hdus: readonly HduInput[], options: EncodeOptions = {}): Generator<Uint8Array> {
  const [first] = hdus;
  const leads = first?.kind === 'image' || first?.kind === 'empty' || (first?.kind === 'raw' && first.header.has('SIMPLE'));
  const all: readonly HduInput[] = leads ? hdus : [{ kind: 'empty' }, ...hdus];
  for (const [index, hdu] of all.entries()) {
    if (hdu.kind === 'raw' && hdu.header.has('SIMPLE') !== (index === 0))
      throw damaged(`HDU ${index}`, index === 0 ? 'its header has no SIMPLE' : 'a primary HDU can only come first');
    const { header, data } = withMandatory(partOf(hdu), index === 0);
    if (options.checksums !== false) addChecksums(header, data);
    yield header.toBytes();
    let bytes = 0;
    for (const piece of inPieces(data())) {
      bytes += piece.length;
      yield piece;
    }
    const padding = wholeBlocks(bytes) - bytes;
    if (padding > 0) yield new Uint8Array(padding);
  }
}

function partOf(hdu: HduInput): EncodedPart {
  switch (hdu.kind) {
    case 'image':
      return imagePart(hdu);
    case 'table':
      return tablePart(hdu);
    case 'raw':
      return { extension: undefined, header: hdu.header.clone().remove(isChecksum), data: hdu.data };
    case 'empty': {
      const structure: NewCard[] = [
        { keyword: 'BITPIX', value: 8 },
        { keyword: 'NAXIS', value: 0 },
      ];
      return { extension: 'IMAGE', header: withUserCards(structure, [], hdu), data: () => [] };
    }
  }
}

/** Puts SIMPLE or XTENSION first, and PCOUNT and GCOUNT where an extension wants them. */
function withMandatory(part: EncodedPart, primary: boolean): { header: FitsHeader; data: EncodedPart['data'] } {
  if (part.extension === undefined) return { header: part.header, data: part.data };
  const cards = [...part.header.cards];
  const axes = part.header.integer('NAXIS');
  const start: NewCard = primary
    ? { keyword: 'SIMPLE', value: true, comment: 'conforms to the FITS standard' }
    : {
        keyword: 'XTENSION',
        value: part.extension,
        comment: part.extension === 'IMAGE' ? 'image extension' : 'binary table extension',
      };
  const counts: NewCard[] = primary
    ? [{ keyword: 'EXTEND', value: true }]
    : [
        { keyword: 'PCOUNT', value: 0 },
        { keyword: 'GCOUNT', value: 1 },
      ];
  cards.splice(2 + axes, 0, ...(part.extension === 'IMAGE' ? FitsHeader.of(counts).cards : []));
  cards.unshift(...FitsHeader.of([start]).cards);
  return { header: new FitsHeader(cards, part.header.where), data: part.data };
}

function addChecksums(header: FitsHeader, data: EncodedPart['data']): void {
  const sum = new Checksum();
  for (const piece of inPieces(data())) sum.add(piece);
  setChecksums(header, sum);
}

/** The same bytes in pieces of PIECE_BYTES, the last one shorter: few writes, and sums over whole words. */
function* inPieces(pieces: Iterable<Uint8Array>): Generator<Uint8Array> {
  let buffer = new Uint8Array(PIECE_BYTES);
  let filled = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; ) {
      const part = piece.subarray(from, from + PIECE_BYTES - filled);
      buffer.set(part, filled);
      from += part.length;
      filled += part.length;
      if (filled < PIECE_BYTES) continue;
      yield buffer;
      buffer = new Uint8Array(PIECE_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
