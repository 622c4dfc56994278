import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeFits, FitsHeader } from '../../../src/io/fits/index.ts';
import { loadFitConfig } from '../../../src/pipelines/photometry/load-config.ts';
import { openImages } from '../../../src/pipelines/photometry/load-field.ts';
import {
  type Cards,
  fieldConfig,
  fieldFailure,
  freshFolder,
  KEYWORDS,
  PLAIN_FIELD,
  writeField,
} from '../../support/fit-field.ts';

const { catalogue: CAT, yaml: NO_CROP } = PLAIN_FIELD;

const second = (cards: Cards, shape?: readonly [number, number]) => ({
  images: [{ name: 'a.fits' }, { name: 'b.fits', cards: { FILTER: 'm425', ...cards }, shape }],
});

describe('headers', () => {
  it('names every file and every key that is missing or wrong, in one error', async () => {
    const error = await fieldFailure({
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
    expect(
      (await fieldFailure({ images: [{ name: 'a.fits', cards: { CTYPE1: undefined, CTYPE2: undefined } }] })).message,
    ).toContain('no celestial WCS');
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
    const error = await fieldFailure(second(cards));
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
    const error = await fieldFailure({ images });
    expect(error.message).toMatch(/b\.fits: its FILTER is m400, as that of \S*a\.fits/);
    expect(error.remedy).toContain('inputs.filter_overrides');
    const inputs = '  filter_overrides: {b.fits: m425}\n';
    const opened = await openImages(await fieldConfig(freshFolder(), { images, inputs, catalogue: CAT, yaml: NO_CROP }));
    expect(opened.frames.map(({ band }) => band)).toEqual(['m400', 'm425']);
    await opened.close();
    expect((await fieldFailure({ images, inputs: '  filter_overrides: {bb.fits: m425}\n' })).message).toContain(
      'did you mean b.fits?',
    );
  });

  it('of images of several shapes must be held by each, whatever the config lets through', async () => {
    const sets = ['checks.require_same_shape=false'];
    const images = (shape: readonly [number, number]) => second({}, shape).images;
    const error = await fieldFailure({ images: images([70, 99]) }, sets);
    expect(error.code).toBe('INPUT_INVALID');
    expect(error.message).toMatch(
      /b\.fits: it has 99 x 70 px, and \S*a\.fits 100 x 80: checks\.require_same_shape is false, but x 0 to 99 and y 0 to 79 are stacked of each/,
    );
    expect(error.remedy).toContain('resample.enabled');
    for (const [shape, yaml] of [
      [[90, 120], NO_CROP],
      [[70, 99], 'crop: {margin: 10, plot_pre_crop: false}\n'],
    ] as const) {
      const opened = await openImages(await fieldConfig(freshFolder(), { images: images(shape), catalogue: CAT, yaml }, sets));
      expect((await opened.frames[1].section(0, 0, opened.box.width, opened.box.height)).bad.includes(1)).toBe(false);
      await opened.close();
    }
  });

  it('refuses a crop that leaves nothing', async () => {
    expect(await fieldFailure({ yaml: 'crop: {margin: 40}\n' })).toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'A crop margin of 40 px leaves nothing of images of 100 x 80 px.',
    });
  });
});
