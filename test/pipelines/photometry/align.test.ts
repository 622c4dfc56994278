import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type FitsHeader, readImage, verifyChecksums } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { alignImages } from '../../../src/pipelines/photometry/align.ts';
import type { FitConfig } from '../../../src/pipelines/photometry/config.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { openImages } from '../../../src/pipelines/photometry/load-field.ts';
import { validateStage } from '../../../src/pipelines/photometry/validate.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { testContext } from '../../support/fit-field.ts';
import { measure, TPV, tan } from '../../support/resample.ts';
import { type FrameSpec, type SkyStar, unalignedConfig } from '../../support/unaligned.ts';

const context = testContext();
afterAll(() => context.close());

/** Stars 24 arcsec apart about a place. */
function starsAbout(ra: number, dec: number): SkyStar[] {
  const plane = tan({ crval: [ra, dec], crpix: [1, 1], scale: 1 });
  return [-1, 0, 1].flatMap((v) =>
    [-1, 0, 1].map((u) => {
      const [lon, lat] = plane.pixelToWorld(24 * u + 1.3 * v, 24 * v - 0.7 * u);
      return { ra: lon, dec: lat, flux: 1000 * (u + 3 + v) };
    }),
  );
}

async function read(path: string) {
  const file = await openFitsFile(path);
  try {
    const { data, shape } = await readImage(file.hdu(0));
    expect(await verifyChecksums(file.hdu(0))).toMatchObject({ data: 'ok', hdu: 'ok' });
    return { image: data as Float32Array, width: shape[1], height: shape[0], header: file.hdu(0).header as FitsHeader };
  } finally {
    await file.close();
  }
}

/** Worst relative error of flux and worst distance of the centre, px, of the stars of an aligned image; counts of zero point 25. */
function errorsOf({ image, width, header }: Awaited<ReturnType<typeof read>>, stars: readonly SkyStar[]) {
  const wcs = wcsFromHeader(header);
  const scale = 10 ** (-0.4 * ((header.number('ZP_AUTO') as number) - 25));
  let [flux, place] = [0, 0];
  for (const star of stars) {
    const [x, y] = wcs.worldToPixel(star.ra, star.dec);
    const found = measure(image, width, x, y, 9);
    flux = Math.max(flux, Math.abs((found.flux * scale) / star.flux - 1));
    place = Math.max(place, Math.hypot(found.x - x, found.y - y));
  }
  return { flux, place };
}

const dithers = (ra: number, dec: number): FrameSpec[] => [
  { name: 'a.fits', wcs: { crval: [ra, dec], crpix: [100, 101] }, cards: { ZP_AUTO: 24 } },
  { name: 'b.fits', wcs: { crval: [ra, dec], crpix: [90.4, 112.2], degrees: 31 }, cards: { ZP_AUTO: 24.7, SKYSIG: 3 } },
  {
    name: 'c.fits',
    wcs: { crval: [ra, dec], crpix: [97, 90], degrees: 190, projection: 'TPV', more: TPV },
    cards: { ZP_AUTO: 23.6 },
  },
  {
    name: 'd.fits',
    wcs: {
      crval: [ra, dec],
      crpix: [126, 126],
      scale: 0.4,
      degrees: -12,
      projection: 'TAN-SIP',
      more: {
        CTYPE1: 'RA---TAN-SIP',
        CTYPE2: 'DEC--TAN-SIP',
        A_ORDER: 2,
        B_ORDER: 2,
        A_2_0: 4e-6,
        A_1_1: -3e-6,
        B_0_2: 5e-6,
        B_1_1: 2e-6,
      },
    },
    cards: { FILTER: 'm425', ZP_AUTO: 24.2 },
    shape: [250, 250],
  },
];

describe('stars of unaligned frames', () => {
  it.each([
    ['a field at RA 0', 0.001, 2, ''],
    ['the pole', 10, 89.999, ''],
    ['the grid of the first image', 150, -30, 'target: first'],
    ['larger pixels', 150, 2, 'pixel_scale_arcsec: 0.7'],
  ])('keep flux and place: %s', async (_, ra, dec, resample) => {
    const stars = starsAbout(ra, dec);
    const { config } = await unalignedConfig(dithers(ra, dec), stars, resample);
    const aligned = await alignImages(context, config);
    expect(aligned.counts).toEqual({ images_given: 4, images_left_out: 0, bands_aligned: 2, bands_kept: 0 });
    for (const path of aligned.config.images) {
      const { flux, place } = errorsOf(await read(path), stars);
      expect(flux).toBeLessThan(1e-3);
      expect(place).toBeLessThan(0.01);
    }
    const images = await openImages(aligned.config);
    expect(images.frames.map(({ band }) => band)).toEqual(['m400', 'm425']);
    await images.close();
  });
});

