/** Detections of a cell that may be stars. */
import { isArcletError } from '../../../core/errors.ts';
import { extract } from '../../../sky/detection/extract.ts';
import { areaWidth } from '../../../sky/epsf/index.ts';
import type { CellTask } from './cell-types.ts';
import { medianOf } from './medians.ts';

/** Columns of detections, pixels of the section; brightest first. */
export interface Candidates {
  readonly count: number;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly flux: Float64Array;
  /** FWHM of the circle with the area above half of the peak, px. */
  readonly width: Float64Array;
  /** Detections before anything was left out. */
  readonly detected: number;
  /** All of these, in the order of extraction. */
  readonly all: { readonly x: Float64Array; readonly y: Float64Array; readonly flux: Float64Array };
  /** Number in `all`, from 1, of the detection that a pixel belongs to; 0: none. */
  readonly segmentation: Int32Array;
  /** Why detection failed. */
  readonly error?: string;
}

const DEBLEND_CONTRAST = 0.001;

/** Where a star may be: `inside` a box of the section, half open where the cell ends. */
export interface StarBounds {
  has(x: number, y: number): boolean;
}

/**
 * tract7dt takes stars whose cutout and edge_pad are within the cell. With a margin around the cell every star of the cell itself can be
 * cut out, and belongs to one cell only.
 */
export function starBounds({ section, cell, settings, profile }: CellTask): StarBounds {
  const need = Math.floor(settings.cutoutSize / 2) + settings.edgePad;
  const { width, height } = section;
  const whole = (x: number, y: number) => need < x && x < width - need - 1 && need < y && y < height - need - 1;
  if (profile === 'tract7dt') return { has: whole };
  const left = cell.x0 - section.x0 - 0.5;
  const low = cell.y0 - section.y0 - 0.5;
  return {
    has: (x, y) => whole(x, y) && x >= left && x < left + cell.width && y >= low && y < low + cell.height,
  };
}

/**
 * Detections on a background-subtracted section: matched filter at thresh_sigma of the sky noise, 32 levels of deblending at contrast 0.001, then
 * those within bounds, not near saturation and round enough (q_range bounds a/b).
 */
export function findCandidates(task: CellTask, image: Float32Array, bounds: StarBounds): Candidates {
  const { section, bad, settings, frame } = task;
  try {
    const { objects, segmentation } = extract(
      { data: image, width: section.width, height: section.height },
      {
        thresh: settings.threshSigma,
        err: new Float32Array(image.length).fill(frame.sigmaSky),
        mask: bad,
        minarea: settings.minarea,
        deblendCont: DEBLEND_CONTRAST,
        segmentation: true,
      },
    );
    const brightest = frame.saturation / settings.gaiaSeedSatDiv;
    const [least, most] = settings.qRange;
    const rows: number[] = [];
    for (let i = 0; i < objects.count; i++) {
      const ratio = objects.a[i] / objects.b[i];
      if (bounds.has(objects.x[i], objects.y[i]) && objects.peak[i] < brightest && ratio >= least && ratio <= most) rows.push(i);
    }
    rows.sort((one, other) => objects.flux[other] - objects.flux[one]);
    const column = (values: ArrayLike<number>) => Float64Array.from(rows, (i) => values[i]);
    const width = Float64Array.from(rows, (i) => {
      const peak = objects.ypeak[i] * section.width + objects.xpeak[i];
      return areaWidth(section.width, section.height, peak, (k) => image[k] > image[peak] / 2, MOST_PIXELS);
    });
    return {
      count: rows.length,
      x: column(objects.x),
      y: column(objects.y),
      flux: column(objects.flux),
      width,
      detected: objects.count,
      all: { x: Float64Array.from(objects.x), y: Float64Array.from(objects.y), flux: Float64Array.from(objects.flux) },
      segmentation: segmentation!,
    };
  } catch (error) {
    if (!isArcletError(error)) throw error;
    const none = new Float64Array(0);
    return {
      count: 0,
      x: none,
      y: none,
      flux: none,
      width: none,
      detected: 0,
      all: { x: none, y: none, flux: none },
      segmentation: new Int32Array(image.length),
      error: error.message,
    };
  }
}

/** A PSF of FWHM 25 px; what is larger is no star. */
const MOST_PIXELS = 500;

/** Fewest widths that have a most common value. */
const LEAST_FOR_MODE = 8;
const LEAST_GAIA = 3;

/**
 * Which candidates are as wide as stars: those near the median width of the ones that Gaia lists, or else near the most common width (half-sample
 * mode: Bickel & Fruehwirth 2006, CSDA 50, 3500): stars are of one width, galaxies are of all. Without either, all.
 *
 * @param listed candidates that Gaia lists
 */
export function stellar(candidates: Candidates, listed: readonly number[]): (index: number) => boolean {
  const { width, count } = candidates;
  const known = listed.length >= LEAST_GAIA ? medianOf(listed.map((i) => width[i])) : undefined;
  const typical = known ?? (count >= LEAST_FOR_MODE ? halfSampleMode(width) : undefined);
  if (typical === undefined) return () => true;
  // Half of a pixel is what the count of pixels above half of the peak jumps by with the place of the star in its pixel.
  return (index) => Math.abs(width[index] - typical) <= 0.2 * typical + 0.5;
}

/** The place where values are closest together. */
export function halfSampleMode(values: ArrayLike<number>): number {
  let sorted = Float64Array.from(values).sort();
  while (sorted.length > 2) {
    const half = Math.ceil(sorted.length / 2);
    let first = 0;
    for (let k = 1; k + half <= sorted.length; k++) {
      if (sorted[k + half - 1] - sorted[k] < sorted[first + half - 1] - sorted[first]) first = k;
    }
    sorted = sorted.subarray(first, first + half);
  }
  return sorted.length === 2 ? (sorted[0] + sorted[1]) / 2 : (sorted[0] ?? Number.NaN);
}
