import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { memorySource, openFits, readImage } from '../../../src/io/fits/index.ts';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { inspectField, openField, openImages } from '../../../src/pipelines/photometry/load-field.ts';
import { excludedReason } from '../../../src/pipelines/photometry/load-sources.ts';
import { stackWhite } from '../../../src/pipelines/photometry/load-white.ts';
import { zscale } from '../../../src/pipelines/photometry/overlay-zscale.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';
import { fieldConfig, freshFolder, KEYWORDS, SHAPE, testContext } from '../../support/fit-field.ts';

const [H, W] = SHAPE;
const context = testContext();
afterAll(() => context.close());

/** Noise about a level, the same for one seed. */
function noise(seed: number, level: number): Float32Array {
  const stream = new PhiloxStream(philoxKey(seed), [0, 0, 0]);
  return Float32Array.from({ length: W * H }, () => level + 4 * (stream.uniform() - 0.5));
}

async function fitsImage(path: string) {
  const file = await openFits(memorySource(new Uint8Array(readFileSync(path)), path));
  return { header: file.hdus[0].header, ...(await readImage(file.hdus[0])) };
}

const wcs = wcsFromHeader(KEYWORDS as Record<string, string | number>);
/** A row of a catalogue at a full-frame pixel. */
const row = (id: string, x: number, y: number, type = 'STAR') => `${id},${wcs.pixelToWorld(x, y).join(',')},${type}\n`;

