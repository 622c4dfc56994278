/** A sink that makes one PUT of what is small and a multipart upload of what is not. Either way the object appears at once. */
import { ArcletError } from '../../core/errors.ts';
import type { ByteSink } from './store.ts';

/** The calls of a multipart upload, retried by whoever gives them. */
export interface UploadCalls {
  put(bytes: Uint8Array): Promise<void>;
  begin(): Promise<string>;
  /** Gives the part's tag. Part numbers count from 1. */
  part(upload: string, number: number, bytes: Uint8Array): Promise<string>;
  complete(upload: string, tags: readonly string[]): Promise<void>;
  abort(upload: string): Promise<void>;
}

/** S3 takes no more parts than this. */
const MOST_PARTS = 10_000;

/** Holds one part in memory. */
export class UploadSink implements ByteSink {
  readonly name: string;
  readonly #calls: UploadCalls;
  readonly #part: Uint8Array;
  #filled = 0;
  #upload: string | undefined;
  #tags: string[] = [];
  #done = false;

  constructor(name: string, partBytes: number, calls: UploadCalls) {
    this.name = name;
    this.#part = new Uint8Array(partBytes);
    this.#calls = calls;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; ) {
      // A full part is sent only when more comes: what fits in one part is one PUT.
      if (this.#filled === this.#part.byteLength) await this.#send();
      const piece = bytes.subarray(at, at + this.#part.byteLength - this.#filled);
      this.#part.set(piece, this.#filled);
      this.#filled += piece.byteLength;
      at += piece.byteLength;
    }
  }

  async finish(): Promise<void> {
    if (this.#upload === undefined) await this.#calls.put(this.#part.slice(0, this.#filled));
    else {
      await this.#send();
      await this.#calls.complete(this.#upload, this.#tags);
    }
    this.#done = true;
  }

  async abort(): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    // Parts of an upload that is neither completed nor aborted are stored, and billed, for ever.
    if (this.#upload !== undefined) await this.#calls.abort(this.#upload).catch(() => undefined);
  }

  async #send(): Promise<void> {
    if (this.#tags.length === MOST_PARTS) {
      const bytes = MOST_PARTS * this.#part.byteLength;
      throw new ArcletError('OUTPUT_UNWRITABLE', `${this.name} is larger than ${MOST_PARTS} parts, ${bytes} bytes.`, {
        subject: this.name,
        remedy: 'Write fewer rows per file, or give a larger partBytes.',
      });
    }
    this.#upload ??= await this.#calls.begin();
    this.#tags.push(await this.#calls.part(this.#upload, this.#tags.length + 1, this.#part.slice(0, this.#filled)));
    this.#filled = 0;
  }
}
