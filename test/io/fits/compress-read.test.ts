import { describe, expect, it } from 'vitest';
import {
  compressedImageInfo,
  compressImage,
  readCompressedImage,
  readCompressedSection,
} from '../../../src/io/fits/compress/index.ts';
import { plioDecode } from '../../../src/io/fits/compress/plio.ts';
import { ditherTable } from '../../../src/io/fits/compress/random.ts';
import { checkRange } from '../../../src/io/store/source.ts';
import { readNpz } from '../../support/npz.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { hduOf, hdusOf, skyImage } from './compress-support.ts';

const VECTORS = ['rice_float_dither', 'rice_float_dither2', 'rice_int', 'gzip2_float', 'gzip1_int', 'hcomp_int', 'plio_int'];

describe('reading compressed images', () => {
  it.skipIf(!hasShared).each(VECTORS)('%s: the values of astropy, bit for bit (skipped without ../shared)', async (name) => {
    const expected = readNpz(shared('vectors/fits/expected.npz'))[`${name}_fits_fz_1`];
    const hdu = hdusOf(shared(`vectors/fits/${name}.fits.fz`))[1];
    expect(compressedImageInfo(hdu.header).shape).toEqual(expected.shape);
    expect(await readCompressedImage(hdu)).toEqual(expected.data);
  });

  it.skipIf(!hasShared)('legacy brick: a box touches its tiles and little else (skipped without ../shared)', async () => {
    const hdu = hdusOf(shared('data/a_legacy/legacysurvey-0959p805-image-g.fits.fz'))[1];
    const report = { tiles: 0, bytes: 0 };
    const box = await readCompressedSection(hdu, [1768, 1768], [64, 64], report);
    expect(report.tiles).toBe(4);
    expect(report.bytes).toBeLessThan(30000);
    const whole = await readCompressedImage(hdu);
    const cut = Float32Array.from({ length: 64 * 64 }, (_, index) =>
      Number(whole[(1768 + (index >> 6)) * 3600 + 1768 + (index & 63)]),
    );
    expect(box).toEqual(cut);
  });

  it('boxes of any place and tile shape are the same cut of the whole', async () => {
    const shape = [3, 21, 33];
    const size = 3 * 21 * 33;
    for (const tileShape of [
      [1, 1, 33],
      [2, 8, 33],
      [3, 5, 7],
      [3, 21, 33],
    ]) {
      for (const codec of ['RICE_1', 'GZIP_2'] as const) {
        const data = Int32Array.from({ length: size }, (_, index) => ((index * 7919) % 1000) - 300);
        const hdu = hduOf(await compressImage(data, shape, 32, { codec, tileShape }));
        for (const [start, box] of [
          [[0, 0, 0], shape],
          [
            [1, 3, 5],
            [2, 11, 20],
          ],
          [
            [2, 20, 32],
            [1, 1, 1],
          ],
          [
            [0, 7, 0],
            [3, 2, 33],
          ],
        ]) {
          const report = { tiles: 0, bytes: 0 };
          const found = await readCompressedSection(hdu, start, box, report);
          const expected = Int32Array.from({ length: box[0] * box[1] * box[2] }, (_, index) => {
            const z = start[0] + Math.floor(index / (box[1] * box[2]));
            const y = start[1] + (Math.floor(index / box[2]) % box[1]);
            return data[(z * 21 + y) * 33 + start[2] + (index % box[2])];
          });
          expect(found).toEqual(expected);
          const touched = tileShape.map(
            (tile, axis) => Math.ceil((start[axis] + box[axis]) / tile) - Math.floor(start[axis] / tile),
          );
          expect(report.tiles).toBe(touched[0] * touched[1] * touched[2]);
        }
      }
    }
  });

  it('fetches neighbouring tiles in one range', async () => {
    const { header, ...rest } = hduOf(await compressImage(new Int16Array(200 * 50).fill(3), [200, 50], 16, { codec: 'RICE_1' }));
    const reads: number[] = [];
    const source = {
      ...rest.source,
      read: (offset: number, length: number) => {
        reads.push(length);
        return rest.source.read(offset, length);
      },
    };
    await readCompressedSection({ ...rest, header, source }, [50, 10], [100, 10]);
    // The rows of the table, then the heap of 100 tiles.
    expect(reads).toHaveLength(2);
    expect(reads[0]).toBe(100 * 8);
  });

  it('applies BSCALE, BZERO and BLANK as astropy does', async () => {
    const image = await compressImage(Int16Array.of(1, -7, 300, 20), [4], 16, { codec: 'RICE_1' });
    const read = (cards: [string, number][]) => {
      const hdu = hduOf(image);
      for (const [key, value] of cards) hdu.header.set(key, value);
      return readCompressedImage(hdu);
    };
    const scaled = [1, -7, 300, 20].map((value) => Math.fround(Math.fround(value * Math.fround(0.1)) + Math.fround(2.2)));
    expect(
      await read([
        ['BSCALE', 0.1],
        ['BZERO', 2.2],
      ]),
    ).toEqual(Float32Array.from(scaled));
    expect(await read([['BZERO', 32768]])).toEqual(Uint16Array.of(32769, 32761, 33068, 32788));
    expect(await read([['BLANK', -7]])).toEqual(Float32Array.of(1, Number.NaN, 300, 20));
    expect(await read([['ZBLANK', 20]])).toEqual(Float32Array.of(1, -7, 300, Number.NaN));
  });

  it('the dither table ends where the Standard says: its last seed is 1043618065', () => {
    expect(ditherTable()).toHaveLength(10000);
    expect(ditherTable()[0]).toBe(Math.fround(16807 / 2147483647));
    expect(ditherTable()[9999]).toBe(Math.fround(1043618065 / 2147483647));
  });

  it('pixel lists: every instruction, worked out by hand', () => {
    // Seven words of header, then: level to 5000 (set high 1, +904), zeros, a run, raise and set, lower and set, a run to its last pixel.
    const words = [0, 7, -100, 15, 0, 0, 0, (0x1388 & 4095) | 0x1000, 1, 0x0003, 0x4002, 0x6001, 0x7002, 0x2004, 0x5003];
    const bytes = new Uint8Array(2 * words.length);
    const view = new DataView(bytes.buffer);
    words.forEach((word, index) => {
      view.setInt16(2 * index, word);
    });
    const out = new Int32Array(13).fill(-1);
    plioDecode(bytes, 13, out);
    expect([...out]).toEqual([0, 0, 0, 5000, 5000, 5001, 4999, 0, 0, 5003, 0, 0, 0]);
  });

  it('inflates in a browser, without zlib, the same', async () => {
    const data = skyImage(20, 30, 5);
    const hdu = hduOf(await compressImage(data, [20, 30], -32, { codec: 'GZIP_2' }));
    const { getBuiltinModule } = process;
    try {
      process.getBuiltinModule = undefined as unknown as typeof getBuiltinModule;
      expect(await readCompressedImage(hdu)).toEqual(data);
      const inBrowser = hduOf(await compressImage(data, [20, 30], -32, { codec: 'GZIP_2' }));
      expect(await readCompressedImage(inBrowser)).toEqual(data);
    } finally {
      process.getBuiltinModule = getBuiltinModule;
    }
    expect(() => checkRange(hdu.source, 0, hdu.dataBytes + 1)).toThrow(/truncated/);
  });
});
