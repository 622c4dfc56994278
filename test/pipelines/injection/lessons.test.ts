/**
 * What went wrong in the originals' campaigns, one test each, by their numbers: the pixels and metrics of single rows. Lessons about files, splits
 * and whole runs are in lessons-campaign.test.ts, the flux of many rows is in lessons-flux.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { openEngine } from '../../../src/index.ts';
import type { InjectionBank } from '../../../src/pipelines/injection/bank/open.ts';
import type { TaskValue } from '../../../src/pipelines/injection/columns.ts';
import { type InjectedRow, Injector } from '../../../src/pipelines/injection/inject/injector.ts';
import { recipeOf } from '../../../src/pipelines/injection/inject/recipe.ts';
import { fluxFromMagnitude } from '../../../src/sky/photometry.ts';
import { configOf, type SkyOptions, skyReader, taskOf } from '../../support/injection.ts';
import { momentsOf } from './campaign-support.ts';

const PIXEL = 0.262;
const RE = 0.2;

/** A round exponential of half-light radius 0.2 arcsec as a template of 0.03 arcsec pixels, averaged over each pixel: 5 x 5 samples, 15 x 15 at the cusp. */
const EXPONENTIAL = ((): Float32Array => {
  const side = 129;
  const images = new Float32Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [dx, dy] = [x - 64, y - 64];
      const samples = Math.hypot(dx, dy) < 4 ? 15 : 5;
      for (let at = 0; at < samples * samples; at++) {
        const u = dx + ((at % samples) + 0.5) / samples - 0.5;
        const v = dy + (Math.floor(at / samples) + 0.5) / samples - 0.5;
        images[y * side + x] += Math.exp((-1.678347 * 0.03 * Math.hypot(u, v)) / RE) / samples ** 2;
      }
    }
  }
  const sum = images.reduce((total, value) => total + value, 0);
  return images.map((value) => value / sum);
})();

const BANK: InjectionBank = {
  location: 'made',
  count: 1,
  side: 129,
  pixscaleArcsec: 0.03,
  images: async (indices) => Float32Array.from(indices.flatMap(() => [...EXPONENTIAL])),
  hlrArcsec: () => RE,
  close: async () => undefined,
};

async function draw(
  keys: Record<string, unknown>,
  values: Record<string, TaskValue>,
  sky: SkyOptions = {},
): Promise<InjectedRow> {
  const recipe = recipeOf(configOf(keys));
  const engine = await openEngine({ backend: 'cpu', workers: 0 });
  try {
    const injector = new Injector({ engine, recipe, reader: skyReader(recipe.bands, sky), bank: BANK });
    const [row] = await injector.inject([taskOf(1, { src_e: 0, src_reff_arcsec: RE, ...values })]);
    expect(row.metrics['failure']).toBeNull();
    return row;
  } finally {
    await engine.close();
  }
}

/** A lens so weak that the source is where it is: at this pixel of the stamp, the host being at [32.3, 31.8]. */
const sourceAt = (x: number, y: number, host: readonly [number, number] = [32.3, 31.8]) => ({
  lens_model: 'SIS',
  theta_e_arcsec: 1e-6,
  shear: 0,
  src_x_arcsec: (x - host[0]) * PIXEL,
  src_y_arcsec: (y - host[1]) * PIXEL,
});

/** The part of a larger stamp that a smaller one shows, and the largest difference between them as a share of the peak. */
function againstLarger(small: ArrayLike<number>, side: number, large: ArrayLike<number>, largeSide: number): number {
  const shift = (largeSide - side) / 2;
  let [peak, worst] = [0, 0];
  for (let at = 0; at < side * side; at++) {
    const other = large[(Math.floor(at / side) + shift) * largeSide + (at % side) + shift];
    peak = Math.max(peak, other);
    worst = Math.max(worst, Math.abs(small[at] - other));
  }
  expect(peak).toBeGreaterThan(0);
  return worst / peak;
}

const values = (list: ArrayLike<number>): number[] => Array.from(list);

