/** The gate: is an effective PSF good enough for photometry? Asked of stars that it was not made from. */
import type { Epsf } from './epsf.ts';
import {
  addEvidence,
  disagreement,
  E1,
  E2,
  type Estimate,
  MODES,
  type ModeEvidence,
  ModeShapes,
  solveModes,
  starEvidence,
  WIDTH,
  WINGS,
} from './gate-modes.ts';
import { ringSums, type StrayLight, skyRadius, strayLight } from './gate-rings.ts';
import { centroidOffset, fitCutouts } from './gate-stars.ts';
import { judgeCore, type Noise, noiseScale, weighStar } from './judge-stars.ts';
import { epsfFwhm, median, windowOffset } from './quality.ts';
import type { FitStar, StarCutout } from './stars.ts';

/** What is asked. A number fails when it is beyond its limit by more than three times its own error: noise alone does not reject a PSF. */
export interface AcceptLimits {
  /** |matched flux / flux - 1| (default 0.01). The best PSF that 30 stars of S/N 100 can make is good to 0.004. */
  readonly fluxBias: number;
  /** Largest error of the flux bias with which a PSF is accepted (default half of that limit): with more it is `untested`. */
  readonly fluxBiasError: number;
  /** Reduced chi-squared of the median star within a FWHM, with 1 % of the PSF as its own error (default 2): more is a wrong shape. */
  readonly chi2: number;
  /** Ellipticity (a - b) / (a + b) of the stars beyond the PSF's (default 0.03). */
  readonly ellipticity: number;
  /** Light within any radius up to 4 FWHM that the PSF misplaces, as a part of the flux (default 0.01): neighbours and galaxies see the wings. */
  readonly growth: number;
  /** Light at any one place between 1.5 and 4 FWHM that the PSF lacks or invents, as a part of the flux (default 0.01). */
  readonly stray: number;
  /** Centroid of the stars against the PSF's, and of the PSF against the middle of its grid, px (default 0.02): 1 % of a FWHM of 2 px, as
   * astrometry of faint sources needs. */
  readonly centroid: number;
  /** Fewest stars to judge by (default 2). */
  readonly stars: number;
}

export const ACCEPT_LIMITS: AcceptLimits = {
  fluxBias: 0.01,
  fluxBiasError: 0.005,
  chi2: 2,
  ellipticity: 0.03,
  growth: 0.01,
  stray: 0.01,
  centroid: 0.02,
  stars: 2,
};

export type Verdict = 'accepted' | 'rejected' | 'untested';

export interface Acceptance {
  /** `untested`: nothing failed, and the stars cannot tell that nothing is wrong. */
  readonly verdict: Verdict;
  /** One sentence for every number that failed, or for what could not be tested. */
  readonly reasons: readonly string[];
  readonly starsUsed: number;
  /** Flux of a star fitted with this PSF over its flux, less 1, and its error: follows from the width, wings and ellipticity that the stars show. */
  readonly fluxBias: number;
  readonly fluxBiasError: number;
  /** Stars' width over the PSF's, less 1. */
  readonly width: Estimate;
  /** Part of the flux that the stars have in their wings and the PSF in its core. */
  readonly wings: Estimate;
  /** Stars' ellipticity less the PSF's; both have the error of the larger. */
  readonly e1: Estimate;
  readonly e2: Estimate;
  /** Flux within 4 FWHM, sky from beyond, over the fitted one, less 1: bias with the opposite sign, of any origin, with the noise of a large aperture. */
  readonly aperture: Estimate;
  /** Of the median star within a FWHM. */
  readonly coreChi2: number;
  /** Reduced chi-squared of all stars in rings of a pixel: [r, r + 1). */
  readonly chi2Profile: Float64Array;
  /** Growth curve of the stars less the PSF's within r = 1, 2, ... px, and its error. */
  readonly growthDifference: Float64Array;
  readonly growthError: Float64Array;
  readonly stray: StrayLight;
  /** Mean offset of the stars' windowed centroids from the model's, px. */
  readonly centroidX: number;
  readonly centroidY: number;
  readonly centroidError: number;
  /** Windowed centroid of the PSF itself, px off the middle of its grid. */
  readonly ownOffset: number;
  readonly fwhm: number;
  /** What the stars say, to be added to that of other cells. */
  readonly evidence: ModeEvidence | undefined;
  /** Largest ratio of a number to its limit and three times its error, 0 without any: ranks PSFs that the same stars judge. */
  readonly worst: number;
}

