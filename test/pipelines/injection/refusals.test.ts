/** Rows that no pixel grid can hold are refused before anything runs, by name; rows that need a word get one. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planLines, recordPath, renderWarnings, writeRecord } from '../../../src/pipelines/injection/render-record.ts';
import { parseRows, type RowsInput } from '../../../src/pipelines/injection/rows.ts';
import { drawOnCpu, total } from '../../support/draw.ts';

type Source = RowsInput['rows'][number]['source'];
type Psf = NonNullable<RowsInput['rows'][number]['psf']>[string];

const sersic = { model: 'sersic' as const, n: 1, r_eff_arcsec: 0.3, flux: { r: 1 } };
const file = (source: Source, psf?: Psf, size = 24): RowsInput => ({
  grid: { size, pixscale_arcsec: 0.262 },
  bands: ['r'],
  bank: [Array.from({ length: 9 }, () => new Array(9).fill(1))],
  rows: [{ lens: null, source, ...(psf && { psf: { r: psf } }) }],
});
const refused = (input: RowsInput, code: string, message: RegExp) =>
  expect(drawOnCpu(input)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });

describe('rows that cannot be drawn', () => {
  it('a template larger than the stamp', async () => {
    const template = { model: 'template' as const, template: 0, pixscale_arcsec: 1, flux: { r: 1 } };
    await refused(file(template), 'SOURCE_LARGER_THAN_STAMP', /rows\[0\].*9\.000 arcsec.*6\.288/);
    const fits = await drawOnCpu(file({ ...template, pixscale_arcsec: 0.1 }));
    expect(total(fits.lensed.data)).toBeCloseTo(1, 2);
  });

  it('a template that the bank does not hold', async () => {
    await refused(
      file({ model: 'template', template: 1, flux: { r: 1 } }),
      'INPUT_INVALID',
      /rows\[0\]: template 1 is not in the bank of 1/,
    );
  });

  it('a source that is a point, a position or a flux that float32 cannot square', () => {
    expect(() => parseRows(file({ ...sersic, r_eff_arcsec: 1e-5 }))).toThrow(/rows\[0\].source.r_eff_arcsec.*px/);
    expect(() => parseRows(file({ ...sersic, x_arcsec: 1e39 }))).toThrow(/rows\[0\].source/);
    expect(() => parseRows(file({ ...sersic, flux: { r: 1e39 } }))).toThrow(/rows\[0\].source/);
  });

  it('a PSF narrower than samples hold', async () => {
    const gaussian = (fwhm: number, includes: boolean): Psf => ({
      model: 'gaussian',
      fwhm_arcsec: fwhm,
      includes_pixel: includes,
    });
    await refused(file(sersic, gaussian(0.002, true)), 'INPUT_INVALID', /rows\[0\].*narrower than 0\.9 px/);
    await refused(file(sersic, gaussian(0.13, false)), 'INPUT_INVALID', /narrower than 0\.6 px/);
    for (const psf of [gaussian(0.25, true), gaussian(0.17, false)]) {
      const { convolved, lensed } = await drawOnCpu(file(sersic, psf));
      expect(Math.abs(total(convolved.data) / total(lensed.data) - 1)).toBeLessThan(2e-3);
    }
  });

  it('a PSF stamp that is not square and odd, by its place in the file', () => {
    const stamp = (height: number, width: number): Psf => ({
      model: 'pixel',
      stamp: Array.from({ length: height }, () => new Array(width).fill(1)),
    });
    expect(() => parseRows(file(sersic, stamp(4, 4)))).toThrow(/rows\[0\]\.psf\.r\.stamp: it is 4 x 4/);
    expect(() => parseRows(file(sersic, stamp(3, 5)))).toThrow(/rows\[0\]\.psf\.r\.stamp: it is 3 x 5/);
  });
});

describe('the record of a render', () => {
  it('says how every row was drawn, and warns of a PSF wider than its stamp', async () => {
    const result = await drawOnCpu(file(sersic, { model: 'moffat', beta: 1.2, fwhm_arcsec: 1.2, size_semantics: 'fwhm' }));
    expect(planLines(result.plan)).toEqual(['1 row fft, 1 cells a pixel, PSF radius 128 px']);
    expect(renderWarnings(result)).toEqual([expect.stringMatching(/1 rows have a PSF wider.*row 0/)]);
    const out = join(mkdtempSync(join(tmpdir(), 'arclet-record-')), 'x.npz');
    await writeRecord(
      out,
      result,
      { backend: 'cpu', adapter: undefined, gpu: undefined, workers: 0, reason: 'asked for' },
      '9.9.9',
    );
    const record = JSON.parse(readFileSync(recordPath(out), 'utf8'));
    expect(record).toMatchObject({
      arclet: '9.9.9',
      backend: 'cpu',
      rows: [{ row: 0, convolve_method: 'fft', psf_radius_px: 128 }],
    });
    expect(record.rows[0].psf_flux_lost[0]).toBeGreaterThan(1e-3);
  });

  it('is silent when all is well', async () => {
    const result = await drawOnCpu(file(sersic, { model: 'gaussian', fwhm_arcsec: 1.2 }));
    expect(renderWarnings(result)).toEqual([]);
  });
});
