/** What an earlier run left of a cell goes before anything new is written: a picture or PSF of other stars must not stand beside a new meta.json. */
import { openStore } from '../../../io/store/store.ts';

/** A cell of a band that is not done, see resume.ts. */
export const OUTCOME_FILE = 'outcome.bin';

const FILES = [
  OUTCOME_FILE,
  // First: a cell with a meta.json is whole.
  'meta.json',
  'epsf.npy',
  'epsf_rejected.npy',
  'epsf.png',
  'epsf_rejected.png',
  'psfstars.png',
  'psfstars_bgsub.png',
  'background_diagnostics.png',
  'star_local_background_diagnostics.png',
  'epsf_growth_curve.png',
  'epsf_residual_diagnostics.png',
  'used_stars.png',
  'extracted_stars.png',
];

/** Deletes the stage's own files of a cell; others in its folder stay. */
export async function clearCell(folder: string): Promise<void> {
  const store = await openStore(folder);
  try {
    for (const name of FILES) await store.delete(name);
  } finally {
    await store.close();
  }
}
