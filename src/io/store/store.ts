/**
 * Object stores: folders and S3 buckets behind one face.
 *
 * ```ts
 * const store = await openStore('s3://survey/dr10');
 * for await (const { key, size } of store.list('south/')) console.log(key, size);
 * const source = await openSource('s3://survey/dr10/south/brick.fits.fz'); // ranged reads; a plain path works as well
 * await store.put('parts/part-0001.parquet', bytes); // whole or absent
 * ```
 */
import { fileURLToPath } from 'node:url';
import { ArcletError } from '../../core/errors.ts';
import { FileStore, openFileSource } from './file-store.ts';
import type { S3Options } from './s3-client.ts';
import { openS3Store } from './s3-store.ts';
import type { ByteSource } from './source.ts';

export interface ObjectInfo {
  /** Relative to the store, with forward slashes. */
  readonly key: string;
  readonly size: number;
}

/** Takes bytes piece by piece; what is there at `finish` appears at once, and nothing before. */
export interface ByteSink {
  readonly name: string;
  /** Appends; the bytes may be reused when the promise resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Puts other bytes in the place of some that were written, like a header once the data are known. Absent where they are out of reach (s3://). */
  replace?(offset: number, bytes: Uint8Array): Promise<void>;
  finish(): Promise<void>;
  /** Leaves nothing behind. Does nothing after `finish`. */
  abort(): Promise<void>;
}

/**
 * Keys are relative with forward slashes and without `..` (else USAGE).
 * Reading what is not there throws INPUT_UNREADABLE; a range outside the object INPUT_INVALID; a failed write OUTPUT_UNWRITABLE.
 */
export interface Store {
  /** `/folder` or `s3://bucket/prefix`. */
  readonly location: string;
  get(key: string): Promise<Uint8Array>;
  /** Exactly `length` bytes from `offset`. */
  getRange(key: string, offset: number, length: number): Promise<Uint8Array>;
  /** Whole or absent: temporary file and rename, or one PUT. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The same for what does not fit in memory: temporary file and rename, or a multipart upload. */
  sink(key: string): Promise<ByteSink>;
  /** Objects whose key starts with `prefix` (also within a name), ordered by key. Unfinished files are left out. */
  list(prefix?: string): AsyncIterable<ObjectInfo>;
  exists(key: string): Promise<boolean>;
  /** Deletes; an object that is not there is no error. */
  delete(key: string): Promise<void>;
  /** Bytes of one object as they are now: if it is replaced while it is read, reads fail rather than mix. Close it. */
  source(key: string): Promise<ByteSource>;
  close(): Promise<void>;
}

export type StoreOptions = S3Options;

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;

function splitUrl(location: string): { scheme: 'file' | 's3'; path: string } {
  const scheme = SCHEME.exec(location)?.[1].toLowerCase();
  if (scheme === undefined) return { scheme: 'file', path: location };
  if (scheme === 'file') return { scheme, path: fileURLToPath(location) };
  if (scheme === 's3' || scheme === 's3a') return { scheme: 's3', path: location.replace(SCHEME, '') };
  throw new ArcletError('USAGE', `${location} is on ${scheme}://, which arclet does not read.`, {
    subject: location,
    remedy: 'Give a path, file:// or s3://.',
  });
}

function splitBucket(location: string, path: string): { bucket: string; key: string } {
  const [, bucket = '', key = ''] = /^([^/]*)\/*(.*)$/s.exec(path) ?? [];
  if (bucket !== '') return { bucket, key };
  throw new ArcletError('USAGE', `${location} names no bucket.`, { subject: location, remedy: 'Write s3://BUCKET/KEY.' });
}

/**
 * Opens a folder (plain path or file://, which need not exist yet) or a bucket with an optional prefix (s3://).
 *
 * @throws USAGE for other schemes; INPUT_UNREADABLE when `s3://` is asked for and @aws-sdk/client-s3 is not installed.
 */
export async function openStore(location: string, options: StoreOptions = {}): Promise<Store> {
  const { scheme, path } = splitUrl(location);
  if (scheme === 'file') return new FileStore(path);
  const { bucket, key } = splitBucket(location, path);
  return openS3Store(bucket, key.replace(/\/+$/, ''), options);
}

/** Splits the place of one object into its store and its key: `s3://b/a/c.fits` is `c.fits` in `s3://b/a`. */
export async function openStoreOf(location: string, options: StoreOptions = {}): Promise<{ store: Store; key: string }> {
  const { path } = splitUrl(location);
  const name = /[^/\\]*$/.exec(path)?.[0] ?? '';
  const isBucketOnly = SCHEME.test(location) && !/:\/\/[^/]*\/./.test(location);
  if (name === '' || isBucketOnly) {
    throw new ArcletError('USAGE', `${location} names a folder, not a file.`, { subject: location, remedy: 'Name a file.' });
  }
  const folder = location.slice(0, location.length - name.length).replace(/(?<=[^/:])\/$/, '');
  return { store: await openStore(folder === '' ? '.' : folder, options), key: name };
}

/** The bytes of one file or object, by path, file:// or s3://. Close it. Throws as {@link Store.source}. */
export async function openSource(location: string, options: StoreOptions = {}): Promise<ByteSource> {
  if (splitUrl(location).scheme === 'file') return openFileSource(splitUrl(location).path);
  const { store, key } = await openStoreOf(location, options);
  try {
    const source = await store.source(key);
    return { ...source, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}
