/** Which pixels a measurement may use, and what they are worth: image, noise, mask and segmentation, checked once for many apertures. */
import { ArcletError } from '../../core/errors.ts';

export type Pixels = Float32Array | Float64Array;

/** Background-subtracted pixels in rows, index y * width + x; the middle of pixel (0, 0) is at x = y = 0. */
export interface ImagePixels {
  readonly data: Pixels;
  readonly width: number;
  readonly height: number;
}

/** A value for every aperture, or one for all of them. */
export type Column = ArrayLike<number> | number;

export interface MaskOptions {
  /** Non-zero where pixels must not be used. Pixels that are not finite are never used. */
  readonly mask?: Uint8Array;
  /** Number of the object at every pixel, 0 where there is none, as `extract` makes it. */
  readonly segmentation?: Int32Array;
  /**
   * With a segmentation, the object of each aperture. A positive number masks the pixels of other objects; a negative one masks all pixels
   * but those of object -segmentId, the sky included; 0 masks every object.
   */
  readonly segmentId?: Column;
}

export interface CorrectionOptions {
  /**
   * What masked pixels count as: the mean of the rest of the aperture or ring (true, default), or nothing (false), as for the flux of one object
   * within its own pixels. SEP takes `true` when a mask is given, even an empty one, and `false` when there is a segmentation alone.
   */
  readonly correctMasked?: boolean;
}

export interface NoiseOptions {
  /** Standard deviation of the noise of a pixel: one for all, or a map. */
  readonly err?: number | Pixels;
  /** Variance, in place of `err`. */
  readonly var?: number | Pixels;
  /** Electrons per unit of the image: adds flux / gain to the variance where the flux is positive. */
  readonly gain?: number;
}

function invalid(message: string, subject: string, remedy: string): ArcletError {
  return new ArcletError('INPUT_INVALID', message, { subject, remedy });
}

/** @throws INPUT_INVALID when an array has another size than the image */
export function checkPixels(image: ImagePixels, options: MaskOptions & NoiseOptions): void {
  const pixels = image.width * image.height;
  const maps: [string, number | ArrayLike<number> | undefined][] = [
    ['image', image.data],
    ['mask', options.mask],
    ['segmentation', options.segmentation],
    ['err', options.err],
    ['var', options.var],
  ];
  for (const [name, map] of maps) {
    if (map === undefined || typeof map === 'number' || map.length === pixels) continue;
    throw invalid(
      `The ${name} has ${map.length} values, the image is ${image.width} x ${image.height}.`,
      name,
      'Give arrays of the shape of the image.',
    );
  }
  if (options.err !== undefined && options.var !== undefined) {
    throw invalid('Both err and var are given.', 'err', 'Give the standard deviation or the variance.');
  }
  if ((options.segmentation === undefined) !== (options.segmentId === undefined)) {
    throw invalid('A segmentation and segmentId go together.', 'segmentId', 'Give both or neither.');
  }
}

/**
 * Number of rows of columns that belong together; 1 when all of them are single numbers.
 *
 * @throws INPUT_INVALID when they differ in length
 */
export function rowsOf(columns: Record<string, Column | undefined>): number {
  let rows: number | undefined;
  for (const [name, column] of Object.entries(columns)) {
    if (column === undefined || typeof column === 'number') continue;
    if (rows !== undefined && column.length !== rows) {
      throw invalid(`${name} has ${column.length} values where other columns have ${rows}.`, name, 'Give columns of one length.');
    }
    rows = column.length;
  }
  return rows ?? 1;
}

/** A column as a function of the row. */
export function reader(column: Column): (row: number) => number {
  return typeof column === 'number' ? () => column : (row) => column[row];
}

/** Whether the segmentation masks a pixel of object `owner` for an aperture with this {@link MaskOptions.segmentId}. */
export function isMasked(owner: number, segmentId: number): boolean {
  return segmentId < 0 ? owner !== -segmentId : owner !== 0 && owner !== segmentId;
}

/** Which pixels must be left out of one aperture. Loops over many pixels read the arrays themselves. */
export class PixelMask {
  readonly mask: Uint8Array | undefined;
  readonly segmentation: Int32Array | undefined;
  segmentId = 0;
  /** False when no pixel can be masked but for not being finite. */
  readonly active: boolean;
  readonly #segmentIds: (row: number) => number;

  constructor(options: MaskOptions) {
    this.mask = options.mask;
    this.segmentation = options.segmentation;
    this.active = options.mask !== undefined || options.segmentation !== undefined;
    this.#segmentIds = reader(options.segmentId ?? 0);
  }

  /** Turns to the aperture of this row. */
  turnTo(row: number): void {
    this.segmentId = this.#segmentIds(row);
  }

  /** True when none of the pixels [from, to) is masked for sure. */
  isClear(from: number, to: number): boolean {
    if (this.segmentation !== undefined) return false;
    const mask = this.mask;
    if (mask === undefined) return true;
    let any = 0;
    for (let pixel = from; pixel < to; pixel++) any |= mask[pixel];
    return any === 0;
  }

  masks(pixel: number): boolean {
    if (this.mask !== undefined && this.mask[pixel] !== 0) return true;
    return this.segmentation !== undefined && isMasked(this.segmentation[pixel], this.segmentId);
  }
}
