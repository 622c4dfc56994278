/** HCOMPRESS_1 writing. fixtures/hcompress-tiles.json holds tiles and the streams that cfitsio makes of them (astropy's binding, scale 0). */
import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { hcompressDecode } from '../../../src/io/fits/compress/hcompress.ts';
import { hcompressEncode, hcompressTileShape } from '../../../src/io/fits/compress/hcompress-encode.ts';
import { type CompressOptions, compressImage, type Pixels, readCompressedImage } from '../../../src/io/fits/compress/index.ts';
import { hduOf, randomNumbers, skyImage } from './compress-support.ts';
import fixture from './fixtures/hcompress-tiles.json' with { type: 'json' };

const next = randomNumbers(41);
const whole = (low: number, high: number): number => Math.floor(low + (high - low) * next());

const KINDS: Record<string, () => number> = {
  zeros: () => 0,
  'a constant': () => 7,
  'a negative constant': () => -123457,
  'a mask': () => (next() < 0.02 ? 1 << whole(0, 14) : 0),
  noise: () => Math.round(60 * (next() + next() + next() - 1.5)),
  'any int16': () => whole(-(2 ** 15), 2 ** 15),
  'any int32': () => whole(-(2 ** 31), 2 ** 31),
  'the extremes of int32': () => (next() < 0.5 ? -(2 ** 31) : 2 ** 31 - 1),
};

describe('HCOMPRESS_1 streams', () => {
  it.each(fixture.tiles.map((tile) => [tile.name, tile] as const))(
    'are those of cfitsio: %s',
    (_name, { shape, pixels, stream }) => {
      const made = hcompressEncode(Int32Array.from(pixels), shape[0], shape[1]);
      expect(Buffer.from(made).toString('base64')).toBe(stream);
    },
  );

  it.each(Object.keys(KINDS))('give back every pixel: %s', (kind) => {
    const sides = [1, 2, 3, 4, 5, 8, 17, 31, 64, 99, 100];
    const sizes = sides.flatMap((side) => [[1, side], [side, 1], [side, 1 + whole(1, 100)], [side, 100]]); // biome-ignore format: one thought
    for (const [slow, fast] of sizes) {
      // A stream holds the sum of a tile in multiples of 2, so a single pixel is no tile.
      if (slow * fast === 1) continue;
      const pixels = Int32Array.from({ length: slow * fast }, KINDS[kind]);
      const back = new Int32Array(pixels.length).fill(-99);
      hcompressDecode(hcompressEncode(pixels, slow, fast), pixels.length, false, back);
      expect(back).toEqual(pixels);
    }
  });

  it('are short where there is little: 26 bytes for an empty tile, under 600 for a disc in a mask', () => {
    expect(hcompressEncode(new Int16Array(10_000), 100, 100).length).toBe(26);
    const mask = Int16Array.from({ length: 10_000 }, (_, at) =>
      ((at % 100) - 40) ** 2 + (Math.floor(at / 100) - 55) ** 2 < 300 ? 2 : 0,
    );
    expect(hcompressEncode(mask, 100, 100).length).toBeLessThan(600);
  });
});

describe('HCOMPRESS_1 images', () => {
  it('of every integer type come back exactly, planes of a cube too', async () => {
    const images: [Pixels, number[], Parameters<typeof compressImage>[2]][] = [
      [Uint8Array.from({ length: 107 * 203 }, () => whole(0, 256)), [107, 203], 8],
      [Int8Array.from({ length: 40 * 41 }, () => whole(-128, 128)), [40, 41], 8],
      [Int16Array.from({ length: 57 * 133 }, KINDS['any int16']), [57, 133], 16],
      [Uint16Array.from({ length: 99 * 101 }, () => whole(0, 65536)), [99, 101], 16],
      [Int32Array.from({ length: 3 * 40 * 41 }, KINDS['any int32']), [3, 40, 41], 32],
      [Uint32Array.from({ length: 4 * 205 }, () => whole(0, 2 ** 32)), [4, 205], 32],
    ];
    for (const [data, shape, bitpix] of images) {
      const image = await compressImage(data, shape, bitpix, { codec: 'HCOMPRESS_1' });
      expect(await readCompressedImage(hduOf(image))).toEqual(data);
      const cards = Object.fromEntries(image.cards.map(({ keyword, value }) => [keyword, value]));
      expect(cards).toMatchObject({ ZCMPTYPE: 'HCOMPRESS_1', ZNAME1: 'SCALE', ZVAL1: 0, ZNAME2: 'SMOOTH', ZVAL2: 0 });
    }
  });

  it('of quantised floats stay within half a step, NaN included', async () => {
    const data = skyImage(60, 70, 9);
    const quantize = { method: 'SUBTRACTIVE_DITHER_2', level: -0.25 } as const;
    const image = await compressImage(data, [60, 70], -32, { codec: 'HCOMPRESS_1', tileShape: [20, 30], quantize });
    const back = (await readCompressedImage(hduOf(image))) as Float32Array;
    data.forEach((value, at) => {
      if (Number.isNaN(value)) expect(back[at]).toBeNaN();
      else expect(Math.abs(back[at] - value)).toBeLessThan(0.125 * (1 + 1e-4));
    });
  });

  it('have tiles near 100 x 100 by themselves, none shorter than 4 at the edge', () => {
    expect(hcompressTileShape([3600, 3600])).toEqual([100, 100]);
    expect(hcompressTileShape([5, 101, 203])).toEqual([1, 97, 99]);
    for (let length = 4; length < 2000; length++) {
      const [side] = hcompressTileShape([length, 4]);
      expect(side >= 4 && side <= 100 && (length % side === 0 || length % side >= 4), `${length}: ${side}`).toBe(true);
    }
  });

  it('say what they cannot be', async () => {
    const requests: [Pixels, number[], Parameters<typeof compressImage>[2], Partial<CompressOptions>, RegExp][] = [
      [new Int16Array(100), [100], 16, {}, /two axes or more/],
      [new Int16Array(300), [3, 100], 16, {}, /sides of 4 to 65536/],
      [new Int16Array(101 * 100), [101, 100], 16, { tileShape: [50, 50] }, /tiles of \[50,50\] of an image of \[101,100\]/],
      [new Int16Array(2 * 10 * 10), [2, 10, 10], 16, { tileShape: [2, 10, 10] }, /tiles of one plane/],
      [new BigInt64Array(100), [10, 10], 64, {}, /HCOMPRESS_1 knows no 64-bit integers/],
      [new Float32Array(100), [10, 10], -32, {}, /HCOMPRESS_1 of floats needs a quantisation/],
    ];
    for (const [data, shape, bitpix, options, message] of requests) {
      const failure = await compressImage(data, shape, bitpix, { codec: 'HCOMPRESS_1', ...options }).catch(
        (error: unknown) => error,
      );
      expect(isArcletError(failure, 'USAGE')).toBe(true);
      expect(String(failure)).toMatch(message);
    }
  });
});
