/** Reads the Z keywords of a compressed image (FITS Standard 4.0, section 10.1) and holds them to what the file can contain. */
import { type TableLayout, tableLayout } from './table.ts';
import { type Bitpix, type Codec, damaged, type HeaderView, product, type Quantization } from './types.ts';

/** What a compressed image is: its pixels, its tiles, its codec, and where the table keeps them. */
export interface CompressedImageInfo {
  readonly bitpix: Bitpix;
  /** Slowest axis first, as numpy writes shapes (ZNAXISn .. ZNAXIS1). */
  readonly shape: readonly number[];
  /** Same order; never larger than the image. */
  readonly tileShape: readonly number[];
  /** Tiles along each axis, same order. */
  readonly tileCounts: readonly number[];
  readonly codec: Codec;
  /** Floating-point pixels kept as scaled integers: how they were dithered. 'NONE' for integers and for lossless floats. */
  readonly quantize: 'NONE' | Quantization;
  /** ZDITHER0: where the dither sequence starts, 1 to 10000; 0 when absent. */
  readonly dither0: number;
  /** Pixels of a RICE block, and bytes of a pixel that RICE was given. */
  readonly blockSize: number;
  readonly bytePix: 1 | 2 | 4;
  /** HCOMPRESS: smooth while decoding. */
  readonly smooth: boolean;
  /** Value of undefined pixels for the whole image, when the header names one. */
  readonly zblank: number | undefined;
  /** Scale and offset of the quantised floats when they are keywords and not columns. */
  readonly zscale: number | undefined;
  readonly zzero: number | undefined;
  readonly bscale: number;
  readonly bzero: number;
  /** BLANK of an integer image. */
  readonly blank: number | undefined;
  readonly table: TableLayout;
}

const CODECS: Readonly<Record<string, Codec>> = {
  RICE_1: 'RICE_1',
  // The spelling of the IRAF community, which fpack still writes.
  RICE_ONE: 'RICE_1',
  GZIP_1: 'GZIP_1',
  GZIP_2: 'GZIP_2',
  HCOMPRESS_1: 'HCOMPRESS_1',
  PLIO_1: 'PLIO_1',
  NOCOMPRESS: 'NOCOMPRESS',
};
const BITPIX: readonly number[] = [8, 16, 32, 64, -32, -64];
/** Array indices and byte offsets must stay exact integers, with room for arithmetic. */
const LARGEST_IMAGE = 2 ** 48;
const MAX_AXES = 999;

/**
 * What the header of a compressed image says.
 *
 * @param name the file, for messages
 * @throws INPUT_INVALID: a required keyword is missing or absurd, a codec or quantisation is unknown, tiles and rows do not match
 */
export function compressedImageInfo(header: HeaderView, name = 'compressed image'): CompressedImageInfo {
  if (header.get('ZIMAGE') !== true) throw damaged(name, 'ZIMAGE is not T, so this table holds no compressed image');
  const bitpix = whole(header, name, 'ZBITPIX') as Bitpix;
  if (!BITPIX.includes(bitpix)) throw damaged(name, `ZBITPIX = ${bitpix} is no FITS pixel type`);
  const codecName = String(header.get('ZCMPTYPE') ?? '').trim();
  const codec = CODECS[codecName];
  if (codec === undefined) throw damaged(name, `ZCMPTYPE = '${codecName}' is no known compression`);
  const { shape, tileShape, tileCounts } = geometry(header, name);
  const table = tableLayout(header, name);
  const tiles = product(tileCounts);
  if (table.rows < tiles) throw damaged(name, `the image has ${tiles} tiles, and the table ${table.rows} rows`);

  const hasScale = table.columns.ZSCALE !== undefined || typeof header.get('ZSCALE') === 'number';
  const quantize = bitpix < 0 && hasScale ? quantization(header, name) : 'NONE';
  const dither0 = whole(header, name, 'ZDITHER0', 0);
  if (quantize.startsWith('SUBTRACTIVE') && (dither0 < 0 || dither0 > 10000)) {
    throw damaged(name, `ZDITHER0 = ${dither0} is not in 1 .. 10000`);
  }
  const blockSize = parameter(header, name, 'BLOCKSIZE', 32);
  if (!(blockSize >= 1 && blockSize <= 4096)) throw damaged(name, `BLOCKSIZE = ${blockSize} is not in 1 .. 4096`);
  const bytePix = parameter(header, name, 'BYTEPIX', 4);
  if (bytePix !== 1 && bytePix !== 2 && bytePix !== 4) throw damaged(name, `BYTEPIX = ${bytePix} is not 1, 2 or 4`);
  const zblank = optional(header, name, 'ZBLANK');
  return {
    bitpix,
    shape,
    tileShape,
    tileCounts,
    codec,
    quantize,
    dither0,
    blockSize,
    bytePix,
    smooth: parameter(header, name, 'SMOOTH', 0) !== 0,
    zblank: zblank ?? (bitpix < 0 ? optional(header, name, 'BLANK') : undefined),
    zscale: optional(header, name, 'ZSCALE'),
    zzero: optional(header, name, 'ZZERO'),
    bscale: optional(header, name, 'BSCALE') ?? 1,
    bzero: optional(header, name, 'BZERO') ?? 0,
    blank: bitpix > 0 ? (optional(header, name, 'BLANK') ?? zblank) : undefined,
    table,
  };
}

