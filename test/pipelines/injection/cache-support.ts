/** A campaign's config and context for stage `cache`, and a web server whose answers can be spoiled. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { openParquet } from '../../../src/io/parquet.ts';
import { openSource } from '../../../src/io/store/store.ts';
import type { Patience } from '../../../src/pipelines/injection/bricks/fetch-file.ts';
import { type InjectConfig, InjectConfigSchema } from '../../../src/pipelines/injection/config.ts';
import type { StageContext } from '../../../src/pipelines/stage.ts';

export const configOf = (keys: Record<string, unknown>): InjectConfig => InjectConfigSchema.parse({ variant: 'v1', ...keys });

export function contextOf(more: Partial<StageContext> = {}): StageContext {
  return {
    signal: new AbortController().signal,
    log: { info: () => {}, progress: () => {} },
    version: 'test',
    shard: { index: 0, count: 1 },
    force: false,
    record: { configHash: 'hash', current: {}, note: async () => {} },
    engine: () => Promise.reject(new Error('the cache needs no engine')),
    ...more,
  };
}

/** No waiting; the waits are kept. */
export function impatience(random = 0.5): Patience & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    random: () => random,
    async sleep(milliseconds, signal) {
      signal.throwIfAborted();
      waits.push(milliseconds);
    },
  };
}

export interface Asset {
  brickname: string;
  ok: boolean;
  error: string | null;
  location: string | null;
  bytes: bigint;
  files: number;
  sha256: string | null;
}

/** Rows of an assets manifest. */
export async function assetsOf(output: string, name = 'assets_manifest.parquet'): Promise<Asset[]> {
  const source = await openSource(`${output}/phase4b/v1/${name}`);
  try {
    const table = await openParquet(source);
    const rows: Asset[] = [];
    for await (const batch of table.batches()) {
      for (let row = 0; row < batch.rows; row++) {
        rows.push(
          Object.fromEntries(Object.entries(batch.columns).map(([key, values]) => [key, values[row]])) as unknown as Asset,
        );
      }
    }
    return rows;
  } finally {
    await source.close();
  }
}

/** All files below a folder, hidden ones too. */
export async function filesBelow(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** What the server does instead of sending the file. */
export type Mischief = number | 'cut' | 'page' | 'hang' | 'drop';

export interface SurveyServer {
  readonly url: string;
  /** Paths of bricks asked for, in order. */
  readonly asked: string[];
  /** Answers to the next requests whose path contains the key, one each; then the file. */
  readonly mischief: Map<string, Mischief[]>;
  close(): Promise<void>;
}

/** Serves the files of a folder. */
export async function startSurvey(folder: string): Promise<SurveyServer> {
  const asked: string[] = [];
  const mischief = new Map<string, Mischief[]>();
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '/');
    // A client of another test may still try a port that was given to this server meanwhile.
    if (!/^\/\d{3}\//.test(path)) return void response.writeHead(404).end('no survey');
    asked.push(path);
    const found = [...mischief].find(([key, left]) => path.includes(key) && left.length > 0);
    const kind = found?.[1].shift();
    const file = join(folder, path);
    if (kind !== undefined) spoil(kind, file, response);
    else if (!existsSync(file)) response.writeHead(404).end('not here');
    else {
      response.writeHead(200, { 'content-length': statSync(file).size });
      createReadStream(file).pipe(response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    mischief,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spoil(kind: Mischief, file: string, response: ServerResponse): void {
  if (typeof kind === 'number') response.writeHead(kind).end('no');
  else if (kind === 'drop') response.destroy();
  else if (kind === 'page') response.writeHead(200).end('<html>try again later</html>');
  else {
    response.writeHead(200, { 'content-length': statSync(file).size });
    createReadStream(file, { end: 2000 })
      .on('end', () => {
        if (kind === 'cut') response.destroy();
      })
      .pipe(response, { end: false });
  }
}
