/**
 * An effective PSF from stars by penalised least squares (after Anderson & King 2000, PASP 112, 1360; Bertin 2011, ASP Conf. 442, 435).
 *
 * Each star is flux * E(dx, dy) + background. E is an elliptical Moffat that all stars share plus a spline grid for what it misses; the grid's
 * smoothness is set by generalised cross-validation (deviation.ts). Grid and stars are refitted in turn until nothing moves.
 */
import { takeOutNeighbours } from './contaminants.ts';
import { DeviationGrid } from './deviation.ts';
import type { Epsf } from './epsf.ts';
import { clipStar, type Noise, noiseScale, weighStar } from './judge-stars.ts';
import { windowOffset } from './quality.ts';
import { rejectStars } from './reject-stars.ts';
import { firstLook, noStars, usable } from './select-stars.ts';
import { StampSampler, splineCoefficients } from './spline.ts';
import { fitStar, placeModel } from './star-fit.ts';
import { otherWidths, type WidthEstimate } from './star-widths.ts';
import { type FitStar, openStar, type StarCutout } from './stars.ts';
import { fitTemplate, fitWing, type Template, templateSamples } from './template.ts';

export interface EpsfBuildOptions {
  /** Nodes per pixel, 1 to 4; by default the fewest that hold the PSF ({@link defaultOversampling}). */
  readonly oversampling?: 1 | 2 | 3 | 4;
  /** First guess of the FWHM in px; measured when absent. */
  readonly fwhm?: number;
  /** Fit a constant background per star (default true). */
  readonly background?: boolean;
  /** Error of the PSF itself as a part of its value (default 0.01). */
  readonly modelError?: number;
  /** Pixels further off than this many sigma do not count (default 5). */
  readonly clipSigma?: number;
  /** A star counts while the reduced chi-squared of its core is at most this many times the median star's, or this itself (default 3). */
  readonly rejectChi2?: number;
  /** ... its core holds the fitted flux to this part, or 5 sigma (default 0.05). */
  readonly rejectFlux?: number;
  /** ... and its centre is within this many px of the guess (default 1.5). */
  readonly rejectShift?: number;
  /** Most rounds (default 8). */
  readonly rounds?: number;
  /** Ready when no centre moved further than this, px (default 1e-3), and no node of the PSF by more than this part of the peak. */
  readonly accuracy?: number;
}

/** What became of one star. */
export interface StarResult {
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly flux: number;
  readonly fluxError: number;
  readonly background: number;
  readonly coreChi2: number;
  readonly clippedPixels: number;
  readonly rejected?: string;
}

export interface EpsfBuild {
  readonly epsf: Epsf;
  readonly template: Template;
  readonly stars: readonly StarResult[];
  readonly starsUsed: number;
  readonly rounds: number;
  readonly converged: boolean;
  /** Of the last round: the furthest move of a centre, px, and the largest change of the PSF over its peak. */
  readonly lastMove: number;
  readonly lastChange: number;
  /** Strength of the penalty, and how many of the grid's unknowns the data decided. */
  readonly strength: number;
  readonly effectiveUnknowns: number;
  /** Factor found on the given variances. */
  readonly noiseScale: number;
}

/** The fewest nodes per pixel that hold a PSF of this FWHM (px) to 2e-3 of its peak: docs/epsf.md has the table. */
export function defaultOversampling(fwhm: number): 1 | 2 | 3 | 4 {
  return fwhm >= 4.5 ? 1 : fwhm >= 1.9 ? 2 : fwhm >= 1.2 ? 3 : 4;
}

/** Rounds in which the strength of the penalty is chosen; then it stays, so that the rest converges. */
const STRENGTH_ROUNDS = 2;
/** A star found out only by the grid has bent the template: that is fitted again without it, this often at most. */
const MOST_RESTARTS = 4;
/** So many stars without neighbours decide alone whether there is a wing. */
const LEAST_ALONE = 4;
/** Most fits of the template, each without what the one before it found out. */
const MOST_PASSES = 10;
/** Error of the template as a part of its value, for weights. */
const TEMPLATE_ERROR = 0.05;
/** Scatter of the PSF's width within a cell, as a part of it; and the fewest stars whose widths are compared. */
const WIDTH_SCATTER = 0.025;
const LEAST_WIDTHS = 3;

/**
 * Builds an effective PSF. Bad pixels (weight 0) do not count; neighbours are clipped pixel by pixel; blends, galaxies and saturated stars are
 * rejected as stars, each with its reason. One usable star is enough to build, and `starsUsed` says so: whether the result is good is for
 * acceptEpsf to say, on other stars.
 *
 * Throws INPUT_INVALID when no star can be used.
 */
