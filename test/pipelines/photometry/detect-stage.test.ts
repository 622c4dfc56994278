/** `arclet detect` as a stage: a field with truth, from FITS to table. */
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { FitsHeader, readImage } from '../../../src/io/fits/index.ts';
import { openFitsFile, writeFits } from '../../../src/io/fits/node.ts';
import { fitsCompress } from '../../../src/pipelines/files/fits-compress.ts';
import { tableSchema } from '../../../src/pipelines/files/table-convert.ts';
import { gaussianKernel, parseConv } from '../../../src/pipelines/photometry/detect/kernels.ts';
import {
  at,
  CARDS,
  detect,
  FIELD,
  HEIGHT,
  image,
  NOISE,
  nearest,
  PIXELS,
  type Row,
  rowsOf,
  SIGMA,
  STARS,
  WIDTH,
} from '../../support/detect-field.ts';

describe('arclet detect', () => {
  it('finds every star of a field and measures place, light and shape', async () => {
    const { counts, outcome, record } = await detect({
      out: 'field.parquet',
      aperture_radius_px: '6',
      aperture_radius_arcsec: '2,9',
    });
    const rows = await rowsOf('field.parquet');
    expect({ outcome, objects: counts['objects'], rows: rows.length }).toEqual({ outcome: 'done', objects: 21, rows: 21 });
    expect(rows.map(({ ID }) => ID)).toEqual(Array.from({ length: 21 }, (_, row) => `det-${row + 1}`));
    for (const [x, y, flux] of STARS.slice(1, 20)) {
      const row = nearest(rows, x, y);
      // Photon noise over the square root of flux: 0.03 px at worst.
      expect(Math.hypot(row['x_px'] - x, row['y_px'] - y)).toBeLessThan(0.15);
      expect(Math.hypot(row['x_win_px'] - x, row['y_win_px'] - y)).toBeLessThan(0.1);
      expect(Math.abs(row['flux_aper_1'] - flux) / row['flux_aper_1_err']).toBeLessThan(4);
      expect(row['flux_auto'] / flux).toBeGreaterThan(0.9);
      expect(row['flux_auto'] / flux).toBeLessThan(1.05);
      expect(row['flux_iso']).toBeLessThan(row['flux_auto'] * 1.02);
      // Radii of 6 px and of 9 px, since a pixel is 1 arcsec.
      expect(row['flux_aper_2']).toBeLessThan(row['flux_aper_1']);
      expect(row['half_light_radius_px']).toBeCloseTo(1.1774 * SIGMA, 0);
      expect(row['a_px']).toBeGreaterThan(1.2);
      expect(row['q']).toBeCloseTo(row['b_px'] / row['a_px'], 12);
      expect([row['ELL'], row['Re']]).toEqual([1 - row['q'], row['half_light_radius_px']]);
      expect(row['THETA']).toBeCloseTo((row['theta_rad'] * 180) / Math.PI, 12);
      expect(row['mag_auto_ab']).toBeCloseTo(25 - 2.5 * Math.log10(row['flux_auto']), 10);
      expect(row['snr']).toBeCloseTo(row['flux_auto'] / row['flux_auto_err'], 10);
      // The tangent plane of the header: 1 arcsec a pixel, east to the left, the middle of the field at (150, 2) degrees.
      expect((row['RA'] - 150) * 3600 * Math.cos((row['DEC'] * Math.PI) / 180)).toBeCloseTo(129.5 - row['x_px'], 2);
      expect((row['DEC'] - 2) * 3600).toBeCloseTo(row['y_px'] - 99.5, 2);
    }
    // Sky noise of the pixels and 2 electrons a unit.
    const alone = nearest(rows, STARS[7][0], STARS[7][1]);
    const expected = Math.sqrt(Math.PI * 36 * NOISE ** 2 + alone['flux_aper_1'] / 2);
    expect(alone['flux_aper_1_err'] / expected).toBeCloseTo(1, 1);
    expect(alone['flux_iso_err']).toBeLessThan(alone['flux_aper_1_err']);
    expect(record).toMatchObject({
      outcome: 'done',
      engine: { backend: 'cpu' },
      inputs: [{ path: FIELD }],
      counts: { objects: 21, pixels_not_finite: 1 },
      config: { threshold_sigma: 3, minarea_px: 5 },
      detection: { gain_e_per_adu: { value: 2, from: 'EGAIN' }, zero_point_ab_mag: { value: 25, from: 'ZP_AUTO' } },
    });
    expect(record.detection.apertures[2]).toMatchObject({ number: 3, radius: '9 arcsec' });
    expect(record.detection.apertures[2].radius_px).toBeCloseTo(9, 9);
  });

  it('says of objects that they were split or are saturated, and keeps light of neighbours out', async () => {
    await detect({
      out: 'split.csv',
      saturate: '700',
      segmentation: 'seg.fits',
      background: 'bg.fits',
      background_rms: 'rms.fits',
    });
    const rows = await rowsOf('split.csv');
    const [first, second] = [nearest(rows, STARS[0][0], STARS[0][1]), nearest(rows, STARS[20][0], STARS[20][1])];
    expect([first['flags'] & 33, second['flags'] & 33]).toEqual([33, 33]);
    const peakOf = (row: Row) => PIXELS[Math.round(row['y_px']) * WIDTH + Math.round(row['x_px'])];
    const bright = rows.filter((row) => peakOf(row) >= 700);
    expect(bright.length).toBeGreaterThan(3);
    for (const row of rows)
      expect([row['saturated'], row['flags'] & 4], row.ID).toEqual(peakOf(row) >= 700 ? [true, 4] : [false, 0]);
    // 5 px reach well into the star 7 px away.
    const fluxWith = async (neighbours: string) => {
      await detect({ out: 'open.csv', neighbours });
      return nearest(await rowsOf('open.csv'), STARS[0][0], STARS[0][1])['flux_aper_1'];
    };
    expect(Math.abs(first['flux_aper_1'] / STARS[0][2] - 1)).toBeLessThan(0.03);
    expect((await fluxWith('keep')) / STARS[0][2]).toBeGreaterThan(1.04);
    // The mean of a star's own light stands where its wing would.
    expect((await fluxWith('mean')) / STARS[0][2]).toBeGreaterThan(1.04);
    const [seg, bg, rms] = await Promise.all(
      ['seg.fits', 'bg.fits', 'rms.fits'].map(async (name) => {
        const file = await openFitsFile(at(name));
        const { data, shape } = await readImage(file.hdus[0]);
        const ctype = file.hdus[0].header.text('CTYPE1');
        await file.close();
        return { data: data as Float32Array, shape, ctype };
      }),
    );
    for (const { shape, ctype } of [seg, bg, rms]) expect([shape, ctype]).toEqual([[HEIGHT, WIDTH], 'RA---TAN']);
    for (const [index, row] of rows.entries()) {
      expect(seg.data[Math.round(row['y_px']) * WIDTH + Math.round(row['x_px'])]).toBe(index + 1);
      expect(seg.data.reduce((sum, owner) => sum + (owner === index + 1 ? 1 : 0), 0)).toBe(row['npix']);
    }
    expect(bg.data[100 * WIDTH + 130]).toBeCloseTo(102.6, 0);
    expect(rms.data[100 * WIDTH + 130]).toBeCloseTo(NOISE, 0);
  });

  it('takes maps of noise and masks, the same from either kind of map', async () => {
    const invvar = Float32Array.from(PIXELS, (_, p) => (p % WIDTH < 60 ? 0 : 1 / NOISE ** 2));
    const sigma = Float32Array.from(invvar, (value) => 1 / Math.sqrt(value));
    await image('invvar.fits', invvar);
    await image('sigma.fits', sigma);
    const first = await detect({ out: 'invvar.csv', invvar: 'invvar.fits' });
    await detect({ out: 'sigma.csv', sigma_map: 'sigma.fits' });
    expect(readFileSync(at('sigma.csv'), 'utf8')).toBe(readFileSync(at('invvar.csv'), 'utf8'));
    expect(first.counts['pixels_without_noise']).toBe(60 * HEIGHT - 1);
    const rows = await rowsOf('invvar.csv');
    expect(rows.length).toBe(16);
    expect(Math.min(...rows.map((row) => row['x_px']))).toBeGreaterThan(60);
    await writeFits(at('mask.fits'), [
      { kind: 'empty' },
      { kind: 'image', name: 'DQ', shape: [HEIGHT, WIDTH], data: Uint8Array.from(PIXELS, (_, p) => (p % WIDTH < 60 ? 4 : 0)) },
    ]);
    const masked = await detect({ out: 'masked.csv', mask: 'mask.fits', mask_hdu: 'DQ' });
    expect(masked.counts).toMatchObject({ objects: 16, pixels_masked: 60 * HEIGHT - 1, pixels_not_finite: 1 });
  });

  it('reads gzipped and tile-compressed images, and integers', async () => {
    const plain = await detect({ out: 'plain.csv' });
    writeFileSync(at('field.fits.gz'), gzipSync(readFileSync(FIELD)));
    await fitsCompress(FIELD, at('field.fits.fz'), {});
    for (const name of ['field.fits.gz', 'field.fits.fz']) {
      const { counts } = await detect({ image: at(name), out: 'again.csv' });
      expect(counts, name).toEqual(plain.counts);
      expect(readFileSync(at('again.csv'), 'utf8'), name).toBe(readFileSync(at('plain.csv'), 'utf8'));
    }
    const whole = Int32Array.from(PIXELS, (value) => (Number.isNaN(value) ? 100 : Math.round(value)));
    await writeFits(at('whole.fits'), [{ kind: 'image', data: whole, shape: [1, HEIGHT, WIDTH], cards: CARDS.slice(0, 10) }]);
    expect((await detect({ image: at('whole.fits'), out: 'whole.csv' })).counts['objects']).toBe(21);
    // Unsigned, with a blank pixel: no number, though it is read as 0.
    const structure = { SIMPLE: true, BITPIX: 32, NAXIS: 2, NAXIS1: WIDTH, NAXIS2: HEIGHT, BZERO: 2 ** 31, BLANK: -(2 ** 31) };
    const cards = Object.entries(structure).map(([keyword, value]) => ({ keyword, value }));
    const stored = new DataView(new ArrayBuffer(4 * WIDTH * HEIGHT));
    for (const [index, value] of whole.entries()) stored.setInt32(4 * index, index === 7 ? -(2 ** 31) : value - 2 ** 31);
    const header = FitsHeader.of([...cards, ...CARDS.slice(0, 10)]);
    await writeFits(at('unsigned.fits'), [{ kind: 'raw', header, data: () => [new Uint8Array(stored.buffer)] }]);
    const { counts } = await detect({ image: at('unsigned.fits'), out: 'unsigned.csv' });
    expect(counts).toMatchObject({ objects: 21, pixels_not_finite: 1 });
  });

  it('writes every format with units, and says what the header does not', async () => {
    await image('bare.fits', PIXELS, []);
    const { told, summary } = await detect({ image: at('bare.fits'), out: 'bare.arrow' });
    expect(told).toContainEqual(expect.stringMatching(/no celestial WCS: the table has no RA and DEC/));
    expect(summary.join()).toMatch(/no gain.*no saturation level; no zero point: no magnitudes/);
    const { columns } = await tableSchema(at('bare.arrow'), {});
    expect(columns.map(({ name }) => name)).not.toContain('RA');
    expect(columns.filter(({ name }) => name.startsWith('mag_'))).toEqual([]);
    expect(columns.find(({ name }) => name === 'flux_auto')?.unit).toBe('adu');
    const galactic = CARDS.map((card) =>
      card.keyword === 'CTYPE1'
        ? { ...card, value: 'GLON-TAN' }
        : card.keyword === 'CTYPE2'
          ? { ...card, value: 'GLAT-TAN' }
          : card,
    );
    await image('galactic.fits', PIXELS, galactic);
    const other = await detect({ image: at('galactic.fits'), out: 'galactic.fits.csv', zero_point: '22.5' });
    expect(other.told.join()).toMatch(/galactic, not equatorial: the table has no RA and DEC/);
    expect((await rowsOf('galactic.fits.csv'))[0]['mag_auto_ab']).toBeLessThan(22.5);
  });

  it('gives an empty table where nothing is above the threshold, and says so', async () => {
    const { outcome, counts, summary } = await detect({ out: 'none.parquet', threshold: '1000', picture: 'none.png' });
    expect({ outcome, objects: counts['objects'] }).toEqual({ outcome: 'done', objects: 0 });
    expect(summary[0]).toBe('0 objects: no 5 pixels together are above 1000 sigma; the table has no rows');
    const { rows, columns } = await tableSchema(at('none.parquet'), {});
    expect([rows, columns.some(({ name }) => name === 'RA')]).toEqual([0, true]);
    expect([...readFileSync(at('none.png')).subarray(1, 4)]).toEqual([...Buffer.from('PNG')]);
  });

  it('measures what runs through the whole frame, and leaves its centre', async () => {
    const random = new PhiloxStream(philoxKey(6));
    const column = Float32Array.from({ length: 41 * 800 }, (_, p) => random.normal() + (p % 41 === 20 ? 500 : 0));
    await image('column.fits', column, [], [800, 41]);
    await detect({ image: at('column.fits'), out: 'column.csv', threshold: '10' });
    const [row, ...more] = await rowsOf('column.csv');
    expect(more).toEqual([]);
    // Half of a line of 800 px lies within 200 px of its middle; the curve has steps of 6 a / 64, some 20 px.
    expect(Math.abs(row['half_light_radius_px'] - 200)).toBeLessThan(10);
    expect([row['x_win_px'], row['y_win_px']]).toEqual([row['x_px'], row['y_px']]);
    expect(row['x_px']).toBeCloseTo(20, 1);
  });

  it('filters with Gaussians and .conv files', async () => {
    const kernel = gaussianKernel(2);
    expect([kernel.length, kernel[0].length]).toEqual([7, 7]);
    // Half the height at half the width.
    expect(kernel[3][4] / kernel[3][3]).toBeCloseTo(0.5, 12);
    const rows = kernel.map((row) => row.map((weight) => weight.toFixed(9)).join(' '));
    writeFileSync(at('gauss.conv'), `CONV NORM\n# a Gaussian\n${rows.join('\n')}\n`);
    const [one, other] = [
      await detect({ out: 'a.csv', kernel_fwhm_px: '2' }),
      await detect({ out: 'b.csv', kernel_file: 'gauss.conv' }),
    ];
    expect(other.counts).toEqual(one.counts);
    expect((await detect({ out: 'c.csv', kernel: 'none' })).counts['detected_pixels']).not.toBe(one.counts['detected_pixels']);
    for (const [text, why] of [
      ['1 2 1', /does not begin with CONV/],
      ['CONV NORM\n1 2 1\n1 2', /no rows of weights of one length/],
      ['CONV NORM\n1 x 1', /no rows of weights/],
      ['CONV NORM\n1 2\n1 2', /2 x 2 weights, no middle/],
      ['CONV NORM\n0', /no weight but 0/],
    ] as const)
      expect(() => parseConv(text, 'k.conv'), text).toThrow(why);
  });
});
