import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeFits, FitsHeader } from '../../../src/io/fits/index.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { readFieldCatalogue } from '../../../src/pipelines/photometry/load-catalogue.ts';
import { loadFitConfig } from '../../../src/pipelines/photometry/load-config.ts';
import { inspectField, openField, openImages } from '../../../src/pipelines/photometry/load-field.ts';
import { nothingToFit } from '../../../src/pipelines/photometry/load-sources.ts';
import {
  type Cards,
  type FieldFiles,
  fieldConfig,
  freshFolder,
  KEYWORDS,
  testContext,
  writeField,
  writeImage,
} from '../../support/fit-field.ts';

const NO_CROP = 'crop: {enabled: false}\n';
const CAT = 'RA,DEC\n150.25,2.5\n';

async function failure(files: Partial<FieldFiles>, sets: readonly string[] = []) {
  const config = await fieldConfig(
    freshFolder(),
    { images: [{ name: 'a.fits' }], catalogue: CAT, yaml: NO_CROP, ...files },
    sets,
  );
  try {
    const { images } = await inspectField(config);
    await images.close();
  } catch (error) {
    return error as Error & { code: string; remedy: string; data: Record<string, unknown> };
  }
  throw new Error('nothing was wrong');
}

const second = (cards: Cards, shape?: readonly [number, number]) => ({
  images: [{ name: 'a.fits' }, { name: 'b.fits', cards: { FILTER: 'm425', ...cards }, shape }],
});

describe('headers', () => {
  it('names every file and every key that is missing or wrong, in one error', async () => {
    const error = await failure({
      images: [
        { name: 'a.fits', cards: { ZP_AUTO: undefined, SKYSIG: 0 } },
        { name: 'b.fits', cards: { FILTER: '  ', EGAIN: 'none' } },
        { name: 'c.fits', cards: { FILTER: 'm450', SKYSIG: -1 } },
        { name: 'd.fits', cards: { FILTER: '../up' } },
      ],
    });
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(/^4 of 4 images cannot be used: /);
    for (const part of [
      /a\.fits: ZP_AUTO \(mag\) is missing, SKYSIG is 0, expected a number above 0;/,
      /b\.fits: FILTER is blank, EGAIN is "none", expected a number above 0;/,
      /c\.fits: SKYSIG is -1/,
      /d\.fits: FILTER is "\.\.\/up", which is no name of a folder/,
    ])
      expect(error.message).toMatch(part);
    expect(error.remedy).toContain('inputs.header_defaults');
    expect(error.data['problems']).toHaveLength(6);
  });

  it('tells of headers, shapes and duplicates together, and of files that are not there or no FITS', async () => {
    const folder = freshFolder();
    const path = writeField(folder, {
      images: [{ name: 'a.fits' }, { name: 'b.fits', cards: { EGAIN: undefined }, shape: [80, 99] }],
      catalogue: CAT,
      yaml: NO_CROP,
    });
    writeFileSync(join(folder, 'c.fits'), 'no FITS');
    writeFileSync(join(folder, 'images.txt'), 'a.fits\nb.fits\nc.fits\nd.fits\n');
    const { config } = await loadFitConfig({ path });
    const error = (await openImages(config).catch((caught: Error) => caught)) as Error;
    expect(error.message).toMatch(/^3 of 4 images cannot be used/);
    expect(error.message).toMatch(
      /b\.fits: EGAIN \(e-\/ADU\) is missing, it has 99 x 80 px, and \S*a\.fits 100 x 80, its FILTER is m400, as that of \S*a\.fits/,
    );
    expect(error.message).toMatch(/c\.fits: it is no FITS file/);
    expect(error.message).toMatch(/d\.fits: cannot be read: there is no such file/);
  });

  it('takes missing values from inputs.header_defaults, and never in place of one that is there', async () => {
    const files = {
      images: [{ name: 'a.fits', cards: { EGAIN: undefined, ZP_AUTO: undefined } }],
      catalogue: CAT,
      yaml: NO_CROP,
    };
    const inputs = '  header_defaults: {EGAIN: 3, ZP_AUTO: 23, SKYSIG: 99}\n';
    const images = await openImages(await fieldConfig(freshFolder(), { ...files, inputs }));
    expect(images.frames[0]).toMatchObject({ gainElectronsPerAdu: 3, zpAuto: 23, sigmaSky: expect.closeTo(2 * 10 ** 0.8, 9) });
    await images.close();
  });

  it('warns where SATURATE is missing or wrong, and takes none', async () => {
    for (const [value, words] of [
      [undefined, 'no SATURATE'],
      ['high', 'SATURATE is "high", no positive number'],
    ] as const) {
      const config = await fieldConfig(freshFolder(), {
        images: [{ name: 'a.fits', cards: { SATURATE: value } }],
        catalogue: CAT,
        yaml: NO_CROP,
      });
      const images = await openImages(config);
      expect(images.frames[0].saturation).toBe(Number.POSITIVE_INFINITY);
      expect(images.warnings.join()).toContain(words);
      await images.close();
    }
  });

  it('needs a celestial WCS', async () => {
    expect((await failure({ images: [{ name: 'a.fits', cards: { CTYPE1: undefined, CTYPE2: undefined } }] })).message).toContain(
      'no celestial WCS',
    );
  });

  it('refuses a frame cut off in its last rows', async () => {
    const folder = freshFolder();
    const path = writeField(folder, { images: [{ name: 'a.fits' }], catalogue: CAT, yaml: NO_CROP });
    const bytes = Buffer.concat([...encodeFits([{ kind: 'image', data: new Float32Array(8000), shape: [80, 100] }])]);
    const header = FitsHeader.of(Object.entries(KEYWORDS).map(([keyword, value]) => ({ keyword, value })));
    const whole = Buffer.concat([...encodeFits([{ kind: 'image', data: new Float32Array(8000), shape: [80, 100], header }])]);
    expect(whole.length).toBeGreaterThan(bytes.length - 2880);
    writeFileSync(join(folder, 'a.fits'), whole.subarray(0, whole.length - 5760));
    await expect(openImages((await loadFitConfig({ path })).config)).rejects.toMatchObject({
      message: expect.stringContaining('ends before its last pixel'),
    });
  });
});

