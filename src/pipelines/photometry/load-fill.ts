/** Rows of one frame into a chunk of the white stack: read, scaled, packed and looked at while they are in the cache. */
import { RunMemory } from '../../io/fits/index.ts';
import type { PixelBox } from './field.ts';
import type { StoredPixels } from './load-frames.ts';
import { BadPlaces, type RowScan, type ShownRows } from './load-scan.ts';
import { type ChunkArrays, type ChunkLayout, packStored } from './white-pack.ts';

export interface Fill {
  readonly arrays: Pick<ChunkArrays, 'image' | 'mask'>;
  readonly layout: ChunkLayout;
  readonly band: number;
  /** What the chunk holds of the full image. */
  readonly part: PixelBox;
  readonly rows: ShownRows;
}

/** Fills one band after the other, in memory that is used again. */
export class BandFiller {
  readonly #box: PixelBox;
  readonly #memory = new RunMemory();
  readonly #bad = new BadPlaces();

  /** `box` is the working frame. */
  constructor(box: PixelBox) {
    this.#box = box;
  }

  /** One call at a time. Throws as readSection. */
  async fill({ rule, runs }: StoredPixels, { arrays, layout, band, part, rows }: Fill): Promise<RowScan> {
    this.#bad.clear();
    await runs(part, (values, at) => packStored(layout, arrays, band, at, values, rule, this.#bad), this.#memory);
    return this.#bad.scan(rows, this.#box);
  }
}
