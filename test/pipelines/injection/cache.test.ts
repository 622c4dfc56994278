/** Stage `cache`: every brick has its row, files are whole or absent, and what may pass is tried again. */
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFits } from '../../../src/io/fits/node.ts';
import { openParquetWriter } from '../../../src/io/parquet.ts';
import { openStore } from '../../../src/io/store/store.ts';
import { cacheStage, runCache } from '../../../src/pipelines/injection/cache.ts';
import { startLocalS3 } from '../../support/s3.ts';
import { BANDS, madePlanes, SIDE, withFolder, writeBrick } from './bricks-made.ts';
import { assetsOf, configOf, contextOf, filesBelow, impatience, type SurveyServer, startSurvey } from './cache-support.ts';

const GOOD = ['0123p045', '0124p045'];
const FILES = 10;

let root: string;
let survey: SurveyServer;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'arclet-survey-'));
  const planes = madePlanes();
  for (const brick of GOOD) await writeBrick(join(root, 'survey'), brick, planes);
  survey = await startSurvey(join(root, 'survey'));
});
afterAll(async () => {
  await survey.close();
  await rm(root, { recursive: true, force: true });
});

/** A campaign over these bricks in a folder of its own. */
async function withCampaign(
  bricks: readonly string[],
  use: (campaign: { folder: string; cache: string; out: string; keys: Record<string, unknown> }) => Promise<void>,
): Promise<void> {
  survey.asked.length = 0;
  survey.mischief.clear();
  await withFolder(async (folder) => {
    const targets = join(folder, 'targets.csv');
    await writeFile(targets, `brickname,ra,dec,rmag\n${bricks.map((brick) => `${brick},1,2,18\n`).join('')}`);
    const [cache, out] = [join(folder, 'cache'), join(folder, 'out')];
    const keys = { targets, coadd_cache: cache, output: out, coadd_base_url: survey.url, bands: [...BANDS] };
    await use({ folder, cache, out, keys });
  });
}

const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');

