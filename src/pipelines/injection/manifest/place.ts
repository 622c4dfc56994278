/** The rules for where a row is, which targets and given manifests share. */
import { isBrickName } from '../bricks/files.ts';
import type { Reason } from './rejected.ts';

/** What is wrong with the brick or the position (degrees, NaN for none) of a row, the first fault; undefined for a row that is somewhere. */
export function placeFault(brickname: string, raDeg: number, decDeg: number): Reason | undefined {
  if (brickname === '') return 'brickname_missing';
  if (!isBrickName(brickname)) return 'brickname_malformed';
  if (!Number.isFinite(raDeg)) return 'ra_missing';
  if (raDeg < 0 || raDeg > 360) return 'ra_out_of_range';
  if (!Number.isFinite(decDeg)) return 'dec_missing';
  return Math.abs(decDeg) > 90 ? 'dec_out_of_range' : undefined;
}
