/** Big-endian pixels to typed arrays and back: NOCOMPRESS, and what gzip holds. */
import type { RawPixels } from './types.ts';

const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Big-endian bytes as pixels of `width` bytes.
 *
 * @param floating 4 and 8 bytes are float32 and float64, else int32 and int64
 */
export function pixelsFromBytes(bytes: Uint8Array, width: 1 | 2 | 4 | 8, floating: boolean): RawPixels {
  if (width === 1) return bytes;
  const native = LITTLE ? swapped(bytes, width) : bytes.slice();
  const buffer = native.buffer as ArrayBuffer;
  if (width === 2) return new Int16Array(buffer);
  if (width === 4) return floating ? new Float32Array(buffer) : new Int32Array(buffer);
  return floating ? new Float64Array(buffer) : new BigInt64Array(buffer);
}

/** The big-endian bytes of pixels. */
export function bytesFromPixels(pixels: RawPixels): Uint8Array {
  const bytes = new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const width = pixels.BYTES_PER_ELEMENT;
  return LITTLE && width > 1 ? swapped(bytes, width) : bytes.slice();
}

function swapped(bytes: Uint8Array, width: number): Uint8Array {
  const length = bytes.length - (bytes.length % width);
  const turned = new Uint8Array(length);
  for (let pixel = 0; pixel < length; pixel += width) {
    for (let byte = 0; byte < width; byte++) turned[pixel + byte] = bytes[pixel + width - 1 - byte];
  }
  return turned;
}
