import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { writeNpz } from '../../../src/io/npz.ts';
import { inlineBank, readRows } from '../../../src/pipelines/injection/read-rows.ts';
import { lensDescription, parseRows, RowsSchema } from '../../../src/pipelines/injection/rows.ts';
import { lensParameters } from '../../../src/sky/lensing/models.ts';
import { exampleRows } from '../../support/example-rows.ts';

type Loose = Record<string, unknown>;
type LooseRow = { lens: Loose; source: Loose; psf: Record<string, Loose> };

/** The example with something changed in its only row. */
function changed(change: (row: LooseRow, file: Loose) => unknown): Loose {
  const file = structuredClone(exampleRows());
  change((file['rows'] as LooseRow[])[0], file);
  return file;
}

const parsing = (change: (row: LooseRow, file: Loose) => unknown) => () => parseRows(changed(change), 'x.json');

describe('rows files', () => {
  it('keep what is written and fill in the documented defaults', () => {
    const { grid, bands, rows } = parseRows(JSON.stringify(exampleRows()));
    expect({ grid, bands, count: rows.length }).toEqual({
      grid: { size: 64, pixscaleArcsec: 0.262 },
      bands: ['g', 'r', 'z'],
      count: 1,
    });
    expect(rows[0].lens).toMatchObject({ model: 'SIE', thetaEArcsec: 1.1, thetaEConvention: 'product', gamma2: -0.01 });
    expect(rows[0].psf['r']).toEqual({
      model: 'gaussian',
      fwhmArcsec: 1.2,
      sizeSemantics: 'nea',
      q: 1,
      phiRad: 0,
      includesPixel: true,
    });
    const bare = parseRows({
      grid: { size: 64, pixscale_arcsec: 0.262 },
      bands: ['r'],
      rows: [{ lens: null, source: { model: 'sersic', n: 4, r_eff_arcsec: 1, flux: { r: 2 } } }],
    });
    expect(bare.rows[0]).toEqual({
      lens: null,
      psf: {},
      sources: [
        {
          model: 'sersic',
          n: 4,
          rEffArcsec: 1,
          rEffConvention: 'major',
          q: 1,
          phiRad: 0,
          xArcsec: 0,
          yArcsec: 0,
          flux: { r: 2 },
        },
      ],
    });
  });

  it.each([
    ['q above 1', (row) => Object.assign(row.lens, { q: 1.4 }), 'rows[0].lens.q', /<=1, got 1.4/],
    ['q of 0', (row) => Object.assign(row.lens, { q: 0 }), 'rows[0].lens.q', /got 0/],
    ['a NaN', (row) => Object.assign(row.lens, { gamma1: Number.NaN }), 'rows[0].lens.gamma1', /got NaN/],
    [
      'an infinite flux',
      (row) => Object.assign(row.source, { flux: { g: 1, r: 1, z: Number.POSITIVE_INFINITY } }),
      'rows[0].source.flux.z',
      /got Infinity/,
    ],
    [
      'a negative Einstein radius',
      (row) => Object.assign(row.lens, { theta_e_arcsec: -0.1 }),
      'rows[0].lens.theta_e_arcsec',
      />=0, got -0.1/,
    ],
    ['n out of range', (row) => Object.assign(row.source, { n: 8.5 }), 'rows[0].source.n', /<=8, got 8.5/],
    ['a missing key', (row) => delete row.source['n'], 'rows[0].source.n', /this key is missing/],
    ['an unknown model', (row) => Object.assign(row.lens, { model: 'sie' }), 'rows[0].lens.model', /'SIE'.*got "sie"/],
    [
      'a missing band',
      (row) => Object.assign(row.source, { flux: { g: 1, r: 1 } }),
      'rows[0].source.flux',
      /no flux for band 'z'/,
    ],
    [
      'a band too many',
      (row) => Object.assign(row.source, { flux: { g: 1, r: 1, z: 1, i: 1 } }),
      'rows[0].source.flux',
      /unknown key 'i'/,
    ],
    ['a PSF too few', (row) => delete row.psf['z'], 'rows[0].psf', /no PSF for band 'z'/],
    ['no row', (_, file) => Object.assign(file, { rows: [] }), 'rows', /got \[\]/],
    ['a band twice', (_, file) => Object.assign(file, { bands: ['g', 'g'] }), 'bands', /named twice/],
    [
      'a template without a bank',
      (row) => Object.assign(row, { source: { model: 'template', template: 0, flux: { g: 1, r: 1, z: 1 } } }),
      'rows[0].source.template',
      /needs a bank/,
    ],
    [
      'an uneven PSF stamp',
      (row) => Object.assign(row.psf, { z: { model: 'pixel', stamp: [[1, 2], [3]] } }),
      'rows[0].psf.z.stamp',
      /different lengths/,
    ],
    [
      'a dark PSF stamp',
      (row) => Object.assign(row.psf, { z: { model: 'pixel', stamp: [[0]] } }),
      'rows[0].psf.z.stamp',
      /not above 0/,
    ],
  ] as [string, (row: LooseRow, file: Loose) => unknown, string, RegExp][])(
    'refuse %s, naming the key',
    (_, change, subject, message) => {
      expect(parsing(change)).toThrow(
        expect.objectContaining({ code: 'ROWS_INVALID', subject, message: expect.stringMatching(message) }),
      );
    },
  );

  it('name the nearest known key of an unknown one, before what is missing for it', () => {
    const misspelt = (row: LooseRow) => {
      row.lens['tetha_e_arcsec'] = row.lens['theta_e_arcsec'];
      delete row.lens['theta_e_arcsec'];
    };
    expect(parsing(misspelt)).toThrow(
      "x.json: rows[0].lens: unknown key 'tetha_e_arcsec', did you mean 'theta_e_arcsec'? (and 1 more).",
    );
    expect(parsing((row) => Object.assign(row, { source: [row.source, { ...row.source, reff_arcsec: 1 }] }))).toThrow(
      /source\[1\].*'r_eff_arcsec'/,
    );
  });

  it('take a source as large as half the stamp and none larger', () => {
    const half = (64 * 0.262) / 2;
    expect(parsing((row) => Object.assign(row.source, { r_eff_arcsec: half }))).not.toThrow();
    const larger = { code: 'SOURCE_LARGER_THAN_STAMP', data: expect.objectContaining({ index: 0 }) };
    expect(parsing((row) => Object.assign(row.source, { r_eff_arcsec: 1.001 * half }))).toThrow(expect.objectContaining(larger));
    // The same circularised radius of a flat galaxy has a longer axis.
    const flat = (row: LooseRow) =>
      Object.assign(row.source, { r_eff_arcsec: 0.9 * half, q: 0.5, r_eff_convention: 'circularised' });
    expect(parsing(flat)).toThrow(expect.objectContaining(larger));
  });

  it('name the file when it is no JSON', () => {
    expect(() => parseRows('{', 'x.json')).toThrow(/^x.json is not JSON: /);
  });

  it('describe every lens model as src/sky takes it', () => {
    const lenses = [
      { model: 'SIS', theta_e_arcsec: 1 },
      { model: 'SIE', theta_e_arcsec: 1, q: 0.8 },
      { model: 'NIE', theta_e_arcsec: 1, q: 0.8, core_arcsec: 0.1 },
      { model: 'EPL', theta_e_arcsec: 1, q: 0.8, gamma: 2.1 },
      { model: 'POINT', theta_e_arcsec: 1 },
      { model: 'NFW', rs_arcsec: 10, kappa_s: 0.2 },
    ];
    const file = parseRows(changed((row, whole) => Object.assign(whole, { rows: lenses.map((lens) => ({ ...row, lens })) })));
    expect(file.rows.map(({ lens }) => lensParameters(lensDescription(lens)).kind)).toEqual([2, 3, 4, 5, 1, 6]);
    expect(lensDescription(null)).toEqual({ model: 'none' });
  });

  it('have the JSON Schema that stands in configs/', () => {
    const written: unknown = JSON.parse(
      readFileSync(new URL('../../../configs/schema/rows.schema.json', import.meta.url), 'utf8'),
    );
    expect(written).toMatchObject(JSON.parse(JSON.stringify(z.toJSONSchema(RowsSchema, { io: 'input' }))));
  });
});

