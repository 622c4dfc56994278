import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeNpy } from '../../src/io/npy.ts';
import { decodeNpz, readNpz, writeNpz } from '../../src/io/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'arclet-npz-'));

describe('npz', () => {
  it.each([true, false])('gives back every type and shape, compress %s', async (compress) => {
    const arrays = {
      lensed: { data: Float32Array.of(1.5, -2, 3e30, 0, 1e-40, 7), shape: [1, 2, 3] },
      flux_err: { data: Float64Array.of(Math.PI, -0, 1e300), shape: [3] },
      plan: { data: Uint32Array.of(0, 4294967295), shape: [2, 1] },
      counts: { data: Int32Array.of(-7), shape: [] },
      empty: { data: new Float32Array(0), shape: [0, 4] },
    };
    const path = join(folder, `types-${compress}.npz`);
    await writeNpz(path, arrays, { compress });
    expect(await readNpz(path)).toEqual(arrays);
  });

  it('writes the same bytes for the same arrays', async () => {
    const arrays = { a: { data: Float32Array.of(1, 2), shape: [2] } };
    await writeNpz(join(folder, 'one.npz'), arrays);
    await writeNpz(join(folder, 'two.npz'), arrays);
    expect(readFileSync(join(folder, 'one.npz'))).toEqual(readFileSync(join(folder, 'two.npz')));
  });

  it('aligns the data of a .npy to 64 bytes, as numpy does', () => {
    for (const shape of [[1], [1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]) {
      expect(encodeNpy({ data: Float32Array.of(1), shape })[0].length % 64).toBe(0);
    }
  });

  it.skipIf(!hasShared)('reads what numpy wrote (skipped without ../shared)', async () => {
    const arrays = await readNpz(shared('vectors/lens/sie_00.npz'));
    for (const [name, { data, shape }] of Object.entries(arrays)) {
      expect(data.length, name).toBe(shape.reduce((a, b) => a * b, 1));
      expect(data.every(Number.isFinite), name).toBe(true);
    }
    expect(Object.keys(arrays).length).toBeGreaterThan(3);
  });

  it('says what is wrong with a file that is cut, altered or no archive', async () => {
    const path = join(folder, 'good.npz');
    await writeNpz(path, { a: { data: new Float64Array(100).fill(1.25), shape: [100] } });
    const bytes = new Uint8Array(readFileSync(path));
    const reading = (changed: Uint8Array) => () => decodeNpz(changed, 'x.npz');
    expect(reading(bytes.subarray(0, 500))).toThrow(/no zip directory/);
    expect(reading(new Uint8Array(10))).toThrow(/no zip directory/);
    const flipped = bytes.slice();
    flipped[300] ^= 1;
    expect(reading(flipped)).toThrow(/'a.npy' fails its checksum/);
    const far = bytes.slice();
    // The offset of the local header in the central record.
    far.fill(0x7f, bytes.length - 22 - 5 - 4, bytes.length - 22 - 5);
    expect(reading(far)).toThrow(/'a.npy' has no header/);
  });

  it('never allocates what only a header claims', () => {
    for (let length = 0; length < 400; length += 7)
      expect(() => decodeNpz(new Uint8Array(length).fill(0x50), 'x')).toThrow(/x is not/);
  });
});
