/** The one way in which this module says that a file is wrong: INPUT_INVALID, where, and what to do. */
import { ArcletError } from '../../core/errors.ts';

/**
 * An INPUT_INVALID error.
 *
 * @param where file and HDU, as `image.fits[1]`; a keyword may follow it
 * @param what the sentence after the place, without a full stop
 */
export function damaged(where: string, what: string, data?: Record<string, unknown>, remedy?: string): ArcletError {
  return new ArcletError('INPUT_INVALID', `${where}: ${what}.`, {
    subject: where,
    remedy: remedy ?? 'Fetch or make the file again, or mend its header.',
    data,
  });
}
