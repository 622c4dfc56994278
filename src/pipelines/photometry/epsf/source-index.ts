/** Sources of the catalogue by their places, so that each cell finds its own without a look at all of them. */
import type { CatalogueSource, LoadedField, PixelBox } from '../field.ts';

/** Sources of the catalogue near a cell, pixels of the section. */
export interface KnownSources {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Scaled counts; NaN where the catalogue has none for this band. */
  readonly flux: Float64Array;
  /** 1: TYPE says that it is no star. */
  readonly extended: Uint8Array;
}

const BUCKET = 128;

/** Rows of a catalogue in buckets of 128 px. */
export class SourceIndex {
  readonly #sources: readonly CatalogueSource[];
  readonly #columns: LoadedField['columns'];
  readonly #across: number;
  readonly #down: number;
  /** Rows of bucket b are #rows[#starts[b] .. #starts[b + 1]]. */
  readonly #starts: Int32Array;
  readonly #rows: Int32Array;
  /** A catalogue without any TYPE STAR does not tell stars from galaxies. */
  readonly #namesStars: boolean;

  constructor({ sources, columns, box }: Pick<LoadedField, 'sources' | 'columns' | 'box'>) {
    this.#sources = sources;
    this.#columns = columns;
    this.#across = Math.ceil(box.width / BUCKET) + 2;
    this.#down = Math.ceil(box.height / BUCKET) + 2;
    this.#namesStars = sources.some(({ type }) => type === 'STAR');
    this.#starts = new Int32Array(this.#across * this.#down + 1);
    for (const source of sources) if (isPlaced(source)) this.#starts[this.#bucket(source.x, source.y) + 1]++;
    for (let b = 1; b < this.#starts.length; b++) this.#starts[b] += this.#starts[b - 1];
    this.#rows = new Int32Array(this.#starts[this.#starts.length - 1]);
    const next = this.#starts.slice();
    sources.forEach((source, row) => {
      if (isPlaced(source)) this.#rows[next[this.#bucket(source.x, source.y)]++] = row;
    });
  }

  /** Those beyond the frame are in buckets at its edges. */
  #bucket(x: number, y: number): number {
    const at = (value: number, count: number) => Math.max(0, Math.min(count - 1, Math.floor(value / BUCKET) + 1));
    return at(y, this.#down) * this.#across + at(x, this.#across);
  }

  /** Sources within a box of the working frame and `reach` px around it, with their fluxes in a band. */
  near(box: PixelBox, reach: number, band: string): KnownSources {
    const [left, low] = [box.x0 - reach, box.y0 - reach];
    const [right, high] = [box.x0 + box.width + reach, box.y0 + box.height + reach];
    const rows: number[] = [];
    const [first, last] = [this.#bucket(left, low), this.#bucket(right, high)];
    for (let j = Math.floor(first / this.#across); j <= Math.floor(last / this.#across); j++) {
      const from = this.#starts[j * this.#across + (first % this.#across)];
      const to = this.#starts[j * this.#across + (last % this.#across) + 1];
      for (let k = from; k < to; k++) {
        const { x, y } = this.#sources[this.#rows[k]];
        if (x >= left && x <= right && y >= low && y <= high) rows.push(this.#rows[k]);
      }
    }
    const texts = this.#columns[`FLUX_${band}`];
    const flux = (row: number) => {
      const text = texts?.[row]?.trim() ?? '';
      return text === '' ? Number.NaN : Number(text);
    };
    return {
      x: Float64Array.from(rows, (row) => this.#sources[row].x - box.x0),
      y: Float64Array.from(rows, (row) => this.#sources[row].y - box.y0),
      flux: Float64Array.from(rows, flux),
      extended: Uint8Array.from(rows, (row) => {
        const { type } = this.#sources[row];
        return +(this.#namesStars && type !== '' && type !== 'STAR');
      }),
    };
  }
}

const isPlaced = ({ x, y }: CatalogueSource): boolean => Number.isFinite(x) && Number.isFinite(y);