describe('load', () => {
  const a = noise(1, 10);
  const b = noise(2, 20);
  a[30 * W + 40] = Number.NaN;
  b[30 * W + 40] = Number.POSITIVE_INFINITY;
  a[50 * W + 60] = 500; // half of SATURATE
  a[51 * W + 60] = 499.9;
  b[20 * W + 20] = 800;
  const images = [
    { name: 'b.fits', cards: { FILTER: 'm425', ZP_AUTO: 25.5, SKYSIG: 3, SEEING: 1.5, PEEING: undefined }, data: b },
    { name: 'a.fits', data: a },
  ];
  const catalogue = `ID,RA,DEC,TYPE\n${row('007', 60, 55.4)}${row('8', 60, 56, 'exp')}${row('9', 3, 3)}${row('10', 20, 24)}11,,,DEV\n${row('12', 70, 20, 'GAL')}`;
  const files = {
    images,
    catalogue,
    yaml: 'crop: {margin: 5}\nsource_saturation_cut: {radius_pix: 5}\noverlay: {zoom_box: [10, 40, 10, 30]}\n',
  };

  it('makes the white stack, its noise and wcs.fits of the working frame, and flags sources', async () => {
    const folder = freshFolder();
    const config = await fieldConfig(folder, files);
    const { field, counts, outputs } = await loadField(context, config);
    expect(field.frames.map(({ band }) => band)).toEqual(['m400', 'm425']);
    const [m400, m425] = field.frames;
    expect(m400.scale).toBeCloseTo(10 ** 0.4, 12);
    expect(m425.scale).toBeCloseTo(10 ** -0.2, 12);
    expect(m400.sigmaSky).toBeCloseTo(2 * 10 ** 0.4, 12);
    expect(m400.saturation).toBeCloseTo(1000 * 10 ** 0.4, 9);
    expect([m400.fwhmPx, m425.fwhmPx]).toEqual([3.2, expect.closeTo(3, 6)]);
    expect(field.pixscaleArcsec).toBeCloseTo(0.5, 9);

    const inner = await m400.section(55, 44, 2, 4);
    expect([...inner.bad]).toEqual([0, 0, 1, 0, 0, 0, 0, 0].map((_, at) => (at === 2 ? 1 : 0)));
    expect(inner.image[2]).toBeCloseTo(500 * 10 ** 0.4, 3);
    const rows = await m425.rows(25, 1);
    expect(rows.image.length).toBe(90);
    expect([...rows.bad.keys()].filter((x) => rows.bad[x] === 1)).toEqual([35]);

    const white = await fitsImage(join(folder, 'work/white.fits'));
    const sigma = await fitsImage(join(folder, 'work/white_sigma.fits'));
    expect(white.shape).toEqual([70, 90]);
    const [wa, wb] = [m400.sigmaSky ** -2, m425.sigmaSky ** -2];
    let worst = 0;
    for (let y = 0; y < 70; y++) {
      for (let x = 0; x < 90; x++) {
        const at = (y + 5) * W + x + 5;
        const [ga, gb] = [+(a[at] < 500), +(b[at] < 500)];
        const found = Number(white.data[y * 90 + x]);
        if (ga + gb === 0) {
          expect(found).toBeNaN();
          expect(sigma.data[y * 90 + x]).toBe(Number.POSITIVE_INFINITY);
          continue;
        }
        const den = ga * wa + gb * wb;
        const mean = ((ga ? wa * a[at] * m400.scale : 0) + (gb ? wb * b[at] * m425.scale : 0)) / den;
        worst = Math.max(worst, Math.abs(found / mean - 1), Math.abs(Number(sigma.data[y * 90 + x]) * Math.sqrt(den) - 1));
      }
    }
    expect(worst).toBeLessThan(1e-6);

    const snapshot = await fitsImage(join(folder, 'work/wcs.fits'));
    expect(snapshot.shape).toEqual([1, 1]);
    const cut = wcsFromHeader(snapshot.header);
    const [x, y] = cut.worldToPixel(...wcs.pixelToWorld(70, 20));
    expect([x, y]).toEqual([expect.closeTo(65, 8), expect.closeTo(15, 8)]);
    expect(wcsFromHeader(white.header).pixelToWorld(0, 0)).toEqual(
      wcs.pixelToWorld(5, 5).map((value) => expect.closeTo(value, 11)),
    );

    expect(field.sources.map((source) => [source.id, excludedReason(source)])).toEqual([
      ['007', 'saturation'], // rounds to y = 55, 5 px from the saturated pixel
      ['8', ''],
      ['9', 'crop'],
      ['10', 'saturation'],
      ['11', 'crop'],
      ['12', ''],
    ]);
    expect(field.sources[1]).toMatchObject({ row: 1, type: 'EXP', x: expect.closeTo(55, 8), y: expect.closeTo(51, 8) });
    expect(field.columns['ID']).toEqual(['007', '8', '9', '10', '11', '12']);
    expect(field.columns['TYPE'][1]).toBe('exp');
    expect(counts).toEqual({
      images: 2,
      sources: 6,
      active: 2,
      excluded_crop: 2,
      excluded_saturation: 2,
      duplicate_id: 0,
      without_position: 1,
      active_cells: 2,
    });
    for (const output of outputs) expect(existsSync(output)).toBe(true);
    expect(outputs.map((path) => path.slice(folder.length + 1))).toEqual([
      'work/white.fits',
      'work/white_sigma.fits',
      'work/wcs.fits',
      'work/cropped_images/white_before_crop.png',
      'work/cropped_images/white_after_crop.png',
      'work/overlay/white_overlay.png',
      'work/overlay/white_overlay_zoom.png',
    ]);
    expect(context.lines.at(-1)).toMatch(
      /white stack: 1 chunks of 80 rows, \d+ MiB and 0 MiB of pictures of a budget of 1907 MiB/,
    );
    await field.close();
  });

  it('gives the same bytes whoever reads', async () => {
    const folders = [freshFolder(), freshFolder()];
    for (const [index, folder] of folders.entries()) {
      const sets = [
        `performance.frame_prep_workers=${index + 1}`,
        'overlay.enabled=false',
        'crop.plot_pre_crop=false',
        'crop.plot_post_crop=false',
      ];
      const { field } = await loadField(context, await fieldConfig(folder, files, sets));
      expect(field.sources.map(excludedReason)).toEqual(['saturation', '', 'crop', 'saturation', 'crop', '']);
      await field.close();
    }
    const [one, two] = folders.map((folder) => readFileSync(join(folder, 'work/white.fits')));
    expect(one.equals(two)).toBe(true);
  });

  it('is the same for images that are stored as integers, with a margin or without, by one thread or three', async () => {
    const level = [5, 17, 30].map((seed) => noise(seed, 40).map((value) => Math.round(100 * value)));
    level[1][33 * W + 50] = 30_000;
    const stored = (kind: 'float' | 'integer') => ({
      images: level.map((data, band) => ({
        name: `${band}.fits`,
        cards: { FILTER: `m${band}`, SATURATE: 50_000 },
        data: kind === 'float' ? data : Int16Array.from(data),
      })),
      catalogue: `RA,DEC\n${wcs.pixelToWorld(50, 33).join(',')}\n`,
    });
    const bytes: Buffer[] = [];
    for (const [kind, margin, threads] of [
      ['float', 5, 1],
      ['integer', 5, 3],
      ['float', 0, 3],
      ['integer', 0, 1],
    ] as const) {
      const folder = freshFolder();
      const sets = [
        `performance.frame_prep_workers=${threads}`,
        `crop.margin=${margin}`,
        'overlay.enabled=false',
        'crop.plot_pre_crop=false',
      ];
      const { field } = await loadField(context, await fieldConfig(folder, stored(kind), sets));
      expect(field.sources.map(excludedReason)).toEqual(['saturation']);
      await field.close();
      bytes.push(readFileSync(join(folder, 'work/white.fits')));
    }
    expect(bytes[1].equals(bytes[0])).toBe(true);
    expect(bytes[3].equals(bytes[2])).toBe(true);
  });

  it('tells what a reading thread could not read, and leaves no file', async () => {
    const folder = freshFolder();
    const config = await fieldConfig(folder, files, ['performance.frame_prep_workers=2']);
    const inspected = await inspectField(config);
    writeFileSync(join(folder, 'a.fits'), 'gone');
    await expect(stackWhite(context, config, inspected, undefined)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/a\.fits has changed since it was opened: it is no FITS file/),
    });
    await inspected.images.close();
    expect(existsSync(join(folder, 'work/white.fits'))).toBe(false);
  });

  it('gives the same flags without a white stack', async () => {
    const config = await fieldConfig(freshFolder(), files);
    const field = await openField(config);
    expect(field.sources.map(excludedReason)).toEqual(['saturation', '', 'crop', 'saturation', 'crop', '']);
    await field.close();
  });

  it('flags only what is saturated in all bands when asked to', async () => {
    const field = await openField(await fieldConfig(freshFolder(), files, ['source_saturation_cut.require_all_bands=true']));
    expect(field.sources.some(({ excludedSaturation }) => excludedSaturation)).toBe(false);
    await field.close();
  });

  it('without a crop, flags sources beside the image; the original leaves them unflagged', async () => {
    const sets = ['crop.enabled=false', 'source_saturation_cut.enabled=false'];
    const beside = {
      ...files,
      catalogue: `RA,DEC\n${wcs.pixelToWorld(-2, 10).join(',')}\n${wcs.pixelToWorld(0.01, 10).join(',')}\n`,
    };
    const crop = async (more: string[]) => {
      const field = await openField(await fieldConfig(freshFolder(), beside, [...sets, ...more]));
      await field.close();
      return field.sources.map(({ excludedCrop }) => excludedCrop);
    };
    expect(await crop([])).toEqual([true, false]);
    expect(await crop(['profile=tract7dt'])).toEqual([false, false]);
  });

  it('stays within the memory budget, or says which one is needed', async () => {
    const config = await fieldConfig(freshFolder(), files);
    const small = { ...config, performance: { ...config.performance, memoryBudget: 1e5 } };
    await expect(loadField(context, small)).rejects.toMatchObject({ code: 'CONFIG_INVALID', subject: 'memory_budget' });
    expect(existsSync(join(config.outputs.workDir, 'white.fits'))).toBe(false);
  });

  it('refuses images without a good pixel and leaves no file', async () => {
    const nan = { name: 'nan.fits', cards: { FILTER: 'm450' }, data: new Float32Array(W * H).fill(Number.NaN) };
    const config = await fieldConfig(freshFolder(), { ...files, images: [...images, nan] });
    await expect(loadField(context, config)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/nan\.fits \(m450\): none of 90 x 70 pixels/),
    });
    expect(existsSync(join(config.outputs.workDir, 'white.fits'))).toBe(false);
  });
});