/** Noise only, in frames of different depth, scale and zero point. */
const noisy: readonly FrameSpec[] = [
  { name: 'a.fits', wcs: { crpix: [100, 100] }, noise: 2, seed: 11 },
  { name: 'b.fits', wcs: { crpix: [93.3, 104.6], degrees: 24 }, noise: 5, cards: { SKYSIG: 5, ZP_AUTO: 24.9 }, seed: 12 },
  {
    name: 'c.fits',
    wcs: { crpix: [120, 120], scale: 0.41, degrees: 70 },
    noise: 1.5,
    cards: { SKYSIG: 1.5 },
    shape: [240, 240],
    seed: 13,
  },
];
const AT = { ra: 150, dec: 2, flux: 0 };

describe('noise', () => {
  it('is that of the inverse variances, pixel by pixel', async () => {
    const { config, folder } = await unalignedConfig(noisy, [AT], '');
    await alignImages(context, config);
    const { image, header } = await read(join(folder, 'work/aligned/m400.fits'));
    const { image: invvar } = await read(join(folder, 'work/aligned/weight/m400.fits'));
    let [chi2, count] = [0, 0];
    image.forEach((value, at) => {
      expect(Number.isFinite(value)).toBe(invvar[at] > 0);
      if (!(invvar[at] > 0)) return;
      chi2 += value ** 2 * invvar[at];
      count++;
    });
    expect(count).toBeGreaterThan(45_000);
    // Neighbours are correlated over some 3 x 3 px, so that this is good to sqrt(2 * 9 / count) = 0.02.
    expect(chi2 / count).toBeGreaterThan(0.97);
    expect(chi2 / count).toBeLessThan(1.03);
    const covered = invvar.filter((value) => value > 0).sort();
    expect((header.number('SKYSIG') as number) * Math.sqrt(covered[covered.length >> 1])).toBeCloseTo(1, 2);
    expect(header.number('NOISEFAC')).toBeGreaterThan(1.05);
  });

  it('of sources follows EGAIN: electrons of all frames count', async () => {
    // Whole pixels of shift and one kernel tap, so that pixels are independent. Each frame's level has its own photons.
    const frames = [
      { zp: 24, gain: 1.5, sky: 2, level: 400 },
      { zp: 24.5, gain: 0.6, sky: 3, level: 400 * 10 ** 0.2 },
      { zp: 23.5, gain: 4, sky: 0.8, level: 400 * 10 ** -0.2 },
    ].map(({ zp, gain, sky, level }, index) => ({
      name: `${index}.fits`,
      wcs: { crpix: [100 + 3 * index, 100 - 2 * index] as const },
      level,
      noise: Math.sqrt(sky ** 2 + level / gain),
      cards: { ZP_AUTO: zp, EGAIN: gain, SKYSIG: sky, SATURATE: 1e5 },
      seed: 20 + index,
    }));
    const { config, folder } = await unalignedConfig(frames, [AT], 'target: first, interpolation: nearest');
    await alignImages(context, config);
    const { image, width, header } = await read(join(folder, 'work/aligned/m400.fits'));
    const inner = image.filter((_, at) => at % width > 10 && at % width < 190 && at > 10 * width && at < 190 * width);
    const mean = inner.reduce((sum, value) => sum + value, 0) / inner.length;
    const variance = inner.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inner.length;
    expect(mean).toBeCloseTo(400, 0);
    const [sigma, gain] = ['SKYSIG', 'EGAIN'].map((key) => header.number(key) as number);
    expect(variance / (sigma ** 2 + mean / gain)).toBeGreaterThan(0.96);
    expect(variance / (sigma ** 2 + mean / gain)).toBeLessThan(1.04);
    expect(header.number('NCOMBINE')).toBe(3);
  });
});

