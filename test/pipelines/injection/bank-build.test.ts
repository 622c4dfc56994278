import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { openHdf5, writeHdf5 } from '../../../src/io/hdf5.ts';
import { withTable } from '../../../src/pipelines/files/tables.ts';
import { noiseStamp } from '../../../src/pipelines/injection/bank/noise-test.ts';
import { openTemplateBank } from '../../../src/pipelines/injection/bank/open.ts';
import { bankBuildStage, bankReportStage } from '../../../src/pipelines/injection/bank.ts';
import { hasShared, shared } from '../../support/shared.ts';
import { bankConfig, contextOf, exponential, fitsBytes, imageHdu, noisy } from './bank-stamps.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arclet-bank-build-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const build = (keys: Record<string, unknown>, force = false) => bankBuildStage.run(contextOf({ force }), bankConfig(keys));

/** Rows of `<bank>.build.parquet`, in the order of the inputs. */
async function rowsOf(bank: string): Promise<Record<string, unknown>[]> {
  return withTable(`${bank}.build.parquet`, undefined, async (table) => {
    const rows: Record<string, unknown>[] = [];
    for await (const batch of table.batches()) {
      for (let row = 0; row < batch.rows; row++) {
        rows.push(Object.fromEntries(Object.entries(batch.columns).map(([name, values]) => [name, values[row]])));
      }
    }
    return rows.sort((a, b) => Number(a['candidate']) - Number(b['candidate']));
  });
}

/** SHA-256 of all templates. */
async function pixelsOf(bank: string): Promise<string> {
  const file = await openHdf5(bank);
  const values = (await file.dataset('images').read()) as Float32Array;
  await file.close();
  return createHash('sha256').update(values).digest('hex');
}

const SIDE = 64;
const galaxy = (radius: number, seed: number) =>
  noisy(exponential(SIDE, 31.5, 31.5, radius), SIDE, 0.01, seed); // biome-ignore format: one thought

