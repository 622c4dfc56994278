/** One tile: from its bytes to stored pixels, whichever column holds it and whichever codec made it. */
import { gunzip, unshuffleBytes } from './gzip.ts';
import { hcompressDecode } from './hcompress.ts';
import type { CompressedImageInfo } from './info.ts';
import { plioDecode } from './plio.ts';
import { pixelsFromBytes } from './raw.ts';
import { RICE_CODES, riceDecode } from './rice-decode.ts';
import type { TableColumn } from './table.ts';
import { damaged, type RawPixels } from './types.ts';

/** Where the bytes of a tile come from. */
export type TileKind = 'compressed' | 'gzip' | 'uncompressed';

/**
 * Some codecs keep next to nothing of an empty tile (all zero, all equal) and may be asked for more pixels than their bytes seem to
 * hold; up to this many are believed, beyond it only so many a byte.
 */
const BELIEVED_PIXELS = 2 ** 26;
const BELIEVED_PIXELS_PER_BYTE = 4096;
/** Deflate makes at most 1032 bytes of one. */
const GZIP_PIXELS_PER_BYTE = 1040;
/** The longest a tile can sensibly be: random 8-byte pixels take less than 32 bytes each in any codec; gzip has a header. */
const MOST_BYTES_PER_PIXEL = 32;
const TILE_OVERHEAD_BYTES = 4096;

/** Throws INPUT_INVALID for a tile too small or too large to be what it says: before anything is read or allocated for it. */
export function checkTileSize(info: CompressedImageInfo, kind: TileKind, bytes: number, pixels: number, subject: string): void {
  if (bytes > MOST_BYTES_PER_PIXEL * pixels + TILE_OVERHEAD_BYTES) {
    throw damaged(subject, `a tile of ${pixels} pixels has ${bytes} bytes`, { bytes, pixels });
  }
  if (pixels > mostPixels(info, kind, bytes)) {
    throw damaged(subject, `${bytes} bytes of ${info.codec} cannot hold ${pixels} pixels`, { bytes, pixels });
  }
}

function mostPixels(info: CompressedImageInfo, kind: TileKind, bytes: number): number {
  if (kind === 'uncompressed' || info.codec === 'NOCOMPRESS') return bytes;
  if (kind === 'gzip' || info.codec === 'GZIP_1' || info.codec === 'GZIP_2') return GZIP_PIXELS_PER_BYTE * bytes;
  // The least of a block is the number of its split.
  if (info.codec === 'RICE_1') return Math.ceil((8 * bytes) / RICE_CODES[info.bytePix].splitBits) * info.blockSize;
  return Math.max(BELIEVED_PIXELS, BELIEVED_PIXELS_PER_BYTE * bytes);
}

/** Pixels of the codecs that give 32-bit integers, kept between tiles of one reading. */
export interface TileScratch {
  integers: Int32Array;
}

/**
 * Decodes one tile. The result may share the scratch array: it is good until the next call.
 *
 * @param column the column that the bytes come from (its element type matters where they are stored as they are)
 * @param pixels number of pixels of this tile, edges cut off
 * @throws INPUT_INVALID
 */
export async function decodeTile(
  info: CompressedImageInfo,
  kind: TileKind,
  column: TableColumn,
  bytes: Uint8Array,
  pixels: number,
  scratch: TileScratch,
  subject: string,
): Promise<RawPixels> {
  // Lossless floats are floats in the stream; quantised ones are integers there, but never in the columns tiles fall back on.
  const floating = info.bitpix < 0 && (kind !== 'compressed' || info.quantize === 'NONE');
  if (kind === 'uncompressed') return stored(bytes, pixels, floating || 'ED'.includes(column.type), subject);
  if (kind === 'gzip') return stored(await gunzip(bytes, 8 * pixels, subject), pixels, floating, subject);
  switch (info.codec) {
    case 'NOCOMPRESS':
      return stored(bytes, pixels, floating, subject);
    case 'GZIP_1':
      return stored(await gunzip(bytes, 8 * pixels, subject), pixels, floating, subject);
    case 'GZIP_2': {
      const sorted = await gunzip(bytes, 8 * pixels, subject);
      return stored(unshuffleBytes(sorted, widthOf(sorted, pixels, subject)), pixels, floating, subject);
    }
    case 'RICE_1': {
      const out = integers(scratch, pixels);
      riceDecode(bytes, pixels, info.blockSize, info.bytePix, out, subject);
      return out;
    }
    case 'HCOMPRESS_1': {
      const out = integers(scratch, pixels);
      hcompressDecode(bytes, pixels, info.smooth, out, subject);
      return out;
    }
    case 'PLIO_1': {
      const out = integers(scratch, pixels);
      plioDecode(bytes, pixels, out, subject);
      return out;
    }
  }
}

function integers(scratch: TileScratch, pixels: number): Int32Array {
  if (scratch.integers.length < pixels) scratch.integers = new Int32Array(pixels);
  return scratch.integers.subarray(0, pixels);
}

/** Bytes of a pixel: writers keep 16-bit pixels in 2 or in 4, so the length decides. */
function widthOf(bytes: Uint8Array, pixels: number, subject: string): 1 | 2 | 4 | 8 {
  const width = bytes.length / pixels;
  if (width === 1 || width === 2 || width === 4 || width === 8) return width;
  throw damaged(subject, `a tile of ${pixels} pixels has ${bytes.length} bytes, which is no whole type each`, {
    bytes: bytes.length,
    pixels,
  });
}

function stored(bytes: Uint8Array, pixels: number, floating: boolean, subject: string): RawPixels {
  return pixelsFromBytes(bytes, widthOf(bytes, pixels, subject), floating);
}
