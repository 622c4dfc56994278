import { describe, expect, it } from 'vitest';
import {
  encodeFits,
  FitsHeader,
  groupParameter,
  imageChunks,
  imageInfo,
  type NumberArray,
  readGroups,
  readImage,
  readSection,
  verifyChecksums,
} from '../../../src/io/fits/index.ts';
import { headerBytes, image, join, open, rewritten, stored } from './support.ts';

const f = Math.fround;

describe('pixels', () => {
  it.each<[string, number, (number | bigint)[], string[], string, (number | bigint)[]]>([
    ['bytes', 8, [0, 255], [], 'uint8', [0, 255]],
    ['signed bytes', 8, [0, 128, 255], ['BZERO   = -128'], 'int8', [-128, 0, 127]],
    ['16 bits', 16, [-32768, 7], [], 'int16', [-32768, 7]],
    ['unsigned 16 bits', 16, [-32768, 32767], ['BZERO   = 32768', 'BSCALE  = 1.0'], 'uint16', [0, 65535]],
    ['32 bits', 32, [-(2 ** 31), 5], [], 'int32', [-(2 ** 31), 5]],
    ['unsigned 32 bits', 32, [-(2 ** 31), -1], ['BZERO   = 2147483648'], 'uint32', [0, 2 ** 31 - 1]],
    ['64 bits', 64, [-(2n ** 63n), 2n ** 53n + 1n], [], 'int64', [-(2n ** 63n), 2n ** 53n + 1n]],
    ['unsigned 64 bits', 64, [-(2n ** 63n), -1n], ['BZERO   = 9223372036854775808'], 'uint64', [0n, 2n ** 63n - 1n]],
    ['floats', -32, [1.5, Number.NaN, -0], [], 'float32', [1.5, Number.NaN, -0]],
    ['doubles', -64, [Math.PI, Number.NEGATIVE_INFINITY], [], 'float64', [Math.PI, Number.NEGATIVE_INFINITY]],
    ['scaled bytes', 8, [10, 255], ['BSCALE  = 0.1', 'BZERO   = 3'], 'float32', [f(f(10 * f(0.1)) + 3), f(f(255 * f(0.1)) + 3)]],
    ['blank 16 bits', 16, [-1, 4], ['BLANK   = -1'], 'float32', [Number.NaN, 4]],
    ['blank, scaled 32 bits', 32, [-1, 4], ['BLANK   = -1', 'BSCALE  = 0.1'], 'float64', [Number.NaN, 0.4]],
    [
      'blank, scaled 64 bits',
      64,
      [-(2n ** 63n), 4n],
      ['BLANK   = -9223372036854775808', 'BZERO   = 1.5'],
      'float64',
      [Number.NaN, 5.5],
    ],
    ['scaled floats', -32, [0.1, 2], ['BSCALE  = 3.0', 'BLANK   = 2'], 'float32', [f(f(0.1) * 3), 6]],
    ['scaled doubles', -64, [0.1], ['BZERO   = 3.0'], 'float64', [3.1]],
    ['blank beside the unsigned convention', 16, [-1, 4], ['BLANK   = -1', 'BZERO   = 32768'], 'uint16', [32767, 32772]],
  ])('%s', async (_, bitpix, values, cards, dtype, expected) => {
    const hdu = await image(bitpix, values, ...cards);
    expect(imageInfo(hdu).dtype).toBe(dtype);
    const read = await readImage(hdu);
    expect(read.dtype).toBe(dtype);
    expect([...read.data]).toEqual(expected);
  });

  it('decode alike when there are more of them than are decoded at once', async () => {
    const values = Array.from({ length: 70_001 }, (_, index) => ((index * 7919) % 60_000) - 30_000);
    const { data } = await readImage(await image(16, values, 'BSCALE  = 2.0', 'BZERO   = 1.0'));
    expect([...data]).toEqual(values.map((value) => 2 * value + 1));
  });
});

