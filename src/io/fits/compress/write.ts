/** Compressing an image: RICE_1 and HCOMPRESS_1 of integers and of quantised floats, GZIP_1 and GZIP_2 of anything without loss. */
import { ArcletError } from '../../../core/errors.ts';
import { gzip, shuffleBytes } from './gzip.ts';
import { hcompressEncode, hcompressRefusal, hcompressTileShape } from './hcompress-encode.ts';
import { type QuantizedTile, quantizeTile } from './quantize.ts';
import { bytesFromPixels } from './raw.ts';
import { riceEncode } from './rice-encode.ts';
import { allocate, type Bitpix, NULL_VALUE, type Pixels, product, type Quantization, type RawPixels } from './types.ts';

/** A header card to be written. */
export interface CompressedCard {
  readonly keyword: string;
  readonly value: string | number | boolean;
  readonly comment: string;
}

/** How floats become integers. */
export interface QuantizeOptions {
  readonly method: Quantization;
  /** Step: positive is the noise of a tile divided by it (4 is usual), negative an absolute step in the unit of the image. */
  readonly level: number;
  /** Where the dither begins, 1 to 10000 (default 1). Images that are subtracted from one another should not share it. */
  readonly dither0?: number;
}

export interface CompressOptions {
  /**
   * HCOMPRESS_1 codes integers without loss (scale 0): the smallest for masks, and eight times as slow as RICE_1 for noise. GZIP_2 sorts bytes
   * by their place in a pixel, which packs floats better than GZIP_1.
   */
  readonly codec: 'RICE_1' | 'GZIP_1' | 'GZIP_2' | 'HCOMPRESS_1';
  /** Slowest axis first; default one row of the image, for HCOMPRESS_1 squares of about 100 x 100. */
  readonly tileShape?: readonly number[];
  /** Floats only; RICE_1 and HCOMPRESS_1 of floats need it, and GZIP without it loses nothing. */
  readonly quantize?: QuantizeOptions;
  /** Pixels of a RICE block, 16 or 32 (default). */
  readonly blockSize?: 16 | 32;
  /** zlib level, 1 (default) to 9. */
  readonly gzipLevel?: number;
}

/** A compressed image, ready for a file. */
export interface CompressedImage {
  /** The mandatory cards of the table and the Z keywords, in order; the image's own cards (WCS, EXTNAME) follow them. No END. */
  readonly cards: CompressedCard[];
  /** Table and heap, not padded to 2880 bytes. */
  readonly bytes: Uint8Array;
}

interface EncodedTile {
  readonly lossless: boolean;
  readonly body: Uint8Array;
  readonly scale: number;
  readonly zero: number;
}

/**
 * Compresses an image as a binary table extension.
 *
 * @param data `product(shape)` pixels, in the type of `bitpix`; unsigned 16 and 32-bit and signed 8-bit integers are kept through BZERO
 * @param shape slowest axis first
 * @throws USAGE when data, shape, bitpix and options do not go together
 */
export async function compressImage(
  data: Pixels,
  shape: readonly number[],
  bitpix: Bitpix,
  options: CompressOptions,
): Promise<CompressedImage> {
  const tileShape = checkRequest(data, shape, bitpix, options);
  const { pixels, bzero } = storedPixels(data, bitpix);
  const tiles: EncodedTile[] = [];
  let blank = false;
  for (const { index, start, size } of tilesOf(shape, tileShape)) {
    const tile = cut(pixels, shape, bitpix, start, size);
    const quantized = quantizedTile(tile, size, options.quantize, index);
    blank ||= quantized?.blank === true;
    tiles.push(await encodeTile(tile, size, quantized, options));
  }
  return assemble(tiles, shape, tileShape, bitpix, bzero, blank, options);
}

function usage(why: string): ArcletError {
  return new ArcletError('USAGE', `An image cannot be compressed: ${why}.`, { remedy: 'Change the options or the data.' });
}

function checkRequest(data: Pixels, shape: readonly number[], bitpix: Bitpix, options: CompressOptions): readonly number[] {
  const { codec, quantize } = options;
  const rows = () => shape.map((length, axis) => (axis === shape.length - 1 ? length : 1));
  const tileShape = options.tileShape ?? (codec === 'HCOMPRESS_1' ? hcompressTileShape(shape) : rows());
  if (shape.length === 0 || product(shape) !== data.length || data.length === 0) {
    throw usage(`a shape of [${shape}] does not fit ${data.length} pixels`);
  }
  if (tileShape.length !== shape.length || tileShape.some((length) => !Number.isInteger(length) || length < 1)) {
    throw usage(`tiles of [${tileShape}] do not divide an image of [${shape}]`);
  }
  if (data.BYTES_PER_ELEMENT * 8 !== Math.abs(bitpix) || isFloat(data) !== bitpix < 0) {
    throw usage(`BITPIX ${bitpix} is not the type of ${data.constructor.name}`);
  }
  const isGzip = codec === 'GZIP_1' || codec === 'GZIP_2';
  if (!isGzip && bitpix === 64) throw usage(`${codec} knows no 64-bit integers`);
  if (!isGzip && bitpix < 0 && quantize === undefined) throw usage(`${codec} of floats needs a quantisation`);
  if (quantize !== undefined) {
    const { level, dither0 = 1 } = quantize;
    if (bitpix > 0) throw usage('integers are not quantised');
    if (!Number.isFinite(level) || level === 0) throw usage(`a quantisation level of ${level} is no step`);
    if (!Number.isInteger(dither0) || dither0 < 1 || dither0 > 10000) throw usage(`dither0 = ${dither0} is not in 1 .. 10000`);
  }
  const trimmed = tileShape.map((length, axis) => Math.min(length, shape[axis]));
  const refusal = codec === 'HCOMPRESS_1' ? hcompressRefusal(shape, trimmed) : undefined;
  if (refusal !== undefined) throw usage(refusal);
  return trimmed;
}

