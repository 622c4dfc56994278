import { describe, expect, it } from 'vitest';
import {
  compressImage,
  eachFloat32Run,
  encodeFits,
  type FitsHdu,
  FitsHeader,
  type NumberArray,
  RunMemory,
  readFloat32Section,
  readSection,
} from '../../../src/io/fits/index.ts';
import { image, join, open, rewritten } from './support.ts';

/** Pixels of all readers that give float32. */
async function floats(hdu: FitsHdu, length: number): Promise<number[]> {
  const found = new Float32Array(length).fill(99);
  await eachFloat32Run(hdu, [0], [length], (values, at) => found.set(values, at), new RunMemory());
  const { data, shape } = await readFloat32Section(hdu, [0], [length]);
  expect([shape, data]).toEqual([[length], found]);
  return [...found];
}

describe('undefined pixels as float32', () => {
  it.each<[string, number, (number | bigint)[], string[], number[]]>([
    ['unsigned 16 bits', 16, [-32768, 4], ['BLANK   = -32768', 'BZERO   = 32768'], [Number.NaN, 32772]],
    ['signed bytes', 8, [255, 4], ['BLANK   = 255', 'BZERO   = -128'], [Number.NaN, -124]],
    ['unsigned 32 bits', 32, [5, -(2 ** 31)], ['BLANK   = 5', 'BZERO   = 2147483648'], [Number.NaN, 0]],
    ['unsigned 64 bits', 64, [-7n, -(2n ** 63n)], ['BLANK   = -7', 'BZERO   = 9223372036854775808'], [Number.NaN, 0]],
    ['16 bits', 16, [-1, 4], ['BLANK   = -1'], [Number.NaN, 4]],
    ['scaled 32 bits', 32, [-1, 4], ['BLANK   = -1', 'BSCALE  = 0.5'], [Number.NaN, 2]],
    ['none where BLANK is the value and not what is stored', 16, [-32768, 4], ['BLANK   = 0', 'BZERO   = 32768'], [0, 32772]],
    ['none without BLANK', 16, [-32768, 4], ['BZERO   = 32768'], [0, 32772]],
  ])('%s', async (_, bitpix, values, cards, expected) => {
    expect(await floats(await image(bitpix, values, ...cards), values.length)).toEqual(expected);
  });

  it('of a compressed image', async () => {
    const { cards, bytes } = await compressImage(Int16Array.of(1, -32768, 300, 20), [4], 16, { codec: 'RICE_1' });
    const header = FitsHeader.of([...cards, { keyword: 'BZERO', value: 32768 }, { keyword: 'BLANK', value: -32768 }]);
    const file = await rewritten({ kind: 'raw', header, data: () => [bytes] });
    expect(await floats(file.hdu(1), 4)).toEqual([32769, Number.NaN, 33068, 32788]);
  });
});

describe('pixels run by run', () => {
  /** [y, x] of 7 x 3000 pixels. */
  const pixels = Float32Array.from({ length: 21_000 }, (_, at) => (at % 13 === 0 ? Number.NaN : Math.sin(at)));
  const whole = (data: NumberArray, header?: FitsHeader) =>
    open(join([...encodeFits([{ kind: 'image', data, shape: [7, 3000], header }])]));

  it.each([
    ['float32', pixels, undefined],
    ['int16 with BSCALE', new Int16Array(21_000).map((_, at) => at), FitsHeader.of([{ keyword: 'BSCALE', value: 0.5 }])],
    ['float64', Float64Array.from(pixels), undefined],
    ['uint16', Uint16Array.from({ length: 21_000 }, (_, at) => 3 * at), undefined],
  ])('are those of readSection: %s', async (_, data, header) => {
    const hdu = (await whole(data as NumberArray, header)).hdu(0);
    const memory = new RunMemory();
    for (const [start, shape] of [
      [
        [0, 0],
        [7, 3000],
      ],
      [
        [2, 0],
        [3, 3000],
      ],
      [
        [1, 17],
        [5, 1001],
      ],
      [
        [3, 5],
        [0, 4],
      ],
    ]) {
      const found = new Float32Array(shape[0] * shape[1]).fill(99);
      let next = 0;
      await eachFloat32Run(
        hdu,
        start,
        shape,
        (values, at) => {
          expect(at).toBe(next);
          next += values.length;
          found.set(values, at);
        },
        memory,
      );
      const { data: wanted } = await readSection(hdu, start, shape);
      expect(next).toBe(found.length);
      expect(found).toEqual(Float32Array.from(wanted as ArrayLike<number>));
    }
    await expect(eachFloat32Run(hdu, [6, 0], [2, 3000], () => {}, memory)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
