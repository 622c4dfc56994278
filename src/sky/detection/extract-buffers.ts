/** Typed arrays that grow, and the two records that the steps of an extraction hand on: pixels of one object, and its shape. */
import { ArcletError } from '../../core/errors.ts';

type Growable = Float32Array | Float64Array | Int32Array | Uint8Array;

/** `array` itself when it holds `length` elements, else a longer copy (half as much again at least). */
export function grown<T extends Growable>(array: T, length: number): T {
  if (array.length >= length) return array;
  const longer = new (array.constructor as new (length: number) => T)(Math.max(length, Math.ceil(array.length * 1.5), 256));
  longer.set(array as never);
  return longer;
}

/** As {@link grown}, for scratch whose contents no longer matter. */
export function roomy<T extends Growable>(array: T, length: number): T {
  if (array.length >= length) return array;
  return new (array.constructor as new (length: number) => T)(Math.max(length, Math.ceil(array.length * 1.5), 256));
}

/** The pixels of one component in raster order (rows upwards, left to right). Reused from one component to the next. */
export class ObjectPixels {
  count = 0;
  x = new Int32Array(0);
  y = new Int32Array(0);
  /** Image less background; 0 where masked. */
  value = new Float32Array(0);
  /** The same after the filter. */
  filtered = new Float32Array(0);
  /** Variance of `value`; 0 where masked or not known. */
  variance = new Float32Array(0);
  /** Detection threshold in units of the image; Infinity where masked. Filled only when the threshold follows a noise map. */
  threshold = new Float32Array(0);
  readonly hasThresholds: boolean;
  readonly hasVariance: boolean;

  constructor(hasVariance: boolean, hasThresholds: boolean) {
    this.hasVariance = hasVariance;
    this.hasThresholds = hasThresholds;
  }

  reset(capacity: number): void {
    this.count = 0;
    this.x = roomy(this.x, capacity);
    this.y = roomy(this.y, capacity);
    this.value = roomy(this.value, capacity);
    this.filtered = roomy(this.filtered, capacity);
    if (this.hasVariance) this.variance = roomy(this.variance, capacity);
    if (this.hasThresholds) this.threshold = roomy(this.threshold, capacity);
  }
}

const INTEGER_COLUMNS = ['npix', 'tnpix', 'xmin', 'xmax', 'ymin', 'ymax', 'xcpeak', 'ycpeak', 'xpeak', 'ypeak', 'flag'] as const;
const REAL_COLUMNS = [
  'thresh',
  'x',
  'y',
  'x2',
  'y2',
  'xy',
  'errx2',
  'erry2',
  'errxy',
  'a',
  'b',
  'theta',
  'cxx',
  'cyy',
  'cxy',
  'cflux',
  'flux',
  'cpeak',
  'peak',
] as const;

/** Columns of whole numbers, in the names of SEP. */
export type IntegerColumn = (typeof INTEGER_COLUMNS)[number];
/** Columns of real numbers, in the names of SEP. */
export type RealColumn = (typeof REAL_COLUMNS)[number];

/** One object with every column of {@link ObjectTable}, and what deblending and cleaning need besides. */
export type ObjectShape = Record<IntegerColumn | RealColumn, number> & {
  /** Correction of a and b for the part of a Gaussian profile below the threshold, in (0, 1]. */
  abcor: number;
  /** Height above the threshold that `minarea` pixels of the object reach, filtered. */
  mthresh: number;
};

/**
 * Objects as columns. Positions are 0-based pixels (x right, y up), shapes in pixels, `theta` in radians counter-clockwise from +x in
 * (-pi/2, pi/2], fluxes and peaks in units of the image; a leading c means after the filter.
 */
export type ObjectTable = { readonly count: number } & { readonly [column in IntegerColumn]: Int32Array } & {
  readonly [column in RealColumn]: Float64Array;
};

/** Whole numbers stand in float64 exactly. */
const ROW_COLUMNS: readonly (keyof ObjectShape)[] = [...INTEGER_COLUMNS, ...REAL_COLUMNS, 'abcor', 'mthresh'];
const WIDTH = ROW_COLUMNS.length;

/** Objects as they are found, one row of float64 each. Throws INPUT_INVALID beyond `limit` objects. */
export class ObjectRows {
  count = 0;
  #rows = new Float64Array(WIDTH * 256);
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(shape: ObjectShape): void {
    if (this.count >= this.#limit) throw tooManyObjects(this.#limit);
    this.#rows = grown(this.#rows, (this.count + 1) * WIDTH);
    let at = this.count++ * WIDTH;
    for (const column of ROW_COLUMNS) this.#rows[at++] = shape[column];
  }

  /** One column over all rows. */
  column(name: keyof ObjectShape): Float64Array {
    const offset = ROW_COLUMNS.indexOf(name);
    const column = new Float64Array(this.count);
    for (let row = 0; row < this.count; row++) column[row] = this.#rows[row * WIDTH + offset];
    return column;
  }

  /** The rows whose `keep` is 1, as columns. */
  table(keep: Uint8Array): ObjectTable {
    let count = 0;
    for (let row = 0; row < this.count; row++) count += keep[row];
    const table: Record<string, number | Int32Array | Float64Array> = { count };
    let offset = 0;
    const fill = (column: Int32Array | Float64Array) => {
      let to = 0;
      for (let row = 0; row < this.count; row++) if (keep[row] === 1) column[to++] = this.#rows[row * WIDTH + offset];
      offset++;
      return column;
    };
    for (const name of INTEGER_COLUMNS) table[name] = fill(new Int32Array(count));
    for (const name of REAL_COLUMNS) table[name] = fill(new Float64Array(count));
    return table as unknown as ObjectTable;
  }
}

/** The error of an extraction that finds more objects than the caller is ready for. */
export function tooManyObjects(limit: number): ArcletError {
  return new ArcletError('INPUT_INVALID', `The image has more than ${limit} objects above the threshold.`, {
    subject: 'maxObjects',
    remedy: 'Raise the threshold or minarea, subtract the background, or raise maxObjects if the memory is there.',
    data: { maxObjects: limit },
  });
}