function isFloat(data: Pixels): data is Float32Array | Float64Array {
  return data instanceof Float32Array || data instanceof Float64Array;
}

/** Pixels in the stored type: what FITS has no type for is moved by half its range. */
function storedPixels(data: Pixels, bitpix: Bitpix): { pixels: RawPixels; bzero: number } {
  if (data instanceof BigUint64Array) {
    return { pixels: BigInt64Array.from(data, (value) => value - 2n ** 63n), bzero: 2 ** 63 };
  }
  if (data instanceof Int8Array || data instanceof Uint16Array || data instanceof Uint32Array) {
    const bzero = data instanceof Int8Array ? -128 : 2 ** (bitpix - 1);
    const pixels = allocate(bitpix, data.length) as Exclude<RawPixels, BigInt64Array>;
    for (let index = 0; index < data.length; index++) pixels[index] = data[index] - bzero;
    return { pixels, bzero };
  }
  return { pixels: data, bzero: 0 };
}

/** Tiles in the order of their rows in the table. */
function* tilesOf(
  shape: readonly number[],
  tileShape: readonly number[],
): Generator<{ index: number; start: number[]; size: number[] }> {
  const start = shape.map(() => 0);
  for (let index = 0; ; index++) {
    yield { index, start, size: start.map((from, axis) => Math.min(tileShape[axis], shape[axis] - from)) };
    let axis = shape.length - 1;
    while (axis >= 0 && start[axis] + tileShape[axis] >= shape[axis]) start[axis--] = 0;
    if (axis < 0) return;
    start[axis] += tileShape[axis];
  }
}

function cut(pixels: RawPixels, shape: readonly number[], bitpix: Bitpix, start: number[], size: number[]): RawPixels {
  const tile = allocate(bitpix, product(size)) as Float64Array;
  const width = size[size.length - 1];
  for (let to = 0; to < tile.length; to += width) {
    let from = 0;
    let stride = 1;
    for (let axis = size.length - 1, rest = to; axis >= 0; axis--) {
      from += (start[axis] + (rest % size[axis])) * stride;
      rest = Math.floor(rest / size[axis]);
      stride *= shape[axis];
    }
    // Both have the type of bitpix.
    tile.set((pixels as Float64Array).subarray(from, from + width), to);
  }
  return tile;
}

function quantizedTile(
  tile: RawPixels,
  size: number[],
  quantize: QuantizeOptions | undefined,
  index: number,
): QuantizedTile | undefined {
  if (quantize === undefined || !isFloat(tile)) return undefined;
  return quantizeTile(tile, size[size.length - 1], quantize.level, quantize.method, index, quantize.dither0 ?? 1);
}

async function encodeTile(
  tile: RawPixels,
  size: readonly number[],
  quantized: QuantizedTile | undefined,
  options: CompressOptions,
): Promise<EncodedTile> {
  const { codec, blockSize = 32, gzipLevel = 1, quantize } = options;
  const scale = quantized?.scale ?? 1;
  const zero = quantized?.zero ?? 0;
  if (quantize !== undefined && quantized === undefined) {
    return { lossless: true, body: await gzip(bytesFromPixels(tile), gzipLevel), scale, zero };
  }
  const pixels = quantized?.integers ?? tile;
  if (codec === 'RICE_1') {
    const integers = pixels as Int32Array;
    const body = riceEncode(integers, blockSize, integers.BYTES_PER_ELEMENT as 1 | 2 | 4);
    return { lossless: false, body, scale, zero };
  }
  if (codec === 'HCOMPRESS_1') {
    const [slow, fast] = size.slice(-2);
    return { lossless: false, body: hcompressEncode(pixels as Int32Array, slow, fast), scale, zero };
  }
  const plain = bytesFromPixels(pixels);
  const sorted = codec === 'GZIP_2' ? shuffleBytes(plain, pixels.BYTES_PER_ELEMENT) : plain;
  return { lossless: false, body: await gzip(sorted, gzipLevel), scale, zero };
}

