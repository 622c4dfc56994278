/** A folder as a store, and a file as a source of bytes. */
import { type FileHandle, open, readdir, realpath, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ArcletError } from '../../core/errors.ts';
import { openAtomicFile, TEMPORARY_NAME, writeFileAtomic } from '../atomic.ts';
import { type ByteSource, checkRange } from './source.ts';
import type { ByteSink, ObjectInfo, Store } from './store.ts';

const WHY: Record<string, string> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is a file',
  EISDIR: 'it is a folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EMFILE: 'too many files are open',
};

function unreadable(path: string, cause: unknown): ArcletError {
  const why = WHY[(cause as NodeJS.ErrnoException).code ?? ''] ?? (cause instanceof Error ? cause.message : String(cause));
  return new ArcletError('INPUT_UNREADABLE', `${path} cannot be read: ${why}.`, {
    subject: path,
    remedy: 'Check the path.',
    cause,
  });
}

/** A read of more than 2 GiB fails in Node. */
const LARGEST_READ = 2 ** 30;

async function readExactly(file: FileHandle, source: { name: string; size: number }, offset: number, bytes: Uint8Array) {
  const { length } = bytes;
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(LARGEST_READ, length - done), offset + done);
    // It was cut after it was opened.
    if (bytesRead === 0) checkRange({ name: source.name, size: offset + done }, offset, length);
    done += bytesRead;
  }
}

/** Opens a file for ranged reads; it holds a file handle until `close`. Throws INPUT_UNREADABLE with the reason. */
export async function openFileSource(path: string): Promise<ByteSource> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const about = await file.stat();
    if (!about.isFile()) throw new Error(about.isDirectory() ? 'it is a folder' : 'it is not a regular file');
    const handle = file;
    const source = {
      name: path,
      size: about.size,
      async read(offset: number, length: number) {
        // Before anything is allocated.
        checkRange(source, offset, length);
        const bytes = new Uint8Array(length);
        await readExactly(handle, source, offset, bytes);
        return bytes;
      },
      async readInto(offset: number, target: Uint8Array) {
        checkRange(source, offset, target.length);
        await readExactly(handle, source, offset, target);
      },
      close: () => handle.close(),
    };
    return source;
  } catch (cause) {
    await file?.close();
    throw unreadable(path, cause);
  }
}

/** See {@link Store}. The folder is made by the first write. */
export class FileStore implements Store {
  readonly location: string;

  constructor(folder: string) {
    this.location = resolve(folder);
  }

  async get(key: string): Promise<Uint8Array> {
    const source = await this.source(key);
    try {
      return await source.read(0, source.size);
    } finally {
      await source.close();
    }
  }

  async getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    const source = await this.source(key);
    try {
      return await source.read(offset, length);
    } finally {
      await source.close();
    }
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await writeFileAtomic(this.#path(key), bytes);
  }

  async sink(key: string): Promise<ByteSink> {
    const path = this.#path(key);
    return { name: path, ...(await openAtomicFile(path)) };
  }

  async *list(prefix = ''): AsyncGenerator<ObjectInfo> {
    yield* this.#walk('', prefix, []);
  }

  async exists(key: string): Promise<boolean> {
    const path = this.#path(key);
    try {
      return (await stat(path)).isFile();
    } catch (cause) {
      if (isAbsent(cause)) return false;
      throw unreadable(path, cause);
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key);
    try {
      await rm(path, { force: true });
    } catch (cause) {
      throw new ArcletError('OUTPUT_UNWRITABLE', `${path} cannot be deleted: ${(cause as Error).message}.`, {
        subject: path,
        remedy: 'Check the path and its permissions.',
        cause,
      });
    }
  }

  source(key: string): Promise<ByteSource> {
    return openFileSource(this.#path(key));
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    checkKey(key);
    return join(this.location, key);
  }

  /** `above` are the real paths of the folders on the way down: a link back to one of them would never end. */
  async *#walk(folder: string, prefix: string, above: readonly string[]): AsyncGenerator<ObjectInfo> {
    const path = join(this.location, folder);
    let entries: { name: string; isFolder: boolean; size: number }[];
    let real: string;
    try {
      real = await realpath(path);
      if (above.includes(real)) return;
      entries = await describe(path, folder, prefix);
    } catch (cause) {
      if (isAbsent(cause)) return;
      throw unreadable(path, cause);
    }
    for (const { name, isFolder, size } of entries) {
      const key = folder + name;
      if (isFolder) yield* this.#walk(`${key}/`, prefix, [...above, real]);
      else if (key.startsWith(prefix)) yield { key, size };
    }
  }
}

/** Entries of a folder that may hold keys with this prefix, in the order of their keys (a folder sorts as `name/`). */
async function describe(path: string, folder: string, prefix: string) {
  const found: { name: string; isFolder: boolean; size: number }[] = [];
  for (const { name } of await readdir(path, { withFileTypes: true })) {
    const key = folder + name;
    if (TEMPORARY_NAME.test(name) || !(key.startsWith(prefix) || prefix.startsWith(key))) continue;
    const about = await stat(join(path, name)).catch(() => undefined);
    if (about?.isFile() || about?.isDirectory()) found.push({ name, isFolder: about.isDirectory(), size: about.size });
  }
  const order = (entry: { name: string; isFolder: boolean }) => (entry.isFolder ? `${entry.name}/` : entry.name);
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

function isAbsent(cause: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '');
}

/** Throws USAGE for a key that is empty, absolute, or climbs out of the store. */
export function checkKey(key: string): void {
  const parts = key.split(/[/\\]/);
  if (key !== '' && !key.startsWith('/') && !key.includes('\0') && !parts.includes('..') && !/^[a-z]:/i.test(key)) return;
  throw new ArcletError('USAGE', `'${key}' is no key of a store.`, {
    subject: key,
    remedy: "Give a relative path without '..'.",
  });
}
