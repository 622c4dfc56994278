/** GZIP_1 and GZIP_2: gzip of big-endian pixels, the second with the bytes of all pixels sorted by significance (FITS Standard 4.0, 10.4.2). */
import { damaged } from './types.ts';
import { nodeZlib } from './zlib.node.ts';

/**
 * Inflates one gzip member.
 *
 * @param most bytes that may come out: more is an error, so that a small tile cannot become a large allocation
 * @throws INPUT_INVALID: damaged, cut, or larger than `most`
 */
export async function gunzip(bytes: Uint8Array, most: number, subject = 'GZIP tile'): Promise<Uint8Array> {
  const zlib = nodeZlib();
  try {
    if (zlib !== undefined) {
      const chunkSize = Math.min(Math.max(most, 64), 2 ** 20);
      const whole = zlib.gunzipSync(bytes, { maxOutputLength: Math.max(most, 1), chunkSize });
      return new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength);
    }
    return await through(new DecompressionStream('gzip'), bytes, most);
  } catch (cause) {
    throw damaged(
      subject,
      `${bytes.length} bytes of gzip do not inflate to at most ${most} bytes`,
      { bytes: bytes.length },
      cause,
    );
  }
}

/** One gzip member. `level` is zlib's, 1 to 9; a browser's own is used where there is no zlib. */
export async function gzip(bytes: Uint8Array, level = 1): Promise<Uint8Array> {
  const zlib = nodeZlib();
  if (zlib !== undefined) return new Uint8Array(zlib.gzipSync(bytes, { level }));
  return through(new CompressionStream('gzip'), bytes, Number.POSITIVE_INFINITY);
}

async function through(stream: CompressionStream | DecompressionStream, bytes: Uint8Array, most: number): Promise<Uint8Array> {
  const writer = stream.writable.getWriter();
  // Not awaited: a write resolves only when the reader below has taken what comes of it. Its failure reaches the reader too.
  writer
    .write(new Uint8Array(bytes))
    .then(() => writer.close())
    .catch(() => {});
  const reader = stream.readable.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > most) {
      await reader.cancel();
      throw new RangeError(`More than ${most} bytes came out.`);
    }
    parts.push(next.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Undoes the sorting of GZIP_2: first all most significant bytes, then the next, become whole pixels again. */
export function unshuffleBytes(bytes: Uint8Array, width: number): Uint8Array {
  if (width === 1) return bytes;
  const count = Math.floor(bytes.length / width);
  const whole = new Uint8Array(count * width);
  for (let byte = 0; byte < width; byte++) {
    for (let index = 0, to = byte, from = byte * count; index < count; index++, to += width) whole[to] = bytes[from + index];
  }
  return whole;
}

/** Sorts big-endian pixels by significance of their bytes, as GZIP_2 wants them. */
export function shuffleBytes(bytes: Uint8Array, width: number): Uint8Array {
  if (width === 1) return bytes;
  const count = Math.floor(bytes.length / width);
  const sorted = new Uint8Array(count * width);
  for (let byte = 0; byte < width; byte++) {
    for (let index = 0, from = byte, to = byte * count; index < count; index++, from += width) sorted[to + index] = bytes[from];
  }
  return sorted;
}