describe('a common grid', () => {
  it.each<[string, Cards, RegExp]>([
    ['CRVAL', { CRVAL1: 150.25 + 3e-6 }, /CRVAL1 is off by 0\.000003 deg \(150\.250003, not 150\.25; tolerance 0\.000001\)/],
    ['CRPIX', { CRPIX2: 41 }, /CRPIX2 is off by 0\.5 px/],
    ['CD', { CD2_2: 0.5 / 3600 + 2e-9 }, /CD2_2 is off by 2e-9 deg\/px/],
    ['CTYPE', { CTYPE1: 'RA---SIN', CTYPE2: 'DEC--SIN' }, /CTYPE1 is 'RA---SIN', not 'RA---TAN'/],
    [
      'CD against CDELT',
      { CD1_1: undefined, CD1_2: undefined, CD2_1: undefined, CD2_2: undefined, CDELT1: -0.5 / 3600, CDELT2: 0.5 / 3600 },
      /it has CDELT and no CD matrix/,
    ],
    ['distortion', { PV1_1: 1.01 }, /PV1_1 is off by 1\.01/],
  ])('is refused where %s differs, naming key and distance', async (_, cards, message) => {
    const error = await failure(second(cards));
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/b\.fits: its WCS is not that of \S*a\.fits/);
    expect(error.remedy).toContain('checks.wcs_tolerance');
  });

  it.each<[string, Cards, readonly string[]]>([
    ['within the tolerance', { CRVAL1: 150.25 + 9e-7, CRPIX1: 50.5 + 9e-7 }, []],
    ['a tolerance that is wider', { CRVAL1: 150.25 + 3e-6 }, ['checks.wcs_tolerance.crval=1e-5']],
    ['not asked for', { CRVAL1: 151 }, ['checks.require_wcs_alignment=false']],
    ['distortion, which the original does not look at', { PV1_1: 1.01 }, ['profile=tract7dt']],
  ])('is fine: %s', async (_, cards, sets) => {
    const config = await fieldConfig(freshFolder(), { ...second(cards), catalogue: CAT, yaml: NO_CROP }, sets);
    const images = await openImages(config);
    expect(images.frames.map(({ band }) => band)).toEqual(['m400', 'm425']);
    await images.close();
  });

  it('knows that RA 0 and 360 are one place', async () => {
    const images = [
      { name: 'a.fits', cards: { CRVAL1: 0 } },
      { name: 'b.fits', cards: { CRVAL1: 360, FILTER: 'm425' } },
    ];
    const opened = await openImages(await fieldConfig(freshFolder(), { images, catalogue: CAT, yaml: NO_CROP }));
    expect(opened.frames).toHaveLength(2);
    await opened.close();
  });

  it('names both files of one FILTER; filter_overrides is the way out', async () => {
    const images = [{ name: 'a.fits' }, { name: 'b.fits' }];
    const error = await failure({ images });
    expect(error.message).toMatch(/b\.fits: its FILTER is m400, as that of \S*a\.fits/);
    expect(error.remedy).toContain('inputs.filter_overrides');
    const inputs = '  filter_overrides: {b.fits: m425}\n';
    const opened = await openImages(await fieldConfig(freshFolder(), { images, inputs, catalogue: CAT, yaml: NO_CROP }));
    expect(opened.frames.map(({ band }) => band)).toEqual(['m400', 'm425']);
    await opened.close();
    expect((await failure({ images, inputs: '  filter_overrides: {bb.fits: m425}\n' })).message).toContain(
      'did you mean b.fits?',
    );
  });

  it('refuses a crop that leaves nothing', async () => {
    expect(await failure({ yaml: 'crop: {margin: 40}\n' })).toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'A crop margin of 40 px leaves nothing of images of 100 x 80 px.',
    });
  });
});

