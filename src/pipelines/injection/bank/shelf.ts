/** FITS files that are read again and again, the last few kept open. */
import { type FitsFile, openFits } from '../../../io/fits/index.ts';
import type { ByteSource } from '../../../io/store/source.ts';
import { openSource } from '../../../io/store/store.ts';

/** Catalogues of COSMOS name some 80 files of a thousand galaxies each; a folder may hold one file per galaxy. */
const MOST_OPEN = 96;

interface Open {
  readonly file: FitsFile;
  readonly source: ByteSource;
}

/** Not for concurrent use: a file may be closed by the next call. */
export class FitsShelf {
  readonly #open = new Map<string, Open>();
  /** What could not be opened, so that a file that is missing is not asked for once per row. */
  readonly #failed = new Map<string, unknown>();

  /** The file with its headers read. Throws INPUT_UNREADABLE, INPUT_INVALID. */
  async get(location: string): Promise<FitsFile> {
    if (this.#failed.has(location)) throw this.#failed.get(location);
    const known = this.#open.get(location);
    if (known !== undefined) {
      this.#open.delete(location);
      this.#open.set(location, known);
      return known.file;
    }
    let source: ByteSource | undefined;
    try {
      source = await openSource(location);
      const file = await openFits(source);
      this.#open.set(location, { file, source });
      if (this.#open.size > MOST_OPEN) await this.#drop(this.#open.keys().next().value as string);
      return file;
    } catch (error) {
      await source?.close();
      this.#failed.set(location, error);
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const location of [...this.#open.keys()]) await this.#drop(location);
  }

  async #drop(location: string): Promise<void> {
    const { file, source } = this.#open.get(location) as Open;
    this.#open.delete(location);
    await file.close();
    // The file closes its own source; a gzipped one has another below.
    await source.close().catch(() => undefined);
  }
}
