/** Lensed, convolved stamps against fine-grid truth (vectors/stamps, inject/golden.json) and GalSim (vectors/galsim). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RowsInput } from '../../src/pipelines/injection/rows.ts';
import { drawOnCpu, plane, total, worstOfPeak } from '../support/draw.ts';
import { readNpz } from '../support/npz.ts';
import { hasShared, shared } from '../support/shared.ts';

const read = (rel: string) => JSON.parse(readFileSync(shared(rel), 'utf8'));
const BANDS = ['g', 'r', 'z'] as const;
type PerBand = Record<(typeof BANDS)[number], number>;

interface StampCase {
  file: string;
  theta_e: number;
  q: number;
  phi: number;
  g: number;
  gphi: number;
  reff: number;
  qs: number;
  phis: number;
  n: number;
  src_x: number;
  src_y: number;
  flux: PerBand;
  fwhm: PerBand;
  pix: number;
  moffat_beta: number;
}

function rowsOf(stamp: StampCase): RowsInput {
  const psf = (band: keyof PerBand) => ({
    model: 'moffat' as const,
    fwhm_arcsec: stamp.fwhm[band],
    beta: stamp.moffat_beta,
    size_semantics: 'fwhm' as const,
    includes_pixel: false,
  });
  return {
    grid: { size: 64, pixscale_arcsec: stamp.pix },
    bands: [...BANDS],
    rows: [
      {
        lens: {
          model: 'SIE',
          theta_e_arcsec: stamp.theta_e,
          q: stamp.q,
          phi_rad: stamp.phi,
          gamma1: stamp.g * Math.cos(2 * stamp.gphi),
          gamma2: stamp.g * Math.sin(2 * stamp.gphi),
        },
        source: {
          model: 'sersic',
          n: stamp.n,
          r_eff_arcsec: stamp.reff,
          q: stamp.qs,
          phi_rad: stamp.phis,
          x_arcsec: stamp.src_x,
          y_arcsec: stamp.src_y,
          flux: stamp.flux,
        },
        psf: { g: psf('g'), r: psf('r'), z: psf('z') },
      },
    ],
  };
}

describe.skipIf(!hasShared)('lensed stamps (needs ../shared/vectors/stamps)', () => {
  const cases: StampCase[] = hasShared ? read('vectors/stamps/cases.json').cases : [];
  for (const stamp of cases) {
    it(`${stamp.file}: n ${stamp.n}, r_eff ${stamp.reff}: 1e-3 of the peak and 5e-4 of the flux in every band`, async () => {
      const truth = readNpz(shared(`vectors/stamps/${stamp.file}`));
      const result = await drawOnCpu(rowsOf(stamp));
      BANDS.forEach((band, index) => {
        const drawn = plane(result.convolved, 0, index);
        const wanted = truth[`truth_${band}`].data;
        expect(worstOfPeak(drawn, wanted), band).toBeLessThan(1e-3);
        expect(Math.abs(total(drawn) / total(wanted) - 1), band).toBeLessThan(5e-4);
      });
      const unit = Float64Array.from(plane(result.lensed, 0, 1), (value) => value / stamp.flux.r);
      expect(worstOfPeak(unit, truth.truth_noconv_unitflux.data)).toBeLessThan(1e-3);
    });
  }

  it('is nearer to the truth than lenstronomy at five times the sampling', async () => {
    for (const stamp of cases) {
      const truth = readNpz(shared(`vectors/stamps/${stamp.file}`));
      const result = await drawOnCpu(rowsOf(stamp));
      const ours = worstOfPeak(plane(result.convolved, 0, 1), truth.truth_r.data);
      expect(3 * ours).toBeLessThan(worstOfPeak(truth.lenstronomy_ss5_superconvfull_r.data, truth.truth_r.data));
    }
  });
});

interface GalsimCase {
  n: number;
  re: number;
  q: number;
  phi: number;
  x: number;
  y: number;
  flux: number;
  fwhm: number;
  beta: number;
  arrays: [string, string, string];
}

describe.skipIf(!hasShared)('GalSim stamps (needs ../shared/vectors/galsim)', () => {
  const cases: GalsimCase[] = hasShared ? read('vectors/galsim/cases.json').cases : [];
  for (const galsim of cases) {
    it(`n ${galsim.n}, r_eff ${galsim.re}, with the pixel and without: 1e-3 of the peak`, async () => {
      const stamps = readNpz(shared('vectors/galsim/stamps.npz'));
      const { n, re, q, phi, x, y, flux, fwhm, beta } = galsim;
      const psf = (includes: boolean) => ({
        r: { model: 'moffat' as const, fwhm_arcsec: fwhm, beta, size_semantics: 'fwhm' as const, includes_pixel: includes },
      });
      const source = {
        model: 'sersic' as const,
        n,
        r_eff_arcsec: re,
        q,
        phi_rad: phi,
        x_arcsec: x,
        y_arcsec: y,
        flux: { r: flux },
      };
      const rows = [false, true].map((includes) => ({ lens: null, source, psf: psf(includes) }));
      const result = await drawOnCpu({ grid: { size: 64, pixscale_arcsec: 0.262 }, bands: ['r'], rows });
      for (const row of [0, 1]) {
        const wanted = stamps[galsim.arrays[row]].data;
        expect(worstOfPeak(plane(result.convolved, row, 0), wanted)).toBeLessThan(1e-3);
        expect(Math.abs(total(plane(result.convolved, row, 0)) / total(wanted) - 1)).toBeLessThan(5e-4);
      }
    });
  }
});