describe('template banks', () => {
  const folder = mkdtempSync(join(tmpdir(), 'arclet-rows-'));
  const withBank = (bank: unknown) =>
    JSON.stringify(changed((row, file) => {
      file['bank'] = bank;
      row.source = { model: 'template', template: 0, flux: { g: 1, r: 1, z: 1 } };
    })); // biome-ignore format: one thought

  it('are read from the path that the file names, relative to the file', async () => {
    await writeNpz(join(folder, 'bank.npz'), { images: { data: Float32Array.of(1, 2, 3, 4), shape: [1, 2, 2] } });
    writeFileSync(join(folder, 'rows.json'), withBank('bank.npz'));
    expect((await readRows(join(folder, 'rows.json'))).bank).toEqual({ images: Float32Array.of(1, 2, 3, 4), side: 2 });
  });

  it('may stand in the file itself', async () => {
    writeFileSync(join(folder, 'inline.json'), withBank([[[1, 2], [3, 4]]])); // biome-ignore format: a picture
    expect((await readRows(join(folder, 'inline.json'))).bank).toEqual({ images: Float64Array.of(1, 2, 3, 4), side: 2 });
  });

  it('that are empty, uneven or of the wrong shape are tagged errors', async () => {
    expect(() => inlineBank([], 'x')).toThrow(expect.objectContaining({ code: 'BANK_EMPTY' }));
    expect(() => inlineBank([[[1, 2], [3]]], 'x')).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }));
    await writeNpz(join(folder, 'flat.npz'), { images: { data: Float32Array.of(1, 2), shape: [2] } });
    writeFileSync(join(folder, 'flat.json'), withBank('flat.npz'));
    await expect(readRows(join(folder, 'flat.json'))).rejects.toThrow(/its shape is \[2\]/);
    writeFileSync(join(folder, 'gone.json'), withBank('gone.npz'));
    await expect(readRows(join(folder, 'gone.json'))).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
  });
});
