/** What resampling a frame will look like, from the two grids alone: how large output pixels are in source pixels, and the sizes that follow. */
import { type Conserve, type Interpolation, MAX_WINDOW, tapsOf } from '../../../../kernels/resample-lanczos/options.ts';
import { noiseUnderestimate } from '../../../../kernels/resample-lanczos/weights.ts';
import { ArcletError } from '../../../core/errors.ts';
import type { Wcs } from '../../../sky/wcs/index.ts';
import { latticePositions } from './mapping.ts';

/** A pixel grid on the sky. */
export interface Grid {
  readonly wcs: Wcs;
  readonly width: number;
  readonly height: number;
}

export interface ResampleOptions {
  /** Default lanczos3. */
  readonly interpolation?: Interpolation;
  /** Default flux: pixels are counts per pixel. */
  readonly conserve?: Conserve;
  /** Least sum of the weights of good pixels under the kernel, above 0, up to 1; default 0.5. */
  readonly minGoodWeight?: number;
  /** Width of the kernel in units of its usual one; default the side of an output pixel in source pixels where that is above 1.25, else 1. */
  readonly stretch?: number;
  /** Largest error of a position, source px; default 0.001. */
  readonly maxPositionErrorPx?: number;
  /** For the bands and windows in hand; default 256 MiB. */
  readonly memoryBudgetBytes?: number;
  readonly signal?: AbortSignal;
}

export interface ResamplePlan {
  readonly interpolation: Interpolation;
  readonly conserve: Conserve;
  readonly minGoodWeight: number;
  readonly maxPositionErrorPx: number;
  readonly stretch: number;
  /** Side of the tiles, output px. */
  readonly tile: number;
  /** Rows of a band, a multiple of `tile`. */
  readonly bandRows: number;
  /** Largest box that is read at once, px. */
  readonly boxPixels: number;
  /** Median area of an output pixel, source px. */
  readonly areaRatio: number;
  /** How many times larger the noise of sums over many pixels is than invvar says: neighbours are correlated, covariance is not kept. */
  readonly noiseUnderestimate: number;
  /** One sentence each: worth showing to a person. */
  readonly notes: readonly string[];
}

const TILES = [64, 32, 16];
/** Windows up to this side keep to caches. */
const WIDE_WINDOW = 256;
/** Below this an output pixel counts as one of the source's size: plain kernels are sharper, and what they alias is little. */
const SAME_SIZE = 1.25;
const MAX_STRETCH = 8;
const MAX_BAND_ROWS = 512;
/** Places along each axis of the source where the map is looked at. */
const PLACES = 5;

/** What two frames that are nearly one differ by. Throws INPUT_INVALID for frames of the sky that differ. */
export function requireSameFrame(source: Wcs, target: Wcs): string[] {
  const [a, b] = [source.celestial?.frame, target.celestial?.frame];
  if (a === undefined || b === undefined) {
    throw new ArcletError('INPUT_INVALID', `The ${a === undefined ? 'source' : 'target'} has no celestial axes.`, {
      remedy: 'Give images with a sky projection in their headers.',
    });
  }
  if (a.system === b.system && a.radesys === b.radesys && a.equinox === b.equinox) return [];
  const say = ({ system, radesys, equinox }: typeof a): string =>
    [system, radesys, equinox].filter((part) => part !== undefined).join(' ');
  const isJ2000 = ({ system, radesys, equinox }: typeof a): boolean =>
    system === b.system && (radesys === 'ICRS' || (radesys === 'FK5' && (equinox ?? 2000) === 2000));
  if (isJ2000(a) && isJ2000(b)) return [`${say(a)} is taken for ${say(b)}: they differ by 0.03 arcsec at most.`];
  throw new ArcletError('INPUT_INVALID', `The source is in ${say(a)} coordinates, the target in ${say(b)}.`, {
    remedy: 'Give a target in the coordinates of the source.',
    data: { source: a, target: b },
  });
}

interface Scale {
  /** Median area of an output pixel, source px. */
  readonly area: number;
  /** Longest side of the box around an output pixel's four corners, source px. */
  readonly extent: number;
}

