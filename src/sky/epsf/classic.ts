/**
 * The effective PSF builder of Anderson & King (2000, PASP 112, 1360) as photutils 1.6 has it (EPSFBuilder; BSD-3-Clause, Copyright (c) 2011-2022,
 * Photutils Developers), its habits included, for results that can be compared with pipelines that used it:
 * a star's pixels are divided for good by the sum of its cutout, every pixel weighs the same, the grid is smoothed by a kernel made for four nodes
 * per pixel whatever the oversampling, and the PSF has unit flux within 5.5 px of half a node off its middle. docs/epsf.md says what that costs.
 */
import { ArcletError } from '../../core/errors.ts';
import { sumCircle } from '../detection/apertures.ts';
import type { Epsf } from './epsf.ts';
import { fillMissing } from './fill.ts';
import { solveSymmetric } from './linear.ts';
import { recentre } from './recentre.ts';
import { notAKnotCoefficients, StampSampler, splineCoefficients } from './spline.ts';
import type { StarCutout } from './stars.ts';

export interface ClassicOptions {
  /** Nodes per pixel (default 1). */
  readonly oversampling?: number;
  /** Most rounds (default 30). */
  readonly maxIterations?: number;
  /** Clipping of the residuals at a node, sigma (default 5; Infinity: none) and rounds of it (default 5). */
  readonly clipSigma?: number;
  readonly clipIterations?: number;
  /** Box of the centroid, odd, in nodes (default 9), and most rounds of recentring (default 30). */
  readonly recenteringBox?: number;
  readonly recenteringIterations?: number;
  /** Radius of unit flux, px (default 5.5). */
  readonly normRadius?: number;
  /** 5 x 5 smoothing of every round: 'quartic' (default) or none. */
  readonly smoothing?: 'quartic' | 'none';
  /** Ready when no centre moves further, px (default 1e-3). */
  readonly accuracy?: number;
}

export interface ClassicStar {
  readonly x: number;
  readonly y: number;
  readonly flux: number;
  /** The last fit failed. */
  readonly failed: boolean;
}

export interface ClassicBuild {
  readonly epsf: Epsf;
  readonly stars: readonly ClassicStar[];
  readonly iterations: number;
  readonly converged: boolean;
}

interface Working {
  readonly size: number;
  readonly data: Float64Array;
  readonly good: Uint8Array;
  /** Sum of the cutout: what its pixels are divided by. */
  readonly sum: number;
  x: number;
  y: number;
  flux: number;
  failed: boolean;
  excluded: boolean;
}

/** Side of the box in which a star is fitted, px. */
const FIT_BOX = 5;
/** A quartic polynomial fitted to a unit node in 5 x 5. */
const QUARTIC = [
  [0.041632, -0.080816, 0.078368, -0.080816, 0.041632],
  [-0.080816, -0.019592, 0.200816, -0.019592, -0.080816],
  [0.078368, 0.200816, 0.441632, 0.200816, 0.078368],
  [-0.080816, -0.019592, 0.200816, -0.019592, -0.080816],
  [0.041632, -0.080816, 0.078368, -0.080816, 0.041632],
];

