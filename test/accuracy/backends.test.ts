/** The whole chain through the public entry: GPU and CPU draw the same rows, in any company. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEngine as openEngineIn } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/face.ts';
import { nodeEnvironment, parseRows, renderLensed } from '../../src/index.ts';
import type { RenderResult } from '../../src/pipelines/injection/result.ts';
import type { RowsInput } from '../../src/pipelines/injection/rows.ts';
import { plane, total, worstOfPeak } from '../support/draw.ts';
import { openTestGpu } from '../support/gpu.ts';

const moffat = (fwhm: number) => ({ model: 'moffat' as const, fwhm_arcsec: fwhm, size_semantics: 'fwhm' as const });
const flux = { g: 1, r: 2, z: 3 };
const sersic = (n: number, rEff: number, x: number, y: number) => ({
  model: 'sersic' as const,
  n,
  r_eff_arcsec: rEff,
  q: 0.7,
  phi_rad: 0.9,
  x_arcsec: x,
  y_arcsec: y,
  flux,
});
const spiral = Array.from({ length: 15 }, (_, y) =>
  Array.from({ length: 15 }, (_v, x) => Math.exp(-Math.hypot(x - 7, y - 7) / 3) * (1 + Math.sin(x + y))),
);

const FILE: RowsInput = {
  grid: { size: 40, pixscale_arcsec: 0.262 },
  bands: ['g', 'r', 'z'],
  bank: [spiral],
  rows: [
    {
      lens: { model: 'SIE', theta_e_arcsec: 1.1, q: 0.7, phi_rad: 0.3, gamma1: 0.02, gamma2: -0.01 },
      source: sersic(1, 0.12, 0.1, -0.05),
      psf: { g: moffat(1.3), r: { model: 'gaussian', fwhm_arcsec: 1.2 }, z: { model: 'none' } },
    },
    {
      lens: { model: 'EPL', theta_e_arcsec: 0.9, q: 0.8, gamma: 2.2, x_arcsec: 0.1 },
      source: [sersic(4, 0.3, 0.2, 0.1), { model: 'template', template: 0, pixscale_arcsec: 0.05, x_arcsec: -0.2, flux }],
      psf: { g: moffat(1.3), r: moffat(1.1), z: moffat(1.0) },
    },
    { lens: null, source: sersic(2, 0.6, 0, 0) },
    {
      lens: { model: 'NFW', rs_arcsec: 4, kappa_s: 0.3 },
      source: sersic(0.7, 0.25, 0.3, 0),
      psf: { g: moffat(0.6), r: moffat(0.6), z: moffat(0.6) },
    },
  ],
};

describe('the render chain on both backends', () => {
  let gpu: Engine;
  let cpu: Engine;
  let onGpu: RenderResult;
  let onCpu: RenderResult;
  beforeAll(async () => {
    gpu = await openEngineIn({ backend: 'gpu' }, { ...nodeEnvironment, openGpu: openTestGpu });
    cpu = await openEngineIn({ backend: 'cpu', workers: 2 }, nodeEnvironment);
    onGpu = await renderLensed(gpu, parseRows(FILE), { maps: true });
    onCpu = await renderLensed(cpu, parseRows(FILE), { maps: true });
  }, 120_000);
  afterAll(async () => {
    await gpu.close();
    await cpu.close();
  });

  it('stamps agree to 1e-4 of the peak, fluxes to 1e-5', () => {
    for (const name of ['lensed', 'unlensed', 'convolved'] as const) {
      for (let row = 0; row < 4; row++) {
        for (let band = 0; band < 3; band++) {
          const wanted = plane(onCpu[name], row, band);
          const got = plane(onGpu[name], row, band);
          expect(worstOfPeak(got, wanted), `${name} ${row} ${band}`).toBeLessThan(1e-4);
          expect(Math.abs(total(got) / total(wanted) - 1), `${name} ${row} ${band}`).toBeLessThan(1e-5);
        }
      }
    }
  });

  it('maps agree, and every row says how it was drawn', () => {
    expect(worstOfPeak(onGpu.maps!.alphaX, onCpu.maps!.alphaX)).toBeLessThan(1e-5);
    expect(onGpu.plan).toEqual(onCpu.plan.map((row, index) => ({ ...row, psf_flux_lost: onGpu.plan[index].psf_flux_lost })));
    expect(onCpu.plan.map((row) => row.convolve_method)).toEqual(['fft', 'fft', 'none', 'separable']);
    expect(plane(onCpu.convolved, 0, 2)).toEqual(plane(onCpu.lensed, 0, 2)); // no PSF in z
  });

  it('a row alone has the bits that it has in company, on either backend', async () => {
    for (const [engine, all] of [
      [gpu, onGpu],
      [cpu, onCpu],
    ] as const) {
      const alone = await renderLensed(engine, parseRows({ ...FILE, rows: [FILE.rows[1]] }));
      for (let band = 0; band < 3; band++) {
        expect(plane(alone.convolved, 0, band)).toEqual(plane(all.convolved, 1, band));
        expect(plane(alone.lensed, 0, band)).toEqual(plane(all.lensed, 1, band));
      }
      expect(alone.fluxErr[0]).toBe(all.fluxErr[1]);
    }
  }, 120_000);

  it('a PSF stamp of another row changes nothing', async () => {
    const stamp = (half: number) =>
      Array.from({ length: 2 * half + 1 }, (_, y) =>
        Array.from({ length: 2 * half + 1 }, (_v, x) => Math.exp(-((x - half) ** 2 + (y - half) ** 2) / 6)),
      );
    const row = (half: number) => ({
      ...FILE.rows[0],
      psf: Object.fromEntries(['g', 'r', 'z'].map((b) => [b, { model: 'pixel' as const, stamp: stamp(half) }])),
    });
    const alone = await renderLensed(cpu, parseRows({ ...FILE, rows: [row(7)] }));
    const inCompany = await renderLensed(cpu, parseRows({ ...FILE, rows: [row(7), row(25)] }));
    for (let band = 0; band < 3; band++) expect(plane(inCompany.convolved, 0, band)).toEqual(plane(alone.convolved, 0, band));
  });

  it('every convolution method and oversampling draws the same stamp within its error', async () => {
    const file = parseRows({ ...FILE, rows: [FILE.rows[0]] });
    for (const choice of [
      { method: 'fft' },
      { method: 'direct' },
      { method: 'separable' },
      { convolveOversample: 2 },
      { convolveOversample: 3 },
      { convolveOversample: 4 },
    ] as const) {
      const result = await renderLensed(cpu, file, choice);
      for (const band of [0, 1]) {
        expect(
          worstOfPeak(plane(result.convolved, 0, band), plane(onCpu.convolved, 0, band)),
          JSON.stringify(choice),
        ).toBeLessThan(1e-3);
      }
    }
  }, 60_000);
});
