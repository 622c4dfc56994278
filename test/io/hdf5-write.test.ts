import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBank, openHdf5, writeHdf5 } from '../../src/io/hdf5.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-hdf5-write-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('writeHdf5', () => {
  it('writes attributes, arrays, text and a dataset that grows, and its own reader gives them back', async () => {
    const path = join(folder, 'new', 'bank.h5');
    const given = await writeHdf5(path, async (writer) => {
      const images = writer.growing('images', [2, 3]);
      images.append(Float32Array.from({ length: 12 }, (_, at) => at));
      images.append(Float32Array.from({ length: 6 }, (_, at) => 100 + at));
      images.append(new Float32Array(0));
      writer.attribute('/', 'scale', 0.03);
      writer.attribute('/', 'side', 128, { whole: true });
      writer.attribute('/', 'kind', 'réal');
      writer.dataset('meta/index', Int32Array.of(5, 6, 7));
      writer.dataset('meta/source', ['a.fits[1]', 'é', '']);
      writer.dataset('grid', Float64Array.of(1, 2, 3, 4), [2, 2]);
      writer.attribute('meta/index', 'unit', 'none');
      return images.count;
    });
    expect(given).toBe(3);
    const file = await openHdf5(path);
    expect(file.attributes('/')).toMatchObject({ scale: 0.03, side: 128n, kind: 'réal' });
    expect(file.attributes('meta/index')).toMatchObject({ unit: 'none' });
    expect([...((await file.dataset('meta/index').read()) as Int32Array)]).toEqual([5, 6, 7]);
    expect(await file.dataset('meta/source').read()).toEqual(['a.fits[1]', 'é', '']);
    expect(file.dataset('grid').shape).toEqual([2, 2]);
    const bank = openBank(file);
    expect([bank.count, ...bank.shape]).toEqual([3, 2, 3]);
    expect([...(await bank.read(2))]).toEqual([100, 101, 102, 103, 104, 105]);
    await file.close();
    expect(await readdir(join(folder, 'new'))).toEqual(['bank.h5']);
  });

  it('leaves nothing behind, and what was there, when the work fails', async () => {
    const path = join(folder, 'kept.h5');
    await writeFile(path, 'what was there');
    const failing = writeHdf5(path, async (writer) => {
      writer.dataset('a', Int32Array.of(1));
      throw new RangeError('stop');
    });
    await expect(failing).rejects.toThrow(new RangeError('stop'));
    expect(await readFile(path, 'utf8')).toBe('what was there');
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('refuses a folder that is a file, a name twice and half an item', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(writeHdf5(join(folder, 'file', 'x.h5'), async () => 0)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    const twice = writeHdf5(join(folder, 'twice.h5'), async (writer) => {
      writer.dataset('a', Int32Array.of(1));
      writer.dataset('a', Int32Array.of(2));
    });
    await expect(twice).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    const half = writeHdf5(join(folder, 'half.h5'), async (writer) => {
      writer.growing('a', [2, 2]).append(new Float32Array(3));
    });
    await expect(half).rejects.toThrow(/no whole items/);
  });

  it.skipIf(process.getuid?.() === 0)('says that a folder may not be written to', async () => {
    const locked = join(folder, 'locked');
    await mkdir(locked);
    await chmod(locked, 0o500);
    await expect(writeHdf5(join(locked, 'x.h5'), async () => 0)).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      message: expect.stringContaining('permission is denied'),
    });
  });
});
