/** Big-endian pixels to typed arrays and back: NOCOMPRESS, and what gzip holds. */
import type { RawPixels } from './types.ts';

/**
 * Big-endian bytes as pixels of `width` bytes.
 *
 * @param floating 4 and 8 bytes are float32 and float64, else int32 and int64
 */
export function pixelsFromBytes(bytes: Uint8Array, width: 1 | 2 | 4 | 8, floating: boolean): RawPixels {
  if (width === 1) return bytes;
  const count = Math.floor(bytes.length / width);
  // DataView names the byte order, so this is right on any host, and V8 makes one load and swap of it.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) {
    const pixels = new Int16Array(count);
    for (let index = 0; index < count; index++) pixels[index] = view.getInt16(2 * index);
    return pixels;
  }
  if (width === 4) {
    const pixels = new Int32Array(count);
    for (let index = 0; index < count; index++) pixels[index] = view.getInt32(4 * index);
    // As integers up to here: a float may change the bits of a NaN.
    return floating ? new Float32Array(pixels.buffer) : pixels;
  }
  const pixels = new BigInt64Array(count);
  for (let index = 0; index < count; index++) pixels[index] = view.getBigInt64(8 * index);
  return floating ? new Float64Array(pixels.buffer) : pixels;
}

/** The big-endian bytes of pixels. */
export function bytesFromPixels(pixels: RawPixels): Uint8Array {
  const { buffer, byteOffset, byteLength, length } = pixels;
  const bytes = new Uint8Array(byteLength);
  const view = new DataView(bytes.buffer);
  switch (pixels.BYTES_PER_ELEMENT) {
    case 1:
      bytes.set(pixels as Uint8Array);
      break;
    case 2:
      for (let index = 0; index < length; index++) view.setInt16(2 * index, (pixels as Int16Array)[index]);
      break;
    case 4: {
      const words = new Int32Array(buffer, byteOffset, length);
      for (let index = 0; index < length; index++) view.setInt32(4 * index, words[index]);
      break;
    }
    default: {
      const words = new BigInt64Array(buffer, byteOffset, length);
      for (let index = 0; index < length; index++) view.setBigInt64(8 * index, words[index]);
    }
  }
  return bytes;
}
