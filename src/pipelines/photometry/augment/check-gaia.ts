/** What of a Gaia table can be told before any pixel is read. */
import type { FitConfig } from '../config.ts';
import { withGaia } from './gaia-rows.ts';

/**
 * Reads the Gaia table of a config as its profile will, if a part of the run will read it at all. Gives what it will warn of.
 *
 * @throws INPUT_UNREADABLE, INPUT_INVALID as these parts do
 */
export async function checkGaia(
  { inputs: { gaiaxpSynphotCsv: path }, zp, epsf, profile }: FitConfig,
  bands: readonly string[],
): Promise<string[]> {
  const forStars = epsf.useGaiaxp && epsf.psfstarMode !== 'sep';
  if (path === null || (!zp.enabled && !forStars)) return [];
  const wants = { bands, named: zp.enabled, requireBands: zp.enabled && profile === 'arclet', epochYear: undefined };
  return withGaia(path, wants, async ({ bandsWithout, batches }) => {
    // Names that lost their digits show in the rows only.
    for await (const _ of batches());
    if (bandsWithout.length === 0) return [];
    const columns = bandsWithout.map((band) => `mag_${band}`).join(', ');
    const then = [...(zp.enabled ? ['injected rows have flux 0'] : []), ...(forStars ? ['PSFs get no Gaia stars'] : [])];
    return [`${path} has no ${columns}: in these bands ${then.join(', and ')}.`];
  });
}