describe('pixels', () => {
  it.each(['moffat', 'gaussian', 'none'])('1: an impulse stays where it is through a PSF (%s)', async (psf_model) => {
    const { arc } = await draw({ bands: ['r'], psf_model }, { ...sourceAt(36, 29), src_reff_arcsec: 0.04 });
    const light = values(arc!.arc);
    expect(light.indexOf(Math.max(...light))).toBe(29 * 64 + 36);
    const { x, y } = momentsOf(light, 64);
    expect(Math.hypot(x - 36, y - 29)).toBeLessThan(0.01);
  });

  it('5: the source mode changes the pixels, and each row says which it had', async () => {
    const sersic = await draw({ bands: ['r'] }, { src_n: 4, src_e: 0.5 });
    const template = await draw({ bands: ['r'], source_mode: 'template' }, { src_n: 4, src_e: 0.5 });
    expect([sersic.metrics['source_mode'], template.metrics['source_mode']]).toEqual(['sersic', 'template']);
    expect([sersic.metrics['cosmos_index'], template.metrics['cosmos_index']]).toEqual([null, 0]);
    expect(againstLarger(values(sersic.arc!.arc), 64, values(template.arc!.arc), 64)).toBeGreaterThan(0.05);
  });

  it('7: a kernel larger than its stamp gives what a larger stamp gives', async () => {
    const values_ = { theta_e_arcsec: 0.5, src_x_arcsec: 0.05, src_y_arcsec: 0 };
    const wide = { psfsize: 4 };
    const small = await draw({ bands: ['r'] }, { ...values_, stamp_size: 16 }, { ...wide, host: [8.3, 7.8] });
    const large = await draw({ bands: ['r'] }, { ...values_, stamp_size: 128 }, { ...wide, host: [64.3, 63.8] });
    expect(againstLarger(values(small.arc!.arc), 16, values(large.arc!.arc), 128)).toBeLessThan(2e-4);
    expect(small.metrics['total_injected_flux_r']).toBeLessThan(large.metrics['total_injected_flux_r'] as number);
  });

  it.each([
    ['near the edge', 61],
    ['outside, whose light scatters in', 67],
  ])('18: light of a source %s does not come in again at the other edge', async (_, x) => {
    const wide = { psfsize: 2.5 };
    const small = await draw({ bands: ['r'] }, sourceAt(x, 31), { ...wide, host: [32.3, 31.8] });
    const large = await draw({ bands: ['r'] }, { ...sourceAt(x, 31), stamp_size: 160 }, { ...wide, host: [80.3, 79.8] });
    const light = values(small.arc!.arc);
    const peak = Math.max(...light);
    expect(againstLarger(light, 64, values(large.arc!.arc), 160)).toBeLessThan(5e-4);
    for (let y = 0; y < 64; y++) for (let left = 0; left < 8; left++) expect(light[y * 64 + left]).toBeLessThan(1e-3 * peak);
  });

  it('17: the lens lies on the host to a hundredth of a pixel, for templates too', async () => {
    const ring = { lens_model: 'SIS', shear: 0, src_x_arcsec: 0, src_y_arcsec: 0 };
    for (const source_mode of ['sersic', 'template']) {
      for (const host of [
        [31.5, 32.49],
        [32.21, 31.87],
      ] as const) {
        const { arc } = await draw({ bands: ['r'], source_mode }, ring, { host });
        const { x, y } = momentsOf(arc!.arc, 64);
        expect(Math.hypot(x - host[0], y - host[1])).toBeLessThan(0.01);
      }
    }
  });
});

describe('fluxes', () => {
  it('8: a template and a Sersic profile of one magnitude carry the same flux, that of the magnitude', async () => {
    for (const source_mode of ['sersic', 'template']) {
      const { arc, unlensed, metrics } = await draw({ source_mode, planes: ['unlensed'] }, { src_mag_r: 20.5 });
      for (const [band, magnitude] of [20.7, 20.5, 20.4].entries()) {
        const wanted = fluxFromMagnitude(magnitude);
        expect(Math.abs(unlensed!.sum[band] / wanted - 1)).toBeLessThan(0.005);
        expect(Math.abs(arc!.unlensedSum[band] / wanted - 1)).toBeLessThan(0.005);
      }
      const flux = metrics['total_injected_flux_r'] as number;
      expect(Math.abs(flux / ((metrics['magnification'] as number) * fluxFromMagnitude(20.5)) - 1)).toBeLessThan(0.005);
    }
  });

  it('15: templates have the colours of their row', async () => {
    for (const [gr, rz] of [
      [1.15, 0.85],
      [-0.2, 0.4],
    ]) {
      const { arc } = await draw({ source_mode: 'template' }, { src_gr: gr, src_rz: rz });
      const [g, r, z] = values(arc!.lightSum).map((flux) => -2.5 * Math.log10(flux));
      expect(g - r).toBeCloseTo(gr, 3);
      expect(r - z).toBeCloseTo(rz, 3);
    }
  });

  it('16: theta_E means the same for both kinds of sources, in every convention', async () => {
    // q = 0.4, where the conventions are far apart.
    const lens = { lens_e: 0.6 / 1.4, theta_e_arcsec: 1.2, src_x_arcsec: 0.05, src_y_arcsec: 0.02 };
    const radii: number[] = [];
    for (const theta_e_convention of ['product', 'minor', 'major']) {
      const keys = { bands: ['r'], theta_e_convention };
      const sersic = await draw(keys, lens);
      const template = await draw({ ...keys, source_mode: 'template' }, lens);
      expect(againstLarger(values(sersic.arc!.arc), 64, values(template.arc!.arc), 64)).toBeLessThan(0.01);
      expect(Math.abs(sersic.arc!.sum[0] / template.arc!.sum[0] - 1)).toBeLessThan(0.005);
      radii.push(template.metrics['cosmos_hlr_arcsec'] as number);
    }
    // b = theta_E sqrt(q), theta_E, theta_E q: the arcs grow with it.
    const [product, minor, major] = radii;
    expect(minor / product).toBeGreaterThan(1.3);
    expect(product / major).toBeGreaterThan(1.3);
  });

  it('9: no coverage, so psfsize 0: the PSF is another one, never 0, and says so', async () => {
    const { metrics } = await draw({}, { psfsize_z: 1.1 }, { change: ({ psfsize }) => void psfsize.fill(0) });
    expect(metrics).toMatchObject({ psf_source_g: 3, psf_source_r: 3, psf_source_z: 1 });
    for (const band of ['g', 'r', 'z']) expect(metrics[`psf_fwhm_used_${band}`]).toBeGreaterThan(0.5);
  });
});