describe('zscale', () => {
  it('gives the limits of astropy', () => {
    let state = 1;
    const next = () => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state / 2147483648;
    };
    const values = (n: number) =>
      Float64Array.from({ length: n }, () => {
        const u = next();
        return (next() + next() + next() + next() - 2) * 3 + (u > 0.9 ? 200 * next() : 0);
      });
    // astropy.visualization.ZScaleInterval().get_limits on the same numbers.
    for (const [n, low, high] of [
      [50, -4.890059899538755, 13.937910418285774],
      [999, -4.824385563377291, 13.77907173033593],
      [1000, -5.502041660249233, 12.586841679747637],
      [5000, -5.502041660249233, 12.992464266190593],
      [40000, -4.824385563377291, 12.878541035947938],
    ]) {
      const limits = zscale(values(n));
      expect(limits).toEqual([expect.closeTo(low, 9), expect.closeTo(high, 9)]);
    }
    expect(zscale([Number.NaN])).toBeUndefined();
    expect(zscale([3])).toEqual([3, 3]);
  });
});

describe('images', () => {
  it('are reopened cheaply, by header alone', async () => {
    const config = await fieldConfig(freshFolder(), {
      images: [{ name: 'a.fits' }],
      catalogue: 'RA,DEC\n',
      yaml: 'crop: {margin: 7}\n',
    });
    const images = await openImages(config);
    expect(images.box).toEqual({ x0: 7, y0: 7, width: 86, height: 66 });
    expect(images.frames[0].fullWidth).toBe(100);
    await images.close();
  });
});
