/** Decoded tiles, the least recently used forgotten first. */

export interface Tile {
  /** Row by row. float32 but for the masks. */
  readonly data: Float32Array | Uint32Array;
  /** First column and row in the brick, and extent, px. */
  readonly x0: number;
  readonly y0: number;
  readonly width: number;
  readonly height: number;
  /** Nothing in it that wants a second look: not finite, or (inverse variance) negative. */
  readonly clean: boolean;
  /** Why it could not be decoded. Its data are empty then. */
  readonly fault?: string;
}

/** Tiles per plane that keys leave room for: 2^20 of them are an image of 100,000 px a side. */
const KEYS_PER_PLANE = 2 ** 24;

export class TileCache {
  readonly #budget: number;
  /** In order of use: a Map keeps the order of insertion, and a hit is inserted again. */
  readonly #tiles = new Map<number, Tile>();
  #bytes = 0;

  /** @param budget bytes of pixels that are kept, about */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** @param plane a number that no other open plane has */
  get(plane: number, index: number): Tile | undefined {
    const key = plane * KEYS_PER_PLANE + index;
    const tile = this.#tiles.get(key);
    if (tile === undefined) return undefined;
    this.#tiles.delete(key);
    this.#tiles.set(key, tile);
    return tile;
  }

  set(plane: number, index: number, tile: Tile): void {
    this.#tiles.set(plane * KEYS_PER_PLANE + index, tile);
    this.#bytes += tile.data.byteLength;
    for (const [key, oldest] of this.#tiles) {
      if (this.#bytes <= this.#budget) return;
      this.#tiles.delete(key);
      this.#bytes -= oldest.data.byteLength;
    }
  }
}
