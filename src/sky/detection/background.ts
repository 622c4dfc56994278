/**
 * Sky background and noise of an image on a grid of meshes, after SExtractor (Bertin & Arnouts 1996, A&AS 117, 393, section 4.1): each mesh gives
 * a clipped mode, outlying meshes fall to a median filter, and a natural bicubic spline runs through what remains.
 *
 * The image comes in strips of rows and is not kept: only one row of meshes is held at a time, so a frame of any size can stream past.
 */
import { ArcletError } from '../../core/errors.ts';
import type { ImagePixels, Pixels } from './apertures-pixels.ts';
import { fillMeshes, filterMeshes, medianOf } from './background-grid.ts';
import { MeshStatistics } from './background-mesh.ts';
import { MeshSpline, type SplineKind } from './background-spline.ts';

export interface BackgroundOptions {
  /** Size of a mesh in pixels. Meshes at the right and upper border may be narrower. */
  meshWidth?: number;
  meshHeight?: number;
  /** Size of the median filter in meshes; 1 leaves the meshes as they are. */
  filterWidth?: number;
  filterHeight?: number;
  /** Least difference from the median at which a mesh is replaced by it, in units of the image. */
  filterThreshold?: number;
  /** How the map runs between the middles of meshes: see {@link SplineKind}. Default `sextractor`. */
  interpolation?: SplineKind;
}

/** Meshes over an image; those at the right and upper border may be cut off. */
export interface MeshGrid {
  readonly width: number;
  readonly height: number;
  readonly meshWidth: number;
  readonly meshHeight: number;
  readonly columns: number;
  readonly rows: number;
}

/** A measured background. Maps are evaluated row by row when they are asked for. */
export class Background {
  readonly width: number;
  readonly height: number;
  /** Size of a mesh in pixels, and of the grid in meshes. */
  readonly meshWidth: number;
  readonly meshHeight: number;
  readonly columns: number;
  readonly rows: number;
  /** Level and rms of the meshes after filling and filtering, `rows` x `columns`, in units of the image. */
  readonly meshLevel: Float64Array;
  readonly meshRms: Float64Array;
  /** Median of the mesh levels. */
  readonly globalLevel: number;
  /** Median of the mesh rms; where that is zero the median of those above zero, and 1 where there are none. */
  readonly globalRms: number;
  /** Meshes that held too few good pixels and took the values of their nearest neighbours. */
  readonly filledMeshes: number;
  readonly #level: MeshSpline;
  readonly #rms: MeshSpline;

  /** @param level, rms of `rows` x `columns` meshes, NaN where too few pixels are good; both are changed */
  constructor(grid: MeshGrid, level: Float64Array, rms: Float64Array, options: BackgroundOptions) {
    this.width = grid.width;
    this.height = grid.height;
    this.meshWidth = grid.meshWidth;
    this.meshHeight = grid.meshHeight;
    this.columns = grid.columns;
    this.rows = grid.rows;
    this.filledMeshes = fillMeshes(level, rms, grid.columns, grid.rows);
    const filtered = filterMeshes(level, rms, grid.columns, grid.rows, {
      width: options.filterWidth ?? 3,
      height: options.filterHeight ?? 3,
      threshold: options.filterThreshold ?? 0,
    });
    this.meshLevel = filtered.level;
    this.meshRms = filtered.rms;
    this.globalLevel = medianOf(this.meshLevel);
    const typical = medianOf(this.meshRms);
    const above = typical > 0 ? typical : medianOf(this.meshRms.filter((value) => value > 0));
    this.globalRms = above > 0 ? above : 1;
    const kind = options.interpolation ?? 'sextractor';
    this.#level = new MeshSpline(this.meshLevel, grid, kind);
    this.#rms = new MeshSpline(this.meshRms, grid, kind);
  }

  /**
   * The background of `rows` image rows from row `y0`.
   *
   * @param out at least `rows` x width values; a new Float32Array without it
   */
  levelMap(y0 = 0, rows = this.height - y0, out: Pixels = new Float32Array(rows * this.width)): Pixels {
    this.#check(y0, rows, out.length);
    for (let row = 0; row < rows; row++) this.#level.row(y0 + row, this.width, out, row * this.width);
    return out;
  }

  /** The standard deviation of the sky noise, as {@link levelMap}. */
  rmsMap(y0 = 0, rows = this.height - y0, out: Pixels = new Float32Array(rows * this.width)): Pixels {
    this.#check(y0, rows, out.length);
    for (let row = 0; row < rows; row++) this.#rms.row(y0 + row, this.width, out, row * this.width);
    return out;
  }

  /**
   * Image less background, for whole rows from row `y0`.
   *
   * @param pixels a strip, or the whole image
   * @param out where the difference goes; `pixels` itself may be given. A new array of the same kind without it.
   */
  subtract(
    pixels: Pixels,
    y0 = 0,
    out: Pixels = pixels instanceof Float64Array ? new Float64Array(pixels.length) : new Float32Array(pixels.length),
  ): Pixels {
    const rows = pixels.length / this.width;
    this.#check(y0, rows, out.length);
    for (let row = 0; row < rows; row++) this.#level.row(y0 + row, this.width, out, row * this.width, pixels);
    return out;
  }

  #check(y0: number, rows: number, room: number): void {
    if (
      Number.isInteger(rows) &&
      Number.isInteger(y0) &&
      y0 >= 0 &&
      rows >= 0 &&
      y0 + rows <= this.height &&
      room >= rows * this.width
    )
      return;
    throw new ArcletError(
      'INPUT_INVALID',
      `${rows} rows of ${this.width} pixels from row ${y0} into ${room} values do not fit a background of ${this.width} x ${this.height}.`,
      { subject: 'background', remedy: 'Hand over whole rows of the image that the background was measured on.' },
    );
  }
}

