/** The rows file of the README and of the command's help: every kind of PSF key once. */
import type { RowsInput } from '../../src/pipelines/injection/rows.ts';

export const exampleRows = (): RowsInput => ({
  grid: { size: 64, pixscale_arcsec: 0.262 },
  bands: ['g', 'r', 'z'],
  rows: [
    {
      lens: {
        model: 'SIE',
        theta_e_arcsec: 1.1,
        theta_e_convention: 'product',
        q: 0.7,
        phi_rad: 0.3,
        x_arcsec: 0,
        y_arcsec: 0,
        gamma1: 0.02,
        gamma2: -0.01,
        kappa_ext: 0,
      },
      source: {
        model: 'sersic',
        n: 1,
        r_eff_arcsec: 0.2,
        r_eff_convention: 'major',
        q: 0.8,
        phi_rad: 1.0,
        x_arcsec: 0.1,
        y_arcsec: -0.05,
        flux: { g: 1, r: 1, z: 1 },
      },
      psf: {
        g: { model: 'moffat', fwhm_arcsec: 1.3, beta: 3.5, size_semantics: 'fwhm', includes_pixel: false },
        r: { model: 'gaussian', fwhm_arcsec: 1.2 },
        z: { model: 'none' },
      },
    },
  ],
});
