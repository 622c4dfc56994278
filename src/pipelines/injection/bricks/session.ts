/** Bricks kept open and tiles kept decoded between requests, in one thread. */
import { openStore, type Store } from '../../../io/store/store.ts';
import { type Brick, openBrick } from './brick.ts';
import { cutStamps } from './cut.ts';
import { type Cutouts, failedCutouts } from './cutouts.ts';
import { TileCache } from './tile-cache.ts';

export interface SessionOptions {
  /** Folder or s3:// of the bricks. */
  readonly cache: string;
  readonly bands: readonly string[];
  readonly usePsfsizeMaps: boolean;
  /** Of decoded tiles, about. */
  readonly cacheBytes: number;
}

/** Ten files each. Requests of a brick come one after the other; more than one is kept because two bricks may take turns. */
const BRICKS_OPEN = 3;

export class BrickSession {
  readonly #options: SessionOptions;
  readonly #tiles: TileCache;
  /** In order of use. */
  readonly #bricks = new Map<string, Brick>();
  #store: Store | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#tiles = new TileCache(options.cacheBytes);
  }

  /** Never throws: what is wrong with the brick is in `failed`. Requests take turns. */
  cutouts(brick: string, raDeg: Float64Array, decDeg: Float64Array, size: number): Promise<Cutouts> {
    const turn = this.#last.then(() => this.#cut(brick, raDeg, decDeg, size));
    this.#last = turn;
    return turn;
  }

  async #cut(name: string, raDeg: Float64Array, decDeg: Float64Array, size: number): Promise<Cutouts> {
    const { bands } = this.#options;
    const start = performance.now();
    try {
      const brick = await this.#brick(name);
      const opened = performance.now();
      const cut = await cutStamps(brick, bands, raDeg, decDeg, size, this.#tiles);
      cut.report.readSeconds += (opened - start) / 1000;
      return cut;
    } catch (error) {
      // Opened anew by the next request: a failure may pass.
      await this.#forget(name);
      return failedCutouts(raDeg.length, bands, size, error);
    }
  }

  async #brick(name: string): Promise<Brick> {
    const known = this.#bricks.get(name);
    if (known !== undefined) {
      this.#bricks.delete(name);
      this.#bricks.set(name, known);
      return known;
    }
    const { cache, bands, usePsfsizeMaps } = this.#options;
    this.#store ??= await openStore(cache);
    const brick = await openBrick(this.#store, name, bands, usePsfsizeMaps);
    this.#bricks.set(name, brick);
    const [oldest] = this.#bricks.keys();
    if (this.#bricks.size > BRICKS_OPEN) await this.#forget(oldest);
    return brick;
  }

  async #forget(name: string): Promise<void> {
    const brick = this.#bricks.get(name);
    this.#bricks.delete(name);
    await brick?.close().catch(() => undefined);
  }

  /** Waits for the request in hand. */
  async close(): Promise<void> {
    await this.#last;
    for (const name of [...this.#bricks.keys()]) await this.#forget(name);
    await this.#store?.close();
  }
}
