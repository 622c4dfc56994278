/** An S3 bucket, or a prefix in it, as a store. */
import { ArcletError } from '../../core/errors.ts';
import { checkKey } from './file-store.ts';
import { type RetryOptions, statusOf, withRetries } from './retry.ts';
import { openS3Client, type S3Client, type S3Options, s3Error } from './s3-client.ts';
import { type ByteSource, checkRange } from './source.ts';
import type { ByteSink, ObjectInfo, Store } from './store.ts';
import { UploadSink } from './upload.ts';

type Sdk = typeof import('@aws-sdk/client-s3');

interface Connection {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly bucket: string;
  /** Without slashes at the ends; may be empty. */
  readonly prefix: string;
  readonly retry: RetryOptions;
  readonly partBytes: number;
}

/** Opens the client; no request is made. Throws INPUT_UNREADABLE when the SDK is not installed. */
export async function openS3Store(bucket: string, prefix: string, options: S3Options): Promise<Store> {
  const { sdk, client } = await openS3Client(options);
  const { retry = {}, partBytes = 16 * 2 ** 20 } = options;
  return new S3Store({ sdk, client, bucket, prefix, retry, partBytes });
}

class S3Store implements Store {
  readonly location: string;
  readonly #to: Connection;

  constructor(connection: Connection) {
    this.#to = connection;
    this.location = `s3://${connection.bucket}${connection.prefix === '' ? '' : `/${connection.prefix}`}`;
  }

  async get(key: string): Promise<Uint8Array> {
    return (await this.#fetch(key, {})).bytes;
  }

  async getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    const name = this.#name(key);
    checkRange({ name, size: Number.MAX_SAFE_INTEGER }, offset, length);
    // S3 has no empty range: ask what is there.
    if (length === 0) return (await this.source(key)).read(offset, 0);
    return this.#range(key, offset, length);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const { sdk, client, bucket } = this.#to;
    const command = { Bucket: bucket, Key: this.#key(key), Body: bytes, ContentLength: bytes.byteLength };
    await this.#call('OUTPUT_UNWRITABLE', key, () => client.send(new sdk.PutObjectCommand(command)));
  }

  async sink(key: string): Promise<ByteSink> {
    const { sdk, client, bucket, partBytes } = this.#to;
    const target = { Bucket: bucket, Key: this.#key(key) };
    const call = <T>(work: () => Promise<T>) => this.#call('OUTPUT_UNWRITABLE', key, work);
    return new UploadSink(this.#name(key), partBytes, {
      put: (bytes) => this.put(key, bytes),
      begin: async () => (await call(() => client.send(new sdk.CreateMultipartUploadCommand(target)))).UploadId as string,
      part: async (UploadId, PartNumber, Body) => {
        const command = { ...target, UploadId, PartNumber, Body, ContentLength: Body.byteLength };
        return (await call(() => client.send(new sdk.UploadPartCommand(command)))).ETag as string;
      },
      complete: async (UploadId, tags) => {
        const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
        const command = { ...target, UploadId, MultipartUpload: { Parts } };
        await call(() => client.send(new sdk.CompleteMultipartUploadCommand(command)));
      },
      abort: async (UploadId) => {
        await call(() => client.send(new sdk.AbortMultipartUploadCommand({ ...target, UploadId })));
      },
    });
  }

  async *list(prefix = ''): AsyncGenerator<ObjectInfo> {
    const { sdk, client, bucket } = this.#to;
    const root = this.#to.prefix === '' ? '' : `${this.#to.prefix}/`;
    let ContinuationToken: string | undefined;
    do {
      const command = new sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: root + prefix, ContinuationToken });
      const page = await this.#call('INPUT_UNREADABLE', prefix, () => client.send(command));
      for (const { Key, Size } of page.Contents ?? []) {
        // Keys that end in a slash are the console's idea of folders.
        if (Key !== undefined && !Key.endsWith('/')) yield { key: Key.slice(root.length), size: Size ?? 0 };
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  async exists(key: string): Promise<boolean> {
    try {
      await this.#head(key);
      return true;
    } catch (error) {
      if (statusOf((error as ArcletError).cause) === 404) return false;
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    const { sdk, client, bucket } = this.#to;
    const command = { Bucket: bucket, Key: this.#key(key) };
    await this.#call('OUTPUT_UNWRITABLE', key, () => client.send(new sdk.DeleteObjectCommand(command)));
  }

  async source(key: string): Promise<ByteSource> {
    const { ContentLength: size = 0, ETag } = await this.#head(key);
    const source = {
      name: this.#name(key),
      size,
      read: async (offset: number, length: number) => {
        checkRange(source, offset, length);
        return length === 0 ? new Uint8Array(0) : this.#range(key, offset, length, ETag);
      },
      close: async () => {},
    };
    return source;
  }

  async close(): Promise<void> {
    this.#to.client.destroy();
  }

  #head(key: string) {
    const { sdk, client, bucket } = this.#to;
    const command = { Bucket: bucket, Key: this.#key(key) };
    return this.#call('INPUT_UNREADABLE', key, () => client.send(new sdk.HeadObjectCommand(command)));
  }

  /** The body is read within the retried call: a connection that breaks half-way starts over. */
  #fetch(key: string, more: { Range?: string; IfMatch?: string }) {
    const { sdk, client, bucket } = this.#to;
    const command = { Bucket: bucket, Key: this.#key(key), ...more };
    return this.#call('INPUT_UNREADABLE', key, async () => {
      const answer = await client.send(new sdk.GetObjectCommand(command));
      const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array(0);
      return { bytes, etag: answer.ETag };
    });
  }

  async #range(key: string, offset: number, length: number, etag?: string): Promise<Uint8Array> {
    const name = this.#name(key);
    const Range = `bytes=${offset}-${offset + length - 1}`;
    const { bytes, etag: found } = await this.#fetch(key, { Range, IfMatch: etag }).catch((error: ArcletError) => {
      if (statusOf(error.cause) === 416) checkRange({ name, size: offset }, offset, length);
      throw error;
    });
    // Not every server knows If-Match.
    if (etag !== undefined && found !== undefined && found !== etag) {
      throw s3Error('INPUT_UNREADABLE', name, Object.assign(new Error('replaced'), { $metadata: { httpStatusCode: 412 } }));
    }
    if (bytes.byteLength > length)
      throw s3Error('INPUT_UNREADABLE', name, new Error('the server does not answer ranged requests'));
    checkRange({ name, size: offset + bytes.byteLength }, offset, length);
    return bytes;
  }

  #key(key: string): string {
    checkKey(key);
    return this.#to.prefix === '' ? key : `${this.#to.prefix}/${key}`;
  }

  #name(key: string): string {
    return `${this.location}/${key}`;
  }

  async #call<T>(code: 'INPUT_UNREADABLE' | 'OUTPUT_UNWRITABLE', key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await withRetries(work, this.#to.retry);
    } catch (cause) {
      throw cause instanceof ArcletError ? cause : s3Error(code, this.#name(key), cause);
    }
  }
}
