/**
 * How much light of others a star has near it: of sources of the catalogue, of other detections, of Gaia stars. What has an unseen neighbour makes a
 * PSF with a bump, and a gate whose stars have neighbours of their own does not see it.
 */
import { sumCircle } from '../../../sky/detection/apertures.ts';
import type { Candidates } from './candidates.ts';
import type { CellTask } from './cell-types.ts';
import { PointGrid } from './point-grid.ts';

/** A part of a cutout that belongs to another source, px of the section. */
export interface OtherSource {
  readonly x: number;
  readonly y: number;
}

export interface Surroundings {
  /** Sum over neighbours of flux over the star's, times min(1, (2 FWHM / distance)^4); the largest of the lists. */
  readonly contamination: number;
  /** Neighbours whose light can be left out: at least 2 FWHM away, above {@link LEAST_MASKED} of the star. */
  readonly others: readonly OtherSource[];
  /** The catalogue calls it a galaxy. */
  readonly extended: boolean;
}

/** What cutouts of stars leave out of their surroundings. */
export interface Neighbourhood {
  /** Detection that each pixel of the section belongs to; 0: none. */
  readonly segmentation: Int32Array;
  readonly fwhmPx: number;
}

/** Nearer than this, in FWHM, light cannot be told from the star's; further out its pixels are left out, and its wings fall off. */
const NEAR_FWHM = 2;
/** How far anything is looked for, px beyond the cutout. */
export const NEIGHBOUR_REACH = 20;
const LEAST_MASKED = 0.003;
/** Radius of the apertures whose light is compared, in FWHM, and px. */
const APERTURE_FWHM = 0.5;
const LEAST_APERTURE = 1.5;
/** A radius in FWHM, and the part of a star's light that it holds. */
const TOTAL_FWHM = 2;
const TOTAL_PART = 0.95;

/** Sources of one list, px of the section; a flux that is NaN is measured. */
interface Neighbours {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly flux: Float64Array;
  readonly grid: PointGrid;
}

export class Isolation {
  readonly #task: CellTask;
  readonly #image: Float32Array;
  readonly #fwhm: number;
  readonly #known: Neighbours;
  readonly #lists: readonly Neighbours[];

  constructor(task: CellTask, image: Float32Array, { all }: Candidates, fwhmPx: number) {
    const { known, seeds, section } = task;
    this.#task = task;
    this.#image = image;
    this.#fwhm = fwhmPx;
    const reach = (task.settings.cutoutSize - 1) / 2 + NEIGHBOUR_REACH;
    const list = (x: Float64Array, y: Float64Array, flux: Float64Array) => ({ x, y, flux, grid: new PointGrid(x, y, reach) });
    this.#known = list(known.x, known.y, known.flux);
    const listed = list(
      seeds.x.map((value) => value - section.x0),
      seeds.y.map((value) => value - section.y0),
      new Float64Array(seeds.x.length).fill(Number.NaN),
    );
    this.#lists = [list(all.x, all.y, all.flux), this.#known, listed];
  }

  /** What is around a star. Its own entry in each list is the nearest within half a FWHM, or a pixel. */
  of(x: number, y: number): Surroundings {
    const total = this.#sum(x, y, TOTAL_FWHM * this.#fwhm) / TOTAL_PART;
    const others: OtherSource[] = [];
    let contamination = 0;
    let extended = false;
    for (const list of this.#lists) {
      const near = list.grid
        .within(x, y)
        .map((index) => ({ index, distance: Math.hypot(list.x[index] - x, list.y[index] - y) }))
        .sort((one, other) => one.distance - other.distance || one.index - other.index);
      const self = near[0]?.distance <= Math.max(1, this.#fwhm / 2) ? near[0].index : undefined;
      const own = self !== undefined && list.flux[self] > 0 ? list.flux[self] : total;
      // A detection of two stars lies between them; a list has the star's own place.
      const centre = self === undefined ? { x, y } : { x: list.x[self], y: list.y[self] };
      let sum = 0;
      for (const { index, distance } of near) {
        const other = { x: list.x[index], y: list.y[index] };
        // Two rows of one place are one source, listed twice.
        if (index === self || (other.x === centre.x && other.y === centre.y)) continue;
        const part = Number.isFinite(list.flux[index]) ? Math.max(0, list.flux[index] / own) : this.#partAt(centre, other);
        sum += part * Math.min(1, (NEAR_FWHM * this.#fwhm) / distance) ** 4;
        if (part > LEAST_MASKED && distance >= NEAR_FWHM * this.#fwhm) others.push(other);
      }
      contamination = Math.max(contamination, sum);
      if (list === this.#known && self !== undefined) extended = this.#task.known.extended[self] === 1;
    }
    return { contamination, others, extended };
  }

  /** Light at a place over a star's: what lies there less what lies opposite of the star, which is the star's own. Needs no PSF. */
  #partAt({ x, y }: OtherSource, other: OtherSource): number {
    const radius = Math.max(LEAST_APERTURE, APERTURE_FWHM * this.#fwhm);
    const part =
      (this.#sum(other.x, other.y, radius) - this.#sum(2 * x - other.x, 2 * y - other.y, radius)) / this.#sum(x, y, radius);
    return Number.isFinite(part) ? Math.max(0, part) : 0;
  }

  #sum(x: number, y: number, radius: number): number {
    const { section, bad } = this.#task;
    const image = { data: this.#image, width: section.width, height: section.height };
    return sumCircle(image, [x], [y], radius, { mask: bad }).flux[0];
  }
}