describe('headers', () => {
  it('say what holds of the new pixels, and nothing of the old ones', async () => {
    const common = { OBJECT: 'M 1', GAIN: 1.5, EXPTIME: 60, SATURATE: 1000, LTV1: 5, EXTNAME: 'CCD 3' };
    const at = { crval: [150, 2] as const };
    const { config, folder } = await unalignedConfig(
      [
        {
          name: 'a.fits',
          wcs: { ...at, crpix: [100, 100], projection: 'TPV', more: TPV },
          cards: { ...common, 'MJD-OBS': 60000 },
        },
        {
          name: 'b.fits',
          wcs: { ...at, crpix: [90, 100], degrees: 20 },
          cards: { ...common, ZP_AUTO: 25, PEEING: 4, 'MJD-OBS': 60002 },
        },
      ],
      [AT],
      'pixel_scale_arcsec: 1',
    );
    await alignImages(context, config);
    const { header } = await read(join(folder, 'work/aligned/m400.fits'));
    expect(header.keys().filter((key) => /^PV|^LTV|^EXTNAME|^GAIN/.test(key))).toEqual([]);
    expect(header.text('CTYPE1')).toBe('RA---TAN');
    expect(header.text('OBJECT')).toBe('M 1');
    expect(header.number('ZP_AUTO')).toBe(24);
    expect(header.number('EXPTIME')).toBe(120);
    // Each pixel holds four times the light. The second frame's counts are 10^-0.4 of the first one's.
    expect(header.number('SATURATE')).toBeCloseTo(4000, -2);
    // b weighs 10^0.8 times as much as a, with pixels of 0.5 arcsec each (a's are 1 % larger).
    const share = 10 ** 0.8 / (1 + 10 ** 0.8);
    expect(header.number('PEEING')).toBeCloseTo(0.5 * (4 * share + 3.2 * (1 - share)), 1);
    expect(header.number('SEEING')).toBeCloseTo(header.number('PEEING') as number, 6);
    expect(header.number('MJD-OBS')).toBeCloseTo(60000 + 2 * share, 1);
    expect(header.all('HISTORY').join(' ')).toMatch(/lanczos3, flux conserved.*a\.fits times 1 b\.fits times 0\.398/);
  });

  it('keep what is saturated in every frame, and let a shorter exposure fill the rest', async () => {
    const crpix = [100, 100] as const;
    const star = { ra: 150, dec: 2, flux: 60_000 };
    const long = { name: 'a.fits', wcs: { crpix }, cards: { SATURATE: 1000 } };
    const short = { name: 'b.fits', wcs: { crpix, degrees: 10 }, cards: { SATURATE: 1000, ZP_AUTO: 22 } };
    const { config, folder } = await unalignedConfig([long], [star], 'target: auto');
    await alignImages(context, config);
    const alone = await read(join(folder, 'work/aligned/m400.fits'));
    const saturate = alone.header.number('SATURATE') as number;
    const [x, y] = wcsFromHeader(alone.header).worldToPixel(star.ra, star.dec);
    const middle = Math.round(y) * alone.width + Math.round(x);
    expect(alone.image[middle]).toBe(saturate);
    const both = await unalignedConfig([long, short], [star], 'target: auto');
    await alignImages(context, both.config);
    const filled = await read(join(both.folder, 'work/aligned/m400.fits'));
    const place = wcsFromHeader(filled.header).worldToPixel(star.ra, star.dec).map(Math.round);
    const peak = filled.image[place[1] * filled.width + place[0]];
    expect(peak).toBeGreaterThan(1000);
    expect(peak).toBeLessThan((filled.header.number('SATURATE') as number) / 2);
  });
});

const fault = async (specs: readonly FrameSpec[], resample: string, more: Parameters<typeof unalignedConfig>[3] = {}) => {
  const { config } = await unalignedConfig(specs, [AT], resample, more);
  return alignImages(context, config).then(
    () => undefined,
    (error: Error & { code: string; remedy: string }) => error,
  );
};
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
    expect(await fault([blank], 'target: auto')).toMatchObject({
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
    const { header, width } = await read(join(folder, 'a.fits'));
    writeFileSync(
      join(folder, 'grid.head'),
      `${['NAXIS1  = 150', 'NAXIS2  = 200', ...header.records().filter((line) => !line.startsWith('NAXIS'))].join('\n')}\n`,
    );
    const again = await alignImages(context, { ...config, resample: { ...config.resample, target: join(folder, 'grid.head') } });
    const cut = await read(again.config.images[0]);
    expect([width, cut.width, cut.height]).toEqual([200, 150, 200]);
    const { field } = await loadField(context, again.config);
    expect(field.frames.map(({ width: across }) => across)).toEqual([150, 150]);
    await field.close();
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
    rmSync(place);
    expect(await kept({ ...config, resample: { ...config.resample, interpolation: 'bilinear' } })).toBe(1);
  });

  it('stops at once when it is told to, and leaves no file behind', async () => {
    const { config, folder } = await unalignedConfig(noisy, [AT], '');
    const signal = AbortSignal.abort();
    await expect(alignImages({ ...context, signal }, config)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(readdirSync(join(folder, 'work/aligned'))).toEqual([]);
  });

  it('is no fault for validate, which says what will come of it', async () => {
    const { config } = await unalignedConfig([...noisy, { ...noisy[1], name: 'd.fits', cards: { FILTER: 'm425' } }], [AT], '');
    const result = await validateStage.run(context, config);
    expect(result.summary[0]).toMatch(/^4 images are resampled to \d+ x \d+ px: a tangent plane/);
    expect(result.summary[1]).toBe('2 bands: m400, m425');
    expect(result.counts).toMatchObject({ outside: 0 });
  });
});