/** The map's derivatives at places of the source that lie on the target's projection, by steps of one source pixel. */
function measureScale(source: Grid, target: Grid): Scale {
  const areas: number[] = [];
  let extent = 0;
  const stepX = (source.width - 1) / (PLACES - 1);
  const stepY = (source.height - 1) / (PLACES - 1);
  for (let place = 0; place < PLACES * PLACES; place++) {
    const [x, y] = [stepX * (place % PLACES), stepY * Math.floor(place / PLACES)];
    const at = latticePositions(target.wcs, source.wcs, x - 0.5, y - 0.5, 1, 2, 2);
    const [a, c] = [at.x[1] - at.x[0], at.y[1] - at.y[0]];
    const [b, d] = [at.x[2] - at.x[0], at.y[2] - at.y[0]];
    const area = 1 / Math.abs(a * d - b * c);
    if (!(Number.isFinite(area) && area > 0)) continue;
    areas.push(area);
    extent = Math.max(extent, area * (Math.abs(d) + Math.abs(b)), area * (Math.abs(a) + Math.abs(c)));
  }
  if (areas.length === 0) {
    throw new ArcletError(
      'INPUT_INVALID',
      `No part of the ${source.width} x ${source.height} px source lies on the target's projection.`,
      {
        remedy: 'Check that both headers speak of one part of the sky.',
      },
    );
  }
  return { area: areas.sort((p, q) => p - q)[Math.floor(areas.length / 2)], extent };
}

function requireSizes(source: Grid, target: Grid, { minGoodWeight, stretch, maxPositionErrorPx }: ResampleOptions): void {
  const wrong = (what: string, value: unknown, wanted: string): ArcletError =>
    new ArcletError('USAGE', `${what} is ${value}, needs ${wanted}.`, { subject: what });
  for (const [name, { width, height }] of [
    ['source', source],
    ['target', target],
  ] as const) {
    if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
      throw wrong(`shape of the ${name}`, `${width} x ${height}`, 'whole numbers of pixels above 0');
    }
  }
  if (minGoodWeight !== undefined && !(minGoodWeight > 0 && minGoodWeight <= 1))
    throw wrong('min_good_weight', minGoodWeight, 'to be above 0, up to 1');
  if (stretch !== undefined && !(stretch >= 1 && stretch <= MAX_STRETCH))
    throw wrong('stretch', stretch, `to be 1 to ${MAX_STRETCH}`);
  if (maxPositionErrorPx !== undefined && !(maxPositionErrorPx > 0))
    throw wrong('max_position_error_px', maxPositionErrorPx, 'to be above 0');
}

/**
 * Plans the resampling of `source` to `target`. Throws INPUT_INVALID (frames of the sky that differ, nothing in common, output pixels too large),
 * USAGE (an option outside its range).
 */
export function planResampling(source: Grid, target: Grid, options: ResampleOptions = {}): ResamplePlan {
  requireSizes(source, target, options);
  const notes = requireSameFrame(source.wcs, target.wcs);
  const { interpolation = 'lanczos3', conserve = 'flux', minGoodWeight = 0.5, maxPositionErrorPx = 1e-3 } = options;
  const { area, extent } = measureScale(source, target);
  const scale = Math.sqrt(area);
  const stretch = interpolation === 'nearest' ? 1 : (options.stretch ?? (scale > SAME_SIZE ? scale : 1));
  const taps = tapsOf({ interpolation, stretch: Math.min(stretch, MAX_STRETCH) });
  const windowFor = (tile: number): number => Math.ceil(1.05 * tile * extent) + taps + 2;
  const tile = TILES.find((side) => windowFor(side) <= WIDE_WINDOW) ?? TILES[TILES.length - 1];
  if (stretch > MAX_STRETCH || windowFor(tile) > MAX_WINDOW) {
    throw new ArcletError(
      'INPUT_INVALID',
      `An output pixel is ${scale.toPrecision(3)} source pixels wide, more than ${MAX_STRETCH}.`,
      {
        remedy: 'Bin the source first, or choose a finer target.',
        data: { areaRatio: area },
      },
    );
  }
  // Two bands are in hand, one being read and one computed: per output pixel its results twice (tiles and rows) and its share of the windows.
  const budget = options.memoryBudgetBytes ?? 256 * 2 ** 20;
  const bytesPerPixel = 2 * 21 + 2 * 8 * (windowFor(tile) / tile) ** 2;
  const rows = Math.floor((0.75 * budget) / (bytesPerPixel * Math.ceil(target.width / tile) * tile * tile));
  return {
    interpolation,
    conserve,
    minGoodWeight,
    maxPositionErrorPx,
    stretch,
    tile,
    bandRows: tile * Math.max(1, Math.min(rows, MAX_BAND_ROWS / tile)),
    boxPixels: Math.floor((0.25 * budget) / 9),
    areaRatio: area,
    noiseUnderestimate: noiseUnderestimate({ interpolation, stretch }, area),
    notes,
  };
}