/** Throws INPUT_INVALID without stars, when none can be fitted, or for a cutout without light. */
export function classicEpsf(cutouts: readonly StarCutout[], options: ClassicOptions = {}): ClassicBuild {
  const { oversampling = 1, maxIterations = 30, accuracy = 1e-3 } = options;
  const stars = cutouts.map(open).filter((star) => star !== undefined);
  if (stars.length === 0) throw failure(`None of ${cutouts.length} cutouts has light to normalise by.`);
  const size = Math.max(...stars.map((star) => star.size));
  const nodes = size * oversampling + 1;
  const side = nodes % 2 === 0 ? nodes + 1 : nodes;
  const sampler = new StampSampler(side + 2, oversampling);
  let values: Float64Array = new Float64Array(side * side);
  let coefficients: Float64Array = new Float64Array((side + 2) ** 2);
  let iterations = 0;
  let moved = Number.POSITIVE_INFINITY;
  while (iterations < maxIterations && moved >= accuracy && stars.some((star) => !star.failed)) {
    iterations++;
    const residual = stackResiduals(stars, coefficients, side, sampler, options);
    fillMissing(residual, side);
    for (let k = 0; k < values.length; k++) values[k] += residual[k];
    if ((options.smoothing ?? 'quartic') === 'quartic') values = smooth(values, side);
    // The first model has its origin at half the cutout, later ones at the middle node.
    const origin = iterations === 1 ? size / 2 : (side - 1) / 2 / oversampling;
    values = recentre(values, side, oversampling, origin, options.recenteringBox ?? 9, options.recenteringIterations ?? 30);
    const radius = (options.normRadius ?? 5.5) * oversampling;
    const circle = sumCircle({ data: values, width: side, height: side }, [side / 2], [side / 2], radius, { subpix: 0 });
    const norm = circle.flux[0] / oversampling ** 2;
    if (!(Math.abs(norm) > 0) || !Number.isFinite(norm)) throw failure('The stars hold no light: the PSF cannot be normalised.');
    for (let k = 0; k < values.length; k++) values[k] /= norm;
    coefficients = notAKnotCoefficients(values, side);
    moved = 0;
    for (const star of stars) {
      const from = { x: star.x, y: star.y };
      star.failed = !fitBox(star, coefficients, sampler);
      if (!star.failed) moved = Math.max(moved, Math.hypot(star.x - from.x, star.y - from.y));
      else if (iterations > 3) star.excluded = true;
    }
    if (stars.every((star) => star.failed)) throw failure(`The PSF fits none of ${stars.length} stars.`);
  }
  return {
    epsf: { side, oversampling, coefficients: splineCoefficients(values, side), stampSize: size, fluxOutside: Number.NaN },
    stars: stars.map(({ x, y, flux, failed }) => ({ x, y, flux, failed })),
    iterations,
    converged: moved < accuracy,
  };
}

function failure(message: string): ArcletError {
  return new ArcletError('INPUT_INVALID', message, {
    subject: 'stars',
    remedy: 'Give stars with positive flux, each at least 3 px inside its cutout.',
  });
}

function open(cutout: StarCutout): Working | undefined {
  const { size } = cutout;
  const data = Float64Array.from({ length: size * size }, (_, k) => cutout.data[k]);
  const good = new Uint8Array(size * size);
  for (let k = 0; k < data.length; k++) {
    good[k] = cutout.weight[k] > 0 && Number.isFinite(data[k]) ? 1 : 0;
    if (good[k] === 0) data[k] = Number.NaN;
  }
  const whole = data.slice();
  if (good.includes(0)) fillMissing(whole, size);
  const sum = whole.reduce((total, value) => total + value, 0);
  if (!(Math.abs(sum) > 0) || !good.includes(1) || !Number.isFinite(cutout.x) || !Number.isFinite(cutout.y)) return undefined;
  return { size, data, good, sum, x: cutout.x, y: cutout.y, flux: sum, failed: false, excluded: false };
}

/** Round half away from zero. */
const nearest = (value: number) => (value >= 0 ? Math.floor(value + 0.5) : Math.ceil(value - 0.5));

/** Clipped median over the stars of what the PSF leaves, each pixel at its nearest node; NaN where no pixel fell. */
function stackResiduals(
  stars: readonly Working[],
  coefficients: Float64Array,
  side: number,
  sampler: StampSampler,
  options: ClassicOptions,
): Float64Array {
  const { oversampling = 1, clipSigma = 5, clipIterations = 5 } = options;
  const used = stars.filter((star) => !star.excluded);
  const values = new Float64Array(side * side * used.length);
  const counts = new Int32Array(side * side);
  const middle = (side - 1) / 2;
  for (const star of used) {
    const model = new Float64Array(star.size * star.size);
    sampler.sample(coefficients, star.x, star.y, star.size, star.size, model);
    for (let j = 0; j < star.size; j++) {
      const row = nearest(oversampling * (j - star.y) + middle);
      for (let i = 0; i < star.size; i++) {
        const k = j * star.size + i;
        const column = nearest(oversampling * (i - star.x) + middle);
        if (star.good[k] === 0 || row < 0 || row >= side || column < 0 || column >= side) continue;
        const node = row * side + column;
        const offX = Math.abs(oversampling * (i - star.x));
        const offY = Math.abs(oversampling * (j - star.y));
        // The model is 0 off its grid, and the spline is not.
        values[node * used.length + counts[node]++] = star.data[k] / star.sum - (Math.max(offX, offY) > middle ? 0 : model[k]);
      }
    }
  }
  const out = new Float64Array(side * side);
  for (let node = 0; node < out.length; node++) {
    out[node] = clippedMedian(
      values.subarray(node * used.length, node * used.length + counts[node]).sort(),
      clipSigma,
      clipIterations,
    );
  }
  return out;
}

