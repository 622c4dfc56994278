import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadField } from '../../../src/pipelines/photometry/load.ts';
import { readFieldCatalogue } from '../../../src/pipelines/photometry/load-catalogue.ts';
import { openField } from '../../../src/pipelines/photometry/load-field.ts';
import { nothingToFit } from '../../../src/pipelines/photometry/load-sources.ts';
import { fieldConfig, fieldFailure, freshFolder, PLAIN_FIELD, testContext, writeImage } from '../../support/fit-field.ts';

const { catalogue: CAT, yaml: NO_CROP } = PLAIN_FIELD;

const TWO = [{ name: 'a.fits' }, { name: 'b.fits', cards: { FILTER: 'm425' } }];

describe('catalogue', () => {
  it('needs RA and DEC', async () => {
    const error = await fieldFailure({ catalogue: 'ID,RAJ2000,DEC\n1,2,3\n' });
    expect(error).toMatchObject({ code: 'INPUT_INVALID', remedy: expect.stringContaining('it has ID, RAJ2000, DEC') });
    expect(error.message).toMatch(/cat\.csv has no column RA\./);
  });

  it('needs a FLUX_ column for each band, or none', async () => {
    const error = await fieldFailure({ images: TWO, catalogue: 'RA,DEC,FLUX_m400,FLUX_m475\n1,2,3,4\n' });
    expect(error.message).toContain('only in the catalogue [m475], only in the images [m425]');
    const catalogue = 'RA,DEC,FLUX_m425,FLUX_m400,flux_m999\n150.25,2.5,3,4,5\n';
    const field = await openField(await fieldConfig(freshFolder(), { images: TWO, catalogue, yaml: NO_CROP }));
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
