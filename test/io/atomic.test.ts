import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { openAtomicFile, writeFileAtomic } from '../../src/io/atomic.ts';

const folder = mkdtempSync(join(tmpdir(), 'arclet-atomic-'));

describe('openAtomicFile', () => {
  it('puts bytes in the place of others and goes on at the end', async () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    const file = await openAtomicFile(join(folder, 'replaced.txt'));
    await file.write(bytes('0000 and '));
    await file.replace(1, bytes('123'));
    await file.write(bytes('more'));
    await file.finish();
    expect(readFileSync(join(folder, 'replaced.txt'), 'utf8')).toBe('0123 and more');
  });
});

describe('writeFileAtomic', () => {
  it('replaces a file whole and makes missing folders', async () => {
    const path = join(folder, 'a', 'b', 'file.txt');
    await writeFileAtomic(path, 'first');
    await writeFileAtomic(path, [new TextEncoder().encode('sec'), new TextEncoder().encode('ond')]);
    expect(readFileSync(path, 'utf8')).toBe('second');
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['file.txt']);
  });

  it('leaves the old file and no other when the content fails half-way', async () => {
    const path = join(folder, 'half.txt');
    writeFileSync(path, 'old');
    function* failing() {
      yield new Uint8Array(1000);
      throw new TypeError('no more');
    }
    await expect(writeFileAtomic(path, failing())).rejects.toThrow(new TypeError('no more'));
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  it('says why: a folder of that name, a file where a folder should be', async () => {
    mkdirSync(join(folder, 'taken'));
    await expect(writeFileAtomic(join(folder, 'taken'), 'x')).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    writeFileSync(join(folder, 'plain'), '');
    await expect(writeFileAtomic(join(folder, 'plain', 'x'), 'x')).rejects.toThrow(/a part of the path is a file/);
    expect(readdirSync(folder).filter((name) => name.includes('.tmp'))).toEqual([]);
  });

  it('ends where no folder can be made: below /proc a recursive mkdir of Node does not', async ({ skip }) => {
    skip(!existsSync('/proc/self'), 'there is no /proc');
    await expect(writeFileAtomic('/proc/arclet/deep/x', 'x')).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      message: '/proc/arclet/deep/x cannot be written: the file system lets no folder be made there.',
    });
  });

  it('goes through a link to a folder, and names one that leads nowhere', async () => {
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    await writeFileAtomic(join(folder, 'link', 'deep', 'x'), 'x');
    expect(readFileSync(join(folder, 'real', 'deep', 'x'), 'utf8')).toBe('x');
    const lost = join(folder, 'lost');
    symlinkSync(join(folder, 'nowhere'), lost);
    for (const path of [join(lost, 'x'), join(lost, 'deep', 'x')])
      await expect(writeFileAtomic(path, 'x')).rejects.toMatchObject({
        code: 'OUTPUT_UNWRITABLE',
        message: `${path} cannot be written: ${lost} is a link to nothing.`,
      });
  });

  it('makes the folders of many writers at once', async () => {
    const paths = Array.from({ length: 8 }, (_, index) => join(folder, 'many', 'at', 'once', String(index)));
    await Promise.all(paths.map((path) => writeFileAtomic(path, 'x')));
    expect(readdirSync(join(folder, 'many', 'at', 'once')).length).toBe(8);
  });

  // Root may write everywhere, and Windows folders have no such mode.
  it.skipIf((process.getuid?.() ?? 0) === 0)('reports a folder that may not be written to', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    await expect(writeFileAtomic(join(closed, 'x'), 'x')).rejects.toThrow(/permission is denied/);
  });

  it('reports a full disk and leaves nothing behind', async () => {
    const handle = await open(join(folder, 'any'), 'w');
    const spy = vi.spyOn(Object.getPrototypeOf(handle), 'writeFile');
    await handle.close();
    spy.mockRejectedValueOnce(Object.assign(new Error('write'), { code: 'ENOSPC' }));
    const path = join(folder, 'full.npz');
    await expect(writeFileAtomic(path, new Uint8Array(8))).rejects.toMatchObject({
      code: 'OUTPUT_UNWRITABLE',
      message: `${path} cannot be written: the disk is full.`,
    });
    spy.mockRestore();
    expect(readdirSync(folder).filter((name) => name.includes('full'))).toEqual([]);
  });
});
