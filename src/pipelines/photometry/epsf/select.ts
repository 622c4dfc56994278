/**
 * Which stars make the PSF of a cell. tract7dt: Gaia's in the order of its file, then detections by brightness, none near another. arclet: the same kinds
 * by brightness, those first that have little light of others near them.
 */
import { sumCircle } from '../../../sky/detection/apertures.ts';
import { type Candidates, findCandidates, halfSampleMode, type StarBounds, starBounds, stellar } from './candidates.ts';
import type { CellTask, PsfStar, StarOrigin } from './cell-types.ts';
import { Isolation, type Neighbourhood, type Surroundings } from './isolation.ts';
import { PointGrid } from './point-grid.ts';

export interface Selection {
  readonly stars: readonly PsfStar[];
  /** Gaia stars of the cell. */
  readonly seeds: number;
  readonly detected: number;
  readonly candidates: number;
  /** Radius of the aperture of the S/N test, px. */
  readonly apertureRadius: number;
  /** What cutouts leave out; undefined under profile tract7dt, which leaves nothing out. */
  readonly neighbourhood?: Neighbourhood;
  /** As meta.json has it. */
  readonly isolation?: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

/** Radius of an aperture where the header does not say how wide stars are, px. */
const DEFAULT_RADIUS = 3;

/** Selects stars on a background-subtracted section. */
export function selectStars(task: CellTask, image: Float32Array): Selection {
  const bounds = starBounds(task);
  const candidates = findCandidates(task, image, bounds);
  const seeds = seedsOf(task, bounds);
  const pool = poolOf(task, image, candidates, seeds);
  const facts = {
    seeds: seeds.length,
    detected: candidates.detected,
    candidates: candidates.count,
    apertureRadius: radiusOf(task),
    error: candidates.error,
  };
  const picker = new Picker(task.settings.minSep, task.settings.maxStars);
  if (task.profile === 'tract7dt') {
    for (const star of pool) picker.offer(star, ALONE);
    return { stars: picker.stars, ...facts };
  }
  const fwhmPx = task.frame.fwhmPx ?? (candidates.count > 0 ? halfSampleMode(candidates.width) : DEFAULT_RADIUS);
  const isolation = pickIsolated(task, new Isolation(task, image, candidates, fwhmPx), pool, picker);
  return { stars: picker.stars, ...facts, neighbourhood: { segmentation: candidates.segmentation, fwhmPx }, isolation };
}

const ALONE: Surroundings = { contamination: 0, others: [], extended: false };

/** What may become a star of the PSF. */
interface Eligible {
  readonly x: number;
  readonly y: number;
  readonly origin: StarOrigin;
  readonly flux: number;
}

function seedsOf({ seeds, section }: CellTask, bounds: StarBounds): { x: number; y: number }[] {
  const inside: { x: number; y: number }[] = [];
  for (let k = 0; k < seeds.x.length; k++) {
    const [x, y] = [seeds.x[k] - section.x0, seeds.y[k] - section.y0];
    if (bounds.has(x, y)) inside.push({ x, y });
  }
  return inside;
}

/**
 * Gaia stars in the order of the file, then detections by brightness. arclet drops Gaia stars that lie on a detection which is no candidate (a star that
 * runs into a neighbour), and those that are not as wide as stars.
 */
function poolOf(
  task: CellTask,
  image: Float32Array,
  candidates: Candidates,
  seeds: readonly { x: number; y: number }[],
): Eligible[] {
  const { settings, profile, section } = task;
  const grid = new PointGrid(candidates.x, candidates.y, settings.gaiaMatchRPix);
  const isArclet = profile === 'arclet';
  const listed = seeds.flatMap(({ x, y }) => grid.nearest(x, y) ?? []);
  const isStar = isArclet ? stellar(candidates, listed) : () => true;
  const pool: Eligible[] = [];
  const used = new Set<number>();
  const radius = radiusOf(task);
  for (const seed of settings.psfstarMode === 'sep' ? [] : seeds) {
    if (!seedIsUsable(task, image, seed.x, seed.y)) continue;
    const near = grid.nearest(seed.x, seed.y);
    const snapped = settings.gaiaSnapToSep ? grid.nearest(seed.x, seed.y, (k) => !used.has(k)) : undefined;
    if (isArclet) {
      const at = Math.round(seed.y) * section.width + Math.round(seed.x);
      if (near === undefined ? candidates.segmentation[at] !== 0 : !isStar(snapped ?? near)) continue;
    }
    if (snapped !== undefined) used.add(snapped);
    const { x, y } = snapped === undefined ? seed : { x: candidates.x[snapped], y: candidates.y[snapped] };
    const { flux, significance } = lightOf(task, image, x, y, radius);
    if (significance >= settings.gaiaSnrMin) pool.push({ x, y, origin: near === undefined ? 'gaia' : 'both', flux });
  }
  if (settings.psfstarMode !== 'gaia') {
    for (let k = 0; k < candidates.count; k++) {
      if (isStar(k) && !(isArclet && used.has(k)))
        pool.push({ x: candidates.x[k], y: candidates.y[k], origin: 'sep', flux: candidates.flux[k] });
    }
  }
  return pool;
}

/**
 * Takes stars whose neighbours have little light, Gaia's before others, bright ones first. With fewer of them than are needed to hold some
 * out, the ones with the least light of others around make up for it, and the report says so.
 */
function pickIsolated(
  { settings }: CellTask,
  isolation: Isolation,
  pool: readonly Eligible[],
  picker: Picker,
): Record<string, unknown> {
  const most = settings.maxNeighbourFlux;
  const around = [...pool]
    .sort((one, other) => Number(one.origin === 'sep') - Number(other.origin === 'sep') || other.flux - one.flux)
    .map((star) => ({ star, surroundings: isolation.of(star.x, star.y) }))
    .filter(({ star, surroundings }) => star.origin !== 'sep' || !surroundings.extended);
  for (const { star, surroundings } of around) if (surroundings.contamination <= most) picker.offer(star, surroundings);
  const isolated = picker.stars.length;
  const crowded = around
    .filter(({ surroundings: { contamination } }) => contamination > most && contamination <= CROWDED * most)
    .sort((one, other) => one.surroundings.contamination - other.surroundings.contamination);
  for (const { star, surroundings } of crowded) {
    if (picker.stars.length >= settings.holdoutMinStars) break;
    picker.offer(star, surroundings);
  }
  const taken = picker.stars.length - isolated;
  return {
    max_neighbour_flux: most,
    eligible: pool.length,
    isolated,
    crowded_used: taken,
    galaxies_of_catalogue: pool.length - around.length,
    ...(isolated >= settings.holdoutMinStars
      ? {}
      : {
          note: `${isolated} isolated stars are fewer than ${settings.holdoutMinStars}: ${taken} with more light of neighbours were added`,
        }),
  };
}

/** Stars with more light of others than this many times the limit make no PSF, however few there are. */
const CROWDED = 5;

/** Stars so far; a new one is taken when it keeps its distance and there is room. */
class Picker {
  readonly stars: PsfStar[] = [];
  readonly #minSep: number;
  readonly #most: number;

  constructor(minSep: number, most: number) {
    this.#minSep = minSep;
    this.#most = most;
  }

  offer({ x, y, origin }: Eligible, { contamination, others }: Surroundings): void {
    if (this.stars.length >= this.#most) return;
    if (this.stars.some((star) => (star.x - x) ** 2 + (star.y - y) ** 2 < this.#minSep ** 2)) return;
    this.stars.push({ id: this.stars.length, x, y, origin, contamination, others });
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

/** Sum of an aperture, and over its noise; -Infinity where it is cut off or has bad pixels. */
function lightOf(
  { section, bad, frame }: CellTask,
  image: Float32Array,
  x: number,
  y: number,
  radius: number,
): { flux: number; significance: number } {
  const sums = sumCircle({ data: image, width: section.width, height: section.height }, [x], [y], radius, {
    err: frame.sigmaSky,
    mask: bad,
  });
  return { flux: sums.flux[0], significance: sums.flag[0] === 0 ? sums.flux[0] / sums.err[0] : Number.NEGATIVE_INFINITY };
}
