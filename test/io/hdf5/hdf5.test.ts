import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Hdf5File, openBank, openHdf5 } from '../../../src/io/hdf5.ts';
import { openStore } from '../../../src/io/store/store.ts';
import { startLocalS3 } from '../../support/s3.ts';
import { hasShared, shared } from '../../support/shared.ts';

/**
 * Made with h5py 3.16: `plain` is 10 x 6 x 5 whole float32 numbers from default_rng(20261121).integers(-40, 40), the others the same
 * behind filters, big-endian, as float64 and as complex; `zstd` names filter 32015; latest.h5 is written with libver='latest'.
 */
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

let folder: string;
let open: Hdf5File[] = [];
let plain: Float32Array;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-hdf5-test-'));
  plain = Float32Array.from(JSON.parse(await readFile(fixture('expected.json'), 'utf8')).plain);
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const file of open) await file.close();
  open = [];
});

async function opened(path: string): Promise<Hdf5File> {
  const file = await openHdf5(path);
  open.push(file);
  return file;
}

/** The box as plain indexing has it. */
function box(start: number[], count: number[]): Float32Array {
  const out: number[] = [];
  for (let a = 0; a < count[0]; a++)
    for (let b = 0; b < count[1]; b++)
      for (let c = 0; c < count[2]; c++) out.push(plain[((start[0] + a) * 6 + start[1] + b) * 5 + start[2] + c]);
  return Float32Array.from(out);
}

