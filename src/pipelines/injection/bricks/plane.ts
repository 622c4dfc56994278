/** One plane of a brick: its file, open, and its tiles, decoded when they are asked for. */
import { ArcletError } from '../../../core/errors.ts';
import {
  type FetchedPiece,
  type FitsFile,
  type FitsHdu,
  type NumberArray,
  openFits,
  type TiledImage,
  tiledImage,
} from '../../../io/fits/index.ts';
import { openSource } from '../../../io/store/store.ts';
import { chooseHdu, counted, hasImage } from '../../files/open.ts';
import type { CutReport } from './cutouts.ts';
import type { PlaneKind, PlaneName } from './files.ts';
import type { Tile, TileCache } from './tile-cache.ts';

/** Numbers of planes never come again, so that tiles of a brick that was closed are never taken for another's. */
let planesOpened = 0;

/** Tiles of one plane by number, good while a group of rows is cut even if the cache forgets them. */
export type TileSet = Map<number, Tile>;

export class Plane {
  readonly name: PlaneName;
  readonly file: FitsFile;
  readonly hdu: FitsHdu;
  readonly image: TiledImage;
  readonly #id = planesOpened++;
  readonly #touched: { bytes: number; reads: number };

  private constructor(name: PlaneName, file: FitsFile, hdu: FitsHdu, touched: { bytes: number; reads: number }) {
    this.name = name;
    this.file = file;
    this.hdu = hdu;
    this.image = tiledImage(hdu);
    this.#touched = touched;
  }

  /** Throws INPUT_UNREADABLE, INPUT_INVALID: no FITS file, no image in it, or truncated. */
  static async open(location: string, name: PlaneName): Promise<Plane> {
    const touched = { bytes: 0, reads: 0 };
    const source = counted(await openSource(location), touched);
    try {
      const file = await openFits(source);
      return new Plane(name, file, imageHduOf(file, name.kind), touched);
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** Bytes read since the last call. */
  takeBytes(): number {
    const { bytes } = this.#touched;
    this.#touched.bytes = 0;
    return bytes;
  }

  /** Adds the numbers of the tiles that a box touches, which must lie in the image. */
  tilesOf(x0: number, y0: number, x1: number, y1: number, into: Set<number>): void {
    const [height, width] = this.image.pieceShape;
    const columns = Math.ceil(this.image.shape[1] / width);
    for (let row = Math.floor(y0 / height); row * height < y1; row++) {
      for (let column = Math.floor(x0 / width); column * width < x1; column++) into.add(row * columns + column);
    }
  }

  /** Tiles of these numbers that the cache has go to `found`; the bytes of the others are fetched. Throws INPUT_UNREADABLE. */
  async fetch(wanted: ReadonlySet<number>, cache: TileCache, found: TileSet): Promise<FetchedPiece[]> {
    const missing: number[] = [];
    for (const index of wanted) {
      const tile = cache.get(this.#id, index);
      if (tile === undefined) missing.push(index);
      else found.set(index, tile);
    }
    return missing.length === 0 ? [] : this.image.fetch(missing);
  }

  /** Decodes what was fetched, into `found` and the cache. A damaged tile is one with a fault. */
  async decode(pieces: readonly FetchedPiece[], cache: TileCache, found: TileSet, report: CutReport): Promise<void> {
    for (const piece of pieces) {
      const tile = await this.#tile(piece);
      found.set(piece.index, tile);
      cache.set(this.#id, piece.index, tile);
      report.tiles++;
    }
  }

  async #tile(piece: FetchedPiece): Promise<Tile> {
    const { shape, pieceShape } = this.image;
    const columns = Math.ceil(shape[1] / pieceShape[1]);
    const y0 = Math.floor(piece.index / columns) * pieceShape[0];
    const x0 = (piece.index % columns) * pieceShape[1];
    const place = { x0, y0, width: Math.min(pieceShape[1], shape[1] - x0), height: Math.min(pieceShape[0], shape[0] - y0) };
    try {
      const pixels = await this.image.decode(piece);
      const data = this.name.kind === 'maskbits' ? toBits(pixels) : toFloats(pixels);
      return { ...place, data, clean: isClean(this.name.kind, data) };
    } catch (error) {
      return { ...place, data: new Float32Array(0), clean: false, fault: (error as Error).message };
    }
  }

  close(): Promise<void> {
    return this.file.close();
  }
}

/** Masks are found by name, because some releases keep WISE masks beside them; of the other planes the first image. */
function imageHduOf(file: FitsFile, kind: PlaneKind): FitsHdu {
  const byName = kind === 'maskbits' ? file.hdus.find(({ name }) => name.toUpperCase() === 'MASKBITS') : undefined;
  if (byName !== undefined && hasImage(byName)) return byName;
  // A damaged header ends the walk over a file before its image.
  const [problem] = file.problems;
  if (problem !== undefined && !file.hdus.some(hasImage))
    throw new ArcletError('INPUT_INVALID', problem, { subject: file.source.name, remedy: 'Fetch the file again.' });
  return chooseHdu(file, undefined, hasImage, 'image');
}

function toFloats(pixels: NumberArray): Float32Array {
  if (pixels instanceof Float32Array) return pixels;
  if (pixels instanceof BigInt64Array || pixels instanceof BigUint64Array) return Float32Array.from(pixels, Number);
  return new Float32Array(pixels);
}

function toBits(pixels: NumberArray): Uint32Array {
  if (pixels instanceof BigInt64Array || pixels instanceof BigUint64Array) {
    return Uint32Array.from(pixels, (bits) => Number(BigInt.asUintN(32, bits)));
  }
  if (pixels instanceof Int32Array) return new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length);
  return new Uint32Array(pixels);
}

function isClean(kind: PlaneKind, data: Float32Array | Uint32Array): boolean {
  if (kind === 'maskbits' || kind === 'psfsize') return true;
  const lowest = kind === 'invvar' ? 0 : Number.NEGATIVE_INFINITY;
  for (let index = 0; index < data.length; index++) {
    const value = data[index];
    // value - value is NaN for what is not finite.
    if (!(value >= lowest && value - value === 0)) return false;
  }
  return true;
}
