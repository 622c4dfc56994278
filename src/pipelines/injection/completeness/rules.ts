/** When an injection counts, and when it is recovered. Answers are 0 or 1, never null: a null in a sum would drop the row from its denominator. */

/** What a row is judged by; NaN stands for a missing value. */
export interface RowFacts {
  cutoutOk: number;
  arcSnr: number;
  /** Einstein radius over the FWHM of the PSF. */
  thetaOverPsf: number;
  badPixelFrac: number;
  wiseFrac: number;
  /** Of a detector; only read where the rule has a threshold for it. */
  score: number;
}

export interface RecoveryRule {
  readonly snrThreshold: number;
  readonly thetaOverPsf: number;
  readonly badPixelMax: number;
  readonly wiseMax: number;
  /** A detector decides instead of the two thresholds above: recovered is a score at or above this one. */
  readonly scoreThreshold?: number;
  /** The same for clean injections, of clean controls; NaN where there are none, so that nothing clean is recovered. */
  readonly scoreThresholdClean?: number;
}

type Bit = 0 | 1;

export interface Verdict {
  /** Cutout whole, arc_snr and theta_E / PSF known. */
  validAll: Bit;
  /** Valid, and few bad pixels and little WISE masking; unknown fractions fail. */
  validClean: Bit;
  recoveredAll: Bit;
  recoveredClean: Bit;
  /** Valid and bright enough, whatever its size. */
  snrOnly: Bit;
  /** Valid and large enough, whatever its brightness. */
  resOnly: Bit;
  /** Valid, but the detector gave no score: not recovered. */
  scoreMissing: Bit;
}

const bit = (condition: boolean): Bit => (condition ? 1 : 0);

/** Few bad pixels and little WISE masking; unknown fractions fail. */
export function isClean(
  { badPixelFrac, wiseFrac }: Pick<RowFacts, 'badPixelFrac' | 'wiseFrac'>,
  { badPixelMax, wiseMax }: Pick<RecoveryRule, 'badPixelMax' | 'wiseMax'>,
): boolean {
  return badPixelFrac <= badPixelMax && wiseFrac <= wiseMax;
}

/** Judges one injection. Every comparison with NaN is false, so that a missing value fails. */
export function judge(facts: RowFacts, rule: RecoveryRule): Verdict {
  const { arcSnr, thetaOverPsf, score } = facts;
  const valid = facts.cutoutOk === 1 && Number.isFinite(arcSnr) && Number.isFinite(thetaOverPsf);
  const clean = valid && isClean(facts, rule);
  const bright = valid && arcSnr >= rule.snrThreshold;
  const large = valid && thetaOverPsf >= rule.thetaOverPsf;
  const recovered = rule.scoreThreshold === undefined ? bright && large : valid && score >= rule.scoreThreshold;
  const cleanThreshold = rule.scoreThresholdClean ?? rule.scoreThreshold;
  const recoveredClean = clean && (cleanThreshold === undefined ? recovered : score >= cleanThreshold);
  return {
    validAll: bit(valid),
    validClean: bit(clean),
    recoveredAll: bit(recovered),
    recoveredClean: bit(recoveredClean),
    snrOnly: bit(bright),
    resOnly: bit(large),
    scoreMissing: bit(rule.scoreThreshold !== undefined && valid && !Number.isFinite(score)),
  };
}
