/** FITS files at paths and `s3://` addresses. */
import { writeFileAtomic } from '../atomic.ts';
import { openSource } from '../store/store.ts';
import { type EncodeOptions, encodeFits, type HduInput } from './encode.ts';
import { type FitsFile, openFits } from './file.ts';

/** Opens a file by path, `file://` or `s3://` address. Throws INPUT_UNREADABLE, and as {@link openFits}. Close it when done. */
export async function openFitsFile(location: string): Promise<FitsFile> {
  const source = await openSource(location);
  try {
    return await openFits(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Writes a file, whole or not at all. Throws OUTPUT_UNWRITABLE, and as {@link encodeFits}. */
export async function writeFits(path: string, hdus: readonly HduInput[], options?: EncodeOptions): Promise<void> {
  await writeFileAtomic(path, encodeFits(hdus, options));
}