describe('datasets', () => {
  it.each([
    ['plain', []],
    ['gzip', ['shuffle (filter 2)', 'deflate (filter 1)']],
    ['lzf', ['shuffle (filter 2)', 'LZF (filter 32000)', 'fletcher32 (filter 3)']],
    ['szip', ['szip (filter 4)']],
    ['grp/sub/lzf_be', ['LZF (filter 32000)']],
  ])('%s: whole and in boxes', async (path, filters) => {
    const dataset = (await opened(fixture('small.h5'))).dataset(path);
    expect([dataset.shape, dataset.type, dataset.filters]).toEqual([[10, 6, 5], 'float32', filters]);
    expect(await dataset.read()).toEqual(plain);
    for (const [
      start,
      count,
    ] of [[[3, 1, 2], [6, 4, 3]], [[9, 5, 4], [1, 1, 1]], [[0, 0, 0], [10, 1, 5]], [[2, 0, 0], [0, 6, 5]]]) // biome-ignore format: one line
      expect(await dataset.slice(start, count)).toEqual(box(start, count));
  });

  it('are of every type that surveys use', async () => {
    const file = await opened(fixture('small.h5'));
    const read = (path: string) => file.dataset(path).read();
    expect(await read('double')).toEqual(Float64Array.from(plain));
    const complex = (await read('complex_be')) as Float32Array;
    expect([file.dataset('complex_be').type, complex.length]).toEqual(['complex64', 120]);
    expect([complex[0], complex[1], complex[118], complex[119]]).toEqual([plain[0], plain[60], plain[59], plain[119]]);
    expect(await read('bool')).toEqual(Uint8Array.from(plain.subarray(0, 30), (value) => Number(value > 0)));
    expect(await read('wide')).toEqual(BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)));
    expect(await read('text')).toEqual(['gal', '\u00e9\u2603', '']);
    expect(await read('fixed')).toEqual(['ab', 'c']);
    expect(await read('scalar')).toEqual(Float64Array.of(2.5));
    expect(await read('grp/sub/scaled')).toEqual(Int32Array.from({ length: 60 }, (_, index) => index));
    expect([file.attributes('plain'), file.attributes('/')]).toEqual([{ src_pixscale_arcsec: 0.03 }, { galaxy_kind: 'real' }]);
    expect(file.datasets).toContain('grp/sub/scaled');
  });

  it('that are not there, not read, or asked for outside of their shape are errors', async () => {
    const file = await opened(fixture('small.h5'));
    expect(() => file.dataset('nothing')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID', message: expect.stringContaining('no dataset nothing') })); // biome-ignore format: one line
    expect(() => file.dataset('grp')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    expect(() => file.dataset('half')).toThrow(
      expect.objectContaining({ message: expect.stringContaining('2 bytes) is not read') }),
    );
    for (const [start, count] of [[[0, 0, 0], [11, 6, 5]], [[-1, 0, 0], [1, 1, 1]], [[0, 0], [1, 1]], [[0.5, 0, 0], [1, 1, 1]]]) // biome-ignore format: one line
      await expect(file.dataset('plain').slice(start, count)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('behind a filter that is not known give its name, never numbers', async () => {
    const zstd = (await opened(fixture('small.h5'))).dataset('zstd');
    await expect(zstd.read()).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('compressed with Zstandard (filter 32015)'),
      data: { filters: [32015] },
    });
    // In the latest format the chunks are not found, so LZF is refused by name.
    const latest = await opened(fixture('latest.h5'));
    await expect(latest.dataset('lzf').read()).rejects.toMatchObject({ message: expect.stringContaining('LZF (filter 32000)') });
    expect(await latest.dataset('gzip').read()).toEqual(plain);
  });
});

// CRC-32 of h5py's `dataset[()].tobytes()`. Flags and sample counts of all four are behind LZF.
const UVH5 = [
  ['ata.LoA.C0352.uvh5_60647_62965_9760406_3c286_0001.uvh5', 'complex64', 320099325, 3937157146, 4047756448],
  ['simulated_bda_file.uvh5', 'complex128', 1757409973, 1999844326, 266965394],
  ['zen.2458098.43124.downsample.uvh5', 'complex64', 1992534019, 2392241155, 4235239078],
  ['zen.2458116.30448.HH.uvh5', 'complex128', 544010132, 2500601981, 2572033380],
] as const;

describe.skipIf(!hasShared)('UVH5 of the field (needs ../shared)', () => {
  it.each(UVH5)('%s is read bit for bit, complex and LZF', async (name, type, visibilities, flags, samples) => {
    const file = await opened(shared(`data/f_radio/${name}`));
    const checksum = async (path: string) => {
      const values = (await file.dataset(path).read()) as Float32Array;
      return crc32(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    };
    expect([file.dataset('Data/visdata').type, file.dataset('Data/flags').type]).toEqual([type, 'bool']);
    expect(file.dataset('Data/flags').filters).toEqual(['LZF (filter 32000)']);
    expect([await checksum('Data/visdata'), await checksum('Data/flags'), await checksum('Data/nsamples')]).toEqual([visibilities, flags, samples]); // biome-ignore format: one line
  });
});

describe('banks', () => {
  it.each(['plain', 'gzip', 'lzf', 'double'])('%s give template by template', async (path) => {
    const bank = openBank(await opened(fixture('small.h5')), path, { cacheBytes: 1000 });
    expect([bank.count, bank.shape]).toEqual([10, [6, 5]]);
    for (const index of [3, 0, 9, 4, 3, 8]) expect(await bank.read(index)).toEqual(plain.slice(30 * index, 30 * index + 30));
    expect(await bank.readMany(2, 5)).toEqual(plain.slice(60, 210));
    for (const index of [-1, 10, 0.5]) await expect(bank.read(index)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('that are none are refused', async () => {
    const file = await opened(fixture('small.h5'));
    expect(() => openBank(file, 'none')).toThrow(expect.objectContaining({ code: 'BANK_EMPTY' }));
    expect(() => openBank(file, 'text')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    expect(() => openBank(file)).toThrow(expect.objectContaining({ message: expect.stringContaining('no dataset images') }));
  });
});

describe('files', () => {
  it('that are cut off anywhere, empty, or no HDF5 are errors', async () => {
    const bytes = await readFile(fixture('small.h5'));
    const path = join(folder, 'cut.h5');
    for (const length of [0, 1, 8, 47, 48, 100, 2000, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(openHdf5(path)).rejects.toMatchObject({ code: 'INPUT_INVALID', subject: path });
    }
    await writeFile(path, 'SIMPLE  =                    T'.padEnd(5760));
    await expect(openHdf5(path)).rejects.toMatchObject({ message: `${path} is no HDF5 file.` });
    await expect(openHdf5(join(folder, 'none.h5'))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('with damaged chunks say so', async () => {
    const bytes = await readFile(fixture('small.h5'));
    const path = join(folder, 'damaged.h5');
    const small = await opened(fixture('small.h5'));
    for (const name of ['gzip', 'lzf']) {
      let caught = 0;
      // Every 97th byte, until the dataset is hit.
      for (let at = 4000; at < bytes.length && caught === 0; at += 97) {
        const copy = Uint8Array.from(bytes);
        copy.fill(0xa5, at, at + 97);
        await writeFile(path, copy);
        const file = await openHdf5(path).catch(() => undefined);
        const values = await file?.dataset(name).read().catch((error) => {
          expect(error).toMatchObject({ code: 'INPUT_INVALID', subject: path });
          caught++;
        }); // biome-ignore format: one line
        if (values) expect((values as Float32Array).length).toBe(300);
        await file?.close();
      }
      expect([name, caught]).toEqual([name, 1]);
    }
    expect(await small.dataset('gzip').read()).toEqual(plain);
  });

  it('in a bucket are opened through a copy', async () => {
    const s3 = await startLocalS3('banks');
    try {
      await (await openStore('s3://banks', s3.options)).put('cosmos/small.h5', await readFile(fixture('small.h5')));
      const file = await openHdf5('s3://banks/cosmos/small.h5', s3.options);
      expect(await file.dataset('lzf').read()).toEqual(plain);
      expect(file.name).toBe('s3://banks/cosmos/small.h5');
      await file.close();
    } finally {
      await s3.close();
    }
  });
});
