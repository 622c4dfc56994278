/** Pieces of images are what sections are, whatever the image is kept as. */
import { describe, expect, it } from 'vitest';
import { inverseOfSum, inverseTransform } from '../../../src/io/fits/compress/hcompress-transform.ts';
import {
  compressImage,
  encodeFits,
  type FitsHdu,
  FitsHeader,
  type HduInput,
  memorySource,
  openFits,
  readSection,
  tiledImage,
} from '../../../src/io/fits/index.ts';
import { join, open, rewritten } from './support.ts';

const [HEIGHT, WIDTH] = [150, 130];
const floats = Float32Array.from({ length: HEIGHT * WIDTH }, (_, at) => (at % 97 === 0 ? 0 : Math.sin(at * at) + at / 1e4));
const integers = Int32Array.from({ length: HEIGHT * WIDTH }, (_, at) => (at * 7919) % 4001);

async function compressed(
  data: Float32Array | Int32Array,
  codec: 'RICE_1' | 'GZIP_2',
  method?: 'NO_DITHER' | 'SUBTRACTIVE_DITHER_2',
) {
  const { cards, bytes } = await compressImage(data, [HEIGHT, WIDTH], data instanceof Int32Array ? 32 : -32, {
    codec,
    tileShape: [64, 50],
    quantize: method && { method, level: 16, dither0: 99 },
  });
  const hdu: HduInput = { kind: 'raw', header: FitsHeader.of(cards), data: () => [bytes] };
  return (await rewritten(hdu)).hdu(1);
}

const KINDS: readonly (readonly [string, () => Promise<FitsHdu>])[] = [
  ['RICE of dithered floats', () => compressed(floats, 'RICE_1', 'SUBTRACTIVE_DITHER_2')],
  ['RICE of floats without dither', () => compressed(floats, 'RICE_1', 'NO_DITHER')],
  ['RICE of integers', () => compressed(integers, 'RICE_1')],
  ['GZIP of floats', () => compressed(floats, 'GZIP_2')],
  ['a plain image', async () => (await rewritten({ kind: 'image', data: floats, shape: [HEIGHT, WIDTH] })).hdu(0)],
];

describe('pieces of an image', () => {
  for (const [name, make] of KINDS) {
    it(`are its sections: ${name}`, async () => {
      const hdu = await make();
      const image = tiledImage(hdu);
      const [rows, columns] = image.pieceShape;
      const across = Math.ceil(WIDTH / columns);
      const count = across * Math.ceil(HEIGHT / rows);
      // Backwards and all at once: they come in the order of the file, by their numbers.
      const pieces = await image.fetch(Array.from({ length: count }, (_, at) => count - 1 - at));
      expect(pieces.map(({ index }) => index).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
      for (const piece of pieces) {
        const start = [Math.floor(piece.index / across) * rows, (piece.index % across) * columns];
        const shape = [Math.min(rows, HEIGHT - start[0]), Math.min(columns, WIDTH - start[1])];
        const { data } = await readSection(hdu, start, shape);
        expect(await image.decode(piece)).toEqual(data);
      }
    });
  }

  it('are told to be damaged one by one', async () => {
    const hdu = await compressed(integers, 'RICE_1');
    const bytes = new Uint8Array(await hdu.source.read(0, hdu.source.size));
    new DataView(bytes.buffer).setInt32(hdu.dataOffset + hdu.header.integer('NAXIS1') + 4, 0x7fffff00);
    const image = tiledImage((await openFits(memorySource(bytes, 'damaged.fits'))).hdu(1));
    const pieces = await image.fetch([0, 1, 2]);
    const decoded: string[] = [];
    for (const piece of pieces)
      decoded[piece.index] = await image.decode(piece).then(
        () => 'good',
        (error: Error) => error.message,
      );
    expect(decoded).toEqual(['good', expect.stringMatching(/tile 1: .* are not in a heap/), 'good']);
  });

  it('are refused of a truncated image and of a cube', async () => {
    const whole = join(encodeFits([{ kind: 'image', data: floats, shape: [HEIGHT, WIDTH] }]));
    const cut = await open(whole.subarray(0, 2880 + 4 * HEIGHT * WIDTH - 4));
    expect(() => tiledImage(cut.hdu(0))).toThrow(/truncated/);
    const cube = await rewritten({ kind: 'image', data: new Float32Array(8), shape: [2, 2, 2] });
    expect(() => tiledImage(cube.hdu(0))).toThrow(/two axes/);
  });
});

describe('HCOMPRESS tiles of one value', () => {
  it('are the transform of their sum alone', () => {
    for (const [slow, fast] of [
      [1, 1],
      [2, 1],
      [3, 5],
      [56, 100],
      [64, 64],
    ]) {
      for (const sum of [0, 1, -1, -9, 123_456, 2 ** 40 + 3, -(2 ** 40) - 5]) {
        const all = new Float64Array(slow * fast);
        all[0] = sum;
        inverseTransform(all, slow, fast, 0);
        const value = inverseOfSum(sum, slow, fast);
        expect(all.every((pixel) => pixel === value)).toBe(true);
      }
    }
  });
});
