/** The reference cases of effective PSFs: photutils' results for simulated mosaics. */
import { readFileSync } from 'node:fs';
import type { StarCutout } from '../../src/sky/epsf/index.ts';
import { readNpz } from './npz.ts';
import { shared } from './shared.ts';

export interface EpsfCase {
  readonly oversampling: number;
  readonly maxIterations: number;
  readonly box: number;
  readonly fwhm: number;
  readonly stars: StarCutout[];
  /** First pixel of each cutout in the mosaic. */
  readonly origins: [x: number, y: number][];
  readonly trueXy: [number, number][];
  readonly fitXy: [number, number][];
  readonly fitFlux: number[];
  readonly trueFlux: number[];
  /** photutils' grid, and the pixel-integrated truth (sum 1), each square. */
  readonly epsf: Float64Array;
  readonly truth: Float64Array;
}

export function epsfCase(which: number): EpsfCase {
  const row = JSON.parse(readFileSync(shared('vectors/epsf/cases.json'), 'utf8')).cases[which];
  const arrays = readNpz(shared(`vectors/epsf/${row.file}`));
  const width = arrays['mosaic'].shape[1];
  const { size, noise } = row;
  const origins: [number, number][] = [];
  const stars = row.init_xy.map(([x, y]: [number, number]) => {
    const x0 = Math.ceil(x - size / 2);
    const y0 = Math.ceil(y - size / 2);
    origins.push([x0, y0]);
    const data = new Float64Array(size * size).map(
      (_, k) => arrays['mosaic'].data[(y0 + Math.floor(k / size)) * width + x0 + (k % size)],
    );
    return { data, weight: new Float64Array(size * size).fill(1 / noise ** 2), size, x: x - x0, y: y - y0 };
  });
  return {
    oversampling: row.ov,
    maxIterations: row.maxiters,
    box: row.box,
    fwhm: row.fwhm,
    stars,
    origins,
    trueXy: row.true_xy,
    fitXy: row.fit_xy,
    fitFlux: row.fit_flux,
    trueFlux: row.true_flux,
    epsf: arrays['epsf'].data as Float64Array,
    truth: arrays['truth_psf_native'].data as Float64Array,
  };
}
