/**
 * FITS tile compression: images kept as tiles in a binary table (FITS Standard 4.0, section 10).
 *
 * @example
 * const info = compressedImageInfo(header);
 * const report = { tiles: 0, bytes: 0 };
 * const cutout = await readCompressedSection({ header, source, dataOffset, dataBytes }, [100, 200], [64, 64], report);
 */
export { type CompressedImageInfo, compressedImageInfo } from './info.ts';
export type { ReadReport } from './locate.ts';
export { readCompressedImage, readCompressedSection } from './read.ts';
export { type CompressedTile, CompressedTiles } from './tiles.ts';
export type { Bitpix, Codec, CompressedHdu, HeaderView, Pixels, Quantization, RawPixels } from './types.ts';
export { type CompressedCard, type CompressedImage, type CompressOptions, compressImage, type QuantizeOptions } from './write.ts';
