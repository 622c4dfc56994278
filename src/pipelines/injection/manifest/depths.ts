/** psfdepth columns: inverse variances in catalogues, magnitudes in brick summaries. */
import { depthFromPsfdepth } from '../../../sky/photometry.ts';

export type DepthKind = 'magnitude' | 'inverse_variance' | 'absent';

/** A 5 sigma depth of a survey of this century, with room: what lies outside cannot be a magnitude. */
const DEPTH_MAGNITUDES = [17, 29] as const;

/**
 * 5 sigma magnitudes from a psfdepth column, in place. Tractor catalogues hold inverse variances (nMgy^-2), brick summaries magnitudes: the unit
 * decides, else the median. What is not above 0 means no coverage and becomes NaN.
 */
export function typeDepths(values: Float64Array, unit: string | undefined): DepthKind {
  for (let index = 0; index < values.length; index++) if (!(values[index] > 0)) values[index] = Number.NaN;
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  if (known.length === 0) return 'absent';
  const median = known[known.length >> 1];
  const isMagnitude = /^mag/i.test(unit ?? '')
    ? true
    : /nanomagg|nmgy/i.test(unit ?? '')
      ? false
      : median >= DEPTH_MAGNITUDES[0] && median <= DEPTH_MAGNITUDES[1];
  if (isMagnitude) return 'magnitude';
  for (let index = 0; index < values.length; index++) {
    if (!Number.isNaN(values[index])) values[index] = depthFromPsfdepth(values[index]);
  }
  return 'inverse_variance';
}
