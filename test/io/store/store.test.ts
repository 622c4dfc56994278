/** One body of tests for a folder and for a bucket on a local S3 server. */
import { mkdir, mkdtemp, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memorySource } from '../../../src/io/store/source.ts';
import { openSource, openStore, openStoreOf, type Store, type StoreOptions } from '../../../src/io/store/store.ts';
import { type LocalS3, startLocalS3 } from '../../support/s3.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const ramp = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7) & 255);

async function keys(store: Store, prefix?: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list(prefix)) found.push(key);
  return found;
}

let folder: string;
let s3: LocalS3;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-store-'));
  s3 = await startLocalS3('survey');
});
afterAll(async () => {
  await s3.close();
  await rm(folder, { recursive: true });
});

const PLACES: [name: string, place: () => { location: string; options: StoreOptions }][] = [
  ['a folder', () => ({ location: join(folder, 'data'), options: {} })],
  ['a bucket', () => ({ location: 's3://survey/data', options: { ...s3.options, partBytes: 5 * 2 ** 20 } })],
];

describe.each(PLACES)('%s as a store', (_, place) => {
  let store: Store;
  beforeAll(async () => {
    const { location, options } = place();
    store = await openStore(location, options);
  });
  afterAll(() => store.close());

  it('gives back what was put, whole and in ranges', async () => {
    await store.put('a/b/bytes.bin', ramp(1000));
    expect(await store.get('a/b/bytes.bin')).toEqual(ramp(1000));
    expect(await store.getRange('a/b/bytes.bin', 990, 10)).toEqual(ramp(1000).subarray(990));
    expect((await store.getRange('a/b/bytes.bin', 5, 0)).length).toBe(0);
    await store.put('a/b/bytes.bin', bytesOf('replaced'));
    expect(textOf(await store.get('a/b/bytes.bin'))).toBe('replaced');
    await store.put('empty', new Uint8Array(0));
    expect((await store.get('empty')).length).toBe(0);
  });

  it('opens sources that check ranges before they read', async () => {
    await store.put('source.bin', ramp(300));
    const source = await store.source('source.bin');
    expect(source.size).toBe(300);
    expect(await source.read(100, 50)).toEqual(ramp(300).subarray(100, 150));
    for (const [offset, length] of [[299, 2], [-1, 2], [0, 2 ** 40], [0.5, 1], [0, Number.NaN]]) // biome-ignore format: one line
      await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'INPUT_INVALID', subject: source.name });
    await source.close();
    await expect(store.getRange('source.bin', 290, 11)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(store.getRange('source.bin', 400, 11)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('lists by prefix in the order of keys', async () => {
    for (const key of ['list/b/2', 'list/a', 'list/b/1', 'list/b1.txt', 'list/bb', 'other']) await store.put(key, bytesOf(key));
    expect(await keys(store, 'list/')).toEqual(['list/a', 'list/b/1', 'list/b/2', 'list/b1.txt', 'list/bb']);
    expect(await keys(store, 'list/b/')).toEqual(['list/b/1', 'list/b/2']);
    expect(await keys(store, 'list/bb')).toEqual(['list/bb']);
    expect(await keys(store, 'nothing')).toEqual([]);
    const sizes: number[] = [];
    for await (const { size } of store.list('list/b/')) sizes.push(size);
    expect(sizes).toEqual([8, 8]);
  });

  it('knows what exists and deletes', async () => {
    await store.put('gone/soon', bytesOf('x'));
    expect(await store.exists('gone/soon')).toBe(true);
    await store.delete('gone/soon');
    await store.delete('gone/soon');
    expect(await store.exists('gone/soon')).toBe(false);
    expect(await store.exists('gone')).toBe(false);
    await expect(store.get('gone/soon')).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringMatching(/gone\/soon cannot be read: there is no such (file|object)/),
    });
    await expect(store.source('gone/soon')).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });

  it('writes piece by piece, and what is written appears only at the end', async () => {
    for (const [key, count] of [
      ['small.bin', 3],
      ['large.bin', 23],
    ] as const) {
      const sink = await store.sink(`sink/${key}`);
      const piece = ramp(500_000);
      for (let index = 0; index < count; index++) await sink.write(piece);
      expect(await keys(store, `sink/${key}`)).toEqual([]);
      await sink.finish();
      await sink.abort();
      const source = await store.source(`sink/${key}`);
      expect(source.size).toBe(count * 500_000);
      expect(await source.read((count - 1) * 500_000, 500_000)).toEqual(piece);
      await source.close();
    }
    const given = await store.sink('sink/given-up.bin');
    for (let index = 0; index < 12; index++) await given.write(ramp(500_000));
    await given.abort();
    expect(await keys(store, 'sink/given')).toEqual([]);
  });

  it('refuses keys that climb out', async () => {
    for (const key of ['../x', 'a/../../x', '/etc/passwd', '', 'a\\..\\x'])
      await expect(store.get(key)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('opens one object by its own address', async () => {
    const { location, options } = place();
    await store.put('one.txt', bytesOf('one'));
    const source = await openSource(`${location}/one.txt`, options);
    expect(textOf(await source.read(0, 3))).toBe('one');
    await source.close();
    const found = await openStoreOf(`${location}/one.txt`, options);
    expect([found.store.location, found.key]).toEqual([store.location, 'one.txt']);
    await expect(openSource(`${location}/none.txt`, options)).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});

describe('places', () => {
  it('are paths, file:// and s3://', async () => {
    await writeFile(join(folder, 'a b.txt'), 'spaced');
    const source = await openSource(pathToFileURL(join(folder, 'a b.txt')).href);
    expect(textOf(await source.read(0, 6))).toBe('spaced');
    await source.close();
    for (const wrong of ['gs://bucket/key', 's3://', 's3:///key'])
      await expect(openStore(wrong)).rejects.toMatchObject({ code: 'USAGE' });
    for (const wrong of ['s3://bucket', 's3://bucket/', 'folder/'])
      await expect(openStoreOf(wrong)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('of folders and devices are no files', async () => {
    await expect(openSource(folder)).rejects.toMatchObject({
      code: 'INPUT_UNREADABLE',
      message: expect.stringContaining('it is a folder'),
    });
  });
});

describe('a folder as a store', () => {
  it('follows links, but not in circles, and leaves unfinished files out', async () => {
    const root = join(folder, 'links');
    await mkdir(join(root, 'real'), { recursive: true });
    await writeFile(join(root, 'real', 'x'), 'x');
    await writeFile(join(root, 'real', '.y.parquet.123.0a1b2c3d.tmp'), 'half');
    await symlink(root, join(root, 'real', 'up'));
    await symlink(join(root, 'real'), join(root, 'too'));
    await symlink(join(root, 'nowhere'), join(root, 'broken'));
    await writeFile(join(root, 'real.txt'), 'r');
    // As S3 orders keys: '.' comes before '/'.
    expect(await keys(await openStore(root))).toEqual(['real.txt', 'real/x', 'too/x']);
  });

  it('says when a file was cut after it was opened', async () => {
    const path = join(folder, 'cut.bin');
    await writeFile(path, ramp(100));
    const source = await openSource(path);
    await truncate(path, 40);
    await expect(source.read(0, 100)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await source.close();
  });

  it('leaves nothing behind when writing fails', async () => {
    await writeFile(join(folder, 'file'), '');
    const store = await openStore(join(folder, 'file'));
    await expect(store.put('x', ramp(3))).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

it('bytes in memory are a source', async () => {
  const source = memorySource(ramp(10), 'ten');
  expect(await source.read(8, 2)).toEqual(ramp(10).subarray(8));
  await expect(source.read(8, 3)).rejects.toMatchObject({ code: 'INPUT_INVALID', data: { offset: 8, length: 3, size: 10 } });
});
