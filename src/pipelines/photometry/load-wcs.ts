/** The WCS of the working frame as header cards, and FITS images that are written row by row under them. */
import { Checksum, encodeFits, FitsHeader, type NewCard, setChecksums, swapBytes } from '../../io/fits/index.ts';
import { type ByteSink, openStoreOf } from '../../io/store/store.ts';
import { cutHeader } from '../../sky/wcs/index.ts';
import type { PixelBox } from './field.ts';
import { putObject } from './places.ts';

/** What places pixels on the sky and dates them; descriptions with a letter belong to the image that they came with. */
const WCS_CARD =
  /^(WCSAXES|WCSNAME|C(TYPE|UNIT|RVAL|RPIX|DELT|ROTA)\d|(CD|PC)\d_\d|P[VS]\d_\d+|[AB]P?_(ORDER|DMAX|\d_\d)|LONPOLE|LATPOLE|RADESYS|RADECSYS|EQUINOX|EPOCH|DATE-OBS|MJD-OBS)$/;

/** WCS cards of a box of an image whose header is given. */
export function boxHeader(header: FitsHeader, { x0, y0, width, height }: PixelBox): FitsHeader {
  const edits = cutHeader(header, x0, y0, width, height);
  const cards = header.clone().remove((keyword) => !WCS_CARD.test(keyword));
  for (const [key, value] of edits.set) if (WCS_CARD.test(key)) cards.set(key, value);
  for (const key of edits.remove) cards.remove(key);
  return cards;
}

/** wcs.fits: an image of one pixel with the WCS of the working frame, which later stages read. */
export async function writeWcsSnapshot(location: string, header: FitsHeader): Promise<void> {
  const pieces = encodeFits([{ kind: 'image', data: new Float32Array(1), shape: [1, 1], header }]);
  await putObject(location, new Uint8Array(Buffer.concat([...pieces])));
}

/** A float32 image that is written row by row, so that it never stands in memory. */
export interface RowImage {
  /** Whole rows, from the first on; they may be used again when the promise resolves. One call at a time. */
  write(pixels: Float32Array): Promise<void>;
  /** Throws OUTPUT_UNWRITABLE. */
  finish(): Promise<void>;
  abort(): Promise<void>;
}

/**
 * Begins a FITS image of `width` x `height`. CHECKSUM and DATASUM follow from the last row: they are in the header where a header can still be written then,
 * which is on a disk and not on s3://. Throws OUTPUT_UNWRITABLE.
 */
export async function openRowImage(
  location: string,
  { width, height }: Pick<PixelBox, 'width' | 'height'>,
  header: FitsHeader,
  cards: readonly NewCard[],
): Promise<RowImage> {
  const structure: NewCard[] = [
    { keyword: 'SIMPLE', value: true },
    { keyword: 'BITPIX', value: -32 },
    { keyword: 'NAXIS', value: 2 },
    { keyword: 'NAXIS1', value: width },
    { keyword: 'NAXIS2', value: height },
  ];
  const whole = new FitsHeader([...FitsHeader.of(structure).cards, ...header.cards, ...FitsHeader.of(cards).cards], location);
  const { store, key } = await openStoreOf(location);
  let sink: ByteSink;
  const sum = new Checksum();
  try {
    sink = await store.sink(key);
    if (sink.replace !== undefined) setChecksums(whole, sum);
    await sink.write(whole.toBytes());
  } catch (error) {
    await store.close();
    throw error;
  }
  let stored = new Uint8Array(0);
  return {
    write(pixels) {
      if (stored.length < pixels.byteLength) stored = new Uint8Array(pixels.byteLength);
      swapBytes(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength), stored, 4);
      const bytes = stored.subarray(0, pixels.byteLength);
      sum.add(bytes);
      return sink.write(bytes);
    },
    async finish() {
      const left = (4 * width * height) % BLOCK;
      if (left > 0) await sink.write(new Uint8Array(BLOCK - left));
      if (sink.replace !== undefined) {
        setChecksums(whole, sum);
        await sink.replace(0, whole.toBytes());
      }
      await sink.finish();
      await store.close();
    },
    async abort() {
      await sink.abort();
      await store.close();
    },
  };
}

const BLOCK = 2880;