/**
 * Fits stars with a PSF and judges it by them. Cutouts that are not stars (a width off by 25 % where others have the PSF's; core chi-squared over
 * three times the median's and over 3; a shape far from that of the others) do not count.
 *
 * @param options.heldOut false: the stars made the PSF. They may reject it, they cannot accept it.
 */
export function acceptEpsf(
  epsf: Epsf,
  cutouts: readonly StarCutout[],
  options: { background?: boolean; heldOut?: boolean; limits?: Partial<AcceptLimits> } = {},
): Acceptance {
  const { background = true, heldOut = true } = options;
  const limits = { ...ACCEPT_LIMITS, ...options.limits };
  const fwhm = Math.max(1, epsfFwhm(epsf));
  const stars = fitCutouts(epsf, cutouts, fwhm, background);
  const noise: Noise = { scale: stars.length > 0 ? noiseScale(stars) : 1, modelError: 0.01 };
  const radius = Math.max(1.5, fwhm);
  for (const star of stars) weighStar(star, noise);
  const shapes = new ModeShapes(epsf, fwhm);
  const told = stars.map((star) => ({ star, part: starEvidence(star, shapes) }));
  const asWide = starsOfWidth(told);
  const chi2s = asWide.map(({ star }) => judgeCore(star, noise, radius).chi2);
  const coreChi2 = median(chi2s);
  const likely = asWide.filter((_, k) => chi2s[k] <= 3 * Math.max(1, coreChi2));
  const { used, parts } = alike(likely);
  const { modes, bias } = solveModes(parts);
  const rings = ringSums(used, noise, fwhm);
  const centroid = centroidOffset(used, fwhm);
  const offset = windowOffset(epsf.coefficients, epsf.side, epsf.oversampling, fwhm);
  const last = used.length === 0 ? 0 : Math.min(rings.difference.length, Math.floor(skyRadius(used[0].size, fwhm)));
  const numbers: Numbers = {
    starsUsed: used.length,
    fluxBias: bias.value,
    fluxBiasError: bias.error,
    width: modes[WIDTH],
    wings: modes[WINGS],
    e1: modes[E1],
    e2: modes[E2],
    aperture: { value: rings.difference[last - 1] ?? Number.NaN, error: rings.error[last - 1] ?? Number.POSITIVE_INFINITY },
    coreChi2,
    chi2Profile: rings.chi2,
    growthDifference: rings.difference,
    growthError: rings.error,
    stray: strayLight(used, noise, fwhm),
    centroidX: centroid.x,
    centroidY: centroid.y,
    centroidError: centroid.error,
    ownOffset: Math.hypot(offset.x, offset.y),
    fwhm,
    evidence: parts.length > 0 ? addEvidence(parts) : undefined,
  };
  const checks = checksOf(numbers, limits, last);
  const worst = checks.reduce((most, { value, error, limit }) => Math.max(most, value / (limit + 3 * error)), 0);
  return { ...decide(numbers, checks, limits, heldOut), ...numbers, worst };
}

type Numbers = Omit<Acceptance, 'verdict' | 'reasons' | 'worst'>;

/** Judges further than this from the PSF's width are galaxies or blends. Seeing changes over a cell by less. */
const FAR_WIDTH = 0.25;

/** A star, and what it says. */
interface ToldStar {
  readonly star: FitStar;
  readonly part: ModeEvidence | undefined;
}

/** Cutouts about as wide as the PSF; all, where none is: then it is the PSF that is wrong. */
function starsOfWidth(stars: readonly ToldStar[]): readonly ToldStar[] {
  const near = stars.filter(({ part }) => {
    if (part === undefined) return false;
    const information = part.information[WIDTH * (MODES + 1)];
    return Math.abs(part.score[WIDTH] / information) <= FAR_WIDTH + 3 / Math.sqrt(information);
  });
  return near.length > 0 ? near : stars;
}

/** A star is not like the others when its answer is this far from theirs: chi-squared of 4 degrees of freedom, 1e-6 by chance. */
const UNLIKE = 33;

/** Stars that agree on the shape, and what each says. At most a third is left out: more is not the stars' fault. */
function alike(stars: readonly ToldStar[]): { used: FitStar[]; parts: ModeEvidence[] } {
  let pairs = stars.flatMap(({ star, part }) => (part === undefined ? [] : [{ star, part }]));
  for (let left = Math.floor(pairs.length / 3); left > 0; left--) {
    const rated = pairs.map((pair, k) => {
      const others = solveModes(pairs.filter((_, n) => n !== k).map(({ part }) => part));
      return { pair, far: disagreement(pair.part, others.modes) };
    });
    const worst = rated.reduce((most, one) => (one.far > most.far ? one : most));
    if (!(worst.far > UNLIKE)) break;
    pairs = pairs.filter((pair) => pair !== worst.pair);
  }
  return { used: pairs.map(({ star }) => star), parts: pairs.map(({ part }) => part) };
}

