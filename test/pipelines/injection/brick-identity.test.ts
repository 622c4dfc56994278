/** A part remembers the bricks that it was cut from: survey pixels that changed since are no silent mixture. */
import { cpSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openParquet } from '../../../src/io/parquet.ts';
import { openSource } from '../../../src/io/store/store.ts';
import { brickIdentities } from '../../../src/pipelines/injection/bricks/identity.ts';
import { BANDS, madePlanes, writeBrick, writePlane } from './bricks-made.ts';
import { filesBelow, hostsAt, rowsOf, runCampaign, writeCampaign } from './campaign-support.ts';

const BRICKS = ['0100p000', '0200m100'];
const places = [[60, 70], [150, 90], [200, 180]] as const; // biome-ignore format: one list
const HOSTS = BRICKS.flatMap((brick) => hostsAt(brick, places, { region_split: 'train' }));

async function survey(): Promise<{ folder: string; cache: string; path: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'arclet-identity-'));
  const cache = join(folder, 'bricks');
  for (const [at, brick] of BRICKS.entries()) await writeBrick(cache, brick, madePlanes(at + 1));
  return { folder, cache, path: writeCampaign(folder, HOSTS, { stamp_sizes: [32], part_rows: 3 }) };
}
const folderOf = (cache: string, brick: string) => {
  const [file] = filesBelow(cache).filter((name) => name.includes(`legacysurvey-${brick}-image-r`));
  return join(cache, file, '..');
};
const identityOf = (cache: string, brick: string) => brickIdentities(cache, BANDS, true).of(brick);

describe('the identity of a brick', () => {
  it('is that of a copy and of other times, and not of other pixels in any plane', async () => {
    const { folder, cache } = await survey();
    const [brick, other] = BRICKS;
    const identity = await identityOf(cache, brick);
    expect(identity).toMatch(/^[0-9a-f]{16}$/);
    expect(await identityOf(cache, other)).not.toBe(identity);
    const copy = join(folder, 'copy');
    cpSync(cache, copy, { recursive: true });
    for (const name of filesBelow(copy)) utimesSync(join(copy, name), 1e9, 1e9);
    expect(await identityOf(copy, brick)).toBe(identity);
    await writePlane(folderOf(copy, brick), brick, 'image-r', madePlanes(9)['image-r']);
    expect(await identityOf(copy, brick)).not.toBe(identity);
    // Of the bands that are used.
    expect(await brickIdentities(copy, ['g'], true).of(brick)).toBe(await brickIdentities(cache, ['g'], true).of(brick));
    expect(await identityOf(cache, '0300p000')).toBeUndefined();
  });
});

describe('a finished part', () => {
  it('of a brick that was replaced is refused by name; --force makes it again; an empty cache proves nothing', async () => {
    const { folder, cache, path } = await survey();
    await runCampaign(path);
    const parts = filesBelow(join(folder, 'out/phase4c/v1')).filter((name) => name.endsWith('.parquet'));
    const source = await openSource(join(folder, 'out/phase4c/v1', parts[0]));
    const { metadata } = (await openParquet(source)).schema;
    await source.close();
    const [[brick, identity]] = Object.entries(JSON.parse(metadata?.['bricks'] ?? '{}'));
    expect(identity).toBe(await identityOf(cache, brick));
    const again = (force: boolean) => runCampaign(path, { stages: ['inject'], force });
    expect((await again(false)).results['inject'].counts).toMatchObject({ parts_skipped: 2, parts_written: 0 });
    const before = await rowsOf(folder);
    await writePlane(folderOf(cache, BRICKS[1]), BRICKS[1], 'image-r', madePlanes(9)['image-r']);
    await expect(again(false)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`was made from other survey pixels: brick ${BRICKS[1]} has changed since`),
      remedy: expect.stringContaining('--force'),
    });
    expect(await rowsOf(folder)).toEqual(before);
    expect((await again(true)).results['inject'].counts).toMatchObject({ parts_written: 2, failed: 0 });
    expect((await again(false)).results['inject'].counts).toMatchObject({ parts_skipped: 2 });
    rmSync(cache, { recursive: true });
    expect((await again(false)).results['inject'].counts).toMatchObject({ parts_skipped: 2, failed: 0 });
  });

  it('and one of another shard that was cut after the brick was replaced do not pass the check', async () => {
    const { folder, cache } = await survey();
    const hosts = HOSTS.map((host, index) => ({ ...host, region_split: ['train', 'val', 'test'][index % 3] }));
    const path = writeCampaign(folder, hosts, { stamp_sizes: [32] });
    const verdict = async () => {
      const { failures = [] } = (await runCampaign(path, { stages: ['check'] })).results['check'];
      return failures.filter(({ subject }) => subject.endsWith('survey-pixels'));
    };
    await runCampaign(path, { stages: ['manifest'] });
    const shard = (index: number) => runCampaign(path, { stages: ['inject'], shard: [index, 2] });
    await shard(1);
    await shard(2);
    expect(await verdict()).toEqual([]);
    await runCampaign(path, { stages: ['inject'], shard: [1, 2], force: true });
    expect(await verdict()).toEqual([]);
    await writePlane(folderOf(cache, BRICKS[0]), BRICKS[0], 'image-r', madePlanes(9)['image-r']);
    await runCampaign(path, { stages: ['inject'], shard: [1, 2], force: true });
    expect(await verdict()).toMatchObject([{ reason: expect.stringContaining(BRICKS[0]) }]);
  });
});