export function buildEpsf(cutouts: readonly StarCutout[], options: EpsfBuildOptions = {}): EpsfBuild {
  const stars = cutouts.map((cutout, k) => openStar(cutout, k, options.background ?? true));
  const fwhm = firstLook(stars, options.fwhm);
  const builder = new Builder(stars, fwhm, options);
  for (let restart = 0; ; restart++) {
    builder.fitTemplate();
    const build = builder.refine(restart < MOST_RESTARTS);
    if (build !== undefined) return build;
  }
}

class Builder {
  readonly stars: readonly FitStar[];
  readonly options: EpsfBuildOptions;
  readonly background: boolean;
  readonly noise: Noise;
  readonly first: number;
  template!: Template;

  constructor(stars: readonly FitStar[], fwhm: number, options: EpsfBuildOptions) {
    this.stars = stars;
    this.first = fwhm;
    this.options = options;
    this.background = options.background ?? true;
    this.noise = { scale: 1, modelError: options.modelError ?? 0.01 };
  }

  clip(star: FitStar, modelError: number): void {
    const noise = { scale: this.noise.scale, modelError: Math.max(modelError, this.noise.modelError) };
    clipStar(star, noise, this.options.clipSigma ?? 5);
  }

  /** Template and stars together; what is no star, and stars' neighbours, are left out and the rest fitted again. */
  fitTemplate(): void {
    const oversampling = Math.max(2, this.options.oversampling ?? defaultOversampling(this.first));
    for (let pass = 0; pass < MOST_PASSES; pass++) {
      const stars = usable(this.stars);
      if (stars.length === 0) throw noStars(this.stars);
      const { template, widths } = fitTemplate(
        {
          stars,
          oversampling,
          background: this.background,
          // The template is wrong by tens of per cent at first: only what is far off (neighbours, cosmic rays) is clipped.
          weigh: (star) => this.weighForTemplate(star, pass === 0 ? 0.3 : 0.1),
        },
        this.template?.fwhm ?? this.first,
        this.template,
      );
      this.template = template;
      const before = this.noise.scale;
      this.noise.scale = noiseScale(stars);
      // First galaxies, which bend the template; then neighbours, seen with a template of about the right width; then the stars' cores.
      if (this.rejectWidths(stars, widths, Math.sqrt(this.noise.scale / before))) continue;
      const noise = { scale: this.noise.scale, modelError: TEMPLATE_ERROR };
      if (takeOutNeighbours(stars, noise, template.fwhm)) continue;
      if (!this.judge(0.1)) break;
    }
    // What is left of neighbours that were masked, all around in many stars, would be a wing.
    const alone = usable(this.stars).filter((star) => !star.masked.includes(1));
    this.template = fitWing(
      {
        stars: alone.length >= LEAST_ALONE ? alone : usable(this.stars),
        oversampling,
        background: this.background,
        weigh: (star) => this.weighForTemplate(star, 0.1),
      },
      this.template,
    );
  }

  /** Rejects the stars whose widths are not the point sources'; true if any. `scale`: factor on the errors. */
  rejectWidths(stars: readonly FitStar[], widths: readonly WidthEstimate[], scale: number): boolean {
    if (stars.length < LEAST_WIDTHS) return false;
    const scaled = widths.map(({ value, error }) => ({ value, error: scale * error }));
    const others = otherWidths(scaled, WIDTH_SCATTER);
    stars.forEach((star, k) => {
      if (others[k]) star.rejected = `width ${(this.template.fwhm * Math.exp(scaled[k].value)).toFixed(1)} px`;
    });
    return others.includes(true);
  }

  weighForTemplate(star: FitStar, clipError: number): void {
    this.clip(star, clipError);
    weighStar(star, { scale: this.noise.scale, modelError: TEMPLATE_ERROR });
  }

  /** Rejects stars by their cores; true if any was rejected. `modelError`: how wrong the present PSF may be. */
  judge(modelError: number): boolean {
    const { rejectChi2 = 3, rejectFlux = 0.05, rejectShift = 1.5 } = this.options;
    const noise = { scale: this.noise.scale, modelError: Math.max(modelError, this.noise.modelError) };
    const limits = { chi2: rejectChi2, flux: rejectFlux, shift: rejectShift };
    const changed = rejectStars(usable(this.stars), limits, noise, this.template.fwhm);
    if (usable(this.stars).length === 0) throw noStars(this.stars);
    return changed;
  }