describe('catalogue', () => {
  it('needs RA and DEC', async () => {
    const error = await failure({ catalogue: 'ID,RAJ2000,DEC\n1,2,3\n' });
    expect(error).toMatchObject({ code: 'INPUT_INVALID', remedy: expect.stringContaining('it has ID, RAJ2000, DEC') });
    expect(error.message).toMatch(/cat\.csv has no column RA\./);
  });

  it('needs a FLUX_ column for each band, or none', async () => {
    const error = await failure({ ...second({}), catalogue: 'RA,DEC,FLUX_m400,FLUX_m475\n1,2,3,4\n' });
    expect(error.message).toContain('only in the catalogue [m475], only in the images [m425]');
    const catalogue = 'RA,DEC,FLUX_m425,FLUX_m400,flux_m999\n150.25,2.5,3,4,5\n';
    const field = await openField(await fieldConfig(freshFolder(), { ...second({}), catalogue, yaml: NO_CROP }));
    expect(field.columns['FLUX_m400']).toEqual(['4']);
    await field.close();
  });

  it('keeps every row and the text of every column, in any case of RA and DEC', async () => {
    const folder = freshFolder();
    const path = join(folder, 'c.csv');
    writeFileSync(
      path,
      'Id,ra,Dec,type,FLUX_g,note\n007,10.500,-1,star,1e3,"a, b"\n007,,2,,NaN,\nx1,nan,3,EXP,NA,""\n9,400,5,,,\n10,20,91,,,\n10,20,9,gal,,é\n',
    );
    const catalogue = await readFieldCatalogue(path);
    expect(catalogue.rows).toBe(6);
    expect(catalogue.id).toEqual(['007', '007', 'x1', '9', '10', '10']);
    expect([...catalogue.duplicateId]).toEqual([1, 1, 0, 0, 1, 1]);
    expect(catalogue.type).toEqual(['STAR', '', 'EXP', '', '', 'GAL']);
    expect(catalogue.columns['FLUX_g'].slice(0, 3)).toEqual(['1e3', 'NaN', 'NA']);
    expect(catalogue.columns['ra'][0]).toBe('10.500');
    expect(catalogue.columns['note']).toEqual(['a, b', '', '', '', '', 'é']);
    expect([...catalogue.ra.keys()].filter((row) => Number.isFinite(catalogue.ra[row] + catalogue.dec[row]))).toEqual([0, 5]);
    expect(catalogue.bands).toEqual(['g']);
    expect(catalogue.warnings).toEqual([
      expect.stringContaining('columns ra and Dec are taken for RA and DEC'),
      expect.stringContaining('4 of 6 rows have no position'),
      expect.stringContaining(
        "4 rows have an ID that another row has ('007' in rows 1, 2; '10' in rows 5, 6); they are kept and flagged",
      ),
    ]);
  });

  it('that is an image says so', async () => {
    const path = join(freshFolder(), 'cat.fits');
    writeImage(path, new Float32Array(4), [2, 2], {});
    await expect(readFieldCatalogue(path)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('cat.fits holds no table, its HDUs are 0 PRIMARY.'),
      remedy: expect.stringMatching(/^Give another file/),
    });
  });

  it('may be gzipped, as pandas takes it', async () => {
    const read = async (name: string, text: string) => {
      const path = join(freshFolder(), name);
      writeFileSync(path, gzipSync(text));
      return readFieldCatalogue(path);
    };
    const { id, ra } = await read('c.csv.gz', 'ID,RA,DEC\n007,10.5,-1\n');
    expect([id, ra[0]]).toEqual([['007'], 10.5]);
    expect((await read('c.tsv.gz', 'ID\tRA\tDEC\n007\t10.5\t-1\n')).id).toEqual(['007']);
    const path = join(freshFolder(), 'cut.csv.gz');
    writeFileSync(path, gzipSync('ID,RA,DEC\n007,10.5,-1\n').subarray(0, 30));
    await expect(readFieldCatalogue(path)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('cannot be inflated'),
    });
  });

  it('is warned of where nothing of it is fitted', async () => {
    const told = async (catalogue: string) => {
      const context = testContext();
      const files = { images: [{ name: 'a.fits' }], catalogue, yaml: `${NO_CROP}plotting: {dpi: 75}\n` };
      const config = await fieldConfig(freshFolder(), files);
      const { field } = await loadField(context, config);
      await field.close();
      await context.close();
      return context.lines.filter((line) => line.includes('the catalogue')).join();
    };
    expect(await told(CAT)).toBe('');
    // Hours for degrees.
    expect(await told(`RA,DEC\n${150.25 / 15},2.5\n`)).toMatch(
      /none of the 1 rows .* is within the working frame: are RA and DEC/,
    );
    expect(await told('RA,DEC\n')).toMatch(/the catalogue has no rows/);
    expect(nothingToFit(3, 1, 2)).toMatch(/none of the 3 rows .* near saturated pixels/);
  });

  it('and its Gaia table are refused before pixels are read', async () => {
    const folder = freshFolder();
    const files = { images: [{ name: 'a.fits' }], catalogue: CAT, yaml: NO_CROP, inputs: '  gaiaxp_synphot_csv: gaia.csv\n' };
    const config = await fieldConfig(folder, files);
    writeFileSync(join(folder, 'gaia.csv'), 'ra,dec,mag_m400\n1,2,3\n');
    const context = testContext();
    await expect(loadField(context, config)).rejects.toMatchObject({ data: { missing: ['source_id', 'phot_g_mean_mag'] } });
    expect(existsSync(join(folder, 'work'))).toBe(false);
    // Nothing reads it here.
    const { field } = await loadField(context, {
      ...config,
      zp: { ...config.zp, enabled: false },
      epsf: { ...config.epsf, useGaiaxp: false },
    });
    await field.close();
    await context.close();
  });

  it('may be empty', async () => {
    const field = await openField(
      await fieldConfig(freshFolder(), { images: [{ name: 'a.fits' }], catalogue: 'RA,DEC\n', yaml: NO_CROP }),
    );
    expect(field.sources).toEqual([]);
    await field.close();
  });
});
