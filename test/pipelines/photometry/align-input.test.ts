import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compressImage, encodeFits, FitsHeader, isStructural } from '../../../src/io/fits/index.ts';
import { alignImages } from '../../../src/pipelines/photometry/align.ts';
import type { FitConfig } from '../../../src/pipelines/photometry/config.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { openImages } from '../../../src/pipelines/photometry/load-field.ts';
import { FIT_COMMANDS } from '../../../src/pipelines/photometry/stages.ts';
import { validateStage } from '../../../src/pipelines/photometry/validate.ts';
import { testContext } from '../../support/fit-field.ts';
import { AT, type FrameSpec, noisy, readAligned, unalignedConfig } from '../../support/unaligned.ts';

const context = testContext();
afterAll(() => context.close());

const fault = async (specs: readonly FrameSpec[], resample: string, more: Parameters<typeof unalignedConfig>[3] = {}) => {
  const { config } = await unalignedConfig(specs, [AT], resample, more);
  return alignImages(context, config).then(
    () => undefined,
    (error: Error & { code: string; remedy: string }) => error,
  );
};
/** An image of float32 as a tile-compressed file. */
async function compressed(path: string): Promise<Buffer<ArrayBuffer>> {
  const { image, width, height, header } = await readAligned(path);
  const { cards, bytes } = await compressImage(image, [height, width], -32, { codec: 'GZIP_2' });
  const own = header.cards.filter(({ keyword }) => !isStructural(keyword));
  const whole = new FitsHeader([...FitsHeader.of(cards).cards, ...own]);
  return Buffer.concat([...encodeFits([{ kind: 'empty' }, { kind: 'raw', header: whole, data: () => [bytes] }])]);
}

const far: FrameSpec = { name: 'far.fits', wcs: { crval: [150, 2.5] } };

