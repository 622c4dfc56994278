/** Files that are whole or absent: a reader never sees half of one, and a failed write leaves nothing behind. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ArcletError } from '../core/errors.ts';

const REASONS: Record<string, [why: string, remedy: string]> = {
  ENOSPC: ['the disk is full', 'Free space or choose another disk.'],
  EDQUOT: ['the disk quota is used up', 'Free space or choose another disk.'],
  EACCES: ['permission is denied', 'Choose a folder that you may write to.'],
  EPERM: ['permission is denied', 'Choose a folder that you may write to.'],
  EROFS: ['the file system is read-only', 'Choose a folder that you may write to.'],
  EISDIR: ['it is a folder', 'Name a file.'],
  ENOTDIR: ['a part of the path is a file', 'Name a path whose folders are folders.'],
  EEXIST: ['a part of the path is a file', 'Name a path whose folders are folders.'],
  ENOENT: ['the file system lets no folder be made there', 'Choose another folder.'],
  ELOOP: ['a link in the path leads back to itself', 'Mend the link, or choose another folder.'],
  EFBIG: [
    'the file system does not take a file this large',
    'Write smaller files, or raise the limit of this shell (ulimit -f).',
  ],
};

function unwritable(path: string, cause: unknown): ArcletError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const [why, remedy] = REASONS[code] ?? [cause instanceof Error ? cause.message : String(cause), 'Check the path and the disk.'];
  return new ArcletError('OUTPUT_UNWRITABLE', `${path} cannot be written: ${why}.`, {
    subject: path,
    remedy,
    data: { code },
    cause,
  });
}

/**
 * Makes a folder and those above it that are missing, one at a time: Node's recursive mkdir never ends below file systems that refuse
 * folders with ENOENT, as /proc does. Throws the system's error; ENOENT where the place itself refuses, DANGLING for a link to nothing.
 */
export async function makeFolders(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const above = dirname(folder);
    if (code === 'ENOENT' && above !== folder) {
      await makeFolders(above);
      await mkdir(folder).catch((again) => acceptFolder(folder, again));
    } else await acceptFolder(folder, error);
  }
}

/** Whoever came first may have made it. Throws `error` when it is no folder. */
async function acceptFolder(folder: string, error: unknown): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory()) return;
  const link = found === undefined ? await lstat(folder).catch(() => undefined) : undefined;
  if (link?.isSymbolicLink() !== true || (error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  throw Object.assign(new Error(`${folder} is a link to nothing`), { code: 'DANGLING' });
}

/** A file that is being written beside its place. */
export interface AtomicFile {
  /** Where it is until `finish`: whoever wants to look at what was written looks here. */
  readonly temporary: string;
  /** Appends; the bytes may be reused when the promise resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Puts other bytes in the place of some that were written. */
  replace(offset: number, bytes: Uint8Array): Promise<void>;
  /** Flushes to the disk and renames into place. */
  finish(): Promise<void>;
  /** Removes the temporary file; what stood at the path before is untouched. Does nothing after `finish`. */
  abort(): Promise<void>;
}

/** Temporary files are called `.NAME.PID.RANDOM.tmp`: listings leave them out. */
export const TEMPORARY_NAME = /^\..*\.\d+\.[0-9a-f]{8}\.tmp$/;

/**
 * Opens a temporary file beside `path` that takes its place at `finish`. Makes missing folders.
 *
 * @throws OUTPUT_UNWRITABLE with the reason (full disk, permission ...), from here and from each method.
 */
export async function openAtomicFile(path: string): Promise<AtomicFile> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  await disk(path, () => makeFolders(dirname(path)));
  const file = await disk(path, () => open(temporary, 'wx'));
  let done = false;
  return {
    temporary,
    write: (bytes) => disk(path, () => file.writeFile(bytes)),
    replace: async (offset, bytes) => {
      for (let from = 0; from < bytes.length; ) {
        const { bytesWritten } = await disk(path, () => file.write(bytes, from, bytes.length - from, offset + from));
        from += bytesWritten;
      }
    },
    async finish() {
      await disk(path, async () => {
        await file.sync();
        await file.close();
        await rename(temporary, path);
      });
      done = true;
    },
    async abort() {
      if (done) return;
      done = true;
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true }).catch(() => undefined);
    },
  };
}

/**
 * Writes `chunks` to a temporary file beside `path`, flushes it to the disk, then renames it into place. Makes missing folders.
 *
 * @throws OUTPUT_UNWRITABLE with the reason (full disk, permission ...); an error thrown by `chunks` itself passes through. In both
 * cases the temporary file is gone and a file that stood at `path` before is untouched.
 */
export async function writeFileAtomic(path: string, chunks: string | Uint8Array | Iterable<Uint8Array>): Promise<void> {
  const list = typeof chunks === 'string' ? [new TextEncoder().encode(chunks)] : chunks instanceof Uint8Array ? [chunks] : chunks;
  const file = await openAtomicFile(path);
  try {
    for (const chunk of list) await file.write(chunk);
    await file.finish();
  } catch (error) {
    await file.abort();
    throw error;
  }
}

async function disk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** A file's bytes. Throws INPUT_UNREADABLE with the reason. */
export async function readInput(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : (cause as Error).message;
    throw new ArcletError('INPUT_UNREADABLE', `${path} cannot be read: ${why}.`, {
      subject: path,
      remedy: 'Check the path.',
      cause,
    });
  }
}
