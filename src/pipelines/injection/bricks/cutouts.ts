/** What a cutting gives: stamps of all planes of one brick, as flat arrays. */
import { type ErrorCode, isArcletError } from '../../../core/errors.ts';

export interface CutoutTarget {
  readonly raDeg: number;
  readonly decDeg: number;
}

export interface CutReport {
  /** Read from the files. */
  bytes: number;
  /** Decoded. */
  tiles: number;
  /** In the worker, wall time. */
  readSeconds: number;
  decodeSeconds: number;
}

/** How the reason of a row begins whose stamp lies over a damaged tile. */
export const TILE_UNREADABLE = 'A tile cannot be read: ';

/** Rows are the targets, in their order. */
export interface Cutouts {
  /**
   * Why nothing of this brick could be read (missing brick, missing band, truncated file, dead worker): all rows fail with it, pixels
   * are empty arrays and x, y are NaN. Undefined otherwise.
   */
  readonly failed?: { readonly code: ErrorCode; readonly message: string };
  /** Side of the stamps, px. */
  readonly size: number;
  readonly bands: readonly string[];
  readonly count: number;
  /** Target in the brick, px, 0-based pixel centres; NaN where it is not on the brick's half of the sky. */
  readonly x: Float64Array<ArrayBuffer>;
  readonly y: Float64Array<ArrayBuffer>;
  /** First column and row of the stamp: round(x) - floor(size / 2), halves rounded up. 0 where x is NaN. */
  readonly x0: Int32Array<ArrayBuffer>;
  readonly y0: Int32Array<ArrayBuffer>;
  /** [row, band, y, x], nanomaggy, as stored (NaN too), zero outside the brick; NaN where a tile is damaged. */
  readonly image: Float32Array<ArrayBuffer>;
  /** [row, band, y, x], nanomaggy^-2, zero outside the brick; what is stored negative or not finite is 0. */
  readonly invvar: Float32Array<ArrayBuffer>;
  /** [row, y, x], zero outside the brick. */
  readonly mask: Uint32Array<ArrayBuffer>;
  /** 1: the stamp is fully inside the brick. */
  readonly inside: Uint8Array<ArrayBuffer>;
  /** 1: image and invvar of all bands are finite, as stored, wherever the stamp lies in the brick, and no tile of any plane is damaged. */
  readonly finite: Uint8Array<ArrayBuffer>;
  /** [row, band] psfsize map at pixel (round x, round y), arcsec; NaN without a map or outside it, 0 without coverage. */
  readonly psfsize: Float64Array<ArrayBuffer>;
  /** One sentence for every row whose `inside` or `finite` is 0. */
  readonly reason: readonly (string | undefined)[];
  readonly report: CutReport;
}

/** Cutouts with nothing in them yet. */
export function emptyCutouts(count: number, bands: readonly string[], size: number) {
  const cube = count * bands.length * size * size;
  return {
    size,
    bands,
    count,
    x: new Float64Array(count).fill(Number.NaN),
    y: new Float64Array(count).fill(Number.NaN),
    x0: new Int32Array(count),
    y0: new Int32Array(count),
    image: new Float32Array(cube),
    invvar: new Float32Array(cube),
    mask: new Uint32Array(count * size * size),
    inside: new Uint8Array(count),
    finite: new Uint8Array(count),
    psfsize: new Float64Array(count * bands.length).fill(Number.NaN),
    reason: new Array<string | undefined>(count).fill(undefined),
    report: { bytes: 0, tiles: 0, readSeconds: 0, decodeSeconds: 0 },
  } satisfies Cutouts;
}

/** The same with the reason why there is nothing. */
export function failedCutouts(count: number, bands: readonly string[], size: number, error: unknown): Cutouts {
  const code = isArcletError(error) ? error.code : 'INTERNAL';
  const message = error instanceof Error || isArcletError(error) ? error.message : String(error);
  const none = emptyCutouts(count, bands, 0);
  return { ...none, size, reason: none.reason.fill(message), failed: { code, message } };
}

/** The buffers of all arrays, to be handed over without a copy. */
export function buffersOf(cutouts: Cutouts): ArrayBuffer[] {
  const { x, y, x0, y0, image, invvar, mask, inside, finite, psfsize } = cutouts;
  return [x, y, x0, y0, image, invvar, mask, inside, finite, psfsize].map(({ buffer }) => buffer);
}