describe('bad input', () => {
  it('leaves out what does not meet the target or cannot be read, and says so', async () => {
    const blank: FrameSpec = { name: 'blank.fits', wcs: { degrees: 3 }, spoil: (image) => image.fill(Number.NaN) };
    const { config, folder } = await unalignedConfig([noisy[0], noisy[1], far, blank], [AT], 'target: first');
    const { counts } = await alignImages(context, config);
    expect(counts).toMatchObject({ images_given: 4, images_left_out: 2 });
    const table = readFileSync(join(folder, 'work/aligned/frames.csv'), 'utf8');
    expect(table).toMatch(/far\.fits,m400,left_out,it does not meet the target grid/);
    expect(table).toMatch(/blank\.fits,m400,left_out,none of its good pixels lies on the target grid/);
    expect(table).toMatch(/b\.fits,m400,resampled,,0\.43/);
    expect(context.lines.filter((line) => line.includes('is left out'))).toHaveLength(2);
  });

  it('goes on without an image whose pixels are damaged, and takes it up again once it is sound', async () => {
    // The damaged one is the first of its band.
    const { config, folder } = await unalignedConfig([{ ...noisy[1], name: 'hurt.fits' }, noisy[0]], [AT], 'target: first');
    const path = join(folder, 'hurt.fits');
    const sound = await compressed(path);
    writeFileSync(path, sound.with(sound.length - 3000, 0xff).fill(0xff, sound.length - 23_000, sound.length - 3000));
    utimesSync(path, 1e9, 1e9);
    const { counts, config: after, failures } = await alignImages(context, config);
    expect(counts).toMatchObject({ images_left_out: 1, bands_kept: 0 });
    expect(failures).toEqual([{ subject: path, reason: expect.stringMatching(/tile \d+/) }]);
    const table = join(folder, 'work/aligned/frames.csv');
    expect(readFileSync(table, 'utf8')).toMatch(/hurt\.fits,m400,unreadable,\S/);
    // Its own scale is that of the image that is left.
    expect(readFileSync(table, 'utf8')).toMatch(/a\.fits,m400,resampled,,1,0\.9\d+,1\.1\d+,1\.7\d+,/);
    const { header } = await readAligned(after.images[0]);
    expect([header.number('NCOMBINE'), header.number('ZP_AUTO')]).toEqual([1, 24]);
    writeFileSync(path, sound);
    utimesSync(path, 1e9, 1e9);
    const again = await alignImages(context, config);
    expect(again).toMatchObject({ counts: { images_left_out: 0, bands_kept: 0 }, failures: [] });
    expect((await readAligned(after.images[0])).header.number('NCOMBINE')).toBe(2);
  });

  it('is no fault of an image that it covers next to nothing', async () => {
    const grid = { ...noisy[0], name: 'grid.fits', shape: [700, 701] as const, cards: { FILTER: 'm425' } };
    // One column has data, and numbers of a band are taken from every third.
    const edge = { ...noisy[0], name: 'edge.fits', wcs: { crpix: [-598.6, 100.4] as const } };
    const { config, folder } = await unalignedConfig([grid, edge], [AT], 'target: first');
    const first = await alignImages(context, config);
    const table = join(folder, 'work/aligned/frames.csv');
    const text = readFileSync(table, 'utf8');
    expect(text).not.toMatch(/nan/i);
    // Noise of the column, and no level.
    expect(text).toMatch(/edge\.fits,m400,resampled,,1,\S+?,1\.1\d+,(1\.[6-9]|2)\d*,0\.0004\d*,,0,/);
    const { header } = await readAligned(join(folder, 'work/aligned/m400.fits'));
    expect(header.number('EGAIN')).toBeCloseTo(1.5, 2);
    expect((header.number('SKYSIG') as number) / 2).toBeGreaterThan(0.8);
    expect((header.number('SKYSIG') as number) / 2).toBeLessThan(1.1);
    await (await openImages(first.config)).close();
    expect((await alignImages(context, config)).counts).toMatchObject({ bands_kept: 1 });
    expect(readFileSync(table, 'utf8')).toBe(text);
  });

  it('warns of skies that are not subtracted, and of a depth that one SKYSIG cannot tell', async () => {
    const strip = { ...noisy[0], name: 'b.fits', wcs: { crpix: [-20, 100] as const }, level: 30, cards: { ZP_AUTO: 24 } };
    const thrice = [1, 2, 3].map((seed) => ({ ...noisy[0], name: `c${seed}.fits`, seed }));
    const { config } = await unalignedConfig([noisy[0], strip, ...thrice], [AT], '');
    const since = context.lines.length;
    await alignImages(context, config);
    const said = context.lines.slice(since).join('\n');
    expect(said).toMatch(/skies of \S+\.fits and \S+b\.fits are (29|30)\.\d ADU apart/);
    expect(said).toMatch(/depth is uneven, SKYSIG of most pixels is between 0\.70\d and 1\.57 ADU/);
  });

  it('is an error where a band has no image left, and names the image', async () => {
    const other = { ...far, cards: { FILTER: 'm425' } };
    expect(await fault([noisy[0], other], 'target: first')).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/^No image is left for m425: \S*far\.fits: it does not meet the target grid/),
    });
    const blank: FrameSpec = { name: 'x.fits', wcs: { degrees: 3 }, spoil: (image) => image.fill(Number.NaN) };
    expect(await fault([blank], 'margin: 1')).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('m400'),
    });
  });

  it('tells of an image that lies elsewhere, of another system, and of a target that is none', async () => {
    const lost = { ...far, wcs: { crval: [151, 2] as const } };
    expect(await fault([...noisy, lost], '')).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/so far apart .*far\.fits lies \d+ px/),
    });
    const galactic: FrameSpec = { name: 'g.fits', wcs: { more: { CTYPE1: 'GLON-TAN', CTYPE2: 'GLAT-TAN' } } };
    expect(await fault([noisy[0], galactic], 'target: first')).toMatchObject({
      message: expect.stringMatching(/g\.fits: The source is in galactic/),
    });
    expect(await fault([noisy[0]], 'target: nowhere.fits')).toMatchObject({ code: 'INPUT_UNREADABLE' });
    expect(await fault([noisy[0]], 'combine_same_filter: false')).toBeUndefined();
    expect(await fault([noisy[0], noisy[1]], 'combine_same_filter: false')).toMatchObject({
      remedy: expect.stringContaining('resample.combine_same_filter: true'),
    });
    expect(await fault([noisy[0], { ...far, cards: { FILTER: 'm425' } }], 'extent: intersection')).toMatchObject({
      message: 'The bands have no box of the sky in common.',
    });
  });

  it('refuses more images of a band than can be combined, before any is resampled', async () => {
    const many = Array.from({ length: 257 }, (_, k): FrameSpec => ({ name: `${k}.fits`, wcs: {}, shape: [20, 20] }));
    expect(await fault(many, '')).toMatchObject({ message: expect.stringMatching(/257 images of m400, and at most 256/) });
  });

  it('names resample.enabled where it is off', async () => {
    const { config } = await unalignedConfig(noisy, [AT], '');
    const off: FitConfig = { ...config, resample: { ...config.resample, enabled: false } };
    await expect(openImages(off)).rejects.toMatchObject({ remedy: expect.stringContaining('resample.enabled: true') });
  });
});

