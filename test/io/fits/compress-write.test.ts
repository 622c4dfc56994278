import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { type CompressOptions, compressImage, type Pixels, readCompressedImage } from '../../../src/io/fits/compress/index.ts';
import { noiseOf } from '../../../src/io/fits/compress/noise.ts';
import { hduOf, randomNumbers, skyImage } from './compress-support.ts';

type Bitpix = Parameters<typeof compressImage>[2];

const INTEGERS: [string, (values: number[]) => Pixels, Bitpix, number][] = [
  ['uint8', (values) => Uint8Array.from(values), 8, 8],
  ['int8', (values) => Int8Array.from(values), 8, 8],
  ['int16', (values) => Int16Array.from(values), 16, 16],
  ['uint16', (values) => Uint16Array.from(values), 16, 16],
  ['int32', (values) => Int32Array.from(values), 32, 32],
  ['uint32', (values) => Uint32Array.from(values), 32, 32],
];

describe('writing compressed images', () => {
  it.each(INTEGERS)('%s comes back exactly: noise, steps, spikes, constants', async (_name, make, bitpix, bits) => {
    const next = randomNumbers(77);
    const range = 2 ** bits;
    const kinds: (() => number)[] = [
      () => next() * range,
      () => 20 + 9 * next(),
      () => 7,
      () => (next() < 0.02 ? next() * range : 3),
    ];
    for (const kind of kinds) {
      const data = make(Array.from({ length: 23 * 37 }, kind));
      for (const options of [
        { codec: 'RICE_1' },
        { codec: 'RICE_1', blockSize: 16, tileShape: [10, 10] },
        { codec: 'GZIP_1', tileShape: [9, 37] },
        { codec: 'GZIP_2', tileShape: [23, 37] },
      ] as CompressOptions[]) {
        expect(await readCompressedImage(hduOf(await compressImage(data, [23, 37], bitpix, options)))).toEqual(data);
      }
    }
  });

  it('64-bit integers and floats go through GZIP without loss, to the bit', async () => {
    const integers = BigInt64Array.of(0n, -1n, 2n ** 62n, -(2n ** 63n));
    const unsigned = BigUint64Array.of(0n, 1n, 2n ** 64n - 1n, 2n ** 63n);
    const floats = Float64Array.of(0.1, -0, Number.NaN, Number.POSITIVE_INFINITY);
    for (const [data, bitpix] of [
      [integers, 64],
      [unsigned, 64],
      [floats, -64],
      [Float32Array.from(floats), -32],
    ] as [Pixels, Bitpix][]) {
      for (const codec of ['GZIP_1', 'GZIP_2'] as const)
        expect(await readCompressedImage(hduOf(await compressImage(data, [2, 2], bitpix, { codec })))).toEqual(data);
    }
  });

  it.each(['NO_DITHER', 'SUBTRACTIVE_DITHER_1', 'SUBTRACTIVE_DITHER_2'] as const)(
    '%s: within half a step, NaN stay, and exact zeros where promised',
    async (method) => {
      const data = skyImage(60, 70, 9);
      for (const codec of ['RICE_1', 'GZIP_2'] as const) {
        const options: CompressOptions = { codec, tileShape: [25, 70], quantize: { method, level: -0.25, dither0: 9999 } };
        const back = (await readCompressedImage(hduOf(await compressImage(data, [60, 70], -32, options)))) as Float32Array;
        let worst = 0;
        for (let index = 0; index < data.length; index++) {
          expect(Number.isNaN(back[index])).toBe(Number.isNaN(data[index]));
          if (!Number.isNaN(data[index])) worst = Math.max(worst, Math.abs(back[index] - data[index]));
          if (method === 'SUBTRACTIVE_DITHER_2' && data[index] === 0) expect(back[index]).toBe(0);
        }
        // Half a step, and the rounding of the zero point near -2^31 steps.
        expect(worst).toBeLessThan(0.125 * (1 + 1e-4));
        expect(worst).toBeGreaterThan(0.12);
      }
    },
  );

  it('a level above zero is a fraction of the noise, whatever the image does', async () => {
    const next = randomNumbers(3);
    const pixels = Float32Array.from({ length: 40000 }, (_, index) => {
      const noise = Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
      return 2.5 * noise + 0.4 * (index % 200) + Math.sin(index / 3000) * 100;
    });
    expect(noiseOf(pixels, 200)).toBeGreaterThan(2.5 * 0.98);
    expect(noiseOf(pixels, 200)).toBeLessThan(2.5 * 1.02);
    expect(noiseOf(new Float32Array(500).fill(3), 100)).toBe(0);
    const image = await compressImage(pixels, [200, 200], -32, {
      codec: 'RICE_1',
      tileShape: [200, 200],
      quantize: { method: 'SUBTRACTIVE_DITHER_1', level: 4 },
    });
    expect(image.cards.find(({ keyword }) => keyword === 'TFIELDS')?.value).toBe(3);
    const step = new DataView(image.bytes.buffer).getFloat64(8);
    expect(step).toBe(noiseOf(pixels, 200) / 4);
    // Noise of 4 steps takes log2(4 sqrt(2 pi e)) + 0.25 = 4.3 bits; the differences that RICE codes, half a bit more, and 0.2 of its own.
    expect((8 * image.bytes.length) / pixels.length).toBeLessThan(5.3);
  });

  it('what cannot be quantised is kept without loss: constants, infinities, a range past 2^32 steps', async () => {
    for (const pixel of [3.25, Number.POSITIVE_INFINITY, 1e30]) {
      const data = skyImage(20, 30, 4);
      if (pixel === 3.25) data.fill(pixel, 0, 300);
      data[10] = pixel;
      const options: CompressOptions = {
        codec: 'RICE_1',
        tileShape: [10, 30],
        quantize: { method: 'SUBTRACTIVE_DITHER_1', level: 16 },
      };
      const image = await compressImage(data, [20, 30], -32, options);
      // The column for it is there only because of it, and last, as cfitsio has it.
      expect(image.cards.find(({ keyword }) => keyword === 'TTYPE4')?.value).toBe('GZIP_COMPRESSED_DATA');
      const back = (await readCompressedImage(hduOf(image))) as Float32Array;
      expect(back.subarray(0, 300)).toEqual(data.subarray(0, 300));
      expect(back.subarray(300)).not.toEqual(data.subarray(300));
    }
  });

  it('a tile of NaN only, and compressing what came back once more, change nothing', async () => {
    const data = skyImage(32, 40, 12).fill(Number.NaN, 0, 160);
    const options: CompressOptions = { codec: 'RICE_1', tileShape: [4, 40], quantize: { method: 'NO_DITHER', level: -0.5 } };
    const once = await readCompressedImage(hduOf(await compressImage(data, [32, 40], -32, options)));
    expect(once.subarray(0, 160).every((value) => Number.isNaN(value))).toBe(true);
    const twice = await readCompressedImage(hduOf(await compressImage(once, [32, 40], -32, options)));
    for (let index = 0; index < once.length; index++) {
      if (Number.isNaN(once[index])) expect(twice[index]).toBeNaN();
      else expect(twice[index]).toBeCloseTo(Number(once[index]), 5);
    }
  });

  it('says what does not go together', async () => {
    const float = new Float32Array(12);
    const lossy = { method: 'NO_DITHER', level: 4 } as const;
    const requests: [Pixels, number[], Bitpix, CompressOptions, RegExp][] = [
      [float, [3, 5], -32, { codec: 'GZIP_2' }, /does not fit 12 pixels/],
      [float, [3, 4], -64, { codec: 'GZIP_2' }, /BITPIX -64 is not the type/],
      [float, [3, 4], 32, { codec: 'GZIP_2' }, /BITPIX 32 is not the type/],
      [float, [3, 4], -32, { codec: 'RICE_1' }, /needs a quantisation/],
      [float, [3, 4], -32, { codec: 'GZIP_2', tileShape: [3] }, /do not divide/],
      [float, [3, 4], -32, { codec: 'RICE_1', quantize: { ...lossy, level: 0 } }, /is no step/],
      [float, [3, 4], -32, { codec: 'RICE_1', quantize: { ...lossy, dither0: 0 } }, /not in 1 .. 10000/],
      [new Int16Array(4), [4], 16, { codec: 'RICE_1', quantize: lossy }, /integers are not quantised/],
      [new BigInt64Array(4), [4], 64, { codec: 'RICE_1' }, /no 64-bit integers/],
    ];
    for (const [data, shape, bitpix, options, message] of requests) {
      const failure = await compressImage(data, shape, bitpix, options).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(isArcletError(failure, 'USAGE')).toBe(true);
      expect(String(failure)).toMatch(message);
    }
  });
});
