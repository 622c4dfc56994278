/** A demo survey on the disk: the files are the survey's, the numbers agree with the truth, a rerun keeps what is whole. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../../src/io/csv.ts';
import { readImage } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { openParquet } from '../../../src/io/parquet.ts';
import { openSource } from '../../../src/io/store/store.ts';
import { brickAt, brickWcs, primaryBox } from '../../../src/pipelines/demo/brick-grid.ts';
import { type DemoOptions, makeDemoSurvey } from '../../../src/pipelines/demo/survey.ts';
import { loadInjectConfig } from '../../../src/pipelines/injection/load-config.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'arclet-demo-'));
afterAll(() => rmSync(ROOT, { recursive: true }));

const SIZE = 500;
const OPTIONS: DemoOptions = { bricks: 2, seed: 5, size: SIZE, targetsPerBrick: 40, version: '1.2.3', workers: 0 };
const folder = join(ROOT, 'one');
const made = await makeDemoSurvey(folder, OPTIONS);
const [name] = made.bricks;
const file = (product: string, brick = name) =>
  join(folder, 'bricks', brick.slice(0, 3), brick, `legacysurvey-${brick}-${product}.fits.fz`);

async function pixels(product: string, hdu = 1) {
  const fits = await openFitsFile(file(product));
  try {
    const { header } = fits.hdu(hdu);
    return { data: (await readImage(fits.hdu(hdu))).data as Float32Array, header };
  } finally {
    await fits.close();
  }
}

const maps: Record<string, Float32Array> = {};
for (const band of ['g', 'r', 'z']) {
  for (const product of ['image', 'invvar', 'psfsize']) maps[`${product}-${band}`] = (await pixels(`${product}-${band}`)).data;
}
const mask = (await pixels('maskbits')).data;

const source = await openSource(join(folder, 'truth.parquet'));
const truth: Record<string, number[] | string[]> = {};
for await (const { columns } of (await openParquet(source)).batches()) {
  for (const [key, values] of Object.entries(columns))
    truth[key] = [...((truth[key] as string[]) ?? []), ...(values as string[])];
}
await source.close();
const csv = await openSource(join(folder, 'targets.csv'));
const { schema, batch: targets } = await readCsv(csv);
await csv.close();
const column = (key: string) => Array.from(targets.columns[key] as ArrayLike<number>);

describe('the files of a brick', () => {
  it('are compressed as the survey compresses them', async () => {
    const cards = async (product: string) => {
      const { header } = await pixels(product);
      return ['ZCMPTYPE', 'ZTILE1', 'ZTILE2', 'ZBITPIX', 'ZQUANTIZ', 'ZNAXIS1', 'BUNIT', 'BRICKNAM', 'ORIGIN', 'SYNTH'].map(
        (key) => header.get(key),
      );
    };
    const rest = [name, 'arclet', true];
    expect(await cards('image-g')).toEqual(['RICE_1', 100, 100, -32, 'SUBTRACTIVE_DITHER_2', SIZE, 'nanomaggy', ...rest]);
    expect(await cards('invvar-z')).toEqual(['RICE_1', 100, 100, -32, 'NO_DITHER', SIZE, '1/nanomaggy^2', ...rest]);
    expect(await cards('psfsize-r')).toEqual(['GZIP_1', 100, 100, -32, 'NONE', SIZE, 'arcsec', ...rest]);
    expect(await cards('maskbits')).toEqual(['HCOMPRESS_1', 100, 100, 32, undefined, SIZE, undefined, ...rest]);
    const { header } = await pixels('maskbits');
    expect(['EXTNAME', 'MB_NPRIM', 'MB_SAT_G', 'MB_MED', 'MBIT_2', 'MBIT_8'].map((key) => header.get(key))).toEqual([
      'MASKBITS', 1, 4, 2048, 'SATUR_G', 'WISEM1']); // biome-ignore format: one thought
    const image = (await pixels('image-g')).header;
    expect([image.get('MAGZERO'), image.get('DEMOSEED'), image.get('ARCLETV')]).toEqual([22.5, 5, '1.2.3']);
    // Neither the bands of a brick nor neighbours share a dither.
    expect(image.get('ZDITHER0')).not.toBe((await pixels('image-r')).header.get('ZDITHER0'));
  });

  it('have masks of WISE that say what maskbits says', async () => {
    for (const [hdu, bit] of [
      [2, 8],
      [3, 9],
    ]) {
      // biome-ignore format: one thought
      const { data, header } = await pixels('maskbits', hdu);
      expect(header.get('EXTNAME')).toBe(`WISEM${hdu - 1}`);
      expect(data.every((value, at) => value === ((mask[at] >> bit) & 1))).toBe(true);
    }
  });

  it("put the brick's centre in the middle, North up, East left", async () => {
    const { header } = await pixels('image-r');
    const wcs = wcsFromHeader(header);
    const brick = brickAt(header.get('BRICKRA') as number, header.get('BRICKDEC') as number);
    const [ra, dec] = wcs.pixelToWorld((SIZE - 1) / 2, (SIZE - 1) / 2);
    expect(ra).toBeCloseTo(brick.ra, 11);
    expect(dec).toBeCloseTo(brick.dec, 11);
    expect([1, 2].map((axis) => header.get(`CD${axis}_${axis}`))).toEqual([-0.262 / 3600, 0.262 / 3600]);
    expect([header.get('CTYPE1'), header.get('CRPIX1'), header.get('CRPIX2')]).toEqual(['RA---TAN', 250.5, 250.5]);
  });
});

describe('the pixels', () => {
  it('have no inverse variance exactly where nothing is exposed or all is saturated, and the mask says so', () => {
    for (const [index, band] of ['g', 'r', 'z'].entries()) {
      let uncovered = 0;
      let wrong = 0;
      for (let at = 0; at < mask.length; at++) {
        const isLost = maps[`invvar-${band}`][at] === 0;
        const isUncovered = maps[`psfsize-${band}`][at] === 0;
        const isSaturated = ((mask[at] >> (2 + index)) & 1) === 1;
        const isMarked = ((mask[at] >> (5 + index)) & 1) === 1;
        const isDark = maps[`image-${band}`][at] === 0;
        if (isUncovered) uncovered++;
        if (isLost !== isMarked || isLost !== (isSaturated || isUncovered) || (isUncovered && !isDark)) wrong++;
      }
      expect(wrong).toBe(0);
      expect(uncovered).toBeLessThan(0.2 * mask.length);
    }
  });

  it('are as noisy as their inverse variance says, within 1 %', () => {
    const brick = brickAt(targets.columns['ra'][0] as number, targets.columns['dec'][0] as number);
    const wcs = brickWcs(brick, SIZE);
    const near = new Uint8Array(SIZE * SIZE);
    (truth['ra'] as number[]).forEach((ra, index) => {
      const [x, y] = wcs.worldToPixel(ra, truth['dec'][index] as number).map(Math.round);
      if (x < -10 || x >= SIZE + 10) return;
      for (let row = Math.max(0, y - 10); row <= Math.min(SIZE - 1, y + 10); row++)
        near.fill(1, row * SIZE + Math.max(0, x - 10), row * SIZE + Math.min(SIZE, x + 11));
    });
    const all: number[] = [];
    for (const band of ['g', 'r', 'z']) {
      const [image, invvar] = [maps[`image-${band}`], maps[`invvar-${band}`]];
      for (let at = 1; at < mask.length; at += 2) {
        // Outside of the own area there are sources that the truth of these bricks does not list.
        if ((near[at] | near[at - 1] | mask[at] | mask[at - 1]) !== 0) continue;
        all.push(Math.abs(image[at] - image[at - 1]) / Math.sqrt(1 / invvar[at] + 1 / invvar[at - 1]));
      }
    }
    expect(all.length).toBeGreaterThan(40_000);
    all.sort((a, b) => a - b);
    // Neighbours and the median: faint wings of galaxies are everywhere.
    expect(Math.abs(1.482602 * all[all.length >> 1] - 1)).toBeLessThan(0.01);
  });

  it('hold the sources where the truth has them', () => {
    const brick = brickAt(truth['ra'][0] as number, truth['dec'][0] as number);
    const wcs = brickWcs(brick, SIZE);
    let checked = 0;
    (truth['kind'] as string[]).forEach((kind, index) => {
      if (kind !== 'host' || truth['brickname'][index] !== name || (truth['mag_r'][index] as number) > 19.5) return;
      const [x, y] = wcs.worldToPixel(truth['ra'][index] as number, truth['dec'][index] as number).map(Math.round);
      const [image, invvar] = [maps['image-r'][y * SIZE + x], maps['invvar-r'][y * SIZE + x]];
      if (invvar === 0) return;
      checked++;
      expect(image * Math.sqrt(invvar)).toBeGreaterThan(10);
    });
    expect(checked).toBeGreaterThan(4);
  });
});

describe('the targets', () => {
  it('are galaxies of the own areas with all that a campaign can use', () => {
    expect(targets.rows).toBe(80);
    expect(new Set(targets.columns['brickname'] as string[])).toEqual(new Set(made.bricks));
    const wanted =
      'brickname ra dec type flux_g flux_r flux_z flux_w1 rmag zmag w1mag rz zw1 shape_r shape_e1 shape_e2 psfsize_g psfsize_r psfsize_z psfdepth_r ebv region_id region_split difficulty';
    expect(schema.columns.map((each) => each.name)).toEqual(wanted.split(' '));
    for (let row = 0; row < targets.rows; row++) {
      const [ra, dec] = [column('ra')[row], column('dec')[row]];
      const box = primaryBox(brickAt(ra, dec), SIZE);
      expect(ra >= box.ra1 && ra < box.ra2 && dec >= box.dec1 && dec < box.dec2).toBe(true);
      expect((targets.columns['type'] as string[])[row]).toBe('DEV');
      expect(column('rz')[row]).toBeCloseTo(column('rmag')[row] - column('zmag')[row], 9);
      expect(column('zw1')[row]).toBeCloseTo(column('zmag')[row] - column('w1mag')[row], 9);
      expect(22.5 - 2.5 * Math.log10(column('flux_r')[row])).toBeCloseTo(column('rmag')[row], 9);
      expect(Math.hypot(column('shape_e1')[row], column('shape_e2')[row])).toBeLessThan(0.3);
    }
    const depths = column('psfdepth_r').filter((depth) => depth !== null);
    expect(Math.min(...depths)).toBeGreaterThan(22.8);
    expect(Math.max(...depths)).toBeLessThan(25);
  });

  it('know the PSF size at their pixel', () => {
    const wcs = brickWcs(brickAt(column('ra')[0], column('dec')[0]), SIZE);
    for (let row = 0; row < 40; row++) {
      const [x, y] = wcs.worldToPixel(column('ra')[row], column('dec')[row]).map(Math.round);
      for (const band of ['g', 'r', 'z']) expect(column(`psfsize_${band}`)[row] || 0).toBe(maps[`psfsize-${band}`][y * SIZE + x]);
    }
  });

  it('are of all three splits, a region in one only, and some are difficult', () => {
    const splits = targets.columns['region_split'] as string[];
    const bySplit = new Map<string, Set<number>>();
    splits.forEach((split, row) => {
      bySplit.set(split, (bySplit.get(split) ?? new Set()).add(column('region_id')[row]));
    });
    expect([...bySplit.keys()].sort()).toEqual(['test', 'train', 'val']);
    const regions = [...bySplit.values()].flatMap((set) => [...set]);
    expect(new Set(regions).size).toBe(regions.length);
    const difficult = (targets.columns['difficulty'] as string[]).filter((word) => word !== 'none');
    expect(difficult.length).toBeGreaterThan(1);
    expect(difficult.length).toBeLessThan(40);
  });

  it('come with a config that the injection reads', async () => {
    const { config } = await loadInjectConfig({ path: made.config });
    expect(config).toMatchObject({ tiers: ['train'], replicates: 20, planes: ['injected', 'host', 'arc'], seedBase: 5 });
    expect(config.targets).toBe(join(folder, 'targets.csv'));
    expect(config.coaddCache).toBe(join(folder, 'bricks'));
  });
});

describe('a rerun', () => {
  const inventory = (root: string) =>
    (readdirSync(root, { recursive: true, encoding: 'utf8' }) as string[])
      .filter((each) => statSync(join(root, each)).isFile())
      .sort();

  it('in workers gives the same bytes', async () => {
    const other = join(ROOT, 'two');
    await makeDemoSurvey(other, { ...OPTIONS, workers: 2 });
    expect(inventory(other)).toEqual(inventory(folder));
    for (const each of inventory(folder))
      expect(readFileSync(join(other, each)).equals(readFileSync(join(folder, each)))).toBe(true);
  });

  it('makes only the bricks that are not whole, and leaves what was there as it was', async () => {
    const victim = file('invvar-r', made.bricks[1]);
    const before = readFileSync(victim);
    const kept = file('image-g');
    const { mtimeMs } = statSync(kept);
    const bytes = Buffer.from(before);
    bytes[before.length >> 1] ^= 1;
    writeFileSync(victim, bytes);
    const again = await makeDemoSurvey(folder, OPTIONS);
    expect(again.kept).toBe(1);
    expect(readFileSync(victim).equals(before)).toBe(true);
    expect(statSync(kept).mtimeMs).toBe(mtimeMs);
    expect((await makeDemoSurvey(folder, OPTIONS)).kept).toBe(2);
  });

  it('refuses a folder that holds another survey, and options out of range', async () => {
    const other = makeDemoSurvey(folder, { ...OPTIONS, seed: 6 });
    await expect(other).rejects.toMatchObject({ code: 'USAGE', message: expect.stringContaining('seed 5 instead of 6') });
    for (const wrong of [{ bricks: 0 }, { size: 100 }, { targetsPerBrick: 2000 }, { seed: 0.5 }])
      await expect(makeDemoSurvey(join(ROOT, 'none'), { ...OPTIONS, ...wrong })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('goes on where an interrupt stopped it', async () => {
    const third = join(ROOT, 'three');
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const stopped = makeDemoSurvey(third, { ...OPTIONS, signal: controller.signal, onProgress });
    await expect(stopped).rejects.toMatchObject({ code: 'ABORTED', message: expect.stringContaining('1 of 2') });
    expect((await makeDemoSurvey(third, OPTIONS)).kept).toBe(1);
    expect(inventory(third)).toEqual(inventory(folder));
  });

  it('says why it cannot write', async () => {
    writeFileSync(join(ROOT, 'flat'), '');
    await expect(makeDemoSurvey(join(ROOT, 'flat'), OPTIONS)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
  });
});