describe('targets and reruns', () => {
  it('takes the grid of an image or of header text, and an image that lies on it as it is', async () => {
    const { config, folder } = await unalignedConfig(
      [noisy[0], { ...noisy[1], cards: { FILTER: 'm425' } }],
      [AT],
      'target: a.fits',
    );
    const aligned = await alignImages(context, config);
    expect(aligned.config.images).toEqual([join(folder, 'a.fits'), join(folder, 'work/aligned/m425.fits')]);
    await (await loadField(context, aligned.config)).field.close();
    const { header, width } = await readAligned(join(folder, 'a.fits'));
    writeFileSync(
      join(folder, 'grid.head'),
      `${['NAXIS1  = 150', 'NAXIS2  = 200', ...header.records().filter((line) => !line.startsWith('NAXIS'))].join('\n')}\n`,
    );
    const again = await alignImages(context, { ...config, resample: { ...config.resample, target: join(folder, 'grid.head') } });
    const cut = await readAligned(again.config.images[0]);
    expect([width, cut.width, cut.height]).toEqual([200, 150, 200]);
    const { field } = await loadField(context, again.config);
    expect(field.frames.map(({ width: across }) => across)).toEqual([150, 150]);
    await field.close();
  });

  it('resamples nothing where all images share a grid', async () => {
    const sameGrid = { ...noisy[0], name: 'b.fits', cards: { FILTER: 'm425' } };
    const { config, folder } = await unalignedConfig([noisy[0], sameGrid], [AT], '');
    const { images } = (await alignImages(context, config)).config;
    expect(images).toEqual(['a.fits', 'b.fits'].map((name) => join(folder, name)));
  });

  it('keeps what was made of the same, and makes again what was not', async () => {
    const { config, folder } = await unalignedConfig([noisy[0], { ...noisy[1], cards: { FILTER: 'm425' } }], [AT], '');
    const kept = async (given: FitConfig, force = false) =>
      (await alignImages({ ...context, force }, given)).counts['bands_kept'];
    expect(await kept(config)).toBe(0);
    const place = join(folder, 'work/aligned/m400.fits');
    const before = statSync(place).mtimeMs;
    expect(await kept(config)).toBe(2);
    expect(statSync(place).mtimeMs).toBe(before);
    expect(await kept(config, true)).toBe(0);
    expect(await kept({ ...config, resample: { ...config.resample, interpolation: 'bilinear' } })).toBe(0);
    truncateSync(place, statSync(place).size - 2880);
    expect(await kept({ ...config, resample: { ...config.resample, interpolation: 'bilinear' } })).toBe(1);
    rmSync(place);
    expect(await kept({ ...config, resample: { ...config.resample, interpolation: 'bilinear' } })).toBe(1);
  });

  it('stops at once when it is told to, and leaves no file behind', async () => {
    const { config, folder } = await unalignedConfig(noisy, [AT], '');
    const signal = AbortSignal.abort();
    await expect(alignImages({ ...context, signal }, config)).rejects.toMatchObject({
      code: 'ABORTED',
      message: expect.stringContaining('with 0 of 1 bands done'),
    });
    expect(readdirSync(join(folder, 'work/aligned'))).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'holds one image open at a time, and has no file that a killed process would leave',
    async () => {
      const many = Array.from({ length: 30 }, (_, k): FrameSpec => ({ ...noisy[0], name: `${k}.fits`, shape: [40, 40] }));
      const { config, folder } = await unalignedConfig(many, [AT], 'margin: 2');
      const handles = () => readdirSync('/proc/self/fd').length;
      const before = handles();
      const [open, names]: [number[], string[]] = [[], []];
      const progress = () => {
        open.push(handles());
        // What is written whole has a name meanwhile; rows that wait have none.
        names.push(...readdirSync(join(folder, 'work/aligned')));
      };
      await alignImages({ ...context, log: { ...context.log, progress } }, config);
      expect(open.length).toBeGreaterThan(30);
      expect(Math.max(...open) - before).toBeLessThan(10);
      expect(names.filter((name) => name.includes('.tmp'))).toEqual([]);
    },
  );

  it('finds faults of tables before it resamples', async () => {
    const { config, folder } = await unalignedConfig(noisy, [AT], '');
    writeFileSync(config.inputs.inputCatalog, 'ID,RA,DEC,FLUX_m999\n1,150,2,3\n');
    const stage = FIT_COMMANDS.find(({ name }) => name === 'run-epsf')?.stage?.();
    await expect(stage?.run(context, config)).rejects.toMatchObject({
      message: expect.stringMatching(/FLUX_.*only in the images \[m400\]/),
    });
    expect(existsSync(join(folder, 'work/aligned'))).toBe(false);
  });

  it('ends a command with the status of failed rows where an image was left out', async () => {
    const { config } = await unalignedConfig([noisy[0], noisy[1], far], [AT], 'target: first');
    const stage = FIT_COMMANDS.find(({ name }) => name === 'run-epsf')?.stage?.();
    const result = await stage?.run(context, config);
    expect(result?.outcome).toBe('failed-rows');
    expect(result?.failures?.[0]).toEqual({
      subject: expect.stringContaining('far.fits'),
      reason: 'it does not meet the target grid',
    });
  });

  it('is no fault for validate, which says what will come of it', async () => {
    const { config } = await unalignedConfig([...noisy, { ...noisy[1], name: 'd.fits', cards: { FILTER: 'm425' } }], [AT], '');
    const result = await validateStage.run(context, config);
    expect(result.summary[0]).toMatch(/^4 of 4 images are resampled to \d+ x \d+ px: a tangent plane/);
    expect(result.summary[1]).toBe('2 bands: m400, m425');
    expect(result.counts).toMatchObject({ outside: 0 });
  });
});
