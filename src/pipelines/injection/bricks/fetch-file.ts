/** One file of a brick, from its origin into the cache: whole, verified, and with its checksum, or not there at all. */
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleepFor } from 'node:timers/promises';
import { ArcletError, isArcletError } from '../../../core/errors.ts';
import { openAtomicFile } from '../../../io/atomic.ts';
import { isPassing } from '../../../io/store/retry.ts';
import { openSource, type Store } from '../../../io/store/store.ts';
import type { PlaneName } from './files.ts';
import { type Download, type Origin, Refused } from './origin.ts';
import { checkFile, digestOf, type FileFacts } from './verify.ts';

/** The clock and the dice of retries. */
export interface Patience {
  /** Rejects when the signal fires. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Uniform in [0, 1): jitter is no part of any result. */
  random(): number;
}

export const PATIENCE: Patience = {
  sleep: (milliseconds, signal) => sleepFor(milliseconds, undefined, { signal }),
  random: Math.random,
};

const RETRIES = 5;
const LONGEST_SECONDS = 60;
/** Of a delay, to either side: workers that failed together shall not come back together. */
const JITTER = 0.25;

export interface FetchedFile extends FileFacts {
  readonly name: string;
}

/**
 * Fetches one file, again up to five times when the failure may pass: 5xx, 429, a broken connection, a body that ends early or is no image.
 *
 * @param folder in the cache
 * @returns undefined when the origin does not have it
 * @throws ABORTED; OUTPUT_UNWRITABLE; INPUT_UNREADABLE, INPUT_INVALID after the last try
 */
export async function fetchFile(
  origin: Origin,
  brick: string,
  plane: PlaneName,
  cache: Store,
  folder: string,
  signal: AbortSignal,
  patience: Patience,
): Promise<FetchedFile | undefined> {
  for (let retry = 0; ; retry++) {
    try {
      const download = await origin.open(brick, plane, signal);
      return download === undefined ? undefined : await keep(download, plane, cache, folder);
    } catch (error) {
      if (signal.aborted) throw stopped(brick, signal);
      if (retry === RETRIES || !mayPass(error, origin)) throw asInputError(error, brick, retry + 1);
    }
    const seconds = Math.min(LONGEST_SECONDS, 2 ** retry) * (1 + JITTER * (2 * patience.random() - 1));
    await patience.sleep(1000 * seconds, signal).catch(() => {
      throw stopped(brick, signal);
    });
  }
}

function mayPass(error: unknown, { isWeb }: Origin): boolean {
  if (error instanceof Refused) return error.status >= 500 || error.status === 429;
  if (isArcletError(error)) return (isWeb && error.code === 'INPUT_INVALID') || isPassing(error);
  // What fetch throws for the network: TypeError with a cause, TimeoutError.
  return true;
}

function asInputError(error: unknown, brick: string, tries: number): unknown {
  if (isArcletError(error)) return error;
  const { message, cause } = error as Error;
  const why = cause instanceof Error ? `${message} (${cause.message})` : message;
  return new ArcletError('INPUT_UNREADABLE', `${why}, after ${tries} ${tries === 1 ? 'try' : 'tries'}.`, {
    subject: brick,
    remedy: 'Check coadd_base_url and the network, then run the stage again.',
    cause: error,
  });
}

function stopped(brick: string, signal: AbortSignal): ArcletError {
  return new ArcletError('ABORTED', `The fetch of brick ${brick} was stopped.`, {
    subject: brick,
    remedy: 'Run the stage again: what is fetched is kept.',
    cause: signal.reason,
  });
}

/** Streams to a temporary file, looks at it, and lets it take its place. For a bucket the temporary file is on this machine. */
async function keep(download: Download, plane: PlaneName, cache: Store, folder: string): Promise<FetchedFile> {
  const { name, bytes: expected, body } = download;
  const isBucket = cache.location.startsWith('s3://');
  const file = await openAtomicFile(join(isBucket ? tmpdir() : cache.location, ...(isBucket ? [] : [folder]), name));
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of body) {
      hash.update(piece);
      bytes += piece.length;
      await file.write(piece);
    }
    if (expected !== undefined && bytes !== expected) {
      throw new ArcletError('INPUT_INVALID', `${name} is ${bytes} bytes, and its origin said ${expected}.`, { subject: name });
    }
    await checkFile(file.temporary, plane);
    if (isBucket) {
      await upload(file.temporary, cache, `${folder}/${name}`);
      await file.abort();
    } else await file.finish();
    return { name, bytes, sha256: hash.digest('hex') };
  } catch (error) {
    await file.abort();
    throw error;
  }
}

async function upload(path: string, cache: Store, key: string): Promise<void> {
  const source = await openSource(path);
  const sink = await cache.sink(key);
  try {
    await digestOf(source, (piece) => sink.write(piece));
    await sink.finish();
  } catch (error) {
    await sink.abort();
    throw error;
  } finally {
    await source.close();
  }
}
