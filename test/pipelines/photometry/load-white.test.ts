import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeFits, FitsHeader, memorySource, openFits, verifyChecksums } from '../../../src/io/fits/index.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { inspectField } from '../../../src/pipelines/photometry/load-field.ts';
import { readImageHeader } from '../../../src/pipelines/photometry/load-header.ts';
import { stackWhite } from '../../../src/pipelines/photometry/load-white.ts';
import { frameSource } from '../../../src/pipelines/photometry/resample/frame-source.ts';
import { type FieldFiles, fieldConfig, freshFolder, KEYWORDS, PLAIN_FIELD, SHAPE, testContext } from '../../support/fit-field.ts';

const [H, W] = SHAPE;
const context = testContext();
afterAll(() => context.close());

const DATES = { 'DATE-OBS': '2024-03-01T02:03:04', 'MJD-OBS': 60370.0854 };
const two: FieldFiles = {
  ...PLAIN_FIELD,
  images: [
    { name: 'a.fits', cards: DATES },
    { name: 'b.fits', cards: { ...DATES, FILTER: 'm425' } },
  ],
  yaml: 'crop: {enabled: false}\noverlay: {enabled: false}\n',
};

async function stacked(folder: string, files: FieldFiles) {
  const config = await fieldConfig(folder, files);
  const inspected = await inspectField(config);
  try {
    return await stackWhite(context, config, inspected, undefined);
  } finally {
    await inspected.images.close();
  }
}

async function fileOf(folder: string, name: string) {
  const path = join(folder, 'work', name);
  const [hdu] = (await openFits(memorySource(new Uint8Array(readFileSync(path)), path))).hdus;
  return hdu;
}

describe('the header of the white stack', () => {
  const dates = (header: FitsHeader) => Object.keys(DATES).filter((key) => header.has(key));

  it('has unit and zero point, and no date where there are many images', async () => {
    const folder = freshFolder();
    await stacked(folder, two);
    for (const name of ['white.fits', 'white_sigma.fits']) {
      const hdu = await fileOf(folder, name);
      const { header } = hdu;
      expect(await verifyChecksums(hdu)).toMatchObject({ data: 'ok', hdu: 'ok' });
      expect([header.text('BUNIT'), header.number('ZP_REF'), header.number('NBANDS')]).toEqual(['adu', 25, 2]);
      expect(header.card('BUNIT')?.comment).toContain('ZP_REF');
      expect(dates(header)).toEqual([]);
    }
  });

  it('has the date of an only image', async () => {
    const folder = freshFolder();
    await stacked(folder, { ...two, images: two.images.slice(0, 1) });
    expect(dates((await fileOf(folder, 'white.fits')).header)).toEqual(['DATE-OBS', 'MJD-OBS']);
  });
});

describe('the white stack and its noise', () => {
  // A folder in the place of a file cannot be replaced.
  it('go together: no noise is left without its stack', async () => {
    const folder = freshFolder();
    mkdirSync(join(folder, 'work/white.fits'), { recursive: true });
    await expect(stacked(folder, two)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    expect(readdirSync(join(folder, 'work'))).toEqual(['white.fits']);
  });

  it('go together: no stack is written over one whose noise stays', async () => {
    const folder = freshFolder();
    mkdirSync(join(folder, 'work/white_sigma.fits'), { recursive: true });
    writeFileSync(join(folder, 'work/white.fits'), 'of before');
    await expect(stacked(folder, two)).rejects.toMatchObject({ code: 'OUTPUT_UNWRITABLE' });
    expect(readFileSync(join(folder, 'work/white.fits'), 'utf8')).toBe('of before');
    expect(readdirSync(join(folder, 'work')).sort()).toEqual(['white.fits', 'white_sigma.fits']);
  });
});

describe('blank pixels of unsigned integers', () => {
  const blank = Array.from({ length: H * W }, (_, at) => at % 7 === 0);
  const badAmong = (bad: ArrayLike<number>) => Array.from(bad).flatMap((is, x) => (is === 1 ? [x] : []));

  async function unsigned(...sets: string[]) {
    const structure = { SIMPLE: true, BITPIX: 16, NAXIS: 2, NAXIS1: W, NAXIS2: H, BZERO: 32768, BLANK: -32768 };
    const pixels = new DataView(new ArrayBuffer(2 * H * W));
    for (const [at, is] of blank.entries()) pixels.setInt16(2 * at, is ? -32768 : 100);
    const config = await fieldConfig(freshFolder(), two, sets);
    for (const [at, path] of config.images.entries()) {
      const cards = { ...structure, ...KEYWORDS, FILTER: `m${at}`, SATURATE: 120_000 };
      const header = FitsHeader.of(Object.entries(cards).map(([keyword, value]) => ({ keyword, value })));
      const data = () => [new Uint8Array(pixels.buffer)];
      writeFileSync(path, Buffer.concat([...encodeFits([{ kind: 'raw', header, data }])]));
    }
    return config;
  }

  it.each([1, 2])('are no part of the stack, and are not saturated (%d threads)', async (threads) => {
    const config = await unsigned(`performance.frame_prep_workers=${threads}`);
    const { field, counts } = await loadField(context, config);
    expect(counts['excluded_saturation']).toBe(0);
    const { bad } = await field.frames[0].section(0, 0, 15, 1);
    expect(badAmong(bad)).toEqual([0, 7, 14]);
    await field.close();
    const { source, dataOffset } = await fileOf(dirname(config.outputs.workDir), 'white.fits');
    const bytes = await source.read(dataOffset, 4 * H * W);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    expect(blank.map((_, at) => Number.isNaN(view.getFloat32(4 * at)))).toEqual(blank);
    expect(view.getFloat32(4)).toBeCloseTo(32868 * 10 ** 0.4, 1);
  });

  it('are bad for resampling too', async () => {
    const { images, inputs } = await unsigned();
    const { image } = await readImageHeader(images[0], inputs);
    if (image === undefined) throw new Error('the image was not read');
    const saturated: number[] = [];
    const { bad = [] } = await frameSource(image, (x) => saturated.push(x)).section(0, 0, 15, 1);
    expect([badAmong(bad), saturated]).toEqual([[0, 7, 14], []]);
    await image.file.close();
  });
});