describe('fetching from a web server', () => {
  it('brings whole bricks with marker and checksums, and asks for nothing again', () =>
    withCampaign([...GOOD, GOOD[0]], async ({ cache, out, keys }) => {
      const patience = impatience();
      const first = await runCache(contextOf(), configOf(keys), patience);
      expect(first).toMatchObject({
        outcome: 'done',
        counts: { bricks: 2, bricks_ok: 2, files_fetched: 2 * FILES, files_kept: 0 },
      });
      // Once each, but for what a connection that broke under load made it try again, which it tells by its wait.
      expect(new Set(survey.asked).size).toBe(2 * FILES);
      expect(survey.asked.length).toBe(2 * FILES + patience.waits.length);
      expect(survey.asked[0]).toBe('/012/0123p045/legacysurvey-0123p045-image-g.fits.fz');
      const assets = await assetsOf(out);
      expect(assets.map(({ brickname, ok, error, files }) => [brickname, ok, error, files])).toEqual(
        GOOD.map((brick) => [brick, true, null, FILES]),
      );
      const marker = JSON.parse(await readFile(join(cache, GOOD[0], '_SUCCESS'), 'utf8'));
      expect(marker.source).toBe(survey.url);
      const names = Object.keys(marker.files).sort();
      expect(names.length).toBe(FILES);
      let digests = '';
      let bytes = 0;
      for (const name of names) {
        const data = await readFile(join(root, 'survey', '012', GOOD[0], name));
        expect(await readFile(join(cache, GOOD[0], name))).toEqual(data);
        expect(marker.files[name]).toEqual({ bytes: data.length, sha256: sha256(data) });
        digests += sha256(data);
        bytes += data.length;
      }
      expect(assets[0]).toMatchObject({ bytes: BigInt(bytes), sha256: sha256(digests), location: join(cache, GOOD[0]) });

      survey.asked.length = 0;
      patience.waits.length = 0;
      const again = await runCache(contextOf(), configOf(keys), patience);
      expect(again.counts).toMatchObject({ bricks: 2, bricks_ok: 2, files_fetched: 0, files_kept: 2 * FILES });
      expect(survey.asked).toEqual([]);
      expect(await assetsOf(out)).toEqual(assets);
      expect(patience.waits).toEqual([]);
    }));

  it('tries again what may pass, with doubling delays and a quarter of jitter', () =>
    withCampaign([GOOD[0]], async ({ cache, keys }) => {
      survey.mischief.set('image-g', [503, 429, 'cut', 'page', 'drop']);
      for (const [random, factor] of [
        [0, 0.75],
        [0.999_999, 1.25],
      ] as const) {
        survey.mischief.set('image-g', [503, 429, 'cut', 'page', 'drop']);
        const patience = impatience(random);
        const { outcome } = await runCache(contextOf(), configOf(keys), patience);
        expect(outcome).toBe('done');
        expect(patience.waits.map((wait) => Math.round(wait))).toEqual(
          [1, 2, 4, 8, 16].map((s) => Math.round(1000 * s * factor)),
        );
        expect((await filesBelow(cache)).length).toBe(FILES + 1);
        await rm(cache, { recursive: true });
      }
    }));

  it('gives up after five, says the last answer, and does not ask twice where asking is of no use', () =>
    withCampaign([GOOD[0]], async ({ cache, out, keys }) => {
      survey.mischief.set('invvar-r', [500, 500, 500, 500, 500, 500]);
      survey.mischief.set('maskbits', [403]);
      const patience = impatience();
      const { outcome, failures } = await runCache(contextOf(), configOf(keys), patience);
      expect(outcome).toBe('failed-rows');
      expect(failures?.[0].subject).toBe(GOOD[0]);
      const [{ ok, error, files }] = await assetsOf(out);
      expect([ok, files]).toEqual([false, FILES - 2]);
      expect(error).toMatch(/invvar-r.fits.fz answered 500, after 6 tries/);
      expect(error).toMatch(/maskbits.fits.fz answered 403, after 1 try/);
      expect(patience.waits.length).toBe(5);
      expect(await filesBelow(cache)).not.toContain(`${GOOD[0]}/_SUCCESS`);
      // The next run asks for these two only.
      survey.asked.length = 0;
      const again = await runCache(contextOf(), configOf(keys), patience);
      expect(again).toMatchObject({ outcome: 'done', counts: { files_fetched: 2, files_kept: FILES - 2 } });
      expect(survey.asked.length).toBe(2);
    }));

  it('records a brick that is not there after one request, and a PSF size map that is not', () =>
    withCampaign([...GOOD, '0999p000'], async ({ cache, out, keys }) => {
      survey.mischief.set('0123p045-psfsize-z', [404]);
      const { outcome, counts } = await runCache(contextOf(), configOf(keys), impatience());
      expect(outcome).toBe('failed-rows');
      expect(counts).toMatchObject({ bricks: 3, bricks_ok: 2, bricks_failed: 1 });
      expect(survey.asked.filter((path) => path.includes('0999p000')).length).toBe(1);
      const assets = await assetsOf(out);
      expect(assets[0]).toMatchObject({ ok: true, error: 'no psfsize of band z', files: FILES - 1 });
      expect(assets[2]).toEqual({
        brickname: '0999p000',
        ok: false,
        error: `Brick 0999p000 is not at ${survey.url}/099/0999p000 (404).`,
        location: null,
        bytes: 0n,
        files: 0,
        sha256: null,
      });
      expect((await filesBelow(cache)).some((name) => name.includes('0999p000'))).toBe(false);
    }));

  it('stops when none of the first ten bricks is there, and shows the address tried', () => {
    const bricks = Array.from({ length: 14 }, (_, index) => `09${10 + index}p000`);
    return withCampaign(bricks, async ({ out, keys }) => {
      const config = configOf({ ...keys, coadd_base_url: `${survey.url}/wrong` });
      await expect(runCache(contextOf(), config, impatience())).rejects.toMatchObject({
        code: 'INPUT_UNREADABLE',
        subject: expect.stringContaining(`${survey.url}/wrong/09`),
      });
      expect(await filesBelow(out)).toEqual([]);
      const forced = await runCache(contextOf({ force: true }), config, impatience());
      expect(forced).toMatchObject({ outcome: 'failed-rows', counts: { bricks: 14, bricks_failed: 14 } });
      expect((await assetsOf(out)).length).toBe(14);
    });
  });

  it('leaves nothing half done when it is stopped, and goes on from there', () =>
    withCampaign(GOOD, async ({ cache, out, keys }) => {
      survey.mischief.set('0124p045-invvar-z', ['hang']);
      const stop = new AbortController();
      const running = runCache(contextOf({ signal: stop.signal }), configOf({ ...keys, fetch_at_once: 2 }), impatience());
      const refused = expect(running).rejects.toMatchObject({ code: 'ABORTED' });
      await expect.poll(() => survey.asked.some((path) => path.includes('0124p045-invvar-z'))).toBe(true);
      await expect.poll(async () => (await filesBelow(cache)).some((name) => name.endsWith('.tmp'))).toBe(true);
      stop.abort();
      await refused;
      const left = await filesBelow(cache);
      expect(left.every((name) => /(\.fits\.fz|_SUCCESS)$/.test(name))).toBe(true);
      for (const name of left.filter((file) => file.endsWith('.fz'))) {
        expect(await readFile(join(cache, name))).toEqual(await readFile(join(root, 'survey', '012', name)));
      }
      expect(await filesBelow(out)).toEqual([]);
      const again = await runCache(contextOf(), configOf(keys), impatience());
      const kept = left.filter((file) => file.endsWith('.fz')).length;
      expect(again.counts).toMatchObject({ bricks_ok: 2, files_kept: kept, files_fetched: 2 * FILES - kept });
      expect((await assetsOf(out)).map(({ ok }) => ok)).toEqual([true, true]);
    }));
});

