/**
 * HDF5 files through h5wasm, which opens them lazily.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArcletError, isArcletError } from '../../core/errors.ts';
import { openAtomicFile } from '../atomic.ts';
import type { ByteSource } from '../store/source.ts';
import { openSource, type StoreOptions } from '../store/store.ts';
import { type Hdf5Dataset, OpenDataset } from './dataset.ts';
import { loadLibrary, takeDiagnostics } from './library.ts';
import { checkSuperblock } from './superblock.ts';

/** An attribute's value: numbers, text, or arrays of them, as h5wasm gives them. */
export type Hdf5Attribute = unknown;

/** An open HDF5 file. */
export interface Hdf5File {
  readonly name: string;
  /** Paths of all datasets from the root: `Data/visdata`. */
  readonly datasets: readonly string[];
  /** Throws INPUT_INVALID where there is no such dataset, or of a type that is not read. */
  dataset(path: string): Hdf5Dataset;
  /** Attributes of a group or dataset. */
  attributes(path: string): Record<string, Hdf5Attribute>;
  close(): Promise<void>;
}

/**
 * Opens a file. A path is read in place; an object in s3:// is copied to a temporary file first, since the library reads files only.
 * Throws INPUT_INVALID when it is no HDF5 file or cut off, INPUT_UNREADABLE when it is not there.
 */
export async function openHdf5(location: string, options: StoreOptions = {}): Promise<Hdf5File> {
  const remote = await openSource(location, options);
  let folder: string | undefined;
  let source: ByteSource | undefined;
  try {
    await checkSuperblock(remote);
    if (/^s3a?:/i.test(location)) {
      folder = await mkdtemp(join(tmpdir(), 'arclet-hdf5-'));
      await copyTo(remote, join(folder, 'file.h5'));
      source = await openSource(join(folder, 'file.h5'));
      await remote.close();
    } else source = remote;
    return await openLocal(location, source, folder);
  } catch (error) {
    await (source ?? remote).close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function copyTo(source: ByteSource, path: string): Promise<void> {
  const file = await openAtomicFile(path);
  const step = 2 ** 24;
  try {
    for (let at = 0; at < source.size; at += step) await file.write(await source.read(at, Math.min(step, source.size - at)));
    await file.finish();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

async function openLocal(name: string, source: ByteSource, folder: string | undefined): Promise<Hdf5File> {
  const library = await loadLibrary();
  const damaged = (where: string, cause: unknown) => {
    if (isArcletError(cause)) return cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    const data = { where };
    return new ArcletError('INPUT_INVALID', `${name} cannot be read at ${where}: ${why}.`, {
      subject: name,
      remedy: 'Fetch or make the file again.',
      data,
      cause,
    });
  };
  const guarded = <T>(where: string, work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw damaged(where, cause);
    }
  };
  const file = guarded('its superblock', () => {
    const opened = new library.File(source.name, 'r');
    if (opened.file_id === undefined || opened.file_id < 0n) throw new Error(takeDiagnostics() ?? 'the library cannot open it');
    return opened;
  });
  const find = (path: string) => guarded(path, () => file.get(path));
  const isDataset = (path: string) => find(path) instanceof library.Dataset;
  let datasets: string[];
  try {
    datasets = guarded('/', () => file.paths()).filter(isDataset);
  } catch (error) {
    file.close();
    throw error;
  }
  return {
    name,
    datasets,
    dataset(path) {
      const found = find(path);
      if (!(found instanceof library.Dataset)) {
        throw new ArcletError('INPUT_INVALID', `${name} has no dataset ${path}.`, {
          subject: name,
          remedy: `It has ${datasets.slice(0, 20).join(', ')}${datasets.length > 20 ? ' ...' : ''}.`,
        });
      }
      return guarded(path, () => new OpenDataset(name, path, found, library, source, damaged));
    },
    attributes(path) {
      return guarded(path, () => {
        const found = file.get(path);
        if (!(found instanceof library.Dataset || found instanceof library.Group)) throw new Error('there is no such object');
        return Object.fromEntries(Object.entries(found.attrs).map(([key, attribute]) => [key, attribute.value]));
      });
    },
    async close() {
      file.close();
      await source.close();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
