/** Which stars make the PSF of a cell: Gaia's first, in the order of its file, then detections by brightness, none near another. */
import { sumCircle } from '../../../sky/detection/apertures.ts';
import { type Candidates, findCandidates, starBounds, stellar } from './candidates.ts';
import type { CellTask, PsfStar, StarOrigin } from './cell-types.ts';
import { PointGrid } from './point-grid.ts';

export interface Selection {
  readonly stars: readonly PsfStar[];
  /** Gaia stars of the cell. */
  readonly seeds: number;
  readonly detected: number;
  readonly candidates: number;
  /** Radius of the aperture of the S/N test, px. */
  readonly apertureRadius: number;
  readonly error?: string;
}

/** Radius of an aperture where the header does not say how wide stars are, px. */
const DEFAULT_RADIUS = 3;

/** Selects stars on a background-subtracted section. */
export function selectStars(task: CellTask, image: Float32Array): Selection {
  const { settings, seeds, section, profile } = task;
  const bounds = starBounds(task);
  const candidates = findCandidates(task, image, bounds);
  const grid = new PointGrid(candidates.x, candidates.y, settings.gaiaMatchRPix);
  const inside: { x: number; y: number }[] = [];
  for (let k = 0; k < seeds.x.length; k++) {
    const [x, y] = [seeds.x[k] - section.x0, seeds.y[k] - section.y0];
    if (bounds.has(x, y)) inside.push({ x, y });
  }
  const listed = inside.flatMap(({ x, y }) => grid.nearest(x, y) ?? []);
  const isStar = profile === 'tract7dt' ? () => true : stellar(candidates, listed);
  const picker = new Picker(settings.minSep, settings.maxStars);
  const apertureRadius = radiusOf(task);
  if (settings.psfstarMode !== 'sep') {
    const used = new Set<number>();
    for (const seed of inside) {
      if (picker.isFull) break;
      if (!seedIsUsable(task, image, seed.x, seed.y)) continue;
      const near = grid.nearest(seed.x, seed.y);
      const snapped = settings.gaiaSnapToSep ? grid.nearest(seed.x, seed.y, (k) => !used.has(k)) : undefined;
      if (snapped !== undefined) used.add(snapped);
      const place = snapped === undefined ? seed : { x: candidates.x[snapped], y: candidates.y[snapped] };
      if (!isSignificant(task, image, place.x, place.y, apertureRadius)) continue;
      picker.offer(place.x, place.y, near === undefined ? 'gaia' : 'both');
    }
  }
  if (settings.psfstarMode !== 'gaia') fillUp(picker, candidates, isStar);
  return {
    stars: picker.stars,
    seeds: inside.length,
    detected: candidates.detected,
    candidates: candidates.count,
    apertureRadius,
    error: candidates.error,
  };
}

function fillUp(picker: Picker, candidates: Candidates, isStar: (index: number) => boolean): void {
  for (let k = 0; k < candidates.count && !picker.isFull; k++) {
    if (isStar(k)) picker.offer(candidates.x[k], candidates.y[k], 'sep');
  }
}

/** Stars so far; a new one is taken when it keeps its distance. */
class Picker {
  readonly stars: PsfStar[] = [];
  readonly #minSep: number;
  readonly #most: number;

  constructor(minSep: number, most: number) {
    this.#minSep = minSep;
    this.#most = most;
  }

  get isFull(): boolean {
    return this.stars.length >= this.#most;
  }

  offer(x: number, y: number, origin: StarOrigin): void {
    if (this.stars.some((star) => (star.x - x) ** 2 + (star.y - y) ** 2 < this.#minSep ** 2)) return;
    this.stars.push({ id: this.stars.length, x, y, origin });
  }
}

/** clamp(k FWHM, least, largest), and within the cutout. */
function radiusOf({ settings, frame }: CellTask): number {
  if (!(frame.fwhmPx !== undefined && frame.fwhmPx > 0)) return DEFAULT_RADIUS;
  const wanted = settings.gaiaForcedKFwhm * frame.fwhmPx;
  const radius = Math.max(settings.gaiaForcedRminPix, Math.min(settings.gaiaForcedRmaxPix, wanted));
  return Math.min(radius, Math.floor(settings.cutoutSize / 2) - 2);
}

/** A seed on a bad pixel, among bad pixels only, or near one that comes close to saturation makes no PSF. */
function seedIsUsable({ section, bad, settings, frame }: CellTask, image: Float32Array, x: number, y: number): boolean {
  const { width, height } = section;
  const [ix, iy] = [Math.round(x), Math.round(y)];
  if (bad[iy * width + ix] !== 0) return false;
  if (!Number.isFinite(frame.saturation)) return true;
  const reach = settings.gaiaSeedSatR;
  const limit = frame.saturation / settings.gaiaSeedSatDiv;
  for (let j = Math.max(0, iy - reach); j <= Math.min(height - 1, iy + reach); j++) {
    for (let i = Math.max(0, ix - reach); i <= Math.min(width - 1, ix + reach); i++) {
      const k = j * width + i;
      if (bad[k] === 0 && image[k] >= limit) return false;
    }
  }
  return true;
}

function isSignificant(task: CellTask, image: Float32Array, x: number, y: number, radius: number): boolean {
  const { section, bad, frame, settings } = task;
  const sums = sumCircle({ data: image, width: section.width, height: section.height }, [x], [y], radius, {
    err: frame.sigmaSky,
    mask: bad,
  });
  return sums.flag[0] === 0 && sums.flux[0] / sums.err[0] >= settings.gaiaSnrMin;
}
