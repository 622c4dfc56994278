import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compressImage, encodeFits, FitsHeader } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { loadFitConfig } from '../../../src/pipelines/photometry/load-config.ts';
import { openImages } from '../../../src/pipelines/photometry/load-field.ts';
import { freshFolder, KEYWORDS, testContext } from '../../support/fit-field.ts';
import { hasShared, shared } from '../../support/shared.ts';

const hasBunzip = spawnSync('bunzip2', ['--help']).error === undefined;
const context = testContext();
afterAll(() => context.close());

async function configOf(folder: string, images: readonly string[], catalogue: string, inputs: string, yaml: string) {
  writeFileSync(join(folder, 'images.txt'), images.join('\n'));
  writeFileSync(join(folder, 'cat.csv'), catalogue);
  const path = join(folder, 'config.yaml');
  writeFileSync(
    path,
    `inputs:\n  input_catalog: cat.csv\n  image_list_file: images.txt\n${inputs}outputs: {work_dir: work}\nzp: {enabled: false}\n${yaml}`,
  );
  return (await loadFitConfig({ path })).config;
}

describe.skipIf(!hasShared || !hasBunzip)('SDSS g, r, i of one field (needs the reference data and bunzip2)', () => {
  const folder = freshFolder();
  const names = ['g', 'r', 'i'].map((band) => `reprojected_sdss_${band}.fits`);
  const unpack = () => {
    for (const name of names) {
      const { stdout } = spawnSync('bunzip2', ['-c', shared(`data/c_multiband/${name}.bz2`)], { maxBuffer: 2 ** 26 });
      writeFileSync(join(folder, name), stdout);
    }
  };
  const NUMBERS = '  header_defaults: {ZP_AUTO: 22.5, SKYSIG: 0.02, EGAIN: 5, SATURATE: 40, SEEING: 1.3}\n';

  it('is told to be one band three times, and is loaded once the config says which is which', async () => {
    unpack();
    const sources = 'RA,DEC\n313.17,-5.69\n313.2,-5.7\n10,10\n';
    const wrong = await configOf(folder, names, sources, NUMBERS, 'crop: {margin: 40}\n');
    await expect(openImages(wrong)).rejects.toMatchObject({
      message: expect.stringMatching(
        /2 of 3 images .*sdss_r\.fits: its FILTER is g, as that of \S*sdss_g\.fits; \S*sdss_i\.fits: its FILTER is g/,
      ),
    });
    const overrides = '  filter_overrides: {reprojected_sdss_r.fits: r, reprojected_sdss_i.fits: i}\n';
    const config = await configOf(folder, names, sources, NUMBERS + overrides, 'crop: {margin: 40}\noverlay: {enabled: false}\n');
    const { field, counts } = await loadField(context, config);
    expect(field.frames.map(({ band }) => band)).toEqual(['g', 'i', 'r']);
    expect(field.box).toEqual({ x0: 40, y0: 40, width: 602, height: 416 });
    expect(field.pixscaleArcsec).toBeCloseTo(1.1877, 3);
    expect(field.frames[0].fwhmPx).toBeCloseTo(1.3 / 1.1877, 3);
    expect(counts).toMatchObject({ images: 3, sources: 3, excluded_crop: 1 });
    await field.close();
  });
});

describe.skipIf(!hasShared)('a DECam CCD (needs the reference data)', () => {
  const root = 'data/a_legacy/testcase9/images/decam/CP/V4.8.2a/CP20141028/';
  const g = shared(`${root}c4d_141029_043225_ooi_g_ls9.N26.fits`);
  const r = shared(`${root}c4d_141029_043420_ooi_r_ls9.N26.fits`);
  const inputs = `  header_defaults: {ZP_AUTO: 25.1, SKYSIG: 12, EGAIN: 3.7}\n  filter_overrides: {${g.split('/').at(-1)}: g, ${r.split('/').at(-1)}: r}\n`;
  const rg = `  header_defaults: {ZP_AUTO: 25.1, SKYSIG: 12, EGAIN: 3.7}\n  filter_overrides: {${g.split('/').at(-1)}: g}\n`;

  it('loads with its TPV distortion; FILTER is of the primary header, pixels of the extension', async () => {
    const folder = freshFolder();
    // Places by astropy (all_pix2world) of pixels (10, 20), (90, 80) and (50.25, 60.75).
    const places =
      '9.1206068596486,3.40040271477906\n9.125001087864362,3.3945663605843497\n9.123591349577625,3.3974654184016027\n';
    const config = await configOf(folder, [g], `RA,DEC\n${places}`, rg, 'crop: {margin: 4}\noverlay: {enabled: false}\n');
    const { field } = await loadField(context, config);
    expect(field.frames[0]).toMatchObject({ band: 'g', width: 93, height: 93 });
    expect(field.frames[0].saturation).toBeCloseTo(37064.4199071078 * field.frames[0].scale, 6);
    expect(field.wcs.hasDistortion).toBe(true);
    const pixels = field.sources.map(({ x, y }) => [x + 4, y + 4].map((value) => Math.round(value * 1e5) / 1e5));
    expect(pixels).toEqual([
      [10, 20],
      [90, 80],
      [50.25, 60.75],
    ]);
    await field.close();
  });

  it('is not on the grid of another exposure, which is told with keys and distances', async () => {
    const config = await configOf(freshFolder(), [g, r], 'RA,DEC\n', inputs, 'crop: {enabled: false}\n');
    await expect(openImages(config)).rejects.toMatchObject({
      message: expect.stringMatching(/it has 101 x 100 px, .*CRVAL1 is off by 0\.000168 deg/),
    });
  });
});

describe('compressed images', () => {
  it('are read as plain ones: image in the first extension, keywords where they are', async () => {
    const folder = freshFolder();
    const data = Float32Array.from({ length: 8000 }, (_, at) => at % 97);
    const { cards, bytes } = await compressImage(data, [80, 100], -32, { codec: 'GZIP_2' });
    const header = FitsHeader.of([...cards, ...Object.entries(KEYWORDS).map(([keyword, value]) => ({ keyword, value }))]);
    writeFileSync(
      join(folder, 'a.fits.fz'),
      Buffer.concat([...encodeFits([{ kind: 'empty' }, { kind: 'raw', header, data: () => [bytes] }])]),
    );
    expect((await openFitsFile(join(folder, 'a.fits.fz'))).hdus[1].type).toBe('COMPRESSED_IMAGE');
    const images = await openImages(await configOf(folder, ['a.fits.fz'], 'RA,DEC\n', '', 'crop: {margin: 10}\n'));
    const { image, bad } = await images.frames[0].section(3, 2, 4, 1);
    expect([...image]).toEqual([13, 14, 15, 16].map((x) => expect.closeTo(((12 * 100 + x) % 97) * 10 ** 0.4, 4)));
    expect([...bad]).toEqual([0, 0, 0, 0]);
    await images.close();
  });
});