interface Check {
  /** Size of the number, its error and its limit. */
  readonly value: number;
  readonly error: number;
  readonly limit: number;
  readonly failure: string;
  /** How the limit is written; default percent. */
  readonly show?: (limit: number) => string;
}

const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
const pixels = (value: number) => `${value} px`;

function checksOf(numbers: Numbers, limits: AcceptLimits, rings: number): Check[] {
  const { fluxBias, fluxBiasError, coreChi2, e1, e2, growthDifference, growthError, stray, ownOffset } = numbers;
  const ellipticity = Math.hypot(e1.value, e2.value);
  let ring = 0;
  const excess = (r: number) => Math.abs(growthDifference[r]) - 3 * growthError[r];
  for (let r = 1; r < rings; r++) if (excess(r) > excess(ring)) ring = r;
  const off = Math.hypot(numbers.centroidX, numbers.centroidY);
  const checks: Check[] = [
    {
      value: Math.abs(fluxBias),
      error: fluxBiasError,
      limit: limits.fluxBias,
      failure: `Matched flux is off by ${percent(fluxBias)} +- ${percent(fluxBiasError)}`,
    },
    {
      value: coreChi2,
      error: 0,
      limit: limits.chi2,
      failure: `Reduced chi-squared in the core is ${coreChi2.toPrecision(3)}`,
      show: String,
    },
    {
      value: ellipticity,
      error: Math.max(e1.error, e2.error),
      limit: limits.ellipticity,
      failure: `Ellipticity is off by ${ellipticity.toFixed(3)}`,
      show: String,
    },
    {
      value: Math.abs(growthDifference[ring] ?? Number.NaN),
      error: growthError[ring] ?? Number.NaN,
      limit: limits.growth,
      failure: `${percent(growthDifference[ring])} of the flux is missing within ${ring + 1} px`,
    },
    {
      // Hundreds of places are looked at, so one more sigma.
      value: Math.abs(stray.value),
      error: (4 / 3) * stray.error,
      limit: limits.stray,
      failure: `The stars have ${percent(stray.value)} of their flux more than the PSF at (${stray.dx}, ${stray.dy}) px`,
    },
    {
      value: off,
      error: numbers.centroidError,
      limit: limits.centroid,
      failure: `The centroid of the stars is off by ${off.toFixed(3)} px`,
      show: pixels,
    },
    {
      value: ownOffset,
      error: 0,
      limit: limits.centroid,
      failure: `The PSF lies ${ownOffset.toFixed(3)} px off the middle of its grid`,
      show: pixels,
    },
  ];
  return checks.filter(({ value }) => Number.isFinite(value));
}

function decide(
  { starsUsed, fluxBias, fluxBiasError }: Numbers,
  checks: readonly Check[],
  limits: AcceptLimits,
  heldOut: boolean,
): { verdict: Verdict; reasons: readonly string[] } {
  const untested = (reason: string) => ({ verdict: 'untested', reasons: [reason] }) as const;
  // One star may be a galaxy or a blend, and has no witness.
  const asked = starsUsed < limits.stars ? checks.slice(-1) : checks;
  const failures = asked.filter(({ value, error, limit }) => value > limit + 3 * error);
  if (failures.length > 0) {
    return {
      verdict: 'rejected',
      reasons: failures.map(({ failure, limit, show = percent }) => `${failure}; the limit is ${show(limit)}.`),
    };
  }
  if (starsUsed < limits.stars)
    return untested(`${starsUsed} ${starsUsed === 1 ? 'star judges' : 'stars judge'}, ${limits.stars} are needed.`);
  if (!heldOut) return untested('Only the stars that made the PSF judge it.');
  if (!(fluxBiasError <= limits.fluxBiasError) || Math.abs(fluxBias) > limits.fluxBias) {
    return untested(
      `The flux bias is ${percent(fluxBias)} +- ${percent(fluxBiasError)}: the stars cannot tell whether it is within ${percent(limits.fluxBias)}.`,
    );
  }
  return { verdict: 'accepted', reasons: [] };
}
