/**
 * FITS: headers, images, tables, random groups, checksums, tile compression. Nothing here needs Node; `node.ts` opens and writes paths.
 *
 * @example
 * const file = await openFits(memorySource(bytes, 'image.fits'));
 * const { data, shape, dtype } = await readSection(file.hdu('SCI'), [100, 200], [64, 64]);
 */
export { type ByteSource, memorySource } from '../store/source.ts';
export type { Card, NewCard } from './card.ts';
export { Checksum, type ChecksumReport, type ChecksumVerdict, setChecksums, verifyChecksums } from './checksum.ts';
export type { ColumnInfo } from './columns.ts';
export * from './compress/index.ts';
export { type Dtype, type NumberArray, type NumericDtype, sizeOf, swapBytes } from './elements.ts';
export { type EmptyInput, type EncodeOptions, encodeFits, type HduInput, type RawInput } from './encode.ts';
export type { ColumnInput } from './encode-column.ts';
export { isStructural } from './encode-header.ts';
export type { ImageInput } from './encode-image.ts';
export type { TableInput } from './encode-table.ts';
export { type FitsFile, type FitsHdu, openFits } from './file.ts';
export { blankIntegerOf, eachFloat32Run, type Float32Image, RunMemory, readFloat32Section } from './float-image.ts';
export { type GroupParameter, groupParameter, type RandomGroups, readGroups } from './groups.ts';
export { type GunzipOptions, gunzipSource } from './gzip.ts';
export { FitsHeader } from './header.ts';
export {
  type FitsImage,
  type FitsImageInfo,
  type ImageChunk,
  type ImageReadReport,
  imageChunks,
  imageInfo,
  readImage,
  readSection,
} from './image.ts';
export type { HduType } from './layout.ts';
export {
  type FitsColumn,
  type FitsTable,
  readTable,
  type TableSelection,
  tableChunks,
  tableColumns,
  tableRows,
} from './table.ts';
export { type FetchedPiece, type TiledImage, tiledImage } from './tiles.ts';
export type { Complex, HeaderValue } from './value.ts';
