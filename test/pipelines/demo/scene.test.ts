/** A demo scene on the disk: the light is right, the noise is what the headers say, the tables agree with the truth and with the config. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../../src/io/csv.ts';
import { readImage } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { openParquet } from '../../../src/io/parquet.ts';
import { openSource } from '../../../src/io/store/store.ts';
import { makeDemoScene, type SceneOptions } from '../../../src/pipelines/demo/scene.ts';
import { loadFitConfig } from '../../../src/pipelines/photometry/load-config.ts';
import { wcsFromHeader } from '../../../src/sky/wcs/index.ts';

const ROOT = mkdtempSync(join(tmpdir(), 'arclet-scene-'));
afterAll(() => rmSync(ROOT, { recursive: true }));

const SIZE = 256;
const OPTIONS: SceneOptions = { bands: 3, size: SIZE, seed: 5, version: '1.2.3' };
const folder = join(ROOT, 'one');
const made = await makeDemoScene(folder, OPTIONS);

async function band(name: string, at = folder) {
  const fits = await openFitsFile(join(at, 'images', `${name}.fits`));
  try {
    const hdu = fits.hdu(0);
    return { pixels: (await readImage(hdu)).data as Float32Array, header: hdu.header };
  } finally {
    await fits.close();
  }
}

async function csv(name: string, types: Record<string, 'string'>, at = folder) {
  const source = await openSource(join(at, name));
  try {
    const { batch, schema } = await readCsv(source, { types });
    return { rows: batch.rows, names: schema.columns.map((column) => column.name), column: batch.columns };
  } finally {
    await source.close();
  }
}

async function truthOf(at = folder) {
  const source = await openSource(join(at, 'truth.parquet'));
  const rows: Record<string, unknown>[] = [];
  for await (const { rows: count, columns } of (await openParquet(source)).batches()) {
    for (let row = 0; row < count; row++)
      rows.push(Object.fromEntries(Object.entries(columns).map(([key, values]) => [key, values[row]])));
  }
  await source.close();
  return rows as (Record<string, number> & {
    id: string;
    type: string;
    in_frame: boolean;
    in_catalogue: boolean;
    gaia_source_id: string;
  })[];
}

const truth = await truthOf();
const record = JSON.parse(readFileSync(join(folder, 'scene.json'), 'utf8'));

describe('images', () => {
  it('have the keywords of a 7DT image, one filter each, and one WCS', async () => {
    const headers = await Promise.all(made.bands.map(async (name) => (await band(name)).header));
    expect(headers.map((header) => header.get('FILTER'))).toEqual(['m400', 'm425', 'm450']);
    const wcsKeys = ['CTYPE1', 'CTYPE2', 'CRVAL1', 'CRVAL2', 'CRPIX1', 'CRPIX2', 'CD1_1', 'CD1_2', 'CD2_1', 'CD2_2'];
    for (const header of headers) {
      for (const key of ['ZP_AUTO', 'SKYSIG', 'EGAIN', 'SATURATE', 'PEEING', 'SEEING', 'EXPTIME'])
        expect(header.get(key), key).toBeGreaterThan(0);
      expect(header.get('BITPIX')).toBe(-32);
      expect(wcsKeys.map((key) => header.get(key))).toEqual(wcsKeys.map((key) => headers[0].get(key)));
    }
    const { x, y } = wcsFromHeader(headers[0]).worldToPixels(
      Float64Array.from(truth, ({ ra }) => ra),
      Float64Array.from(truth, ({ dec }) => dec),
    );
    truth.forEach((row, index) => {
      expect(Math.hypot(x[index] - row['x'], y[index] - row['y'])).toBeLessThan(1e-7);
    });
  });

  it('have the noise that SKYSIG says where there is nothing', async () => {
    const { pixels, header } = await band('m425');
    const near = new Uint8Array(SIZE * SIZE);
    for (const row of truth) {
      const reach = row['flux_adu_m425'] > 1e5 ? 40 : 20;
      for (let y = Math.max(0, Math.round(row['y']) - reach); y <= Math.min(SIZE - 1, row['y'] + reach); y++)
        for (let x = Math.max(0, Math.round(row['x']) - reach); x <= Math.min(SIZE - 1, row['x'] + reach); x++)
          near[y * SIZE + x] = 1;
    }
    const saturate = Number(header.get('SATURATE'));
    const empty = pixels.filter((value, at) => near[at] === 0 && value < saturate);
    expect(empty.length).toBeGreaterThan(3000);
    const mean = empty.reduce((sum, value) => sum + value, 0) / empty.length;
    const variance = empty.reduce((sum, value) => sum + (value - mean) ** 2, 0) / empty.length;
    const sigma = Number(header.get('SKYSIG'));
    expect(Math.abs(mean)).toBeLessThan((5 * sigma) / Math.sqrt(empty.length) + 0.02 * sigma);
    expect(Math.abs(Math.sqrt(variance) / sigma - 1)).toBeLessThan(4 / Math.sqrt(2 * empty.length));
  });

  it('hold saturated stars clipped at SATURATE, bad columns and hot pixels, as scene.json says', async () => {
    for (const name of made.bands) {
      const { pixels, header } = await band(name);
      const saturate = Number(header.get('SATURATE'));
      const { saturated, badColumns, hotPixels } = record.defects[name];
      expect(saturated).toBeGreaterThan(3);
      expect(hotPixels).toBeGreaterThan(1);
      expect(pixels.every((value) => !(value > saturate))).toBe(true);
      for (const { x, y0, y1, value } of badColumns) {
        for (let y = y0; y < y1; y += 7) {
          const pixel = pixels[y * SIZE + x];
          // A hot pixel may lie on it.
          expect(Number.isNaN(pixel) || pixel === saturate, `${name} ${value} ${x} ${y}`).toBe(true);
        }
      }
      expect(pixels.some(Number.isNaN)).toBe(true);
    }
  });

  it('hold the fluxes of the truth: isolated stars within five sigma of an aperture', async () => {
    let stars = 0;
    const size = 512;
    const wide = join(ROOT, 'wide');
    await makeDemoScene(wide, { ...OPTIONS, size });
    const all = await truthOf(wide);
    for (const name of made.bands) {
      const { pixels, header } = await band(name, wide);
      const sigma = Number(header.get('SKYSIG'));
      const gain = Number(header.get('EGAIN'));
      for (const row of all) {
        const { x, y } = row as unknown as { x: number; y: number };
        const flux = row[`flux_adu_${name}`];
        const radius = 3 * row[`psf_fwhm_px_${name}`];
        const others = all.filter((it) => it !== row && Math.hypot(it['x'] - x, it['y'] - y) < 3 * radius);
        const around = others.reduce((total, it) => total + it[`flux_adu_${name}`], 0);
        const isIsolated = around < 0.02 * flux;
        if (row.type !== 'STAR' || row[`saturated_${name}`] || flux < 150 * sigma || !isIsolated) continue;
        if (Math.min(x, y) < radius + 1 || Math.max(x, y) > size - radius - 2) continue;
        let [sum, area] = [0, 0];
        for (let j = Math.ceil(y - radius); j <= y + radius; j++) {
          for (let i = Math.ceil(x - radius); i <= x + radius; i++) {
            if (Math.hypot(i - x, j - y) > radius) continue;
            sum += pixels[j * size + i];
            area++;
          }
        }
        if (!Number.isFinite(sum) || sum > 2 * flux) continue; // broken pixels
        stars++;
        const error = Math.hypot(sigma * Math.sqrt(area), Math.sqrt(flux / gain));
        expect(Math.abs(sum - flux), `${name} ${row.id}`).toBeLessThan(5 * error + 0.004 * flux + around);
      }
    }
    expect(stars).toBeGreaterThan(10);
  });

  it('have a sky gradient when asked for, and the same noise under it', async () => {
    const tilted = join(ROOT, 'tilted');
    await makeDemoScene(tilted, { ...OPTIONS, bands: 1, skyGradient: 20 });
    const [flat, steep] = [await band('m400'), await band('m400', tilted)];
    const sigma = Number(flat.header.get('SKYSIG'));
    const glow = steep.pixels.map((value, at) => (value - flat.pixels[at]) / sigma);
    const corners = [0, SIZE - 1, SIZE * (SIZE - 1), SIZE * SIZE - 1].map((at) => glow[at]).filter(Number.isFinite);
    const range = Math.max(...corners) - Math.min(...corners);
    expect(range).toBeGreaterThan(19);
    expect(range).toBeLessThan(20 * Math.SQRT2 + 0.1);
  });
});

describe('tables', () => {
  it('catalogue rows are sources of the truth, with IDs that keep their zeros and one flux column per band', async () => {
    const { rows, names, column } = await csv('catalogue.csv', { ID: 'string' });
    expect(names).toEqual(['ID', 'RA', 'DEC', 'TYPE', 'ELL', 'THETA', 'Re', 'FLUX_m400', 'FLUX_m425', 'FLUX_m450']);
    expect(rows).toBe(truth.filter((row) => row.in_catalogue).length);
    const byId = new Map(truth.map((row) => [row.id, row]));
    const types = new Set<unknown>();
    let empty = 0;
    for (let row = 0; row < rows; row++) {
      const id = String(column['ID'][row]);
      expect(id).toMatch(/^0\d{5}$/);
      const it = byId.get(id);
      if (it === undefined) throw new Error(`no source ${id}`);
      types.add(column['TYPE'][row]);
      expect(column['TYPE'][row]).toBe(it.type);
      expect(Math.abs(Number(column['DEC'][row]) - it['dec']) * 3600).toBeLessThan(0.3);
      expect(column['Re'][row] === null).toBe(it.type === 'STAR');
      const flux = column['FLUX_m425'][row];
      if (flux === null) empty++;
      else expect(Number(flux) / 10 ** (0.4 * (25 - it['mag_m425']))).toBeCloseTo(1, 0);
    }
    expect([...types].sort()).toEqual(['DEV', 'EXP', 'SERSIC', 'STAR']);
    expect(empty).toBeGreaterThan(0);
  });

  it('Gaia rows are stars at 2016, whole in their identifiers', async () => {
    const { rows, names, column } = await csv('gaia_xp.csv', { source_id: 'string' });
    expect(names).toEqual([
      'source_id',
      'ra',
      'dec',
      'ref_epoch',
      'pmra',
      'pmdec',
      'phot_g_mean_mag',
      'mag_m400',
      'mag_m425',
      'mag_m450',
    ]);
    const byId = new Map(truth.map((row) => [row.gaia_source_id, row]));
    expect(rows).toBe(byId.size - 1);
    for (let row = 0; row < rows; row++) {
      const id = String(column['source_id'][row]);
      expect(id).toMatch(/^\d{19}$/);
      const it = byId.get(id);
      if (it === undefined) throw new Error(`no star ${id}`);
      expect(it.type).toBe('STAR');
      const years = 2025.33 - 2016;
      const dec = Number(column['dec'][row]) + (Number(column['pmdec'][row]) * years) / 3.6e6;
      expect(Math.abs(dec - it['dec']) * 3.6e6).toBeLessThan(6);
      expect(Math.abs(Number(column['mag_m400'][row]) - it['mag_m400'])).toBeLessThan(0.08);
    }
  });

  it('have PSFs that change over the field, 2 to 5 px wide', () => {
    for (const name of made.bands) {
      const widths = truth.map((row) => row[`psf_fwhm_px_${name}`]);
      expect(Math.min(...widths)).toBeGreaterThan(2);
      expect(Math.max(...widths)).toBeLessThan(5);
      expect(Math.max(...widths) / Math.min(...widths)).toBeGreaterThan(1.03);
      for (const row of truth) expect(row[`psf_q_${name}`]).toBeGreaterThan(row.in_frame ? 0.92 : 0.85);
    }
  });
});

describe('a scene', () => {
  it('is the same for the same options, and another for another seed', async () => {
    const again = join(ROOT, 'again');
    await makeDemoScene(again, OPTIONS);
    expect(JSON.parse(readFileSync(join(again, 'scene.json'), 'utf8'))).toEqual(record);
    for (const { path, bytes, sha256 } of record.files) {
      const content = readFileSync(join(again, path));
      expect(content.length).toBe(bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    }
    await expect(makeDemoScene(again, { ...OPTIONS, seed: 6 })).rejects.toMatchObject({
      code: 'USAGE',
      message: /seed 5 instead of 6/,
    });
    await makeDemoScene(again, { ...OPTIONS, seed: 6, force: true });
    expect(JSON.parse(readFileSync(join(again, 'scene.json'), 'utf8')).files[0].sha256).not.toBe(record.files[0].sha256);
  });

  it('has a config that arclet fit takes', async () => {
    const { config, warnings } = await loadFitConfig({ path: made.config });
    expect(warnings).toEqual([]);
    expect(config.images).toEqual(made.bands.map((name) => join(folder, 'images', `${name}.fits`)));
    expect(config.inputs.gaiaxpSynphotCsv).toBe(join(folder, 'gaia_xp.csv'));
  });

  it.each([
    ['across RA 0', 0.01, -30],
    ['at the pole', 40, 89.99],
  ])('%s has right ascensions from 0 to 360', async (name, ra, dec) => {
    const at = join(ROOT, name);
    await makeDemoScene(at, { ...OPTIONS, bands: 1, size: 200, ra, dec });
    const { column } = await csv('catalogue.csv', { ID: 'string' }, at);
    const ras = Array.from(column['RA'] as ArrayLike<number>);
    expect(ras.every((value) => value >= 0 && value < 360)).toBe(true);
    expect(Math.max(...ras) - Math.min(...ras)).toBeGreaterThan(200);
  });

  it('refuses options out of range, and stops when told to', async () => {
    for (const wrong of [{ bands: 21 }, { size: 64 }, { seed: -1 }, { dec: 91 }, { bands: 1.5 }, { skyGradient: Number.NaN }])
      await expect(makeDemoScene(join(ROOT, 'never'), { ...OPTIONS, ...wrong })).rejects.toMatchObject({ code: 'USAGE' });
    const stop = new AbortController();
    const going = makeDemoScene(join(ROOT, 'stopped'), { ...OPTIONS, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(going).rejects.toMatchObject({ code: 'ABORTED', message: /1 of 3 bands/ });
  });
});
