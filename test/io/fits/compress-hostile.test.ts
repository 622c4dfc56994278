/**
 * Damaged and lying files. The mutation suite runs a few thousand cases here; ARCLET_FUZZ_CASES asks for more
 * (100000 and over are run by hand; the seed is in the message).
 *
 * fixtures/compress-tiles.json: images of one tile (a wavy one with noise, a mask, full-range integers) written by astropy's CompImageHDU
 * with tile_shape of the image and hcomp_scale 0, 6, 40 and hcomp_smooth 0, 1; `tile` is the COMPRESSED_DATA of the row as it lies in
 * the heap, base64, and `pixels` what astropy reads back.
 */
import { describe, expect, it } from 'vitest';
import { isArcletError } from '../../../src/core/errors.ts';
import { hcompressDecode } from '../../../src/io/fits/compress/hcompress.ts';
import { type CompressedImage, compressImage, readCompressedImage } from '../../../src/io/fits/compress/index.ts';
import { plioDecode } from '../../../src/io/fits/compress/plio.ts';
import { riceDecode } from '../../../src/io/fits/compress/rice-decode.ts';
import { riceEncode } from '../../../src/io/fits/compress/rice-encode.ts';
import { memorySource } from '../../../src/io/store/source.ts';
import { hduOf, randomNumbers, skyImage, type TestHdu } from './compress-support.ts';
import fixture from './fixtures/compress-tiles.json' with { type: 'json' };

const CASES = Number(process.env.ARCLET_FUZZ_CASES ?? 3000);

const tileBytes = (base64: string): Uint8Array => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

describe('tiles of another program', () => {
  it.each(fixture.cases)('$name: the pixels of astropy', ({ codec, smooth, tile, pixels }) => {
    const out = new Int32Array(pixels.length);
    if (codec === 'PLIO_1') plioDecode(tileBytes(tile), pixels.length, out);
    else hcompressDecode(tileBytes(tile), pixels.length, smooth, out);
    expect([...out]).toEqual(pixels);
  });

  it.each(fixture.cases)('$name: cut anywhere, it is refused', ({ codec, tile, pixels }) => {
    const bytes = tileBytes(tile);
    const out = new Int32Array(pixels.length);
    for (let length = 0; length < bytes.length; length++) {
      const decode = () =>
        codec === 'PLIO_1'
          ? plioDecode(bytes.subarray(0, length), pixels.length, out)
          : hcompressDecode(bytes.subarray(0, length), pixels.length, false, out);
      expect(decode).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    }
  });

  it('a RICE stream cut anywhere is refused', () => {
    const next = randomNumbers(5);
    for (const bytePix of [1, 2, 4] as const) {
      const pixels = Int32Array.from({ length: 100 }, () => next() * 100);
      const bytes = riceEncode(pixels, 32, bytePix);
      const out = new Int32Array(100);
      riceDecode(bytes, 100, 32, bytePix, out);
      expect(out).toEqual(pixels);
      for (let length = 0; length < bytes.length; length++) {
        const decode = () => riceDecode(bytes.subarray(0, length), 100, 32, bytePix, out);
        expect(decode).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
      }
    }
  });
});

/** A one-tile table around the bytes of another program, as {@link compressImage} would return it. */
function wrapped(codec: string, tile: Uint8Array, shape: number[]): CompressedImage {
  const bytes = new Uint8Array(8 + tile.length);
  new DataView(bytes.buffer).setUint32(0, codec === 'PLIO_1' ? tile.length / 2 : tile.length);
  bytes.set(tile, 8);
  const values: Record<string, string | number | boolean> = {
    NAXIS1: 8,
    NAXIS2: 1,
    PCOUNT: tile.length,
    TFIELDS: 1,
    TTYPE1: 'COMPRESSED_DATA',
    TFORM1: codec === 'PLIO_1' ? '1PI' : '1PB',
    ZIMAGE: true,
    ZCMPTYPE: codec,
    ZBITPIX: 32,
    ZNAXIS: 2,
    ZNAXIS1: shape[1],
    ZNAXIS2: shape[0],
    ZTILE1: shape[1],
    ZTILE2: shape[0],
  };
  return { cards: Object.entries(values).map(([keyword, value]) => ({ keyword, value, comment: '' })), bytes };
}

async function corpus(): Promise<TestHdu[]> {
  const floats = skyImage(12, 40, 8);
  const integers = Int16Array.from({ length: 480 }, (_, index) => (index * index) % 700);
  const images = await Promise.all([
    compressImage(integers, [12, 40], 16, { codec: 'RICE_1' }),
    compressImage(integers, [12, 40], 16, { codec: 'GZIP_2', tileShape: [6, 15] }),
    compressImage(floats, [12, 40], -32, { codec: 'GZIP_2' }),
    compressImage(floats, [12, 40], -32, {
      codec: 'RICE_1',
      tileShape: [5, 40],
      quantize: { method: 'SUBTRACTIVE_DITHER_2', level: 4 },
    }),
  ]);
  for (const { codec, tile, pixels } of fixture.cases) {
    const width = pixels.length === 88 ? 11 : 26;
    images.push(wrapped(codec, tileBytes(tile), [pixels.length / width, width]));
  }
  return images.map((image) => hduOf(image));
}