describe('verifying', () => {
  it('mends what was cut, and what has another checksum when told to look', () =>
    withCampaign([GOOD[0]], async ({ cache, out, keys }) => {
      await runCache(contextOf(), configOf(keys), impatience());
      const before = await assetsOf(out);
      const image = join(cache, GOOD[0], `legacysurvey-${GOOD[0]}-image-r.fits.fz`);
      await truncate(image, 20_000);
      expect((await runCache(contextOf(), configOf(keys), impatience())).counts).toMatchObject({
        files_fetched: 1,
        bricks_ok: 1,
      });
      const bytes = await readFile(image);
      bytes[bytes.length - 3000] ^= 1;
      await writeFile(image, bytes);
      expect((await runCache(contextOf(), configOf(keys), impatience())).counts).toMatchObject({ files_fetched: 0 });
      const { counts } = await runCache(contextOf({ force: true }), configOf(keys), impatience());
      expect(counts).toMatchObject({ files_fetched: 1, files_kept: FILES - 1, bricks_ok: 1 });
      expect(await assetsOf(out)).toEqual(before);
    }));

  it('without an origin says what is wrong and touches nothing', () =>
    withCampaign([...GOOD, '0125p045'], async ({ folder, out, keys }) => {
      const bricks = join(folder, 'bricks');
      await cp(join(root, 'survey'), bricks, { recursive: true });
      const of = (name: string) => join(bricks, '012', GOOD[1], `legacysurvey-${GOOD[1]}-${name}.fits.fz`);
      await truncate(of('image-g'), 9000);
      await rm(of('maskbits'));
      await writeFile(of('invvar-z'), 'not a FITS file');
      const listed = await filesBelow(bricks);
      const { coadd_base_url: _, ...rest } = keys;
      const config = configOf({ ...rest, coadd_cache: bricks });
      const { outcome, counts } = await cacheStage.run(contextOf(), config);
      expect(outcome).toBe('failed-rows');
      expect(counts).toMatchObject({ bricks: 3, bricks_ok: 1 });
      const [good, bad, missing] = await assetsOf(out);
      expect(good).toMatchObject({ ok: true, error: null, files: FILES, sha256: null, location: join(bricks, '012', GOOD[0]) });
      expect(bad).toMatchObject({ ok: false, files: FILES - 3 });
      expect(bad.error).toMatch(/image-g\.fits\.fz\[1\]: .* the file has 9000/);
      expect(bad.error).toMatch(/no maskbits/);
      expect(bad.error).toMatch(/invvar-z\.fits\.fz: it is no FITS file/);
      expect(missing).toMatchObject({ ok: false, error: expect.stringContaining('0125p045 is not there') });
      expect(await filesBelow(bricks)).toEqual(listed);
    }));
});

describe('a band card', () => {
  // As the survey has them: a letter, or the name of a filter.
  it.each([
    ['FILTER', 'r', true],
    ['FILTER', 'r DECam SDSS c0002 6415.0 1480.0', true],
    ['FILTER', 'rd DECam k1037', true],
    ['FILTER', 'z DECam SDSS c0004 9260.0 1520.0', false],
    ['BAND', 'g', false],
  ])('%s of "%s" in the image of band r: good is %s', (keyword, value, isGood) =>
    withCampaign([GOOD[0]], async ({ folder, out, keys }) => {
      const bricks = join(folder, 'bricks');
      await cp(join(root, 'survey'), bricks, { recursive: true });
      const image = join(bricks, '012', GOOD[0], `legacysurvey-${GOOD[0]}-image-r.fits`);
      await rm(`${image}.fz`);
      const data = madePlanes()['image-r'] as Float32Array<ArrayBuffer>;
      await writeFits(image, [{ kind: 'image', data, shape: [SIDE, SIDE], cards: [{ keyword, value }] }]);
      const { coadd_base_url: _, ...rest } = keys;
      await cacheStage.run(contextOf(), configOf({ ...rest, coadd_cache: bricks }));
      const [{ ok, error }] = await assetsOf(out);
      expect(ok).toBe(isGood);
      const why = `${image} is of band ${value[0]} by its ${keyword}, and of band r by its name.`;
      expect(error).toBe(isGood ? null : why);
    }),
  );
});