function geometry(header: HeaderView, name: string): Pick<CompressedImageInfo, 'shape' | 'tileShape' | 'tileCounts'> {
  const axes = whole(header, name, 'ZNAXIS');
  if (axes < 0 || axes > MAX_AXES) throw damaged(name, `ZNAXIS = ${axes} is not in 0 .. ${MAX_AXES}`);
  const shape: number[] = [];
  const tileShape: number[] = [];
  for (let axis = 1; axis <= axes; axis++) {
    const length = whole(header, name, `ZNAXIS${axis}`);
    // FITS Standard 10.1.1: without ZTILEn the tiles are the rows of the image.
    const tile = whole(header, name, `ZTILE${axis}`, axis === 1 ? Math.max(length, 1) : 1);
    if (length < 0) throw damaged(name, `ZNAXIS${axis} = ${length} is negative`);
    if (tile < 1) throw damaged(name, `ZTILE${axis} = ${tile} is not positive`);
    shape.unshift(length);
    tileShape.unshift(Math.min(tile, Math.max(length, 1)));
  }
  if (!(product(shape) <= LARGEST_IMAGE)) throw damaged(name, `an image of ${shape.join(' x ')} pixels is absurd`);
  return { shape, tileShape, tileCounts: shape.map((length, axis) => Math.ceil(length / tileShape[axis])) };
}

function quantization(header: HeaderView, name: string): Quantization {
  const method = String(header.get('ZQUANTIZ') ?? 'NO_DITHER').trim();
  // Writers put 'NONE' on files whose ZSCALE column says otherwise; the column is what decodes them.
  if (method === 'NONE' || method === '') return 'NO_DITHER';
  if (method === 'NO_DITHER' || method === 'SUBTRACTIVE_DITHER_1' || method === 'SUBTRACTIVE_DITHER_2') return method;
  throw damaged(name, `ZQUANTIZ = '${method}' is no known quantisation`);
}

/** A codec parameter: the ZVALn whose ZNAMEn is `parameterName`. */
function parameter(header: HeaderView, name: string, parameterName: string, absent: number): number {
  for (let index = 1; index <= MAX_AXES; index++) {
    const found = header.get(`ZNAME${index}`);
    if (found === undefined) return absent;
    if (String(found).trim().toUpperCase() === parameterName) return optional(header, name, `ZVAL${index}`) ?? absent;
  }
  return absent;
}

/** A whole number; INPUT_INVALID when it is missing (and nothing stands in for it) or is not one. */
export function whole(header: HeaderView, name: string, key: string, absent?: number): number {
  const value = header.get(key) ?? absent;
  if (value === undefined) throw damaged(name, `${key} is missing`);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged(name, `${key} = ${value} is not a whole number`);
  return value;
}

function optional(header: HeaderView, name: string, key: string): number | undefined {
  const value = header.get(key);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw damaged(name, `${key} = ${value} is not a number`);
  return value;
}
