/** Tiles of a compressed image one by one, for whoever keeps decoded ones: what the header and the table say is read once. */
import { type CompressedImageInfo, compressedImageInfo } from './info.ts';
import { checkHeap, checkWidth, type FetchedTile, fetchTiles, locateTile, unquantizerOf, type WantedTile } from './locate.ts';
import { scalePixels } from './scale.ts';
import { decodeTile, type TileScratch } from './tile.ts';
import { allocate, type CompressedHdu, type Pixels, product, type RawPixels } from './types.ts';
import { unquantize } from './unquantize.ts';

/** A tile that was fetched; its number counts in the order of the table. */
export interface CompressedTile {
  readonly index: number;
  /** Its bytes, or what is wrong with its place in the file. */
  readonly found: FetchedTile | Error;
}

/** Throws INPUT_INVALID from the constructor as `readCompressedSection` does: the header is damaged, or the file ends before its heap. */
export class CompressedTiles {
  readonly info: CompressedImageInfo;
  readonly #hdu: CompressedHdu;
  /** The table, read at the first fetch. */
  #rows: Promise<Uint8Array> | undefined;
  /** Of the tile in hand. */
  readonly #scratch: TileScratch = { integers: new Int32Array(0) };

  constructor(hdu: CompressedHdu) {
    this.#hdu = hdu;
    this.info = compressedImageInfo(hdu.header, hdu.source.name);
    checkHeap(hdu, this.info);
  }

  /**
   * The bytes of tiles, near ones in one read.
   *
   * @returns one entry a tile, in the order of the file; a tile whose place is damaged carries its error, the others are good
   * @throws INPUT_UNREADABLE when the file cannot be read
   */
  async fetch(indices: readonly number[]): Promise<CompressedTile[]> {
    const { table } = this.info;
    this.#rows ??= this.#hdu.source.read(this.#hdu.dataOffset, table.rows * table.rowBytes);
    const rows = await this.#rows;
    const view = new DataView(rows.buffer, rows.byteOffset, rows.byteLength);
    const tiles: CompressedTile[] = [];
    const wanted: WantedTile[] = [];
    for (const index of indices) {
      try {
        wanted.push(locateTile(this.#hdu, this.info, view, index * table.rowBytes, index, this.#place(index)));
      } catch (error) {
        tiles.push({ index, found: error as Error });
      }
    }
    for await (const fetched of fetchTiles(this.#hdu.source, wanted, undefined)) {
      for (const found of fetched) tiles.push({ index: found.index, found });
    }
    return tiles;
  }

  /**
   * Pixels of a tile after BSCALE, BZERO and BLANK, row by row; tiles at the edge of the image are smaller. One call at a time.
   *
   * @throws INPUT_INVALID for a damaged tile
   */
  async decode({ index, found }: CompressedTile): Promise<Pixels> {
    if (found instanceof Error) throw found;
    const subject = `${this.#hdu.source.name}, tile ${index}`;
    const pixels = product(found.shape);
    const values = await decodeTile(this.info, found.kind, found.column, found.body, pixels, this.#scratch, subject);
    checkWidth(this.info, values, subject);
    const rule = unquantizerOf(this.info, found);
    if (rule === undefined) return scalePixels(this.#stored(values), this.info);
    const out = this.info.bitpix === -64 ? new Float64Array(pixels) : new Float32Array(pixels);
    unquantize(rule, values as Int32Array, 0, pixels, out, 0);
    return scalePixels(out, this.info);
  }

  /** In the type of the image, and not in the scratch. */
  #stored(values: RawPixels): RawPixels {
    if (values instanceof Float32Array && this.info.bitpix === -32) return values;
    const out = allocate(this.info.bitpix, values.length);
    // Both are 64-bit integers or neither is, as compared before.
    (out as Float64Array).set(values as Float64Array);
    return out;
  }

  /** Where a tile stands along each axis. */
  #place(index: number): number[] {
    const place: number[] = [];
    let rest = index;
    for (const count of this.info.tileCounts.toReversed()) {
      place.unshift(rest % count);
      rest = Math.floor(rest / count);
    }
    return place;
  }
}
