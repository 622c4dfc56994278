/** Which cutouts are point sources, by their widths: the narrowest width that many of them share. */

/** Logarithm of a star's width over a common one, and its error. */
export interface WidthEstimate {
  readonly value: number;
  readonly error: number;
}

/** A width shared by fewer than this part of the stars that share the commonest one is not the PSF's: noise looks narrow too. */
const LEAST_SHARE = 0.3;
/** Nor is one that no two stars share; a star agrees with itself to 1. */
const TWO = 1.5;
/** A star is of another kind when it is wider or narrower by this many times the errors. */
const FAR = 4;
/** Error of a step along the tangent, as a part of it. */
const TANGENT = 0.15;

/**
 * The narrowest well-populated value: of all places where the most stars agree within their errors, the lowest that is shared by at least
 * `leastShare` times as many as the best, and by two. A star of a large error agrees with many places and decides none. NaN without any star.
 *
 * @param tolerance scatter of the true values, added to every error in quadrature
 */
export function narrowestMode(stars: readonly WidthEstimate[], tolerance: number, leastShare: number): number {
  const support = stars.map(({ value }) =>
    stars.reduce((sum, other) => sum + Math.exp(-((value - other.value) ** 2) / (2 * (other.error ** 2 + tolerance ** 2))), 0),
  );
  const order = stars.map((_, k) => k).sort((a, b) => stars[a].value - stars[b].value);
  const most = Math.max(...support);
  const enough = Math.max(leastShare * most, Math.min(most, TWO));
  for (let n = 0; n < order.length; n++) {
    const here = support[order[n]];
    // Up to the top of the hill that begins here.
    if (here >= enough && !(n + 1 < order.length && support[order[n + 1]] > here)) return stars[order[n]].value;
  }
  return Number.NaN;
}

/**
 * The stars whose width is not that of the narrowest mode. `value` is a step along the tangent from a common width and is the less exact the longer
 * it is, so that stars are told apart the better the nearer the common width is to theirs: ask again after each new fit.
 *
 * @param tolerance true scatter of the PSF's width over the stars, as a part of it
 */
export function otherWidths(stars: readonly WidthEstimate[], tolerance: number): boolean[] {
  const mode = narrowestMode(stars, tolerance, LEAST_SHARE);
  // The mean of the mode is better known than the star that marks its top.
  let sum = 0;
  let weights = 0;
  for (const { value, error } of stars) {
    const variance = error ** 2 + tolerance ** 2;
    if (Math.abs(value - mode) > 2 * Math.sqrt(variance)) continue;
    sum += value / variance;
    weights += 1 / variance;
  }
  const centre = sum / weights;
  const blur = TANGENT * centre;
  return stars.map(
    ({ value, error }) => Math.abs(value - centre) > FAR * Math.sqrt(error ** 2 + tolerance ** 2 + 1 / weights + blur ** 2),
  );
}
