/**
 * HDF5 files written through h5wasm: into a temporary file, then renamed (or sent to the store), so that a reader never sees half of one.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Dataset, File, Group } from 'h5wasm/node';
import { ArcletError } from '../../core/errors.ts';
import { makeFolders } from '../atomic.ts';
import { openFileSource } from '../store/file-store.ts';
import { openStoreOf } from '../store/store.ts';
import { type Hdf5Library, loadLibrary, takeDiagnostics } from './library.ts';
import { volume } from './slab.ts';
import { checkSuperblock } from './superblock.ts';

export type Hdf5Array = Float32Array | Float64Array | Int32Array;

export interface Hdf5Writer {
  /** An attribute of a group or dataset that is there; '/' is the file. Numbers are kept as float64, whole ones as int64 where `whole`. */
  attribute(path: string, name: string, value: number | string, options?: { whole?: boolean }): void;
  /** A dataset of one axis, or of `shape`. Missing groups are made. Text is kept as UTF-8 of any length. */
  dataset(path: string, values: Hdf5Array | readonly string[], shape?: readonly number[]): void;
  /** A float32 dataset of items of one shape that grows along its first axis, one gzipped chunk per item. */
  growing(path: string, itemShape: readonly number[], gzip?: number): GrowingDataset;
}

export interface GrowingDataset {
  /** Items so far. */
  readonly count: number;
  /** Appends whole items, one after the other in `values`. */
  append(values: Float32Array): void;
}

/**
 * Writes a file: `fill` puts attributes and datasets in it; what it gives is given back.
 *
 * @param location path, file:// or s3:// (written beside a temporary folder first: the library writes files only)
 * @throws OUTPUT_UNWRITABLE when the disk is full or the folder may not be written to; what `fill` throws. Then nothing is left behind, and a
 * file that stood there before is untouched.
 */
export async function writeHdf5<T>(location: string, fill: (writer: Hdf5Writer) => Promise<T>): Promise<T> {
  const library = await loadLibrary();
  if (!/^s3a?:/i.test(location)) {
    const path = /^file:/i.test(location) ? fileURLToPath(location) : location;
    return writeLocal(library, path, fill);
  }
  const folder = await mkdtemp(join(tmpdir(), 'arclet-hdf5-'));
  try {
    const path = join(folder, 'file.h5');
    const result = await writeLocal(library, path, fill);
    await send(path, location);
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeLocal<T>(library: Hdf5Library, path: string, fill: (writer: Hdf5Writer) => Promise<T>): Promise<T> {
  // Named as atomic.ts names its temporary files: listings leave them out.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  let file: File | undefined;
  try {
    await system(path, () => prepare(temporary));
    file = inLibrary(path, () => new library.File(temporary, 'w'));
    const result = await fill(writerOf(path, file));
    const status = file.close();
    file = undefined;
    if (status < 0) throw unwritable(path, takeDiagnostics());
    await system(path, () => settle(temporary, path));
    return result;
  } catch (error) {
    file?.close();
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  } finally {
    takeDiagnostics();
  }
}

async function system<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** The library tells of most failures only in its diagnostics. */
function inLibrary<T>(path: string, work: () => T): T {
  takeDiagnostics();
  let result: T;
  try {
    result = work();
  } catch (cause) {
    throw unwritable(path, takeDiagnostics() ?? cause);
  }
  const why = takeDiagnostics();
  // Behind the reason stands the time of day.
  if (why !== undefined) throw unwritable(path, why.replace(/: time = .*$/, ''));
  return result;
}

/** Says by an error of the system why a file cannot be made there: the library only says that it cannot. */
async function prepare(path: string): Promise<void> {
  await makeFolders(dirname(path));
  await (await open(path, 'wx')).close();
}

/** To its place; before, since the library may have failed without saying so, the file must be as long as its superblock says. */
async function settle(temporary: string, path: string): Promise<void> {
  const source = await openFileSource(temporary);
  try {
    await checkSuperblock(source);
  } catch (cause) {
    throw new Error('not all of it could be written; the disk may be full', { cause });
  } finally {
    await source.close();
  }
  const file = await open(temporary, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

async function send(path: string, location: string): Promise<void> {
  const source = await openFileSource(path);
  const { store, key } = await openStoreOf(location);
  try {
    const sink = await store.sink(key);
    const step = 2 ** 24;
    try {
      for (let at = 0; at < source.size; at += step) await sink.write(await source.read(at, Math.min(step, source.size - at)));
      await sink.finish();
    } catch (error) {
      await sink.abort();
      throw error;
    }
  } finally {
    await store.close();
    await source.close();
  }
}

function writerOf(name: string, file: File): Hdf5Writer {
  const groupOf = (path: string): [Group, string] => {
    const names = path.split('/').filter((part) => part !== '');
    let group: Group = file;
    for (const part of names.slice(0, -1)) group = (group.get(part) as Group | null) ?? group.create_group(part);
    return [group, names[names.length - 1]];
  };
  return {
    attribute(path, key, value, { whole = false } = {}) {
      const object = path === '/' ? file : (file.get(path) as Group | Dataset);
      const type = typeof value === 'string' ? null : whole ? '<q' : '<d';
      const stored: unknown = typeof value === 'number' && whole ? BigInt(value) : value;
      inLibrary(name, () => object.create_attribute(key, stored as number | string, null, type));
    },
    dataset(path, values, shape = [values.length]) {
      const [group, last] = groupOf(path);
      const data = Array.isArray(values) ? [...values] : values;
      inLibrary(name, () => group.create_dataset({ name: last, data: data as Hdf5Array, shape: [...shape] }));
    },
    growing(path, itemShape, gzip = 4) {
      const [group, last] = groupOf(path);
      const length = volume(itemShape);
      let count = 0;
      return {
        get count() {
          return count;
        },
        append(values) {
          const more = values.length / length;
          if (!Number.isInteger(more)) throw new RangeError(`${values.length} values are no whole items of ${length}`);
          if (more === 0) return;
          inLibrary(name, () => {
            if (count === 0) {
              group.create_dataset({
                name: last,
                data: values,
                shape: [more, ...itemShape],
                maxshape: [null, ...itemShape],
                chunks: [1, ...itemShape],
                compression: 'gzip',
                compression_opts: gzip,
              });
            } else {
              const dataset = group.get(last) as Dataset;
              dataset.resize([count + more, ...itemShape]);
              dataset.write_slice([[count, count + more]], values);
            }
          });
          count += more;
        },
      };
    },
  };
}

function unwritable(path: string, cause: unknown): ArcletError {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  const known: Record<string, string> = { EACCES: 'permission is denied', ENOSPC: 'the disk is full', ENOTDIR: 'a part of the path is a file', EROFS: 'the file system is read-only', EISDIR: 'it is a folder' }; // biome-ignore format: one list
  const why = known[code ?? ''] ?? (cause instanceof Error ? cause.message : (cause ?? 'the library gives no reason'));
  return new ArcletError('OUTPUT_UNWRITABLE', `${path} cannot be written: ${why}.`, {
    subject: path,
    remedy: 'Check the path, its permissions and the space on the disk.',
    cause,
  });
}
