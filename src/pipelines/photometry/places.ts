/** Files of the work folder, which may lie at a path or s3://. */
import { openStoreOf } from '../../io/store/store.ts';

/** Files of stage load in the work folder. */
export const WHITE_FILE = 'white.fits';
export const WHITE_SIGMA_FILE = 'white_sigma.fits';
export const WCS_FILE = 'wcs.fits';

export const inFolder = (folder: string, name: string): string => `${folder.replace(/\/+$/, '')}/${name}`;

/** Bytes of a file or object. Throws INPUT_UNREADABLE. */
export async function getObject(location: string): Promise<Uint8Array> {
  const { store, key } = await openStoreOf(location);
  try {
    return await store.get(key);
  } finally {
    await store.close();
  }
}

/** Writes an object whole or not at all, to a path or s3://. Throws OUTPUT_UNWRITABLE. */
export async function putObject(location: string, bytes: Uint8Array): Promise<void> {
  const { store, key } = await openStoreOf(location);
  try {
    await store.put(key, bytes);
  } finally {
    await store.close();
  }
}

/** Deletes an object; one that is not there is no error. Throws OUTPUT_UNWRITABLE. */
export async function deleteObject(location: string): Promise<void> {
  const { store, key } = await openStoreOf(location);
  try {
    await store.delete(key);
  } finally {
    await store.close();
  }
}