/** Median of sorted values after rounds of clipping about the median by the standard deviation; NaN of none. */
function clippedMedian(sorted: Float64Array, sigma: number, rounds: number): number {
  let kept = sorted;
  const median = () => (kept[(kept.length - 1) >> 1] + kept[kept.length >> 1]) / 2;
  if (kept.length === 0) return Number.NaN;
  for (let round = 0; round < rounds && Number.isFinite(sigma); round++) {
    let mean = 0;
    for (const value of kept) mean += value / kept.length;
    let squares = 0;
    for (const value of kept) squares += (value - mean) ** 2;
    const reach = sigma * Math.sqrt(squares / kept.length);
    const centre = median();
    let first = 0;
    let last = kept.length;
    while (first < last && kept[first] < centre - reach) first++;
    while (last > first && kept[last - 1] > centre + reach) last--;
    if (first === 0 && last === kept.length) break;
    kept = kept.subarray(first, last);
  }
  return median();
}

/** Convolution with {@link QUARTIC}, the edges mirrored about the outer side of the last node. */
function smooth(values: Float64Array, side: number): Float64Array {
  const mirror = (k: number) => (k < 0 ? -1 - k : k >= side ? 2 * side - 1 - k : k);
  const out = new Float64Array(values.length);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let sum = 0;
      for (let b = 0; b < 5; b++) {
        const row = mirror(y + b - 2) * side;
        for (let a = 0; a < 5; a++) sum += QUARTIC[b][a] * values[row + mirror(x + a - 2)];
      }
      out[y * side + x] = sum;
    }
  }
  return out;
}

/** Levenberg-Marquardt of (flux, x, y) in the box about the star, all good pixels alike; false when the box leaves the cutout or nothing converges. */
function fitBox(star: Working, coefficients: Float64Array, sampler: StampSampler): boolean {
  const left = Math.ceil(star.x - FIT_BOX / 2);
  const low = Math.ceil(star.y - FIT_BOX / 2);
  if (left < 0 || low < 0 || left + FIT_BOX > star.size || low + FIT_BOX > star.size) return false;
  const count = FIT_BOX * FIT_BOX;
  const model = new Float64Array(count);
  const byX = new Float64Array(count);
  const byY = new Float64Array(count);
  let p = [star.flux, star.x, star.y];
  const squares = (at: readonly number[]) => {
    sampler.sample(coefficients, at[1] - left, at[2] - low, FIT_BOX, FIT_BOX, model, byX, byY);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const pixel = (low + Math.floor(k / FIT_BOX)) * star.size + left + (k % FIT_BOX);
      if (star.good[pixel] === 1) sum += (star.data[pixel] - at[0] * model[k]) ** 2;
    }
    return sum;
  };
  let least = squares(p);
  let damping = 1e-3;
  for (let round = 0; round < 100; round++) {
    squares(p);
    const matrix = new Float64Array(9);
    const right = new Float64Array(3);
    for (let k = 0; k < count; k++) {
      const pixel = (low + Math.floor(k / FIT_BOX)) * star.size + left + (k % FIT_BOX);
      if (star.good[pixel] === 0) continue;
      const columns = [model[k], p[0] * byX[k], p[0] * byY[k]];
      const residual = star.data[pixel] - p[0] * model[k];
      for (let a = 0; a < 3; a++) {
        right[a] += columns[a] * residual;
        for (let b = 0; b < 3; b++) matrix[a * 3 + b] += columns[a] * columns[b];
      }
    }
    for (let a = 0; a < 3; a++) matrix[a * 4] *= 1 + damping;
    if (!solveSymmetric(matrix, right, 3)) return false;
    const next = p.map((value, a) => value + right[a]);
    const sum = squares(next);
    const gain = (least - sum) / least;
    if (sum <= least) {
      p = next;
      least = sum;
      damping /= 10;
    } else damping *= 10;
    const still = Math.abs(right[0]) <= 1e-9 * Math.abs(p[0]) && Math.hypot(right[1], right[2]) < 1e-8;
    // The flat minimum of a saturated star is reached when no step, or a step of any length, is better any more.
    if (still || (gain >= 0 && gain < 1e-10) || damping > 1e12) {
      [star.flux, star.x, star.y] = p;
      return p.every(Number.isFinite);
    }
  }
  return false;
}
