/**
 * What the stages of photometry hand each other: the field as it was loaded. Frames stay on disk and are read by rows or boxes, so that a
 * hundred bands of 10k x 10k take no more memory than the rows in hand.
 *
 * Pixels are 0-based with centres at integers, x right, y up, in the working frame (the cropped box); images [y, x], float32, scaled to
 * the zero point `zp_ref` of the config.
 */
import type { Wcs } from '../../sky/wcs/index.ts';

/** A box of full-frame pixels, half open. */
export interface PixelBox {
  readonly x0: number;
  readonly y0: number;
  readonly width: number;
  readonly height: number;
}

/** Scaled pixels of a box: bad ones (not finite, at or above half of SATURATE, masked) are 1 in `bad`; their image values are as stored. */
export interface FramePixels {
  readonly image: Float32Array;
  readonly bad: Uint8Array;
}

/** One image of one band, in the working frame. */
export interface Frame {
  /** FILTER. */
  readonly band: string;
  readonly path: string;
  /** Of the working frame. */
  readonly width: number;
  readonly height: number;
  /** Stored counts times this are scaled counts: 10^(-0.4 (ZP_AUTO - zp_ref)). */
  readonly scale: number;
  readonly zpAuto: number;
  /** SKYSIG, scaled. */
  readonly sigmaSky: number;
  /** EGAIN: electrons per stored count. */
  readonly gainElectronsPerAdu: number;
  /** SATURATE, scaled; Infinity where the header has none. */
  readonly saturation: number;
  /** PEEING, or SEEING through the pixel scale; undefined where the header has neither. */
  readonly fwhmPx: number | undefined;
  /** Julian epoch of MJD-OBS or DATE-OBS, like 2024.31; undefined where the header has neither. */
  readonly epochYear?: number;
  /** Rows y0 .. y0 + count of the working frame. */
  rows(y0: number, count: number): Promise<FramePixels>;
  /** A box of the working frame. */
  section(x0: number, y0: number, width: number, height: number): Promise<FramePixels>;
}

/** A row of the catalogue. Rows are never dropped: what is wrong with one stands in its flags. */
export interface CatalogueSource {
  /** In the catalogue file, from 0; rows that Gaia adds go on from there. It alone tells rows apart: results are joined by it, never by `id`. */
  readonly row: number;
  /** Kept as text: leading zeros count. Empty without an ID column. */
  readonly id: string;
  /** As in the file, upper case; empty without a TYPE column. */
  readonly type: string;
  /** Degrees; NaN where the file has none. */
  readonly ra: number;
  readonly dec: number;
  /** In the working frame; NaN where ra, dec are not finite or do not project. */
  readonly x: number;
  readonly y: number;
  readonly excludedCrop: boolean;
  readonly excludedSaturation: boolean;
  /** Another row has this `id`. Such rows are fitted as any other. */
  readonly duplicateId: boolean;
  /** '' or the Gaia source matched. */
  readonly gaiaSourceId: string;
}

/** A field as stage `load` leaves it. */
export interface LoadedField {
  /** By band name. */
  readonly frames: readonly Frame[];
  /** The working frame in the full one. */
  readonly box: PixelBox;
  /** Of the working frame, from the first image. */
  readonly wcs: Wcs;
  readonly pixscaleArcsec: number;
  readonly sources: readonly CatalogueSource[];
  /** The catalogue's own columns by name, as text, for the files that pass them on. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  close(): Promise<void>;
}

/** One cell of the ePSF grid, half-open box of the working frame; `tag` is r00_c00. */
export interface EpsfCell extends PixelBox {
  readonly row: number;
  readonly column: number;
  readonly tag: string;
}

/** Cells of a G x G grid: width / G rounded down, the last row and column take the remainder. */
export function epsfCells(width: number, height: number, grid: number): EpsfCell[] {
  const edges = (length: number) => {
    const step = Math.floor(length / grid);
    return Array.from({ length: grid }, (_, index) => [index * step, index === grid - 1 ? length : (index + 1) * step] as const);
  };
  const two = (index: number) => String(index).padStart(2, '0');
  return edges(height).flatMap(([y0, y1], row) =>
    edges(width).map(([x0, x1], column) => ({
      x0,
      y0,
      width: x1 - x0,
      height: y1 - y0,
      row,
      column,
      tag: `r${two(row)}_c${two(column)}`,
    })),
  );
}
