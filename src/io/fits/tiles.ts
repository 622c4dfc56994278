/** Two-dimensional images piece by piece, for whoever keeps decoded pieces: tiles of a compressed image, strips of rows of a plain one. */
import { type CompressedTile, CompressedTiles } from './compress/index.ts';
import { damaged } from './damage.ts';
import type { NumberArray } from './elements.ts';
import type { FitsHdu } from './file.ts';
import { imageInfo, readSection } from './image.ts';

/** Rows of a strip: a read of 1 MB where the image is a survey brick. */
const STRIP_ROWS = 64;

/** A piece that was fetched and not decoded; its number counts row by row. */
export interface FetchedPiece {
  readonly index: number;
}

/** All pieces have `pieceShape` but those at the upper edges, which are cut there. Shapes are [NAXIS2, NAXIS1]. */
export interface TiledImage {
  readonly shape: readonly [number, number];
  readonly pieceShape: readonly [number, number];
  /** Reads pieces, near ones at once; in the order of the file. A damaged place is told by `decode`. Throws INPUT_UNREADABLE, INPUT_INVALID. */
  fetch(indices: readonly number[]): Promise<FetchedPiece[]>;
  /** Its pixels, row by row, as `readSection` gives them. One call at a time. Throws INPUT_INVALID for a damaged piece. */
  decode(piece: FetchedPiece): Promise<NumberArray>;
}

/**
 * An image as pieces; its header is read here, once.
 *
 * @throws INPUT_INVALID when it is no image of two axes, its header is damaged, or the file ends before its data do
 */
export function tiledImage(hdu: FitsHdu): TiledImage {
  const { shape } = imageInfo(hdu);
  const { where } = hdu.header;
  if (shape.length !== 2 || shape[0] === 0 || shape[1] === 0)
    throw damaged(where, `its image has the shape [${shape}], and two axes with pixels are needed`);
  const [height, width] = shape;
  if (hdu.truncated)
    throw damaged(
      where,
      `it is truncated: its data need ${hdu.dataBytes} bytes from ${hdu.dataOffset} on and the file has ${hdu.source.size}`,
    );
  if (hdu.type === 'COMPRESSED_IMAGE') {
    const tiles = new CompressedTiles(hdu);
    const [rows, columns] = tiles.info.tileShape;
    return {
      shape: [height, width],
      pieceShape: [rows, columns],
      fetch: (indices) => tiles.fetch(indices),
      decode: async (piece) => (await tiles.decode(piece as CompressedTile)) as NumberArray,
    };
  }
  const rows = Math.min(STRIP_ROWS, height);
  const strip = async (index: number) => {
    const box = [Math.min(rows, height - index * rows), width];
    return { index, data: (await readSection(hdu, [index * rows, 0], box)).data };
  };
  return {
    shape: [height, width],
    pieceShape: [rows, width],
    fetch: (indices) => Promise.all(indices.map(strip)),
    decode: async (piece) => (piece as Awaited<ReturnType<typeof strip>>).data,
  };
}
