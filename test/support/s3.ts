/** An S3 server in this process (npm s3rver), on a free port, with its data in a temporary folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreOptions } from '../../src/io/store/store.ts';

/** The part of s3rver that is used; it brings no types. */
type Server = new (options: object) => { run(): Promise<AddressInfo>; close(): Promise<void> };

export interface LocalS3 {
  readonly options: StoreOptions;
  close(): Promise<void>;
}

export async function startLocalS3(bucket: string): Promise<LocalS3> {
  const S3rver = createRequire(import.meta.url)('s3rver') as Server;
  const directory = await mkdtemp(join(tmpdir(), 'arclet-s3-'));
  const server = new S3rver({ port: 0, address: '127.0.0.1', silent: true, directory, configureBuckets: [{ name: bucket }] });
  const { port } = await server.run();
  return {
    options: {
      endpoint: `http://127.0.0.1:${port}`,
      credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
      retry: { attempts: 1 },
    },
    async close() {
      await server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
