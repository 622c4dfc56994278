/**
 * Bytes at offsets, wherever they lie. Everything that reads a format (FITS, Parquet, Arrow) reads through this, so that a cutout from a
 * file, from S3 and from memory is one code path. No Node in here.
 */
import { ArcletError } from '../../core/errors.ts';

/** Something with bytes at offsets: a file, an object, a buffer. */
export interface ByteSource {
  readonly name: string;
  readonly size: number;
  /** Exactly `length` bytes from `offset`; throws INPUT_INVALID (truncated) when they are not there. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Fills `target` from `offset`, where the source can without memory of its own; throws as `read`. */
  readInto?(offset: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Throws INPUT_INVALID unless `offset .. offset + length` lies inside the source. Called before anything is allocated, so that a length
 * that lies costs nothing.
 */
export function checkRange(source: { name: string; size: number }, offset: number, length: number): void {
  if (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= source.size
  )
    return;
  throw new ArcletError(
    'INPUT_INVALID',
    `${source.name} is truncated or damaged: bytes ${offset} to ${offset + length} are asked for and it has ${source.size}.`,
    { subject: source.name, remedy: 'Fetch or make the file again.', data: { offset, length, size: source.size } },
  );
}

/** A source over bytes in memory. `read` gives views, not copies. */
export function memorySource(bytes: Uint8Array, name: string): ByteSource {
  const source = {
    name,
    size: bytes.byteLength,
    async read(offset: number, length: number): Promise<Uint8Array> {
      checkRange(source, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    async close(): Promise<void> {},
  };
  return source;
}
