import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeHdf5 } from '../../../src/io/hdf5.ts';
import { encodeNpy } from '../../../src/io/npy.ts';
import { writeNpz } from '../../../src/io/npz.ts';
import { openTemplateBank } from '../../../src/pipelines/injection/bank/open.ts';
import { templateIndex } from '../../../src/pipelines/injection/bank/template-index.ts';
import { hasShared, shared } from '../../support/shared.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-bank-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 5 templates of 4 x 4; template k has the sum 16 (k + 1). */
const images = Float32Array.from({ length: 5 * 16 }, (_, at) => Math.floor(at / 16) + 1);
const hlr = Float32Array.from({ length: 5 }, (_, at) => 0.1 * (at + 1));

const writeBank = (name: string, data: Float32Array, shape: readonly number[], radii?: Float32Array) => {
  const path = join(folder, name);
  return writeHdf5(path, async (writer) => {
    if (shape[0] > 0) writer.growing('images', shape.slice(1)).append(data);
    else writer.dataset('images', data, shape);
    writer.attribute('/', 'src_pixscale_arcsec', 0.03);
    if (radii !== undefined) writer.dataset('meta/hlr_arcsec', radii);
    return path;
  });
};

describe('openTemplateBank', () => {
  it('reads HDF5, .npz and .npy alike, every template with unit sum', async () => {
    const h5 = await writeBank('bank.h5', images, [5, 4, 4], hlr);
    const npz = join(folder, 'bank.npz');
    await writeNpz(npz, {
      images: { data: images, shape: [5, 4, 4] },
      hlr_arcsec: { data: hlr, shape: [5] },
      src_pixscale_arcsec: { data: Float64Array.of(0.03), shape: [] },
    });
    const npy = join(folder, 'bank.npy');
    await writeFile(npy, Buffer.concat(encodeNpy({ data: Float64Array.from(images), shape: [5, 4, 4] })));
    for (const path of [h5, npz, npy]) {
      const bank = await openTemplateBank(path);
      expect([bank.count, bank.side]).toEqual([5, 4]);
      expect(bank.pixscaleArcsec).toBe(path === npy ? undefined : 0.03);
      expect(bank.hlrArcsec(2)).toBe(path === npy ? undefined : hlr[2]);
      const chosen = await bank.images([4, 0, 4]);
      expect(chosen).toEqual(new Float32Array(48).fill(1 / 16));
      await expect(bank.images([5])).rejects.toMatchObject({ code: 'USAGE' });
      await bank.close();
    }
  });

  it('names the template that is not finite, or sums to nothing', async () => {
    const bad = images.slice();
    bad[3 * 16 + 2] = Number.NaN;
    bad.fill(0, 16, 32);
    const bank = await openTemplateBank(await writeBank('bad.h5', bad, [5, 4, 4]));
    await expect(bank.images([0, 3])).rejects.toMatchObject({ code: 'INPUT_INVALID', data: { index: 3 } });
    await expect(bank.images([1])).rejects.toMatchObject({ code: 'INPUT_INVALID', data: { index: 1 } });
    expect((await bank.images([0, 2])).length).toBe(32);
    await bank.close();
  });

  it.each([
    ['not square', [5, 2, 8], 'INPUT_INVALID'],
    ['of two axes', [5, 16], 'INPUT_INVALID'],
    ['empty', [0, 4, 4], 'BANK_EMPTY'],
  ])('refuses images that are %s', async (name, shape, code) => {
    const data = shape[0] === 0 ? new Float32Array(0) : images;
    await expect(openTemplateBank(await writeBank(`${name}.h5`, data, shape))).rejects.toMatchObject({ code });
    const npz = join(folder, `${name}.npz`);
    await writeNpz(npz, { images: { data, shape } });
    await expect(openTemplateBank(npz)).rejects.toMatchObject({ code });
  });

  it('refuses what is not there, no bank, or meta of another length', async () => {
    await expect(openTemplateBank(join(folder, 'missing.h5'))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await expect(openTemplateBank(join(folder, 'missing.npz'))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    await writeFile(join(folder, 'text.h5'), 'no bank, but a text that is longer than a superblock of HDF5 would be');
    await expect(openTemplateBank(join(folder, 'text.h5'))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const npz = join(folder, 'other.npz');
    await writeNpz(npz, { stamps: { data: images, shape: [5, 4, 4] } });
    await expect(openTemplateBank(npz)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const short = writeBank('short.h5', images, [5, 4, 4], hlr.slice(0, 3));
    await expect(openTemplateBank(await short)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});

describe('templateIndex', () => {
  // hashlib: int.from_bytes(blake2b(b'abc', digest_size=8).digest(), 'little') % 20000; int(sha256(b'abc').hexdigest()[:16], 16) % 20000.
  it('gives the numbers of both hashes', () => {
    expect(templateIndex('abc', '', 20000, 'blake2b')).toBe(19896);
    expect(templateIndex('abc', '', 20000, 'sha256')).toBe(74);
    expect(templateIndex('a', 'bc', 20000, 'blake2b')).toBe(19896);
    expect(() => templateIndex('abc', '', 0, 'blake2b')).toThrowError(expect.objectContaining({ code: 'BANK_EMPTY' }));
  });

  it.skipIf(!hasShared)('agrees with the reference vectors', async () => {
    const { readFile } = await import('node:fs/promises');
    const golden = JSON.parse(await readFile(shared('vectors/inject/golden.json'), 'utf8')) as {
      template_index: { task_id: string; salt: string; n: number; sha256_hex16_mod: number; blake2b8_le_mod: number }[];
    };
    expect(golden.template_index.length).toBeGreaterThan(0);
    for (const { task_id: id, salt, n, ...expected } of golden.template_index) {
      expect(templateIndex(id, salt, n, 'sha256')).toBe(expected.sha256_hex16_mod);
      expect(templateIndex(id, salt, n, 'blake2b')).toBe(expected.blake2b8_le_mod);
    }
  });
});
