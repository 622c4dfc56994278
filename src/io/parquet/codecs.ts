/** Page compression through node:zlib. */
import zlib from 'node:zlib';
import type { CompressionCodec } from 'hyparquet';
import { snappyUncompress } from 'hyparquet';
import { ArcletError } from '../../core/errors.ts';

/** Codecs that are written. `zstd` at level 1: higher levels cost three times the time for 2 % of a noisy stamp. */
export type WriteCodec = 'zstd' | 'snappy' | 'none';

type Compress = (bytes: Uint8Array) => Uint8Array;

/** @throws CONFIG_INVALID where this Node has no zstd (older than 22.15). */
export function zstdCompressor(level: number): Compress {
  if (typeof zlib.zstdCompressSync !== 'function') {
    throw new ArcletError('CONFIG_INVALID', `Node ${process.versions.node} has no zstd.`, {
      subject: 'codec',
      remedy: 'Use Node 24, or the codec snappy.',
    });
  }
  const options = { params: { [zlib.constants.ZSTD_c_compressionLevel]: level } };
  return (bytes) => zlib.zstdCompressSync(bytes, options);
}

/**
 * Decompresses a page to exactly `size` bytes. `size` comes from the file: nothing is allocated that the codec could not have made
 * from so few bytes. Throws an Error that says why.
 */
export function decompress(codec: CompressionCodec, bytes: Uint8Array, size: number): Uint8Array {
  if (codec === 'UNCOMPRESSED') return expect(bytes, size);
  if (size === 0) return new Uint8Array(0);
  const options = { maxOutputLength: size };
  if (codec === 'SNAPPY') {
    // A copy of 64 bytes takes at least 2.
    if (size > 64 * bytes.byteLength) throw new Error(`a page of ${bytes.byteLength} bytes cannot hold ${size}`);
    const page = new Uint8Array(size);
    snappyUncompress(bytes, page);
    return page;
  }
  if (codec === 'ZSTD' && typeof zlib.zstdDecompressSync === 'function')
    return expect(zlib.zstdDecompressSync(bytes, options), size);
  if (codec === 'GZIP') return expect(zlib.gunzipSync(bytes, options), size);
  if (codec === 'BROTLI') return expect(zlib.brotliDecompressSync(bytes, options), size);
  throw new Error(`the compression ${codec} is not known here`);
}

function expect(bytes: Uint8Array, size: number): Uint8Array {
  if (bytes.byteLength !== size) throw new Error(`a page has ${bytes.byteLength} bytes where ${size} are declared`);
  return bytes;
}
