/** Images as they are stored: no scaling applied, so that a copy, a cutout or another compression keeps every bit and every keyword. */
import {
  compressedImageInfo,
  type FitsHdu,
  type ImageReadReport,
  imageInfo,
  type NewCard,
  type NumberArray,
  readSection,
} from '../../io/fits/index.ts';

const SCALING = ['BSCALE', 'BZERO', 'BLANK'] as const;

export interface StoredImage {
  /** In the type of BITPIX. */
  readonly data: NumberArray;
  /** numpy order. */
  readonly shape: readonly number[];
  /** BSCALE, BZERO and BLANK: what the stored values mean. */
  readonly scaling: readonly NewCard[];
}

/**
 * A box of an image, not scaled. The whole image without a box.
 *
 * @param start first pixel, numpy order, and `shape` likewise
 * @throws INPUT_INVALID as readSection
 */
export async function readStored(
  hdu: FitsHdu,
  box?: { readonly start: readonly number[]; readonly shape: readonly number[] },
  report?: ImageReadReport,
): Promise<StoredImage> {
  const { bitpix, shape } = imageInfo(hdu);
  const { start, shape: extent } = box ?? { start: shape.map(() => 0), shape };
  // ZBLANK of integers is their BLANK; that of floats belongs to the quantisation.
  const plain = hdu.header.clone().remove((key) => isScaling(key) || (key === 'ZBLANK' && bitpix > 0));
  const { data } = await readSection({ ...hdu, header: plain }, start, extent, report);
  return { data, shape: extent, scaling: scalingOf(hdu, bitpix) };
}

const isScaling = (key: string): boolean => (SCALING as readonly string[]).includes(key);

function scalingOf(hdu: FitsHdu, bitpix: number): NewCard[] {
  const cards = hdu.header.cards.filter(({ keyword, value }) => isScaling(keyword) && value !== undefined);
  const found = SCALING.flatMap((keyword) => cards.find((card) => card.keyword === keyword) ?? []);
  const kept: NewCard[] = found.map(({ keyword, value, comment, type }) => ({
    keyword,
    value,
    comment,
    type: type === 'float' ? type : undefined,
  }));
  const blank =
    bitpix > 0 && hdu.type === 'COMPRESSED_IMAGE' ? compressedImageInfo(hdu.header, hdu.header.where).blank : undefined;
  if (blank !== undefined && !kept.some(({ keyword }) => keyword === 'BLANK')) kept.push({ keyword: 'BLANK', value: blank });
  return kept;
}