describe('which bricks, from where, to where', () => {
  it('takes the bricks of the manifest where there is one, cuts them by shard, copies from a folder', () =>
    withCampaign(['0999p999'], async ({ cache, out, keys }) => {
      const folder = join(out, 'phase4a', 'v1', 'manifests');
      await mkdir(folder, { recursive: true });
      const marker = { config_hash: 'x', inputs: {}, version: 'test' };
      const experiment = (experiment_id: string) => ({ experiment_id, rows: 0, rows_by_split: {}, parts: [] });
      await writeFile(join(folder, '_SUCCESS'), JSON.stringify({ ...marker, experiments: [experiment('a'), experiment('b')] }));
      // One table for all experiments; that of another experiment is not asked for when the config names one.
      const writer = openParquetWriter(await (await openStore(folder)).sink('bricks_manifest.parquet'), {
        columns: [
          { name: 'experiment_id', type: 'string' },
          { name: 'brickname', type: 'string' },
        ],
      });
      await writer.write({ rows: 3, columns: { experiment_id: ['a', 'b', 'b'], brickname: [GOOD[1], ...GOOD] } });
      await writer.finish();
      const config = configOf({ ...keys, coadd_base_url: join(root, 'survey') });
      for (const index of [0, 1]) {
        const { counts } = await runCache(contextOf({ shard: { index, count: 2 } }), config, impatience());
        expect(counts).toMatchObject({ bricks: 1, bricks_ok: 1, files_fetched: FILES });
        const assets = await assetsOf(out, `assets_manifest_shard-${index + 1}-of-2.parquet`);
        expect(assets.map(({ brickname }) => brickname)).toEqual([GOOD[index]]);
      }
      expect((await filesBelow(cache)).length).toBe(2 * (FILES + 1));
      await runCache(contextOf(), { ...config, experimentId: 'a' }, impatience());
      expect((await assetsOf(out)).map(({ brickname }) => brickname)).toEqual([GOOD[1]]);
    }));

  it('says a damaged file of a folder at once', () =>
    withCampaign([GOOD[0]], async ({ folder, out, keys }) => {
      const origin = join(folder, 'origin');
      await cp(join(root, 'survey'), origin, { recursive: true });
      await truncate(join(origin, '012', GOOD[0], `legacysurvey-${GOOD[0]}-psfsize-g.fits.fz`), 7000);
      const patience = impatience();
      await runCache(contextOf(), configOf({ ...keys, coadd_base_url: origin }), patience);
      expect(await assetsOf(out)).toMatchObject([{ ok: false, files: FILES - 1, error: expect.stringContaining('psfsize-g') }]);
      expect(patience.waits).toEqual([]);
    }));

  it('puts bricks into a bucket, and finds them there', () =>
    withCampaign([GOOD[0]], async ({ out, keys }) => {
      const s3 = await startLocalS3('bricks');
      const before = { ...process.env };
      Object.assign(process.env, {
        AWS_ENDPOINT_URL_S3: s3.options.endpoint,
        AWS_ACCESS_KEY_ID: 'S3RVER',
        AWS_SECRET_ACCESS_KEY: 'S3RVER',
      });
      try {
        const config = configOf({ ...keys, coadd_cache: 's3://bricks/dr10' });
        expect((await runCache(contextOf(), config, impatience())).counts).toMatchObject({ bricks_ok: 1, files_fetched: FILES });
        const [{ location, sha256: digest }] = await assetsOf(out);
        expect(location).toBe(`s3://bricks/dr10/${GOOD[0]}`);
        expect(digest).toMatch(/^[0-9a-f]{64}$/);
        expect((await runCache(contextOf(), config, impatience())).counts).toMatchObject({ bricks_ok: 1, files_kept: FILES });
      } finally {
        process.env = before;
        await s3.close();
      }
    }));

  it('refuses a config without bricks to bring', () =>
    withCampaign([], async ({ keys }) => {
      const { targets: _, ...rest } = keys;
      await expect(runCache(contextOf(), configOf(rest), impatience())).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
      const { output: __, ...noOutput } = keys;
      await expect(runCache(contextOf(), configOf(noOutput), impatience())).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    }));
});
