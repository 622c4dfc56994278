/** Injected flux of 200 random rows, sampled as the rows ask for it, against the same rows sampled as finely as can be. */
import { expect, it } from 'vitest';
import { PhiloxStream, philoxKey } from '../../../src/core/rng.ts';
import { taskOf, withInjector } from '../../support/injection.ts';

const STAMP = 24;

/** Sources from 0.05 arcsec, smaller than the originals ever drew, and indices up to that of an elliptical. */
const tasks = Array.from({ length: 200 }, (_, n) => {
  const random = new PhiloxStream(philoxKey(11), [0, n, 0]);
  const theta = random.between(0.3, 1.3);
  const [radius, angle] = [0.8 * theta * Math.sqrt(random.uniform()), random.between(0, 2 * Math.PI)];
  return taskOf(n, {
    stamp_size: STAMP,
    theta_e_arcsec: theta,
    src_mag_r: random.between(20, 25),
    src_reff_arcsec: 0.05 * 10 ** random.uniform(),
    src_n: random.between(0.5, 4),
    src_e: random.between(0, 0.6),
    src_phi_rad: random.between(0, Math.PI),
    src_x_arcsec: radius * Math.cos(angle),
    src_y_arcsec: radius * Math.sin(angle),
    lens_e: random.between(0.05, 0.5),
    lens_phi_rad: random.between(0, Math.PI),
    shear: random.between(0, 0.1),
    shear_phi_rad: random.between(0, Math.PI),
    ra: n,
  });
});

it('the injected flux of every row is right within 0.5 %, and the error that a row tells is no smaller than that by much', async () => {
  const fluxes = async (keys: Record<string, unknown>) => {
    const rows = await withInjector(
      { bands: ['r'], ...keys },
      { host: [STAMP / 2 + 0.31, STAMP / 2 - 0.17], psfsize: 1.1 },
      (injector) => injector.inject(tasks),
      { backend: 'cpu', workers: 2 },
    );
    expect(rows.filter(({ metrics }) => metrics['failure'] !== null)).toEqual([]);
    return rows.map(({ metrics }) => metrics);
  };
  const asked = await fluxes({});
  const finest = await fluxes({ oversample: 16, convolve_oversample: 4 });
  const errors = asked.map((row, at) => Math.abs((row['total_injected_flux_r'] as number) / (finest[at]['total_injected_flux_r'] as number) - 1)); // biome-ignore format: one line
  expect(Math.max(...errors)).toBeLessThan(0.005);
  // Errors that a row does not tell are small ones.
  const untold = errors.filter((error, at) => error > 3 * (asked[at]['render_flux_err'] as number) + 0.001);
  expect(untold).toEqual([]);
  // Half a minute of one core, most of it for the finest sampling.
}, 180_000);
