/** An image as header and bytes. */
import type { NewCard } from './card.ts';
import { damaged } from './damage.ts';
import { bytesOf, dtypeOf, type NumberArray, type NumericDtype, sizeOf, swapBytes, viewAs } from './elements.ts';
import { type EncodedPart, withUserCards } from './encode-header.ts';
import type { FitsHeader } from './header.ts';
import { flipSign } from './pixels.ts';

const PIECE_BYTES = 2 ** 20;

export interface ImageInput {
  readonly kind: 'image';
  /** Integers are kept as they are, unsigned ones through BZERO; floats as they are. */
  readonly data: NumberArray;
  /** numpy order: [..., y, x]. */
  readonly shape: readonly number[];
  /** EXTNAME. */
  readonly name?: string;
  /** BUNIT. */
  readonly unit?: string;
  /** A header to take along: its cards stand as they stood, those that describe its own data are left out. */
  readonly header?: FitsHeader;
  readonly cards?: readonly NewCard[];
}

/** BITPIX and, for types that FITS does not have, the type they are kept as and their BZERO. */
const KEPT: Readonly<Record<string, { bitpix: number; shifted?: { as: NumericDtype; zero: number | bigint } }>> = {
  uint8: { bitpix: 8 },
  int16: { bitpix: 16 },
  int32: { bitpix: 32 },
  int64: { bitpix: 64 },
  float32: { bitpix: -32 },
  float64: { bitpix: -64 },
  int8: { bitpix: 8, shifted: { as: 'uint8', zero: -128 } },
  uint16: { bitpix: 16, shifted: { as: 'int16', zero: 2 ** 15 } },
  uint32: { bitpix: 32, shifted: { as: 'int32', zero: 2 ** 31 } },
  uint64: { bitpix: 64, shifted: { as: 'int64', zero: 2n ** 63n } },
};

/** Header and data of an image. Throws INPUT_INVALID when the shape disagrees with the data or a card cannot be written. */
export function imagePart(input: ImageInput): EncodedPart {
  const { data, shape, name, unit } = input;
  if (sizeOf(shape) !== data.length || shape.length === 0)
    throw damaged(name ?? 'image', `its shape [${shape}] has ${sizeOf(shape)} values and ${data.length} are given`);
  const { bitpix, shifted } = KEPT[dtypeOf(data)];
  const structure: NewCard[] = [
    { keyword: 'BITPIX', value: bitpix },
    { keyword: 'NAXIS', value: shape.length },
    ...shape.toReversed().map((extent, axis) => ({ keyword: `NAXIS${axis + 1}`, value: extent })),
  ];
  const derived: NewCard[] = shifted
    ? [
        { keyword: 'BSCALE', value: 1 },
        { keyword: 'BZERO', value: shifted.zero },
      ]
    : [];
  if (unit !== undefined) derived.push({ keyword: 'BUNIT', value: unit });
  const header = withUserCards(structure, derived, input);
  return { extension: 'IMAGE', header, data: () => bigEndian(data) };
}

/** The bytes of an array as FITS keeps them, in pieces. */
export function* bigEndian(data: NumberArray): Generator<Uint8Array> {
  const { shifted } = KEPT[dtypeOf(data)];
  const width = data.BYTES_PER_ELEMENT;
  const step = PIECE_BYTES / width;
  for (let start = 0; start < data.length; start += step) {
    const piece = data.subarray(start, start + step) as NumberArray;
    const stored = shifted ? signTurned(piece, shifted.as) : piece;
    const out = new Uint8Array(piece.byteLength);
    swapBytes(bytesOf(stored), out, width);
    yield out;
  }
}

function signTurned(piece: NumberArray, as: NumericDtype): NumberArray {
  const copy = piece.slice() as NumberArray;
  flipSign(copy, 0, copy.length);
  return viewAs(as, copy.buffer);
}

/** As {@link bigEndian}, in one array: for cells and columns. */
export function bigEndianBytes(data: NumberArray): Uint8Array<ArrayBuffer> {
  const { shifted } = KEPT[dtypeOf(data)];
  const out = new Uint8Array(data.byteLength);
  swapBytes(bytesOf(shifted ? signTurned(data, shifted.as) : data), out, data.BYTES_PER_ELEMENT);
  return out;
}