/**
 * The meshes of an image of `width` x `height` pixels.
 *
 * @throws INPUT_INVALID for a size that is no whole number of 1 or more
 */
export function meshGrid(width: number, height: number, options: BackgroundOptions = {}): MeshGrid {
  const { meshWidth = 64, meshHeight = 64, filterWidth = 3, filterHeight = 3 } = options;
  const sizes = { width, height, meshWidth, meshHeight, filterWidth, filterHeight };
  for (const [name, size] of Object.entries(sizes)) {
    if (Number.isInteger(size) && size >= 1) continue;
    throw new ArcletError('INPUT_INVALID', `The ${name} of a background is ${size}.`, {
      subject: name,
      remedy: 'Give a whole number of 1 or more.',
    });
  }
  return { width, height, meshWidth, meshHeight, columns: Math.ceil(width / meshWidth), rows: Math.ceil(height / meshHeight) };
}

/** Measures a background from strips of rows, bottom to top. */
export class BackgroundBuilder {
  readonly #grid: MeshGrid;
  readonly #options: BackgroundOptions;
  readonly #statistics: MeshStatistics;
  readonly #level: Float64Array;
  readonly #rms: Float64Array;
  /** Rows of an unfinished row of meshes; made when a strip ends inside one. */
  #held: { pixels: Pixels; mask: Uint8Array } | undefined;
  #heldRows = 0;
  #row = 0;

  /** @param width, height of the whole image in pixels */
  constructor(width: number, height: number, options: BackgroundOptions = {}) {
    this.#grid = meshGrid(width, height, options);
    const { meshWidth, meshHeight, columns, rows } = this.#grid;
    this.#options = options;
    this.#statistics = new MeshStatistics(Math.min(width, meshWidth) * Math.min(height, meshHeight));
    this.#level = new Float64Array(columns * rows);
    this.#rms = new Float64Array(columns * rows);
  }

  /**
   * The next rows of the image, any number of them.
   *
   * @param pixels whole rows; what is not finite counts as masked
   * @param mask the same shape, non-zero where a pixel is not to be used
   */
  push(pixels: Pixels, mask?: Uint8Array): void {
    const { width, height, meshHeight } = this.#grid;
    const rows = pixels.length / width;
    if (!Number.isInteger(rows) || this.#row + rows > height || (mask !== undefined && mask.length !== pixels.length)) {
      throw new ArcletError(
        'INPUT_INVALID',
        `A strip of ${pixels.length} pixels${mask === undefined ? '' : ` with a mask of ${mask.length}`} does not fit row ${this.#row} of an image of ${width} x ${height}.`,
        { subject: 'background', remedy: 'Hand over whole rows, in order, with a mask of the same size.' },
      );
    }
    for (let at = 0; at < rows; ) {
      const meshRow = Math.floor(this.#row / meshHeight);
      const needed = Math.min(meshHeight, height - meshRow * meshHeight) - this.#heldRows;
      const taken = Math.min(needed, rows - at);
      const start = at * width;
      if (this.#heldRows === 0 && taken === needed) {
        this.#measure(meshRow, pixels, mask, start, needed);
      } else {
        this.#hold(pixels, mask, start, taken);
        if (taken === needed) {
          const held = this.#held as { pixels: Pixels; mask: Uint8Array };
          this.#measure(meshRow, held.pixels, held.mask, 0, this.#heldRows);
          this.#heldRows = 0;
        }
      }
      at += taken;
      this.#row += taken;
    }
  }

  #hold(pixels: Pixels, mask: Uint8Array | undefined, start: number, rows: number): void {
    const { width, meshHeight } = this.#grid;
    this.#held ??= { pixels: new Float64Array(width * meshHeight), mask: new Uint8Array(width * meshHeight) };
    const to = this.#heldRows * width;
    const end = start + rows * width;
    this.#held.pixels.set(pixels.subarray(start, end), to);
    if (mask === undefined) this.#held.mask.fill(0, to, to + rows * width);
    else this.#held.mask.set(mask.subarray(start, end), to);
    this.#heldRows += rows;
  }

  #measure(meshRow: number, pixels: Pixels, mask: Uint8Array | undefined, start: number, height: number): void {
    const { width, meshWidth, columns } = this.#grid;
    for (let column = 0; column < columns; column++) {
      const x = column * meshWidth;
      this.#statistics.measure(pixels, mask, start + x, width, Math.min(meshWidth, width - x), height);
      this.#level[meshRow * columns + column] = this.#statistics.level;
      this.#rms[meshRow * columns + column] = this.#statistics.rms;
    }
  }

  /** The background, after the last row. */
  finish(): Background {
    if (this.#row !== this.#grid.height) {
      throw new ArcletError('INPUT_INVALID', `The background has seen ${this.#row} of ${this.#grid.height} rows.`, {
        subject: 'background',
        remedy: 'Push every row of the image before the background is finished.',
      });
    }
    return new Background(this.#grid, this.#level, this.#rms, this.#options);
  }
}

/**
 * Background of an image in memory.
 *
 * @param image `height` rows of `width` pixels; what is not finite counts as masked
 * @param options and a mask of the same shape, non-zero where a pixel is not to be used
 */
export function measureBackground(image: ImagePixels, options: BackgroundOptions & { mask?: Uint8Array } = {}): Background {
  const builder = new BackgroundBuilder(image.width, image.height, options);
  builder.push(image.data, options.mask);
  return builder.finish();
}