  /** Grid and stars in turn. Undefined, where `mayRestart`, when a star was rejected on the way. */
  refine(mayRestart: boolean): EpsfBuild | undefined {
    const { rounds = 8, accuracy = 1e-3 } = this.options;
    const oversampling = this.options.oversampling ?? defaultOversampling(this.template.fwhm);
    const size = Math.max(...this.stars.map((star) => star.size));
    // Two pixels beyond the stamp: a star may be that far off its middle.
    const side = 2 * oversampling * (Math.ceil(size / 2) + 2) + 1;
    const sampler = new StampSampler(side, oversampling);
    let base = splineCoefficients(templateSamples(this.template, side, oversampling), side);
    const peak = base[(base.length - 1) / 2];
    const grid = new DeviationGrid(base, side, oversampling, this.template, usable(this.stars), this.noise);
    let coefficients = base;
    let lastMove = Number.POSITIVE_INFINITY;
    let lastChange = Number.POSITIVE_INFINITY;
    let round = 0;
    for (const star of this.stars) placeModel(star, base, sampler);
    while (round < rounds && (lastMove > accuracy || lastChange > accuracy)) {
      round++;
      const modelError = round === 1 ? 0.1 : round === 2 ? 0.03 : 0;
      for (const star of usable(this.stars)) {
        this.clip(star, modelError);
        weighStar(star, this.noise);
        sampler.sample(base, star.x, star.y, star.size, star.size, star.model);
      }
      const next = grid.solve(usable(this.stars), base, round <= STRENGTH_ROUNDS);
      const gain = sampler.stampSum(next, size) / sampler.stampSum(base, size);
      lastChange = 0;
      for (let k = 0; k < next.length; k++) {
        // Fluxes and PSF could swap a factor for ever: the PSF's sum stays the template's.
        next[k] /= gain;
        lastChange = Math.max(lastChange, Math.abs(next[k] - coefficients[k]) / peak);
      }
      for (const star of this.stars) star.flux *= gain;
      coefficients = next;
      const before = this.stars.map(({ x, y }) => ({ x, y }));
      this.refit(coefficients, sampler);
      if (round === 1) this.noise.scale = noiseScale(usable(this.stars));
      if (round < rounds && this.judge(round === 1 ? 0.05 : this.noise.modelError)) {
        if (mayRestart) return undefined;
        lastChange = Number.POSITIVE_INFINITY;
      }
      // The PSF may wander off its middle with all stars in its wake; how far the stars moved is what is left when it is put back.
      const offset = windowOffset(coefficients, side, oversampling, this.template.fwhm);
      lastMove = Math.max(
        ...usable(this.stars).map((star) => {
          const from = before[star.index];
          return Math.hypot(star.x + offset.x - from.x, star.y + offset.y - from.y);
        }),
      );
      if (round < rounds && (lastMove > accuracy || lastChange > accuracy)) {
        this.template = { ...this.template, x: this.template.x - offset.x, y: this.template.y - offset.y };
        base = splineCoefficients(templateSamples(this.template, side, oversampling), side);
        for (const star of this.stars) {
          star.x += offset.x;
          star.y += offset.y;
        }
      }
    }
    const sum = sampler.stampSum(coefficients, size);
    for (const star of this.stars) star.flux *= sum;
    return this.result(
      { side, oversampling, coefficients: coefficients.map((value) => value / sum), stampSize: size, fluxOutside: 1 / sum - 1 },
      { rounds: round, converged: lastMove <= accuracy && lastChange <= accuracy, lastMove, lastChange, ...grid.report },
    );
  }

  refit(coefficients: Float64Array, sampler: StampSampler): void {
    for (const star of usable(this.stars)) {
      const moved = fitStar(star, coefficients, sampler, { background: this.background, iterations: 3 });
      if (Number.isNaN(moved)) star.rejected = 'no fit';
    }
    if (usable(this.stars).length === 0) throw noStars(this.stars);
  }

  result(epsf: Epsf, end: Omit<EpsfBuild, 'epsf' | 'template' | 'stars' | 'starsUsed' | 'noiseScale'>): EpsfBuild {
    return {
      epsf,
      template: this.template,
      stars: this.stars.map((star) => ({
        index: star.index,
        x: star.x,
        y: star.y,
        flux: star.flux,
        fluxError: star.fluxError,
        background: star.background,
        coreChi2: star.coreChi2,
        clippedPixels: star.clipped.reduce((sum, one) => sum + one, 0),
        rejected: star.rejected,
      })),
      starsUsed: usable(this.stars).length,
      noiseScale: this.noise.scale,
      ...end,
    };
  }
}
