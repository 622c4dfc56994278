/**
 * A gzipped file as a ByteSource. Gzip has no index: a first pass counts the bytes (and keeps them if they are few), later reads of a
 * large file inflate again from the start or go on from where the last one ended. Memory stays bounded whatever the file claims.
 */
import { type ByteSource, checkRange, memorySource } from '../store/source.ts';
import { damaged } from './damage.ts';

export interface GunzipOptions {
  /** Inflated files up to this size are kept in memory; default 256 MB. */
  readonly keepBytes?: number;
  /** Longer ones are refused; default 64 GB. */
  readonly maxBytes?: number;
}

const FEED_BYTES = 2 ** 18;

export const isGzip = (start: Uint8Array): boolean => start[0] === 0x1f && start[1] === 0x8b;

/** Inflated pieces, in order. Throws INPUT_INVALID when the stream is damaged or ends early. */
async function* inflate(source: ByteSource): AsyncGenerator<Uint8Array> {
  let at = 0;
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const length = Math.min(FEED_BYTES, source.size - at);
      if (length === 0) return controller.close();
      // A copy, because a stream may take the buffer away and a source in memory gives views of its own.
      controller.enqueue(new Uint8Array(await source.read(at, length)));
      at += length;
    },
  });
  const reader = packed.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause);
    throw damaged(source.name, `it cannot be inflated: ${reason}`, { at });
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Gives exact lengths from pieces of any size, forward only. */
class Forward {
  readonly #pieces: AsyncGenerator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);
  position = 0;

  constructor(source: ByteSource) {
    this.#pieces = inflate(source);
  }

  /** Moves on by `length` bytes, copying them into `target` if there is one. */
  async advance(length: number, target?: Uint8Array): Promise<void> {
    for (let done = 0; done < length; ) {
      if (this.#piece.length === 0) {
        const next = await this.#pieces.next();
        if (next.done) throw damaged('gzip stream', `it ended ${length - done} bytes early on a second pass`);
        this.#piece = next.value;
        continue;
      }
      const taken = this.#piece.subarray(0, length - done);
      target?.set(taken, done);
      this.#piece = this.#piece.subarray(taken.length);
      done += taken.length;
      this.position += taken.length;
    }
  }

  async close(): Promise<void> {
    await this.#pieces.return(undefined);
  }
}

/**
 * The inflated bytes of a gzipped source.
 *
 * @throws INPUT_INVALID when the stream is damaged, truncated, or inflates to more than `maxBytes`.
 */
export async function gunzipSource(source: ByteSource, options: GunzipOptions = {}): Promise<ByteSource> {
  const { keepBytes = 256e6, maxBytes = 64e9 } = options;
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const piece of inflate(source)) {
    size += piece.length;
    if (size > maxBytes)
      throw damaged(
        source.name,
        `it inflates to more than ${maxBytes} bytes`,
        { maxBytes },
        'Inflate it yourself, or raise maxBytes.',
      );
    if (size <= keepBytes) kept.push(piece);
    else kept.length = 0;
  }
  return size <= keepBytes ? keptSource(source, kept, size) : streamedSource(source, size);
}

function keptSource(source: ByteSource, pieces: readonly Uint8Array[], size: number): ByteSource {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return { ...memorySource(bytes, source.name), close: () => source.close() };
}

function streamedSource(source: ByteSource, size: number): ByteSource {
  let forward = new Forward(source);
  // Reads take turns: there is one stream.
  let last: Promise<unknown> = Promise.resolve();
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    if (offset < forward.position) {
      await forward.close();
      forward = new Forward(source);
    }
    await forward.advance(offset - forward.position);
    const target = new Uint8Array(length);
    await forward.advance(length, target);
    return target;
  };
  const self: ByteSource = {
    name: source.name,
    size,
    read(offset, length) {
      const turn = last.then(() => {
        checkRange(self, offset, length);
        return read(offset, length);
      });
      last = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      await last;
      await forward.close();
      await source.close();
    },
  };
  return self;
}