describe('inject bank build', () => {
  it('makes templates of files, extensions and cubes in a folder, and a row of everything else', async () => {
    const inputs = join(folder, 'stamps');
    await mkdir(inputs);
    const bad = galaxy(5, 9);
    bad[7] = Number.NaN;
    const faint = noisy(exponential(SIDE, 31.5, 31.5, 5), SIDE, 0.5, 3);
    const cube = new Float64Array(2 * SIDE * SIDE);
    cube.set(galaxy(4, 4));
    cube.set(galaxy(6, 5), SIDE * SIDE);
    await writeFile(join(inputs, 'a.fits'), fitsBytes([imageHdu(galaxy(5, 1), [SIDE, SIDE], 0.03)]));
    await writeFile(
      join(inputs, 'b.fits'),
      fitsBytes([{ kind: 'empty' }, imageHdu(bad, [SIDE, SIDE], 0.03), imageHdu(faint, [SIDE, SIDE], 0.03)]),
    );
    await writeFile(join(inputs, 'c.fits'), fitsBytes([imageHdu(cube, [2, SIDE, SIDE], 0.03)]));
    const whole = fitsBytes([imageHdu(galaxy(5, 1), [SIDE, SIDE], 0.03)]);
    await writeFile(join(inputs, 'd.fits'), whole.subarray(0, 2880 + 4000));
    await writeFile(join(inputs, 'e.fits'), 'no FITS');
    await writeFile(join(inputs, 'f.fits'), fitsBytes([imageHdu(galaxy(5, 1), [SIDE, SIDE])]));
    await writeFile(join(inputs, 'notes.txt'), 'left out');
    const bank = join(folder, 'stamps.h5');
    const result = await build({ bank, inputs: [inputs], stamp_size: 64 });
    expect(result.outcome).toBe('failed-rows');
    expect(result.counts).toMatchObject({
      candidates: 8,
      templates: 3,
      UNREADABLE: 2,
      NOT_FINITE: 1,
      LOW_SNR: 1,
      NO_PIXSCALE: 1,
    });
    const rows = await rowsOf(bank);
    expect(rows.map(({ source, reason }) => [String(source).slice(inputs.length + 1), reason])).toEqual([
      ['a.fits[0]', null],
      ['b.fits[1]', 'NOT_FINITE'],
      ['b.fits[2]', 'LOW_SNR'],
      ['c.fits[0][0]', null],
      ['c.fits[0][1]', null],
      ['d.fits[0]', 'UNREADABLE'],
      ['e.fits', 'UNREADABLE'],
      ['f.fits[0]', 'NO_PIXSCALE'],
    ]);
    expect(rows[2]['snr']).toBeLessThan(20);
    expect(rows[1]['snr']).toBeNull();
    const file = await openHdf5(bank);
    expect(file.attributes('/')).toMatchObject({
      src_pixscale_arcsec: 0.03,
      stamp_size: 64n,
      galaxy_kind: 'real',
      config_hash: 'hash',
    });
    expect(file.dataset('images').shape).toEqual([3, 64, 64]);
    expect([...((await file.dataset('meta/index').read()) as Int32Array)]).toEqual([0, 3, 4]);
    const hlr = (await file.dataset('meta/hlr_arcsec').read()) as Float32Array;
    expect(hlr[1]).toBeLessThan(hlr[0]);
    expect(hlr[0]).toBeLessThan(hlr[2]);
    for (const name of ['clumpiness', 'noise_sigma', 'snr', 'segment_area', 'flux', 'source']) {
      expect(file.dataset(`meta/${name}`).shape).toEqual([3]);
    }
    await file.close();
    const opened = await openTemplateBank(bank);
    expect(opened.count).toBe(3);
    await opened.close();
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('makes the same bank again from a seed, leaves a finished one alone, and starts anew with other rules', async () => {
    const input = join(folder, 'many.fits');
    const planes = 12;
    const cube = new Float64Array(planes * SIDE * SIDE);
    for (let plane = 0; plane < planes; plane++) cube.set(galaxy(4 + (plane % 4), plane), plane * SIDE * SIDE);
    await writeFile(input, fitsBytes([imageHdu(cube, [planes, SIDE, SIDE], 0.03)]));
    const keys = { inputs: input, stamp_size: 64, n_sources: 5 };
    const [one, two, three] = ['one', 'two', 'three'].map((name) => join(folder, `${name}.h5`));
    expect((await build({ ...keys, bank: one })).counts).toMatchObject({ templates: 5, NOT_NEEDED: 7 });
    await build({ ...keys, bank: two });
    await build({ ...keys, bank: three, seed: 43 });
    expect(await pixelsOf(two)).toBe(await pixelsOf(one));
    expect(await pixelsOf(three)).not.toBe(await pixelsOf(one));
    const before = await stat(one);
    expect((await build({ ...keys, bank: one })).summary[0]).toContain('is there');
    expect((await stat(one)).mtimeMs).toBe(before.mtimeMs);
    expect((await build({ ...keys, bank: one }, true)).counts).toMatchObject({ templates: 5 });
    expect((await build({ ...keys, bank: one, snr_min: 30 })).counts).toMatchObject({ templates: 5 });
  });

  it('rescales, so that radii in arcsec stay', async () => {
    const input = join(folder, 'coarse.fits');
    const image = noisy(exponential(80, 39.2, 40.4, 6), 80, 0.002, 1);
    await writeFile(input, fitsBytes([imageHdu(image, [80, 80], 0.05)]));
    const radii = [];
    for (const pixscale of [0.03, 0.05]) {
      const bank = join(folder, `coarse-${pixscale}.h5`);
      await build({ bank, inputs: input, src_pixscale_arcsec: pixscale, stamp_size: pixscale === 0.03 ? 160 : 128 });
      const rows = await rowsOf(bank);
      expect(rows[0]['reason']).toBeNull();
      radii.push(rows[0]['hlr_arcsec'] as number);
    }
    expect(Math.abs(radii[0] / 0.3 - 1)).toBeLessThan(0.02);
    expect(Math.abs(radii[1] / 0.3 - 1)).toBeLessThan(0.02);
  });

  it('throws when nothing is a template, and says in its table why; no bank is left', async () => {
    const input = join(folder, 'noise.fits');
    await writeFile(input, fitsBytes([imageHdu(noisy(new Float64Array(SIDE * SIDE), SIDE, 1, 1), [SIDE, SIDE], 0.03)]));
    const bank = join(folder, 'noise.h5');
    await expect(build({ bank, inputs: input })).rejects.toMatchObject({ code: 'BANK_EMPTY' });
    expect(await rowsOf(bank)).toHaveLength(1);
    await expect(stat(bank)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuses inputs that are not there or are no galaxies, before any work', async () => {
    const bank = join(folder, 'none.h5');
    const empty = join(folder, 'empty');
    await mkdir(empty);
    await writeFile(join(folder, 'wrong.csv'), 'a,b\n1,2\n');
    for (const input of ['missing.fits', 'missing.csv', 'empty', 'missing']) {
      await expect(build({ bank, inputs: join(folder, input) })).rejects.toMatchObject({ code: 'INPUT_UNREADABLE' });
    }
    await expect(build({ bank, inputs: join(folder, 'wrong.csv') })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(build({ bank })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    const controller = new AbortController();
    controller.abort();
    const config = bankConfig({ bank, inputs: join(folder, 'many.fits') });
    await expect(bankBuildStage.run(contextOf({ signal: controller.signal }), config)).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(stat(bank)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('renders tables of fits, and refuses rows that are no galaxies', async () => {
    const table = join(folder, 'fits.csv');
    const rows = ['1,0.3,0.7,10', '4,0.25,1,0', '9,0.3,0.7,0', '1,-1,0.5,0', '1,0.3,0,0', '1,0.05,1,0', '1,,1,0'];
    await writeFile(table, `n_sersic,half_light_radius_arcsec,q,position_angle_deg\n${rows.join('\n')}\n`);
    const bank = join(folder, 'fits.h5');
    await build({ bank, inputs: table });
    const found = await rowsOf(bank);
    expect(found.map(({ reason }) => reason)).toEqual([null, null, 'BAD_FIT', 'BAD_FIT', 'BAD_FIT', 'HLR_TOO_SMALL', 'BAD_FIT']);
    expect(found[1]['hlr_arcsec']).toBeLessThan(0.25);
    expect(found[1]['snr']).toBe(Number.POSITIVE_INFINITY);
  });
});

describe.skipIf(!hasShared)('inject bank build on COSMOS', () => {
  const cosmos = (name: string) => shared(`data/b_cosmos/${name}`);

  it('agrees with the catalogue of real galaxies on noise, flux and size', async () => {
    const bank = join(folder, 'cosmos.h5');
    const result = await build({ bank, inputs: cosmos('real_galaxy_catalog_26_extension_example.fits') });
    expect(result.outcome).toBe('done');
    expect(result.counts['templates']).toBeGreaterThanOrEqual(30);
    const accepted = (await rowsOf(bank)).filter((row) => row['accepted'] === 1);
    const columns = ['NOISE_VARIANCE', 'stamp_flux'];
    const catalogue = await column(cosmos('real_galaxy_catalog_26_extension_example.fits'), columns);
    const fits = await column(cosmos('real_galaxy_catalog_26_extension_example_fits.fits'), ['flux_radius']);
    const ratios = (of: (row: Record<string, unknown>, index: number) => number) =>
      median(accepted.map((row) => of(row, Number(row['candidate']))));
    const noise = ratios((row, at) => Number(row['noise_sigma']) / Math.sqrt(catalogue['NOISE_VARIANCE'][at]));
    const flux = ratios((row, at) => Number(row['flux']) / catalogue['stamp_flux'][at]);
    // SExtractor's half-light radii of the same galaxies, pixels of 0.03 arcsec.
    const size = ratios((row, at) => Number(row['hlr_arcsec']) / (0.03 * fits['flux_radius'][at]));
    expect(Math.abs(noise - 1)).toBeLessThan(0.03);
    expect(Math.abs(flux - 1)).toBeLessThan(0.08);
    expect(Math.abs(size - 1)).toBeLessThan(0.04);
  });

  it('makes a template of a galaxy of 543 pixels whose header has a WCS', async () => {
    const bank = join(folder, 'large.h5');
    const name = '147246.0_150.416558_1.998697_masknoise.fits';
    expect((await build({ bank, inputs: cosmos(name), stamp_size: 256 })).counts).toMatchObject({ templates: 1 });
    await expect(build({ bank: join(folder, 'small.h5'), inputs: cosmos(name), stamp_size: 96 })).rejects.toMatchObject({
      code: 'BANK_EMPTY',
      data: { LARGER_THAN_STAMP: 1 },
    });
  });

  it('renders the fits of GalSim with the fluxes of its catalogue, and its text sample', async () => {
    const bank = join(folder, 'cosmos-fits.h5');
    const name = cosmos('real_galaxy_catalog_23.5_example_fits.fits');
    await build({ bank, inputs: name });
    const rows = await rowsOf(bank);
    const { flux_0: sersic, flux_3: both, use_bulgefit: isBoth } = await column(name, ['flux_0', 'flux_3', 'use_bulgefit']);
    const accepted = rows.filter((row) => row['accepted'] === 1);
    expect(accepted.length).toBeGreaterThan(80);
    for (const row of accepted) {
      const at = Number(row['candidate']);
      expect(Math.abs(Number(row['flux']) / (isBoth[at] === 1 ? both[at] : sersic[at]) - 1)).toBeLessThan(1e-3);
    }
    const text = join(folder, 'cosmos-text.h5');
    const sample = { bank: text, inputs: cosmos('cosmos_sersics_sample_N300_cleaned.asc'), n_sources: 20 };
    expect((await build(sample)).counts).toMatchObject({ candidates: 276, templates: 20 });
  });

  it('has a row with its reason for every galaxy whose images are missing', async () => {
    const bank = join(folder, 'missing-images.h5');
    const inputs = cosmos('real_galaxy_catalog_23.5_example.fits');
    await expect(build({ bank, inputs })).rejects.toMatchObject({ code: 'BANK_EMPTY', data: { UNREADABLE: 100 } });
    const rows = await rowsOf(bank);
    expect(rows).toHaveLength(100);
    expect(rows[99]['detail']).toContain('there is no such file');
  });
});

describe('inject bank report', () => {
  const report = (keys: Record<string, unknown>) =>
    bankReportStage.run(contextOf(), bankConfig({ noise_test_stamps: 2, ...keys }));

  it('is a page that stands alone, GO for galaxies', async () => {
    const bank = join(folder, 'go.h5');
    const table = join(folder, 'go.csv');
    await writeFile(table, 'n_sersic,half_light_radius_arcsec,q\n1,0.3,1\n2,0.2,0.6\n');
    await build({ bank, inputs: table });
    const result = await report({ bank });
    expect(result).toMatchObject({
      outcome: 'done',
      counts: { templates: 2, noise_like: 0, unusable: 0, noise_stamps_accepted: 0 },
    });
    const html = await readFile(`${bank}.report.html`, 'utf8');
    expect(html).toContain('data:image/png;base64,');
    expect(html).not.toMatch(/(src|href)="https?:/);
  });

  it('says NO-GO for a bank of noise that was cut at zero, and for templates that cannot be used', async () => {
    const bank = join(folder, 'noise-bank.h5');
    await writeHdf5(bank, async (writer) => {
      const images = writer.growing('images', [96, 96]);
      for (let index = 0; index < 6; index++) {
        const noise = noiseStamp(96, index % 2, true, new PhiloxStream(philoxKey(index)));
        const disc = exponential(96, 47.5, 47.5, 10, 0.3);
        images.append(Float32Array.from(noise, (value, pixel) => value + (index < 4 ? 0.1 * disc[pixel] : disc[pixel] * 1e4)));
      }
      images.append(new Float32Array(96 * 96));
      writer.attribute('/', 'src_pixscale_arcsec', 0.03);
    });
    const result = await report({ bank, report: join(folder, 'noise.html') });
    expect(result).toMatchObject({ outcome: 'no-go', counts: { templates: 7, noise_like: 4, unusable: 1 } });
    expect(await readFile(join(folder, 'noise.html'), 'utf8')).toContain('Template 6 of');
  });
});

async function column(path: string, names: readonly string[]): Promise<Record<string, number[]>> {
  return withTable(path, undefined, async (table) => {
    const out: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
    for await (const batch of table.batches()) {
      for (const name of names) out[name].push(...Array.from(batch.columns[name] as ArrayLike<number>, Number));
    }
    return out;
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
