/** From cutouts to a PSF: which stars make it and which judge it, the builder of the profile, the gate. */
import { isArcletError } from '../../../core/errors.ts';
import { acceptEpsf, buildEpsf, classicEpsf, type Epsf, epsfStamp, type StarCutout } from '../../../sky/epsf/index.ts';
import type { Profile } from '../config.ts';
import type { EpsfSettings, GateReport } from './cell-types.ts';

/** What a builder made of one cutout. */
export interface FittedCutout {
  /** Of the cutouts given. */
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly flux: number;
  readonly background: number;
  /** Why it did not count. */
  readonly rejected?: string;
}

export interface MadeEpsf {
  readonly epsf: Epsf | undefined;
  /** final_psf_size^2 pixels, sum 1. */
  readonly stamp: Float32Array | undefined;
  readonly starsUsed: number;
  readonly starsFailed: number;
  readonly fitted: readonly FittedCutout[];
  /** Cutouts that had no part in making it. */
  readonly judges: readonly number[];
  /** Cutouts that judged it: those, or without any the ones that made it. */
  readonly jury: readonly number[];
  readonly gate: GateReport;
  /** Facts of the builder, as meta.json has them. */
  readonly builder: Readonly<Record<string, unknown>>;
  readonly error?: string;
}

/**
 * Stars that make the PSF and stars that judge it: of at least holdout_min_stars every holdout_every-th in the order of selection (with 5 the fifth,
 * the tenth ...) judges, so that bright and faint ones do both. tract7dt holds none out.
 */
export function splitStars(count: number, profile: Profile, settings: EpsfSettings): { makers: number[]; judges: number[] } {
  const all = Array.from({ length: count }, (_, k) => k);
  if (profile === 'tract7dt' || count < settings.holdoutMinStars) return { makers: all, judges: [] };
  const isJudge = (k: number) => k % settings.holdoutEvery === settings.holdoutEvery - 1;
  return { makers: all.filter((k) => !isJudge(k)), judges: all.filter(isJudge) };
}

/** Builds and judges. Never throws for what stars are like: what went wrong stands in `error`. */
export function makeEpsf(cutouts: readonly StarCutout[], profile: Profile, settings: EpsfSettings): MadeEpsf {
  const { makers, judges } = splitStars(cutouts.length, profile, settings);
  const heldOut = judges.length > 0;
  const none = { acceptance: undefined, heldOut };
  if (cutouts.length === 0) return failed('no stars', judges, none);
  try {
    const built = profile === 'tract7dt' ? buildClassic(cutouts, settings) : buildPenalised(cutouts, makers, settings);
    const jury = heldOut ? judges : built.fitted.filter((one) => one.rejected === undefined).map(({ index }) => index);
    const acceptance = acceptEpsf(
      built.epsf,
      jury.map((k) => cutouts[k]),
      { heldOut },
    );
    const { stamp } = epsfStamp(built.epsf, settings.finalPsfSize);
    if (!stamp.every(Number.isFinite)) return failed('the PSF is not finite', judges, none);
    return { ...built, stamp: Float32Array.from(stamp), judges, jury, gate: { acceptance, heldOut } };
  } catch (error) {
    if (!isArcletError(error)) throw error;
    return failed(error.message, judges, none);
  }
}

function failed(error: string, judges: readonly number[], gate: GateReport): MadeEpsf {
  return {
    epsf: undefined,
    stamp: undefined,
    starsUsed: 0,
    starsFailed: 0,
    fitted: [],
    judges,
    jury: [],
    gate,
    builder: {},
    error,
  };
}

type Built = Omit<MadeEpsf, 'epsf' | 'stamp' | 'judges' | 'jury' | 'gate'> & { readonly epsf: Epsf };

function buildPenalised(cutouts: readonly StarCutout[], makers: readonly number[], settings: EpsfSettings): Built {
  const { oversampling } = settings;
  const build = buildEpsf(
    makers.map((k) => cutouts[k]),
    {
      oversampling: oversampling === 'auto' ? undefined : oversampling,
      modelError: settings.modelError,
      clipSigma: settings.clipSigma,
      rounds: settings.rounds,
    },
  );
  return {
    epsf: build.epsf,
    starsUsed: build.starsUsed,
    starsFailed: makers.length - build.starsUsed,
    fitted: build.stars.map(({ index, x, y, flux, background, rejected }) => ({
      index: makers[index],
      x,
      y,
      flux,
      background,
      rejected,
    })),
    builder: {
      name: 'penalised-least-squares',
      oversampling: build.epsf.oversampling,
      rounds: build.rounds,
      converged: build.converged,
      last_move_pix: build.lastMove,
      last_change: build.lastChange,
      noise_scale: build.noiseScale,
      effective_unknowns: build.effectiveUnknowns,
      flux_outside: build.epsf.fluxOutside,
      fwhm_pix: build.template.fwhm,
    },
  };
}

/** A cutout without light cannot be divided by its sum; the builder leaves it out. */
const hasLight = ({ data }: StarCutout) =>
  Array.from(data).reduce((sum, value) => sum + (Number.isFinite(value) ? value : 0), 0) !== 0;

function buildClassic(all: readonly StarCutout[], settings: EpsfSettings): Built {
  const indices = all.flatMap((cutout, index) => (hasLight(cutout) ? index : []));
  const cutouts = indices.map((index) => all[index]);
  const build = classicEpsf(cutouts, {
    oversampling: settings.oversamp,
    maxIterations: settings.maxiters,
    clipSigma: settings.doClip ? 5 : Number.POSITIVE_INFINITY,
    recenteringBox: settings.recenterBoxsize,
    recenteringIterations: 30,
  });
  const failedFits = build.stars.filter((star) => star.failed).length;
  return {
    epsf: build.epsf,
    // Fits that failed count, as in the original.
    starsUsed: build.stars.length,
    starsFailed: failedFits,
    fitted: build.stars.map(({ x, y, flux, failed: bad }, k) => ({
      index: indices[k],
      x,
      y,
      flux,
      background: 0,
      rejected: bad ? 'no fit' : undefined,
    })),
    builder: {
      name: 'anderson-king-2000',
      oversampling: build.epsf.oversampling,
      rounds: build.iterations,
      converged: build.converged,
    },
  };
}
