/** A small PNG encoder (8 bit, gray or RGB) on node:zlib: stamps and contact sheets need no more, and no dependency. */
import { promisify } from 'node:util';
import { crc32, deflate, deflateSync } from 'node:zlib';

export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 1 gray, 3 RGB. */
  readonly channels: 1 | 3;
  /** Row by row from the TOP, channels interleaved. */
  readonly pixels: Uint8Array;
}

const NO_FILTER = 0;
const UP = 2;

/** Lines with the byte of their filter before them. Throws a RangeError when the pixels do not fill width x height x channels. */
function checkedLines({ width, height, channels, pixels }: Raster, filter: number): { lines: Uint8Array; stride: number } {
  const stride = width * channels;
  if (pixels.length !== stride * height) {
    throw new RangeError(
      `a ${width} x ${height} raster with ${channels} channels has ${width * height * channels} bytes, got ${pixels.length}`,
    );
  }
  const lines = new Uint8Array((stride + 1) * height);
  for (let y = 0; y < height; y++) {
    lines[y * (stride + 1)] = filter;
    lines.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  }
  return { lines, stride };
}

/** The bytes of a PNG. Throws a RangeError when the pixels do not fill width x height x channels. */
export function encodePng(raster: Raster): Uint8Array {
  const { lines, stride } = checkedLines(raster, UP);
  // The difference to the line above: smooth images pack to about two thirds of what they do unfiltered.
  for (let y = raster.height - 1; y > 0; y--) {
    const at = y * (stride + 1) + 1;
    const above = at - stride - 1;
    for (let i = 0; i < stride; i++) lines[at + i] -= lines[above + i];
  }
  return pngOf(raster, deflateSync(lines));
}

const deflateAside = promisify(deflate) as (
  bytes: Uint8Array,
  options: { level: number; chunkSize: number },
) => Promise<Uint8Array>;
/** As small as level 6 to half a per cent where noise is most of the picture, in four fifths of the time. */
const NOISE_LEVEL = 3;
/** The packing thread comes back with each: 16 KiB, as zlib has it, would be hundreds of times. */
const PACKED_CHUNK_BYTES = 2 ** 20;

/**
 * The bytes of a PNG of a noisy picture: without a filter, which makes noise a seventh longer, and packed by another thread.
 *
 * @throws as {@link encodePng}
 */
export async function encodeNoisyPng(raster: Raster): Promise<Uint8Array> {
  const { lines } = checkedLines(raster, NO_FILTER);
  return pngOf(raster, await deflateAside(lines, { level: NOISE_LEVEL, chunkSize: PACKED_CHUNK_BYTES }));
}

function pngOf({ width, height, channels }: Raster, packed: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, channels === 3 ? 2 : 0);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const parts = [
    signature,
    ...chunk('IHDR', new Uint8Array(header.buffer)),
    ...chunk('IDAT', packed),
    ...chunk('IEND', new Uint8Array()),
  ];
  return new Uint8Array(Buffer.concat(parts));
}

function chunk(type: string, data: Uint8Array): Uint8Array[] {
  const name = new TextEncoder().encode(type);
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, data.length);
  const check = new DataView(new ArrayBuffer(4));
  check.setUint32(0, crc32(data, crc32(name)));
  return [new Uint8Array(length.buffer), name, data, new Uint8Array(check.buffer)];
}

/** A `data:` address of a PNG, for pages that stand alone. */
export function pngDataUrl(raster: Raster): string {
  return `data:image/png;base64,${Buffer.from(encodePng(raster)).toString('base64')}`;
}
