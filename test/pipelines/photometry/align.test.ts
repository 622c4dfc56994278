import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { alignImages } from '../../../src/pipelines/photometry/align.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { openImages } from '../../../src/pipelines/photometry/load-field.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { testContext } from '../../support/fit-field.ts';
import { measure, TPV, tan } from '../../support/resample.ts';
import { AT, type FrameSpec, noisy, readAligned, type SkyStar, unalignedConfig } from '../../support/unaligned.ts';

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

/** Worst relative error of flux and worst distance of the centre, px, of the stars of an aligned image; counts of zero point 25. */
function errorsOf({ image, width, header }: Awaited<ReturnType<typeof readAligned>>, stars: readonly SkyStar[]) {
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
      const { flux, place } = errorsOf(await readAligned(path), stars);
      expect(flux).toBeLessThan(1e-3);
      expect(place).toBeLessThan(0.01);
    }
    const images = await openImages(aligned.config);
    expect(images.frames.map(({ band }) => band)).toEqual(['m400', 'm425']);
    await images.close();
  });
});

describe('noise', () => {
  it('is that of the inverse variances, pixel by pixel', async () => {
    const { config, folder } = await unalignedConfig(noisy, [AT], '');
    await alignImages(context, config);
    const { image, header } = await readAligned(join(folder, 'work/aligned/m400.fits'));
    const { image: invvar } = await readAligned(join(folder, 'work/aligned/weight/m400.fits'));
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
    const { image, width, header } = await readAligned(join(folder, 'work/aligned/m400.fits'));
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
    const common = {
      OBJECT: 'M 1',
      GAIN: 1.5,
      EXPTIME: 60,
      SATURATE: 1000,
      LTV1: 5,
      EXTNAME: 'CCD 3',
      PIXSCALE: 0.5,
      SECPIX1: 0.5,
      FWHM: 3.8,
      RDNOISE: 5,
    };
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
    const { header } = await readAligned(join(folder, 'work/aligned/m400.fits'));
    expect(header.keys().filter((key) => /^PV|^LTV|^EXTNAME|^GAIN|^PIXSC|^SECPIX|^FWHM|^RDN/.test(key))).toEqual([]);
    expect(header.text('CTYPE1')).toBe('RA---TAN');
    expect(header.text('OBJECT')).toBe('M 1');
    expect(header.number('ZP_AUTO')).toBe(24);
    expect(header.number('EXPTIME')).toBe(120);
    // Each pixel holds four times the light. The second frame's counts are 10^-0.4 of the first one's, and saturate first.
    expect((header.number('SATURATE') as number) / (4000 * 10 ** -0.4)).toBeCloseTo(1, 2);
    // b weighs 10^0.8 times as much as a, with pixels of 0.5 arcsec each (a's are 1 % larger).
    const share = 10 ** 0.8 / (1 + 10 ** 0.8);
    expect(header.number('PEEING')).toBeCloseTo(0.5 * (4 * share + 3.2 * (1 - share)), 1);
    expect(header.number('SEEING')).toBeCloseTo(header.number('PEEING') as number, 6);
    expect(header.number('MJD-OBS')).toBeCloseTo(60000 + 2 * share, 1);
    expect(header.all('HISTORY').join(' ')).toMatch(/lanczos3, flux conserved.*a\.fits times 1 b\.fits times 0\.398/);
  });

  it('have the mean of days to a millisecond, and the least SATURATE', async () => {
    const frames = [2, 3, 5].map((sigma, k) => ({
      name: `${k}.fits`,
      wcs: { crpix: [100 + k, 100] as const },
      cards: { SKYSIG: sigma, SATURATE: 1000 * (k + 1), 'DATE-OBS': '2024-03-01T00:00:00' },
    }));
    const { config, folder } = await unalignedConfig(frames, [AT], '');
    await alignImages(context, config);
    const { header } = await readAligned(join(folder, 'work/aligned/m400.fits'));
    expect(header.number('MJD-OBS')).toBe(60370);
    expect(header.number('SATURATE')).toBeCloseTo(1000, 0);
  });
});

describe('saturated stars', () => {
  const star = { ra: 150, dec: 2, flux: 60_000 };
  const quiet = { ra: 150.008, dec: 2.008, flux: 2_000 };
  // The star is saturated in two of three; noise-free.
  const frames: FrameSpec[] = [
    { name: 'a.fits', wcs: { crpix: [100, 100], degrees: 20 }, cards: { SATURATE: 1000 } },
    { name: 'b.fits', wcs: { crpix: [98, 103], degrees: 40 }, cards: { SATURATE: 1000 } },
    { name: 'c.fits', wcs: { crpix: [101, 99], degrees: 70 }, cards: { SATURATE: 4000, ZP_AUTO: 22, SKYSIG: 1 } },
  ];
  const at = ({ header, image, width }: Awaited<ReturnType<typeof readAligned>>, { ra, dec }: SkyStar) => {
    const [x, y] = wcsFromHeader(header).worldToPixel(ra, dec);
    return { x, y, value: image[Math.round(y) * width + Math.round(x)] };
  };

  it('are saturated where one frame is, and have no pixel that only looks like data', async () => {
    const { config, folder } = await unalignedConfig(frames, [star, quiet], '');
    const aligned = await alignImages(context, config);
    const found = await readAligned(join(folder, 'work/aligned/m400.fits'));
    const { image: weight } = await readAligned(join(folder, 'work/aligned/weight/m400.fits'));
    const { x, y, value } = at(found, star);
    expect(value).toBe(found.header.number('SATURATE'));
    // Where there is a value it is the star's, to what Lanczos-3 does to it without a saturated pixel.
    const fwhm = 3.2;
    const peak = (star.flux / 10 ** 0.4) * ((4 * Math.LN2) / (Math.PI * fwhm ** 2));
    let [worst, lost] = [0, 0];
    found.image.forEach((pixel, k) => {
      const r = Math.hypot((k % found.width) - x, Math.floor(k / found.width) - y);
      if (r > 12) return;
      expect(weight[k] > 0).toBe(pixel < (found.header.number('SATURATE') as number) / 2);
      if (!(weight[k] > 0)) lost++;
      else worst = Math.max(worst, Math.abs(pixel / peak - Math.exp(-4 * Math.LN2 * (r / fwhm) ** 2)));
    });
    expect(worst).toBeLessThan(2e-3);
    expect(lost).toBeGreaterThan(60);
    const { field } = await loadField(context, aligned.config);
    expect(field.sources.map(({ excludedSaturation }) => excludedSaturation)).toEqual([true, false]);
    await field.close();
  });

  it('keep their flux when they are filled from frames that are not', async () => {
    const { config, folder } = await unalignedConfig(frames, [star, quiet], 'fill_saturated: true');
    await alignImages(context, config);
    const found = await readAligned(join(folder, 'work/aligned/m400.fits'));
    expect(errorsOf(found, [star, quiet]).flux).toBeLessThan(1e-3);
    expect(at(found, star).value).toBeLessThan((found.header.number('SATURATE') as number) / 2);
    expect(found.header.number('SATURATE')).toBeCloseTo(4000 * 10 ** 0.8, -2);
  });

  it('that no frame can fill stay saturated', async () => {
    const { config, folder } = await unalignedConfig([frames[0]], [star], 'margin: 3, fill_saturated: true');
    await alignImages(context, config);
    const alone = await readAligned(join(folder, 'work/aligned/m400.fits'));
    expect(at(alone, star).value).toBe(alone.header.number('SATURATE'));
  });
});
