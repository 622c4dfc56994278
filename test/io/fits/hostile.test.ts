/** Files that are damaged or lie: each is refused with a reason, or used as far as it is sound; memory follows the file, not its claims. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ArcletError } from '../../../src/core/errors.ts';
import {
  encodeFits,
  type FitsFile,
  gunzipSource,
  imageChunks,
  memorySource,
  openFits,
  readGroups,
  readImage,
  readTable,
  tableChunks,
  verifyChecksums,
} from '../../../src/io/fits/index.ts';
import { headerBytes, join, open } from './support.ts';

const PRIMARY = ['SIMPLE  = T', 'BITPIX  = 16', 'NAXIS   = 1', 'NAXIS1  = 4'];
const BLOCK = new Uint8Array(2880);

const image = (...lines: string[]) => join([headerBytes(...lines), BLOCK]);
const table = (rowBytes: number, rows: number, pcount: number, ...cards: string[]) =>
  headerBytes(
    "XTENSION= 'BINTABLE'",
    'BITPIX  = 8',
    'NAXIS   = 2',
    `NAXIS1  = ${rowBytes}`,
    `NAXIS2  = ${rows}`,
    `PCOUNT  = ${pcount}`,
    'GCOUNT  = 1',
    ...cards,
  );

describe('headers', () => {
  it.each<[string, string[], string]>([
    ['a BITPIX that is none', ['SIMPLE  = T', 'BITPIX  = 12', 'NAXIS   = 0'], 'BITPIX: it is 12'],
    ['no BITPIX', ['SIMPLE  = T', 'NAXIS   = 0'], 'BITPIX: the keyword is missing'],
    ['no NAXIS', ['SIMPLE  = T', 'BITPIX  = 8'], 'NAXIS: the keyword is missing'],
    ['a thousand axes', ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 1000'], 'NAXIS: it is 1000'],
    ['a missing axis', ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 2', 'NAXIS1  = 3'], 'NAXIS2: the keyword is missing'],
    ['a negative axis', ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 1', 'NAXIS1  = -3'], 'NAXIS1: it is -3'],
    ['a fractional axis', ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 1', 'NAXIS1  = 3.5'], 'NAXIS1: it is 3.5'],
    ['an axis that is text', ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 1', "NAXIS1  = '3'"], 'NAXIS1: it is "3"'],
    ['axes beyond 2^53', ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 2', 'NAXIS1  = 999999999', 'NAXIS2  = 999999999'], 'bytes'],
    ['negative PCOUNT', [...PRIMARY, 'PCOUNT  = -5'], 'PCOUNT: it is -5'],
    [
      'an axis that cannot be read',
      ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 1', 'NAXIS1  = 3 4'],
      "NAXIS1: '3 4' is no FITS value",
    ],
  ])('%s', async (_, lines, message) => {
    await expect(open(image(...lines))).rejects.toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    await expect(open(image(...lines))).rejects.toThrow(message);
  });

  it('without END are refused at the end of the file', async () => {
    await expect(open(headerBytes(...PRIMARY).subarray(0, 320))).rejects.toThrow('no END in 320 bytes');
    await expect(open(new Uint8Array(0))).rejects.toThrow('no FITS file');
    await expect(open(new TextEncoder().encode('BZh91AY&SY'))).rejects.toMatchObject({ remedy: 'Unpack it with bunzip2.' });
  });

  it('behind a sound HDU leave that one usable, and say why the walk ended', async () => {
    const sound = image(...PRIMARY);
    for (const [bytes, problem] of [
      [table(1, 1, -1, "TFORM1  = 'B'", 'TFIELDS = 1'), 'PCOUNT: it is -1'],
      [headerBytes("XTENSION= 'IMAGE'").subarray(0, 80), 'no END'],
      [new Uint8Array(5000).fill(0x41), '5000 bytes from 5760 on are no HDU'],
    ] as const) {
      const file = await open(join([sound, bytes]));
      expect(file.hdus).toHaveLength(1);
      expect(file.problems).toEqual([expect.stringContaining(problem)]);
      expect((await readImage(file.hdu(0))).data).toEqual(new Int16Array(4));
      expect(() => file.hdu(1)).toThrow(problem);
    }
    expect((await open(join([sound, BLOCK]))).problems).toEqual([]);
  });
});

describe('data that are not there', () => {
  it('an absurd image is opened, and refused before memory is taken for it', async () => {
    const file = await open(image('SIMPLE  = T', 'BITPIX  = -64', 'NAXIS   = 2', 'NAXIS1  = 1000000', 'NAXIS2  = 1000000'));
    expect(file.hdu(0).truncated).toBe(true);
    expect(file.problems).toEqual([expect.stringContaining('its data need 8000000000000 bytes')]);
    await expect(readImage(file.hdu(0))).rejects.toThrow('truncated');
  });

  it('a truncated image gives the rows that it has', async () => {
    const data = Int16Array.from({ length: 100 * 100 }, (_, index) => index);
    const bytes = join(encodeFits([{ kind: 'image', data, shape: [100, 100] }])).subarray(0, 2880 + 100 * 200);
    const hdu = (await open(bytes)).hdu(0);
    expect(hdu.truncated).toBe(false);
    const cut = (await open(bytes.subarray(0, 2880 + 50 * 200 + 10))).hdu(0);
    expect(cut.truncated).toBe(true);
    const chunks = imageChunks(cut, 25 * 200);
    expect((await chunks.next()).value.data).toEqual(data.subarray(0, 2500));
    expect((await chunks.next()).value.data).toEqual(data.subarray(2500, 5000));
    await expect(chunks.next()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(verifyChecksums(cut)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('absurd tables and groups', async () => {
    const primary = headerBytes('SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 0');
    const cases: [Uint8Array, string][] = [
      [table(1, 2e12, 0, 'TFIELDS = 1', "TFORM1  = 'B'"), 'truncated'],
      [table(0, 2e12, 0, 'TFIELDS = 1', "TFORM1  = '0A'"), 'rows have no bytes'],
      [
        table(4, 2, 0, 'TFIELDS = 1', "TFORM1  = '99999999999999B'"),
        'its columns take 99999999999999 bytes of a row and NAXIS1 is 4',
      ],
      [table(4, 2, 0, 'TFIELDS = 1', "TFORM1  = 'Z'"), "'Z' is no column format"],
      [table(4, 2, 0, 'TFIELDS = 1000'), 'TFIELDS: it is 1000'],
      [table(4, 2, 0), 'TFIELDS: the keyword is missing'],
      [table(8, 2, 0, 'TFIELDS = 1', "TFORM1  = '3PB(4)'"), 'is no column format'],
    ];
    for (const [header, message] of cases) {
      const file = await open(join([primary, header, BLOCK]));
      await expect(readTable(file.hdu(1))).rejects.toThrow(message);
    }
    const groups = [
      'SIMPLE  = T',
      'BITPIX  = 8',
      'NAXIS   = 2',
      'NAXIS1  = 0',
      'NAXIS2  = 9',
      'GROUPS  = T',
      'GCOUNT  = 1000000000',
    ];
    await expect(readGroups((await open(image(...groups))).hdu(0))).rejects.toThrow('truncated');
    const empty = ['SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 1', 'NAXIS1  = 0', 'GROUPS  = T', 'GCOUNT  = 1000000000'];
    await expect(readGroups((await open(image(...empty))).hdu(0))).rejects.toThrow('are empty');
  });
});

describe('heaps', () => {
  const primary = headerBytes('SIMPLE  = T', 'BITPIX  = 8', 'NAXIS   = 0');
  async function heap(descriptors: [count: number, offset: number][], heapBytes: number, ...cards: string[]) {
    const data = new Uint8Array(descriptors.length * 8 + heapBytes);
    const view = new DataView(data.buffer);
    for (const [row, [count, offset]] of descriptors.entries()) {
      view.setInt32(8 * row, count);
      view.setInt32(8 * row + 4, offset);
    }
    const header = table(8, descriptors.length, heapBytes, 'TFIELDS = 1', "TFORM1  = 'PJ(9)'", ...cards);
    return (await open(join([primary, header, data]))).hdu(1);
  }

  it.each<[string, [number, number][], string[]]>([
    [
      'an array behind the heap',
      [
        [1, 0],
        [3, 8],
      ],
      [],
    ],
    [
      'a negative count',
      [
        [-1, 0],
        [1, 0],
      ],
      [],
    ],
    [
      'a negative offset',
      [
        [1, 0],
        [1, -4],
      ],
      [],
    ],
    [
      'a count that no file holds',
      [
        [1, 0],
        [2 ** 31 - 1, 0],
      ],
      [],
    ],
    [
      'a heap before the rows end',
      [
        [1, 0],
        [1, 0],
      ],
      ['THEAP   = 3'],
    ],
    [
      'a heap behind the data',
      [
        [1, 0],
        [1, 0],
      ],
      ['THEAP   = 99'],
    ],
    ['arrays that overlap too often', [0, 1, 2, 3, 4, 5, 6, 7].map((offset) => [3, offset] as [number, number]), []],
  ])('%s', async (_, descriptors, cards) => {
    const error: ArcletError = await readTable(await heap(descriptors, 19, ...cards)).then(
      () => Promise.reject(new Error('it was read')),
      (reason) => reason,
    );
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.subject).toMatch(/test\.fits\[1\] (column col1|THEAP)/);
  });
});

describe('gzip', () => {
  const data = Float32Array.from({ length: 50_000 }, (_, index) => Math.sin(index));
  const packed = new Uint8Array(gzipSync(join(encodeFits([{ kind: 'image', data, shape: [50, 1000] }]))));

  it('reads the same from memory and from a stream that starts again', async () => {
    for (const keepBytes of [1e9, 1000]) {
      const file = await openFits(memorySource(packed, 'x.fits.gz'), { keepBytes });
      expect((await readImage(file.hdu(0))).data).toEqual(data);
      // Backwards, and two at a time.
      const reads = await Promise.all([49_000, 100].map((at) => file.source.read(2880 + 4 * at, 4)));
      expect(reads.map((bytes) => new DataView(bytes.slice().buffer).getFloat32(0))).toEqual([data[49_000], data[100]]);
      await file.close();
    }
  });

  it('refuses streams that are cut, damaged, or longer than allowed', async () => {
    const damaged = packed.slice();
    damaged[packed.length >> 1] ^= 0xff;
    for (const bytes of [packed.subarray(0, packed.length - 9), damaged])
      await expect(openFits(memorySource(bytes, 'x.fits.gz'))).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        subject: 'x.fits.gz',
      });
    const bomb = memorySource(gzipSync(new Uint8Array(5e6)), 'bomb.gz');
    await expect(gunzipSource(bomb, { maxBytes: 1e6 })).rejects.toThrow('more than 1000000 bytes');
  });
});

/** Reads everything that a file offers. */
async function readAll(file: FitsFile): Promise<void> {
  for (const hdu of file.hdus) {
    if (hdu.type === 'RANDOM_GROUPS') await readGroups(hdu).catch(expected);
    else if (hdu.type === 'BINTABLE' || hdu.type === 'TABLE') {
      await readTable(hdu).catch(expected);
      await tableChunks(hdu).next().catch(expected);
    } else if (hdu.axes.length > 0) await readImage(hdu).catch(expected);
    await verifyChecksums(hdu).catch(expected);
  }
}

let refused = 0;

function expected(error: unknown): void {
  refused++;
  if (!(error instanceof ArcletError) || error.code !== 'INPUT_INVALID') throw error;
}

describe('seeded mutations', () => {
  it('of a file with every kind of column end in values or INPUT_INVALID', async () => {
    const file = await openFits(memorySource(readFileSync(new URL('fixtures/astropy.fits.gz', import.meta.url)), 'seed.fits'));
    const seed = await file.source.read(0, file.source.size);
    let opened = 0;
    refused = 0;
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 300; round++) {
      const bytes = seed.slice();
      for (let change = 0; change < 1 + random(8); change++) {
        const at = random(bytes.length);
        // Digits in headers make lengths that lie; other bytes break everything else.
        if (bytes[at] >= 0x30 && bytes[at] <= 0x39) bytes[at] = 0x30 + random(10);
        else bytes[at] = random(256);
      }
      await open(bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length)).then(
        (mutant) => readAll(mutant).then(() => opened++),
        expected,
      );
    }
    // Both happen, or the mutations are too tame or too wild to say anything.
    expect(refused).toBeGreaterThan(50);
    expect(opened).toBeGreaterThan(50);
  });
});