describe('sections', async () => {
  const shape = [3, 4, 5, 6];
  const data = Float32Array.from({ length: 360 }, (_, index) => index);
  const hdu = (await rewritten({ kind: 'image', data, shape })).hdu(0);

  /** The slow, plain way. */
  function slice(start: number[], extent: number[]): number[] {
    const out: number[] = [];
    for (let a = 0; a < extent[0]; a++)
      for (let b = 0; b < extent[1]; b++)
        for (let c = 0; c < extent[2]; c++)
          for (let d = 0; d < extent[3]; d++)
            out.push((((start[0] + a) * 4 + start[1] + b) * 5 + start[2] + c) * 6 + start[3] + d);
    return out;
  }

  it.each([
    [
      [0, 0, 0, 0],
      [3, 4, 5, 6],
    ],
    [
      [1, 0, 0, 0],
      [2, 4, 5, 6],
    ],
    [
      [1, 2, 3, 4],
      [1, 1, 1, 1],
    ],
    [
      [0, 1, 2, 3],
      [3, 2, 2, 2],
    ],
    [
      [2, 3, 0, 5],
      [1, 1, 5, 1],
    ],
    [
      [0, 0, 0, 0],
      [3, 4, 0, 6],
    ],
  ])('from %j of %j', async (start, extent) => {
    const section = await readSection(hdu, start, extent);
    expect([...section.data]).toEqual(slice(start, extent));
    expect(section.shape).toEqual(extent);
  });

  it.each([
    [
      [0, 0, 0, 0],
      [3, 4, 5, 7],
    ],
    [
      [0, 0, 0, -1],
      [1, 1, 1, 1],
    ],
    [
      [0, 0, 0],
      [1, 1, 1],
    ],
    [
      [0.5, 0, 0, 0],
      [1, 1, 1, 1],
    ],
  ])('from %j of %j is refused', async (start, extent) => {
    await expect(readSection(hdu, start, extent)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('reads only the rows that it touches', async () => {
    const wide = new Float32Array(40_000 * 20);
    const big = (await rewritten({ kind: 'image', data: wide, shape: [20, 40_000] })).hdu(0);
    const report = { bytes: 0, reads: 0, tiles: 0 };
    await readSection(big, [3, 100], [4, 64], report);
    expect(report).toEqual({ bytes: 4 * 64 * 4, reads: 4, tiles: 0 });
  });

  it.each([1, 24, 100, 500, 1e6])('chunks of %d bytes cover the image once, in order', async (maxBytes) => {
    const all: number[] = [];
    for await (const chunk of imageChunks(hdu, maxBytes)) {
      expect(chunk.data.byteLength).toBeLessThanOrEqual(Math.max(4, maxBytes));
      all.push(...(chunk.data as Float32Array));
    }
    expect(all).toEqual([...data]);
  });
});

describe('written images', () => {
  const arrays: NumberArray[] = [
    Uint8Array.of(0, 200),
    Int8Array.of(-128, 127),
    Int16Array.of(-32768, 5),
    Uint16Array.of(0, 65535),
    Int32Array.of(-(2 ** 31), 5),
    Uint32Array.of(0, 2 ** 32 - 1),
    BigInt64Array.of(-(2n ** 63n), 5n),
    BigUint64Array.of(0n, 2n ** 64n - 1n),
    Float32Array.of(Number.NaN, 1.5),
    Float64Array.of(Math.E, Number.NEGATIVE_INFINITY),
  ];

  it('read back as they were, in the primary HDU and behind it, with checksums that hold', async () => {
    const file = await rewritten(...arrays.map((data) => ({ kind: 'image', data, shape: [1, 2], unit: 'Jy' }) as const));
    for (const [index, data] of arrays.entries()) {
      const hdu = file.hdu(index);
      expect((await readImage(hdu)).data).toEqual(data);
      expect(imageInfo(hdu)).toMatchObject({ unit: 'Jy', shape: [1, 2] });
      expect(await verifyChecksums(hdu)).toMatchObject({ data: 'ok', hdu: 'ok' });
    }
  });

  it('stand in blocks, mandatory cards first', () => {
    const bytes = join(
      encodeFits(
        [
          { kind: 'empty' },
          { kind: 'image', name: 'ERR', data: Float64Array.of(Math.E), shape: [1], cards: [{ keyword: 'BAND', value: 'r' }] },
        ],
        { checksums: false },
      ),
    );
    expect(bytes.length).toBe(3 * 2880);
    const text = new TextDecoder().decode(bytes.subarray(0, 2 * 2880));
    const cards = (text.match(/.{80}/g) ?? []).map((card) => card.trimEnd()).filter((card) => card !== '');
    expect(cards).toEqual([
      'SIMPLE  =                    T / conforms to the FITS standard',
      'BITPIX  =                    8',
      'NAXIS   =                    0',
      'EXTEND  =                    T',
      'END',
      "XTENSION= 'IMAGE   '           / image extension",
      'BITPIX  =                  -64',
      'NAXIS   =                    1',
      'NAXIS1  =                    1',
      'PCOUNT  =                    0',
      'GCOUNT  =                    1',
      "EXTNAME = 'ERR     '",
      "BAND    = 'r       '",
      'END',
    ]);
    expect(new DataView(bytes.buffer).getFloat64(2 * 2880)).toBe(Math.E);
  });

  it('take a header along without what described its own data', async () => {
    const header = FitsHeader.parse(
      headerBytes(
        'SIMPLE  =   T',
        'BITPIX  = 16',
        'NAXIS   = 2',
        'NAXIS1  = 9',
        'NAXIS2  = 9',
        'BSCALE  = 2',
        'CRVAL1  = 1.50 / deg',
        'HISTORY old',
      ),
    );
    const { header: written } = (await rewritten({ kind: 'image', data: Float32Array.of(1), shape: [1], header })).hdu(0);
    expect(written.has('BSCALE')).toBe(false);
    expect(written.has('NAXIS2')).toBe(false);
    expect(written.card('CRVAL1')?.records[0].trimEnd()).toBe('CRVAL1  = 1.50 / deg');
    expect(written.all('HISTORY')).toEqual(['old']);
  });

  it('are refused when shape or cards are wrong', () => {
    const data = Float32Array.of(1, 2);
    expect(() => join(encodeFits([{ kind: 'image', data, shape: [3] }]))).toThrow('has 3 values and 2 are given');
    expect(() => join(encodeFits([{ kind: 'image', data, shape: [2], cards: [{ keyword: 'NAXIS1', value: 5 }] }]))).toThrow(
      'NAXIS1',
    );
  });
});

describe('random groups', () => {
  it('have scaled parameters and data; parameters of one name are summed', async () => {
    const header = headerBytes(
      'SIMPLE  = T',
      'BITPIX  = 16',
      'NAXIS   = 3',
      'NAXIS1  = 0',
      'NAXIS2  = 2',
      'NAXIS3  = 1',
      'GROUPS  = T',
      'PCOUNT  = 3',
      'GCOUNT  = 2',
      "PTYPE1  = 'UU'",
      "PTYPE2  = 'DATE'",
      "PTYPE3  = 'DATE'",
      'PSCAL1  = 0.5',
      'PZERO2  = 2450000.0',
      'PSCAL3  = 0.001',
      'BSCALE  = 2.0',
    );
    const hdu = (await open(join([header, stored([4, 1, 500, 10, 11, 6, 2, 250, -12, 13], 16)]))).hdu(0);
    expect(hdu.type).toBe('RANDOM_GROUPS');
    const groups = await readGroups(hdu);
    expect(groups.shape).toEqual([2, 1, 2]);
    expect([...groups.data]).toEqual([20, 22, -24, 26]);
    expect([...(groupParameter(groups, 'UU') ?? [])]).toEqual([2, 3]);
    expect([...(groupParameter(groups, 'DATE') ?? [])]).toEqual([2450001.5, 2450002.25]);
    expect(groupParameter(groups, 'VV')).toBeUndefined();
    expect([...(await readGroups(hdu, 1, 1)).data]).toEqual([-24, 26]);
    await expect(readGroups(hdu, 1, 2)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
