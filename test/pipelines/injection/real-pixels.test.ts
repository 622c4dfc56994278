/** Campaigns on 256 x 256 pixels of a Legacy Surveys brick, with Sersic sources and with COSMOS galaxies; docs/inject-real-pixels.md. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImage } from '../../../src/io/fits/index.ts';
import { openFitsFile } from '../../../src/io/fits/node.ts';
import { bankBuildStage, loadBankConfig } from '../../../src/pipelines/injection/bank.ts';
import { type Campaign, type DatasetRow, readRows, runAlone, runCampaign } from '../../support/campaign.ts';
import { hasShared, shared } from '../../support/shared.ts';

const CONFIG = fileURLToPath(new URL('../../../configs/real-pixels.yaml', import.meta.url));
const BANDS = ['g', 'r', 'z'];
const SIZE = 64;
const EXPERIMENT = 'grid_stamp64_bandsgrz_gridcustom';
/** Of the brick's constant maps, arcsec. */
const PSFSIZE = { g: 1.3686128, r: 1.249269, z: 1.2489555 } as Record<string, number>;
/** FWHM of a Moffat of exponent 3.5 over that of the Gaussian with its noise-equivalent area. */
const FWHM_OVER_SIZE = 0.8113;

const folder = mkdtempSync(join(tmpdir(), 'arclet-real-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const output = join(folder, 'out');
const lines = hasShared ? readFileSync(shared('data/bricks/targets.csv'), 'utf8').trim().split('\n') : [];
const rmagOf = (line: string) => Number(line.split(',')[8]);
const hosts = join(folder, 'hosts.csv');
if (hasShared) writeFileSync(hosts, `${lines.filter((line, index) => index === 0 || rmagOf(line) < 20).join('\n')}\n`);

const run = (stages: readonly string[], sets: readonly string[] = [], flags: Record<string, string> = {}) =>
  runCampaign({ path: CONFIG, sets, flags: { targets: hosts, coadd_cache: shared('data/bricks'), output, ...flags } }, stages);
const rowsOf = (variant: string, dataset: 'metrics' | 'stamps') =>
  readRows(`${output}/phase4c/${variant}/${dataset}/${EXPERIMENT}`);
const ofKind = (rows: readonly DatasetRow[], isControl: 0 | 1) => rows.filter((row) => row['is_control'] === isControl);
const plane = (row: DatasetRow, name: string) => row[name] as Float32Array;
const number = (row: DatasetRow, name: string) => row[name] as number;

/** What the check said other than GO, by the name of the check. */
function notGo(variant: string): Record<string, string> {
  const path = `${output}/phasecheck/${variant}/${EXPERIMENT}/check.json`;
  const { checks } = JSON.parse(readFileSync(path, 'utf8')) as { checks: { name: string; verdict: string }[] };
  return Object.fromEntries(checks.filter(({ verdict }) => verdict !== 'go').map(({ name, verdict }) => [name, verdict]));
}

describe.skipIf(!hasShared)('500 rows of Sersic sources on survey pixels (needs ../shared)', () => {
  let campaign: Campaign;
  let stamps: DatasetRow[];
  beforeAll(async () => {
    campaign = await run(['manifest', 'cache', 'inject', 'check']);
    stamps = await rowsOf('real_pixels', 'stamps');
  });

  it('are all there and usable, half of them controls', async () => {
    expect(campaign.finished.inject).toMatchObject({ outcome: 'done', counts: { rows: 500, failed: 0 } });
    expect(stamps.length).toBe(500);
    expect(new Set(stamps.map((row) => row['task_id'])).size).toBe(500);
    expect(stamps.every((row) => row['cutout_ok'] === 1 && row['metrics_ok'] === 1 && row['failure'] === null)).toBe(true);
    expect(Math.abs(ofKind(stamps, 1).length - 250)).toBeLessThan(34); // 3 sigma of a coin
    const metrics = await rowsOf('real_pixels', 'metrics');
    expect(metrics.map((row) => row['arc_snr'])).toEqual(stamps.map((row) => row['arc_snr']));
  });

  it('controls are the pixels of the survey to half a step of its packing, and to the bit the host plane', async () => {
    const file = await openFitsFile(shared('data/a_legacy/cutout_59.1067_-30.4848.fits'));
    for (const [band, name] of BANDS.entries()) {
      const unpacked = (await readImage(file.hdu(1 + 2 * band))).data as Float32Array;
      let most = 0;
      for (const row of ofKind(stamps, 1)) {
        const stamp = plane(row, `image_${name}`);
        for (let y = 0; y < SIZE; y++) {
          const start = (number(row, 'stamp_y0') + y) * 256 + number(row, 'stamp_x0');
          for (let x = 0; x < SIZE; x++) most = Math.max(most, Math.abs(stamp[y * SIZE + x] - unpacked[start + x]));
        }
        expect(stamp).toEqual(plane(row, `host_${name}`));
        expect(plane(row, `arc_${name}`).every((flux) => flux === 0)).toBe(true);
      }
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(5.001e-5);
    }
    await file.close();
  });

  it('injections are host plus arc, bit for bit', () => {
    for (const row of ofKind(stamps, 0)) {
      for (const band of BANDS) {
        const [image, host, arc] = ['image', 'host', 'arc'].map((name) => plane(row, `${name}_${band}`));
        expect(image).toEqual(host.map((flux, pixel) => flux + arc[pixel]));
      }
    }
  });

  it('sources have their magnitudes, and the flux that is written', () => {
    for (const row of ofKind(stamps, 0)) {
      const r = number(row, 'rmag') + number(row, 'src_dmag');
      expect(number(row, 'src_mag_r_used')).toBeCloseTo(r, 10);
      expect(number(row, 'src_mag_g_used')).toBeCloseTo(r + number(row, 'src_gr'), 10);
      expect(number(row, 'src_mag_z_used')).toBeCloseTo(r - number(row, 'src_rz'), 10);
      const sums = BANDS.map((band) => plane(row, `arc_${band}`).reduce((sum, flux) => sum + flux, 0));
      expect(sums[1] / number(row, 'total_injected_flux_r')).toBeCloseTo(1, 5);
      // Lensing has no colour: what the bands differ by is the source's colour and what their PSFs lose over the edge.
      expect(Math.abs(-2.5 * Math.log10(sums[0] / sums[1]) - number(row, 'src_gr'))).toBeLessThan(0.003);
      expect(Math.abs(-2.5 * Math.log10(sums[1] / sums[2]) - number(row, 'src_rz'))).toBeLessThan(0.003);
      // The source behind the lens, from the arc and its magnification.
      const unlensed = number(row, 'total_injected_flux_r') / number(row, 'magnification');
      expect(Math.abs(unlensed / 10 ** (0.4 * (22.5 - r)) - 1)).toBeLessThan(0.005);
    }
  });

  it('flux is within 0.5 % of a rendering with eight samples a pixel and more, and says so', async () => {
    await run(['manifest', 'inject'], ['variant=fine', 'oversample=8', 'metrics_only=true', 'test_limit=60']);
    const fine = ofKind(await rowsOf('fine', 'metrics'), 0);
    expect(fine.length).toBeGreaterThan(20);
    const byId = new Map(stamps.map((row) => [row['task_id'], row]));
    for (const row of fine) {
      const flux = number(byId.get(row['task_id']) as DatasetRow, 'total_injected_flux_r');
      expect(Math.abs(flux / number(row, 'total_injected_flux_r') - 1)).toBeLessThan(0.005);
    }
    expect(Math.max(...ofKind(stamps, 0).map((row) => number(row, 'render_flux_err')))).toBeLessThan(0.005);
  });

  it('the PSF is that of the maps, the lens is on its target', () => {
    const places = new Map(lines.slice(1).map((line) => [Number(line.split(',')[1]), line.split(',').map(Number)]));
    for (const row of stamps) {
      const [, , , x, y] = places.get(number(row, 'ra')) as number[];
      expect(Math.abs(number(row, 'stamp_x0') + number(row, 'host_x') - x)).toBeLessThan(0.002);
      expect(Math.abs(number(row, 'stamp_y0') + number(row, 'host_y') - y)).toBeLessThan(0.002);
      for (const band of BANDS) {
        const isControl = row['is_control'] === 1;
        expect(row[`psf_source_${band}`]).toBe(isControl ? null : 0);
        if (isControl) expect(row[`psf_fwhm_used_${band}`]).toBeNull();
        else expect(number(row, `psf_fwhm_used_${band}`) / PSFSIZE[band]).toBeCloseTo(FWHM_OVER_SIZE, 3);
      }
    }
  });

  it('check says GO to all but the mix of S/N, which hosts of 18th magnitude make bright', () => {
    expect(campaign.finished.check.outcome).toBe('done');
    expect(notGo('real_pixels')).toEqual({ 'arc-snr-mix': 'warn', 'split-distance': 'skipped' });
  });
});

describe.skipIf(!hasShared)('every target of the field (needs ../shared)', () => {
  it('can be a host; one field is one split, and check warns of the splits that stay empty', async () => {
    const sets = [`targets=${shared('data/bricks/targets.csv')}`, 'variant=all', 'prior=srg_2026', 'replicates=2'];
    const more = ['custom_grid={theta_e_arcsec: [0.8, 1.2, 1.6, 2.0], src_dmag: [3], src_reff_arcsec: [0.3]}'];
    const fractions = ['val_frac=0.15', 'test_frac=0.15', 'metrics_only=true'];
    const { finished } = await run(['manifest', 'inject', 'check'], [...sets, ...more, ...fractions]);
    const rows = await rowsOf('all', 'metrics');
    expect(rows.length).toBe(72);
    expect(new Set(rows.map((row) => row['ra'])).size).toBe(9);
    expect(rows.every((row) => row['cutout_ok'] === 1)).toBe(true);
    for (const row of ofKind(rows, 0)) expect(number(row, 'src_mag_r_used')).toBeCloseTo(number(row, 'src_mag_r'), 10);
    expect(finished.check.outcome).toBe('done');
    expect(notGo('all')).toEqual({ 'split-proportions': 'warn', 'split-distance': 'skipped' });
  });
});

describe.skipIf(!hasShared)('100 rows of COSMOS galaxies on survey pixels (needs ../shared)', () => {
  it('draw templates of a bank that was built from stamps, and pass the check', async () => {
    const bank = join(folder, 'cosmos.h5');
    const inputs = shared('data/b_cosmos/real_galaxy_catalog_26_extension_example.fits');
    const built = await runAlone(bankBuildStage, await loadBankConfig({ flags: { bank, inputs } }));
    const templates = built.counts['templates'];
    expect(templates).toBeGreaterThan(25);

    const sets = ['variant=cosmos', 'source_mode=template', 'template_rotate=true', 'replicates=1'];
    const { finished } = await run(['manifest', 'inject', 'check'], sets, { template_bank: bank });
    const rows = await rowsOf('cosmos', 'stamps');
    expect(rows.length).toBe(100);
    expect(rows.every((row) => row['cutout_ok'] === 1 && row['source_mode'] === 'template')).toBe(true);
    const drawn = ofKind(rows, 0);
    const indices = new Set(drawn.map((row) => number(row, 'cosmos_index')));
    expect(indices.size).toBeGreaterThan(15);
    expect(Math.min(...indices)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...indices)).toBeLessThan(templates);
    for (const row of drawn) {
      expect(number(row, 'render_flux_err')).toBeLessThan(0.005);
      const sum = plane(row, 'arc_r').reduce((total, flux) => total + flux, 0);
      expect(sum / number(row, 'total_injected_flux_r')).toBeCloseTo(1, 5);
      const unlensed = number(row, 'total_injected_flux_r') / number(row, 'magnification');
      expect(Math.abs(unlensed / 10 ** (0.4 * (22.5 - number(row, 'src_mag_r_used'))) - 1)).toBeLessThan(0.005);
    }
    expect(finished.check.outcome).toBe('done');
    expect(Object.values(notGo('cosmos'))).not.toContain('no-go');
  });
});