/** Numbers that break things. */
const NASTY = [
  0,
  -1,
  1,
  2,
  3,
  7,
  8,
  33,
  255,
  4095,
  65536,
  1e6,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53,
  1e300,
  0.5,
  Number.NaN,
];
const KEYS = [
  'NAXIS1',
  'NAXIS2',
  'PCOUNT',
  'TFIELDS',
  'THEAP',
  'TFORM1',
  'TTYPE1',
  'ZBITPIX',
  'ZNAXIS',
  'ZNAXIS1',
  'ZNAXIS2',
  'ZNAXIS3',
  'ZTILE1',
  'ZTILE2',
  'ZVAL1',
  'ZVAL2',
  'ZCMPTYPE',
  'ZQUANTIZ',
  'ZDITHER0',
  'ZBLANK',
  'ZSCALE',
  'BSCALE',
  'BZERO',
  'BLANK',
];
const WORDS = [
  'RICE_1',
  'GZIP_1',
  'GZIP_2',
  'HCOMPRESS_1',
  'PLIO_1',
  'NOCOMPRESS',
  '1PB',
  '1QB',
  '1PJ',
  '1QD(9)',
  '99999B',
  '8A',
  '',
  'ZSCALE',
];

/** One to four changes: bytes turned, written over, cut; header values replaced or dropped. */
function mutate(hdu: TestHdu, bytes: Uint8Array, next: () => number): TestHdu {
  let changed = bytes.slice();
  const header = new Map(hdu.header);
  let { dataBytes } = hdu;
  const pick = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)];
  for (let change = 0; change <= next() * 4; change++) {
    const kind = next();
    const at = Math.floor(next() * (next() < 0.3 ? Math.min(changed.length, 64) : changed.length));
    if (kind < 0.3) changed[at] ^= 1 << Math.floor(next() * 8);
    else if (kind < 0.5) changed[at] = pick([0, 1, 0x7f, 0x80, 0xff]);
    else if (kind < 0.6) changed.fill(next() < 0.5 ? 0 : 255, at, at + next() * 20);
    else if (kind < 0.65) {
      changed = changed.slice(0, at + 1);
      if (next() < 0.5) dataBytes = changed.length;
    } else if (kind < 0.9) header.set(pick(KEYS), next() < 0.75 ? pick(NASTY) : pick(WORDS));
    else header.delete(pick(KEYS));
  }
  return { header, source: memorySource(changed, 'mutant'), dataOffset: 0, dataBytes };
}

describe('hostile files', () => {
  it(`${CASES} mutants give an image or INPUT_INVALID, in time`, async () => {
    const seeds = await corpus();
    const bodies = await Promise.all(seeds.map((hdu) => hdu.source.read(0, hdu.dataBytes)));
    let refused = 0;
    let slowest = 0;
    for (let seed = 1; seed <= CASES; seed++) {
      const next = randomNumbers(seed * 7919);
      next();
      const which = Math.floor(next() * seeds.length);
      const mutant = mutate(seeds[which], bodies[which], next);
      const started = performance.now();
      try {
        const image = await readCompressedImage(mutant);
        expect(image.length, `seed ${seed}`).toBeLessThanOrEqual(2 ** 27);
      } catch (error) {
        if (!isArcletError(error, 'INPUT_INVALID')) throw new Error(`seed ${seed} gave something else`, { cause: error });
        refused++;
      }
      slowest = Math.max(slowest, performance.now() - started);
    }
    // Most header changes are refused; most pixel changes are pixels.
    expect(refused).toBeGreaterThan(CASES / 4);
    expect(slowest).toBeLessThan(5000);
  }, 3_600_000);

  const lies: [string, Record<string, string | number>, RegExp][] = [
    ['more tiles than rows', { ZNAXIS2: 13 }, /has 13 tiles, and the table 12 rows/],
    ['a heap past the file', { PCOUNT: 1e9 }, /data unit has/],
    ['an image past counting', { ZNAXIS1: 2 ** 40, ZNAXIS2: 2 ** 40 }, /absurd/],
    ['a tile no RICE stream can hold', { ZNAXIS1: 60000, ZTILE1: 60000 }, /cannot hold 60000 pixels/],
    ['a table row past its columns', { NAXIS1: 4, PCOUNT: 48 }, /columns take 8 bytes/],
    ['no such codec', { ZCMPTYPE: 'LZMA_1' }, /'LZMA_1' is no known compression/],
    ['a column of no format', { TFORM1: '1Z' }, /TFORM1 = '1Z' is no column format/],
    ['BYTEPIX 3', { ZVAL2: 3 }, /BYTEPIX = 3/],
  ];
  it.each(lies)('refuses %s and says why', async (_name, cards, message) => {
    const image = await compressImage(
      Int16Array.from({ length: 480 }, (_, index) => index % 91),
      [12, 40],
      16,
      { codec: 'RICE_1' },
    );
    const hdu = hduOf(image);
    for (const [key, value] of Object.entries(cards)) hdu.header.set(key, value);
    await expect(readCompressedImage(hdu)).rejects.toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('a small gzip that would inflate to a large one is stopped', async () => {
    const image = await compressImage(new Int32Array(400000), [400, 1000], 32, { codec: 'GZIP_2', tileShape: [400, 1000] });
    const hdu = hduOf(image);
    for (const key of ['ZNAXIS1', 'ZTILE1', 'ZNAXIS2', 'ZTILE2']) hdu.header.set(key, 10);
    await expect(readCompressedImage(hdu)).rejects.toThrow(/do not inflate to at most 800 bytes|a tile of 100 pixels has/);
  });
});