/** Table rows (descriptors, scale, zero), then the heap; and the cards that describe them. */
function assemble(
  tiles: readonly EncodedTile[],
  shape: readonly number[],
  tileShape: readonly number[],
  bitpix: Bitpix,
  bzero: number,
  blank: boolean,
  options: CompressOptions,
): CompressedImage {
  const heapBytes = tiles.reduce((sum, tile) => sum + tile.body.length, 0);
  const array = heapBytes < 2 ** 31 ? 'P' : 'Q';
  const descriptorBytes = array === 'P' ? 8 : 16;
  const quantized = options.quantize !== undefined;
  // As cfitsio does: the column of tiles that could not be quantised comes last, and only when there are some.
  const withLossless = tiles.some(({ lossless }) => lossless);
  const rowBytes = descriptorBytes + (quantized ? 16 : 0) + (withLossless ? descriptorBytes : 0);
  const bytes = new Uint8Array(rowBytes * tiles.length + heapBytes);
  const view = new DataView(bytes.buffer);
  const longest = { coded: 0, lossless: 0 };
  let offset = 0;
  tiles.forEach(({ lossless, body, scale, zero }, index) => {
    const row = index * rowBytes;
    const at = lossless ? row + descriptorBytes + 16 : row;
    if (array === 'P') {
      view.setUint32(at, body.length);
      view.setUint32(at + 4, offset);
    } else {
      view.setBigUint64(at, BigInt(body.length));
      view.setBigUint64(at + 8, BigInt(offset));
    }
    if (quantized) {
      view.setFloat64(row + descriptorBytes, lossless ? 0 : scale);
      view.setFloat64(row + descriptorBytes + 8, lossless ? 0 : zero);
    }
    bytes.set(body, rowBytes * tiles.length + offset);
    offset += body.length;
    const kind = lossless ? 'lossless' : 'coded';
    longest[kind] = Math.max(longest[kind], body.length);
  });
  const columns = [['COMPRESSED_DATA', `1${array}B(${longest.coded})`]];
  if (quantized) columns.push(['ZSCALE', '1D'], ['ZZERO', '1D']);
  if (withLossless) columns.push(['GZIP_COMPRESSED_DATA', `1${array}B(${longest.lossless})`]);
  const cards: CompressedCard[] = [];
  const card = (keyword: string, value: string | number | boolean, comment: string) => cards.push({ keyword, value, comment });
  card('XTENSION', 'BINTABLE', 'binary table extension');
  card('BITPIX', 8, 'array data type');
  card('NAXIS', 2, 'number of array dimensions');
  card('NAXIS1', rowBytes, 'width of table in bytes');
  card('NAXIS2', tiles.length, 'number of rows in table');
  card('PCOUNT', heapBytes, 'bytes of the heap');
  card('GCOUNT', 1, 'one data group');
  card('TFIELDS', columns.length, 'number of fields in each row');
  columns.forEach(([name, format], index) => {
    card(`TTYPE${index + 1}`, name, '');
    card(`TFORM${index + 1}`, format, '');
  });
  card('ZIMAGE', true, 'this is a compressed image');
  card('ZTENSION', 'IMAGE', 'image extension');
  card('ZBITPIX', bitpix, 'data type of the image');
  card('ZNAXIS', shape.length, 'axes of the image');
  [...shape].reverse().forEach((length, axis) => {
    card(`ZNAXIS${axis + 1}`, length, 'pixels along the axis');
  });
  card('ZPCOUNT', 0, 'no parameters');
  card('ZGCOUNT', 1, 'one group');
  [...tileShape].reverse().forEach((length, axis) => {
    card(`ZTILE${axis + 1}`, length, 'size of tiles');
  });
  card('ZCMPTYPE', options.codec, 'compression algorithm');
  if (options.codec === 'RICE_1') {
    card('ZNAME1', 'BLOCKSIZE', 'compression block size');
    card('ZVAL1', options.blockSize ?? 32, 'pixels per block');
    card('ZNAME2', 'BYTEPIX', 'bytes per pixel');
    card('ZVAL2', bitpix < 0 ? 4 : bitpix / 8, 'bytes per pixel (1, 2, 4, or 8)');
  }
  if (options.codec === 'HCOMPRESS_1') {
    card('ZNAME1', 'SCALE', 'HCOMPRESS scale factor');
    card('ZVAL1', 0, 'without loss');
    card('ZNAME2', 'SMOOTH', 'HCOMPRESS smooth option');
    card('ZVAL2', 0, 'not smoothed');
  }
  if (options.quantize !== undefined) {
    card('ZQUANTIZ', options.quantize.method, 'quantisation of floats');
    if (options.quantize.method !== 'NO_DITHER') card('ZDITHER0', options.quantize.dither0 ?? 1, 'where the dither begins');
    if (blank) card('ZBLANK', NULL_VALUE, 'undefined pixels');
  } else if (bitpix < 0) {
    card('ZQUANTIZ', 'NONE', 'lossless');
  }
  if (bzero !== 0) {
    card('BSCALE', 1, 'scale of the integers');
    card('BZERO', bzero, 'offset of the integers');
  }
  return { cards, bytes };
}
