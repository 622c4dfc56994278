/** Where bricks are fetched from: a web server, a folder, a bucket. */
import { ArcletError } from '../../../core/errors.ts';
import { openStore, type Store } from '../../../io/store/store.ts';
import { joinLocation } from '../layout.ts';
import { brickFolders, fileOf, locateBrick, type PlaneName, planeFile } from './files.ts';

/** The bytes of one file at its origin. */
export interface Download {
  /** Its name at the origin. */
  readonly name: string;
  /** Undefined where the server does not say. */
  readonly bytes: number | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Origin {
  /** Bytes may be damaged on the way: what is wrong with a file may pass. */
  readonly isWeb: boolean;
  /** Address tried for a brick, for messages. */
  addressOf(brick: string): string;
  /**
   * Opens a file.
   *
   * @returns undefined when the origin does not have it (404)
   * @throws {@link Refused} for another answer of a web server; INPUT_UNREADABLE; what a broken connection gives
   */
  open(brick: string, plane: PlaneName, signal: AbortSignal): Promise<Download | undefined>;
  close(): Promise<void>;
}

/** An answer of a web server that is neither the file nor its absence. */
export class Refused extends Error {
  readonly status: number;

  constructor(url: string, status: number) {
    super(`${url} answered ${status}`);
    this.name = 'Refused';
    this.status = status;
  }
}

const PIECE_BYTES = 2 ** 20;

/**
 * Opens an origin; nothing is read.
 *
 * @param base folder, s3:// or http(s):// that holds `<brick[:3]>/<brick>/` (folders and buckets may be flat)
 * @param timeoutSeconds of one request to a web server, body included
 * @throws USAGE for another scheme
 */
export async function openOrigin(base: string, timeoutSeconds: number, bands: readonly string[]): Promise<Origin> {
  if (/^https?:\/\//i.test(base)) return webOrigin(base, timeoutSeconds);
  return storeOrigin(await openStore(base), bands);
}

function webOrigin(base: string, timeoutSeconds: number): Origin {
  const addressOf = (brick: string) => joinLocation(base, brickFolders(brick)[1]);
  return {
    isWeb: true,
    addressOf,
    async open(brick, plane, signal) {
      const name = planeFile(brick, plane);
      const url = joinLocation(addressOf(brick), name);
      // Identity, because the length of what a server packs on the way says nothing about the file.
      const answer = await fetch(url, {
        headers: { 'accept-encoding': 'identity' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1000)]),
      });
      if (answer.ok && answer.body !== null) {
        const length = answer.headers.get('content-encoding') === null ? answer.headers.get('content-length') : null;
        return { name, bytes: length === null ? undefined : Number(length), body: answer.body };
      }
      await answer.body?.cancel();
      if (answer.status === 404) return undefined;
      throw new Refused(url, answer.status);
    },
    close: async () => {},
  };
}

function storeOrigin(store: Store, bands: readonly string[]): Origin {
  return {
    isWeb: false,
    addressOf: (brick) => joinLocation(store.location, brickFolders(brick)[1]),
    async open(brick, plane, signal) {
      const found = await locateBrick(store, brick, bands);
      const name = found === undefined ? undefined : fileOf(found.files, brick, plane);
      if (found === undefined || name === undefined) return undefined;
      const source = await store.source(`${found.folder}/${name}`);
      const pieces = async function* () {
        try {
          for (let at = 0; at < source.size; at += PIECE_BYTES) {
            if (signal.aborted) throw new ArcletError('ABORTED', `The copy of ${source.name} was stopped.`);
            yield await source.read(at, Math.min(PIECE_BYTES, source.size - at));
          }
        } finally {
          await source.close();
        }
      };
      return { name, bytes: source.size, body: pieces() };
    },
    close: () => store.close(),
  };
}
