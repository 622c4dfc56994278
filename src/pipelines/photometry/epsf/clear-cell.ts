/** What an earlier run left of a cell or band goes before anything new is written: a picture or PSF of other stars must not stand beside a new meta.json. */
import { openStore, type Store } from '../../../io/store/store.ts';

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

/** That a band is done, see resume.ts. */
export const BAND_FILE = 'band.json';
export const CELLS_FILE = 'epsf_cells.npz';
export const FRAME_FILES = { psf: 'epsf_frame.npy', facts: 'epsf_frame.json' };

/** What a band may have besides its cells. */
export const BESIDE_CELLS: readonly string[] = [CELLS_FILE, FRAME_FILES.psf, FRAME_FILES.facts];

/** Deletes the stage's own files of a cell; others in its folder stay. */
export async function clearCell(folder: string): Promise<void> {
  await deleteFrom(folder, FILES);
}

/** Deletes what a band has besides its cells: it is not done any more, and what is not made again must not stand beside new PSFs. */
export async function clearBand(folder: string): Promise<void> {
  // First: a band with a band.json is whole.
  await deleteFrom(folder, [BAND_FILE, ...BESIDE_CELLS]);
}

const deleteFrom = (folder: string, names: readonly string[]) =>
  inStore(folder, async (store) => {
    for (const name of names) await store.delete(name);
  });

export async function inStore(folder: string, work: (store: Store) => Promise<void>): Promise<void> {
  const store = await openStore(folder);
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
